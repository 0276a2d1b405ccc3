"""Confidence intervals of rates and of their comparisons. Counts in, `Interval` or None out; None: not estimable.

    wilson              one rate            Wilson 1927, as in Newcombe 1998a (method 3)
    newcombe            rate1 - rate2       Newcombe 1998b (method 10), from the two Wilson intervals
    koopman             rate1 / rate2       Koopman 1984, by inverting the score test

The worst case over many groups has intervals of its own (`audits.extremes`).

The closed form of Koopman's interval in statsmodels 0.15 breaks at rates of 0 and 100 % (20/20 against 20/20 is
complex, 20/20 against 19/20 gives 1.03 to 1.31, which excludes 1 although Fisher's p is 1.0) and loses its digits near
100 % (1/1301 against 2812/2813: the lower end is 15 % off). Here the score test is inverted by root finding with the
constrained maximum-likelihood estimate of Miettinen and Nurminen 1985 (their equation 12, without the factor
N / (N - 1)), which has no special case at the boundary.
"""

from __future__ import annotations

import math
from functools import lru_cache

from audits.result import Interval

Counts = tuple[float, float]
"""(events, n) of one group, 0 <= events <= n: integers, or effective counts (floats) where rows have weights."""


def wilson(k: float, n: float, confidence: float = 0.95) -> Interval | None:
    """Wilson's interval for k events of n, within [0, 1]. None where n is 0.

    Integers give what scipy's `binomtest(k, n).proportion_ci(method="wilson")` gives, to the last digit; it takes no
    effective counts (k and n floats). Raises ValueError unless 0 <= k <= n.
    """
    _check(k, n, confidence)
    if n == 0:
        return None
    z = _quantile_of_scipy(confidence)
    p = k / n
    denominator = 2 * (n + z**2)
    center = (2 * n * p + z**2) / denominator
    delta = z / denominator * math.sqrt(4 * n * p * (1 - p) + z**2)
    # Rounding leaves 1e-17 where the formula gives 0, and 1 - 1e-16 where it gives 1.
    lower = 0.0 if k == 0 else max(0.0, center - delta)
    upper = 1.0 if k == n else min(1.0, center + delta)
    return Interval(lower, upper, confidence, "wilson")


def newcombe(k1: float, n1: float, k2: float, n2: float, confidence: float = 0.95) -> Interval | None:
    """Newcombe's hybrid score interval for k1/n1 - k2/n2, within [-1, 1]. None where n1 or n2 is 0.

    With the Wilson intervals (l, u) of both rates: d - sqrt((p1 - l1)^2 + (u2 - p2)^2) to
    d + sqrt((u1 - p1)^2 + (p2 - l2)^2); statsmodels gives the same for integers.
    """
    _check(k1, n1, confidence)
    _check(k2, n2, confidence)
    if 0 in (n1, n2):
        return None
    (p1, low1, high1), (p2, low2, high2) = (_rate_and_ends(k, n, confidence) for k, n in ((k1, n1), (k2, n2)))
    lower = p1 - p2 - math.sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    upper = p1 - p2 + math.sqrt((p2 - low2) ** 2 + (high1 - p1) ** 2)
    return Interval(max(-1.0, lower), min(1.0, upper), confidence, "newcombe")


def koopman(k1: float, n1: float, k2: float, n2: float, confidence: float = 0.95) -> Interval | None:
    """Koopman's interval for (k1/n1) / (k2/n2), within [0, inf).

    `upper` is None where k2 is 0: no finite ratio can be excluded. None where n1 or n2 is 0, or where both groups
    have no event: the ratio 0 / 0 says nothing.
    """
    _check(k1, n1, confidence)
    _check(k2, n2, confidence)
    if 0 in (n1, n2) or k1 == k2 == 0:
        return None
    lower = _ratio_lower(k1, n1, k2, n2, confidence)
    upper = None if k2 == 0 else 1 / _ratio_lower(k2, n2, k1, n1, confidence)
    return Interval(lower, upper, confidence, "koopman")


def _rate_and_ends(k: float, n: float, confidence: float) -> tuple[float, float, float]:
    """(rate, lower, upper) of Wilson's interval as statsmodels rounds it: evidence keeps its last digit."""
    z, p = _quantile(confidence), k / n
    denominator = 1 + z**2 / n
    center = (p + z**2 / (2 * n)) / denominator
    distance = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / denominator
    return p, max(0.0, center - distance), min(1.0, center + distance)


def _ratio_lower(k1: float, n1: float, k2: float, n2: float, confidence: float) -> float:
    """The ratio below the estimate at which the score statistic reaches the normal quantile."""
    if k1 == 0:
        return 0.0
    from scipy.optimize import brentq

    quantile = _quantile(confidence)

    def excess(log_ratio: float) -> float:
        return _score(math.exp(log_ratio), k1, n1, k2, n2) - quantile

    # At the estimate the statistic is 0; with no event in the second group the estimate is infinite.
    high = math.log(k1 / n1 * n2 / k2) if k2 else math.log(k1 / n1) + 60.0
    step = 1.0
    while excess(high - step) < 0:
        step *= 2
    return float(math.exp(brentq(excess, high - step, high, xtol=1e-14, rtol=1e-14)))


def _score(ratio: float, k1: float, n1: float, k2: float, n2: float) -> float:
    """Signed score statistic of the hypothesis p1 = ratio * p2; decreasing in `ratio`."""
    a = ratio * (n1 + n2)
    b = ratio * (n1 + k2) + k1 + n2
    c = k1 + k2
    # The root in this form does not cancel; both roots are real, rounding aside.
    p2 = 2 * c / (b + math.sqrt(max(0.0, b * b - 4 * a * c)))
    p1 = ratio * p2
    variance = p1 * max(0.0, 1 - p1) / n1 + ratio * ratio * p2 * max(0.0, 1 - p2) / n2
    difference = k1 / n1 - ratio * k2 / n2
    if variance <= 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / math.sqrt(variance)


@lru_cache(maxsize=64)
def _quantile(confidence: float) -> float:
    from scipy.stats import norm

    return float(norm.isf((1 - confidence) / 2))


@lru_cache(maxsize=64)
def _quantile_of_scipy(confidence: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + 0.5 * confidence))


def _check(k: float, n: float, confidence: float) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} events of {n}: events must lie between 0 and n")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1")
