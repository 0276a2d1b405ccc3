"""Predictions as codes or scores, in memory or in a file."""

from __future__ import annotations

import gc
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from audits import stored as stored_module
from audits.plan import AuditPlan, Score, Task
from audits.predictions import Encoded, Scores, answered, encoded
from audits.stored import as_relation, stored
from governance.errors import MeasurementError

PLAN = AuditPlan("m", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
SCORED = replace(PLAN, score=Score(0.0, 1.0, cutoff=0.5))


def in_chunks(values: np.ndarray[Any, Any], size: int) -> list[np.ndarray[Any, Any]]:
    """The values, cut into pieces."""
    return [values[first : first + size] for first in range(0, len(values), size)]


@pytest.mark.parametrize("dtype", ["<i2", "<f8"])
def test_a_column_in_a_file_is_the_column(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_module, "CHUNK_ROWS", 7)
    values = np.random.default_rng(1).integers(-99, 99, 100).astype(dtype)
    column = stored(in_chunks(values, 33), dtype)
    assert len(column) == 100
    assert [len(chunk) for chunk in column.chunks()] == [7] * 14 + [2]
    assert np.array_equal(np.asarray(column), values)


def test_an_engine_reads_a_column_in_a_file_in_its_order_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_module, "CHUNK_ROWS", 1_000)
    values = np.random.default_rng(2).random(10_500)
    connection = duckdb.connect()
    connection.register("answers", as_relation(stored([values], "<f8"), "score"))
    for _ in range(2):
        found = connection.sql("SELECT score FROM answers").fetchnumpy()["score"]
        assert np.array_equal(found, values)
    connection.register("rows", pa.table({"x": np.arange(10_500)}))
    joined = connection.sql("SELECT x, score FROM rows POSITIONAL JOIN answers").fetchnumpy()
    assert np.array_equal(values[joined["x"]], joined["score"])
    connection.close()


def test_the_file_is_closed_with_its_column() -> None:
    column = stored([np.arange(3)], "<i2")
    file = column.file
    del column
    gc.collect()
    assert file.closed


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        (PLAN, Encoded),
        (replace(PLAN, score=Score(0, 1, column="risk")), Encoded),
        (SCORED, Scores),
        (replace(PLAN, task=Task.REGRESSION), Scores),
        (replace(PLAN, task=Task.RANKING, score=Score(0, 1)), Scores),
    ],
)
def test_the_plan_says_what_an_answer_is(plan: AuditPlan, kind: type) -> None:
    found = answered(np.array([0, 1, 1]), 3, plan)
    assert isinstance(found, kind)
    assert answered(found, 3, plan) is found
    with pytest.raises(MeasurementError, match="3 predictions for 4 rows"):
        answered(found, 4, plan)


def test_classes_may_be_many_where_the_task_says_so() -> None:
    many = np.array(["a", "b", "c"])
    with pytest.raises(MeasurementError, match=r"3 different values \(from a to c\), a decision has two"):
        answered(many, 3, PLAN)
    multiclass = replace(PLAN, task=Task.MULTICLASS)
    found = answered(many, 3, multiclass)
    assert list(np.asarray(found)) == ["a", "b", "c"]
    with pytest.raises(MeasurementError, match=r"3 different values .* a decision has two"):
        answered(found, 3, PLAN)
    with pytest.raises(MeasurementError, match="at most 1000"):
        answered(np.arange(1_001), 1_001, multiclass)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5, np.nan, np.nan], r"2 of 3 scores are missing \(NaN or None\), the first on row 1"),
        ([0.5, None, 0.5], "1 of 3 scores are missing .* row 1"),
        ([0.5, 0.5, np.inf], "1 of 3 scores are outside the declared range 0 to 1 .*from 0.5 to inf.* row 2"),
        ([-0.001, 0.5, 1.001], "2 of 3 scores are outside the declared range 0 to 1 .*from -0.001 to 1.001.* row 0"),
        (["a", "b", "c"], "scores"),
        ([True, False, True], "of type bool, but the plan says that they are scores"),
        (np.ones((3, 2)), "columns of predict_proba"),
    ],
)
def test_what_is_no_score_is_refused(values: Any, says: str) -> None:
    with pytest.raises(MeasurementError, match=says):
        answered(np.asarray(values), 3, SCORED)


def test_predicted_numbers_need_no_range_but_must_be_finite() -> None:
    plan = replace(PLAN, task=Task.REGRESSION)
    assert np.array_equal(np.asarray(answered(np.array([1e9, -3.25]), 2, plan)), [1e9, -3.25])
    with pytest.raises(MeasurementError, match="1 of 2 scores are infinite"):
        answered(np.array([1.0, -np.inf]), 2, plan)


def test_codes_in_a_file_are_values() -> None:
    found = Encoded(stored([np.array([1, 0, 1])], "<i2"), ("no", "yes"))
    assert np.asarray(found).tolist() == ["yes", "no", "yes"]
    assert encoded(found, 3).values == ("yes", "no")
