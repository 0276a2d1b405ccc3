"""Bounds on measures of numbers, orders and classes: quantities of two groups -> comparisons before the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from audits.finding import Compared, Finding, Measure
from audits.normal import quantile
from audits.plan import AuditPlan, Comparison
from audits.result import Interval, Quantity
from audits.task_metrics import TASK_METRICS, pair_name
from audits.wording import named_group

_ROUNDING = 1e-12
"""A bound on a computed value is crossed only by more than the rounding of its sums, relative to the larger one."""

Sizes = Mapping[tuple[tuple[str, ...], tuple[str, ...]], tuple[int, bool]]
"""(features, group) -> (rows, is it large enough?) of every group with rows."""


def quantities_compared(
    quantities: Sequence[Quantity], plan: AuditPlan, sizes: Sizes, *, nothing: str
) -> tuple[Compared, ...]:
    """The plan's bounds in every comparison; one on a measure that the task does not have is not estimable.

    `quantities` are those of the same plan; of a pair they carry interval and p. `nothing` says why a comparison with
    two groups has no pairs. Conclude what comes back with all else that belongs to the plan's family.
    """
    measures = [Measure(item.metric, item.comparison, item.limit) for item in plan.bounds]
    return tuple(
        item
        for features in plan.comparisons()
        for measure in measures
        for item in _of_measure(quantities, plan, sizes, features, measure, nothing)
    )


def _of_measure(
    quantities: Sequence[Quantity],
    plan: AuditPlan,
    sizes: Sizes,
    features: tuple[str, ...],
    measure: Measure,
    nothing: str,
) -> Iterator[Compared]:
    if measure.metric not in TASK_METRICS[plan.task]:
        yield _nobody(features, measure, f"{measure.metric} is no measure of a {plan.task}")
        return
    name = pair_name(measure.metric, measure.comparison)
    pairs = [item for item in quantities if item.metric == name and item.features == features and item.against]
    comparisons = TASK_METRICS[plan.task][measure.metric]
    if measure.comparison not in comparisons:
        yield _nobody(features, measure, f"{measure.metric} is compared by {' or '.join(comparisons)} only")
    elif not pairs:
        groups = sum(place[0] == features for place in sizes)
        why = nothing if groups > 1 else "only one group: there is nothing to compare it with"
        yield _nobody(features, measure, _without(quantities, measure) or why)
    else:
        yield from (_compared(item, sizes, measure, plan) for item in pairs)


def _nobody(features: tuple[str, ...], measure: Measure, why: str) -> Compared:
    where = f"over all counted groups of {' x '.join(features)}"
    return Compared(Finding(measure, impossible=why), features, where)


def _without(quantities: Sequence[Quantity], measure: Measure) -> str | None:
    """Why a measure has no value anywhere, where one quantity of the whole sample says so."""
    whole = (item for item in quantities if item.metric == measure.metric and not item.features)
    return next((item.reason for item in whole if item.value is None and item.reason), None)


def _compared(item: Quantity, sizes: Sizes, measure: Measure, plan: AuditPlan) -> Compared:
    (n, large), (other, also_large) = sizes[item.features, item.group], sizes[item.features, item.against]
    where = f"{named_group(item.features, item.group)} against {named_group(item.features, item.against)}"
    return Compared(
        finding=_finding(item, measure),
        features=item.features,
        where=where if item.at is None else f"{where}, {item.at}",
        group=item.group,
        reference=item.against,
        n=n,
        min_n=min(n, other),
        spread=_spread(item.interval, measure),
        sized=large and also_large,
        chosen=plan.declared_reference(item.features) is None,
        at=item.at if measure.metric == "top_k" else None,
    )


def _finding(item: Quantity, measure: Measure) -> Finding:
    if item.interval is None and (item.value is None or item.counted):
        value = "" if item.value is None else f"the value alone is {item.value:.4g}; "
        return Finding(measure, impossible=value + (item.reason or "there is no value"))
    return Finding(
        measure,
        value=item.value,
        interval=item.interval,
        crossed=_crossed(item, measure),
        missing=None if item.counted else item.reason,
        p=item.p,
    )


def _crossed(item: Quantity, measure: Measure) -> bool:
    """May the exact value lie beyond the bound? A ratio is taken whichever way it falls short of 1."""
    if item.value is None or measure.bound is None:
        return False
    if measure.comparison is Comparison.DIFFERENCE:
        return abs(item.value) + item.error > measure.bound * (1 + _ROUNDING)
    smaller = min(item.value, 1 / item.value) if item.value > 0 else 0.0
    return smaller < measure.bound * (1 - _ROUNDING)


def _spread(interval: Interval | None, measure: Measure) -> float | None:
    """The standard error behind a symmetric interval of a difference; a little large where Student's t made it."""
    symmetric = interval is not None and ("welch" in interval.method or "delta" in interval.method)
    if interval is None or interval.upper is None or not symmetric or measure.comparison is Comparison.RATIO:
        return None
    return (interval.upper - interval.lower) / (2 * quantile(interval.confidence))
