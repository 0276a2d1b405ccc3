"""Estimates -> disparities with their verdicts: each group against its reference, and the worst case over all.

The reference of a single sensitive feature is the one that the plan declares; otherwise, and for intersections, the
group with the highest rate, chosen after groups too small to count are set aside (`reference_of`). Small groups are
compared too, so that nobody is hidden, but the verdict is then "insufficient evidence". Unknown levels are never
compared. Intervals: Koopman for ratios, Newcombe for differences, simultaneous Wilson bounds for the worst case.
There is no correction for the number of comparisons; the result says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from audits import wording
from audits.finding import Finding, Measure, too_little
from audits.intervals import koopman, newcombe
from audits.metrics import METRICS, WORST_CASES
from audits.plan import AuditPlan, Comparison
from audits.result import UNKNOWN, Disparity, GroupEstimate, Verdict
from audits.verdicts import difference, ratio
from audits.worst_case import ONLY_ONE, over_all, worst_case


def measures_of(plan: AuditPlan) -> tuple[Measure, ...]:
    """The plan's bounds in their order, then what is always reported and has no bound."""
    bounded = [Measure(bound.metric, bound.comparison, bound.limit) for bound in plan.bounds]
    declared = {(measure.metric, measure.comparison) for measure in bounded}
    always = [Measure(metric.name, comparison) for metric in METRICS.values() for comparison in metric.comparisons]
    always += [Measure(name, comparison) for name in WORST_CASES for comparison in reversed(Comparison)]
    return (*bounded, *(item for item in always if (item.metric, item.comparison) not in declared))


def disparities(estimates: Sequence[GroupEstimate], plan: AuditPlan) -> tuple[Disparity, ...]:
    """Every measure of the plan in every comparison of the plan.

    `estimates` come from `audits.disaggregate.disaggregate` on the same plan. Raises KeyError for a bound on a metric
    that does not exist; `audits.plan_file` refuses such a plan with a sentence.
    """
    found: list[Disparity] = []
    for features in plan.comparisons():
        here = [estimate for estimate in estimates if estimate.features == features and UNKNOWN not in estimate.group]
        for measure in measures_of(plan):
            if measure.metric in WORST_CASES:
                found.append(worst_case(here, features, measure, plan))
            else:
                known = [estimate for estimate in here if estimate.metric == METRICS[measure.metric].name]
                found += _against_reference(known, features, measure, plan)
    return tuple(found)


def reference_of(known: Sequence[GroupEstimate], declared: str | None, min_n: int) -> GroupEstimate | None:
    """The group that the others are compared with, among the known groups of one metric.

    `declared`: that level, or None where it is not there. Otherwise the highest rate among the groups that count and
    whose denominator has `min_n` rows; only where there is none among groups that are too small, whose comparisons
    are then insufficient evidence. Equal rates: the larger group. None where no group has a rate.
    """
    if declared is not None:
        return next((estimate for estimate in known if estimate.group == (declared,)), None)
    rated = [estimate for estimate in known if estimate.value is not None]
    counted = [estimate for estimate in rated if estimate.counted]
    large = [estimate for estimate in counted if estimate.n >= min_n]
    return max(large or counted or rated, key=lambda e: (Fraction(e.events, e.n), e.n), default=None)


def _against_reference(
    known: Sequence[GroupEstimate], features: tuple[str, ...], measure: Measure, plan: AuditPlan
) -> Iterator[Disparity]:
    declared = _declared_reference(plan, features)
    reference = reference_of(known, declared, plan.min_group_size)
    present = [estimate for estimate in known if estimate.size]
    # A level that the plan lists and the data lack is said; an empty intersection is only listed as a group.
    others = [item for item in (known if len(features) == 1 else present) if item is not reference]
    if len(present) < 2:
        why = ONLY_ONE if present else "no group has a known level"
        yield from _nothing_to_compare(features, measure, why)
    elif reference is None or not reference.size:
        absent = f"the reference {features[0]}={declared} has no rows"
        yield from _nothing_to_compare(features, measure, absent if declared else METRICS[measure.metric].empty)
    else:
        yield from (_pair(estimate, reference, measure, plan) for estimate in others)


def _declared_reference(plan: AuditPlan, features: tuple[str, ...]) -> str | None:
    if len(features) > 1:
        return None
    return next(feature.reference for feature in plan.sensitive_features if feature.name == features[0])


def _pair(group: GroupEstimate, reference: GroupEstimate, measure: Measure, plan: AuditPlan) -> Disparity:
    finding = _finding(group, reference, measure, plan)
    tail = ""
    if (
        finding.verdict in (Verdict.ADVERSE, Verdict.WATCH)
        and finding.crossed
        and (group.value or 0) > (reference.value or 0)
    ):
        tail = "; the lower rate is the reference's"
    elif finding.verdict is Verdict.NO_INDICATION:
        tail = wording.detectable(group, reference, measure.comparison, plan.confidence)
    return Disparity(
        name=measure.name,
        metric=measure.metric,
        comparison=measure.comparison,
        features=group.features,
        group=group.group,
        reference=reference.group,
        value=finding.value,
        interval=finding.interval,
        bound=measure.bound,
        verdict=finding.verdict,
        reason=finding.said(f"{wording.named(group)} against {wording.named(reference)}") + tail,
        n=group.n,
        events=group.events,
        min_n=min(group.n, reference.n),
    )


def _finding(group: GroupEstimate, reference: GroupEstimate, measure: Measure, plan: AuditPlan) -> Finding:
    if impossible := _impossible(group, reference, measure):
        return Finding(measure, impossible=impossible)
    one, other = (group.events, group.n), (reference.events, reference.n)
    is_ratio = measure.comparison is Comparison.RATIO
    return Finding(
        measure,
        value=ratio(one, other) if is_ratio else difference(one, other),
        interval=(koopman if is_ratio else newcombe)(*one, *other, plan.confidence),
        crossed=measure.crossed(one, other),
        missing=_small(group, reference) or too_little(one, other, plan),
    )


def _impossible(group: GroupEstimate, reference: GroupEstimate, measure: Measure) -> str | None:
    """Why the comparison has no number: a group without rows or without a denominator has no rate."""
    for estimate in (group, reference):
        if estimate.value is None:
            return f"{wording.named(estimate)}: {METRICS[measure.metric].empty if estimate.size else estimate.reason}"
    if measure.comparison is Comparison.RATIO and group.events == reference.events == 0:
        return "no events in either group, and 0 / 0 says nothing"
    return None


def _small(group: GroupEstimate, reference: GroupEstimate) -> str | None:
    small = [f"{wording.named(item)} has {item.reason}" for item in (group, reference) if not item.counted]
    return " and ".join(small) or None


def _nothing_to_compare(features: tuple[str, ...], measure: Measure, why: str) -> Iterator[Disparity]:
    """One disparity for a bound that has nothing to hold on to; a measure without a bound is left out."""
    if measure.bound is not None:
        yield over_all(features, Finding(measure, impossible=why))
