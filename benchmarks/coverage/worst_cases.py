"""Study 2: the worst case over 2, 7 and 70 groups. Coverage, width and bias beside what is usually done."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audits.extremes import INVERTED, simultaneous_difference, simultaneous_ratio, worst_difference, worst_ratio
from audits.result import Interval
from benchmarks.coverage.worlds import SHAPES, SIZES, Array, sample, world

GROUPS = (2, 7, 70)
METRICS = ("difference", "ratio")
REPLICATES = 200


@dataclass(frozen=True, slots=True)
class Trial:
    """One sample of one world, and what was said of its worst case."""

    metric: str
    groups: int
    shape: str
    size: str
    method: str
    truth: float
    raw: float
    corrected: float
    interval: tuple[float, float]
    bonferroni: tuple[float, float]
    bootstrap: tuple[float, float]


def trials(per_world: dict[int, int], seed: int = 1) -> Iterator[Trial]:
    """Every shape and size with every number of groups, `per_world[groups]` samples of each."""
    for groups in GROUPS:
        for shape in SHAPES:
            for size in SIZES:
                generator = np.random.default_rng([seed, groups, zlib.crc32(f"{shape} {size}".encode())])
                for _ in range(per_world[groups]):
                    yield from _both(groups, shape, size, generator)


def _both(groups: int, shape: str, size: str, generator: np.random.Generator) -> Iterator[Trial]:
    rates, n = world(shape, size, groups, generator)
    counts = sample(rates, n, generator)
    differences, ratios = _bootstrap(counts, generator)
    for metric, replicates in zip(METRICS, (differences, ratios), strict=True):
        is_ratio = metric == "ratio"
        found = (worst_ratio if is_ratio else worst_difference)([counts])
        if found is None:
            continue
        bonferroni = (simultaneous_ratio if is_ratio else simultaneous_difference)([counts])
        yield Trial(
            metric=metric,
            groups=groups,
            shape=shape,
            size=size,
            method=found.interval.method,
            truth=float(rates.min() / rates.max() if is_ratio else np.ptp(rates)),
            raw=found.raw,
            corrected=found.corrected,
            interval=_ends(found.interval),
            bonferroni=_ends(bonferroni),
            bootstrap=(float(np.nanquantile(replicates, 0.025)), float(np.nanquantile(replicates, 0.975))),
        )


def _ends(interval: Interval | None) -> tuple[float, float]:
    if interval is None:
        return 0.0, 1.0
    return interval.lower, 1.0 if interval.upper is None else interval.upper


def _bootstrap(counts: list[tuple[int, int]], generator: np.random.Generator) -> tuple[Array, Array]:
    """What every naive tool does: the worst case of resampled rows, and its percentiles."""
    k, n = np.array(counts).T
    rates = generator.binomial(n, k / n, size=(REPLICATES, len(n))) / n
    low, high = rates.min(axis=1), rates.max(axis=1)
    return high - low, np.divide(low, high, out=np.full_like(low, np.nan), where=high > 0)


def covers(interval: tuple[float, float], truth: float) -> bool:
    """Is the truth inside? (Rounding of logarithms apart.)"""
    return interval[0] - 1e-9 <= truth <= interval[1] + 1e-9


@dataclass(frozen=True, slots=True)
class Row:
    """What many trials gave. Coverages in percent; widths relative to Bonferroni; biases on the metric's own scale."""

    trials: int
    coverage: float
    below: float
    above: float
    bonferroni: float
    bootstrap: float
    width: float
    raw_bias: float
    corrected_bias: float
    raw_error: float
    corrected_error: float
    inverted: float


def summary(found: list[Trial]) -> Row:
    """The trials in one row. `below`: the truth lies below the interval, `above`: above. Errors: root mean square."""
    truth, raw, corrected = (np.array([getattr(t, name) for t in found]) for name in ("truth", "raw", "corrected"))
    widths = np.array([(t.interval[1] - t.interval[0], t.bonferroni[1] - t.bonferroni[0]) for t in found])
    return Row(
        trials=len(found),
        coverage=100 * float(np.mean([covers(t.interval, t.truth) for t in found])),
        below=100 * float(np.mean([t.truth < t.interval[0] - 1e-9 for t in found])),
        above=100 * float(np.mean([t.truth > t.interval[1] + 1e-9 for t in found])),
        bonferroni=100 * float(np.mean([covers(t.bonferroni, t.truth) for t in found])),
        bootstrap=100 * float(np.mean([covers(t.bootstrap, t.truth) for t in found])),
        width=float(widths[:, 0].mean() / widths[:, 1].mean()),
        raw_bias=float((raw - truth).mean()),
        corrected_bias=float((corrected - truth).mean()),
        raw_error=float(np.sqrt(((raw - truth) ** 2).mean())),
        corrected_error=float(np.sqrt(((corrected - truth) ** 2).mean())),
        inverted=100 * float(np.mean([t.method == INVERTED for t in found])),
    )
