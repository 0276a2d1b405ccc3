"""Worlds with a known truth: true rates of many groups, their sizes, and samples drawn from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Shape = Callable[[int, float, float, np.random.Generator], Array]

FEWEST, MOST = 30, 100_000


def _one_low(groups: int, low: float, high: float, _: np.random.Generator) -> Array:
    return np.r_[low, np.full(groups - 1, high)]


def _one_high(groups: int, low: float, high: float, _: np.random.Generator) -> Array:
    return np.r_[high, np.full(groups - 1, low)]


def _one_of_each(groups: int, low: float, high: float, _: np.random.Generator) -> Array:
    return np.r_[low, high, np.full(groups - 2, (low + high) / 2)]


def _clusters(groups: int, low: float, high: float, _: np.random.Generator) -> Array:
    return np.where(np.arange(groups) < groups // 2, low, high)


def _beta(groups: int, low: float, high: float, generator: np.random.Generator) -> Array:
    drawn = generator.beta(4, 4, groups)
    return low + (drawn - drawn.min()) / np.ptp(drawn) * (high - low)


SHAPES: dict[str, Shape] = {
    "all equal": lambda groups, low, high, _: np.full(groups, (low + high) / 2),
    "one low": _one_low,
    "one high": _one_high,
    "one low, one high": _one_of_each,
    "linear": lambda groups, low, high, _: np.linspace(low, high, groups),
    "two clusters": _clusters,
    "random beta": _beta,
}

SIZES: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "30": lambda groups, _: np.full(groups, 30.0),
    "100": lambda groups, _: np.full(groups, 100.0),
    "1,000": lambda groups, _: np.full(groups, 1_000.0),
    "10,000": lambda groups, _: np.full(groups, 10_000.0),
    "30 to 100,000": lambda groups, generator: np.round(
        np.exp(generator.uniform(np.log(FEWEST), np.log(MOST), groups))
    ),
}


def world(shape: str, size: str, groups: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """True rates and sizes. Where the rates lie (.1 to .9) and how far apart (0.5 to 12 standard deviations of a rate
    in a group of middling size) is drawn, so that a world stands for many; who is the odd one out is drawn too."""
    n = SIZES[size](groups, generator)
    base = generator.uniform(0.1, 0.9)
    spread = np.exp(generator.uniform(np.log(0.5), np.log(12))) * np.sqrt(base * (1 - base) / np.median(n))
    gap = min(spread, 0.6)
    low = np.clip(base - gap / 2, 0.07, 0.93 - gap)
    return generator.permutation(SHAPES[shape](groups, low, low + gap, generator)), n


def sample(rates: Array, n: Array, generator: np.random.Generator) -> list[tuple[int, int]]:
    """(events, n) of every group."""
    return [(int(k), int(size)) for k, size in zip(generator.binomial(n.astype(int), rates), n, strict=True)]
