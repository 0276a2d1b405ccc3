"""Measures of scores from histograms against scikit-learn and scipy on the raw rows, within their own bounds."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import beta, ks_2samp, norm, wasserstein_distance
from score_factory import histogram, stacked, with_outcome
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from audits.auc import areas, auc_interval, newcombe_end
from audits.calibration import (
    brier_score,
    calibration_difference,
    calibration_error,
    calibration_error_interval,
    edges,
    error_moves,
    gap_noise,
    log_loss,
    mean_score,
    reliability,
)
from audits.distances import (
    blocks_of,
    drawn,
    gap_of,
    kolmogorov_smirnov,
    kolmogorov_smirnov_interval,
    same_distribution_p,
    wasserstein,
    wasserstein_interval,
)

Array: TypeAlias = "np.ndarray[Any, Any]"

ROUNDING = 1e-12


@st.composite
def scores(draw: st.DrawFn) -> Array:
    """1 to 80 scores of 0 to 1: anywhere, in a narrow place, on a grid with ties, at both ends."""
    n = draw(st.integers(1, 80))
    grain = draw(st.sampled_from([None, 2, 10, 64, 100]))
    if grain is None:
        return draw(arrays.arrays(float, n, elements=st.floats(0, 1, allow_subnormal=False)))
    low = draw(st.integers(0, grain))
    found = draw(arrays.arrays(int, n, elements=st.integers(low, grain)))
    return np.asarray(found / grain)


def weights_for(values: Array, seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0.1, 5.0, len(values))


both = given(scores(), scores(), st.sampled_from([1, 2, 16, 64, 1024]), st.integers(0, 99), st.booleans())


@settings(deadline=None, max_examples=300)
@both
def test_auc_lies_within_its_bound_of_sklearn(p: Array, n: Array, bins: int, seed: int, weighted: bool) -> None:
    wp, wn = (weights_for(p, seed), weights_for(n, seed + 1)) if weighted else (np.ones(len(p)), np.ones(len(n)))
    found = areas(histogram(p, bins=bins, weights=wp), histogram(n, bins=bins, weights=wn))
    truth = roc_auc_score(np.r_[np.ones(len(p)), np.zeros(len(n))], np.r_[p, n], sample_weight=np.r_[wp, wn])
    assert abs(float(found.value) - truth) <= float(found.error) + ROUNDING
    assert 0 <= float(found.error) <= 0.5


@settings(deadline=None, max_examples=300)
@both
def test_distances_lie_within_their_bounds_of_scipy(a: Array, b: Array, bins: int, seed: int, weighted: bool) -> None:
    wa, wb = (weights_for(a, seed), weights_for(b, seed + 1)) if weighted else (np.ones(len(a)), np.ones(len(b)))
    one, other = histogram(a, bins=bins, weights=wa), histogram(b, bins=bins, weights=wb)
    ks, far = kolmogorov_smirnov(one, other), wasserstein(one, other)
    assert ks is not None and far is not None
    truth = wasserstein_distance(a, b, wa, wb)
    assert far.value - ROUNDING <= truth <= far.value + far.error + ROUNDING
    assert far.error <= 1 / bins * 2
    at = np.r_[a, b]
    gaps = [np.abs(wa[a <= x].sum() / wa.sum() - wb[b <= x].sum() / wb.sum()) for x in at]
    if not weighted and min(len(a), len(b)) > 1:
        assert max(gaps) == pytest.approx(ks_2samp(a, b, method="asymp").statistic, abs=ROUNDING)
    assert ks.value - ROUNDING <= max(gaps) <= ks.value + ks.error + ROUNDING


@settings(deadline=None, max_examples=200)
@given(scores(), st.sampled_from([16, 64, 1024]), st.integers(0, 99), st.booleans())
def test_means_brier_and_log_loss_are_exact(values: Array, bins: int, seed: int, weighted: bool) -> None:
    w = weights_for(values, seed) if weighted else np.ones(len(values))
    outcome = np.random.default_rng(seed).random(len(values)) < 0.5
    group = with_outcome(values, outcome, weights=w, bins=bins)
    assert mean_score(group.united()).value == pytest.approx(np.average(values, weights=w), abs=ROUNDING)
    assert brier_score(group).value == pytest.approx(np.average((values - outcome) ** 2, weights=w), abs=ROUNDING)
    if outcome.any() and not outcome.all():
        assert brier_score(group).value == pytest.approx(brier_score_loss(outcome, values, sample_weight=w))
    truth = sklearn_log_loss(outcome, values, sample_weight=w, labels=[0, 1])
    assert log_loss(group).value == pytest.approx(truth, rel=1e-9)


def test_every_integer_score_with_its_own_bin_is_exact() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.integers(1, 11, 500), generator.integers(2, 11, 700)
    one, other = (histogram(x, low=1, high=10, bins=1024) for x in (a, b))
    area, ks, far = areas(one, other), kolmogorov_smirnov(one, other), wasserstein(one, other)
    assert ks is not None and far is not None
    assert (float(area.error), ks.error, far.error) == (0, 0, 0)
    assert float(area.value) == pytest.approx(roc_auc_score(np.r_[np.ones(500), np.zeros(700)], np.r_[a, b]), abs=1e-14)
    assert far.value == pytest.approx(wasserstein_distance(a, b), abs=ROUNDING)
    assert ks.value == pytest.approx(ks_2samp(a, b).statistic, abs=1e-14)


def test_many_rows_bring_the_bounds_that_are_promised() -> None:
    generator = np.random.default_rng(4)
    a, b = generator.beta(2, 3, 200_000), generator.beta(2.1, 3, 300_000)
    one, other = histogram(a, bins=1024), histogram(b, bins=1024)
    ks, far = kolmogorov_smirnov(one, other), wasserstein(one, other)
    assert ks is not None and far is not None
    assert float(areas(one, other).error) < 1e-3 and far.error < 1e-5
    assert ks.error <= max((one.w / 200_000).max(), (other.w / 300_000).max())


def delong_by_hand(p: Array, n: Array) -> float:
    order = (p[:, None] > n) + 0.5 * (p[:, None] == n)
    return float(np.var(order.mean(1), ddof=1) / len(p) + np.var(order.mean(0), ddof=1) / len(n))


def test_the_variance_is_delongs() -> None:
    generator = np.random.default_rng(5)
    p, n = generator.integers(3, 11, 60), generator.integers(1, 9, 80)
    found = areas(histogram(p, low=1, high=10), histogram(n, low=1, high=10))
    assert float(found.variance) == pytest.approx(delong_by_hand(p, n), rel=1e-12)


def test_a_weight_of_two_on_every_row_changes_nothing() -> None:
    generator = np.random.default_rng(6)
    p, n = generator.random(40), generator.random(50)
    plain = areas(histogram(p), histogram(n))
    twice = areas(histogram(p, weights=np.full(40, 2.0)), histogram(n, weights=np.full(50, 2.0)))
    assert float(twice.variance) == pytest.approx(float(plain.variance), rel=1e-12)
    assert float(twice.value) == pytest.approx(float(plain.value), rel=1e-12)


def test_one_row_has_an_auc_but_no_variance() -> None:
    found = areas(histogram(np.array([0.9])), histogram(np.array([0.1, 0.2])))
    assert float(found.value) == 1 and np.isnan(float(found.variance))
    assert np.isnan(float(areas(histogram(np.array([])), histogram(np.array([0.1]))).value))


def test_auc_of_1_has_an_interval_that_is_no_point() -> None:
    interval = auc_interval(1.0, 0.0, 0.0, 20, 30, 0.95)
    assert interval is not None and 0.8 < interval.lower < 1 and interval.upper == 1
    t = newcombe_end(1.0, 20, 30, 0.95)
    variance = t * (1 - t) * (1 + 24 * ((1 - t) / (2 - t) + t / (1 + t))) / 600
    assert (1 - t) ** 2 == pytest.approx(norm.isf(0.025) ** 2 * variance, rel=1e-9)
    assert newcombe_end(0.0, 20, 30, 0.95) == pytest.approx(1 - t, rel=1e-9)


def test_equal_scores_everywhere_give_half_and_no_interval() -> None:
    found = areas(histogram(np.full(40, 0.5)), histogram(np.full(40, 0.5)))
    assert float(found.value) == 0.5
    assert auc_interval(0.5, 0.0, float(found.variance), 40, 40, 0.95) is None


def test_auc_intervals_cover() -> None:
    generator, covered, truth = np.random.default_rng(7), 0, float(norm.cdf(1.5 / np.sqrt(2)))
    for _ in range(600):
        p, n = norm.cdf(generator.normal(1.5, 1, 25)), norm.cdf(generator.normal(0, 1, 40))
        a = areas(histogram(p, bins=1024), histogram(n, bins=1024))
        interval = auc_interval(float(a.value), float(a.error), float(a.variance), 25, 40, 0.95)
        assert interval is not None and interval.upper is not None
        covered += interval.lower <= truth <= interval.upper
    assert covered >= 0.925 * 600


@pytest.mark.parametrize("same", [True, False])
def test_intervals_of_distances_cover(same: bool) -> None:
    """Where both groups are alike a percentile bootstrap never contains the truth, which is 0."""
    generator = np.random.default_rng(8)
    grid = np.linspace(0, 1, 2001)
    one, other = beta(2, 3), beta(2, 3) if same else beta(3, 3)
    apart = np.abs(one.cdf(grid) - other.cdf(grid))
    truth, covered = np.array([apart.max(), np.trapezoid(apart, grid)]), np.zeros(2)
    for _ in range(300):
        a = histogram(one.rvs(120, random_state=generator), bins=1024)
        b = histogram(other.rvs(300, random_state=generator), bins=1024)
        blocks = blocks_of(stacked(a, b))
        noise = drawn(a, blocks, 400, generator) - drawn(b, blocks, 400, generator)
        gap, ks, far = gap_of(a, b, blocks, noise), kolmogorov_smirnov(a, b), wasserstein(a, b)
        assert ks is not None and far is not None
        found = (kolmogorov_smirnov_interval(ks, gap, 0.95), wasserstein_interval(far, gap, 0.95))
        for position, interval in enumerate(found):
            assert interval is not None and interval.upper is not None
            covered[position] += interval.lower <= truth[position] <= interval.upper
    assert (covered >= 0.92 * 300).all()


@pytest.mark.parametrize("shift", [0.0, 0.15])
def test_intervals_of_the_calibration_error_cover(shift: float) -> None:
    generator, covered = np.random.default_rng(9), 0
    everybody = generator.beta(2, 3, 400_000)
    wrong = np.clip(everybody + shift * np.sin(6 * everybody), 0, 1) - everybody
    part = np.digitize(everybody, edges(1024)[1:-1] / 1024)
    truth = np.abs(np.bincount(part, wrong, 10)).sum() / len(everybody)
    for _ in range(200):
        scores = generator.beta(2, 3, 400)
        outcome = generator.random(400) < np.clip(scores + shift * np.sin(6 * scores), 0, 1)
        group = with_outcome(scores, outcome, bins=1024)
        found = reliability(group)
        moves = error_moves(found, gap_noise(group, 400, generator), 400)
        interval = calibration_error_interval(calibration_error(found), moves, 0.95)
        assert interval is not None and interval.upper is not None
        covered += interval.lower <= truth <= interval.upper
    assert covered >= 0.915 * 200


def test_the_p_of_equal_distributions_is_scipys() -> None:
    generator = np.random.default_rng(10)
    a, b = generator.random(80), generator.random(120) ** 1.3
    one, other = histogram(a, bins=2**16), histogram(b, bins=2**16)
    ks = kolmogorov_smirnov(one, other)
    assert ks is not None
    assert same_distribution_p(ks, one, other) == pytest.approx(ks_2samp(a, b, method="asymp").pvalue, rel=1e-9)


def test_weights_widen_the_noise_of_a_distance() -> None:
    generator = np.random.default_rng(11)
    scores, uneven = generator.random(500), generator.choice([0.1, 10.0], 500)
    plain, heavy = histogram(scores), histogram(scores, weights=uneven)
    spread = [drawn(item, blocks_of(stacked(item)), 2000, generator).std(axis=0).max() for item in (plain, heavy)]
    assert spread[1] / spread[0] == pytest.approx(np.sqrt(500 / float(heavy.effective)), rel=0.1)


def test_one_score_everywhere_has_no_interval() -> None:
    same = histogram(np.full(50, 0.5))
    blocks = blocks_of(stacked(same, same))
    noise = drawn(same, blocks, 100, np.random.default_rng(0))
    gap, ks, far = gap_of(same, same, blocks, noise), kolmogorov_smirnov(same, same), wasserstein(same, same)
    assert ks is not None and far is not None and (ks.value, far.value) == (0, 0)
    assert kolmogorov_smirnov_interval(ks, gap, 0.95) is None and wasserstein_interval(far, gap, 0.95) is None
    assert mean_score(same).interval(0.95) is None


def test_no_rows_no_distance() -> None:
    empty, one = histogram(np.array([])), histogram(np.array([0.5]))
    assert kolmogorov_smirnov(empty, one) is None and wasserstein(one, empty) is None
    assert mean_score(empty).value is None


def test_log_loss_holds_scores_of_0_and_1_away_from_infinity() -> None:
    outcome, scores = np.array([True, False, True]), np.array([0.0, 1.0, 1.0])
    found = log_loss(with_outcome(scores, outcome))
    assert found.value == pytest.approx(sklearn_log_loss(outcome, scores), rel=1e-9)


def test_two_calibrated_groups_seldom_differ_in_their_calibration_error() -> None:
    """The smaller group has the larger error by noise alone: 100 rows against 2,000."""
    generator, rejected, tried = np.random.default_rng(13), 0, 150
    for _ in range(tried):
        sides = []
        for n in (100, 2000):
            scores = generator.beta(2, 3, n)
            group = with_outcome(scores, generator.random(n) < scores, bins=1024)
            found = reliability(group)
            sides.append((calibration_error(found), error_moves(found, gap_noise(group, 300, generator), n)))
        (one, moves), (other, other_moves) = sides
        interval, p = calibration_difference(one - other, moves, other_moves, 0.95)
        assert interval is not None and p is not None
        rejected += p <= 0.05 or interval.lower > 0
    assert rejected <= tried * (0.05 + 3 * np.sqrt(0.05 * 0.95 / tried))
