"""How a disparity is said: the measured thing, its interval, and why the verdict is what it is."""

from __future__ import annotations

from collections.abc import Sequence

from audits.plan import AuditPlan, Comparison
from audits.power import POWER, detectable_rate
from audits.result import GroupEstimate, Interval
from audits.verdicts import NO_DIFFERENCE

_NAMED_AT_MOST = 3


def rounded(value: float | None, landmarks: Sequence[float] = ()) -> str:
    """Two decimals, and as many more as it takes to stay on the same side of every landmark: 0.7996 is not 0.80."""
    if value is None:
        return "no finite value"
    for digits in range(2, 10):
        short = round(value, digits)
        if all((short < mark) == (value < mark) and (short > mark) == (value > mark) for mark in landmarks):
            return f"{short:.{digits}f}"
    return repr(value)


def named(estimate: GroupEstimate) -> str:
    """`sex=female, race=Other`."""
    return ", ".join(f"{name}={level}" for name, level in zip(estimate.features, estimate.group, strict=True))


def numbers(comparison: Comparison, value: float | None, interval: Interval, bound: float | None) -> str:
    """`0.71 (0.64 to 0.79)`, rounded so that value and ends stay on their side of the bound and of no difference."""
    none = NO_DIFFERENCE[comparison]
    marks = [none] if bound is None else [none, bound, -bound if comparison is Comparison.DIFFERENCE else 1 / bound]
    upper = "no upper end" if interval.upper is None else rounded(interval.upper, [none])
    return f"{rounded(value, marks)} ({rounded(interval.lower, [none])} to {upper})"


def judged(comparison: Comparison, *, bound: float | None, crossed: bool, excludes: bool) -> str:
    """`bound 0.8 crossed, interval excludes 1`."""
    practical = "no bound declared" if bound is None else f"bound {bound:g} {'crossed' if crossed else 'not crossed'}"
    return f"{practical}, interval {'excludes' if excludes else 'includes'} {NO_DIFFERENCE[comparison]}"


def detectable(group: GroupEstimate, reference: GroupEstimate, comparison: Comparison, confidence: float) -> str:
    """What the sample could have seen, beside "no indication"; empty where nothing can be said."""
    if not reference.value:
        return ""
    rate = detectable_rate(group.n, reference.n, reference.value, confidence)
    if rate is None:
        return f"; with {group.n} against {reference.n} rows no lower rate is told apart with {POWER:.0%} power"
    seen = rate / reference.value if comparison is Comparison.RATIO else rate - reference.value
    return f"; a {comparison} of {rounded(seen)} or less would have been seen with {POWER:.0%} power"


def left_out(estimates: Sequence[GroupEstimate], plan: AuditPlan) -> str:
    """The groups that a worst case leaves out, each with the reason; empty where there is none."""
    small = f"denominator below {plan.min_group_size}"
    said = list(dict.fromkeys(f"{named(item)} ({item.reason or f'{item.metric}: {small}'})" for item in estimates))
    rest = f" and {len(said) - _NAMED_AT_MOST} more" if len(said) > _NAMED_AT_MOST else ""
    return f"; left out: {', '.join(said[:_NAMED_AT_MOST])}{rest}" if said else ""
