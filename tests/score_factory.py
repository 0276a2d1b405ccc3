"""Histograms of scores straight from rows, for tests: what the scan gives, made by numpy."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from audits.histogram import Histogram

Array: TypeAlias = "np.ndarray[Any, Any]"


def histogram(
    scores: Array, *, low: float = 0.0, high: float = 1.0, bins: int = 64, weights: Array | None = None
) -> Histogram:
    """The histogram (bins) of some scores."""
    scores = np.asarray(scores, dtype=float)
    w = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=float)
    position = np.minimum(bins - 1, np.floor((scores - low) / (high - low) * bins)).astype(int)
    held = np.clip(scores, 2.0**-52, 1 - 2.0**-52)
    smallest, largest = np.full(bins, np.inf), np.full(bins, -np.inf)
    np.minimum.at(smallest, position, scores)
    np.maximum.at(largest, position, scores)

    def summed(values: Array) -> Array:
        return np.bincount(position, values, bins)

    return Histogram(
        n=np.bincount(position, minlength=bins),
        w=summed(w),
        w2=summed(w * w),
        s=summed(w * scores),
        s2=summed(w * scores**2),
        lo=smallest,
        hi=largest,
        lp=summed(w * np.log(held)) if low >= 0 and high <= 1 else np.zeros(bins),
        lq=summed(w * np.log(1 - held)) if low >= 0 and high <= 1 else np.zeros(bins),
    )


def stacked(*histograms: Histogram) -> Histogram:
    """Histograms of equal shape along a new first axis."""
    return Histogram(*(np.stack(arrays) for arrays in zip(*(item._arrays() for item in histograms), strict=True)))


def with_outcome(scores: Array, outcome: Array, *, weights: Array | None = None, **shape: Any) -> Histogram:
    """The histogram (outcome, bins) of one group."""
    favourable = np.asarray(outcome, dtype=bool)
    w = np.ones(len(favourable)) if weights is None else np.asarray(weights, dtype=float)
    parts = [histogram(np.asarray(scores)[kept], weights=w[kept], **shape) for kept in (~favourable, favourable)]
    return stacked(*parts)
