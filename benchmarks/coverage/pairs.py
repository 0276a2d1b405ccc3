"""Study 1: exact coverage of Wilson's, Newcombe's and Koopman's intervals, by summing over all outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom

from audits.intervals import koopman, newcombe, wilson
from benchmarks.coverage.worlds import Array

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
SIZES = (10, 30, 100, 300, 1_000, 10_000, 100_000)
RATIOS = (1.0, 0.8, 0.5)
PAIRS = ((10, 10), (30, 30), (30, 300), (100, 100), (100, 1_000), (1_000, 1_000), (30, 100_000), (10_000, 10_000))
_REACH = 8.0
_Z = float(ndtri(0.975))


@dataclass(frozen=True, slots=True)
class Exact:
    """One method in one world. `expected`: the fewest events expected in a group, `scarcest`: events or non-events."""

    method: str
    n1: int
    n2: int
    p1: float
    p2: float
    expected: float
    scarcest: float
    coverage: float


def exact(*, quick: bool) -> Iterator[Exact]:
    """Every size and rate; `quick` leaves out the largest."""
    most = 1_000 if quick else 100_000
    for n, p in product((n for n in SIZES if n <= most), RATES):
        yield Exact("wilson", n, 0, p, p, n * p, n * min(p, 1 - p), _one(n, p))
    for (n1, n2), p2, ratio in product((pair for pair in PAIRS if max(pair) <= most), RATES, RATIOS):
        p1 = ratio * p2
        expected = min(n1 * p1, n2 * p2)
        scarcest = min(n * min(p, 1 - p) for n, p in ((n1, p1), (n2, p2)))
        for method, coverage in zip(("newcombe", "koopman"), _two(n1, n2, p1, p2), strict=True):
            yield Exact(method, n1, n2, p1, p2, expected, scarcest, coverage)


def _likely(n: int, p: float) -> Array:
    """The outcomes that matter: all but 1e-14 of the mass."""
    reach = _REACH * math.sqrt(n * p * (1 - p)) + _REACH
    return np.arange(max(0, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach)) + 1, dtype=float)


@cache
def _ends(k: int, n: int) -> tuple[float, float]:
    found = wilson(k, n)
    if found is None or found.upper is None:
        raise ValueError(f"no interval for {k} of {n}")
    return found.lower, found.upper


def _one(n: int, p: float) -> float:
    k = _likely(n, p)
    ends = np.array([_ends(int(each), n) for each in k])
    return float(binom.pmf(k, n, p)[(ends[:, 0] <= p) & (p <= ends[:, 1])].sum())


def _two(n1: int, n2: int, p1: float, p2: float) -> tuple[float, float]:
    """Coverage of the difference by Newcombe and of the ratio by Koopman (given that a ratio can be estimated)."""
    k1, k2 = _likely(n1, p1), _likely(n2, p2)
    chance = binom.pmf(k1, n1, p1)[:, None] * binom.pmf(k2, n2, p2)
    by_difference = _newcombe(k1, n1, k2, n2, p1 - p2)
    by_ratio = _koopman(k1, n1, k2, n2, p1 / p2)
    _same_as_audits(k1, n1, k2, n2, (p1 - p2, p1 / p2), by_difference, by_ratio)
    possible = (k1[:, None] > 0) | (k2 > 0)
    return float(chance[by_difference].sum()), float(chance[by_ratio & possible].sum() / chance[possible].sum())


def _newcombe(k1: Array, n1: int, k2: Array, n2: int, truth: float) -> np.ndarray:
    r1, r2 = (k1 / n1)[:, None], k2 / n2
    ends1, ends2 = (np.array([_ends(int(k), n) for k in ks]) for ks, n in ((k1, n1), (k2, n2)))
    low1, high1 = ends1[:, :1], ends1[:, 1:]
    low2, high2 = ends2.T
    return (truth >= r1 - r2 - np.hypot(r1 - low1, high2 - r2)) & (truth <= r1 - r2 + np.hypot(high1 - r1, r2 - low2))


def _koopman(k1: Array, n1: int, k2: Array, n2: int, ratio: float) -> np.ndarray:
    """Is the ratio in Koopman's interval: is its score test passed?"""
    one, other = k1[:, None], k2
    a, b, c = ratio * (n1 + n2), ratio * (n1 + other) + one + n2, one + other
    p2 = 2 * c / (b + np.sqrt(np.maximum(0, b * b - 4 * a * c)))
    p1 = np.minimum(1, ratio * p2)
    variance = p1 * (1 - p1) / n1 + ratio**2 * p2 * np.maximum(0, 1 - p2) / n2
    difference = one / n1 - ratio * other / n2
    return difference**2 <= _Z**2 * variance + 1e-15


def _same_as_audits(
    k1: Array, n1: int, k2: Array, n2: int, truths: tuple[float, float], by_difference: np.ndarray, by_ratio: np.ndarray
) -> None:
    """The vectors above are the intervals of an audit: asked for a few outcomes of every world."""
    generator = np.random.default_rng([n1, n2, len(k1)])
    for _ in range(3):
        i, j = int(generator.integers(len(k1))), int(generator.integers(len(k2)))
        counts = int(k1[i]), n1, int(k2[j]), n2
        for found, truth, inside in (
            (newcombe(*counts), truths[0], by_difference[i, j]),
            (koopman(*counts), truths[1], by_ratio[i, j]),
        ):
            if found is None:
                continue
            upper = math.inf if found.upper is None else found.upper
            close = min(abs(truth - found.lower), abs(truth - upper)) < 1e-9
            if not close and bool(inside) != (found.lower <= truth <= upper):
                raise AssertionError(f"{found.method} of {counts} and the vectors disagree about {truth}")
