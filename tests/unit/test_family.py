"""The family of comparisons: Holm by hand and by library, who belongs to it, and that noise stays noise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from audits.disparity import disparities
from audits.family import false_discovery, holm
from audits.finding import Measure
from audits.intervals import wilson
from audits.metrics import METRICS
from audits.plan import AuditPlan, Bound, Comparison, Family, SensitiveFeature
from audits.power import detectable_gap, detectable_rates
from audits.result import Disparity, GroupEstimate, Verdict
from audits.significance import p_values

RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE
FOUR_FIFTHS = Bound("selection_rate", RATIO, 0.8)
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    sensitive_features=(SensitiveFeature("race", "race", reference="ref"),),
    bounds=(FOUR_FIFTHS,),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)
CHOSEN = replace(PLAN, sensitive_features=(SensitiveFeature("race", "race"),))


def estimate(
    level: str, events: int, n: int, metric: str = "selection_rate", feature: str = "race", size: int | None = None
) -> GroupEstimate:
    rows = n if size is None else size
    return GroupEstimate(
        metric=metric,
        features=(feature,),
        group=(level,),
        size=rows,
        n=n,
        events=events,
        value=events / n if n else None,
        interval=wilson(events, n),
        counted=rows >= 30,
        reason=None if rows >= 30 else f"{rows} rows, the plan asks for 30",
    )


def bounded(plan: AuditPlan, *estimates: GroupEstimate) -> list[Disparity]:
    return [item for item in disparities(estimates, plan) if item.bound is not None]


@pytest.fixture
def bounds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of audits: without what is reported beside the bounds, which is in no family."""

    def only(plan: AuditPlan) -> tuple[Measure, ...]:
        return tuple(Measure(bound.metric, bound.comparison, bound.limit) for bound in plan.bounds)

    monkeypatch.setattr("audits.disparity.measures_of", only)


def size_of(item: Disparity) -> str:
    return item.reason.split("(Holm, ")[1].split(" comparisons")[0]


