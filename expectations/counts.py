"""Reading a Parquet or CSV file to what a suite needs of it. The only importer of DuckDB in this room.

Only the columns that the suite names are read, as text, number or presence (`columns.Roles`); the text normalisation
is the table in `expectations.text`. Rows keep the order of the file: row 0 of the frame is the first row of data.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.columns import Roles
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import pandas as pd

# DuckDB trusts a file's statistics, in which NaN is not counted, and would answer isnan() from them with no.
_PARQUET = "read_parquet(?, hive_partitioning=false, can_have_nan=true)"
# As in the audit: numbers and text only, so that yes/no stays text and codes such as 10-11 do not become dates.
_CSV = "read_csv(?, sample_size=-1, hive_partitioning=false, auto_type_candidates=['BIGINT', 'DOUBLE', 'VARCHAR'])"
_READERS = {".parquet": _PARQUET, ".pq": _PARQUET, ".csv": _CSV, ".tsv": _CSV}
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*_WHOLE, *(f"U{name}" for name in _WHOLE), "FLOAT", "DOUBLE", "DECIMAL")
_BLANK = r"\s*"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read: all column names of the file, the exact number of rows, and the frame for the suite.

    The frame has the suite's columns that exist: text (dtype str, missing as null), numbers (float64), presence (1.0
    or null). A column that should be a number and is not stays text there, and the suite says so.
    """

    columns: tuple[str, ...]
    rows: int
    frame: pd.DataFrame


def load(table: Path, roles: Roles) -> Loaded:
    """Read what the suite needs. A CSV file of 0 bytes has no columns and no rows.

    Raises MeasurementError where the file does not exist, is neither Parquet nor CSV, cannot be read, or changes
    while it is read.
    """
    import pandas as pd

    reader = _reader(table)
    if reader == _CSV and _size(table) == 0:
        return Loaded((), 0, pd.DataFrame())
    with _opened(table) as (connection, relation, params):
        types = _types(connection, relation, params)
        rows = int(connection.execute(f"SELECT count(*) FROM {relation}", params).fetchall()[0][0])  # noqa: S608
        wanted = _expressions(types, roles, _numeric(connection, relation, params, types, roles))
        if not wanted:
            return Loaded(tuple(types), rows, pd.DataFrame(index=range(rows)))
        names = ", ".join(f"{expression} AS {_quoted(name)}" for name, expression in wanted.items())
        query = f"SELECT {names} FROM {relation}"  # noqa: S608
        frame: pd.DataFrame = connection.execute(query, params).df()
    if len(frame) != rows:
        raise MeasurementError(f"{table}: {len(frame)} of {rows} rows were read; did the file change meanwhile?")
    return Loaded(tuple(types), rows, frame)


@contextmanager
def _opened(table: Path) -> Iterator[tuple[Any, str, list[str]]]:
    """(connection, what stands after FROM, its parameters)."""
    import duckdb

    # Without this DuckDB would fetch an extension from the network for some file names.
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        # A real file may have brackets in its name, which DuckDB would read as a pattern.
        yield connection, _reader(table), [glob.escape(str(table))]
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise MeasurementError(
            f"{table} cannot be read ({first}): write it again as {_kind(table)}, or give another file."
        ) from error
    finally:
        connection.close()


def _reader(table: Path) -> str:
    if not table.is_file():
        raise MeasurementError(f"No data at {table}: give a Parquet or CSV file.")
    reader = _READERS.get(table.suffix.lower())
    if reader is None:
        raise MeasurementError(f"{table} is neither .parquet nor .csv: write the data as one of them.")
    return reader


def _size(table: Path) -> int:
    return table.stat().st_size


def _kind(table: Path) -> str:
    return "Parquet" if _READERS[table.suffix.lower()] == _PARQUET else "CSV (UTF-8, one header line)"


def _types(connection: Any, relation: str, params: list[str]) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}", params).fetchall()  # noqa: S608
    return {row[0]: row[1] for row in described}


def _numeric(
    connection: Any, relation: str, params: list[str], types: Mapping[str, str], roles: Roles
) -> frozenset[str]:
    """The number columns that hold numbers. One without any value is no evidence of text: it counts as numeric."""
    found = {column for column in roles.numbers if column in types and _is_number(types[column])}
    doubtful = [column for column in roles.numbers if column in types and column not in found]
    if doubtful:
        counts = ", ".join(f"count(*) - count_if({_missing(column, types[column])})" for column in doubtful)
        filled = connection.execute(f"SELECT {counts} FROM {relation}", params).fetchall()[0]  # noqa: S608
        found |= {column for column, count in zip(doubtful, filled, strict=True) if not count}
    return frozenset(found)


def _expressions(types: Mapping[str, str], roles: Roles, numeric: frozenset[str]) -> dict[str, str]:
    """Name in the frame -> SQL expression, for the columns that exist."""
    found = {column: _text(column, types[column]) for column in roles.texts if column in types}
    if roles.label is not None and (label := found.get(roles.label)):
        found[roles.label] = f"CASE WHEN lower({label}) IN ('true', 'false') THEN lower({label}) ELSE {label} END"
    for column in roles.numbers:
        if column in types:
            name, kind = roles.number_name(column), types[column]
            found[name] = _number(column, kind) if column in numeric else _text(column, kind)
    for column in roles.presence:
        if column in types:
            found[column] = f"CASE WHEN {_missing(column, types[column])} THEN NULL ELSE 1 END::DOUBLE"
    return found


def _is_number(kind: str) -> bool:
    return kind.split("(", maxsplit=1)[0] in _NUMBERS


def _missing(column: str, kind: str) -> str:
    """Null, NaN, and text of white space only are missing."""
    name = _quoted(column)
    if kind in ("FLOAT", "DOUBLE"):
        return f"({name} IS NULL OR isnan({name}))"
    if kind == "VARCHAR":
        return f"({name} IS NULL OR regexp_full_match({name}, '{_BLANK}'))"
    return f"({name} IS NULL)"


def _text(column: str, kind: str) -> str:
    """The column as text, by the table in `expectations.text`."""
    name = _quoted(column)
    written = f"{name}::VARCHAR"
    if kind in ("FLOAT", "DOUBLE"):
        whole = f"{name} = trunc({name}) AND abs({name}) < 1e37"
        written = f"CASE WHEN {whole} THEN {name}::HUGEINT::VARCHAR ELSE {name}::DOUBLE::VARCHAR END"
    return f"CASE WHEN {_missing(column, kind)} THEN NULL ELSE {written} END"


def _number(column: str, kind: str) -> str:
    return f"CASE WHEN {_missing(column, kind)} THEN NULL ELSE {_quoted(column)}::DOUBLE END"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
