"""The law of the range of many rates: how far apart the highest and the lowest of independent binomial rates fall.

Rates are compared on a `Scale`: as they are (a range is then max - min) or as logarithms (a range is then
-log(min / max)). Nothing here is random: for independent groups the probability that all of them lie in a window is a
product, and the range is at most t exactly where the window that begins at the minimum is at most t wide, so that one
sum over the place of the minimum gives its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

EDGES = 56
"""Places of the minimum that are summed over; 500 instead change a probability by less than 0.002."""
MEANS_AFTER, SPREAD_AFTER, ATOMS = 100, 30, 60
"""Steps of the EM algorithm for the two shapes, and how many rates the mixture can at least choose from."""
_INSIDE, _TINY = 1e-9, 1e-300


@dataclass(frozen=True, slots=True)
class Scale:
    """Rates as they are, or their logarithms."""

    log: bool

    def of(self, rates: Array) -> Array:
        """Rates on the scale."""
        return np.log(rates) if self.log else rates

    def back(self, points: Array) -> Array:
        """Rates from points of the scale (a logarithm beyond the scale stays finite)."""
        return np.exp(np.minimum(points, 1.0)) if self.log else points

    def spread(self, rates: Array, n: Array) -> Array:
        """Standard deviation of an observed rate on the scale (delta method)."""
        return np.asarray(np.sqrt((1 - rates) / (rates * n) if self.log else rates * (1 - rates) / n))

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest point."""
        return (-40.0, 0.0) if self.log else (0.0, 1.0)


def below(at: Array, rates: Array, n: Array) -> Array:
    """P(K / n < at) + P(K / n = at) / 2 for K binomial, continuous in `at` and n (effective counts serve).

    Peizer and Pratt 1968 (JASA 63, 1416-1456) without the correction for continuity: the signed root of the deviance.
    Within 0.004 of the exact value where n * rate >= 10.
    """
    from scipy.special import ndtr

    u = np.minimum(np.maximum(at, 0.0), 1.0)
    excess = u - rates
    entropy = u * np.log(np.maximum(u, _TINY)) + (1 - u) * np.log(np.maximum(1 - u, _TINY))
    deviance = entropy - u * np.log(rates) - (1 - u) * np.log1p(-rates)
    deviation = np.sqrt(rates * (1 - rates))
    # Close to the mean the deviance loses its digits, and the root is the plain standard score.
    near = np.abs(excess) < 1e-3 * deviation / np.sqrt(n)
    root = np.sqrt(2 * np.maximum(deviance, 0)) / np.where(near, 1, np.abs(excess))
    z = (n * excess + (1 - 2 * rates) / 6) * np.where(near, 1 / deviation, root) / np.sqrt(n + 1 / 6)
    found = ndtr(z)
    return np.where(at < 0, 0.0, np.where(at > 1, 1.0, found))


def within(widths: tuple[float, ...], rates: Array, n: Array, aside: Array, scale: Scale) -> list[float]:
    """P(max(y - aside) - min(y + aside) <= width) for each width, y the observed rates on the scale."""
    edges = _edges(rates, n, aside, scale)
    # With one and the same number set aside, a column serves for all groups.
    aside = aside[:1] if np.ptp(aside) == 0 else aside
    starts = np.concatenate([edges[:1], (edges[1:] + edges[:-1]) / 2])
    under = np.zeros((len(edges) + 1, len(n)))
    under[1:] = below(scale.back(edges[:, None] - aside), rates, n)
    found = []
    for width in widths:
        upto = below(scale.back(starts[:, None] + width + aside), rates, n)
        found.append(_summed(upto, under))
    return found


def narrower(width: float, rates: Array, n: Array, aside: Array) -> float:
    """P(max(rate - aside) - min(rate + aside) < width) of observed rates, never too large: exact, window by window.

    Effective counts are no integers; `below` serves for them.
    """
    edges = _fine_edges(rates, n, aside)[:, None]
    under = np.vstack([_less(edges - aside, rates, n), np.ones((1, len(n)))])
    under[0] = 0.0
    return _summed(_less(edges + width + aside, rates, n), under)


def _fine_edges(rates: Array, n: Array, aside: Array) -> Array:
    """Edges far into the tails, and between them some with equal chances of the minimum: each loses a little."""
    edges = _edges(rates, n, aside, Scale(log=False), reach=8.0)
    chance = 1 - (1 - below(edges[:, None] - aside, rates, n)).prod(axis=1)
    between = np.interp(np.linspace(0.001, 0.999, 3 * EDGES), np.maximum.accumulate(chance), edges)
    return np.unique(np.concatenate([edges, between]))


def _less(points: Array, rates: Array, n: Array) -> Array:
    """P(observed rate < point), exactly where n are integers."""
    from scipy.special import betainc

    if not np.array_equal(n, np.rint(n)):
        return below(points, rates, n)
    # Rounding must not turn "equal" into "less": the observed range itself counts as so wide.
    most = np.ceil(n * points - 1e-9 * np.maximum(1.0, n * points)) - 1
    found = (most >= n).astype(float)
    rows, columns = np.nonzero((most >= 0) & (most < n))
    k = most[rows, columns]
    found[rows, columns] = betainc(n[columns] - k, k + 1, 1 - rates[columns])
    return found


