"""Reading a table, wherever it lies: files, a table of DuckDB, PostgreSQL or Spark, or one in memory (pandas, Arrow).

The only importer of DuckDB in this room. All reading goes through one kind of connection, so that the counts, the
columns shown by `fairgate init` and the rows that are scored come from the same reader in the same order. Values are
bound as parameters and names are quoted: nothing from outside is formatted into SQL.
"""

from __future__ import annotations

import difflib
import glob
import itertools
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

from audits.csv_reader import csv_reader
from audits.source_uri import SourceKind, shown, source_kind, table_address
from audits.spark_source import SparkTable, spark_table
from audits.table_files import data_files, files_digest, reader_of
from governance.digests import digest_bytes
from governance.errors import MeasurementError, ServiceError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class ArrowStream(Protocol):
    """A table in memory that can be read again and again (the Arrow PyCapsule interface): pyarrow, polars, ..."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A new stream over all rows."""


Table: TypeAlias = "str | Path | pd.DataFrame | ArrowStream"
"""Where rows come from. Texts are addresses as `audits.source_uri` says; a Path is always a file, folder or glob."""

BATCH_ROWS = 100_000
"""Rows of one batch for scoring: with far fewer the signature check of MLflow dominates."""

LISTED_VALUES = 12
"""A column with at most this many distinct values is summarised with all of them."""

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_LISTED_TABLES = 20
_UNREACHABLE = f"{ServiceError.__name__}: "
_CONNECTION_LOST = ("server closed the connection", "terminating connection", "no connection to the server")
_SERIAL = itertools.count()
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")


@dataclass(frozen=True, slots=True)
class Source:
    """An open table: `relation` stands after FROM with `params` bound; `columns` maps name to DuckDB type.

    `fetch`, where a server has the rows, gives an Arrow stream of some columns. `until` closes what was opened.
    """

    connection: Any
    relation: str
    params: tuple[Any, ...]
    columns: Mapping[str, str]
    name: str
    fetch: Callable[[Sequence[str]], ArrowStream] | None = None
    until: ExitStack | None = None

    def only(self, columns: Sequence[str]) -> Source:
        """The same source for a query of these columns: a server then sends no others. Files are read by column."""
        if self.fetch is None:
            return self
        name = f"fairgate_columns_{next(_SERIAL)}"
        self.connection.register(name, self.fetch(tuple(dict.fromkeys(columns))))
        return replace(self, relation=name, params=(), fetch=None)

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
    """The table, open for queries; closed at the end. Of a table in PostgreSQL all queries see one snapshot.

    Raises MeasurementError where the file or table is missing, of an unknown kind or unreadable, ServiceError where
    its server cannot be reached, ConfigurationError for an address or a login that is wrong: one sentence with the way
    out.
    """
    import duckdb

    with ExitStack() as stack:
        try:
            yield _opened(stack, table)
        except duckdb.Error as error:
            raise _unreadable(error, table) from error


def opened_beside(source: Source, table: Table) -> Source:
    """A second table on the connection of `source`, so that one query can read both; closed with `source`.

    Raises what `opened` raises.
    """
    assert source.until is not None  # noqa: S101 - it comes from `opened`
    free = source.rows("SELECT current_setting('enable_external_access')")[0][0]
    if free and _is_files(table):
        return _files_source(source.connection, table, source.until)
    other = _opened(source.until, table)
    name = f"fairgate_beside_{next(_SERIAL)}"
    source.connection.register(name, _Rows(other))
    return replace(other, connection=source.connection, relation=name, params=(), fetch=None)


def engine() -> str:
    """The engine that counts, with its version."""
    import duckdb

    return f"duckdb {duckdb.__version__}"


def table_name(table: Table) -> str:
    """What messages call the table: its address without a password, or "the data frame"."""
    if isinstance(table, str):
        return shown(table)
    if isinstance(table, SparkTable):
        return table.name
    return str(table) if isinstance(table, Path) else "the data frame"


def table_digest(table: Table) -> str:
    """What binds evidence to the data.

    SHA-256 of the file's bytes; of names and digests for several files; of hashed rows for a pandas DataFrame. For a
    table of a database and for other tables in memory: `rows_digest.rows_digest`, whatever the order of the rows.
    """
    with opened(table) as source:
        return digest_of(source, table)


def digest_of(source: Source, table: Table) -> str:
    """`table_digest` of a table that is open already: of a database, the digest of the rows that this `source` sees."""
    import pandas as pd

    from audits.rows_digest import rows_digest

    if _is_files(table):
        return files_digest(table)
    return _frame_digest(table) if isinstance(table, pd.DataFrame) else rows_digest(source)


def is_spark(table: Table) -> TypeGuard[str | SparkTable]:
    """Does Spark have the rows? Then `spark_scan` counts them there."""
    return isinstance(table, SparkTable) or (isinstance(table, str) and source_kind(table) is SourceKind.SPARK)


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
    bare = source.only(())
    return int(bare.rows(f"SELECT count(*) FROM {bare.relation}", bare.params)[0][0])  # noqa: S608


def columns_summary(table: Table) -> tuple[ColumnSummary, ...]:
    """Every column with type, distinct values, nulls, range and (where few) the values: what `fairgate init` shows."""
    with opened(table) as source:
        return tuple(_summary(source.only((column,)), column) for column in source.columns)


