"""Tests of no difference between two rates. Counts in, p in [0, 1] out; None where a group has no rows.

    an expected count below 5   Fisher's exact test, two-sided (29 CFR 1607.4 D practice; Cochran 1954 for the 5)
    otherwise                   pooled two-proportion z, two-sided: the score test, which Koopman's interval inverts
    z in its tail               never below the exact tail (mid-p): Holm asks for p that the normal curve gets wrong

Why the third line: with 5 events expected in 50 rows against 5,000, 15 events have z = 4.6 and p = 3e-6, and happen
in 7 of 100,000 samples; by z alone the chance of p <= 1e-5 reaches 4 times that. Where p falls under 0.01 it is
therefore not taken below twice the smaller mid-tail of the hypergeometric distribution (up to 0.01, so that it stays
monotone). Summed exactly over all tables of 40 and 40, 50 and 400, 100 and 300, 30 and 800 rows at 48 rates, the chance
of p <= a is then at most 1.13 a, for every a of .05, .01, .005, .001, 1e-4, 1e-5. With at least 10,000 of every kind
expected the two agree, and z stays.

Weights: the counts are effective ones. z takes them as they are; the exact distributions need integers and get the
nearest ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from audits.verdicts import Counts

FEW = 5
"""Below so many expected events (or non-events) in a group, Fisher's exact test."""
TAIL = 0.01
"""Below this p the normal curve alone is not trusted."""
MANY = 10_000
"""From so many expected events and non-events on it is trusted anywhere."""


def p_value(group: Counts, reference: Counts) -> float | None:
    """Two-sided p of equal rates; None where a group has no rows. 1 where nobody, or everybody, has an event."""
    return p_values([(group, reference)])[0]


def p_values(pairs: Sequence[tuple[Counts, Counts]]) -> tuple[float | None, ...]:
    """`p_value` of many pairs: equal pairs are tested once."""
    import numpy as np

    distinct = list(dict.fromkeys(pair for pair in pairs if pair[0][1] and pair[1][1]))
    if not distinct:
        return (None,) * len(pairs)
    k1, n1, k2, n2 = np.array([(*one, *other) for one, other in distinct], dtype=float).T
    expected = _least_expected(k1, n1, k2, n2)
    p = _normal(k1, n1, k2, n2)
    far = (p < TAIL) & (expected >= FEW) & (expected < MANY)
    if far.any():
        p[far] = np.maximum(p[far], np.minimum(TAIL, _exact_tails(k1[far], n1[far], k2[far], n2[far])))
    for position in np.flatnonzero(expected < FEW):
        p[position] = fisher(*distinct[position])
    tested = {pair: float(value) for pair, value in zip(distinct, p, strict=True)}
    return tuple(tested.get(pair) for pair in pairs)


def fisher(group: Counts, reference: Counts) -> float:
    """Fisher's exact test, two-sided (the sum over tables that are no likelier), by scipy. Counts become integers."""
    return _fisher(*map(round, (*group, *reference)))


def standard_deviations(group: Counts, reference: Counts) -> float | None:
    """By how many standard deviations the rates differ, signed: the number of the two-standard-deviation rule.

    Pooled: (p1 - p2) / sqrt(p (1 - p) (1/n1 + 1/n2)) (Hazelwood School District v. United States, 433 U.S. 299, 1977,
    note 14, for two samples; UGESP questions and answers). None where a group has no rows or nothing varies.
    """
    (k1, n1), (k2, n2) = group, reference
    if not n1 or not n2 or not 0 < k1 + k2 < n1 + n2:
        return None
    pooled = (k1 + k2) / (n1 + n2)
    return (k1 / n1 - k2 / n2) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))


def _least_expected(k1: Any, n1: Any, k2: Any, n2: Any) -> Any:
    """The smallest expected count of the two by two table, under one rate; infinite where nothing varies: p is 1."""
    import numpy as np

    total, events = n1 + n2, k1 + k2
    least = np.minimum(n1, n2) * np.minimum(events, total - events) / total
    return np.where(least > 0, least, np.inf)


def _normal(k1: Any, n1: Any, k2: Any, n2: Any) -> Any:
    import numpy as np
    from scipy.special import ndtr

    pooled = (k1 + k2) / (n1 + n2)
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    difference = np.abs(k1 / n1 - k2 / n2)
    z = np.divide(difference, deviation, out=np.zeros_like(difference), where=deviation > 0)
    return 2 * ndtr(-z)


def _exact_tails(k1: Any, n1: Any, k2: Any, n2: Any) -> Any:
    """Twice the smaller mid-tail of the first count given all margins: what was seen counts half (Lancaster 1961)."""
    import numpy as np
    from scipy.stats import hypergeom

    k, n, others, rest = (np.rint(counts) for counts in (k1, n1, k2, n2))
    distribution = hypergeom(n + rest, k + others, n)
    smaller = np.minimum(distribution.cdf(k), distribution.sf(k - 1))
    return np.minimum(1.0, 2 * smaller - distribution.pmf(k))


@lru_cache(maxsize=65_536)
def _fisher(k1: int, n1: int, k2: int, n2: int) -> float:
    from scipy.stats import fisher_exact

    return min(1.0, float(fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue))
