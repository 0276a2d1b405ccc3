"""Intervals: published values, boundary cases where libraries break, and properties."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from audits.intervals import koopman, newcombe, wilson
from audits.power import detectable_rates
from audits.result import Interval


@st.composite
def counts(draw: st.DrawFn, *, inner: bool = False) -> tuple[int, int]:
    """(events, n); `inner`: neither none nor all."""
    n = draw(st.integers(2 if inner else 1, 3000))
    return draw(st.integers(1, n - 1) if inner else st.integers(0, n)), n


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.lower, math.inf if interval.upper is None else interval.upper


@pytest.mark.parametrize(
    ("k", "n", "expected"), [(81, 263, (0.2553, 0.3662)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))]
)
def test_wilson_as_newcombe_1998_prints_it(k: int, n: int, expected: tuple[float, float]) -> None:
    assert ends(wilson(k, n)) == pytest.approx(expected, abs=5e-5)


def test_newcombe_as_newcombe_1998_prints_it() -> None:
    assert ends(newcombe(56, 70, 48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("args", "expected"),
    [((36, 40, 16, 80), (2.9396, 7.1522)), ((1, 10, 3, 20), (0.100, 3.961)), ((9, 10, 3, 10), (1.3532, 8.4677))],
)
def test_koopman_values(args: tuple[int, int, int, int], expected: tuple[float, float]) -> None:
    assert ends(koopman(*args)) == pytest.approx(expected, abs=5e-4)


def test_nine_of_ten_against_three_of_ten_has_an_interval_for_the_difference() -> None:
    low, high = ends(newcombe(9, 10, 3, 10))
    assert 0 < low < 0.6 < high < 1


@given(counts(), counts(), st.sampled_from([0.9, 0.95, 0.99]))
@settings(deadline=None)
def test_integers_give_the_numbers_of_the_libraries_to_the_last_digit(
    one: tuple[int, int], other: tuple[int, int], confidence: float
) -> None:
    from scipy.stats import binomtest
    from statsmodels.stats.proportion import confint_proportions_2indep

    found = binomtest(*one).proportion_ci(confidence, method="wilson")
    low, high = ends(wilson(*one, confidence))
    assert low == (0.0 if one[0] == 0 else max(0.0, found.low))
    assert high == (1.0 if one[0] == one[1] else min(1.0, found.high))
    expected = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff", alpha=1 - confidence)
    assert ends(newcombe(*one, *other, confidence)) == (max(-1.0, expected[0]), min(1.0, expected[1]))


@given(counts(inner=True), counts(inner=True), st.floats(0.05, 1.0))
@settings(deadline=None)
def test_effective_counts_go_on_between_the_integers(
    one: tuple[int, int], other: tuple[int, int], share: float
) -> None:
    """Fewer effective rows at the same rates: the intervals still hold the estimate, and are at least as wide."""
    few, less = ((k * share, n * share) for k, n in (one, other))
    for call in (newcombe, koopman):
        low, high = ends(call(*one, *other))
        wide = ends(call(*few, *less))
        assert wide[0] <= low + 1e-9 and high * (1 - 1e-9) <= wide[1] + 1e-9
    assert ends(wilson(*few))[0] <= one[0] / one[1] <= ends(wilson(*few))[1]
    assert ends(koopman(float(one[0]), float(one[1]), *other)) == ends(koopman(*one, *other))


def test_no_event_in_either_group_has_no_ratio() -> None:
    assert koopman(0, 10, 0, 10) is None
    assert ends(newcombe(0, 10, 0, 10)) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


@pytest.mark.parametrize("args", [(20, 20, 20, 20), (20, 20, 19, 20), (100, 100, 99, 100), (1, 1, 1, 1)])
def test_rates_of_100_percent_do_not_exclude_1(args: tuple[int, int, int, int]) -> None:
    low, high = ends(koopman(*args))
    assert low < 1 < high


def test_all_selected_in_both_groups_by_hand() -> None:
    # The score statistic is then sqrt(n (r - 1)), so the upper end is 1 + z^2 / n.
    assert ends(koopman(20, 20, 20, 20))[1] == pytest.approx(1 + 1.959963984540054**2 / 20, abs=1e-12)


def test_no_event_in_the_reference_has_no_upper_end() -> None:
    interval = koopman(500, 1000, 0, 1000)
    assert interval is not None and interval.upper is None and interval.lower > 100


def test_no_rows_no_interval() -> None:
    assert wilson(0, 0) is None
    assert newcombe(0, 0, 1, 2) is None
    assert koopman(1, 2, 0, 0) is None


@pytest.mark.parametrize("call", [lambda: wilson(3, 2), lambda: wilson(-1, 2), lambda: koopman(1, 2, 1, 2, 1.0)])
def test_impossible_counts_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        call()  # type: ignore[operator]


def exact_lower(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The lower end of Koopman's interval (95 %) with 60 digits: Koopman 1984, by bisection."""
    with localcontext(prec=60):
        (k1, n1), (k2, n2) = (tuple(map(Decimal, counted)) for counted in (one, other))
        quantile = Decimal("1.959963984540054235524594430520551527956")

        def score(ratio: Decimal) -> Decimal:
            b = ratio * (n1 + k2) + k1 + n2
            p2 = (b - (b * b - 4 * ratio * (n1 + n2) * (k1 + k2)).sqrt()) / (2 * ratio * (n1 + n2))
            variance = ratio * p2 * (1 - ratio * p2) / n1 + ratio**2 * p2 * (1 - p2) / n2
            return (k1 / n1 - ratio * k2 / n2) / variance.sqrt()

        low, high = Decimal("1e-12"), k1 * n2 / (n1 * k2)
        for _ in range(120):
            middle = (low + high) / 2
            low, high = (middle, high) if score(middle) > quantile else (low, middle)
        return float(low)