def feature_batches(table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The columns in batches of at most BATCH_ROWS rows, in the table's row order, for scoring.

    From a CSV file they are numbers (int64, float64) or text: true and false are text there.

    Raises MeasurementError for a missing column.
    """
    with opened(table) as source:
        names = ", ".join(source.require(column, "an input of the model") for column in columns)
        wanted = source.only(columns)
        query = f"SELECT {names} FROM {wanted.relation}"  # noqa: S608
        yield from wanted.connection.sql(query, params=list(wanted.params)).to_arrow_reader(BATCH_ROWS)


def _opened(stack: ExitStack, table: Table) -> Source:
    kind = source_kind(table) if isinstance(table, str) else SourceKind.FILES
    if kind is SourceKind.DUCKDB:
        return _duckdb_table(stack, str(table))
    if kind is not SourceKind.FILES:
        return _served(stack, str(table), kind)
    connection = _connected(stack)
    if isinstance(table, str | Path):
        return _files_source(connection, table, stack)
    connection.register("fairgate_table", _readable(table))
    return _described(Source(connection, "fairgate_table", (), {}, table_name(table), until=stack))


def _files_source(connection: Any, table: str | Path, stack: ExitStack) -> Source:
    files = data_files(table)
    # A real file may have brackets in its name, which DuckDB would read as a pattern.
    paths = [glob.escape(str(path)) for path in files]
    reader = reader_of(table, files)
    if len(paths) == 1 and reader.startswith("read_csv("):
        return Source(connection, *csv_reader(connection, paths[0]), str(table), until=stack)
    return _described(Source(connection, reader, (paths,), {}, str(table), until=stack))


def _connected(stack: ExitStack, path: str = ":memory:") -> Any:
    import duckdb

    spill = stack.enter_context(tempfile.TemporaryDirectory(prefix="fairgate-duckdb-", ignore_cleanup_errors=True))
    # Without the first DuckDB would fetch an extension from the network for a path such as s3://...
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
        "temp_directory": spill,
    }
    connection = duckdb.connect(path, read_only=path != ":memory:", config=config)
    connection.execute("SET enable_progress_bar = false")  # it would be printed into what a command answers
    return stack.enter_context(closing(connection))


def _described(source: Source) -> Source:
    """The source with its columns."""
    found = source.rows(f"DESCRIBE SELECT * FROM {source.relation}", source.params)  # noqa: S608
    return replace(source, columns={row[0]: row[1] for row in found})


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows of a source, for another connection."""

    source: Source

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        query = f"SELECT * FROM {self.source.relation}"  # noqa: S608
        reader = self.source.connection.sql(query, params=list(self.source.params)).to_arrow_reader(BATCH_ROWS)
        return reader.__arrow_c_stream__(requested_schema)


def _readable(table: Any) -> Any:
    """Refuse what is no table, and what can be read only once: an audit looks more than once."""
    import pyarrow as pa

    if isinstance(table, pa.RecordBatchReader):
        raise MeasurementError(
            "A RecordBatchReader can be read only once, an audit reads more often: give its read_all(), or a file."
        )
    if not hasattr(table, "__arrow_c_stream__"):
        raise MeasurementError(
            f"A {type(table).__name__} is no table: give a path, the address of a table, or a pandas, pyarrow or"
            " polars table."
        )
    names = [
        str(name) for name in (table.schema.names if isinstance(table, pa.Table) else getattr(table, "columns", ()))
    ]
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise MeasurementError(
            f"The data has the column {twice[0]!r} more than once, so that nobody knows which is meant: rename one."
        )
    return table


def _duckdb_table(stack: ExitStack, text: str) -> Source:
    address = table_address(text)
    if not Path(address.place).is_file():
        raise MeasurementError(f"No DuckDB file at {address.place}: correct the path in {address.name}.")
    # A view of the file must not read other files than this one.
    connection = _connected(stack, address.place)
    connection.execute("SET enable_external_access = false")
    found = connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = current_database()"
        " ORDER BY ALL"
    ).fetchall()
    schema, name = address.table if len(address.table) == 2 else ("main", *address.table)
    if (schema, name) not in found:
        there = ", ".join(f"{schema}.{name}" for schema, name in found[:_LISTED_TABLES])
        raise MeasurementError(f"{address.name}: there is no table {schema}.{name}. There are: {there or 'none'}.")
    relation = f"{quoted(schema)}.{quoted(name)}"
    return _described(Source(connection, relation, (), {}, address.name, until=stack))


def _served(stack: ExitStack, text: str, kind: SourceKind) -> Source:
    """A table that a server hands over as Arrow streams. DuckDB lets go of them before the server's end is closed."""
    address = table_address(text)
    if kind is SourceKind.SPARK:
        fetch: Callable[..., ArrowStream] = spark_table(address).stream
    else:
        from audits.postgres import snapshot

        fetch = stack.enter_context(snapshot(address)).stream
    connection = _connected(stack)
    connection.register("fairgate_table", fetch())
    return _described(Source(connection, "fairgate_table", (), {}, address.name, fetch, stack))


def _is_files(table: Table) -> TypeGuard[str | Path]:
    return isinstance(table, Path) or (isinstance(table, str) and source_kind(table) is SourceKind.FILES)


def _frame_digest(frame: pd.DataFrame) -> str:
    import pandas as pd

    hashed = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    return digest_bytes(repr(list(frame.columns)).encode() + b"\n" + hashed)


def _unreadable(error: Exception, table: Table) -> MeasurementError | ServiceError:
    name, said = table_name(table), _first_line(error)
    if _UNREACHABLE in said:  # raised by a stream of ours, while DuckDB was reading it
        return ServiceError(said.split(_UNREACHABLE, 1)[1])
    if any(words in str(error) for words in _CONNECTION_LOST):
        return ServiceError(f"{name}: the connection broke while the table was read; try again.")
    return MeasurementError(f"{name} cannot be read: {said}")


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
