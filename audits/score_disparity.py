"""Bounds on measures of scores: quantities of two groups -> comparisons -> disparities with verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from audits.family import concluded
from audits.finding import Compared, Finding, Measure, too_little
from audits.normal import quantile
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Disparity, Interval, Quantity
from audits.score_metrics import QUANTITY_METRICS, pair_name
from audits.verdicts import Counts
from audits.wording import named_group

_ROUNDING = 1e-12
"""A bound on a computed value is crossed only by more than the rounding of its sums."""

Place = tuple[str, tuple[str, ...], tuple[str, ...]]
"""(metric, features, group) of a measure of one group."""


def score_disparities(quantities: Sequence[Quantity], plan: AuditPlan) -> tuple[Disparity, ...]:
    """The plan's bounds on score measures, in every comparison, tested together as a family of their own.

    Where the plan also bounds rates, join `score_compared` with `audits.disparity.compared` and conclude them in one
    call, or the family is not the one that the plan declares.
    """
    return concluded(score_compared(quantities, plan), plan)


def score_compared(quantities: Sequence[Quantity], plan: AuditPlan) -> tuple[Compared, ...]:
    """The comparisons of the plan's bounds on QUANTITY_METRICS before the verdict; other bounds are left out.

    `quantities` come from `audits.scores.score_quantities` on the same plan; without any, no bound is met.
    """
    single = {(item.metric, item.features, item.group): item for item in quantities if _is_single(item)}
    bounds = [bound for bound in plan.bounds if bound.metric in QUANTITY_METRICS]
    measures = [Measure(bound.metric, bound.comparison, bound.limit) for bound in bounds]
    return tuple(
        item
        for features in plan.comparisons()
        for measure in measures
        for item in _of_measure(quantities, single, features, measure, plan)
    )


def _is_single(item: Quantity) -> bool:
    """Is it a measure of one group as a whole?"""
    return not item.against and (item.at is None or item.metric == "scoring_rate")


def _of_measure(
    quantities: Sequence[Quantity],
    single: Mapping[Place, Quantity],
    features: tuple[str, ...],
    measure: Measure,
    plan: AuditPlan,
) -> Iterator[Compared]:
    name = pair_name(measure.metric, measure.comparison)
    pairs = [item for item in quantities if item.metric == name and item.features == features and item.against]
    if measure.comparison not in QUANTITY_METRICS[measure.metric]:
        known = " or ".join(QUANTITY_METRICS[measure.metric])
        yield _nobody(features, measure, f"{measure.metric} is compared by {known} only")
    elif not pairs:
        yield _nobody(features, measure, _why_nothing(single, features, measure, plan))
    else:
        yield from (_compared(item, single, measure, plan) for item in pairs)
        against = pairs[0].against
        yield from (_absent(item, against, measure, plan) for item in _without_rows(single, features, against))


def _without_rows(
    single: Mapping[Place, Quantity], features: tuple[str, ...], against: tuple[str, ...]
) -> list[Quantity]:
    """Levels that the plan lists and the data lack, as with rates: of one feature; an intersection is only listed."""
    if len(features) > 1:
        return []
    sizes = (item for item in single.values() if item.metric == "mean_score" and item.features == features)
    return [item for item in sizes if not item.n and UNKNOWN not in item.group and item.group != against]


def _absent(item: Quantity, against: tuple[str, ...], measure: Measure, plan: AuditPlan) -> Compared:
    named = named_group(item.features, item.group)
    return Compared(
        finding=Finding(measure, impossible=f"{named}: {item.reason}"),
        features=item.features,
        where=f"{named} against {named_group(item.features, against)}",
        group=item.group,
        reference=against,
        chosen=plan.declared_reference(item.features) is None,
    )


def _nobody(features: tuple[str, ...], measure: Measure, why: str) -> Compared:
    where = f"over all counted groups of {' x '.join(features)}"
    return Compared(Finding(measure, impossible=why), features, where)


def _why_nothing(single: Mapping[Place, Quantity], features: tuple[str, ...], measure: Measure, plan: AuditPlan) -> str:
    if not single:
        return "no scores were measured" if plan.score else "the plan declares no score: add [data] score_range"
    whole = single.get((measure.metric, (), ()))
    if whole is not None and whole.value is None and whole.reason:
        return whole.reason
    known = [item for item in single.values() if item.features == features and item.metric == "mean_score" and item.n]
    if len(known) < 2:
        return "only one group: there is nothing to compare it with"
    return "the declared reference has no rows, or no group has a value"


def _compared(item: Quantity, single: Mapping[Place, Quantity], measure: Measure, plan: AuditPlan) -> Compared:
    sizes = [single["mean_score", item.features, group] for group in (item.group, item.against)]
    counts = _counts(item, single) if measure.metric == "scoring_rate" else None
    finding = _finding(item, measure, counts, plan)
    return Compared(
        finding=finding,
        features=item.features,
        where=f"{named_group(item.features, item.group)} against {named_group(item.features, item.against)}",
        group=item.group,
        reference=item.against,
        n=sizes[0].n,
        events=_events(item, single) if counts else 0,
        min_n=min(size.n for size in sizes),
        counts=None if finding.impossible else counts,
        spread=_spread(item.interval),
        sized=all(size.counted for size in sizes),
        chosen=plan.declared_reference(item.features) is None,
    )


def _finding(item: Quantity, measure: Measure, counts: tuple[Counts, Counts] | None, plan: AuditPlan) -> Finding:
    if item.interval is None and (item.value is None or item.counted):
        value = "" if item.value is None else f"the value alone is {item.value:.4g}; "
        return Finding(measure, impossible=value + (item.reason or "there is no value"))
    missing = None if item.counted else item.reason
    if counts is not None:
        missing = missing or too_little(*counts, plan)
        crossed = measure.crossed(*counts)
    else:
        crossed = _crossed(item, measure)
    return Finding(measure, value=item.value, interval=item.interval, crossed=crossed, missing=missing, p=item.p)


def _crossed(item: Quantity, measure: Measure) -> bool:
    """May the exact value lie beyond the bound? What binning leaves open counts against it."""
    if item.value is None or measure.bound is None:
        return False
    return abs(item.value) + item.error > measure.bound + _ROUNDING


def _spread(interval: Interval | None) -> float | None:
    """The standard error behind a normal interval."""
    if interval is None or interval.upper is None or interval.method != "normal":
        return None
    return (interval.upper - interval.lower) / (2 * quantile(interval.confidence))


def _counts(item: Quantity, single: Mapping[Place, Quantity]) -> tuple[Counts, Counts]:
    one, other = (_rate_counts(single["scoring_rate", item.features, group]) for group in (item.group, item.against))
    return one, other


def _rate_counts(item: Quantity) -> Counts:
    value = item.value or 0.0
    return (round(value * item.n), item.n) if item.effective_n is None else (value * item.effective_n, item.effective_n)


def _events(item: Quantity, single: Mapping[Place, Quantity]) -> int:
    rate = single["scoring_rate", item.features, item.group]
    return round((rate.value or 0.0) * rate.n)
