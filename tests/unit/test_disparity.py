"""Disparities from estimates made of counts: who is the reference, who takes part, and what is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from audits.disparity import disparities, reference_of
from audits.intervals import wilson
from audits.metrics import BOUND_METRICS, METRICS
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import UNKNOWN, Disparity, GroupEstimate, Verdict

FOUR_FIFTHS = Bound("selection_rate", Comparison.RATIO, 0.8)
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    sensitive_features=(SensitiveFeature("race", "race"),),
    bounds=(FOUR_FIFTHS,),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)


def estimate(level: str, events: int, n: int, metric: str = "selection_rate", size: int | None = None) -> GroupEstimate:
    """The estimate that `disaggregate` makes of these counts."""
    rows = n if size is None else size
    small = f"{rows} rows, the plan asks for 30" if rows < 30 else None
    value = events / n if n else None
    return GroupEstimate(
        metric=metric,
        features=("race",),
        group=(level,),
        size=rows,
        n=n,
        events=events,
        value=value,
        interval=wilson(events, n),
        counted=small is None and level != UNKNOWN,
        reason=small or (None if n else METRICS[metric].empty),
    )


def audited(*estimates: GroupEstimate, plan: AuditPlan = PLAN) -> tuple[Disparity, ...]:
    """The bounded disparities."""
    return tuple(item for item in disparities(estimates, plan) if item.bound is not None)


def only(found: tuple[Disparity, ...]) -> Disparity:
    assert len(found) == 1
    return found[0]


def referenced(level: str) -> AuditPlan:
    return replace(PLAN, sensitive_features=(SensitiveFeature("race", "race", reference=level),))


def bounded(*bounds: Bound) -> AuditPlan:
    return replace(PLAN, bounds=bounds)


def test_a_five_person_group_is_never_the_reference_and_flags_nobody() -> None:
    found = audited(
        estimate("White", 300, 1000),
        estimate("Black", 290, 1000),
        estimate("Asian", 280, 1000),
        estimate("Other", 4, 5),
    )
    ratios = {item.group[0]: item.value for item in found if item.verdict is not Verdict.INSUFFICIENT}
    assert {item.reference for item in found} == {("White",)}
    assert {level: round(value or 0, 3) for level, value in ratios.items()} == {"Black": 0.967, "Asian": 0.933}
    assert {item.verdict for item in found} == {Verdict.NO_INDICATION, Verdict.INSUFFICIENT}
    small = next(item for item in found if item.group == ("Other",))
    assert small.reason.endswith("race=Other has 5 rows, the plan asks for 30; by itself p 0.031")


def test_three_of_twenty_against_one_of_ten_is_insufficient_evidence() -> None:
    found = only(audited(estimate("a", 3, 20), estimate("b", 1, 10)))
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.value == pytest.approx(2 / 3)
    assert found.interval is not None
    assert (found.interval.lower, found.interval.upper) == pytest.approx((0.100, 3.961), abs=5e-4)


def test_an_adverse_disparity_says_what_was_measured() -> None:
    found = only(audited(estimate("a", 284, 1000), estimate("b", 400, 1000)))
    assert found.name == "impact_ratio"
    assert found.verdict is Verdict.ADVERSE
    assert found.reason == (
        "selection_rate ratio 0.71 (0.63 to 0.80), race=a against race=b; bound 0.8 crossed, interval excludes 1,"
        " p below 0.0001"
    )
    assert (found.n, found.events, found.min_n) == (1000, 284, 1000)


@pytest.mark.parametrize(
    ("group", "reference", "verdict"),
    [
        ((240, 1000), (400, 1000), Verdict.ADVERSE),
        ((14, 40), (20, 40), Verdict.WATCH),  # below four fifths, interval includes 1
        ((8500, 10000), (10000, 10000), Verdict.WATCH),  # interval excludes 1, above four fifths
        ((390, 1000), (400, 1000), Verdict.NO_INDICATION),
        ((10, 29), (400, 1000), Verdict.INSUFFICIENT),
        ((4, 400), (5, 400), Verdict.INSUFFICIENT),
        ((0, 1000), (500, 1000), Verdict.ADVERSE),
        ((0, 1000), (0, 1000), Verdict.NOT_ESTIMABLE),
    ],
)
def test_the_verdict_of_two_groups(group: tuple[int, int], reference: tuple[int, int], verdict: Verdict) -> None:
    assert only(audited(estimate("a", *group), estimate("b", *reference))).verdict is verdict


def test_nobody_selected_is_never_a_pass() -> None:
    plan = bounded(FOUR_FIFTHS, Bound("demographic_parity", Comparison.RATIO, 0.8))
    found = audited(estimate("a", 0, 1000), estimate("b", 0, 500), plan=plan)
    assert [(item.name, item.value, item.verdict) for item in found] == [
        ("impact_ratio", None, Verdict.NOT_ESTIMABLE),
        ("demographic_parity_ratio", None, Verdict.NOT_ESTIMABLE),
    ]


def test_exactly_four_fifths_is_not_crossed_and_just_below_is_not_shown_as_080() -> None:
    at = only(audited(estimate("a", 4800, 10_000), estimate("b", 6000, 10_000)))
    below = only(audited(estimate("a", 4799, 10_000), estimate("b", 6000, 10_000)))
    assert "ratio 0.80 (" in at.reason and "not crossed" in at.reason
    assert "ratio 0.7998 (" in below.reason and below.verdict is Verdict.ADVERSE


def test_a_declared_reference_that_falls_short_itself_is_adverse() -> None:
    found = only(audited(estimate("a", 400, 1000), estimate("b", 240, 1000), plan=referenced("b")))
    assert found.reference == ("b",)
    assert found.value == pytest.approx(400 / 240)
    assert found.verdict is Verdict.ADVERSE
    assert found.reason.endswith("the lower rate is the reference's")


def test_a_declared_reference_without_any_event_is_adverse_without_a_finite_value() -> None:
    found = only(audited(estimate("a", 500, 1000), estimate("b", 0, 1000), plan=referenced("b")))
    assert (found.value, found.verdict) == (None, Verdict.ADVERSE)
    assert found.reason.startswith("selection_rate ratio no finite value (")
    # The ratio is infinite: the difference still tells how far apart the groups are.
    assert "; no events in race=b (0 of 1,000): the difference is 0.50 (0.47 to 0.53)" in found.reason
    assert found.reason.endswith("the lower rate is the reference's")
    assert found.interval is not None and found.interval.lower > 100 and found.interval.upper is None


def test_a_declared_reference_without_any_event_and_few_elsewhere_is_no_adverse() -> None:
    found = only(audited(estimate("a", 2, 100), estimate("b", 0, 100), plan=referenced("b")))
    assert (found.value, found.verdict) == (None, Verdict.INSUFFICIENT)
    assert "0 events in a group, the plan asks for 5" in found.reason


def test_a_declared_reference_that_is_absent_or_small() -> None:
    absent = only(audited(estimate("a", 40, 100), estimate("b", 50, 100), plan=referenced("c")))
    assert absent.verdict is Verdict.NOT_ESTIMABLE
    assert "the reference race=c has no rows" in absent.reason
    small = audited(estimate("a", 40, 100), estimate("b", 5, 10), plan=referenced("b"))
    assert [item.verdict for item in small] == [Verdict.INSUFFICIENT]


@pytest.mark.parametrize("metric", ["selection_rate", "demographic_parity", "equalized_odds"])
def test_one_group_only_is_not_estimable(metric: str) -> None:
    alone = [estimate("a", 40, 100, name) for name in METRICS]
    unknown = [estimate(UNKNOWN, 40, 100, name) for name in METRICS]
    found = only(audited(*alone, *unknown, plan=bounded(Bound(metric, Comparison.DIFFERENCE, 0.1))))
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "only one group" in found.reason


def test_all_values_unknown_is_not_estimable() -> None:
    found = only(audited(estimate(UNKNOWN, 40, 100)))
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "no group has a known level" in found.reason


def test_the_unknown_level_is_never_compared() -> None:
    found = disparities([estimate("a", 40, 100), estimate("b", 50, 100), estimate(UNKNOWN, 100, 100)], PLAN)
    assert all(UNKNOWN not in item.group + item.reference for item in found)
    worst = next(item for item in found if item.name == "demographic_parity_difference")
    assert worst.value == pytest.approx(0.1)


def test_a_level_that_the_plan_lists_and_the_data_lack_is_said() -> None:
    empty = estimate("c", 0, 0)
    found = audited(estimate("a", 40, 100), estimate("b", 50, 100), empty)
    assert [(item.group[0], item.verdict) for item in found][1] == ("c", Verdict.NOT_ESTIMABLE)


def test_a_group_without_positives_gets_no_true_positive_rate() -> None:
    plan = bounded(
        Bound("true_positive_rate", Comparison.DIFFERENCE, 0.1), Bound("equalized_odds", Comparison.DIFFERENCE, 0.1)
    )
    tpr = [estimate("a", 40, 50, "true_positive_rate", 100), estimate("b", 0, 0, "true_positive_rate", 100)]
    fpr = [estimate("a", 5, 50, "false_positive_rate", 100), estimate("b", 10, 100, "false_positive_rate", 100)]
    found = audited(*tpr, *fpr, plan=plan)
    assert [(item.value, item.verdict) for item in found] == [(None, Verdict.NOT_ESTIMABLE)] * 2
    assert all("race=b: no favourable outcomes in this group" in item.reason for item in found)


def test_the_reference_of_a_rate_needs_a_denominator_that_is_large_enough() -> None:
    few = estimate("few", 3, 3, "true_positive_rate", size=400)
    many = estimate("many", 80, 100, "true_positive_rate", size=400)
    less = estimate("less", 70, 100, "true_positive_rate", size=400)
    assert reference_of([few, many, less], None, 30) == many
    assert reference_of([few], None, 30) == few
    assert reference_of([], None, 30) is None


def test_equalized_odds_shows_the_rate_that_lies_further_apart_and_names_who_is_left_out() -> None:
    plan = bounded(Bound("equalized_odds", Comparison.DIFFERENCE, 0.1))
    tpr = [
        estimate("a", 720, 1000, "true_positive_rate", 2000),
        estimate("b", 523, 1000, "true_positive_rate", 2000),
        estimate("c", 2, 2, "true_positive_rate", 5),
    ]
    fpr = [
        estimate("a", 448, 1000, "false_positive_rate", 2000),
        estimate("b", 234, 1000, "false_positive_rate", 2000),
        estimate("c", 0, 3, "false_positive_rate", 5),
    ]
    found = only(audited(*tpr, *fpr, plan=plan))
    assert found.value == pytest.approx(0.214)
    assert found.verdict is Verdict.ADVERSE
    assert found.interval is not None and found.interval.method == "inverted range"
    assert "lowest false_positive_rate race=b, highest race=a" in found.reason
    assert found.reason.endswith("left out: race=c (5 rows, the plan asks for 30)")
    assert found.corrected == pytest.approx(0.214, abs=0.005)
    assert found.p is not None
    assert found.p < 1e-6


def test_a_one_person_group_does_not_drive_the_worst_case() -> None:
    plan = bounded(Bound("demographic_parity", Comparison.DIFFERENCE, 0.1))
    found = only(audited(estimate("a", 1250, 2500), estimate("b", 1250, 2500), estimate("c", 0, 1), plan=plan))
    assert (found.value, found.verdict) == (0.0, Verdict.NO_INDICATION)


def test_a_worst_case_without_two_large_groups_is_insufficient() -> None:
    plan = bounded(Bound("demographic_parity", Comparison.DIFFERENCE, 0.1))
    found = only(audited(estimate("a", 50, 100), estimate("b", 5, 10), plan=plan))
    assert (found.value, found.verdict) == (None, Verdict.INSUFFICIENT)
    assert "fewer than two groups are large enough" in found.reason


def test_no_indication_says_what_could_have_been_seen() -> None:
    found = only(audited(estimate("a", 857 * 3 // 10, 857), estimate("b", 258, 857)))
    assert found.verdict is Verdict.NO_INDICATION
    assert found.reason.endswith("a ratio of 0.80 or less would have been seen with 80% power")


def test_without_a_bound_nothing_is_adverse() -> None:
    found = disparities([estimate("a", 0, 1000), estimate("b", 1000, 1000)], bounded())
    assert found
    assert all(item.bound is None and item.verdict is not Verdict.ADVERSE for item in found)
    assert {"impact_ratio", "selection_rate_difference", "demographic_parity_ratio"} <= {item.name for item in found}


@pytest.mark.parametrize("metric", BOUND_METRICS)
@pytest.mark.parametrize("comparison", Comparison)
def test_every_metric_takes_a_bound(metric: str, comparison: Comparison) -> None:
    rows = [estimate(level, k, 1000, name) for name in METRICS for level, k in (("a", 900), ("b", 300))]
    found = only(audited(*rows, plan=bounded(Bound(metric, comparison, 0.2 if comparison == "difference" else 0.8))))
    assert found.verdict is Verdict.ADVERSE
    assert found.interval is not None
