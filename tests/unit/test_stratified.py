"""Strata: Simpson's paradox on published counts, Mantel-Haenszel against libraries, and what strata cannot say."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import UNKNOWN, Cell, Cells, Disparity, Verdict
from audits.stratified import Stratum, conditional_disparity, mantel_haenszel, stratified

PLAN = AuditPlan(
    model="admission",
    label=None,
    favourable="admitted",
    sensitive_features=(SensitiveFeature("sex", "sex"),),
    control_features=(SensitiveFeature("department", "department"),),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)

# Admissions to Berkeley, fall 1973, six largest departments: (admitted, rejected) of men and of women.
# Bickel, Hammel and O'Connell, Science 187 (1975); the data set UCBAdmissions of R.
BERKELEY = {
    "A": ((512, 313), (89, 19)),
    "B": ((353, 207), (17, 8)),
    "C": ((120, 205), (202, 391)),
    "D": ((138, 279), (131, 244)),
    "E": ((53, 138), (94, 299)),
    "F": ((22, 351), (24, 317)),
}


def cells_of(strata: dict[str, tuple[tuple[int, int], tuple[int, int]]], weight: float | None = None) -> Cells:
    found = tuple(
        Cell(
            (sex, stratum),
            outcome=False,
            prediction=selected,
            n=n,
            w=None if weight is None else n * weight,
            w2=None if weight is None else n * weight**2,
        )
        for stratum, counted in strata.items()
        for sex, counts in zip(("men", "women"), counted, strict=True)
        for selected, n in zip((True, False), counts, strict=True)
        if n
    )
    return Cells(
        ("sex",), found, sum(c.n for c in found), "sha256:data", "typed", ("department",), weighted=weight is not None
    )


def pair(verdict: Verdict = Verdict.ADVERSE, bound: float | None = 0.8, metric: str = "selection_rate") -> Disparity:
    return Disparity(
        "impact_ratio", metric, Comparison.RATIO, ("sex",), ("women",), ("men",), 0.7, None, bound, verdict, ""
    )


def test_simpson_berkeley_admits_women_less_often_and_no_less_often_in_any_department_but_two() -> None:
    (found,) = stratified(cells_of(BERKELEY), PLAN, [pair()])
    assert (found.control, found.group, found.reference, found.strata, found.left_out) == (
        "department",
        ("women",),
        ("men",),
        6,
        0,
    )
    assert found.crude == pytest.approx((557 / 1835) / (1198 / 2691))
    assert found.crude is not None and found.crude < 0.8
    assert found.adjusted is not None and found.interval is not None
    # R: mantelhaen.test(UCBAdmissions, correct = FALSE): p 0.2169 (1.5246 on 1 degree of freedom).
    assert found.association_p == pytest.approx(0.2169, abs=5e-4)
    # Breslow-Day (Tarone) over the six departments: 18.8 on 5 degrees of freedom, department A stands out.
    assert found.homogeneity_p == pytest.approx(0.0021, abs=5e-4)
    assert 1 < found.adjusted < 1.15
    assert found.interval.lower < found.adjusted < (found.interval.upper or 0)


def test_conditional_disparity_of_berkeley_by_hand() -> None:
    women = next(q for q in conditional_disparity(cells_of(BERKELEY), PLAN) if q.group == ("women",))
    expected = sum(
        Fraction(sum(men) + sum(women))
        * (Fraction(women[1], men[1] + women[1]) - Fraction(women[0], men[0] + women[0]))
        for men, women in BERKELEY.values()
    ) / sum(sum(men) + sum(women) for men, women in BERKELEY.values())
    assert women.value == pytest.approx(float(expected), abs=1e-12)
    # Without strata women are 46 % of the rejected and 32 % of the accepted; within departments little is left.
    assert abs(women.value or 1) < 0.025 < 1278 / 2771 - 557 / 1755
    assert (women.metric, women.n, women.at) == ("conditional_demographic_disparity", 4526, "within department")


def test_a_stratum_without_anybody_rejected_makes_no_disparity() -> None:
    strata = {"x": ((40, 60), (20, 80)), "all in": ((50, 0), (150, 0))}
    women = next(q for q in conditional_disparity(cells_of(strata), PLAN) if q.group == ("women",))
    assert women.value == pytest.approx(80 / 140 - 20 / 60)
    assert women.at == "within department, 1 of 2 strata left out"
    assert women.n == 200
    nobody = conditional_disparity(cells_of({"all in": ((50, 0), (150, 0))}), PLAN)
    assert {(q.value, q.reason) for q in nobody} == {
        (None, "no level of department has both rejected and accepted rows")
    }


def test_unknown_levels_are_counted_in_the_strata_and_get_no_number_of_their_own() -> None:
    known = cells_of({"x": ((40, 60), (20, 80))})
    more = (Cell((UNKNOWN, "x"), outcome=False, prediction=False, n=60),)
    cells = Cells(("sex",), known.cells + more, 260, "d", "typed", ("department",))
    found = conditional_disparity(cells, PLAN)
    assert [q.group for q in found] == [("men",), ("women",)]
    assert found[1].value == pytest.approx(80 / 200 - 20 / 60)


def test_the_interval_of_greenland_and_robins_is_the_one_of_a_single_table_there() -> None:
    # One stratum: the variance of a log ratio of rates, 1/a - 1/n1 + 1/b - 1/n0 (Katz 1978).
    pooled, interval = mantel_haenszel([Stratum((30, 100), (45, 120))], 0.95)
    width = 1.959963984540054 * math.sqrt(1 / 30 - 1 / 100 + 1 / 45 - 1 / 120)
    assert pooled == pytest.approx(30 / 100 / (45 / 120))
    assert interval is not None and interval.upper is not None
    assert math.log(interval.upper / interval.lower) == pytest.approx(2 * width)


@st.composite
def tables(draw: st.DrawFn) -> list[Stratum]:
    def counted() -> tuple[int, int]:
        n = draw(st.integers(1, 200))
        return draw(st.integers(0, n)), n

    return [Stratum(counted(), counted()) for _ in range(draw(st.integers(1, 6)))]


@given(tables())
@settings(deadline=None)
def test_pooled_ratio_and_tests_are_those_of_statsmodels_where_it_has_them(strata: list[Stratum]) -> None:
    from statsmodels.stats.contingency_tables import StratifiedTable

    telling = [s for s in strata if s.informative]
    assume(telling)
    counted = {
        f"s{i}": ((s.reference[0], s.reference[1] - s.reference[0]), (s.group[0], s.group[1] - s.group[0]))
        for i, s in enumerate(strata)
    }
    (found,) = stratified(cells_of(counted), PLAN, [pair()])  # type: ignore[arg-type]
    array = [np.array([[k, n - k] for k, n in (s.group, s.reference)], dtype=float) for s in telling]
    everything = [np.array([[k, n - k] for k, n in (s.group, s.reference)], dtype=float) for s in strata]
    assert found.association_p == pytest.approx(StratifiedTable(array).test_null_odds().pvalue, abs=1e-9)
    if any(s.reference[0] for s in strata):
        assert found.adjusted == pytest.approx(StratifiedTable(everything).riskratio_pooled, rel=1e-12)
    else:
        assert found.adjusted is None and found.reason == "nobody of the reference is selected in these strata"
    lower = sum(t[0, 1] * t[1, 0] / t.sum() for t in array)
    upper = sum(t[0, 0] * t[1, 1] / t.sum() for t in array)
    if len(telling) > 1 and lower and upper and abs(upper / lower - 1) > 1e-3:
        theirs = StratifiedTable(array).test_equal_odds(adjust=True).pvalue
        assert found.homogeneity_p == pytest.approx(min(1.0, theirs), abs=1e-6)


def test_pooled_odds_of_exactly_one_are_tested_where_statsmodels_divides_zero_by_zero() -> None:
    mirrored = {"x": ((30, 70), (60, 40)), "y": ((60, 40), (30, 70))}
    (found,) = stratified(cells_of(mirrored), PLAN, [pair()])
    assert found.association_p == pytest.approx(1.0)
    assert found.homogeneity_p is not None and found.homogeneity_p < 1e-6
    assert found.adjusted == pytest.approx(1.0)


def test_strata_without_both_groups_are_left_out_and_counted() -> None:
    strata = {"x": ((40, 60), (20, 80)), "men only": ((10, 10), (0, 0)), "women only": ((0, 0), (1, 9))}
    (found,) = stratified(cells_of(strata), PLAN, [pair()])
    assert (found.strata, found.left_out) == (1, 2)
    assert found.adjusted == pytest.approx(0.5)
    assert found.crude == pytest.approx((21 / 110) / (50 / 120))
    assert found.homogeneity_p is None and found.association_p is not None


def test_no_common_stratum_gives_a_reason_and_no_number() -> None:
    (found,) = stratified(cells_of({"m": ((10, 10), (0, 0)), "w": ((0, 0), (5, 5))}), PLAN, [pair()])
    assert (found.adjusted, found.association_p, found.strata) == (None, None, 0)
    assert found.reason == "no level of department has rows of both groups"


def test_only_pairs_of_selection_rates_under_a_bound_or_flagged_are_stratified() -> None:
    cells = cells_of(BERKELEY)
    assert stratified(cells, PLAN, [pair(Verdict.NO_INDICATION, bound=None)]) == ()
    assert stratified(cells, PLAN, [pair(metric="true_positive_rate")]) == ()
    assert len(stratified(cells, PLAN, [pair(Verdict.WATCH, bound=None), pair(Verdict.NO_INDICATION)])) == 1


def test_equal_weights_change_nothing_and_count_by_their_effective_number() -> None:
    (plain,) = stratified(cells_of(BERKELEY), PLAN, [pair()])
    (weighted,) = stratified(cells_of(BERKELEY, weight=2.5), PLAN, [pair()])
    assert plain.interval is not None and weighted.interval is not None
    assert weighted.interval.lower == pytest.approx(plain.interval.lower, rel=1e-9)
    assert weighted.association_p == pytest.approx(plain.association_p, rel=1e-6)
