"""The normal distribution as intervals and tests of large samples use it; cached, as it is asked very often."""

from __future__ import annotations

import math
from functools import lru_cache


@lru_cache(maxsize=64)
def quantile(confidence: float) -> float:
    """How many standard errors a two-sided interval reaches on each side: 1.96 for 0.95."""
    from scipy.stats import norm

    return float(norm.isf((1 - confidence) / 2))


def two_sided_p(z: float) -> float:
    """The chance of a deviation of z standard errors or more on either side."""
    return math.erfc(abs(z) / math.sqrt(2))
