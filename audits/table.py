"""Reading a table, wherever it lies: Parquet or CSV (one file or a glob) or, in a notebook, a pandas DataFrame.

The only importer of DuckDB in this room. All reading goes through one kind of connection, so that the counts, the
columns shown by `fairgate init` and the rows that are scored come from the same reader in the same order. Values are
bound as parameters and names are quoted: nothing from outside is formatted into SQL.
"""

from __future__ import annotations

import difflib
import glob
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from governance.digests import digest_bytes, digest_file, digest_value
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Table: TypeAlias = "str | Path | pd.DataFrame"

BATCH_ROWS = 100_000
"""Rows of one batch for scoring: with far fewer the signature check of MLflow dominates."""

LISTED_VALUES = 12
"""A column with at most this many distinct values is summarised with all of them."""

_PARQUET = "read_parquet(?, hive_partitioning=false)"
# Numbers and text only: DuckDB would read a column of yes and no as booleans, and codes such as 10-11 as dates.
_CSV = "read_csv(?, sample_size=-1, hive_partitioning=false, auto_type_candidates=['BIGINT', 'DOUBLE', 'VARCHAR'])"
_READERS = {".parquet": _PARQUET, ".pq": _PARQUET, ".csv": _CSV, ".tsv": _CSV}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")


@dataclass(frozen=True, slots=True)
class Source:
    """An open table: `relation` stands after FROM with `params` bound; `columns` maps name to DuckDB type."""

    connection: Any
    relation: str
    params: tuple[Any, ...]
    columns: Mapping[str, str]
    name: str

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query whose parameters are `params`, in the order of its question marks."""
        found: list[tuple[Any, ...]] = self.connection.execute(sql, list(params)).fetchall()
        return found

    def require(self, column: str, field: str) -> str:
        """The quoted name of a column that must exist. `field` says what it is needed as.

        Raises MeasurementError naming the column, the table, the closest name and the columns that exist.
        """
        if column in self.columns:
            return quoted(column)
        close = difflib.get_close_matches(column, self.columns, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise MeasurementError(
            f"{self.name} has no column {column!r}, needed as {field}.{hint} It has: {', '.join(self.columns)}."
        )

    def is_number(self, column: str) -> bool:
        """Does the column hold numbers (booleans are none)?"""
        return self.columns[column].split("(")[0] in _NUMBERS + _UNSIGNED


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """One column: `minimum` and `maximum` only for numbers; `values` all of them, or () where there are many."""

    name: str
    type: str
    distinct: int
    nulls: int
    minimum: float | None
    maximum: float | None
    values: tuple[str, ...]


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def as_text(value: object) -> str | None:
    """A value as the text that a plan writes: 1 and 1.0 are "1", True is "true", missing (also NaN, blank) is None."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float() if math.isnan(value):
            return None
        case float() if value.is_integer():
            return str(int(value))
        case str():
            return value if value.strip() else None
    return str(value)


@contextmanager
def opened(table: Table) -> Iterator[Source]:
    """The table, open for queries; closed at the end.

    Raises MeasurementError where the file is missing, of an unknown kind or unreadable: one sentence with the way out.
    """
    import duckdb

    name = table_name(table)
    # Without this DuckDB would fetch an extension from the network for a path such as s3://...
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        relation, params = _relation(connection, table)
        described = connection.execute(f"DESCRIBE SELECT * FROM {relation}", list(params)).fetchall()  # noqa: S608
        yield Source(connection, relation, params, {row[0]: row[1] for row in described}, name)
    except duckdb.Error as error:
        raise MeasurementError(f"{name} cannot be read: {_first_line(error)}") from error
    finally:
        connection.close()


def engine() -> str:
    """The engine that counts, with its version."""
    import duckdb

    return f"duckdb {duckdb.__version__}"


def table_name(table: Table) -> str:
    """What messages call the table: its path, or "the data frame"."""
    return str(table) if isinstance(table, str | Path) else "the data frame"


