"""From the observed range of many rates to the true ones under which it is not unusual.

For a true range `width` the groups are put where the data leave them (`range_law.moved_to`), the law of the observed
range there is computed, and `width` is in the interval unless what was observed lies in a tail of that law.

Two statistics, since groups may have 30 rows or 100,000. The upper end is judged by the range as it is: a small group
may really be far off. The lower end by the range after every group has been moved inwards, by as many of its standard
deviations as leave no range at all in all but `level` of samples with equal rates: so the noise of small groups does
not drown what large ones show. Where all groups have one size the two are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from audits.range_law import Array, Scale, moved_to, narrower, shapes, within

_BOTH = _CLOSE, _SPREAD = (0, 1)
_LEAST_P = 1e-12
_CLOSE_ENOUGH = 1e-3
"""In probits: a thousandth of a standard deviation."""
_FARTHEST = 30.0
"""On the logarithmic scale: a ratio of 1e-13."""


@dataclass(frozen=True, slots=True)
class Rates:
    """One metric in all groups: rows, observed rates on the scale, the rate of all together, guesses of the true rates.

    `deviation` is that of an observed rate at the rate of all together. `silent`: a group has no event.
    """

    n: Array
    seen: Array
    pooled: Array
    deviation: Array
    guesses: tuple[Array, Array]
    silent: bool


@dataclass(frozen=True, slots=True)
class Case:
    """The metrics whose worst case is taken (the widest range of them), on one scale."""

    families: tuple[Rates, ...]
    scale: Scale

    def range(self, inwards: float = 0.0) -> float:
        """The observed range after every group was moved inwards by so many deviations; below 0 where they overlap."""
        return max(_range(family, inwards) for family in self.families)


def case_of(families: Sequence[Sequence[tuple[float, float]]], *, log: bool) -> Case:
    """`families`: (events, n) per group, for each metric; every n above 0."""
    scale = Scale(log)
    return Case(tuple(_rates(np.array(family, dtype=float), scale) for family in families), scale)


def _rates(counts: Array, scale: Scale) -> Rates:
    k, n = counts.T
    half = 0.5 / n.sum()
    pooled = np.full_like(n, np.clip(k.sum() / n.sum(), half, 1 - half))
    # The logarithm of no event: the middle of [0, 0.5), which is what rounds to none.
    seen = scale.of(np.maximum(k, 0.25) / n if scale.log else k / n)
    return Rates(n, seen, pooled, scale.spread(pooled, n), shapes(k, n), not k.all())


def _range(family: Rates, inwards: float) -> float:
    aside = inwards * family.deviation
    return float((family.seen - aside).max() - (family.seen + aside).min())


def p_of_equal_rates(case: Case) -> float:
    """P(two groups as far apart as the two that are furthest, were all rates of a family equal), at the pooled rates.

    How far: the largest number of its own deviations by which every group can be moved inwards before no range is
    left, max (y_i - y_j) / (s_i + s_j). Exact binomial probabilities, so that small counts are no exception; the grid
    only ever makes p larger. Never below 1e-12, to which the sums are exact. On the scale of the rates themselves.
    """
    furthest = max(
        float(((family.seen[:, None] - family.seen) / (family.deviation[:, None] + family.deviation)).max())
        for family in case.families
    )
    none = math.prod(narrower(0.0, family.pooled, family.n, furthest * family.deviation) for family in case.families)
    return float(min(1.0, max(_LEAST_P, 1 - none)))


def inverted(case: Case, level: float, *, different: bool = True) -> tuple[float, float]:
    """The ends of the interval of the true range, on the scale, at confidence 1 - `level`.

    `different`: the rates are known not to be equal; without that the lower end is 0. The upper end is infinite where
    no range can be excluded. What is narrower than noise usually is (its median, were all rates equal) is read as noise
    of usual width, so that no interval is empty (Mandelkern and Schultz 2000).
    """
    usual = _crossing(lambda width: _probit(_null(case, width, 0.0)), 0.0, 2 * _step(case))
    silent = case.scale.log and any(family.silent for family in case.families)
    upper = math.inf if silent else _highest(case, max(case.range(), usual), level / 2)
    return _lowest(case, level, min(upper, _farthest(case))) if different else 0.0, upper


def less_noise(case: Case) -> float:
    """The observed range without the noise that extremes pick up, on the scale; 0 or more.

    The mean of two empirical Bayes answers that err to opposite sides: the range of the groups' posterior means, which
    is too narrow where few groups lie apart, and the observed range less what noise adds to it at a guess of the true
    rates, which is too wide where small groups stand beside large ones.
    """
    means = max(float(np.ptp(case.scale.of(family.guesses[_CLOSE]))) for family in case.families)
    less = max(0.0, *(_range(family, 0.0) - _noise(family, case.scale) for family in case.families))
    return (means + less) / 2


def _noise(family: Rates, scale: Scale) -> float:
    guess, none = family.guesses[_SPREAD], np.zeros_like(family.n)
    width = float(np.ptp(scale.of(guess)))
    step = float(np.median(family.deviation))
    usual = _crossing(lambda seen: _probit(within((seen,), guess, family.n, none, scale)[0]), width, 2 * step)
    return usual - width


def _highest(case: Case, seen: float, tail: float) -> float:
    """The true range under which P(range <= seen) has fallen to `tail`."""

    def fallen(width: float) -> float:
        return _probit(tail) - _probit(_law(case, width, _CLOSE, (seen,), 0.0)[0])

    found = _crossing(fallen, 0.0, max(seen, _step(case)), _farthest(case))
    return math.inf if case.scale.log and found >= _FARTHEST else found


def _lowest(case: Case, level: float, upper: float) -> float:
    """The least true range under which so clear a range is not unusual, whichever guess is right."""
    inwards = 0.0 if _one_size(case) else _standing_out(case, level)
    least = -2 * inwards * max(float(family.deviation.max()) for family in case.families)
    usual = _crossing(lambda width: _probit(_null(case, width, inwards)), least, -least or 2 * _step(case))

    def accepted(width: float) -> float:
        seen = (case.range(inwards), usual)
        guesses = _BOTH if width > 0 else (_CLOSE,)
        return max(_acceptance(_law(case, width, guess, seen, inwards), level) for guess in guesses)

    return _crossing(accepted, 0.0, _step(case), upper)


def _standing_out(case: Case, level: float) -> float:
    """Moved inwards by so many deviations, groups of equal rates leave a range in `level` of samples only."""
    return _crossing(lambda steps: _probit(_null(case, 0.0, steps)) + _probit(level), 0.0, 2.0)


def _one_size(case: Case) -> bool:
    """Then moving inwards takes the same from every range."""
    return all(float(np.ptp(family.deviation)) == 0 for family in case.families) and len(case.families) == 1


def _acceptance(law: Sequence[float], level: float) -> float:
    """At or above 0 where so wide a range is not unusual; `law`: P(range <= the observed one), P(range <= noise).

    The tail has `level` where all rates are equal (nothing can lie in the other tail then), and falls to half of it
    as true ranges become distinguishable from none.
    """
    seen, noise = law
    share = 1 + min(1.0, max(0.0, 5 * noise - 1.5))
    return _probit(1 - seen) - _probit(share * level / 2)


def _law(case: Case, width: float, guess: int, seen: tuple[float, ...], inwards: float) -> list[float]:
    """P(range <= each of `seen`) where the true range is `width` and the groups lie as in the guess."""
    laws = [
        within(seen, rates, family.n, inwards * family.deviation, case.scale)
        for rates, family in zip(_rates_at(case, width, guess), case.families, strict=True)
    ]
    return [math.prod(each) for each in zip(*laws, strict=True)]


def _null(case: Case, seen: float, inwards: float) -> float:
    return _law(case, 0.0, _CLOSE, (seen,), inwards)[0]


def _rates_at(case: Case, width: float, guess: int) -> list[Array]:
    """Rates of every family such that the widest range is `width`: clipped, or the cheapest two groups moved apart."""
    if width <= 0:
        return [family.pooled for family in case.families]
    moved = [moved_to(width, family.guesses[guess], family.n, case.scale) for family in case.families]
    first = min(range(len(moved)), key=lambda index: moved[index][1])
    return [
        rates if index == first or cost < 0 else case.families[index].guesses[guess]
        for index, (rates, cost) in enumerate(moved)
    ]


def _crossing(rising: Callable[[float], float], start: float, step: float, end: float = math.inf) -> float:
    """Where `rising`, on the scale of probits, reaches 0 between `start` and `end`; one of these where it does not.

    False position with Illinois' halving: probits are nearly straight, so that few evaluations serve.
    """
    low, at_low = start, rising(start)
    if at_low >= 0:
        return low
    high = min(start + step, end)
    at_high = rising(high)
    while at_high < 0 and high < end:
        low, at_low, step = high, at_high, 2 * step
        high = min(high + step, end)
        at_high = rising(high)
    if at_high < 0:
        return end
    side = 0
    for _ in range(60):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        found = rising(middle)
        if abs(found) < _CLOSE_ENOUGH or high - low < 1e-12:
            return middle
        if found < 0:
            low, at_low, at_high, side = middle, found, at_high / (2 if side < 0 else 1), -1
        else:
            high, at_high, at_low, side = middle, found, at_low / (2 if side > 0 else 1), 1
    return (low + high) / 2


def _probit(probability: float) -> float:
    from scipy.special import ndtri

    return float(np.clip(ndtri(min(max(probability, 1e-15), 1 - 1e-15)), -8.0, 8.0))


def _step(case: Case) -> float:
    """Of the order in which true ranges are told apart."""
    return max(float(np.median(family.deviation)) for family in case.families)


def _farthest(case: Case) -> float:
    return _FARTHEST if case.scale.log else 1.0
