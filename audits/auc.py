"""The area under the ROC curve, in one group and across two, from histograms of scores.

The AUC of positives and negatives is the chance that a positive scores above a negative, a tie counting half. Taken
between two groups it is the xAUC of Kallus and Zhou 2019 (also BPSN and BNSP AUC, Borkan et al. 2019, where one side
is everybody else): equal AUC within groups can hide that the positives of one lie below the negatives of another.

Two scores in one bin are compared by the bin's smallest and largest values where these decide; otherwise half of the
pairs is assumed, which is wrong by at most pos_b * neg_b / 2 pairs (`error`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from audits.histogram import Array, Histogram, over
from audits.normal import quantile
from audits.result import Interval


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """AUCs, each array of shape (...). The exact value lies within `error` of `value`; NaN without rows on a side.

    `variance` is DeLong's (DeLong, DeLong and Clarke-Pearson 1988), NaN with fewer than two rows on a side.
    `positives` and `negatives` are (effective) numbers of rows.
    """

    value: Array
    error: Array
    variance: Array
    positives: Array
    negatives: Array


def areas(positive: Histogram, negative: Histogram) -> Area:
    """The AUC of `positive` against `negative`, whose leading axes broadcast; weighted by the rows' weights."""
    p, n = positive.weight, negative.weight
    share, open_bins = _in_bin(positive, negative)
    below = np.cumsum(negative.w, axis=-1) - negative.w
    above = p[..., None] - np.cumsum(positive.w, axis=-1)
    of_positives = over(below + share * negative.w, n[..., None])
    of_negatives = over(above + share * positive.w, p[..., None])
    pairs = np.where((p > 0) & (n > 0), p * n, np.nan)
    value = (positive.w * of_positives).sum(axis=-1) * n / pairs
    variance = _variance(positive, of_positives, value) + _variance(negative, of_negatives, value)
    doubtful = np.where(open_bins, positive.w * negative.w, 0.0).sum(axis=-1)
    return Area(np.clip(value, 0, 1), doubtful / (2 * pairs), variance, positive.effective, negative.effective)


def _in_bin(positive: Histogram, negative: Histogram) -> tuple[Array, Array]:
    """(share of a bin's pairs that the positive wins, is it only assumed?)."""
    wins, loses = positive.lo > negative.hi, positive.hi < negative.lo
    tied = (positive.lo == positive.hi) & (negative.lo == negative.hi) & (positive.lo == negative.lo)
    return np.where(wins, 1.0, np.where(loses, 0.0, 0.5)), ~(wins | loses | tied)


def _variance(side: Histogram, placements: Array, value: Array) -> Array:
    """The variance of the mean placement: sum w^2 (V - mean)^2 / (sum w)^2, times n / (n - 1)."""
    squares = (side.w2 * (placements - value[..., None]) ** 2).sum(axis=-1)
    effective = side.effective
    correction = np.where(effective > 1, over(effective, effective - 1), np.nan)
    return over(squares, side.weight**2) * correction


def auc_interval(
    value: float, error: float, variance: float, positives: float, negatives: float, confidence: float
) -> Interval | None:
    """The interval of one AUC, widened by `error`, within [0, 1].

    DeLong's variance on the logit scale (Pepe 2003, section 5.2); where no pair, or every pair, is in order it is 0,
    and the interval is Newcombe's (2006, part 2, method 5), which inverts a variance that depends on the AUC alone.
    None where the variance does not exist, or vanishes between: all scores are the same, for example.
    """
    if not 0 <= value <= 1 or not math.isfinite(variance):
        return None
    if value in (0.0, 1.0):
        far = newcombe_end(value, positives, negatives, confidence)
        low, high, method = min(value, far), max(value, far), "newcombe (2006)"
    elif variance <= 0:
        return None
    else:
        spread = quantile(confidence) * math.sqrt(variance) / (value * (1 - value))
        middle = math.log(value / (1 - value))
        low, high, method = _expit(middle - spread), _expit(middle + spread), "delong, logit"
    return Interval(max(0.0, low - error), min(1.0, high + error), confidence, method)


def newcombe_end(value: float, positives: float, negatives: float, confidence: float) -> float:
    """The end of Newcombe's interval opposite to an AUC of 0 or 1; `positives` and `negatives` > 0 rows.

    Solves z^2 t (1 - t) [1 + m ((1 - t) / (2 - t) + t / (1 + t))] / (positives negatives) = (value - t)^2 with
    m = (positives + negatives) / 2 - 1.
    """
    from scipy.optimize import brentq

    m, pairs, z = (positives + negatives) / 2 - 1, positives * negatives, quantile(confidence)

    def excess(gap: float) -> float:
        # By symmetry only the distance from the boundary matters; dividing by it removes the root at the boundary.
        variance = (1 - gap) * (1 + m * ((1 - gap) / (2 - gap) + gap / (1 + gap))) / pairs
        return gap - z * z * variance

    gap = float(brentq(excess, 0.0, 1.0, xtol=1e-15))
    return gap if value == 0 else 1 - gap


def _expit(number: float) -> float:
    return 1 / (1 + math.exp(-number)) if number > -700 else 0.0
