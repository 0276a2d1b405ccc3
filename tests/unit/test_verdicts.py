"""The verdict of a comparison: the whole truth table, and the exact rules that feed it."""

from __future__ import annotations

import itertools

import pytest

from audits.plan import Comparison
from audits.result import GroupEstimate, Interval, Verdict
from audits.verdicts import bound_crossed, counts_of, difference, excludes_no_difference, ratio, shortfall, verdict

RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE

# (estimable, enough, crossed, excludes) -> verdict
TRUTH = {
    (False, False, False, False): "not estimable",
    (False, False, False, True): "not estimable",
    (False, False, True, False): "not estimable",
    (False, False, True, True): "not estimable",
    (False, True, False, False): "not estimable",
    (False, True, False, True): "not estimable",
    (False, True, True, False): "not estimable",
    (False, True, True, True): "not estimable",
    (True, False, False, False): "insufficient evidence",
    (True, False, False, True): "insufficient evidence",
    (True, False, True, False): "insufficient evidence",
    (True, False, True, True): "insufficient evidence",
    (True, True, False, False): "no indication",
    (True, True, False, True): "watch",
    (True, True, True, False): "watch",
    (True, True, True, True): "adverse",
}


def test_the_truth_table_of_the_verdicts() -> None:
    # Printed on purpose (pytest -s): an officer may want to read the table.
    print("\nestimable enough crossed excludes -> verdict")  # noqa: T201
    for row in itertools.product((False, True), repeat=4):
        estimable, enough, crossed, excludes = row
        found = verdict(crossed=crossed, excludes=excludes, enough=enough, estimable=estimable)
        print(*(f"{'yes' if value else 'no':>8}" for value in row), "->", found)  # noqa: T201
        assert found == TRUTH[row]
    assert {Verdict(value) for value in TRUTH.values()} == set(Verdict)


@pytest.mark.parametrize(
    ("group", "reference", "crossed"),
    [
        ((48, 100), (60, 100), False),  # exactly 0.80
        ((4799, 10000), (6000, 10000), True),
        ((7996, 10000), (10000, 10000), True),  # 0.80 when rounded
        ((480_000_000_000_000_000, 10**18), (600_000_000_000_000_001, 10**18), True),  # floats cannot tell
        ((45, 100), (60, 100), True),  # 0.75, UGESP questions and answers
        ((51, 100), (60, 100), False),  # 0.85
        ((60, 100), (45, 100), True),  # the reference is the one that falls short
        ((60, 100), (48, 100), False),
        ((0, 1000), (500, 1000), True),
        ((0, 10), (0, 10), False),
    ],
)
def test_four_fifths_on_exact_counts(group: tuple[int, int], reference: tuple[int, int], crossed: bool) -> None:
    assert bound_crossed(group, reference, RATIO, 0.8) is crossed


@pytest.mark.parametrize(
    ("group", "reference", "limit", "crossed"),
    [
        ((3, 10), (4, 10), 0.1, False),  # 0.4 - 0.3 > 0.1 in floats
        ((4, 10), (3, 10), 0.1, False),
        ((299, 1000), (4, 10), 0.1, True),
        ((4, 10), (299, 1000), 0.1, True),
        ((1, 2), (1, 2), 0.0, False),
    ],
)
def test_a_difference_is_crossed_strictly_above_its_limit_in_either_direction(
    group: tuple[int, int], reference: tuple[int, int], limit: float, crossed: bool
) -> None:
    assert bound_crossed(group, reference, DIFFERENCE, limit) is crossed


@pytest.mark.parametrize(
    ("interval", "comparison", "excluded"),
    [
        (Interval(0.6, 0.9, 0.95, "koopman"), RATIO, True),
        (Interval(0.6, 1.0, 0.95, "koopman"), RATIO, False),
        (Interval(1.1, None, 0.95, "koopman"), RATIO, True),
        (Interval(0.9, None, 0.95, "koopman"), RATIO, False),
        (Interval(-0.2, -0.1, 0.95, "newcombe"), DIFFERENCE, True),
        (Interval(0.0, 0.1, 0.95, "newcombe"), DIFFERENCE, False),
        (None, RATIO, False),
        (None, DIFFERENCE, False),
    ],
)
def test_an_interval_excludes_no_difference(interval: Interval | None, comparison: Comparison, excluded: bool) -> None:
    assert excludes_no_difference(interval, comparison) is excluded


def test_rows_and_events_below_the_minimum_are_too_little_evidence() -> None:
    assert shortfall((1, 10), (3, 20), min_n=30, min_events=5) == (
        "10 rows in the smaller denominator, the plan asks for 30"
    )
    assert shortfall((4, 1000), (4, 1000), min_n=30, min_events=5) == "4 events in a group, the plan asks for 5"
    assert shortfall((5, 30), (5, 30), min_n=30, min_events=5) is None


def test_nobody_selected_of_a_thousand_is_evidence() -> None:
    assert shortfall((0, 1000), (500, 1000), min_n=30, min_events=5) is None
    assert shortfall((0, 1000), (4, 1000), min_n=30, min_events=5) == "0 events in a group, the plan asks for 5"


def test_values_are_rounded_once() -> None:
    assert ratio((48, 100), (60, 100)) == 0.8
    assert difference((4, 10), (3, 10)) == 0.1
    assert ratio((1, 10), (0, 10)) is None


def test_weights_count_by_their_effective_number_and_integers_stay_integers() -> None:
    plain = GroupEstimate("selection_rate", ("sex",), ("f",), 50, 50, 20, 0.4, None)
    assert counts_of(plain) == (20, 50)
    assert all(isinstance(number, int) for number in counts_of(plain))
    weighted = GroupEstimate("selection_rate", ("sex",), ("f",), 50, 50, 20, 0.25, None, weight=61.5, effective_n=32.0)
    assert counts_of(weighted) == (8.0, 32.0)


def test_four_fifths_of_weighted_rates_is_not_crossed_by_rounding() -> None:
    # 0.1 * 3 / 0.3 in floats: the same rates as 48 and 60 of 100, off by one in the last place either way.
    for nudge in (-1e-15, 0.0, 1e-15):
        assert not bound_crossed((0.48 * 57.3 + nudge, 57.3), (0.6 * 91.7, 91.7), RATIO, 0.8)
        assert not bound_crossed((0.4 * 57.3, 57.3), (0.3 * 91.7 - nudge, 91.7), DIFFERENCE, 0.1)
    assert bound_crossed((0.4799 * 57.3, 57.3), (0.6 * 91.7, 91.7), RATIO, 0.8)


def test_too_few_effective_rows_are_too_little_evidence() -> None:
    assert shortfall((10.0, 22.5), (300, 1000), min_n=30, min_events=5) == (
        "22.5 effective rows in the smaller denominator, the plan asks for 30"
    )
    assert shortfall((2.5, 40.0), (3.5, 40.0), min_n=30, min_events=5) == (
        "2.5 effective events in a group, the plan asks for 5"
    )
