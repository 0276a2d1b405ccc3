"""Estimates -> disparities with their verdicts: each group against its reference, and the worst case over all.

The reference of a single sensitive feature is the one that the plan declares; otherwise, and for intersections, the
group with the highest rate, chosen after groups too small to count are set aside (`reference_of`). Small groups are
compared too, so that nobody is hidden, but the verdict is then "insufficient evidence". Unknown levels are never
compared. Intervals: Koopman for ratios, Newcombe for differences, the inverted range for the worst case
(`audits.extremes`). Verdicts of bounded comparisons come from Holm's procedure over the family that the plan declares
(`audits.family`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from audits import wording
from audits.family import concluded
from audits.finding import Compared, Finding, Measure, too_little
from audits.intervals import koopman, newcombe
from audits.metrics import METRICS, WORST_CASES
from audits.plan import AuditPlan, Comparison
from audits.result import UNKNOWN, Disparity, GroupEstimate
from audits.score_metrics import QUANTITY_METRICS
from audits.task_metrics import TASK_METRICS
from audits.verdicts import counts_of, difference, rate, ratio
from audits.worst_case import ONLY_ONE, over_all, worst_case


def measures_of(plan: AuditPlan) -> tuple[Measure, ...]:
    """The plan's bounds on shares in their order, then what is always reported and has no bound.

    Bounds on measures that are no shares are judged by the modules that measure them.
    """
    elsewhere = {*QUANTITY_METRICS, *TASK_METRICS.get(plan.task, ())}
    bounds = [bound for bound in plan.bounds if bound.metric not in elsewhere]
    bounded = [Measure(bound.metric, bound.comparison, bound.limit) for bound in bounds]
    declared = {(measure.metric, measure.comparison) for measure in bounded}
    always = [Measure(metric.name, comparison) for metric in METRICS.values() for comparison in metric.comparisons]
    always += [Measure(name, comparison) for name in WORST_CASES for comparison in reversed(Comparison)]
    return (*bounded, *(item for item in always if (item.metric, item.comparison) not in declared))


def disparities(estimates: Sequence[GroupEstimate], plan: AuditPlan) -> tuple[Disparity, ...]:
    """Every measure of the plan in every comparison of the plan, tested together as the plan's family says.

    `estimates` come from `audits.disaggregate.disaggregate` on the same plan. Raises KeyError for a bound on a metric
    that does not exist; `audits.plan_file` refuses such a plan with a sentence.
    """
    return concluded(compared(estimates, plan), plan)


def compared(estimates: Sequence[GroupEstimate], plan: AuditPlan) -> tuple[Compared, ...]:
    """The comparisons before the verdict: join what belongs to one family, then `audits.family.concluded`."""
    found: list[Compared] = []
    for features in plan.comparisons():
        here = [estimate for estimate in estimates if estimate.features == features and UNKNOWN not in estimate.group]
        of_metric: dict[str, list[GroupEstimate]] = defaultdict(list)
        for estimate in here:
            of_metric[estimate.metric].append(estimate)
        for measure in measures_of(plan):
            if measure.metric in WORST_CASES:
                found.append(_over_all(here, features, measure, plan))
            else:
                found += against_reference(of_metric[measure.metric], features, measure, plan)
    return tuple(found)


def _over_all(known: Sequence[GroupEstimate], features: tuple[str, ...], measure: Measure, plan: AuditPlan) -> Compared:
    counted = {estimate.group for estimate in known if estimate.counted}
    return replace(worst_case(known, features, measure, plan), sized=len(counted) > 1)


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
    return max(large or counted or rated, key=lambda e: (rate(counts_of(e)), e.n), default=None)


def against_reference(
    known: Sequence[GroupEstimate], features: tuple[str, ...], measure: Measure, plan: AuditPlan
) -> Iterator[Compared]:
    """The groups of one metric, each against the reference; `known` are those with known levels, also without rows.

    Where there is nobody to compare with, a measure with a bound is one comparison that says why, others are none.
    """
    declared = plan.declared_reference(features)
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
        yield from (_pair(item, reference, measure, plan, chosen=declared is None) for item in others)


def _pair(
    group: GroupEstimate, reference: GroupEstimate, measure: Measure, plan: AuditPlan, *, chosen: bool
) -> Compared:
    finding = _finding(group, reference, measure, plan)
    return Compared(
        finding=finding,
        features=group.features,
        where=f"{wording.named(group)} against {wording.named(reference)}",
        group=group.group,
        reference=reference.group,
        n=group.n,
        events=group.events,
        min_n=min(group.n, reference.n),
        counts=None if finding.impossible else (counts_of(group), counts_of(reference)),
        sized=group.counted and reference.counted,
        chosen=chosen,
        tail=_tail(group, reference, finding, plan),
    )


def _tail(group: GroupEstimate, reference: GroupEstimate, finding: Finding, plan: AuditPlan) -> str:
    """What the number alone does not say: why it is infinite, and that the reference is the one that falls short."""
    said = ""
    if finding.value is None and finding.interval:
        one, other = counts_of(group), counts_of(reference)
        apart = newcombe(*one, *other, plan.confidence)
        if apart:
            numbers = wording.numbers(Comparison.DIFFERENCE, difference(one, other), apart, None)
            said = f"; no events in {wording.named(reference)} (0 of {reference.n:,}): the difference is {numbers}"
    if finding.crossed and not finding.missing and (group.value or 0) > (reference.value or 0):
        said += "; the lower rate is the reference's"
    return said


def _finding(group: GroupEstimate, reference: GroupEstimate, measure: Measure, plan: AuditPlan) -> Finding:
    if impossible := _impossible(group, reference, measure):
        return Finding(measure, impossible=impossible)
    one, other = counts_of(group), counts_of(reference)
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


def _nothing_to_compare(features: tuple[str, ...], measure: Measure, why: str) -> Iterator[Compared]:
    """One disparity for a bound that has nothing to hold on to; a measure without a bound is left out."""
    if measure.bound is not None:
        yield over_all(features, Finding(measure, impossible=why))