def test_holm_by_hand() -> None:
    # 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1: never below the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx((0.06, 0.04, 0.06, 0.06))
    assert holm([]) == ()
    with pytest.raises(ValueError, match="a family of 1 cannot hold 2"):
        holm([0.1, 0.2], 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_holm_is_the_one_of_statsmodels_with_the_unlisted_at_one(p: list[float], unlisted: int) -> None:
    theirs = multipletests([*p, *[1.0] * unlisted], method="holm")[1][: len(p)]
    assert holm(p, len(p) + unlisted) == pytest.approx(theirs, abs=1e-12)


def test_screening_is_benjamini_and_hochberg_in_the_order_given() -> None:
    # Benjamini and Hochberg 1995 rank the p values; an argsort instead of ranks would mix these up.
    assert false_discovery([0.04, 0.01, 0.03, 0.5]) == pytest.approx((0.16 / 3, 0.04, 0.16 / 3, 0.5))
    assert false_discovery([]) == ()


def test_adjusted_p_and_the_number_of_comparisons_are_said() -> None:
    found = bounded(PLAN, estimate("ref", 500, 1000), *(estimate(f"g{i}", 300 + 60 * i, 1000) for i in range(3)))
    assert [size_of(item) for item in found] == ["3", "3", "3"]
    assert found[0].adjusted_p is not None and found[0].p is not None
    assert found[0].adjusted_p == pytest.approx(3 * found[0].p)
    assert found[2].p == found[2].adjusted_p == pytest.approx(0.0003, rel=0.9)
    assert "bound 0.8 crossed, interval excludes 1, adjusted p below 0.0001 (Holm, 3 comparisons)" in found[0].reason


def test_where_only_the_interval_excludes_the_reason_says_what_the_family_changes() -> None:
    others = [estimate(f"g{i}", 50, 100) for i in range(9)]
    found = bounded(PLAN, estimate("ref", 50, 100), estimate("low", 35, 100), *others)[0]
    assert found.p is not None and found.p < 0.05 < (found.adjusted_p or 0)
    assert found.interval is not None and (found.interval.upper or 9) < 1
    assert found.verdict is Verdict.WATCH
    assert found.reason.endswith(
        "; bound 0.8 crossed, interval excludes 1 when looked at alone; among 10 comparisons chance alone often shows"
        " one as large: adjusted p 0.32 (Holm, 10 comparisons), above 0.05"
    )


def test_without_a_family_the_interval_decides_alone() -> None:
    plan = replace(PLAN, family=Family.NONE)
    others = [estimate(f"g{i}", 50, 100) for i in range(9)]
    found = bounded(plan, estimate("ref", 50, 100), estimate("low", 35, 100), *others)[0]
    assert (found.verdict, found.adjusted_p) == (Verdict.ADVERSE, None)
    assert found.p is not None
    assert found.reason.endswith("bound 0.8 crossed, interval excludes 1")


def test_a_family_per_feature_counts_each_feature_by_itself() -> None:
    features = (SensitiveFeature("race", "race", reference="ref"), SensitiveFeature("sex", "sex", reference="ref"))
    rows = [estimate("ref", 500, 1000, feature=name) for name in ("race", "sex")]
    rows += [estimate(f"g{i}", 400, 1000, feature="race") for i in range(4)] + [estimate("f", 400, 1000, feature="sex")]
    together = bounded(replace(PLAN, sensitive_features=features), *rows)
    apart = bounded(replace(PLAN, sensitive_features=features, family=Family.FEATURE), *rows)
    assert {size_of(item) for item in together} == {"5"}
    assert [size_of(item) for item in apart if item.features == ("race",)] == ["4"] * 4
    assert next(item.adjusted_p == item.p for item in apart if item.features == ("sex",))


def test_two_bounds_on_the_same_two_rates_are_one_comparison() -> None:
    plan = replace(PLAN, bounds=(FOUR_FIFTHS, Bound("selection_rate", DIFFERENCE, 0.1)))
    found = bounded(plan, estimate("ref", 500, 1000), *(estimate(f"g{i}", 400, 1000) for i in range(3)))
    assert len(found) == 6
    assert {size_of(item) for item in found} == {"3"}
    assert len({item.adjusted_p for item in found}) == 1


def test_a_reference_that_the_data_chose_counts_all_pairs() -> None:
    rows = [estimate(f"g{i}", 400 + i, 1000) for i in range(7)]
    assert {size_of(item) for item in bounded(CHOSEN, *rows)} == {"21"}


def test_small_groups_are_no_members_and_groups_that_cannot_be_tested_stay_in() -> None:
    rows = [estimate("ref", 50, 100, "true_positive_rate", size=200)]
    rows += [estimate("low", 30, 100, "true_positive_rate", size=200)]
    rows += [estimate("no positives", 0, 0, "true_positive_rate", size=200)]
    rows += [estimate("tiny", 1, 9, "true_positive_rate", size=9)]
    plan = replace(PLAN, bounds=(Bound("true_positive_rate", DIFFERENCE, 0.1),))
    found = {item.group[0]: item for item in bounded(plan, *rows)}
    assert size_of(found["low"]) == "2"
    assert found["low"].adjusted_p == pytest.approx(2 * (found["low"].p or 0))
    assert (found["no positives"].verdict, found["no positives"].adjusted_p) == (Verdict.NOT_ESTIMABLE, None)
    assert (found["tiny"].verdict, found["tiny"].adjusted_p) == (Verdict.INSUFFICIENT, None)


def test_too_little_evidence_hides_no_p() -> None:
    found = bounded(PLAN, estimate("ref", 900, 1000), estimate("tiny", 2, 20))[0]
    assert (found.verdict, found.p is not None and found.p < 1e-6) == (Verdict.INSUFFICIENT, True)
    assert found.reason.endswith("race=tiny has 20 rows, the plan asks for 30; by itself p below 0.0001")


@pytest.mark.usefixtures("bounds_only")
def test_900_groups_of_noise_give_no_adverse_and_the_family_holds_its_level() -> None:
    """One true rate in all groups: by itself each interval excludes 1 in 1 of 20, together nearly never."""
    generator = np.random.default_rng(20)
    sizes = generator.integers(40, 400, size=900)
    rows = [estimate(f"g{i}", int(generator.binomial(n, 0.3)), int(n)) for i, n in enumerate(sizes)]
    for plan in (CHOSEN, replace(PLAN, sensitive_features=(SensitiveFeature("race", "race", reference="g0"),))):
        alone = bounded(replace(plan, family=Family.NONE), *rows)
        together = bounded(plan, *rows)
        assert sum(item.verdict is Verdict.ADVERSE for item in alone) >= 15
        assert [item.reason for item in together if item.verdict is Verdict.ADVERSE] == []


@pytest.mark.parametrize("plan", [CHOSEN, PLAN], ids=["chosen", "declared"])
@pytest.mark.parametrize(("groups", "rate", "n"), [(3, 0.3, 100), (8, 0.1, 120), (8, 0.6, 50)])
@pytest.mark.usefixtures("bounds_only")
def test_the_chance_of_any_false_adverse_is_at_most_the_level(
    plan: AuditPlan, groups: int, rate: float, n: int
) -> None:
    """Fixed seed, 600 worlds without any difference: at most 5 % false alarms, and three standard errors (2.7 %)."""
    generator = np.random.default_rng(groups)
    wrong = 0
    for events in generator.binomial(n, rate, size=(600, groups)):
        rows = [estimate("ref" if i == 0 else f"g{i}", int(k), n) for i, k in enumerate(events)]
        wrong += any(item.verdict is Verdict.ADVERSE for item in bounded(plan, *rows))
    assert wrong / 600 <= 0.05 + 0.027


@pytest.mark.parametrize(("reference", "n"), [(0.1, 3205), (0.3, 857), (0.5, 387), (0.8, 121)])
def test_the_rows_that_see_four_fifths_are_those_of_statsmodels(reference: float, n: int) -> None:
    effect = proportion_effectsize(reference, 0.8 * reference)
    needed = NormalIndPower().solve_power(effect, power=0.8, alpha=0.05)
    assert round(needed) == n
    lower, _ = detectable_rates(n, n, reference)
    assert lower is not None and lower / reference == pytest.approx(0.8, abs=2e-3)


@settings(deadline=None)
@given(st.floats(0.02, 0.98), st.integers(20, 5000), st.integers(20, 5000), st.sampled_from([0.05, 0.05 / 21, 1e-5]))
def test_what_is_detectable_has_80_percent_power_by_statsmodels(rate: float, n1: int, n2: int, alpha: float) -> None:
    for found in detectable_rates(n1, n2, rate, alpha):
        if found is not None:
            power = NormalIndPower().power(proportion_effectsize(rate, found), n1, alpha, ratio=n2 / n1)
            assert power >= 0.8 - 1e-6


@pytest.mark.parametrize("n", [(300, 3000), (3000, 300), (200, 200), (50, 5000)])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.8])
@pytest.mark.parametrize("comparisons", [1, 20])
def test_what_is_detectable_is_seen_in_four_of_five_samples(n: tuple[int, int], rate: float, comparisons: int) -> None:
    """The arcsine alone promises 80 % and gives 66 % at 300 against 3,000 rows, rate 0.1, 20 comparisons."""
    generator = np.random.default_rng(1)
    alpha = 0.05 / comparisons
    for found in detectable_rates(*n, rate, alpha):
        if found is None or min(n) * min(found, 1 - found) < 1:
            continue  # less than one event to be expected: counts are too coarse for any power in between
        one, other = generator.binomial(n[0], found, 1000).tolist(), generator.binomial(n[1], rate, 1000).tolist()
        p = p_values([((k1, n[0]), (k2, n[1])) for k1, k2 in zip(one, other, strict=True)])
        assert np.mean([value is not None and value <= alpha for value in p]) >= 0.8 - 3 * 0.0127


