"""How a disparity is said: the measured thing, its interval, and why the verdict is what it is."""

from __future__ import annotations

from collections.abc import Sequence

from audits.plan import AuditPlan, Comparison
from audits.power import POWER
from audits.result import GroupEstimate, Interval
from audits.verdicts import NO_DIFFERENCE

_NAMED_AT_MOST = 3
LEFT_OUT = "; left out:"


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
    return named_group(estimate.features, estimate.group)


def named_group(features: tuple[str, ...], group: tuple[str, ...]) -> str:
    """`sex=female, race=Other`."""
    return ", ".join(f"{feature}={level}" for feature, level in zip(features, group, strict=True))


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


def level(confidence: float) -> float:
    """The share of false alarms that a confidence leaves: 0.05 of 0.95, without the noise of the subtraction."""
    return round(1 - confidence, 12)


def probability(p: float, landmark: float) -> str:
    """Two significant digits, more where it takes them to stay on the landmark's side; `below 0.0001` for the least."""
    if p < 0.0001 <= landmark:
        return "below 0.0001"
    for digits in range(2, 12):
        short = float(f"{p:.{digits}g}")
        if (short <= landmark) == (p <= landmark):
            return f"{short:g}" if digits <= 6 else repr(short)
    return repr(p)


def together(adjusted_p: float, comparisons: int, confidence: float, *, interval_excludes: bool) -> str:
    """What the family says: `, adjusted p 0.03 (Holm, 12 comparisons)`, and why where the interval says otherwise."""
    allowed = level(confidence)
    p = probability(adjusted_p, allowed)
    said = f"p {p}" if comparisons == 1 else f"adjusted p {p} (Holm, {comparisons:,} comparisons)"
    small = adjusted_p <= allowed
    if interval_excludes == small:
        return f", {said}"
    if small:
        return f", but the test excludes it: {said}, at most {allowed:g}"
    if comparisons == 1:
        return f", but the test does not: {said}, above {allowed:g}"
    return (
        f" when looked at alone; among {comparisons:,} comparisons chance alone often shows one as large:"
        f" {said}, above {allowed:g}"
    )


def alone(p: float | None, confidence: float) -> str:
    """What the test of one comparison says beside too little evidence; empty where it says nothing."""
    allowed = level(confidence)
    return "" if p is None or p > allowed else f"; by itself p {probability(p, allowed)}"


def detectable(
    comparison: Comparison, rows: tuple[float, float], down: float | None, up: float | None, *, looked_up: bool
) -> str:
    """What two groups of so many rows could have shown, beside "no indication": `down` below the reference, `up` above.

    `looked_up`: may the group also lie above? Not where the reference is the highest rate.
    """
    ends = [] if down is None else [f"{rounded(down)} or less"]
    ends += [] if up is None else [f"{rounded(up)} or more"]
    if ends:
        return f"; a {comparison} of {' or '.join(ends)} would have been seen with {POWER:.0%} power"
    side = "other" if looked_up else "lower"
    n1, n2 = (f"{n:.6g}" for n in rows)
    return f"; with {n1} against {n2} rows no {side} rate is told apart with {POWER:.0%} power"


def detectable_either_way(seen: float) -> str:
    """The same of a difference that has no counts, such as one of scores."""
    return f"; a difference of {rounded(seen, [0])} or more either way would have been seen with {POWER:.0%} power"


def detectable_over_all(comparison: Comparison, seen: float | None) -> str:
    """The same of a worst case: the gap that any two of the groups would have shown."""
    if seen is None:
        return f"; no {comparison} between the two smallest groups is told apart with {POWER:.0%} power"
    side = "less" if comparison is Comparison.RATIO else "more"
    return (
        f"; a {comparison} of {rounded(seen)} or {side} between any two of them would have been seen"
        f" with {POWER:.0%} power"
    )


def left_out(estimates: Sequence[GroupEstimate], plan: AuditPlan) -> str:
    """The groups that a worst case leaves out, each with the reason; empty where there is none."""
    small = f"denominator below {plan.min_group_size}"
    said = list(dict.fromkeys(f"{named(item)} ({item.reason or f'{item.metric}: {small}'})" for item in estimates))
    rest = f" and {len(said) - _NAMED_AT_MOST} more" if len(said) > _NAMED_AT_MOST else ""
    return f"{LEFT_OUT} {', '.join(said[:_NAMED_AT_MOST])}{rest}" if said else ""
