"""How far apart the scores of two groups lie: Kolmogorov-Smirnov and Wasserstein, from histograms, with bounds.

The cumulative shares F and G are known exactly between the bins' smallest and largest scores; only inside of a bin
the order of the rows is unknown. There the mean score of the bin still gives the integral of F - G exactly, so the
Wasserstein distance is exact wherever F and G do not cross inside of a bin.

Intervals: the process F - G is drawn by a Gaussian multiplier bootstrap of the histogram (van der Vaart and Wellner
1996, section 3.6) and put through the directional derivative of the distance (Fang and Santos 2019): where F - G may
be 0, noise moves the distance up whatever its sign. A plain percentile bootstrap never contains 0 there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from audits.histogram import Array, Histogram, over
from audits.result import Interval

BLOCKS = 128
"""Bins are joined to so many blocks of about equal weight before the bootstrap draws them."""


@dataclass(frozen=True, slots=True)
class Distance:
    """The exact value lies between `value` and `value + error`; both in [0, 1] (KS) or in the score's unit."""

    value: float
    error: float


def kolmogorov_smirnov(one: Histogram, other: Histogram) -> Distance | None:
    """The largest absolute difference of the two cumulative shares (bins); None where a group has no rows.

    Between bins it is exact; inside of a bin it cannot exceed what the bin's whole weight of one group allows.
    """
    if not one.weight or not other.weight:
        return None
    p, q, before, after = _steps(one, other)
    first, second = one.hi < other.lo, other.hi < one.lo
    both = (one.n > 0) & (other.n > 0)
    peaks = np.abs(np.where(first, before + p, np.where(second, before - q, after)))
    settled = first | second | ~both | (np.minimum(one.lo, other.lo) == np.maximum(one.hi, other.hi))
    known = max(np.abs(after).max(), np.where(both, peaks, 0.0).max())
    possible = np.where(settled, 0.0, np.maximum(np.abs(before + p), np.abs(before - q))).max()
    return Distance(float(known), max(0.0, float(possible - known)))


def wasserstein(one: Histogram, other: Histogram) -> Distance | None:
    """The integral of the absolute difference of the two cumulative shares (bins), in the score's unit.

    Inside of a bin the absolute integral of F - G is known; where F - G may change its sign there, it can lack twice
    the bin's width times the least that it can lie on the other side. None where a group has no rows.
    """
    if not one.weight or not other.weight:
        return None
    p, q, before, _ = _steps(one, other)
    filled = (one.n > 0) | (other.n > 0)
    low, high = np.minimum(one.lo, other.lo)[filled], np.maximum(one.hi, other.hi)[filled]
    p, q, before, width = p[filled], q[filled], before[filled], high - low
    gaps = np.abs(before[1:]) * (low[1:] - high[:-1])
    area = before * width + _below(one, filled, high) - _below(other, filled, high)
    area = np.clip(area, (before - q) * width, (before + p) * width)
    crossing = 2 * width * np.minimum(np.maximum(0, q - before), np.maximum(0, before + p))
    most = width * np.maximum(np.abs(before + p), np.abs(before - q)) - np.abs(area)
    error = np.maximum(0, np.minimum(crossing, most))
    return Distance(float(gaps.sum() + np.abs(area).sum()), float(error.sum()))


def _steps(one: Histogram, other: Histogram) -> tuple[Array, Array, Array, Array]:
    """Shares of each bin in the two groups, and the difference of the cumulative shares before and after each bin."""
    p, q = one.w / one.weight, other.w / other.weight
    after = np.cumsum(one.w) / one.weight - np.cumsum(other.w) / other.weight
    after[-1] = 0.0
    return p, q, np.concatenate([[0.0], after[:-1]]), after


