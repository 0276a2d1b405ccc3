"""Numbers in groups from sums of their powers: means, errors, and differences in standard deviations, with spreads.

The scan holds every number within [-1, 1] of the declared range before it is summed, so an offset (salaries around
1e9) costs no digits; what is left is the spread of a group against that range. Below `LEAST_SPREAD` of it a standard
deviation would be the rounding of the sums, and is taken for none.

Standard errors are those of linearised ratios with sums of squared weights (Cochran 1977, 6.3; Wolter 2007, 6.5);
without weights these are the usual ones, s / sqrt(n).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from audits.histogram import Array
from audits.result import Interval
from audits.scan import POWERS
from audits.score_cells import ScoreCells

LEAST_SPREAD = 1e-5
"""In units of [-1, 1]: sums have 14 digits, so a variance of 1e-10 has four."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its standard error (None: nothing varies, or one row) and the effective number of rows behind it."""

    value: float
    spread: float | None
    rows: float


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Powers of x in groups: sums of w x^k and of w^2 x^k, (groups, powers), k = 0, 1, ...; x lies within [-1, 1].

    The number itself is center + scale * x.
    """

    w: Array
    v: Array
    center: float
    scale: float

    def __getitem__(self, group: int) -> Sums:
        """One group: the arrays are then (powers,)."""
        return Sums(self.w[group], self.v[group], self.center, self.scale)

    def from_center(self) -> Sums:
        """The same numbers less their center: differences of two groups then keep their digits."""
        return Sums(self.w, self.v, 0.0, self.scale)

    def together(self) -> Sums:
        """All groups as one."""
        return Sums(self.w.sum(axis=0), self.v.sum(axis=0), self.center, self.scale)


def sums_of(cells: ScoreCells, name: str, place: Array, groups: int) -> Sums:
    """The sums of a number of `audits.scan.POWERS`; `place` (entries,) is the group of each entry of `cells`.

    Groups known by probabilities count as the people that they are expected to have.
    """
    columns = cells.columns
    w = np.stack([np.bincount(place, column, groups) for column in (columns["w"], *_powers(cells, name, ""))], axis=1)
    v: Array = w
    if cells.rows_per_weight is not None:
        v = w / cells.rows_per_weight
    elif cells.weighted:
        squares = (columns["w2"], *_powers(cells, name, "_w2"))
        v = np.stack([np.bincount(place, column, groups) for column in squares], axis=1)
    width = cells.high - cells.low
    center, scale = ((cells.low + cells.high) / 2, width / 2) if name in "py" else (0.0, width)
    return Sums(w, v, center, scale)


def _powers(cells: ScoreCells, name: str, suffix: str) -> tuple[Array, ...]:
    found = [f"{name}{power}" for power in range(1, POWERS[name] + 1)]
    found += ["r2"] if name == "a" else []  # the square of an absolute value is that of the number
    return tuple(cells.columns[power + suffix] for power in found)


def mean(sums: Sums) -> Estimate | None:
    """The mean of one group; None without rows."""
    return _moment(sums, 1, sums.scale, sums.center)


def root_mean_square(sums: Sums) -> Estimate | None:
    """The root of the mean square of one group, of numbers with center 0; its error by the delta method."""
    squares = _moment(sums, 2, sums.scale**2, 0.0)
    if squares is None:
        return None
    value = math.sqrt(max(0.0, squares.value))
    spread = squares.spread / (2 * value) if squares.spread and value else None
    return Estimate(value, spread, squares.rows)


def deviation(sums: Sums) -> float | None:
    """The population standard deviation of one group; None without rows, and where nothing varies."""
    if not sums.w[0] > 0:
        return None
    middle = sums.w[1] / sums.w[0]
    variance = sums.w[2] / sums.w[0] - middle**2
    return None if variance < LEAST_SPREAD**2 else float(math.sqrt(variance) * sums.scale)


def standardized_difference(groups: Sums, pair: tuple[int, int]) -> Estimate | None:
    """(mean of the first - mean of the second) / population standard deviation of all groups together.

    Its error takes in that the standard deviation is an estimate from the same rows (delta method). `rows` is the
    Welch-Satterthwaite number of degrees of freedom, and 1. None where a group has no rows or nothing varies at all.
    """
    groups = groups.from_center()
    everybody = groups.together()
    whole = deviation(everybody)
    one, other = mean(groups[pair[0]]), mean(groups[pair[1]])
    if whole is None or one is None or other is None:
        return None
    apart = difference(one, other)
    value = apart.value / whole
    if apart.spread is None:
        return Estimate(value, None, apart.rows)
    variance = (apart.spread / whole) ** 2 + _moved(groups, everybody, pair, value, whole / groups.scale)
    return Estimate(value, math.sqrt(variance) if variance > 0 else apart.spread / whole, apart.rows)


def _moved(groups: Sums, everybody: Sums, pair: tuple[int, int], value: float, whole: float) -> float:
    """What the error of the standard deviation adds to the variance: its own part, less what goes with the means.

    All in units of x. With u = ((x - m1) / W1 on the first group, -(x - m2) / W2 on the second) / S and
    c = value / (2 S^2 W) ((x - m)^2 - S^2), the variance is the sum of w^2 (u - c)^2; that of w^2 u^2 is known.
    """
    middle = everybody.w[1] / everybody.w[0]
    squared = np.array([middle**2 - whole**2, -2 * middle, 1.0])
    factor = value / (2 * whole**2 * everybody.w[0])
    own = factor**2 * float(np.polynomial.polynomial.polymul(squared, squared) @ everybody.v)
    shared = 0.0
    for sign, group in zip((1, -1), pair, strict=True):
        w, v = groups.w[group], groups.v[group]
        line = np.array([-w[1] / w[0], 1.0]) / (w[0] * whole)
        shared += sign * float(np.polynomial.polynomial.polymul(line, squared) @ v[:4])
    return float(own - 2 * factor * shared)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """one - other of two independent groups (Welch): the error is None where it is None on both sides."""
    parts = [(item.spread or 0.0, item.rows) for item in (one, other)]
    spread = math.hypot(*(part for part, _ in parts))
    if not spread:
        return Estimate(one.value - other.value, None, min(one.rows, other.rows))
    freedom = (spread * spread) ** 2 / sum(part**4 / (rows - 1) for part, rows in parts if part)
    return Estimate(one.value - other.value, spread, freedom + 1)


def root_mean_square_difference(groups: Sums, pair: tuple[int, int]) -> Estimate | None:
    """Root mean square of the first less that of the second group; None where one has no rows.

    The error is the larger one of Welch's and of that by both groups together. Few rows of a skewed number show too
    little of its spread: of 30 rows against 300 with one exponential distribution Welch's alone finds a difference in
    18 of 100 samples at 5 %, the larger one in 1.
    """
    one, other = root_mean_square(groups[pair[0]]), root_mean_square(groups[pair[1]])
    both = Sums(groups.w[list(pair)], groups.v[list(pair)], groups.center, groups.scale).together()
    together = root_mean_square(both)
    if one is None or other is None or together is None:
        return None
    apart = difference(one, other)
    if apart.spread is None or together.spread is None:
        return apart
    pooled = together.spread * math.sqrt(together.rows * (1 / one.rows + 1 / other.rows))
    return Estimate(apart.value, max(apart.spread, pooled), apart.rows)


def interval(
    estimate: Estimate, confidence: float, method: str, low: float = -math.inf, high: float = math.inf
) -> Interval | None:
    """Student's t interval, within [low, high]; None where nothing varies."""
    if not estimate.spread:
        return None
    half = student_quantile(confidence, estimate.rows - 1) * estimate.spread
    return Interval(max(low, estimate.value - half), min(high, estimate.value + half), confidence, method)


def p_of(estimate: Estimate) -> float | None:
    """Two-sided p of a true value of 0, by Student's t; None where nothing varies."""
    if not estimate.spread:
        return None
    from scipy.special import stdtr

    return float(2 * stdtr(estimate.rows - 1, -abs(estimate.value) / estimate.spread))


@lru_cache(maxsize=4096)
def student_quantile(confidence: float, freedom: float) -> float:
    """How many standard errors a two-sided t interval reaches on each side."""
    from scipy.special import stdtrit

    return float(-stdtrit(freedom, (1 - confidence) / 2))


def _moment(sums: Sums, power: int, scale: float, center: float) -> Estimate | None:
    """The mean of x^power of one group, times scale and from center."""
    w, v = sums.w, sums.v
    if not w[0] > 0:
        return None
    middle = float(w[power] / w[0])
    rows = float(w[0] ** 2 / v[0])
    squares = float(v[2 * power] - 2 * middle * v[power] + middle**2 * v[0])
    value = center + scale * middle
    if rows <= 1 or squares / float(v[0]) < LEAST_SPREAD ** (2 * power):
        return Estimate(value, None, rows)
    return Estimate(value, scale * math.sqrt(squares * rows / (rows - 1)) / float(w[0]), rows)
