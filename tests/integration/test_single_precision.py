"""Columns of float32 are compared with a plan's numbers in float32, as numpy does: a tie at a cutoff is a tie."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.cells import read_cells, read_counted
from audits.plan import MEDIAN, AuditPlan, Score, SensitiveFeature
from audits.scan import ScanSpec, in_type
from audits.scan_duckdb import scan
from audits.table import opened
from governance.errors import MeasurementError

SEX = SensitiveFeature("sex", "sex")
STEPS = tuple(round(step / 10, 1) for step in range(11))


def plan(score: Score | None = None, feature: SensitiveFeature = SEX) -> AuditPlan:
    prediction = "predicted" if score is None else None
    return AuditPlan(
        "hiring", None, "true", (feature,), (), date(2026, 1, 1), "sha256:plan", prediction=prediction, score=score
    )


def scored(scores: np.ndarray[Any, Any]) -> pa.Table:
    return pa.table({"sex": ["f", "m"] * (len(scores) // 2), "predicted": ["true"] * len(scores), "score": scores})


@pytest.mark.parametrize("type_", [np.float32, np.float64])
@pytest.mark.parametrize("cutoff", STEPS)
def test_scores_at_the_cutoff_are_selected_whatever_their_type(type_: type, cutoff: float) -> None:
    scores = np.repeat(STEPS, 2).astype(type_)
    cells = read_cells(scored(scores), plan(Score(0, 1, "score", cutoff)))
    assert sum(cell.n for cell in cells.cells if cell.prediction) == (scores >= type_(cutoff)).sum()


@given(st.floats(0, 1, width=32), st.floats(-1e-9, 1e-9))
@settings(deadline=None, max_examples=20)
def test_float32_scores_are_cut_as_numpy_cuts_them(score: float, near: float) -> None:
    scores: np.ndarray[Any, Any] = np.array([score, 0.5], dtype=np.float32)
    cutoff = min(max(score + near, 0.0), 1.0)
    cells = read_cells(scored(scores), plan(Score(0, 1, "score", cutoff)))
    assert sum(cell.n for cell in cells.cells if cell.prediction) == (scores >= np.float32(cutoff)).sum()


@pytest.mark.parametrize("cutoff", [None, 0.1, MEDIAN])
@pytest.mark.parametrize(("low", "high"), [(0.1, 0.7), (0.7, 0.9), (0.3, 0.6)])
def test_scores_at_the_ends_of_the_range_are_within(low: float, high: float, cutoff: float | str | None) -> None:
    scores = np.array([low, high, high, low], dtype=np.float32)
    cutoff = low if cutoff == 0.1 else cutoff
    found = read_counted(scored(scores), plan(Score(low, high, "score", cutoff)), bins=8).table
    assert sorted(set(found["bin"].to_pylist())) == [0, 7]
    for bad in (np.nextafter(np.float32(low), np.float32(0)), np.nextafter(np.float32(high), np.float32(1))):
        with pytest.raises(MeasurementError, match=r"outside the declared range .* in 1 rows"):
            scores[0] = bad
            read_counted(scored(scores), plan(Score(low, high, "score", cutoff)), bins=8)


def test_cuts_of_a_float32_column_are_compared_as_its_values_are() -> None:
    values = np.repeat(STEPS, 2).astype(np.float32)
    feature = SensitiveFeature("band", "score", cuts=(0.1, 0.3, 0.7), labels=("a", "b", "c", "d"))
    cells = read_cells(scored(values), plan(feature=feature))
    assert {cell.levels[0]: cell.n for cell in cells.cells} == {"a": 2, "b": 4, "c": 8, "d": 8}


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64()])
def test_the_outcome_of_a_regression_may_lie_on_the_ends_of_the_range(type_: pa.DataType) -> None:
    table = pa.table(
        {"sex": ["f", "m"], "score": pa.array([0.1, 0.7], pa.float32()), "pay": pa.array([0.7, 0.1], type_)}
    )
    spec = ScanSpec((SEX,), None, score=Score(0.1, 0.7, "score"), bins=4, moments=True, target="pay")
    with opened(table) as source:
        found = scan(source, spec).table
    assert found["y1"].to_pylist() == pytest.approx([1, -1], abs=1e-6)
    assert found["p1"].to_pylist() == pytest.approx([-1, 1], abs=1e-6)


def test_numbers_that_float32_cannot_hold_stay_as_they_are() -> None:
    assert in_type(0.7, single=False) == 0.7
    assert in_type(0.7, single=True) == float(np.float32(0.7)) != 0.7
    assert in_type(-1e300, single=True) == -1e300
