"""The rule that turns a comparison into one of five verdicts. Pure and exact: counts are compared as integers.

    estimable  enough  crossed  excludes   verdict
    no         -       -        -          not estimable
    yes        no      -        -          insufficient evidence
    yes        yes     yes      yes        adverse
    yes        yes     yes      no         watch           large enough to matter, not clear that it is there
    yes        yes     no       yes        watch           clearly there, smaller than the bound
    yes        yes     no       no         no indication

`crossed`: the practical bound. `excludes`: the interval excludes no difference. `enough`: both groups reach the plan's
minimum of rows and events. `estimable`: the number exists. Without a bound nothing is crossed, so nothing is adverse.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from audits.plan import Comparison
from audits.result import GroupEstimate, Interval, Verdict

Counts = tuple[float, float]
"""(events, n) of one group: integers, or effective counts where rows have weights; n > 0 where a rate is asked."""

NO_DIFFERENCE = {Comparison.RATIO: 1, Comparison.DIFFERENCE: 0}

_WEIGHT_ROUNDING = 1e-12
"""Sums of weights are rounded: a bound on a weighted rate is crossed only by more than this."""


def counts_of(estimate: GroupEstimate) -> Counts:
    """What the rules and intervals count: the integers, or with weights the effective counts (value * n_eff, n_eff)."""
    if estimate.effective_n is None or estimate.value is None:
        return estimate.events, estimate.n
    return estimate.value * estimate.effective_n, estimate.effective_n


def rate(counts: Counts) -> Fraction:
    """events / n, exactly; n > 0."""
    return Fraction(counts[0]) / Fraction(counts[1])


def verdict(*, crossed: bool, excludes: bool, enough: bool, estimable: bool) -> Verdict:
    """The truth table above."""
    if not estimable:
        return Verdict.NOT_ESTIMABLE
    if not enough:
        return Verdict.INSUFFICIENT
    if crossed and excludes:
        return Verdict.ADVERSE
    return Verdict.WATCH if crossed or excludes else Verdict.NO_INDICATION


def bound_crossed(group: Counts, reference: Counts, comparison: Comparison, limit: float) -> bool:
    """Is the practical bound crossed, on exact numbers: 48 % against 60 % is exactly 0.8, which crosses nothing?

    difference: crossed where |rate1 - rate2| > limit. ratio: crossed where the smaller rate is below `limit` times
    the larger one, whichever group has it. A plan may declare a reference that is not the highest rate, and a higher
    rate may be the worse one (false positives): with one direction only, declaring the group that falls short as
    the reference would silence the bound. Effective counts are floats: their rounding crosses nothing.
    """
    (k1, n1), (k2, n2) = group, reference
    numerator, denominator = _as_fraction(limit)
    # Over the common denominator n1 * n2: products of integers, exact however large.
    low, high = sorted((k1 * n2, k2 * n1))
    if comparison is Comparison.RATIO:
        beyond = numerator * high - denominator * low
    else:
        beyond = denominator * (high - low) - numerator * n1 * n2
    return beyond > (0 if _exact(group, reference) else _WEIGHT_ROUNDING * denominator * n1 * n2)


def excludes_no_difference(interval: Interval | None, comparison: Comparison) -> bool:
    """Does the interval leave out 1 (ratio) or 0 (difference)? Without an interval: no."""
    if interval is None:
        return False
    none = NO_DIFFERENCE[comparison]
    return interval.lower > none or (interval.upper is not None and interval.upper < none)


def shortfall(group: Counts, reference: Counts, *, min_n: int, min_events: int) -> str | None:
    """What is missing for a verdict: both groups need `min_n` rows and `min_events` events; None where they have them.

    A group without enough events still has enough evidence when that many were to be expected at the rate of both
    groups together (the rule of the chi-square test): nobody selected of 1,000, against 500 of 1,000, is the
    clearest disparity there is, not a lack of evidence.
    """
    smallest = min(group[1], reference[1])
    effective = "" if _exact(group, reference) else "effective "
    if smallest < min_n:
        return f"{smallest:.6g} {effective}rows in the smaller denominator, the plan asks for {min_n}"
    pooled, rows = group[0] + reference[0], group[1] + reference[1]
    few = [events for events, n in (group, reference) if events < min_events and pooled * n < min_events * rows]
    return f"{min(few):.6g} {effective}events in a group, the plan asks for {min_events}" if few else None


def ratio(group: Counts, reference: Counts) -> float | None:
    """rate1 / rate2, correctly rounded; None where the reference has no event."""
    denominator = group[1] * reference[0]
    return group[0] * reference[1] / denominator if denominator else None


def difference(group: Counts, reference: Counts) -> float:
    """rate1 - rate2, correctly rounded."""
    return (group[0] * reference[1] - reference[0] * group[1]) / (group[1] * reference[1])


def _exact(group: Counts, reference: Counts) -> bool:
    return all(isinstance(number, int) for number in (*group, *reference))


@lru_cache(maxsize=256)
def _as_fraction(limit: float) -> tuple[int, int]:
    return Fraction(str(limit)).as_integer_ratio()
