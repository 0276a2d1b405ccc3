"""Worst cases over many groups: the law of the range against enumeration, simulation and scipy; coverage; limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, studentized_range

from audits.extremes import (
    FALLBACK,
    INVERTED,
    Extreme,
    simultaneous_difference,
    simultaneous_ratio,
    too_small,
    worst_difference,
    worst_ratio,
)
from audits.intervals import koopman, newcombe
from audits.range_inversion import case_of, p_of_equal_rates
from audits.range_law import Scale, below, moved_to, narrower, shapes, within
from audits.result import Interval
from audits.significance import p_value

LINEAR, LOGARITHM = Scale(log=False), Scale(log=True)


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.lower, 1.0 if interval.upper is None else interval.upper


def difference(*families: list[tuple[float, float]], confidence: float = 0.95) -> Extreme:
    found = worst_difference(families, confidence)
    assert found is not None
    return found


def ratio(*families: list[tuple[float, float]]) -> Extreme:
    found = worst_ratio(families)
    assert found is not None
    return found


def drawn(generator: np.random.Generator, rates: np.ndarray, n: np.ndarray) -> list[tuple[int, int]]:
    return [(int(k), int(size)) for k, size in zip(generator.binomial(n, rates), n, strict=True)]


def most_misses(trials: int, share: float, chance: float = 1e-4) -> int:
    """So many misses or fewer come out in all but `chance` of the studies where the true share is `share`."""
    return int(binom.isf(chance, trials, share))


@pytest.mark.parametrize(("n", "rate"), [(100, 0.1), (40, 0.5), (1000, 0.02), (100_000, 0.3), (200, 0.95)])
def test_the_continuous_binomial_is_the_exact_one_at_its_steps(n: int, rate: float) -> None:
    k = np.arange(n + 1)
    exact = binom.cdf(k, n, rate) - binom.pmf(k, n, rate) / 2
    assert below(k / n, np.array(rate), np.array(float(n))) == pytest.approx(exact, abs=0.004)


@pytest.mark.parametrize("groups", [3, 20])
@pytest.mark.parametrize("steps", [2.0, 3.5, 5.0])
def test_the_range_of_many_equal_groups_has_the_law_of_the_studentized_range(groups: int, steps: float) -> None:
    n, rates = np.full(groups, 1e8), np.full(groups, 0.4)
    width = steps * math.sqrt(0.4 * 0.6 / 1e8)
    expected = studentized_range.cdf(steps, groups, np.inf)
    assert within((width,), rates, n, np.zeros(groups), LINEAR)[0] == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("scale", [LINEAR, LOGARITHM])
def test_the_range_of_unequal_groups_has_the_law_that_simulation_gives(scale: Scale) -> None:
    generator = np.random.default_rng(5)
    n = np.array([40.0, 60, 150, 400, 400, 3000, 20_000])
    rates = np.array([0.4, 0.35, 0.3, 0.33, 0.4, 0.36, 0.34])
    aside = 1.5 * scale.spread(rates, n)
    y = scale.of(generator.binomial(n.astype(int), rates, size=(60_000, 7)) / n)
    observed = (y - aside).max(axis=1) - (y + aside).min(axis=1)
    for share in (0.05, 0.5, 0.95):
        width = float(np.quantile(observed, share))
        assert within((width,), rates, n, aside, scale)[0] == pytest.approx(share, abs=0.012)


def test_the_p_of_equal_rates_is_never_below_the_one_by_enumeration() -> None:
    n, rates = np.array([4.0, 6.0, 5.0]), np.full(3, 0.3)
    aside = np.array([0.05, 0.0, 0.02])
    outcomes = np.array(list(itertools.product(range(5), range(7), range(6))))
    chance = binom.pmf(outcomes, n, rates).prod(axis=1)
    ranges = (outcomes / n - aside).max(axis=1) - (outcomes / n + aside).min(axis=1)
    for width in np.unique(ranges):
        exact = chance[ranges >= width - 1e-9].sum()
        assert exact - 1e-9 <= 1 - narrower(float(width), rates, n, aside) <= exact + 0.08


def test_the_p_of_equal_rates_holds_its_level_for_few_events() -> None:
    """Seven groups of 20 at 5 %: one event expected in each."""
    generator = np.random.default_rng(11)
    found = [
        p_of_equal_rates(case_of([drawn(generator, np.full(7, 0.05), np.full(7, 20))], log=False)) for _ in range(300)
    ]
    assert sum(p <= 0.05 for p in found) <= most_misses(300, 0.05)


def test_the_p_sees_one_outlier_and_a_trend_among_groups_of_any_size() -> None:
    sizes = [100, 300, 1000, 3000, 10_000, 30_000, 100_000]
    level = [(size * 3 // 10, size) for size in sizes]
    assert difference(level).p > 0.5
    assert difference([*level[:-1], (28_000, 100_000)]).p < 1e-5
    assert difference([*level, (25, 200)]).p < 1e-3


@given(st.lists(st.tuples(st.floats(0.02, 0.98), st.integers(20, 5000)), min_size=3, max_size=9), st.floats(0.01, 0.9))
@settings(max_examples=60, deadline=None)
def test_rates_moved_to_a_range_have_it(groups: list[tuple[float, int]], width: float) -> None:
    shape, n = np.array([rate for rate, _ in groups]), np.array([float(size) for _, size in groups])
    for scale in (LINEAR, LOGARITHM):
        rates, _ = moved_to(width, shape, n, scale)
        assert np.ptp(scale.of(rates)) == pytest.approx(width, abs=1e-6)
        assert ((rates > 0) & (rates < 1)).all()


def test_the_shapes_keep_what_is_clear_and_shrink_what_is_noise() -> None:
    n = np.full(40, 200.0)
    noise = np.random.default_rng(3).binomial(200, 0.3, 40).astype(float)
    means, spread = shapes(noise, n)
    assert np.ptp(means) < np.ptp(spread) < np.ptp(noise / n)
    apart = noise.copy()
    apart[0] = 180
    means, _ = shapes(apart, n)
    assert means[0] == pytest.approx(0.9, abs=0.02)


@given(st.tuples(st.integers(0, 80), st.integers(0, 120)))
@settings(max_examples=40, deadline=None)
def test_two_groups_have_the_interval_and_the_p_of_the_pair(events: tuple[int, int]) -> None:
    family = [(events[0], 80), (events[1], 120)]
    low, high = sorted(family, key=lambda counts: counts[0] / counts[1])
    found = difference(family)
    assert found.raw == pytest.approx(high[0] / high[1] - low[0] / low[1])
    pair = newcombe(*high, *low)
    assert pair is not None
    assert ends(found.interval) == (max(0.0, pair.lower), max(pair.upper or 0.0, -pair.lower))
    assert found.p == p_value(*family)
    if high[0]:
        pair = koopman(*low, *high)
        assert pair is not None
        lower, upper = ends(ratio(family).interval)
        assert lower == pytest.approx(min(pair.lower, 1 / (pair.upper or 1)))
        assert upper == min(1.0, pair.upper or 1.0)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(60, 300)), min_size=3, max_size=8), st.randoms())
@settings(max_examples=20, deadline=None)
def test_ends_lie_in_order_and_the_order_of_groups_does_not_matter(
    family: list[tuple[int, int]], shuffled: object
) -> None:
    found = difference(family)
    assert 0 <= found.interval.lower <= found.corrected <= ends(found.interval)[1] <= 1
    assert 0 < found.p <= 1
    assert not (found.p > 0.05 and found.interval.method == INVERTED and found.interval.lower > 0)
    other = list(family)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    again = difference(other)
    assert ends(again.interval) == pytest.approx(ends(found.interval), abs=1e-4)
    assert again.p == pytest.approx(found.p, abs=1e-9)
    if any(k for k, _ in family):
        low, high = ends(ratio(family).interval)
        assert 0 <= low <= ratio(family).corrected <= high <= 1


@given(st.lists(st.tuples(st.integers(10, 60), st.integers(100, 300)), min_size=3, max_size=5))
@settings(max_examples=15, deadline=None)
def test_events_and_non_events_have_one_worst_difference(family: list[tuple[int, int]]) -> None:
    mirrored = [(n - k, n) for k, n in family]
    assert ends(difference(family).interval) == pytest.approx(ends(difference(mirrored).interval), abs=0.01)


def test_equal_calls_give_equal_answers_and_effective_counts_are_counts() -> None:
    family = [(30, 100), (45, 130), (70, 160)]
    assert difference(family) == difference(family)
    floats = [(float(k), float(n)) for k, n in family]
    assert ends(difference(floats).interval) == ends(difference(family).interval)
    weighted = [(30.2, 100.4), (45.1, 130.3), (70.3, 160.2)]
    assert ends(difference(weighted).interval) == pytest.approx(ends(difference(family).interval), abs=0.01)
    assert difference(weighted).p == pytest.approx(difference(family).p, rel=0.2)


def test_small_groups_fall_back_to_simultaneous_bounds_and_say_so() -> None:
    small = [(0, 30), (2, 60), (3, 70)]
    assert too_small([small])
    assert difference(small).interval.method == FALLBACK
    assert not too_small([[(30, 100), (9, 60), (28, 70)]])
    assert difference([(30, 100), (9, 60), (28, 70)]).interval.method == INVERTED
    assert ratio([(30, 100), (9, 60), (28, 70)]).interval.method == INVERTED


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(30, 90)), min_size=2, max_size=6))
@settings(max_examples=50, deadline=None)
def test_the_worst_case_lies_inside_its_simultaneous_bounds(family: list[tuple[int, int]]) -> None:
    rates = [k / n for k, n in family]
    low, high = ends(simultaneous_difference([family]))
    assert 0 <= low <= max(rates) - min(rates) <= high <= 1
    low, high = ends(simultaneous_ratio([family]))
    if max(rates):
        assert 0 <= low <= min(rates) / max(rates) <= high <= 1


def test_what_has_no_worst_case_has_none() -> None:
    for function in (worst_difference, worst_ratio, simultaneous_difference, simultaneous_ratio):
        assert function([[(1, 2)]]) is None
        assert function([[(1, 2), (0, 0)]]) is None
        assert function([]) is None
    assert worst_ratio([[(0, 20), (0, 30), (0, 40)]]) is None
    with pytest.raises(ValueError, match="31 events of 30"):
        worst_difference([[(1, 20), (31, 30)]])


def test_nobody_and_everybody() -> None:
    nobody, everybody = difference([(0, 100)] * 4), difference([(100, 100)] * 4)
    assert (nobody.raw, nobody.p, nobody.interval.lower) == (0.0, 1.0, 0.0)
    assert (everybody.raw, everybody.interval.lower) == (0.0, 0.0)
    assert everybody.p == pytest.approx(1.0)
    assert ends(nobody.interval) == pytest.approx(ends(everybody.interval))
    one_without = ratio([(0, 400), (40, 400), (36, 400)])
    assert one_without.raw == 0.0
    assert one_without.interval.lower == 0.0
    assert 0 < (one_without.interval.upper or 1) < 0.3
    assert one_without.p < 1e-5


WORLDS = {
    "equal": lambda g: np.full(g, 0.3),
    "one low": lambda g: np.r_[0.15, np.full(g - 1, 0.3)],
    "linear": lambda g: np.linspace(0.2, 0.4, g),
    "two clusters": lambda g: np.r_[np.full(g // 2, 0.25), np.full(g - g // 2, 0.35)],
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("groups", "trials"), [(7, 50), (70, 16)])
def test_the_interval_covers_and_is_narrower_and_the_corrected_value_less_biased(
    world: str, groups: int, trials: int
) -> None:
    """A share of benchmarks/coverage. The bounds on misses stand for a coverage of 93 %, and fail once in 10,000."""
    generator = np.random.default_rng([groups, len(world)])
    rates, n = WORLDS[world](groups), np.full(groups, 500)
    truth, missed, width, bonferroni, raw, corrected = float(np.ptp(rates)), 0, 0.0, 0.0, 0.0, 0.0
    for _ in range(trials):
        family = drawn(generator, rates, n)
        found = difference(family)
        low, high = ends(found.interval)
        least, most = ends(simultaneous_difference([family]))
        missed += not low <= truth <= high
        width, bonferroni = width + high - low, bonferroni + most - least
        raw, corrected = raw + found.raw - truth, corrected + found.corrected - truth
    assert missed <= most_misses(trials, 0.07)
    assert width < 0.75 * bonferroni
    # Few groups that lie apart leave nothing to correct: then within 0.7 standard deviations of one rate.
    assert abs(corrected) < max(abs(raw), 0.015 * trials)


def test_the_largest_of_two_metrics_is_covered() -> None:
    """Equalized odds: the true gap lies in the second metric, the first one only adds noise."""
    generator = np.random.default_rng(23)
    first, second = np.full(6, 0.8), np.array([0.2, 0.2, 0.25, 0.2, 0.3, 0.2])
    n, missed = np.full(6, 400), 0
    for _ in range(50):
        found = difference(drawn(generator, first, n), drawn(generator, second, n))
        missed += not found.interval.lower <= 0.1 <= ends(found.interval)[1]
    assert missed <= most_misses(50, 0.07)
