"""Every trap of the libraries that the reference measurements name: what the library does, and what we do instead.

Counts are typed; nothing skips. The numbers of the tests are those of the list in measurement.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from audits.cells import read_cells
from audits.composite import composites
from audits.crosscheck import aif360_value, classification_metric, crosscheck, quiet_import
from audits.disaggregate import disaggregate, fairlearn_rates
from audits.disparity import disparities
from audits.family import false_discovery
from audits.groups import Group, groups_of
from audits.inequality import generalized_entropy
from audits.intervals import koopman, newcombe
from audits.metrics import METRICS
from audits.plan import MEDIAN, AuditPlan, Bound, Comparison, Score, SensitiveFeature
from audits.result import UNKNOWN, Cell, Cells, Disparity, GroupEstimate, Verdict
from audits.run import audit_cells
from audits.stratified import conditional_disparity
from audits.verdicts import bound_crossed
from governance.errors import MeasurementError

RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("group", "group"),),
    bounds=(
        Bound("selection_rate", RATIO, 0.8),
        Bound("demographic_parity", RATIO, 0.8),
        Bound("equalized_odds", DIFFERENCE, 0.1),
    ),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)
Counts = tuple[int, ...]

# (true positives, false positives, true negatives, false negatives) of ProPublica's "not Low".
COMPAS = {"African-American": (1369, 805, 990, 532), "Caucasian": (505, 349, 1139, 461)}


def table(groups: Mapping[str, Counts], *, good: bool = True) -> Cells:
    """From the confusion counts of each group; `good` False: what is predicted is the unfavourable outcome."""
    kinds = ((True, True), (False, True), (False, False), (True, False))
    cells = tuple(
        Cell((level,), outcome is good, prediction is good, n)
        for level, counts in groups.items()
        for (outcome, prediction), n in zip(kinds, counts, strict=True)
        if n
    )
    return Cells(("group",), cells, sum(cell.n for cell in cells), "sha256:data", "typed")


def chosen(**groups: tuple[int, int]) -> Cells:
    """From (selected, all) of each group; the outcome plays no part."""
    return table({level: (0, k, n - k, 0) for level, (k, n) in groups.items()})


def rows_of(cells: Cells) -> pd.DataFrame:
    rows = [(cell.levels[0], int(cell.outcome), int(cell.prediction)) for cell in cells.cells for _ in range(cell.n)]
    return pd.DataFrame(rows, columns=["group", "hired", "predicted"])


def estimate(cells: Cells, metric: str, group: str) -> GroupEstimate:
    return next(e for e in disaggregate(cells, PLAN) if (e.metric, e.group) == (metric, (group,)))


def compared(cells: Cells, name: str, plan: AuditPlan = PLAN) -> dict[str, Disparity]:
    """Group ("" for the worst case) -> disparity."""
    found = disparities(disaggregate(cells, plan), plan)
    return {"".join(item.group): item for item in found if item.name == name}


def groups(cells: Cells) -> tuple[Group, ...]:
    return groups_of(cells, PLAN, ("group",))


# --- traps 1 to 4: fairlearn on nothing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "counts", "reason"),
    [
        ("true_positive_rate", (0, 20, 80, 0), "no favourable outcomes in this group"),
        ("false_positive_rate", (40, 0, 0, 60), "no unfavourable outcomes in this group"),
        ("positive_predictive_value", (0, 0, 50, 50), "nobody selected in this group"),
    ],
)
def test_trap_1_fairlearn_gives_zero_for_a_rate_of_nothing(metric: str, counts: Counts, reason: str) -> None:
    cells = table({"a": (30, 10, 50, 10), "b": counts})
    assert fairlearn_rates(groups(cells))[("b",), metric] == 0.0
    found = estimate(cells, metric, "b")
    assert (found.value, found.n, found.interval, found.reason) == (None, 0, None, reason)


def test_trap_1_fairlearn_makes_an_equalized_odds_difference_of_1_from_nothing() -> None:
    from fairlearn.metrics import equalized_odds_difference

    cells = table({"a": (40, 5, 45, 0), "b": (0, 5, 45, 0)})
    rows = rows_of(cells)
    assert equalized_odds_difference(rows["hired"], rows["predicted"], sensitive_features=rows["group"]) == 1.0
    found = compared(cells, "equalized_odds_difference")[""]
    assert (found.value, found.verdict) == (None, Verdict.NOT_ESTIMABLE)
    assert "group=b: no favourable outcomes in this group" in found.reason


def test_trap_2_fairlearn_raises_on_missing_sensitive_values() -> None:
    from fairlearn.metrics import MetricFrame, selection_rate

    data = rows_of(table({"a": (30, 10, 50, 10), "b": (20, 10, 60, 10)}))
    data.loc[data.index[:40], "group"] = None
    with pytest.raises(ValueError, match="contains missing values"):
        MetricFrame(
            metrics=selection_rate,
            y_true=data["hired"],
            y_pred=data["predicted"],
            sensitive_features=data["group"],
        )
    cells = read_cells(data, PLAN, data_digest="d")
    shown = estimate(cells, "selection_rate", UNKNOWN)
    assert (shown.size, shown.counted, shown.reason) == (40, False, "the sensitive value is unknown")
    found = disparities(disaggregate(cells, PLAN), PLAN)
    assert found and all(UNKNOWN not in item.group + item.reference for item in found)


def test_trap_2_with_every_value_missing_nothing_is_measured() -> None:
    data = rows_of(chosen(a=(50, 100))).assign(group=pd.Series([None] * 100, dtype="str"), hired=[0, 1] * 50)
    with pytest.raises(MeasurementError, match="has no value in any row"):
        read_cells(data, PLAN, data_digest="d")


def test_trap_3_nobody_selected_is_nan_in_fairlearn_and_never_passes_here() -> None:
    from fairlearn.metrics import demographic_parity_ratio

    cells = table({"a": (0, 0, 500, 500), "b": (0, 0, 300, 700)})
    rows = rows_of(cells)
    with np.errstate(invalid="ignore"):
        library = demographic_parity_ratio(rows["hired"], rows["predicted"], sensitive_features=rows["group"])
    # A gate that asks `ratio < 0.8` lets it pass.
    assert math.isnan(library) and not library < 0.8
    for name in ("impact_ratio", "demographic_parity_ratio"):
        found = compared(cells, name).values()
        assert {(item.value, item.verdict) for item in found} == {(None, Verdict.NOT_ESTIMABLE)}


def test_trap_4_a_person_alone_drives_fairlearns_worst_case_and_not_ours() -> None:
    from fairlearn.metrics import demographic_parity_difference

    cells = chosen(a=(1250, 2500), b=(1250, 2500), c=(0, 1))
    rows = rows_of(cells)
    library = demographic_parity_difference(rows["hired"], rows["predicted"], sensitive_features=rows["group"])
    assert (cells.row_count, library) == (5001, 0.5)
    found = compared(cells, "demographic_parity_difference")[""]
    assert found.value == 0.0
    assert "left out: group=c (1 rows, the plan asks for 30)" in found.reason
    assert compared(cells, "impact_ratio")["c"].verdict is Verdict.INSUFFICIENT


def test_trap_4_an_empty_intersection_is_a_row_of_nan_in_fairlearn_and_a_reason_here() -> None:
    from fairlearn.metrics import MetricFrame, selection_rate

    features = (SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race"))
    plan = replace(PLAN, sensitive_features=features, intersections=(("sex", "race"),))
    levels = [("f", "a"), ("m", "a"), ("m", "b")]
    data = pd.DataFrame([(*pair, at % 2, at % 3 == 0) for pair in levels for at in range(200)])
    data.columns = ["sex", "race", "hired", "predicted"]
    data = data.astype({"predicted": int})
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=data["hired"],
        y_pred=data["predicted"],
        sensitive_features=data[["sex", "race"]],
    )
    assert math.isnan(frame.by_group["f", "b"])
    found = disaggregate(read_cells(data, plan, data_digest="d"), plan)
    empty = next(e for e in found if e.group == ("f", "b"))
    assert (empty.size, empty.value, empty.counted, empty.reason) == (0, None, False, "no rows in this group")


# --- traps 5 and 6: aif360 --------------------------------------------------------------------------------------------


def test_trap_5_generalised_entropy_with_alpha_0_is_wrong_in_aif360_and_not_offered_here() -> None:
    with quiet_import():
        from aif360.sklearn.metrics import generalized_entropy_index

    benefits = np.array([1.0, 2.0])
    exact = -float(np.mean(np.log(benefits / benefits.mean())))
    assert exact == pytest.approx(0.0589, abs=5e-5)
    assert generalized_entropy_index(benefits, alpha=0) == pytest.approx(0.0393, abs=5e-5)
    assert generalized_entropy(np.ones(2), benefits) == pytest.approx(generalized_entropy_index(benefits, alpha=2))
    found = composites(table(COMPAS), PLAN)
    assert {item.at for item in found if "entropy" in item.metric or "theil" in item.metric} == {
        "alpha = 1",
        "alpha = 2",
    }


def test_trap_5_aif360s_consistency_counts_the_point_itself_and_is_not_offered_here() -> None:
    with quiet_import():
        from aif360.sklearn.metrics import consistency_score

    # Everybody's nearest other point has the other prediction, and yet nothing could be more consistent.
    assert consistency_score(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 1, 0, 1]), n_neighbors=1) == 1.0
    named = {item.metric for item in composites(table(COMPAS), PLAN)} | METRICS.keys()
    assert not any("consistency" in name for name in named)


def test_trap_5_conditional_disparity_is_that_of_the_strata_and_not_aif360s() -> None:
    """Clarify: sum over strata of n_i / n * (share of the rejected - share of the accepted)."""
    with quiet_import():
        from aif360.sklearn.metrics import conditional_demographic_disparity

    counts = {("a", "x"): (60, 40), ("b", "x"): (30, 70), ("a", "y"): (10, 90), ("b", "y"): (20, 180)}
    cells = Cells(
        ("group",),
        tuple(
            Cell(levels, prediction, prediction, n)
            for levels, (accepted, rejected) in counts.items()
            for prediction, n in ((True, accepted), (False, rejected))
        ),
        500,
        "sha256:data",
        "typed",
        controls=("department",),
    )
    expected = (200 * (40 / 110 - 60 / 90) + 300 * (90 / 270 - 10 / 30)) / 500
    found = {item.group: item.value for item in conditional_disparity(cells, PLAN)}
    assert found[("a",)] == pytest.approx(expected)
    rows = [(levels[0], int(k < accepted)) for levels, (accepted, n) in counts.items() for k in range(accepted + n)]
    data = pd.DataFrame(rows, columns=["group", "chosen"]).set_index("group")
    library = conditional_demographic_disparity(data["chosen"], prot_attr="group")
    assert abs(library - expected) > 0.05


def test_trap_6_which_odds_difference_of_the_libraries_is_which_of_ours() -> None:
    """COMPAS: fairlearn worst case = aif360 equalized_odds_difference; fairlearn mean = aif360 average_abs."""
    from fairlearn.metrics import equalized_odds_difference

    cells = table(COMPAS)
    african, caucasian = groups(cells)
    library, rows = classification_metric(african, caucasian), rows_of(cells)
    odds = {
        agg: equalized_odds_difference(rows["hired"], rows["predicted"], sensitive_features=rows["group"], agg=agg)
        for agg in ("worst_case", "mean")
    }
    ours = {item.metric: item.value for item in composites(cells, PLAN)}
    worst = compared(cells, "equalized_odds_difference")[""].value
    assert worst == pytest.approx(odds["worst_case"]) == pytest.approx(abs(library.equalized_odds_difference()))
    assert worst == pytest.approx(0.2139, abs=5e-5)
    mean = ours["equalized_odds_mean_difference"]
    assert mean == pytest.approx(odds["mean"]) == pytest.approx(library.average_abs_odds_difference())
    assert mean == pytest.approx(ours["average_absolute_odds_difference"]) == pytest.approx(0.2056, abs=5e-5)


def test_trap_6_a_signed_mean_of_two_gaps_may_cancel_to_nothing() -> None:
    cells = table({"a": (80, 20, 80, 20), "b": (60, 40, 60, 40)})
    a, b = groups(cells)
    assert classification_metric(a, b).average_odds_difference() == pytest.approx(0.0)
    ours = {item.metric: item.value for item in composites(cells, PLAN)}
    assert ours["average_odds_difference"] == pytest.approx(0.0)
    assert ours["average_absolute_odds_difference"] == pytest.approx(0.2)
    assert compared(cells, "equalized_odds_difference")[""].value == pytest.approx(0.2)


# --- traps 7 to 9: ties, rounding, multiplicity -----------------------------------------------------------------------

# COMPAS: rows with decile 1 to 10.
DECILES = {
    "African-American": (398, 393, 346, 385, 365, 384, 400, 359, 380, 286),
    "Caucasian": (681, 361, 273, 285, 241, 194, 143, 114, 98, 64),
    "others": (361, 187, 128, 99, 75, 63, 49, 39, 30, 33),
}


@pytest.mark.parametrize(("cutoff", "rates"), [(MEDIAN, (0.588, 0.348)), (4.0, (0.692, 0.464))])
def test_trap_7_the_scoring_rate_is_strictly_above_the_median_of_everybody(
    cutoff: float | str, rates: tuple[float, float]
) -> None:
    """The median is 4: strictly above it is what 6 RCNY 5-300 says, at or above it is another number."""
    rows = [(race, decile + 1) for race, counts in DECILES.items() for decile, n in enumerate(counts) for _ in range(n)]
    data = pd.DataFrame(rows, columns=["group", "decile"])
    plan = replace(PLAN, label=None, favourable="true", prediction=None, score=Score(1, 10, "decile", cutoff))
    cells = read_cells(data, plan, data_digest="d")
    found = {e.group[0]: e.value for e in disaggregate(cells, plan) if e.metric == "selection_rate"}
    assert (found["African-American"], found["Caucasian"]) == pytest.approx(rates, abs=5e-4)


def test_trap_7_rows_of_unknown_groups_are_in_the_median() -> None:
    data = pd.DataFrame({"group": ["a"] * 50 + ["b"] * 50 + [None] * 100, "s": [1.0] * 50 + [2.0] * 50 + [3.0] * 100})
    plan = replace(PLAN, label=None, favourable="true", prediction=None, score=Score(0, 10, "s", MEDIAN))
    cells = read_cells(data, plan, data_digest="d")
    # Without the unknown rows the median is 1.5, and everybody in b is above it.
    assert {cell.levels[0] for cell in cells.cells if cell.prediction} == {UNKNOWN}


def test_trap_8_four_fifths_is_decided_on_integers() -> None:
    assert (2 / 3) / (5 / 6) < 0.8  # on floats this is below four fifths, which it is exactly
    assert not bound_crossed((20, 30), (25, 30), RATIO, 0.8)
    assert not bound_crossed((48, 100), (60, 100), RATIO, 0.8)
    assert round(4799 / 6000, 2) == 0.80  # on rounded values this one is not
    assert bound_crossed((4799, 10_000), (6000, 10_000), RATIO, 0.8)
    at, below = (compared(chosen(a=(k, 10_000), b=(6000, 10_000)), "impact_ratio")["a"] for k in (4800, 4799))
    assert (at.value, at.verdict) == (0.8, Verdict.WATCH)
    assert below.verdict is Verdict.ADVERSE


def test_trap_9_benjamini_hochberg_with_argsort_for_ranks_is_another_procedure() -> None:
    """A popular scanner's ranks are the order's positions: with 2,000 lists of 8 it often decides otherwise."""
    generator = np.random.default_rng(1)
    level, differ = 0.05, 0
    for _ in range(2_000):
        p = generator.beta(0.3, 2, 8)
        by_definition = _step_up(p, level)
        assert [value <= level for value in false_discovery(p.tolist())] == list(by_definition)
        ranks = np.argsort(p) + 1
        differ += bool((by_definition != (p <= level * ranks / len(p))).any())
    assert differ > 500


def _step_up(p: np.ndarray, level: float) -> np.ndarray:
    """Benjamini and Hochberg 1995: reject the k smallest, k the largest with p_(k) <= level * k / m."""
    ordered = np.sort(p)
    below = [k for k in range(1, len(p) + 1) if ordered[k - 1] <= level * k / len(p)]
    return p <= ordered[max(below) - 1] if below else np.zeros(len(p), dtype=bool)


def test_trap_9_nothing_significant_is_no_error() -> None:
    assert false_discovery([0.9, 0.8, 0.95]) == pytest.approx((0.95, 0.95, 0.95))
    assert false_discovery([]) == ()


# --- traps 10 and 11: intervals in statsmodels ------------------------------------------------------------------------


def test_trap_10_the_score_interval_of_a_difference_raises_in_statsmodels() -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    with pytest.raises(ValueError):
        confint_proportions_2indep(9, 10, 3, 10, compare="diff", method="score")
    found = newcombe(9, 10, 3, 10)
    assert found is not None and found.upper is not None
    # Newcombe 1998b, method 10, written out with Wilson's limits of 9/10 and 3/10.
    low1, high1, low2, high2 = 0.595850, 0.982124, 0.107789, 0.603222
    assert found.lower == pytest.approx(0.6 - math.hypot(0.9 - low1, high2 - 0.3), abs=1e-5)
    assert found.upper == pytest.approx(0.6 + math.hypot(high1 - 0.9, 0.3 - low2), abs=1e-5)


@pytest.mark.parametrize(("group", "reference"), [((20, 20), (19, 20)), ((100, 100), (99, 100))])
def test_trap_11_koopman_in_statsmodels_excludes_1_where_fisher_finds_nothing(group: Counts, reference: Counts) -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    with np.errstate(all="ignore"):
        low, _ = confint_proportions_2indep(*group, *reference, compare="ratio", method="score", correction=False)
    assert low > 1
    rows = [[k, n - k] for k, n in (group, reference)]
    assert fisher_exact(rows).pvalue == pytest.approx(1.0)
    found = koopman(*group, *reference)
    assert found is not None and found.upper is not None
    assert found.lower < 1 < found.upper
    judged = compared(chosen(a=(group[0], group[1]), b=(reference[0], reference[1])), "impact_ratio").values()
    assert all(item.verdict is not Verdict.ADVERSE for item in judged)


def test_trap_11_koopman_where_both_rates_are_100_percent_or_0() -> None:
    whole = koopman(20, 20, 20, 20)
    assert whole is not None and whole.upper is not None
    assert whole.lower < 1 < whole.upper
    assert whole.lower * whole.upper == pytest.approx(1)
    assert koopman(0, 10, 0, 10) is None


# --- trap 12: two libraries agree on a false number -------------------------------------------------------------------


def test_trap_12_aif360_gives_minus_1_where_there_are_no_positives() -> None:
    with quiet_import():
        from aif360.sklearn.metrics import equal_opportunity_difference

    cells = table({"a": (40, 5, 45, 0), "b": (0, 5, 45, 0)})
    rows = rows_of(cells).set_index("group")
    with pytest.warns(match="Recall is ill-defined"):
        said = equal_opportunity_difference(rows["hired"], rows["predicted"], prot_attr="group", priv_group="a")
    rates = fairlearn_rates(groups(cells))
    assert said == -1.0 == rates[("b",), "true_positive_rate"] - rates[("a",), "true_positive_rate"]
    found = disparities(disaggregate(cells, PLAN), PLAN)
    silent = [item for item in found if item.metric in ("true_positive_rate", "equalized_odds")]
    assert silent and all((item.value, item.verdict) == (None, Verdict.NOT_ESTIMABLE) for item in silent)
    assert crosscheck(cells, PLAN, found) == sum(bool(item.group and item.value is not None) for item in found)


def test_trap_12_with_nobody_selected_aif360_gives_0_and_fairlearn_nan() -> None:
    from fairlearn.metrics import demographic_parity_ratio

    with quiet_import():
        from aif360.sklearn.metrics import disparate_impact_ratio

    cells = table({"a": (0, 0, 50, 50), "b": (0, 0, 30, 70)})
    rows = rows_of(cells)
    by_group = rows.set_index("group")
    with pytest.warns(match="Ratio is ill-defined"):
        said = disparate_impact_ratio(by_group["hired"], by_group["predicted"], prot_attr="group", priv_group="a")
    with np.errstate(invalid="ignore"):
        library = demographic_parity_ratio(rows["hired"], rows["predicted"], sensitive_features=rows["group"])
    assert said == 0.0 and math.isnan(library)
    ours = list(compared(cells, "impact_ratio").values())
    assert ours and all((item.value, item.verdict) == (None, Verdict.NOT_ESTIMABLE) for item in ours)


def test_trap_12_aif360_puts_all_other_groups_together_and_we_compare_pairs() -> None:
    cells = table({"a": (300, 100, 500, 100), "b": (100, 100, 700, 100), "c": (10, 0, 900, 90)})
    a, b, c = groups(cells)
    both = replace(b, rows=b.rows + c.rows)
    assert aif360_value(classification_metric(both, a), "selection_rate", RATIO) == pytest.approx(0.2625)
    found = compared(cells, "impact_ratio")
    assert {level: item.value for level, item in found.items()} == {"b": 0.5, "c": pytest.approx(0.025)}


# --- conventions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flagged_is_good", "reference", "ratio"),
    [(True, "African-American", 0.5916), (False, "Caucasian", 0.6316), (True, "Caucasian", 1.6902)],
)
def test_convention_one_confusion_table_has_three_impact_ratios_by_direction_alone(
    flagged_is_good: bool, reference: str, ratio: float
) -> None:
    plan = replace(PLAN, sensitive_features=(SensitiveFeature("group", "group", reference=reference),))
    found = compared(table(COMPAS, good=flagged_is_good), "impact_ratio", plan)
    assert [item.value for item in found.values()] == [pytest.approx(ratio, abs=5e-5)]
    # Whoever is declared as the reference, the disparity does not go away.
    assert [item.verdict for item in found.values()] == [Verdict.ADVERSE]


def test_convention_the_reference_is_chosen_after_groups_too_small_are_set_aside() -> None:
    """A well-known product reports 0.375, 0.3625 and 0.35 here, and three flags."""
    cells = chosen(White=(300, 1000), Black=(290, 1000), Asian=(280, 1000), Others=(4, 5))
    found = compared(cells, "impact_ratio")
    assert {item.reference for item in found.values()} == {("White",)}
    large = {level: item for level, item in found.items() if level != "Others"}
    assert {level: round(item.value or 0, 3) for level, item in large.items()} == {"Black": 0.967, "Asian": 0.933}
    result = audit_cells(PLAN, cells)
    assert result.with_verdict(Verdict.ADVERSE) == result.with_verdict(Verdict.WATCH) == ()
    rated = {"White": 1.0, **{level: item.value for level, item in large.items()}}
    assert [round(rated[level] or 0, 3) for level in ("White", "Black", "Asian")] == [1.000, 0.967, 0.933]


def test_convention_three_of_twenty_against_one_of_ten_is_insufficient_evidence() -> None:
    found: Any = compared(chosen(a=(3, 20), b=(1, 10)), "impact_ratio")["b"]
    assert (round(found.value, 3), found.verdict) == (0.667, Verdict.INSUFFICIENT)
    assert (found.interval.lower, found.interval.upper) == pytest.approx((0.100, 3.961), abs=5e-4)
