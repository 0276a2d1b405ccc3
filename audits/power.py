"""What a comparison could have seen: the smallest disparity that the sample detects. Printed beside "no indication".

Two normal approximations, two-sided, and of both the one that asks for more:

    arcsine   Cohen 1988, section 6.2: effect size h = 2 asin(sqrt(p2)) - 2 asin(sqrt(p1)); the inverse of statsmodels
              `NormalIndPower().solve_power`. With 3,205 rows in each group and a reference rate of 0.1 the rate 0.08
              is told apart, a ratio of 0.8
    score     Fleiss, Levin and Paik 2003, section 4.3: the test that is made has the variance of one pooled rate, the
              truth that of two. Where a small group of rare events stands against a large one the arcsine promises
              80 % and gives 66 % (300 against 3,000 rows at 0.1, 20 comparisons)

`alpha` is the level of one test: that of a family divided by its size, the step of Holm's procedure that asks most, so
that the power holds after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial

from audits.plan import Comparison

POWER = 0.8
"""Probability with which the named disparity would have been seen."""


def detectable_rates(
    n1: float, n2: float, reference: float, alpha: float = 0.05, power: float = POWER
) -> tuple[float | None, float | None]:
    """The highest rate below `reference` and the lowest above that n1 against n2 rows tell apart from it.

    Rates in [0, 1]; None: no rate on that side is seen with this power. n1, n2 > 0 (effective numbers with weights).
    """
    half = _quantiles(alpha, power) * math.sqrt(1 / n1 + 1 / n2) / 2
    angle = math.asin(math.sqrt(reference))
    lower = math.sin(angle - half) ** 2 if angle > half else None
    higher = math.sin(angle + half) ** 2 if angle + half < math.pi / 2 else None
    by_score = partial(_by_score, n1, n2, reference, alpha, power)
    return _farther(reference, lower, by_score(0.0)), _farther(reference, higher, by_score(1.0))


def _farther(reference: float, one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other, key=lambda found: abs(found - reference))


def _by_score(n1: float, n2: float, reference: float, alpha: float, power: float, end: float) -> float | None:
    """The rate between `reference` and `end` (0 or 1) that the pooled test sees with this power; None: none."""
    from scipy.optimize import brentq

    level, beyond = _normal(alpha / 2), _normal(1 - power)

    def excess(rate: float) -> float:
        pooled = (n1 * rate + n2 * reference) / (n1 + n2)
        tested = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        true = math.sqrt(rate * (1 - rate) / n1 + reference * (1 - reference) / n2)
        return abs(rate - reference) - level * tested - beyond * true

    if excess(end) <= 0 or reference == end:
        return None
    return float(brentq(excess, reference, end, xtol=1e-12))


def detectable_difference(spread: float, alpha: float = 0.05, power: float = POWER) -> float:
    """The difference, either way, that an estimate with the standard error `spread` tells apart from none; normal."""
    return _quantiles(alpha, power) * spread


def detectable_gap(
    families: Sequence[Sequence[tuple[float, float]]], alpha: float, comparison: Comparison, power: float = POWER
) -> float | None:
    """The gap (difference or ratio) that would be seen between any two groups, even the two smallest ones.

    `families`: (rate, n) of the groups, a family per metric. Each is judged from its highest rate downwards at alpha
    divided by the number of its pairs; of several metrics the least is said. None where one of them sees nothing.
    """
    gaps = [_gap(family, alpha, comparison, power) for family in families]
    seen = [gap for gap in gaps if gap is not None]
    if not gaps or len(seen) < len(gaps):
        return None
    return min(seen) if comparison is Comparison.RATIO else max(seen)


def _gap(family: Sequence[tuple[float, float]], alpha: float, comparison: Comparison, power: float) -> float | None:
    count = len(family)
    if count < 2:
        return None
    small, larger, *_ = sorted(n for _, n in family)
    highest = max(rate for rate, _ in family)
    lower, _ = detectable_rates(small, larger, highest, alpha / (count * (count - 1) / 2), power)
    if lower is None:
        return None
    return lower / highest if comparison is Comparison.RATIO else highest - lower


def _quantiles(alpha: float, power: float) -> float:
    return _normal(alpha / 2) + _normal(1 - power)


@lru_cache(maxsize=1024)
def _normal(tail: float) -> float:
    from scipy.stats import norm

    return float(norm.isf(tail))
