"""What the scoring child does to rows and answers, in this process: no model is loaded here."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from audits.scoring_child import UnusableAnswerError, as_declared, batches, located, one_column


@pytest.mark.parametrize(
    ("column", "kind", "dtype"),
    [
        (pd.Series(["a", "b"], dtype="category"), "string", "str"),
        (pd.Series([1.5, None], dtype="float32"), "double", "float64"),
        (pd.Series([1, 2], dtype="int64"), "double", "float64"),
        (pd.Series([Decimal("1.5"), None], dtype=object), "double", "float64"),
        (pd.Series([1.5, 2.5]), "float", "float32"),
        (pd.Series([1, 2], dtype="int16"), "long", "int64"),
        (pd.Series([1.0, 2.0]), "long", "int64"),
        (pd.Series([1, 2]), "integer", "int32"),
    ],
)
def test_columns_are_cast_where_no_value_changes(column: Any, kind: str, dtype: str) -> None:
    cast = as_declared(pd.DataFrame({"x": column}), {"x": kind})["x"]
    assert cast.dtype == dtype
    assert [None if pd.isna(item) else item for item in cast] == [None if pd.isna(item) else item for item in column]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Series([1.5, 2.0]), "long"),
        (pd.Series([1.0, None]), "long"),
        (pd.Series([2**40]), "integer"),
        (pd.Series([2**53 + 1]), "double"),
        (pd.Series([True, False]), "double"),
        (pd.Series([True, False]), "long"),
        (pd.Series([12, 34]), "string"),
        (pd.Series(["1", "2"]), "double"),
    ],
)
def test_a_cast_that_would_change_a_value_is_left_to_mlflow_to_refuse(column: Any, kind: str) -> None:
    assert as_declared(pd.DataFrame({"x": column}), {"x": kind})["x"].dtype == column.dtype


@pytest.mark.parametrize(
    ("predicted", "says"),
    [
        (np.ones((3, 2)), "2 columns per row"),
        (pd.DataFrame({"a": [1, 2, 3], "b": 0}), "2 columns per row"),
        ([1, 2], "2 predictions for 3 rows"),
        (1, r"a int of shape \(\)"),
        ({"a": 1}, r"a dict of shape \(\)"),
        ([[1], [1, 2], [3]], "differ in length"),
        (np.ones((1, 3, 1)), "of shape"),
    ],
)
def test_what_is_not_one_prediction_per_row_is_said(predicted: object, says: str) -> None:
    with pytest.raises(UnusableAnswerError, match=says):
        one_column(predicted, 3)


@pytest.mark.parametrize(
    "predicted", [[1, 0, 1], np.array([[1], [0], [1]]), pd.Series([1, 0, 1]), pd.DataFrame([1, 0, 1])]
)
def test_one_prediction_per_row_in_any_form(predicted: object) -> None:
    assert one_column(predicted, 3).tolist() == [1, 0, 1]


class Refuses:
    """Fails on a frame that holds one of these values of x; `together`: only on frames with more than one row."""

    def __init__(self, *values: int, together: bool = False) -> None:
        self.values = values
        self.together = together
        self.calls = 0

    def predict(self, frame: pd.DataFrame) -> None:
        self.calls += 1
        if frame["x"].isin(self.values).any() and (len(frame) > 1 or not self.together):
            raise ValueError("first line\nsecond line")


@pytest.mark.parametrize("row", [0, 1, 4_999, 9_999])
def test_the_failing_row_is_found_by_bisection(row: int) -> None:
    model = Refuses(row)
    found = located(model, pd.DataFrame({"x": range(10_000)}), 50_000, ValueError("whole batch"))
    assert found == {"row": 50_000 + row, "every": False, "error": "ValueError", "message": "first line"}
    assert model.calls <= 30


def test_the_first_of_several_failing_rows_is_named() -> None:
    assert located(Refuses(7, 3, 90), pd.DataFrame({"x": range(100)}), 0, ValueError())["row"] == 3


def test_a_model_that_always_fails_is_said_to() -> None:
    assert located(Refuses(*range(100)), pd.DataFrame({"x": range(100)}), 0, ValueError())["every"] is True


def test_no_row_is_blamed_where_none_fails_alone() -> None:
    found = located(Refuses(3, together=True), pd.DataFrame({"x": range(100)}), 0, ValueError("batch"))
    assert "row" not in found


def test_memory_is_not_asked_for_again() -> None:
    model = Refuses(3)
    assert located(model, pd.DataFrame({"x": range(100)}), 0, MemoryError("no"))["error"] == "MemoryError"
    assert model.calls == 0


@pytest.mark.parametrize(("column", "kind"), [(pd.Series([2**24 + 1]), "float"), (pd.Series([1e300]), "float")])
def test_a_number_that_float32_does_not_hold_is_left_alone(column: Any, kind: str) -> None:
    assert as_declared(pd.DataFrame({"x": column}), {"x": kind})["x"].dtype == column.dtype


@pytest.mark.parametrize("batch", [1, 3, 7, 100])
def test_rows_come_in_frames_of_the_asked_size(batch: int) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as sink, pa.ipc.new_stream(sink, pa.schema([("x", pa.int64())])) as stream:
        for first, last in ((0, 4), (4, 4), (4, 11)):
            stream.write_batch(pa.record_batch({"x": pa.array(range(first, last), pa.int64())}))
    frames = list(batches(reading, batch))
    assert [value for frame in frames for value in frame["x"]] == list(range(11))
    assert max(map(len, frames)) <= batch
    assert all(list(frame.index) == list(range(len(frame))) for frame in frames)
