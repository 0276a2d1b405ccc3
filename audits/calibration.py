"""Do scores mean what they say? Calibration in groups, Brier score and log loss, from histograms of scores.

Everything here needs scores that are probabilities (a range within 0 to 1) and an outcome. The sums that the scan
keeps make every value exact; intervals use the variance between bins, with the most that can hide inside of a bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from audits.histogram import Array, Histogram, over
from audits.normal import quantile, two_sided_p
from audits.result import Interval

INTERVALS = 10
"""Intervals of the score in which calibration is looked at."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over rows with its standard error; `value` None where there are no rows, `error` None with one row."""

    value: float | None
    error: float | None

    def interval(self, confidence: float, low: float = -math.inf, high: float = math.inf) -> Interval | None:
        """The normal interval (central limit theorem), within [low, high]; None where nothing varies."""
        if self.value is None or not self.error:
            return None
        spread = quantile(confidence) * self.error
        return Interval(max(low, self.value - spread), min(high, self.value + spread), confidence, "normal")


def edges(bins: int) -> Array:
    """The first bins of the INTERVALS, and `bins` as the end: whole bins, so that every sum is exact."""
    return np.round(np.arange(INTERVALS + 1) * bins / INTERVALS).astype(int)


def mean_score(group: Histogram) -> Mean:
    """The mean score of a group (bins)."""
    if not group.weight:
        return Mean(None, None)
    middle = float(group.s.sum() / group.weight)
    return Mean(middle, _error(group, group.w2 * (group.means - middle) ** 2 + _spread(group) * group.within))


def brier_score(group: Histogram) -> Mean:
    """The mean of (score - outcome)^2 of a group (outcome, bins). sklearn.metrics.brier_score_loss."""
    if not group.weight.sum():
        return Mean(None, None)
    outcome = np.array([[0.0], [1.0]])
    total = group.s2 - 2 * outcome * group.s + outcome * group.w
    middle = float(total.sum() / group.weight.sum())
    losses = (group.means - outcome) ** 2
    inside = 4 * losses * group.within  # the loss moves by twice the distance to the outcome
    united = group.united(-2)
    return Mean(middle, _error(united, (group.w2 * (losses - middle) ** 2 + _spread(group) * inside).sum(axis=-2)))


def log_loss(group: Histogram) -> Mean:
    """The mean of -ln(score) over favourable and -ln(1 - score) over other rows of a group (outcome, bins).

    Scores are held 2^-52 from 0 and 1, as in sklearn.metrics.log_loss. Inside of a bin the variance is at most a
    quarter of the squared range of the losses (Popoviciu), which is what the interval takes.
    """
    if not group.weight.sum():
        return Mean(None, None)
    total = -np.stack([group.lq[0], group.lp[1]])
    middle = float(total.sum() / group.weight.sum())
    means, ranges = over(total, group.w), _loss_ranges(group)
    united = group.united(-2)
    return Mean(middle, _error(united, (group.w2 * ((means - middle) ** 2 + ranges**2 / 4)).sum(axis=-2)))


def _loss_ranges(group: Histogram) -> Array:
    filled, floor = group.n > 0, 2.0**-52
    low, high = (np.clip(np.where(filled, ends, 0.5), floor, 1 - floor) for ends in (group.lo, group.hi))
    return np.stack([np.log((1 - low[0]) / (1 - high[0])), np.log(high[1] / low[1])])


def _spread(group: Histogram) -> Array:
    """Mean weight of the rows of a bin, by weight: sum w^2 / sum w; 1 where nothing is weighted."""
    return over(group.w2, group.w)


