"""The rows that a failed expectation names: row number, key, reason. No other value leaves the table."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.findings import Checked
from expectations.result import Severity

if TYPE_CHECKING:
    import pandas as pd

MAX_LINES = 100_000
"""Lines of one quarantine file; one more then says how many there would have been."""


def quarantine(path: Path, frame: pd.DataFrame, checked: Sequence[Checked], key: Sequence[str]) -> int:
    """Write `path` with columns row, key, reason for the rows that a critical or warning line did not accept.

    Rows count from 0, as in `frame`. A key of several columns is joined by ";"; without a declared key it is empty.
    Written whole or not at all. No such row: no file, and one that lay there is removed. Returns the distinct rows.

    Raises OSError where the folder cannot be written.
    """
    lines = sorted((row, reason) for mask, reason in _reasons(frame, checked) for row in frame.index[mask].tolist())
    if not lines:
        path.unlink(missing_ok=True)
        return 0
    rows = len({row for row, _ in lines})
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("row", "key", "reason"))
            keys = _keys(frame, key, [row for row, _ in lines[:MAX_LINES]])
            writer.writerows((row, keys[row], reason) for row, reason in lines[:MAX_LINES])
            if len(lines) > MAX_LINES:
                writer.writerow(("", "", f"{len(lines) - MAX_LINES} more lines left out; {rows} rows in all"))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _keys(frame: pd.DataFrame, key: Sequence[str], rows: Sequence[int]) -> Mapping[int, str]:
    present = [name for name in key if name in frame.columns]
    if not present:
        return dict.fromkeys(rows, "")
    wanted = sorted(set(rows))
    values = frame.loc[wanted, present].astype("str").where(frame.loc[wanted, present].notna(), "")
    return dict(zip(wanted, values.agg(";".join, axis=1), strict=True))


def _reasons(frame: pd.DataFrame, checked: Sequence[Checked]) -> Iterator[tuple[Any, str]]:
    """(row mask, reason in words) for every line that is about rows and is not met."""
    for item in checked:
        if item.met or item.unanswered or item.severity is Severity.INFO:
            continue
        match item.type.removeprefix("expect_"):
            case "column_values_to_not_be_null":
                yield frame[item.column].isna(), f"null in {item.column}"
            case "column_values_to_be_between":
                yield _outside(frame[item.kwargs["column"]], item.kwargs), f"out of range: {item.column}"
            case "column_values_to_be_in_set":
                yield _unseen(frame[item.column], item.kwargs["value_set"]), f"unseen category in {item.column}"
            case "column_values_to_be_of_type":
                yield _no_number(frame[item.kwargs["column"]]), f"not a number in {item.column}"
            case "column_values_to_be_unique":
                yield _repeated(frame, [item.kwargs["column"]]), "duplicate key"
            case "compound_columns_to_be_unique":
                yield _repeated(frame, item.kwargs["column_list"]), "duplicate key"


def _outside(column: pd.Series, kwargs: Mapping[str, Any]) -> pd.Series:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    low = float("-inf") if low is None else low
    below = column <= low if kwargs.get("strict_min") else column < low
    return below | (column > (float("inf") if high is None else high))


def _unseen(column: pd.Series, known: Sequence[Any]) -> pd.Series:
    return column.notna() & ~column.isin(known)


def _no_number(column: pd.Series) -> pd.Series:
    import pandas as pd

    return column.notna() & pd.to_numeric(column, errors="coerce").isna()


def _repeated(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Rows whose key occurs more than once. A key that is missing altogether is a null, not a duplicate."""
    return frame.duplicated(subset=list(columns), keep=False) & frame[list(columns)].notna().any(axis=1)