@given(counts(inner=True), counts(inner=True))
@example((1, 1301), (2812, 2813))  # statsmodels is 15 % off here
@settings(deadline=None)
def test_koopman_is_the_inverted_score_test(one: tuple[int, int], other: tuple[int, int]) -> None:
    low, high = ends(koopman(*one, *other))
    assert low == pytest.approx(exact_lower(one, other), rel=1e-9)
    assert high == pytest.approx(1 / exact_lower(other, one), rel=1e-9)


@given(counts(inner=True), counts(inner=True))
@settings(deadline=None)
def test_koopman_is_the_closed_form_of_statsmodels_where_that_works(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    assume(all(k / n <= 0.8 for k, n in (one, other)))  # nearer to 100 % its cubic loses its digits
    low, high = confint_proportions_2indep(*one, *other, compare="ratio", method="score", correction=False)
    assert ends(koopman(*one, *other)) == pytest.approx((low, high), rel=1e-5)


@given(counts(), counts(), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
@settings(deadline=None)
def test_the_estimate_lies_inside(one: tuple[int, int], other: tuple[int, int], confidence: float) -> None:
    low, high = ends(newcombe(*one, *other, confidence))
    assert low <= one[0] / one[1] - other[0] / other[1] <= high
    low, high = ends(wilson(*one, confidence))
    assert 0 <= low <= one[0] / one[1] <= high <= 1
    assume(other[0])
    low, high = ends(koopman(*one, *other, confidence))
    assert low <= one[0] * other[1] / (one[1] * other[0]) <= high


@given(counts(), counts())
@settings(deadline=None)
def test_swapping_the_groups_mirrors_the_interval(one: tuple[int, int], other: tuple[int, int]) -> None:
    low, high = ends(newcombe(*one, *other))
    assert ends(newcombe(*other, *one)) == pytest.approx((-high, -low), abs=1e-12)
    assume(one[0] and other[0])
    low, high = ends(koopman(*one, *other))
    assert ends(koopman(*other, *one)) == pytest.approx((1 / high, 1 / low), rel=1e-9)


@given(counts(), counts())
@settings(deadline=None)
def test_more_confidence_is_wider(one: tuple[int, int], other: tuple[int, int]) -> None:
    assume(one[0] or other[0])
    narrow, wide = ends(koopman(*one, *other, 0.9)), ends(koopman(*one, *other, 0.99))
    assert wide[0] <= narrow[0] * (1 + 1e-9)
    assert wide[1] >= narrow[1] * (1 - 1e-9)


@pytest.mark.parametrize(("reference", "n"), [(0.1, 3205), (0.3, 857), (0.5, 387), (0.8, 121)])
def test_the_sample_that_sees_four_fifths(reference: float, n: int) -> None:
    rate, _ = detectable_rates(n, n, reference)
    assert rate is not None
    # The score test asks for a little more than the arcsine, by which these numbers were made.
    assert rate / reference == pytest.approx(0.8, abs=2e-3)


def test_a_tiny_sample_sees_nothing() -> None:
    assert detectable_rates(5, 5, 0.1)[0] is None
