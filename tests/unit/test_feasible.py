"""Printed numbers and what may lie behind them, against every whole number one could think of."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.feasible import Spans, highest_ones, judge_rate, judge_ratio, ratio_spans
from audits.published_numbers import Printed, no_number, read_count, read_share


def count(text: str) -> Printed:
    found = read_count(text)
    assert found is not None
    return found


def share(text: str) -> Printed:
    found = read_share(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,390", 1390), ("1390", 1390), ("1 390", 1390), ("1\u202f390\u00a0123", 1390123), ("0", 0), ("41.0", 41)],
)
def test_counts_as_people_write_them(text: str, value: int) -> None:
    assert count(text).count == value


@pytest.mark.parametrize(
    "text", ["1.390", "1,39", "12.5", "-5", "+5", "twelve", "1e3", "<0", "<200", "9" * 14, "<", "½"]
)
def test_what_is_no_count(text: str) -> None:
    assert read_count(text) is None


@pytest.mark.parametrize(("text", "high"), [("<5", 4), ("< 11", 10), ("<=5", 5), ("≤5", 5)])
def test_a_suppressed_count_is_a_range(text: str, high: int) -> None:
    found = count(text)
    assert (found.low, found.high, found.value) == (0, high, None)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("48%", "0.475", "0.485"),
        ("47.9%", "0.4785", "0.4795"),
        ("0.48", "0.475", "0.485"),
        (".480", "0.4795", "0.4805"),
        ("0.9", "0.895", "0.905"),  # 0.90 without its zero, never 0.85 to 0.95
        ("1", "0.995", "1.005"),
        ("0%", "0", "0.005"),
        ("<1%", "0", "0.01"),
    ],
)
def test_a_rounded_share_is_an_interval(text: str, low: str, high: str) -> None:
    assert (share(text).low, share(text).high) == (Fraction(low), Fraction(high))


@pytest.mark.parametrize("text", ["0,48", "-0.1", "48 percent", "1e-3", "%", ".", "nan%", "0.1.2", "inf"])
def test_what_is_no_share(text: str) -> None:
    assert read_share(text) is None


def test_marks_that_stand_for_nothing() -> None:
    assert all(no_number(text) for text in ("", " ", "–", "N/A", "*", "Suppressed"))
    assert not any(no_number(text) for text in ("0", "0%", "zero"))


def test_the_rules_own_example_cuts_a_rate_off() -> None:
    """18 of 28 are 64.29 %, printed 64.2 %: no whole number gives it, and the nearest is within the tolerance."""
    judged = judge_rate(count("28"), None, share("64.2%"))
    assert judged.possible == ((Fraction(18, 28), Fraction(18, 28)),)
    assert 0 < judged.distance < Fraction(1, 1000)


def test_a_suppressed_number_of_persons_leaves_every_number_open() -> None:
    assert judge_rate(count("<5"), count("<5"), share("50%")).possible == ((Fraction(1, 2), Fraction(1, 2)),)
    assert judge_rate(count("<5"), None, share("40%")).distance > 0  # of 1 to 4 nobody is 40 %
    assert judge_rate(count("0"), count("0"), None).possible == ()
    assert judge_rate(None, None, share("99.9%")).possible == ((Fraction(9985, 10_000), Fraction(9995, 10_000)),)


def contains(spans: Spans, value: Fraction) -> bool:
    return any(low <= value <= high for low, high in spans)


ROWS = st.lists(
    st.tuples(st.integers(1, 9) | st.integers(100, 300), st.floats(0, 1), st.sampled_from((0, 1, 2)), st.booleans()),
    min_size=1,
    max_size=4,
)


PRINTED = [share(f"{hundredths / 100:.2f}") for hundredths in range(101)]


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_a_ratio_is_wrong_only_if_no_whole_numbers_explain_it(rows: list[tuple[int, float, int, bool]]) -> None:
    possible: list[Spans] = []
    whole: list[list[Fraction]] = []
    for n, wanted, places, with_count in rows:
        k = round(wanted * n)
        rate = share(f"{k / n:.{places}%}")
        possible.append(judge_rate(count(str(n)), count(str(k)) if with_count else None, rate).possible)
        whole.append(
            [
                Fraction(j, n)
                for j in range(n + 1)
                if (j == k if with_count else rate.low <= Fraction(j, n) <= rate.high)
            ]
        )
    found = ratio_spans(possible)
    for at, spans in enumerate(found):
        ratios = {every[at] / max(every) for every in itertools.product(*whole) if max(every)}
        assert bool(spans) == bool(ratios)
        assert all(contains(spans, ratio) for ratio in ratios)
        for printed in PRINTED if spans else ():
            explained = any(printed.low <= ratio <= printed.high for ratio in ratios)
            assert (judge_ratio(printed, spans).distance == 0) == explained
    tops = {at for every in itertools.product(*whole) for at, rate in enumerate(every) if rate == max(every) > 0}
    assert highest_ones(possible) == tops


def test_a_category_is_not_compared_with_another_value_of_itself() -> None:
    """99, 100 or 101 of 200 against 50 of 100 give 0.99, 1 and 1; never 99/101."""
    found = ratio_spans([judge_rate(count("200"), None, share("50%")).possible, ((Fraction(1, 2),) * 2,)])
    assert found[0] == ((Fraction(99, 100),) * 2, (Fraction(1), Fraction(1)))
    assert judge_ratio(share("0.98"), found[0]).distance == Fraction(1, 100)
    assert found[1] == ((Fraction(1), Fraction(1)), (Fraction(100, 101),) * 2)


@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 1)), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_large_tables_without_counts_hold_the_truth(rows: list[tuple[int, float]]) -> None:
    truth = [Fraction(round(n * wanted), n) for n, wanted in rows]
    rates = [judge_rate(count(str(n)), None, share(f"{float(t):.1%}")) for (n, _), t in zip(rows, truth, strict=True)]
    assert not any(item.distance for item in rates)
    for spans, rate in zip(ratio_spans([item.possible for item in rates]), truth, strict=True):
        if max(truth):
            assert contains(spans, rate / max(truth))


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(480, 520)), min_size=60, max_size=90), st.integers(0, 59))
@settings(max_examples=25, deadline=None)
def test_tables_with_very_many_categories_hold_the_truth(rows: list[tuple[int, int]], best: int) -> None:
    """Too many values to be listed are taken together, and the category at the top is still compared with the rest."""
    rows = [(n, 999 if at == best else wanted) for at, (n, wanted) in enumerate(rows)]
    truth = [Fraction(round(n * wanted / 1000), n) for n, wanted in rows]
    rates = [judge_rate(count(str(n)), None, share(f"{float(t):.0%}")) for (n, _), t in zip(rows, truth, strict=True)]
    found = ratio_spans([item.possible for item in rates])
    for at, (spans, rate) in enumerate(zip(found, truth, strict=True)):
        others = max(item for other, item in enumerate(truth) if other != at)
        assert contains(spans, rate / max(rate, others))
        assert len(spans) <= 2 * 20 * 20
    assert best in highest_ones([item.possible for item in rates])


@given(st.integers(1, 10**9), st.floats(0, 1), st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_a_rate_that_was_rounded_from_counts_is_never_wrong(n: int, wanted: float, places: int) -> None:
    k = min(n, math.floor(wanted * n))
    assert judge_rate(count(f"{n:,}"), count(f"{k:,}"), share(f"{k / n:.{places}%}")).distance == 0
