"""Several classes: each one against the rest, group by group, and how often the right one is predicted.

The plan's bounds are judged on the favourable class, by the ordinary path of a decision with two values. What is here
stands beside it: shares and rates of every class (`at` names it), comparisons of the other classes without bounds, and
the accuracy over all classes, which a plan may bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from audits.disaggregate import estimate_of
from audits.disparity import against_reference
from audits.family import concluded
from audits.finding import Compared, Finding, Measure
from audits.groups import Group, groups_of
from audits.intervals import wilson
from audits.levels import same_value
from audits.metrics import METRICS, NO_LABEL
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cells, Disparity, GroupEstimate, Quantity
from audits.share import Share, share_of
from audits.worst_case import over_all

ACCURACY = "multiclass_accuracy"

_OF_INTERSECTIONS = ("selection_rate", "true_positive_rate", "false_positive_rate", "base_rate")
"""What is listed of intersections; single features have every metric of METRICS."""

Classes = Mapping[str, Cells]
"""Class -> its cells, in which it is the favourable outcome (`audits.cells.class_cells`)."""


def class_quantities(classes: Classes, plan: AuditPlan) -> tuple[Quantity, ...]:
    """Of every group: the share that is predicted each class (selection_rate) and that has it (base_rate), and the
    other metrics of each class against the rest; then the accuracy over all classes, of the whole sample too.

    Intersections have the metrics of _OF_INTERSECTIONS only. Groups that are small or unknown are not counted.
    """
    found = [
        _quantity(estimate, f"class = {name}")
        for name, cells in classes.items()
        for features in plan.comparisons()
        for estimate in _estimates(cells, features, plan)
        if len(features) == 1 or estimate.metric in _OF_INTERSECTIONS
    ]
    found += [_quantity(item) for features in ((), *plan.comparisons()) for item in accuracies(classes, plan, features)]
    return tuple(found)


def class_disparities(classes: Classes, plan: AuditPlan) -> tuple[Disparity, ...]:
    """The comparisons of every class that is not the plan's favourable one, without bounds; `at` names the class.

    No bound, so they belong to no family, and none of them is ever adverse.
    """
    found = [
        replace(item, at=f"class = {name}", where=f"{item.where}, class = {name}")
        for name, cells in classes.items()
        if not same_value(name, plan.favourable)
        for features in plan.comparisons()
        for item in _pairs(cells, features, plan)
    ]
    return concluded(found, plan)


def class_compared(classes: Classes, plan: AuditPlan) -> tuple[Compared, ...]:
    """The plan's bounds on the accuracy over all classes, before the verdict: part of the plan's family."""
    bounds = [bound for bound in plan.bounds if bound.metric == ACCURACY]
    measures = [Measure(bound.metric, bound.comparison, bound.limit) for bound in bounds]
    return tuple(
        item
        for features in plan.comparisons()
        for measure in measures
        for item in _accuracy_compared(classes, features, measure, plan)
    )


def accuracies(classes: Classes, plan: AuditPlan, features: tuple[str, ...]) -> tuple[GroupEstimate, ...]:
    """The share of rows whose class is predicted, in every group of a comparison; () for the whole sample.

    sklearn.metrics.accuracy_score on the raw rows.
    """
    of_class = [groups_of(cells, plan, features) for cells in classes.values()]
    return tuple(_accuracy(same, plan) for same in zip(*of_class, strict=True))


def _accuracy_compared(
    classes: Classes, features: tuple[str, ...], measure: Measure, plan: AuditPlan
) -> Iterator[Compared]:
    if plan.label is None:
        yield over_all(features, Finding(measure, impossible=NO_LABEL))
    else:
        yield from against_reference(_known(accuracies(classes, plan, features)), features, measure, plan)


def _accuracy(same: Sequence[Group], plan: AuditPlan) -> GroupEstimate:
    """`same` is one group, seen by each class: a row is right where it has and is predicted one class."""
    group = same[0]
    hits = [row for seen in same for row in seen.rows if row.outcome and row.prediction]
    share = group.limited(_within(share_of(hits, group.rows))) if group.labelled else Share(0, 0, 0, 0, 0, 0)
    aside = group.set_aside(plan.min_group_size)
    effective, value = share.effective_n, share.value
    counts = (share.events, share.n) if not group.weighted else ((value or 0.0) * (effective or 0.0), effective or 0.0)
    return GroupEstimate(
        metric=ACCURACY,
        features=group.features,
        group=group.levels,
        size=group.size,
        n=share.n,
        events=share.events,
        value=value,
        interval=wilson(counts[0], counts[1], plan.confidence),
        counted=aside is None,
        reason=aside or (None if value is not None else NO_LABEL),
        weight=share.weight if group.weighted else None,
        effective_n=effective if group.weighted else None,
    )


def _within(share: Share) -> Share:
    """Sums of the same weights in another order may not make a part more than the whole."""
    if share.events == share.n:
        return replace(share, weight_events=share.weight, squares_events=share.squares)
    return replace(share, weight_events=min(share.weight_events, share.weight))


def _estimates(cells: Cells, features: tuple[str, ...], plan: AuditPlan) -> Iterator[GroupEstimate]:
    groups = groups_of(cells, plan, features)
    return (estimate_of(group, metric, plan) for metric in METRICS for group in groups)


def _pairs(cells: Cells, features: tuple[str, ...], plan: AuditPlan) -> Iterator[Compared]:
    estimates = list(_estimates(cells, features, plan))
    for metric in METRICS.values():
        known = _known([item for item in estimates if item.metric == metric.name])
        for comparison in metric.comparisons:
            yield from against_reference(known, features, Measure(metric.name, comparison), plan)


def _known(estimates: Sequence[GroupEstimate]) -> list[GroupEstimate]:
    return [item for item in estimates if UNKNOWN not in item.group]


def _quantity(estimate: GroupEstimate, at: str | None = None) -> Quantity:
    return Quantity(
        metric=estimate.metric,
        features=estimate.features,
        group=estimate.group,
        n=estimate.n,
        value=estimate.value,
        interval=estimate.interval,
        at=at,
        counted=estimate.counted,
        reason=estimate.reason,
        effective_n=estimate.effective_n,
    )
