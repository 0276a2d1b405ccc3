"""Keys of two number types: nobody is found twice, and nobody is taken for a neighbour whose number rounds alike."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.cells import read_cells
from audits.joined import check_rows
from audits.plan import AuditPlan, JoinedFile, SensitiveFeature
from governance.errors import MeasurementError

ROWS = 40


def plan_with(tmp_path: Path, ids: pa.Array) -> AuditPlan:
    sex = ["f" if number % 4 < 2 else "m" for number in range(len(ids))]
    pq.write_table(pa.table({"id": ids, "sex": sex}), tmp_path / "people.parquet")
    return AuditPlan(
        model="hiring",
        label=None,
        favourable="yes",
        prediction="predicted",
        sensitive_features=(SensitiveFeature("sex", "sex"),),
        bounds=(),
        decided_at=date(2026, 1, 1),
        digest="sha256:plan",
        sensitive_data=JoinedFile(str(tmp_path / "people.parquet"), ("id",)),
    )


def data_with(ids: pa.Array) -> pa.Table:
    return pa.table({"id": ids, "predicted": ["yes", "no"] * (len(ids) // 2)})


@pytest.mark.parametrize(("type_", "limit"), [(pa.float64(), 2**53), (pa.float32(), 2**24)])
@pytest.mark.parametrize("floats", ["data", "joined"])
def test_bad_input_float_keys_that_whole_numbers_round_to(tmp_path: Path, type_: Any, limit: int, floats: str) -> None:
    wide = limit + 2 * np.arange(ROWS)
    exact, rounded = pa.array(np.concatenate([wide, wide + 1])), pa.array(wide.astype(float)).cast(type_)
    mine, theirs = (rounded, exact) if floats == "data" else (exact, rounded)
    with pytest.raises(MeasurementError, match=rf"are {limit} or more, where such numbers cannot be told apart"):
        read_cells(data_with(mine), plan_with(tmp_path, theirs))


@pytest.mark.parametrize("type_", [pa.float64(), pa.float32(), pa.int16(), pa.uint64(), pa.decimal128(30, 2)])
def test_keys_of_two_number_types_that_are_equal_find_each_other(tmp_path: Path, type_: Any) -> None:
    ids = np.arange(ROWS)
    plan = plan_with(tmp_path, pa.array(ids.tolist(), type_))
    cells = read_cells(data_with(pa.array(ids)), plan)
    assert {(cell.levels, cell.prediction): cell.n for cell in cells.cells} == {
        ((sex,), selected): ROWS // 4 for sex in "fm" for selected in (False, True)
    }


@pytest.mark.parametrize("type_", [pa.float64(), pa.float32()])
def test_bad_input_decimal_and_float_keys(tmp_path: Path, type_: Any) -> None:
    ids = np.arange(ROWS)
    with pytest.raises(MeasurementError, match=r"key 'id' is (FLOAT|DOUBLE) in .* and DECIMAL\(30,2\) in .* same type"):
        read_cells(
            data_with(pa.array(ids.astype(float)).cast(type_)),
            plan_with(tmp_path, pa.array(ids.tolist(), pa.decimal128(30, 2))),
        )


def test_large_whole_keys_are_told_apart(tmp_path: Path) -> None:
    ids = 2**53 + np.arange(ROWS)
    cells = read_cells(data_with(pa.array(ids)), plan_with(tmp_path, pa.array(ids.astype(np.uint64))))
    assert sum(cell.n for cell in cells.cells) == ROWS
    assert {cell.n for cell in cells.cells} == {ROWS // 4}


def test_a_join_that_changes_the_number_of_rows_is_refused() -> None:
    joined = JoinedFile("people.csv", ("id", "month"))
    check_rows("data.csv", joined, 200, 200)
    with pytest.raises(MeasurementError, match=r"200 rows, but 399 after the join with people\.csv by 'id' \+ 'month'"):
        check_rows("data.csv", joined, 200, 399)
