"""Two groups in which every row has one score: how far apart may the means of their people be?

No standard error says it where nothing varies. But all n rows of a sample seldom agree unless nearly everybody does:
that they share a value which fewer than a share t of the people have happens with a chance of at most t^(n - 1), the
sum of p^n over such values. So with confidence 1 - a the others are at most 1 - a^(1 / (n - 1)) of the people, wherever
their scores lie in the declared range. Two groups: a half of the error each (Bonferroni). Nothing is assumed of the
distribution; with weights n is Kish's number of rows, as in every interval.
"""

from __future__ import annotations

import math

from audits.histogram import Histogram
from audits.result import Interval

Constant = tuple[float, float]
"""(the one score, n) of a group; n > 1."""

_LEAST = -700.0
"""The logarithm of the smallest chance that is told from 0."""


def is_constant(group: Histogram) -> bool:
    """Has every row of the group (..., bins) the same score? Not where there are no rows."""
    return float(group.lo.min()) == float(group.hi.max())


def constant_difference(
    one: Constant, other: Constant, low: float, high: float, confidence: float
) -> tuple[Interval, float]:
    """The interval of the difference of the means and its p (no difference), of scores within [low, high].

    The p is the smallest error at which the interval leaves out 0; it is 1 for equal scores.
    """
    ends = _ends(one, other, (low, high), math.log((1 - confidence) / 2))
    return Interval(*ends, confidence, "nothing varies, declared range"), _p(one, other, (low, high))


def _ends(one: Constant, other: Constant, within: tuple[float, float], log_error: float) -> tuple[float, float]:
    """Lower and upper end of the difference, each group with this chance (its logarithm) of being further out."""
    (bottom, top), (least, most) = (_mean(group, within, log_error) for group in (one, other))
    return bottom - most, top - least


def _mean(group: Constant, within: tuple[float, float], log_error: float) -> tuple[float, float]:
    (value, n), (low, high) = group, within
    others = -math.expm1(log_error / (n - 1))
    return value - others * (value - low), value + others * (high - value)


def _p(one: Constant, other: Constant, within: tuple[float, float]) -> float:
    """By bisection: the larger the error, the narrower the interval."""
    if one[0] < other[0]:
        one, other = other, one
    excludes, includes = 0.0, _LEAST
    if one[0] == other[0]:
        return 1.0
    while excludes - includes > 1e-9:
        middle = (excludes + includes) / 2
        if _ends(one, other, within, middle)[0] > 0:
            excludes = middle
        else:
            includes = middle
    return min(1.0, 2 * math.exp(excludes))