def _below(group: Histogram, filled: Array, high: Array) -> Array:
    """The integral of the group's own share inside of each filled bin, up to the largest score of the bin."""
    w = group.w[filled]
    return np.where(w > 0, w * (high - group.means[filled]), 0.0) / group.weight


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Neighbouring bins joined: `starts` (blocks,) are their first bins, `places` (blocks,) their mean scores."""

    starts: Array
    places: Array

    def joined(self, bins: Array) -> Array:
        """Sums over the bins (the last axis) of each block."""
        return np.add.reduceat(bins, self.starts, axis=-1)


def blocks_of(groups: Histogram) -> Blocks:
    """At most BLOCKS blocks, none of them empty, from groups (groups, bins) together."""
    together = groups.united()
    filled = np.flatnonzero(together.n > 0)
    shares = (np.cumsum(together.w[filled]) - together.w[filled] / 2) / together.weight
    number = np.floor(shares * BLOCKS) if len(filled) > BLOCKS else np.arange(len(filled))
    starts = filled[np.flatnonzero(np.diff(number, prepend=-1))]
    joined = Blocks(starts, np.empty(0))
    return Blocks(starts, over(joined.joined(together.s), joined.joined(together.w)))


def drawn(group: Histogram, blocks: Blocks, replicates: int, generator: np.random.Generator) -> Array:
    """Replicates of the error of a group's cumulative shares after each block, (replicates, blocks); group (bins)."""
    shares = np.cumsum(blocks.joined(group.w)) / group.weight
    spread = np.sqrt(blocks.joined(group.w2)) / group.weight
    path = np.cumsum(generator.standard_normal((replicates, len(shares))) * spread, axis=1)
    return np.asarray(path - shares * path[:, -1:])


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Two groups in blocks: the difference of their cumulative shares, and replicates of its error.

    `difference` and `places` are (blocks,), `noise` (replicates, blocks), `n` the smaller (effective) group.
    """

    difference: Array
    places: Array
    noise: Array
    n: float


def gap_of(one: Histogram, other: Histogram, blocks: Blocks, noise: Array) -> Gap:
    """`noise` is the difference of what `drawn` gave for the two groups, independently."""
    p, q = (np.cumsum(blocks.joined(group.w)) / group.weight for group in (one, other))
    return Gap(p - q, blocks.places, noise, float(min(one.effective, other.effective)))


def kolmogorov_smirnov_interval(distance: Distance, gap: Gap, confidence: float) -> Interval | None:
    """The interval of a KS distance, within [0, 1]; None where no draw differs (one score in all rows)."""
    size = np.abs(gap.difference)
    peak = int(size.argmax())
    certain = gap.noise[:, peak] * np.sign(gap.difference[peak])
    doubt = _doubt(gap)
    near = size + doubt >= size.max()
    toward = np.where(size <= doubt, np.abs(gap.noise), gap.noise * np.sign(gap.difference))
    highest = np.where(near, toward, -np.inf).max(axis=1)
    return _ends(distance, highest, certain, confidence, most=1.0)


def wasserstein_interval(distance: Distance, gap: Gap, confidence: float) -> Interval | None:
    """The interval of a Wasserstein distance, in the score's unit; None where no draw differs."""
    width = np.diff(gap.places, append=gap.places[-1:])
    certain = (gap.noise * np.sign(gap.difference)) @ width
    toward = np.where(np.abs(gap.difference) <= _doubt(gap), np.abs(gap.noise), gap.noise * np.sign(gap.difference))
    return _ends(distance, toward @ width, certain, confidence)


def _doubt(gap: Gap) -> Array:
    """Where |F - G| is below this it may be 0: standard error times sqrt(ln n), which grows slowly, as Fang and Santos
    ask."""
    return np.asarray(gap.noise.std(axis=0) * math.sqrt(math.log(max(gap.n, 3.0))))


def _ends(distance: Distance, up: Array, certain: Array, confidence: float, most: float = math.inf) -> Interval | None:
    """`up`: moves of the distance where noise may have made it; `certain`: where its sign is taken as it stands."""
    if not np.ptp(up) > 0:
        return None
    tail = (1 - confidence) / 2
    lower = distance.value - float(np.quantile(up, 1 - tail))
    upper = distance.value + distance.error - min(0.0, float(np.quantile(certain, tail)))
    return Interval(max(0.0, lower), min(most, upper), confidence, "multiplier bootstrap")


def same_distribution_p(distance: Distance, one: Histogram, other: Histogram) -> float:
    """Two-sample Kolmogorov-Smirnov test (scipy.stats.ks_2samp, asymptotic), from the least that the distance can be.

    Tests that both groups have the same distribution of scores; conservative with ties. With weights the effective
    numbers of rows count.
    """
    from scipy.stats import kstwo

    n, m = float(one.effective), float(other.effective)
    return float(np.clip(kstwo.sf(distance.value, max(1.0, float(np.round(n * m / (n + m))))), 0, 1))
