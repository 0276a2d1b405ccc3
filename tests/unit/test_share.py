"""Weighted shares: what they are worth in rows, against the formulas written out over single rows."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.disaggregate import disaggregate
from audits.groups import groups_of
from audits.intervals import wilson
from audits.metrics import METRICS, NO_LABEL
from audits.plan import AuditPlan, SensitiveFeature
from audits.result import Cell, Cells
from audits.share import Row, Share, share_of

PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    sensitive_features=(SensitiveFeature("sex", "sex"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)

WEIGHTS = st.lists(st.tuples(st.booleans(), st.floats(0.01, 100)), min_size=1, max_size=30)


def share(rows: list[tuple[bool, float]]) -> Share:
    made = [Row(outcome=False, prediction=event, n=1, w=w, w2=w * w) for event, w in rows]
    return share_of([row for row in made if row.prediction], made)


@given(WEIGHTS)
def test_the_effective_number_of_rows_is_that_of_the_linearised_variance(rows: list[tuple[bool, float]]) -> None:
    found = share(rows)
    e, w = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    p = float(np.average(e, weights=w))
    assert found.value == pytest.approx(p, rel=1e-12)
    if 0 < p < 1:
        variance = float(np.sum((w * (e - p)) ** 2) / w.sum() ** 2)
        expected = min(len(rows), p * (1 - p) / variance)
    else:
        expected = float(w.sum() ** 2 / np.sum(w**2))
    assert found.effective_n == pytest.approx(expected, rel=1e-9)
    assert found.effective_n is not None and 0 < found.effective_n <= len(rows)


@given(st.integers(0, 50), st.integers(1, 50), st.sampled_from([1.0, 0.25, 3.5]))
def test_equal_weights_are_worth_their_rows(events: int, others: int, weight: float) -> None:
    found = share([(True, weight)] * events + [(False, weight)] * others)
    assert found.effective_n == pytest.approx(events + others)
    assert found.value == pytest.approx(events / (events + others))


def test_nothing_is_worth_nothing() -> None:
    assert share_of([], []) == Share(0, 0, 0, 0, 0, 0)
    assert (share_of([], []).value, share_of([], []).effective_n) == (None, None)


def test_rows_that_weigh_little_do_not_become_more_rows_than_they_are() -> None:
    """One event of weight 0.001 among 99 of weight 1: the formula alone says 100,000 rows."""
    assert share([(True, 0.001)] + [(False, 1.0)] * 99).effective_n == 100


def cells(*found: Cell, **more: object) -> Cells:
    made = Cells(("sex",), tuple(found), sum(cell.n for cell in found), "sha256:data", "by hand")
    return replace(made, **more)


KINDS = [(True, True), (True, False), (False, True), (False, False)]


def test_without_weights_an_estimate_has_neither_weight_nor_effective_rows() -> None:
    found = disaggregate(cells(*(Cell(("f",), *kind, 50) for kind in KINDS)), PLAN)
    assert {(item.weight, item.effective_n) for item in found} == {(None, None)}


def test_with_weights_the_estimate_is_the_weighted_rate_and_its_interval_that_of_the_effective_rows() -> None:
    heavy = [
        Cell(("f",), *kind, 50, w, 2 * w * w / 50) for kind, w in zip(KINDS, (100.0, 50.0, 25.0, 25.0), strict=True)
    ]
    found = {item.metric: item for item in disaggregate(cells(*heavy, weighted=True), PLAN)}
    selected = found["selection_rate"]
    assert (selected.events, selected.n, selected.weight, selected.value) == (100, 200, 200.0, 0.625)
    squares = [2 * w * w / 50 for w in (100.0, 50.0, 25.0, 25.0)]
    variance = (0.375**2 * (squares[0] + squares[2]) + 0.625**2 * (squares[1] + squares[3])) / 200**2
    assert selected.effective_n == pytest.approx(0.625 * 0.375 / variance)
    assert selected.interval is not None and selected.interval.upper is not None
    n, p, z = selected.effective_n or 0, 0.625, 1.959963984540054
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert selected.interval.upper - selected.interval.lower == pytest.approx(2 * half)
    assert found["true_positive_rate"].value == pytest.approx(100 / 150)


def test_many_rows_of_which_one_weighs_all_do_not_count() -> None:
    rows = [Cell(("f",), *KINDS[0], 99, 99.0, 99.0), Cell(("f",), *KINDS[3], 1, 9901.0, 9901.0**2)]
    found = disaggregate(cells(*rows, weighted=True), PLAN)[0]
    assert (found.size, found.counted) == (100, False)
    assert found.reason == "100 rows that count as 1.0, the plan asks for 30"


def test_a_group_known_by_small_probabilities_only_does_not_count() -> None:
    """1,000 rows with a probability of 1 % each are 10 people, however equal their weights."""
    few = Cell(("f",), *KINDS[0], 1000, 10.0, 0.1)
    many = Cell(("m",), *KINDS[0], 1000, 990.0, 980.1)
    data = replace(cells(few, many, shared=True), row_count=1000)
    found = {item.group[0]: item for item in disaggregate(data, PLAN) if item.metric == "selection_rate"}
    assert (found["f"].counted, found["m"].counted) == (False, True)
    assert found["f"].reason == "1000 rows that count as 10.0, the plan asks for 30"


def test_a_group_known_by_probabilities_is_worth_no_more_rows_than_people() -> None:
    """400 rows with 1/4 each are 100 people in every level: half of them selected, to be read as 50 of 100."""
    kinds = [Cell((level,), *kind, 100, 25.0, 6.25) for level in "abcd" for kind in KINDS]
    data = replace(cells(*kinds, shared=True), row_count=400)
    found = [item for item in disaggregate(data, PLAN) if item.group == ("a",)]
    by_metric = {item.metric: item for item in found}
    selected, among_positives = by_metric["selection_rate"], by_metric["true_positive_rate"]
    assert (selected.n, selected.value, selected.effective_n) == (400, 0.5, pytest.approx(100))
    assert selected.interval == wilson(50, 100, 0.95)
    assert (among_positives.n, among_positives.effective_n) == (200, pytest.approx(50))


def test_weights_that_are_equal_reach_the_minimum_in_spite_of_rounding() -> None:
    """30 rows of 0.1 each: by Kish 29.999999999999996 rows."""
    weights = math.fsum([0.1] * 30) - 1e-16, 30 * 0.1 * 0.1
    assert weights[0] ** 2 / weights[1] < 30
    found = disaggregate(cells(Cell(("f",), *KINDS[0], 30, *weights), weighted=True), PLAN)
    assert found[0].counted


def test_the_levels_of_control_features_are_added_up() -> None:
    split = [Cell(("f", stratum), *kind, n) for kind in KINDS for stratum, n in (("a", 20), ("b", 30))]
    whole = [Cell(("f",), *kind, 50) for kind in KINDS]
    assert disaggregate(cells(*split, controls=("department",)), PLAN) == disaggregate(cells(*whole), PLAN)
    (group,) = groups_of(cells(*split, controls=("department",)), PLAN, ("sex",))
    assert len(group.rows) == 4 and group.size == 200


def test_without_a_label_only_the_selection_rate_has_a_value() -> None:
    rows = [Cell(("f",), outcome=False, prediction=prediction, n=50) for prediction in (True, False)]
    found = {item.metric: item for item in disaggregate(cells(*rows, labelled=False), PLAN)}
    assert {name for name, item in found.items() if item.value is not None} == {"selection_rate"}
    others = [item for name, item in found.items() if name != "selection_rate"]
    assert {(item.n, item.events, item.interval, item.reason) for item in others} == {(0, 0, None, NO_LABEL)}
    assert {name for name, metric in METRICS.items() if not metric.needs_outcome} == {"selection_rate"}