def test_no_indication_says_what_would_have_been_seen_at_the_level_of_the_family() -> None:
    alone = bounded(PLAN, estimate("ref", 257, 857), estimate("g", 257, 857))[0]
    among = bounded(PLAN, estimate("ref", 257, 857), *(estimate(f"g{i}", 257, 857) for i in range(10)))[0]
    assert alone.verdict is among.verdict is Verdict.NO_INDICATION
    assert alone.detectable == pytest.approx(0.8, abs=2e-3)
    assert alone.reason.endswith("a ratio of 0.80 or less or 1.21 or more would have been seen with 80% power")
    assert among.detectable is not None and alone.detectable is not None and among.detectable < alone.detectable - 0.03
    expected, _ = detectable_rates(857, 857, 257 / 857, 0.005)
    assert among.detectable == pytest.approx((expected or 0) / (257 / 857))


def test_where_no_lower_rate_can_be_seen_a_higher_one_may_be() -> None:
    plan = replace(PLAN, bounds=(Bound("selection_rate", DIFFERENCE, 0.5),), min_events=1)
    found = bounded(plan, estimate("ref", 1, 40), estimate("g", 2, 40))[0]
    assert found.verdict is Verdict.NO_INDICATION
    assert found.detectable is not None and found.detectable > 0.1
    assert "or less" not in found.reason and "or more would have been seen" in found.reason


@pytest.mark.usefixtures("bounds_only")
def test_the_detectable_disparity_is_seen_in_four_of_five_worlds_after_holm() -> None:
    """Fixed seed, 500 worlds, the truth at the detectable ratio: power within three standard errors of 80 %."""
    n, reference, groups = 600, 0.4, 6
    lower, _ = detectable_rates(n, n, reference, 0.05 / groups)
    assert lower is not None
    generator, seen = np.random.default_rng(3), 0
    for _ in range(500):
        rows = [estimate("ref", int(generator.binomial(n, reference)), n)]
        rows += [estimate(f"g{i}", int(generator.binomial(n, lower)), n) for i in range(1)]
        rows += [estimate(f"h{i}", int(generator.binomial(n, reference)), n) for i in range(groups - 1)]
        found = next(item for item in bounded(PLAN, *rows) if item.group == ("g0",))
        seen += (found.adjusted_p or 1) <= 0.05
    assert seen / 500 >= 0.8 - 3 * (0.8 * 0.2 / 500) ** 0.5


def test_the_gap_between_any_two_groups() -> None:
    family = [(0.5, 1000.0), (0.45, 400.0), (0.4, 300.0)]
    lower, _ = detectable_rates(300, 400, 0.5, 0.05 / 3)
    assert detectable_gap([family], 0.05, DIFFERENCE) == pytest.approx(0.5 - (lower or 0))
    assert detectable_gap([family], 0.05, RATIO) == pytest.approx((lower or 0) / 0.5)
    assert detectable_gap([family, family[:1]], 0.05, RATIO) is None
    assert detectable_gap([], 0.05, RATIO) is None


@pytest.mark.parametrize("metric", METRICS)
def test_every_bounded_pair_has_a_p(metric: str) -> None:
    plan = replace(PLAN, bounds=(Bound(metric, DIFFERENCE, 0.1),))
    found = bounded(plan, estimate("ref", 50, 100, metric), estimate("g", 30, 100, metric))
    assert [item.p is not None and item.adjusted_p is not None for item in found] == [True]
