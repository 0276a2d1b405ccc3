"""Sums of powers against numpy: standard errors by brute force and in many samples."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from audits.moments import (
    Sums,
    deviation,
    difference,
    interval,
    mean,
    p_of,
    root_mean_square,
    root_mean_square_difference,
    standardized_difference,
)

Array: TypeAlias = "np.ndarray[Any, Any]"


def sums(groups: list[Array], weights: list[Array] | None = None, center: float = 0.0, scale: float = 1.0) -> Sums:
    weights = [np.ones(len(x)) for x in groups] if weights is None else weights
    powers = [np.stack([((x - center) / scale) ** k for k in range(5)]) for x in groups]
    w = np.stack([(p * w).sum(axis=1) for p, w in zip(powers, weights, strict=True)])
    v = np.stack([(p * w * w).sum(axis=1) for p, w in zip(powers, weights, strict=True)])
    return Sums(w, v, center, scale)


def drawn(seed: int, sizes: tuple[int, ...], *, skewed: bool) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [(generator.gamma(1, 4, n) if skewed else generator.normal(5, 2, n)) + 3 * i for i, n in enumerate(sizes)]


def test_the_error_of_a_standardised_difference_is_that_of_many_samples() -> None:
    """Groups of skewed numbers that are nearly a deviation apart: without the delta method the error is 10 % off."""
    found = [standardized_difference(sums(drawn(seed, (100, 200), skewed=True)), (0, 1)) for seed in range(4_000)]
    values = np.array([item.value for item in found if item is not None])
    stated = np.sqrt(np.mean([item.spread**2 for item in found if item is not None and item.spread]))
    assert np.std(values) == pytest.approx(stated, rel=0.04)


def test_the_error_of_a_standardised_difference_by_the_jackknife() -> None:
    groups = drawn(3, (150, 90, 60), skewed=True)
    item = standardized_difference(sums(groups), (0, 2))
    assert item is not None
    left_out = []
    for number, group in enumerate(groups):
        for row in range(len(group)):
            less = [np.delete(x, row) if place == number else x for place, x in enumerate(groups)]
            without = standardized_difference(sums(less), (0, 2))
            assert without is not None
            left_out.append(without.value)
    n = len(left_out)
    assert item.spread == pytest.approx(np.sqrt((n - 1) / n * ((left_out - np.mean(left_out)) ** 2).sum()), rel=0.02)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e9]))
def test_welch_from_sums_is_scipys(seed: int, offset: float) -> None:
    one, other = drawn(seed, (17, 40), skewed=True)
    both = sums([one + offset, other + offset], center=offset, scale=50.0).from_center()
    means = [mean(both[0]), mean(both[1])]
    assert means[0] is not None and means[1] is not None
    apart = difference(means[0], means[1])
    welch = ttest_ind((one + offset) - offset, (other + offset) - offset, equal_var=False)
    ends = interval(apart, 0.9, "welch")
    assert p_of(apart) == pytest.approx(welch.pvalue, rel=1e-7)
    assert ends is not None and ends.upper is not None
    assert (ends.lower, ends.upper) == pytest.approx(tuple(welch.confidence_interval(0.9)), rel=1e-7)


def test_two_samples_of_one_skewed_distribution_seldom_have_different_root_mean_squares() -> None:
    """500 times 30 rows against 300. Welch's error alone finds a difference in 18 of 100."""
    generator = np.random.default_rng(4)
    small = 0
    for _ in range(500):
        found = sums([generator.exponential(1, n) - 1 for n in (30, 300)], scale=20.0)
        apart = root_mean_square_difference(found, (0, 1))
        assert apart is not None
        small += (p_of(apart) or 0.0) <= 0.05
    assert small <= 40


def test_a_clear_difference_of_root_mean_squares_is_found() -> None:
    generator = np.random.default_rng(5)
    groups = [generator.normal(0, deviation_, 200) for deviation_ in (1, 2)]
    apart = root_mean_square_difference(sums(groups, scale=20.0), (0, 1))
    assert apart is not None
    roots = [np.sqrt((x**2).mean()) for x in groups]
    assert apart.value == pytest.approx(roots[0] - roots[1])
    assert (p_of(apart) or 1.0) < 1e-6


def test_what_varies_by_rounding_only_does_not_vary() -> None:
    same = sums([np.full(50, 0.3), np.full(40, 0.3)])
    first, second = mean(same[0]), mean(same[1])
    assert first is not None and second is not None
    assert first.spread is None and deviation(same.together()) is None
    assert standardized_difference(same, (0, 1)) is None
    assert difference(first, second).spread is None
    assert interval(first, 0.95, "student") is None and p_of(first) is None


def test_one_row_has_a_value_and_no_error_and_no_row_has_none() -> None:
    found = sums([np.array([0.5]), np.array([])])
    single = mean(found[0])
    assert single is not None and (single.value, single.spread) == (0.5, None)
    assert mean(found[1]) is None and root_mean_square(found[1]) is None and deviation(found[1]) is None


def test_a_group_without_spread_leaves_the_error_of_the_other() -> None:
    one, other = np.full(30, 2.0), drawn(1, (30,), skewed=False)[0]
    found = sums([one, other], scale=20.0)
    first, second = mean(found[0]), mean(found[1])
    assert first is not None and second is not None
    apart = difference(first, second)
    assert apart.spread == pytest.approx(other.std(ddof=1) / np.sqrt(30))
    assert apart.rows == pytest.approx(30)
