"""Groups in which nothing varies: the interval of the difference of their means, by brute force and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audits.constant_scores import constant_difference

SCORES, SIZES = st.floats(0, 1), st.integers(2, 5_000)


@given(SCORES, SCORES, SIZES, SIZES)
def test_the_p_is_where_the_interval_begins_to_leave_out_no_difference(a: float, b: float, n: int, m: int) -> None:
    assume(abs(a - b) > 1e-6)
    interval, p = constant_difference((a, n), (b, m), 0, 1, 0.95)
    assert interval.upper is not None and interval.lower <= a - b <= interval.upper
    assert interval.lower >= -1 and interval.upper <= 1
    if 1e-12 < p < 0.99:
        for error, outside in ((p * 1.01, True), (p * 0.99, False)):
            ends, _ = constant_difference((a, n), (b, m), 0, 1, 1 - error)
            assert ends.upper is not None and (ends.lower > 0 or ends.upper < 0) is outside


@given(SCORES, SIZES, SIZES)
def test_equal_scores_differ_by_nothing(a: float, n: int, m: int) -> None:
    interval, p = constant_difference((a, n), (a, m), 0, 1, 0.95)
    assert p == 1 and interval.upper is not None and interval.lower <= 0 <= interval.upper


def test_turned_around_it_is_the_same() -> None:
    one, p = constant_difference((0.2, 40), (0.9, 70), 0, 1, 0.9)
    other, q = constant_difference((0.9, 70), (0.2, 40), 0, 1, 0.9)
    assert p == q and one.upper is not None and other.upper is not None
    assert (one.lower, one.upper) == (-other.upper, -other.lower)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_the_interval_seldom_misses(share: float) -> None:
    """Most have 0, the others 1; samples that vary have no such interval, and those that do not must cover."""
    generator, n, missed = np.random.default_rng(1), 30, 0
    for _ in range(2_000):
        one, other = (generator.random((2, n)) > share).astype(float)
        if np.ptp(one) or np.ptp(other):
            continue
        interval, _p = constant_difference((one[0], n), (other[0], n), 0, 1, 0.95)
        assert interval.upper is not None
        missed += not interval.lower <= 0 <= interval.upper
    assert missed <= 100
