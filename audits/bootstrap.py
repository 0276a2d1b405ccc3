"""Intervals of anything that can be computed from the cells, by the bootstrap: for what has no formula of its own.

To draw n rows with replacement from a table is to draw the counts of its cells from Multinomial(n, cell / n): nothing
is approximated, and a replicate costs what the cells cost, whatever the number of rows. With weights the count of a
cell does not say its weight: given the count m, the weight is drawn from the normal distribution with the mean m w / n
and the variance m (w2 / n - (w / n)^2) that m draws of a row of that cell have. (Scaling w by the count alone makes
intervals about 9 % too narrow.)

Percentile intervals and BCa (Efron 1987; Efron and Tibshirani 1993, 14.3): bias corrected by the share of replicates
below the estimate, accelerated by the jackknife, which is one replicate for each cell (all rows of a cell are alike;
with weights their mean stands for them). What does not vary, or cannot be computed often enough, has no interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audits.result import Cells, Interval

if TYPE_CHECKING:
    from audits.cell_sums import Array, Statistic

MAX_UNDEFINED = 0.01
"""Largest share of replicates in which a value may be missing (a group without rows, say)."""

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """A value with its interval; `reason` says why there is none."""

    value: float | None
    interval: Interval | None
    reason: str | None = None


def bootstrap(
    cells: Cells, statistic: Statistic, *, replicates: int, seed: int, confidence: float, bca: bool = True
) -> tuple[Bootstrapped, ...]:
    """Each value of `statistic` on `cells`, with its interval over `replicates` samples; equal seeds, equal intervals.

    `statistic` maps weights (weightings, cells) to values (weightings, values), NaN where there is none. `bca` False:
    percentile intervals. Rows that belong to several cells by probabilities (`cells.shared`) are drawn as if they were
    different rows: right within one group, too wide for a difference of two groups, and wrong for the whole sample.
    Raises ValueError for fewer than 100 replicates.
    """
    import numpy as np

    if replicates < 100:
        raise ValueError(f"{replicates} replicates: give at least 100, and 1,000 for an interval that is to be read")
    values = statistic(weights_of(cells)[None, :])[0]
    drawn = np.sort(statistic(resampled(cells, replicates=replicates, seed=seed)), axis=0)
    defined = np.isfinite(drawn).sum(axis=0)
    reasons = [_degenerate(value, column, int(n)) for value, column, n in zip(values, drawn.T, defined, strict=True)]
    levels = _bca_levels(cells, statistic, values, drawn, confidence) if bca else _levels(len(values), confidence)
    method = f"{'BCa' if bca else 'percentile'} bootstrap"
    ends = [_at(drawn, defined, level) for level in levels]
    return tuple(
        Bootstrapped(
            value=float(value) if np.isfinite(value) else None,
            interval=None if reason else Interval(float(low), float(high), confidence, method),
            reason=reason,
        )
        for value, low, high, reason in zip(values, *ends, reasons, strict=True)
    )


def weights_of(cells: Cells) -> Array:
    """The weights of the cells as they are, (cells,)."""
    import numpy as np

    return np.array([cell.weight for cell in cells.cells], dtype=float)


def resampled(cells: Cells, *, replicates: int, seed: int) -> Array:
    """Weights of the cells in samples of as many rows, drawn with replacement: (replicates, cells), none below 0."""
    import numpy as np

    generator = np.random.default_rng(seed)
    n = np.array([cell.n for cell in cells.cells])
    counts = generator.multinomial(int(n.sum()), n / n.sum(), size=replicates).astype(float)
    if not (cells.weighted or cells.shared):
        return counts
    mean = weights_of(cells) / n
    variance = np.maximum(np.array([cell.squares for cell in cells.cells]) / n - mean**2, 0.0)
    noise = generator.standard_normal(counts.shape) * np.sqrt(counts * variance)
    drawn: Array = np.maximum(counts * mean + noise, 0.0)
    return drawn


def _degenerate(value: float, drawn: Array, defined: int) -> str | None:
    """Why a column of sorted replicates (NaN last) makes no interval."""
    if math.isnan(value):
        return "cannot be computed on these rows"
    if len(drawn) - defined > MAX_UNDEFINED * len(drawn):
        return f"cannot be computed in {len(drawn) - defined} of {len(drawn)} bootstrap samples"
    if drawn[0] == drawn[defined - 1]:
        return "all bootstrap samples give the same value"
    if not drawn[0] <= value <= drawn[defined - 1]:
        return "all bootstrap samples lie on one side of the estimate"
    return None


def _levels(size: int, confidence: float) -> tuple[Array, Array]:
    import numpy as np

    tail = (1 - confidence) / 2
    return np.full(size, tail), np.full(size, 1 - tail)


def _bca_levels(
    cells: Cells, statistic: Statistic, values: Array, drawn: Array, confidence: float
) -> tuple[Array, Array]:
    """The two quantiles of the replicates that BCa takes, for each value."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    defined = np.maximum(np.isfinite(drawn).sum(axis=0), 1)
    below = ((drawn < values).sum(axis=0) + (drawn == values).sum(axis=0) / 2) / defined
    bias = ndtri(np.clip(below, 0.5 / defined, 1 - 0.5 / defined))
    acceleration = _acceleration(cells, statistic, values)
    lower, upper = (
        ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))) for z in ndtri(np.stack(_levels(1, confidence)))
    )
    return lower, upper


def _acceleration(cells: Cells, statistic: Statistic, values: Array) -> Array:
    """Skewness of the jackknife / 6: each row left out once, which is once for each cell; 0 where it has no value."""
    import numpy as np

    weights = weights_of(cells)
    n = np.array([cell.n for cell in cells.cells], dtype=float)
    total, moments = n.sum(), np.zeros((3, len(values)))
    for start in range(0, len(n), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(n)))
        left = np.repeat(weights[None, :], len(block), axis=0)
        left[np.arange(len(block)), block] -= weights[block] / n[block]
        away = (values - statistic(left)) * total
        moments += [n[block] @ away**power / total for power in (1, 2, 3)]
    first, second, third = moments
    spread = np.maximum(second - first**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = (third - 3 * first * second + 2 * first**3) / spread**1.5
    return np.asarray(np.nan_to_num(skewness / (6 * np.sqrt(total)), nan=0.0, posinf=0.0, neginf=0.0))


def _at(drawn: Array, defined: Array, level: Array) -> Array:
    """The quantile `level` of each column of sorted replicates, between its neighbours; NaN stands last."""
    import numpy as np

    columns = np.arange(drawn.shape[1])
    position = np.nan_to_num(level) * np.maximum(defined - 1, 0)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, np.maximum(defined - 1, 0))
    return np.asarray(drawn[low, columns] + (position - low) * (drawn[high, columns] - drawn[low, columns]))
