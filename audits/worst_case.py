"""The worst case over all groups of a comparison: demographic parity and equalized odds, difference and ratio.

Maxima and minima over many small groups are mostly noise (over 70 groups a percentile bootstrap covers 0 to 5 %), so
only groups whose denominator reaches the plan's minimum take part, what is left out is named, and interval, corrected
value and p come from the law of such extremes (`audits.extremes`). The bound counts as crossed where the corrected
value crosses it as well as the observed one: of 70 equal groups the observed one always would. Two groups alone are a
pair, of which nothing was picked, and are judged as pairs are.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from audits import wording
from audits.extremes import Extreme, worst_difference, worst_ratio
from audits.finding import Compared, Finding, Measure, too_little
from audits.metrics import WORST_CASES
from audits.plan import AuditPlan, Comparison
from audits.result import GroupEstimate
from audits.verdicts import counts_of, difference, rate, ratio

Family = tuple[GroupEstimate, ...]
"""One metric in the groups that are compared."""

ONLY_ONE = "only one group: there is nothing to compare it with"
NO_EVENTS = "no events in any of these groups, and 0 / 0 says nothing"


def worst_case(
    known: Sequence[GroupEstimate], features: tuple[str, ...], measure: Measure, plan: AuditPlan
) -> Compared:
    """The largest difference or smallest ratio between any two groups; of several metrics the one that shows most.

    `known` are the estimates of all groups with known levels.
    """
    metrics = WORST_CASES[measure.metric]
    families = tuple(tuple(e for e in known if e.metric == metric and e.size) for metric in metrics)
    large = tuple(tuple(e for e in family if e.counted and e.n >= plan.min_group_size) for family in families)
    aside = [e for family in families for e in family if not (e.counted and e.n >= plan.min_group_size)]
    tail = wording.left_out(aside, plan)
    if impossible := _impossible(families, large, measure):
        return over_all(features, Finding(measure, impossible=impossible))
    if any(len(family) < 2 for family in large):
        return over_all(features, Finding(measure, missing="fewer than two groups are large enough"), tail=tail)
    family = max(large, key=lambda family: _gap(family, measure.comparison))
    low, high = _extremes(family)
    extreme = _extreme(large, measure.comparison, plan.confidence)
    shown = f"; lowest {low.metric} {wording.named(low)}, highest {wording.named(high)}"
    shown += "" if _is_pair(large) else _less_noise(extreme, measure)
    return over_all(features, _finding(extreme, large, (low, high), measure, plan), family, shown + tail, of=large)


def over_all(
    features: tuple[str, ...], finding: Finding, family: Family = (), tail: str = "", *, of: Sequence[Family] = ()
) -> Compared:
    """A comparison over all counted groups; `family` are the groups whose rates made it, `of` every metric's."""
    return Compared(
        finding=finding,
        features=features,
        where=f"over all counted groups of {' x '.join(features)}",
        n=sum(estimate.n for estimate in family),
        events=sum(estimate.events for estimate in family),
        min_n=min((estimate.n for estimate in family), default=0),
        families=tuple(of),
        sized=bool(of),
        tail=tail,
    )


def _impossible(families: Sequence[Family], large: Sequence[Family], measure: Measure) -> str | None:
    for family in families:
        rated = [estimate for estimate in family if estimate.value is not None]
        if len(rated) < 2:
            absent = [f"{wording.named(e)}: {e.reason}" for e in family if e.value is None]
            return "; ".join(absent) or ONLY_ONE
    if measure.comparison is Comparison.RATIO:
        silent = [family for family in large if family and not any(estimate.events for estimate in family)]
        return NO_EVENTS if silent else None
    return None


def _extreme(large: Sequence[Family], comparison: Comparison, confidence: float) -> Extreme:
    families = [[counts_of(estimate) for estimate in family] for family in large]
    found = (worst_ratio if comparison is Comparison.RATIO else worst_difference)(families, confidence)
    if found is None:
        raise ValueError(f"no worst case of {families}: every family needs two groups with rows, and a ratio events")
    return found


def _finding(
    extreme: Extreme,
    large: Sequence[Family],
    ends: tuple[GroupEstimate, GroupEstimate],
    measure: Measure,
    plan: AuditPlan,
) -> Finding:
    lowest, highest = map(counts_of, ends)
    return Finding(
        measure,
        value=(ratio(lowest, highest) if measure.comparison is Comparison.RATIO else difference(highest, lowest)),
        interval=extreme.interval,
        crossed=measure.crossed(lowest, highest) and (_is_pair(large) or _beyond(extreme.corrected, measure)),
        missing=too_little(lowest, highest, plan),
        p=extreme.p,
        corrected=extreme.corrected,
    )


def _is_pair(large: Sequence[Family]) -> bool:
    return len(large) == 1 and len(large[0]) == 2


def _beyond(corrected: float, measure: Measure) -> bool:
    if measure.bound is None:
        return False
    return corrected < measure.bound if measure.comparison is Comparison.RATIO else corrected > measure.bound


def _less_noise(extreme: Extreme, measure: Measure) -> str:
    """What the bound is held against, said beside the observed value."""
    held = " (the bound is held against this)" if measure.bound is not None else ""
    landmarks = [] if measure.bound is None else [measure.bound]
    return f"; without the noise that extremes pick up {wording.rounded(extreme.corrected, landmarks)}{held}"


def _rate(estimate: GroupEstimate) -> Fraction:
    return rate(counts_of(estimate))


def _extremes(family: Family) -> tuple[GroupEstimate, GroupEstimate]:
    return min(family, key=_rate), max(family, key=_rate)


def _gap(family: Family, comparison: Comparison) -> Fraction:
    """Larger where the groups lie further apart."""
    low, high = map(_rate, _extremes(family))
    return high - low if comparison is Comparison.DIFFERENCE else -low / high