def _summed(upto: Array, under: Array) -> float:
    """Sum over the places of the minimum: all between it and the window's end, less all beyond its place."""
    here = np.maximum(upto - under[:-1], 0).prod(axis=1)
    beyond = np.maximum(upto - under[1:], 0).prod(axis=1)
    return float(min(1.0, max(0.0, (here - beyond).sum())))


def _edges(rates: Array, n: Array, aside: Array, scale: Scale, reach: float = 4.5, count: int = EDGES) -> Array:
    """Where the minimum can be, finer where groups with small deviations lie."""
    deviation = np.sqrt(rates * (1 - rates) / n)
    steps = np.linspace(-reach, reach, 7)[:, None]
    least = 0.02 / n if scale.log else 0.0
    points = scale.of(np.minimum(np.maximum(rates + steps * deviation + (steps > 0) / n, least), 1.0)) + aside
    low, high = float(points[0].min()), float(points[-1].min())
    even = np.linspace(low, high, count // 2)
    where = np.sort(points[(points > low) & (points < high)])
    if not len(where):
        return np.linspace(low, high, count)
    chosen = where[np.linspace(0, len(where) - 1, count - count // 2).astype(int)]
    return np.unique(np.concatenate([even, chosen]))


def shapes(k: Array, n: Array) -> tuple[Array, Array]:
    """Two guesses of the true rates of all groups, from the counts alone: one drawn together, one spread out.

    Both come from the nonparametric maximum-likelihood estimate of the distribution of the rates (Kiefer and Wolfowitz
    1956; EM algorithm of Laird 1978, begun at the observed rates). The first: each group's posterior mean. The second:
    the quantiles of the distribution after few steps (which leave more spread), in the order of the first.
    """
    atoms = _atoms((k + 0.5) / (n + 1))
    log_likelihood = k[:, None] * np.log(atoms) + (n - k)[:, None] * np.log1p(-atoms)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    weights = early = np.full(len(atoms), 1 / len(atoms))
    for step in range(MEANS_AFTER):
        weights = weights * (likelihood.T @ (1 / (likelihood @ weights))) / len(k)
        early = weights if step + 1 == SPREAD_AFTER else early
    means = (likelihood * weights) @ atoms / (likelihood @ weights)
    spread = np.empty_like(means)
    places = (np.arange(len(k)) + 0.5) / len(k)
    spread[np.argsort(means, kind="stable")] = np.interp(places, np.cumsum(early) - early / 2, atoms)
    return np.clip(means, _INSIDE, 1 - _INSIDE), np.clip(spread, _INSIDE, 1 - _INSIDE)


def _atoms(observed: Array) -> Array:
    """The rates that the mixture may choose: the observed ones (of very many, quantiles) and some between."""
    atoms = np.unique(observed)
    if len(atoms) > 3 * ATOMS:
        return np.unique(np.quantile(atoms, np.linspace(0, 1, 3 * ATOMS)))
    first, last = np.arcsin(np.sqrt(atoms[[0, -1]]))
    between = np.sin(np.linspace(float(first), float(last), max(2, ATOMS - len(atoms)))) ** 2
    return np.unique(np.concatenate([atoms, between]))


def moved_to(width: float, shape: Array, n: Array, scale: Scale) -> tuple[Array, float]:
    """Rates near `shape` whose range is `width`, and what moving them costs (squared standard deviations).

    A wider shape is clipped to the window of that width that costs least; of a narrower one the two groups are moved
    apart for which that costs least (the constrained fit of hybrid resampling, Chuang and Lai 2000, Statistica Sinica
    10, 1-50). A cost below zero says that nothing had to be moved apart.
    """
    y, deviation = scale.of(shape), scale.spread(shape, n)
    if np.ptp(y) >= width:
        return np.clip(scale.back(_clipped(y, deviation, width)), _INSIDE, 1 - _INSIDE), -1.0
    points, cost = _apart(y, deviation, width, scale.ends)
    return np.clip(scale.back(points), _INSIDE, 1 - _INSIDE), cost


def _clipped(y: Array, deviation: Array, width: float) -> Array:
    """y within the window of `width` for which the sum of squared moves, in deviations, is least."""
    weight = deviation**-2
    low, high = y.min(), y.max() - width
    for _ in range(30):
        start = (low + high) / 2
        pull = weight @ (np.maximum(start - y, 0) - np.maximum(y - start - width, 0))
        low, high = (low, start) if pull > 0 else (start, high)
    return np.clip(y, (low + high) / 2, (low + high) / 2 + width)


def _apart(y: Array, deviation: Array, width: float, ends: tuple[float, float]) -> tuple[Array, float]:
    """y with the two groups moved to be `width` apart for which that costs least, within the ends of the scale."""
    highest = np.argsort(y + 2 * deviation)[-40:]
    lowest = np.argsort(y - 2 * deviation)[:40]
    gap = width - (y[highest][:, None] - y[lowest])
    variance = deviation[highest][:, None] ** 2 + deviation[lowest] ** 2
    costs = np.where(highest[:, None] == lowest, np.inf, gap**2 / variance)
    i, j = np.unravel_index(np.argmin(costs), costs.shape)
    share = deviation[highest[i]] ** 2 / variance[i, j]
    top = min(max(y[highest[i]] + gap[i, j] * share, ends[0] + width), ends[1])
    points = np.clip(y, top - width, top)
    points[highest[i]], points[lowest[j]] = top, top - width
    return points, float(costs[i, j])
