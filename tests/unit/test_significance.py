"""p of two rates: published numbers, the libraries, and the level far out in the tail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency, fisher_exact

from audits.intervals import koopman
from audits.significance import TAIL, fisher, p_value, p_values, standard_deviations

Counted = tuple[int, int]


@st.composite
def counts(draw: st.DrawFn, most: int = 2000) -> Counted:
    n = draw(st.integers(1, most))
    return draw(st.integers(0, n)), n


def least_expected(one: Counted, other: Counted) -> float:
    events, total = one[0] + other[0], one[1] + other[1]
    return min(one[1], other[1]) * min(events, total - events) / total


def test_ricci_lieutenant_hispanic_by_fisher() -> None:
    """Lieutenant examination of New Haven, combined score >= 70: 3 of 15 Hispanic, 25 of 43 White candidates."""
    assert fisher((3, 15), (25, 43)) == pytest.approx(0.0159, abs=5e-5)
    # At least 7 passes are expected of the 15, so that the pooled z decides: -2.545 standard deviations.
    assert p_value((3, 15), (25, 43)) == pytest.approx(0.0110, abs=5e-4)
    assert standard_deviations((3, 15), (25, 43)) == pytest.approx(-2.545, abs=5e-4)


def test_three_of_twenty_against_one_of_ten_is_no_evidence_at_all() -> None:
    assert p_value((3, 20), (1, 10)) == pytest.approx(1.0)


@given(counts(), counts())
@settings(deadline=None)
def test_p_is_the_library_that_measurement_names(one: Counted, other: Counted) -> None:
    p = p_value(one, other)
    assert p is not None and 0 <= p <= 1
    assert p == p_value(other, one) or p == pytest.approx(p_value(other, one), rel=1e-9)
    expected = least_expected(one, other)
    if expected == 0:
        assert p == 1.0
    elif expected < 5:
        table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
        assert p == pytest.approx(min(1.0, fisher_exact(table).pvalue), rel=1e-9)
    else:
        table = [[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]
        pooled = chi2_contingency(table, correction=False).pvalue
        assert (
            p == pytest.approx(pooled, rel=1e-9)
            if pooled >= TAIL
            else pooled * (1 - 1e-6) <= p + 1e-290 <= TAIL + 1e-290
        )


@given(counts(), counts())
@settings(deadline=None)
def test_the_z_test_and_koopman_s_interval_are_one_test(one: Counted, other: Counted) -> None:
    p, interval = p_value(one, other), koopman(*one, *other)
    if interval is None or least_expected(one, other) < 5 or p is None or abs(p - 0.05) < 1e-6 or p < TAIL:
        return
    assert (p < 0.05) == (interval.lower > 1 or (interval.upper is not None and interval.upper < 1))


def test_far_out_p_is_not_below_what_happens() -> None:
    """50 rows against 5,000 at one rate of 10 %: 15 events have z = 4.6, p = 3e-6 by z, and 7 in 100,000 samples."""
    p = p_value((15, 50), (500, 5000))
    happens = float(binom.sf(14, 50, 0.1))
    assert p is not None and happens < p < 0.001


def test_small_p_keep_their_level_where_the_normal_curve_does_not() -> None:
    """Exact: the chance of p <= a at equal rates, summed over all tables, for the levels that Holm asks for."""
    n, rest = 50, 400
    events, others = (axis.ravel() for axis in np.meshgrid(np.arange(n + 1), np.arange(rest + 1), indexing="ij"))
    found = np.array(p_values([((int(k), n), (int(r), rest)) for k, r in zip(events, others, strict=True)]), float)
    for rate in (0.11, 0.3, 0.5, 0.86):
        chance = binom.pmf(events, n, rate) * binom.pmf(others, rest, rate)
        for level in (0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6):
            assert chance[found <= level].sum() <= 1.05 * level


def test_effective_counts_are_tested_as_they_are_and_exactly_where_they_are_few() -> None:
    assert p_value((30.0, 100.0), (50.0, 100.0)) == p_value((30, 100), (50, 100))
    one, other = p_value((30.4, 100.2), (50.3, 99.7)), p_value((30, 100), (50, 100))
    assert one == pytest.approx(other, rel=0.3)
    assert p_value((0.9, 8.2), (25.1, 42.8)) == fisher((1, 8), (25, 43))


def test_groups_without_rows_have_no_test_and_many_pairs_are_the_single_ones() -> None:
    assert p_value((0, 0), (1, 2)) is None
    assert p_values([]) == ()
    pairs = [((3, 20), (1, 10)), ((0, 0), (1, 2)), ((300, 1000), (350, 1000)), ((3, 20), (1, 10))]
    assert p_values(pairs) == tuple(p_value(*pair) for pair in pairs)


def test_the_two_standard_deviation_rule() -> None:
    # By hand: 48 of 100 against 60 of 100: -0.12 / sqrt(0.54 * 0.46 * 2 / 100).
    assert standard_deviations((48, 100), (60, 100)) == pytest.approx(-0.12 / (0.54 * 0.46 * 0.02) ** 0.5)
    assert standard_deviations((0, 10), (0, 10)) is None
    assert standard_deviations((0, 0), (1, 10)) is None