def table_digest(table: Table) -> str:
    """SHA-256 of the file's bytes; of names and digests for several files; of hashed rows for a data frame."""
    if isinstance(table, str | Path):
        files = _files(table)
        if len(files) == 1:
            return digest_file(files[0])
        return digest_value([[path.name, digest_file(path)] for path in files])
    import pandas as pd

    hashed = pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes()
    return digest_bytes(repr(list(table.columns)).encode() + b"\n" + hashed)


def column_names(table: Table) -> tuple[str, ...]:
    """The columns in the table's order."""
    with opened(table) as source:
        return tuple(source.columns)


def row_count(table: Table) -> int:
    """The number of rows."""
    with opened(table) as source:
        return count_rows(source)


def count_rows(source: Source) -> int:
    """The number of rows of an open table."""
    return int(source.rows(f"SELECT count(*) FROM {source.relation}", source.params)[0][0])  # noqa: S608


def columns_summary(table: Table) -> tuple[ColumnSummary, ...]:
    """Every column with type, distinct values, nulls, range and (where few) the values: what `fairgate init` shows."""
    with opened(table) as source:
        return tuple(_summary(source, column) for column in source.columns)


def feature_batches(table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The columns in batches of at most BATCH_ROWS rows, in the table's row order, for scoring.

    From a CSV file they are numbers (int64, float64) or text: true and false are text there.

    Raises MeasurementError for a missing column.
    """
    with opened(table) as source:
        names = ", ".join(source.require(column, "an input of the model") for column in columns)
        query = f"SELECT {names} FROM {source.relation}"  # noqa: S608
        yield from source.connection.sql(query, params=list(source.params)).to_arrow_reader(BATCH_ROWS)


def _relation(connection: Any, table: Table) -> tuple[str, tuple[Any, ...]]:
    if not isinstance(table, str | Path):
        connection.register("fairgate_table", table)
        return "fairgate_table", ()
    files = _files(table)
    reader = _READERS[files[0].suffix.lower()]
    # A real file may have brackets in its name, which DuckDB would read as a pattern.
    return reader, ([glob.escape(str(path)) for path in files],)


def _files(table: str | Path) -> list[Path]:
    path = Path(table)
    found = [path] if path.is_file() else [Path(match) for match in sorted(glob.glob(str(table)))]  # noqa: PTH207
    files = [match for match in found if match.is_file()]
    if not files:
        raise MeasurementError(f"No data at {table}: give a Parquet or CSV file, or a glob that matches one.")
    kinds = {match.suffix.lower() for match in files}
    if len(kinds) > 1 or not kinds <= _READERS.keys():
        raise MeasurementError(
            f"{table} is of kind {', '.join(sorted(kinds)) or 'unknown'}: give files of one kind, .parquet or .csv."
        )
    if empty := next((match for match in files if match.stat().st_size == 0), None):
        raise MeasurementError(f"{empty} is empty (0 bytes): write the data again.")
    return files


def _summary(source: Source, column: str) -> ColumnSummary:
    name = quoted(column)
    number = source.is_number(column)
    ends = f"min({name})::DOUBLE, max({name})::DOUBLE" if number else "NULL, NULL"
    query = f"SELECT count(DISTINCT {name}), count(*) - count({name}), {ends} FROM {source.relation}"  # noqa: S608
    distinct, nulls, low, high = source.rows(query, source.params)[0]
    values = _values(source, name) if distinct <= LISTED_VALUES else ()
    return ColumnSummary(column, source.columns[column], distinct, nulls, low, high, values)


def _values(source: Source, name: str) -> tuple[str, ...]:
    query = f"SELECT DISTINCT {name} FROM {source.relation} WHERE {name} IS NOT NULL ORDER BY 1"  # noqa: S608
    return tuple(text for row in source.rows(query, source.params) if (text := as_text(row[0])) is not None)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