def _error(group: Histogram, squares: Array) -> float | None:
    """The standard error of a mean from the weighted squares of each bin; None with fewer than two effective rows."""
    effective = float(group.effective)
    if effective <= 1:
        return None
    return math.sqrt(float(squares.sum()) * effective / (effective - 1)) / float(group.weight)


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Calibration of one group in the INTERVALS of the score; all arrays (INTERVALS,).

    `n` rows, `events` favourable outcomes among them, `observed` their weighted share and `expected` the mean score
    (NaN without rows), `effective` rows; `gaps` the sum of w (outcome - score) over the sum of all w.
    """

    n: Array
    events: Array
    observed: Array
    expected: Array
    effective: Array
    gaps: Array


def reliability(group: Histogram) -> Reliability:
    """Observed rate against mean score of a group (outcome, bins)."""
    starts = edges(group.n.shape[-1])[:-1]
    n, w, w2, s = (np.add.reduceat(a, starts, axis=-1) for a in (group.n, group.w, group.w2, group.s))
    weight = np.where(w.sum(axis=0) > 0, w.sum(axis=0), np.nan)
    return Reliability(
        n=n.sum(axis=0),
        events=n[1],
        observed=w[1] / weight,
        expected=s.sum(axis=0) / weight,
        effective=over(w.sum(axis=0) ** 2, w2.sum(axis=0)),
        gaps=over(w[1] - s.sum(axis=0), group.weight.sum()),
    )


def calibration_error(found: Reliability) -> float:
    """Expected calibration error (Naeini et al. 2015): the mean absolute gap of observed rate and mean score."""
    return float(np.abs(found.gaps).sum())


def gap_noise(group: Histogram, replicates: int, generator: np.random.Generator) -> Array:
    """Replicates of the error of `Reliability.gaps`, (replicates, INTERVALS), of a group (outcome, bins).

    Normal with the covariance of the row bootstrap: E[r^2] in an interval less the product of the gaps.
    """
    outcome = np.array([[0.0], [1.0]])
    squares = (group.w2 * (group.means - outcome) ** 2 + _spread(group) * group.within).sum(axis=0)
    starts, total = edges(group.n.shape[-1])[:-1], group.weight.sum()
    gaps = reliability(group).gaps
    variance = np.diag(np.add.reduceat(squares, starts)) / total**2
    covariance = variance - np.outer(gaps, gaps) * group.w2.sum() / total**2
    return generator.multivariate_normal(
        np.zeros(INTERVALS), covariance, replicates, method="eigh", check_valid="ignore"
    )


def error_moves(found: Reliability, noise: Array, n: float) -> tuple[Array, Array]:
    """How noise moves the calibration error: (where a gap may be 0, upwards whatever its sign; signs as they stand).

    The directional derivative of Fang and Santos 2019; `n` is the (effective) number of rows.
    """
    doubt = noise.std(axis=0) * math.sqrt(math.log(max(n, 3.0)))
    signed = noise * np.sign(found.gaps)
    return np.where(np.abs(found.gaps) <= doubt, np.abs(noise), signed).sum(axis=1), signed.sum(axis=1)


def calibration_error_interval(value: float, moves: tuple[Array, Array], confidence: float) -> Interval | None:
    """The interval of an expected calibration error, within [0, 1]; None where nothing varies."""
    up, signed = moves
    if not np.ptp(up) > 0:
        return None
    tail = (1 - confidence) / 2
    lower = value - float(np.quantile(up, 1 - tail))
    upper = value - min(0.0, float(np.quantile(signed, tail)))
    return Interval(max(0.0, lower), min(1.0, upper), confidence, "multiplier bootstrap")


def calibration_difference(
    value: float, one: tuple[Array, Array], other: tuple[Array, Array], confidence: float
) -> tuple[Interval | None, float | None]:
    """Each end with the moves that take it further out: noise lifts the error of one group, not of the other."""
    lifted, lowered = one[0] - other[1], one[1] - other[0]
    if not np.ptp(lifted) > 0:
        return None, None
    tail = (1 - confidence) / 2
    lower, upper = value - float(np.quantile(lifted, 1 - tail)), value - float(np.quantile(lowered, tail))
    # Noise alone may lift either error by its mean: only what exceeds that counts against no difference.
    excess = max(0.0, abs(value) - max(float(lifted.mean()), -float(lowered.mean()), 0.0))
    p = two_sided_p(excess / max(float(lifted.std()), float(lowered.std())))
    interval = Interval(min(lower, value), max(upper, value), confidence, "multiplier bootstrap")
    return interval, p
