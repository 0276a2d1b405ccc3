"""The worst case over many groups: how far apart the highest and the lowest true rate are.

The observed range of many rates is mostly noise: it exceeds the true one by up to five standard deviations of a single
rate over 70 groups, and a bootstrap of the observed rates adds that noise a second time. Here the law of the observed
range is computed for every true range there may be (`audits.range_law`), and the interval holds those under which the
observed one is not unusual (`audits.range_inversion`). docs/uncertainty.md gives the reasons, benchmarks/coverage the
coverage.

    two groups of one metric            "newcombe" or "koopman": the interval of the pair, without its sign
    more, none of them too small        "inverted range"
    more, some too small                "simultaneous wilson (small groups)": conservative
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from audits.intervals import Counts, koopman, newcombe, wilson
from audits.result import Interval
from audits.significance import p_value

if TYPE_CHECKING:
    from audits.range_inversion import Case

Families = Sequence[Sequence[Counts]]
"""(events, n) of every group, for every metric of which the worst case is taken; n > 0, at least two groups each."""

FEW = 2.0
"""A group with fewer events or non-events than this, expected at the rate of all groups, is too small to invert."""
INVERTED = "inverted range"
FALLBACK = "simultaneous wilson (small groups)"


@dataclass(frozen=True, slots=True)
class Extreme:
    """The worst case as observed, the same less the noise that extremes pick up, its interval, and a p.

    `corrected` is the empirical Bayes estimate of `range_inversion.less_noise`, within the interval and never further
    from no difference than `raw`. `p` tests that all groups of a family have one rate.
    """

    raw: float
    corrected: float
    interval: Interval
    p: float


def worst_difference(families: Families, confidence: float = 0.95) -> Extreme | None:
    """The largest difference between any two groups, of several families the largest; in [0, 1].

    None unless every family has two groups with n > 0. Raises ValueError for events outside of 0 to n.
    """
    if not _comparable(families):
        return None
    raw = max(max(k / n for k, n in family) - min(k / n for k, n in family) for family in families)
    return _extreme(families, raw, confidence, log=False)


def worst_ratio(families: Families, confidence: float = 0.95) -> Extreme | None:
    """The smallest ratio between any two groups, of several families the smallest; in [0, 1].

    None also where a family has no event at all: 0 / 0 says nothing. Otherwise as `worst_difference`.
    """
    if not _comparable(families) or any(not any(k for k, _ in family) for family in families):
        return None
    raw = min(min(k / n for k, n in family) / max(k / n for k, n in family) for family in families)
    return _extreme(families, raw, confidence, log=True)


def simultaneous_difference(families: Families, confidence: float = 0.95) -> Interval | None:
    """Bounds for the largest difference: [max L - min U, max U - min L], of the families the largest; within [0, 1].

    [L, U] are Wilson intervals at alpha / (number of all rates), so that all rates are covered together (Bonferroni):
    conservative. None unless every family has two groups with n > 0.
    """
    if not _comparable(families):
        return None
    ends = _simultaneous(families, confidence)
    lower = max(max(0.0, max(low for low, _ in f) - min(high for _, high in f)) for f in ends)
    upper = max(max(high for _, high in f) - min(low for low, _ in f) for f in ends)
    return Interval(lower, upper, confidence, FALLBACK)


def simultaneous_ratio(families: Families, confidence: float = 0.95) -> Interval | None:
    """Bounds for the smallest ratio: [min L / max U, min U / max L], of the families the least; within [0, 1]."""
    if not _comparable(families):
        return None
    ends = _simultaneous(families, confidence)
    lower = min(min(low for low, _ in f) / max(high for _, high in f) for f in ends)
    upper = min(_at_most_one(min(high for _, high in f), max(low for low, _ in f)) for f in ends)
    return Interval(lower, upper, confidence, FALLBACK)


def too_small(families: Families) -> bool:
    """Is there a group with fewer than `FEW` events or non-events expected at the rate of its family?"""
    for family in families:
        pooled = sum(k for k, _ in family) / sum(n for _, n in family)
        if min(n for _, n in family) * min(pooled, 1 - pooled) < FEW:
            return True
    return False


def _extreme(families: Families, raw: float, confidence: float, *, log: bool) -> Extreme:
    from audits.range_inversion import case_of, less_noise

    case = case_of(families, log=log)
    pair = _only_pair(families)
    p = None if pair is None else p_value(*pair)
    p = _p_of_equal_rates(tuple(tuple(family) for family in families)) if p is None else p
    if pair is not None:
        interval = _of_pair(pair, confidence, log=log)
    elif too_small(families):
        interval = (simultaneous_ratio if log else simultaneous_difference)(families, confidence)
    else:
        interval = _inverted(case, confidence, p)
    if interval is None:
        raise ValueError(f"no interval for {families}")
    width = less_noise(case)
    return Extreme(raw, _within(math.exp(-width) if log else width, raw, interval, log=log), interval, p)


@lru_cache(maxsize=16)
def _p_of_equal_rates(families: tuple[tuple[Counts, ...], ...]) -> float:
    """Kept, since difference and ratio of the same groups ask the same."""
    from audits.range_inversion import case_of, p_of_equal_rates

    return p_of_equal_rates(case_of(families, log=False))


def _inverted(case: Case, confidence: float, p: float) -> Interval:
    """The inverted range; it includes no difference wherever p does."""
    from audits.range_inversion import inverted

    narrowest, widest = inverted(case, 1 - confidence, different=p <= 1 - confidence)
    ends = (math.exp(-widest), math.exp(-narrowest)) if case.scale.log else (narrowest, widest)
    return Interval(*ends, confidence, INVERTED)


def _only_pair(families: Families) -> tuple[Counts, Counts] | None:
    """The two groups, where there are no others: then nothing was picked out of many."""
    if len(families) > 1 or len(families[0]) != 2:
        return None
    low, high = sorted(families[0], key=lambda counts: counts[0] / counts[1])
    return low, high


def _of_pair(pair: tuple[Counts, Counts], confidence: float, *, log: bool) -> Interval | None:
    """The interval of lowest against highest, without its sign: which of two groups is the worse one is not asked."""
    low, high = pair
    found = koopman(*low, *high, confidence) if log else newcombe(*high, *low, confidence)
    if found is None or found.upper is None:
        return found
    if not log:
        return Interval(max(0.0, found.lower), max(found.upper, -found.lower), confidence, found.method)
    beyond = min(found.lower, 1 / found.upper) if found.upper > 1 else found.lower
    return Interval(beyond, min(1.0, found.upper), confidence, found.method)


def _within(corrected: float, raw: float, interval: Interval, *, log: bool) -> float:
    nearer = max(corrected, raw) if log else min(corrected, raw)
    return min(max(nearer, interval.lower), 1.0 if interval.upper is None else interval.upper)


def _comparable(families: Families) -> bool:
    for k, n in (counts for family in families for counts in family):
        if not 0 <= k <= n:
            raise ValueError(f"{k} events of {n}: events must lie between 0 and n")
    return bool(families) and all(len(family) > 1 and all(n > 0 for _, n in family) for family in families)


def _simultaneous(families: Families, confidence: float) -> list[list[tuple[float, float]]]:
    alpha = (1 - confidence) / sum(len(family) for family in families)
    found = [[wilson(k, n, 1 - alpha) for k, n in family] for family in families]
    return [[(i.lower, 1.0 if i.upper is None else i.upper) for i in family if i] for family in found]


def _at_most_one(numerator: float, denominator: float) -> float:
    return 1.0 if numerator >= denominator else numerator / denominator
