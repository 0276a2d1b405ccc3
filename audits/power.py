"""What a comparison could have seen: the smallest disparity that the sample detects. Printed beside "no indication"."""

from __future__ import annotations

import math

POWER = 0.8
"""Probability with which the named disparity would have been seen."""


def detectable_rate(n1: int, n2: int, reference: float, confidence: float = 0.95, power: float = POWER) -> float | None:
    """The highest rate below `reference` that n1 against n2 rows tell apart from it with this power; None: none does.

    Cohen 1988, section 6.2: effect size h = 2 asin(sqrt(p2)) - 2 asin(sqrt(p1)), normal approximation, two-sided; the
    inverse of statsmodels `NormalIndPower().solve_power`. With 3,205 rows in each group and a reference rate of 0.1
    that is 0.08, a ratio of 0.8.
    """
    from scipy.stats import norm

    effect = (norm.isf((1 - confidence) / 2) + norm.isf(1 - power)) * math.sqrt(1 / n1 + 1 / n2)
    angle = math.asin(math.sqrt(reference)) - float(effect) / 2
    return math.sin(angle) ** 2 if angle > 0 else None
