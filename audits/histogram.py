"""Scores in bins: what is known of the scores of a group without keeping one of them.

A bin holds the number of rows, the sums of weights and scores, and its smallest and largest score. Where a bin holds
one value only (integer scores, small groups) nothing is lost; otherwise what is lost has a bound, which every measure
made from a histogram states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Arrays of equal shape (..., bins), the bins ascending in the score.

    `n` rows (int64); `w` and `w2` the sums of their weights and of the squares (equal to n where nothing is weighted);
    `s` and `s2` the sums of score and score^2, each times the weight; `lo` and `hi` the smallest and largest score of
    the bin (inf and -inf where it is empty); `lp` and `lq` the sums of ln(score) and ln(1 - score) times the weight,
    zeros where the scores are no probabilities.
    """

    n: Array
    w: Array
    w2: Array
    s: Array
    s2: Array
    lo: Array
    hi: Array
    lp: Array
    lq: Array

    def __getitem__(self, key: Any) -> Histogram:
        """The same bins of some of the groups: an index of the leading axes."""
        return Histogram(*(array[key] for array in self._arrays()))

    def united(self, axis: int = 0) -> Histogram:
        """All groups along `axis` (a leading one) together."""
        sums = {name: getattr(self, name).sum(axis=axis) for name in ("n", "w", "w2", "s", "s2", "lp", "lq")}
        ends = self.lo.min(axis=axis, initial=np.inf), self.hi.max(axis=axis, initial=-np.inf)
        return Histogram(**sums, lo=ends[0], hi=ends[1])

    def _arrays(self) -> tuple[Array, ...]:
        return self.n, self.w, self.w2, self.s, self.s2, self.lo, self.hi, self.lp, self.lq

    @property
    def rows(self) -> Array:
        """The number of rows of each group, of shape (...)."""
        return np.asarray(self.n.sum(axis=-1))

    @property
    def weight(self) -> Array:
        """The sum of the weights of each group, of shape (...)."""
        return np.asarray(self.w.sum(axis=-1))

    @property
    def effective(self) -> Array:
        """Kish's effective number of rows, (sum w)^2 / sum w^2; the number of rows where nothing is weighted."""
        return over(self.weight**2, self.w2.sum(axis=-1))

    @property
    def means(self) -> Array:
        """The mean score of each bin, within [lo, hi]; 0 where the bin is empty."""
        filled = self.n > 0
        return np.where(filled, np.clip(over(self.s, self.w), *np.where(filled, [self.lo, self.hi], 0.0)), 0.0)

    @property
    def within(self) -> Array:
        """The weighted sum of squared distances from the bin's mean, of each bin, within what [lo, hi] allows."""
        widths = np.where(self.n > 0, self.hi - self.lo, 0.0)
        return np.asarray(np.clip(self.s2 - self.means * self.s, 0.0, self.w * widths**2 / 4))


def over(numerator: Array, denominator: Array) -> Array:
    """numerator / denominator, 0 where the denominator is 0."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    found: Array = np.divide(numerator, denominator, out=np.zeros(shape), where=np.asarray(denominator) != 0)
    return found
