"""One snapshot of a PostgreSQL table, streamed as Arrow. The only importer of the ADBC driver.

Every look at the table opens a connection of its own and reads the same snapshot of the database (exported by the
first connection, which stays open), so that counts, digest and rows agree while others write. Rows come through COPY in
batches of a few MiB: memory does not grow with the table. Reading takes no lock that stops writers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from audits.source_uri import TableAddress
from governance.errors import ConfigurationError, MeasurementError, ServiceError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_BYTES = 4 << 20
_READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LISTED = 20
# PostgreSQL's numeric has more digits than any other engine here: it becomes a double, as in every measure.
_CASTS = {"numeric": "::float8", "money": "::numeric::float8", "real": "::float8"}
_TEXTS = ("ARRAY", "USER-DEFINED", "json", "jsonb", "xml", "inet", "cidr", "macaddr", "interval", "character")
_EXISTING = (
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
)
_COLUMNS = (
    "SELECT a.attname, CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY' WHEN t.typtype = 'd' THEN"
    " format_type(t.typbasetype, NULL) WHEN t.typtype <> 'b' THEN 'USER-DEFINED' ELSE format_type(a.atttypid, NULL)"
    " END, t.typtype = 'd' FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
    " WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table as it was at one moment. `columns` maps each column to the SQL that reads it."""

    address: TableAddress
    token: str
    relation: str
    columns: dict[str, str]
    open_until: ExitStack = field(repr=False)

    def stream(self, columns: Sequence[str] | None = None) -> Stream:
        """Something that any Arrow engine can read, as often as it likes; only `columns` are fetched (None: all)."""
        return Stream(self, tuple(self.columns if columns is None else columns))

    def query(self, columns: Sequence[str]) -> str:
        """The statement that reads these columns of the table."""
        names = ", ".join(f"{self.columns[name]} AS {_quoted(name)}" for name in columns)
        return f"SELECT {names or '1 AS present'} FROM {self.relation}"  # noqa: S608 - names come from the catalogue


@dataclass(frozen=True, slots=True)
class Stream:
    """Some columns of a snapshot, as an Arrow stream that is opened anew at every look (the PyCapsule interface)."""

    snapshot: Snapshot
    columns: tuple[str, ...]

    def __arrow_c_schema__(self) -> object:
        """The types, without reading a row."""
        with ExitStack() as stack:
            cursor = _reading(self.snapshot, stack)
            return cursor.adbc_execute_schema(self.snapshot.query(self.columns)).__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows, in the order in which they lie."""
        import pyarrow as pa

        del requested_schema  # a wish that the protocol allows to leave unmet
        reading = ExitStack()
        # Finished readings close their connection at once, those left off with the snapshot.
        self.snapshot.open_until.callback(reading.close)
        cursor = _reading(self.snapshot, reading)
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
        cursor.execute(self.snapshot.query(self.columns))
        reader = cursor.fetch_record_batch()
        rows = pa.RecordBatchReader.from_batches(reader.schema, _until_read(reader, reading))
        stream: object = rows.__arrow_c_stream__()
        return stream


def _until_read(reader: pa.RecordBatchReader, reading: ExitStack) -> Iterator[pa.RecordBatch]:
    with reading:
        yield from reader


@contextmanager
def snapshot(address: TableAddress) -> Iterator[Snapshot]:
    """The table as it is now, until the end of the block.

    Raises ServiceError where the server cannot be reached, ConfigurationError where it refuses the login, and
    MeasurementError where there is no such table (naming those that exist) or it may not be read.
    """
    import adbc_driver_postgresql.dbapi as adbc

    with ExitStack() as stack:
        cursor = _connected(address, stack)
        relation = ".".join(map(_quoted, address.table))
        try:
            cursor.execute(_READ_ONLY)
            columns = _columns(cursor, relation, address)
            cursor.execute("SELECT pg_export_snapshot()")
            (token,) = cast("tuple[str]", cursor.fetchone())
        except adbc.Error as error:
            raise MeasurementError(f"{address.name} cannot be read: {str(error).splitlines()[0]}") from error
        with ExitStack() as readings:
            yield Snapshot(address, token, relation, columns, readings)


def _columns(cursor: Any, relation: str, address: TableAddress) -> dict[str, str]:
    cursor.execute(_COLUMNS, (relation,))
    found = {name: _quoted(name) + _cast(kind, domain=domain) for name, kind, domain in cursor.fetchall()}
    if found:
        return found
    cursor.execute(_EXISTING)
    tables = [f"{schema}.{table}" for schema, table in cursor.fetchall()]
    listed = ", ".join(tables[:_LISTED]) + (f" and {len(tables) - _LISTED} more" if len(tables) > _LISTED else "")
    raise MeasurementError(
        f"{address.name}: there is no table {'.'.join(address.table)} that this user can see. There are: "
        f"{listed or 'none'}."
    )


def _cast(kind: str, *, domain: bool) -> str:
    return _CASTS.get(kind) or ("::text" if kind in _TEXTS else f"::{kind}" if domain else "")


def _reading(snapshot: Snapshot, stack: ExitStack) -> Any:
    """A cursor whose transaction sees what the snapshot saw."""
    cursor = _connected(snapshot.address, stack)
    cursor.execute(_READ_ONLY)
    cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot.token}'")
    # In the order in which they lie, whoever else reads: rows are joined with predictions by position.
    cursor.execute("SET LOCAL synchronize_seqscans = off")
    cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    return cursor


def _connected(address: TableAddress, stack: ExitStack) -> Any:
    import adbc_driver_postgresql.dbapi as adbc

    try:
        connection = stack.enter_context(adbc.connect(address.place))
    except adbc.Error as error:
        # The driver's own words may quote the URI, and with it a password: they are not repeated, nor chained.
        raise _unreachable(str(error), address) from None
    return stack.enter_context(connection.cursor())


def _unreachable(said: str, address: TableAddress) -> ServiceError | ConfigurationError:
    if any(word in said for word in ("authentication failed", "no password supplied", "no pg_hba.conf entry", "role ")):
        return ConfigurationError(
            f"PostgreSQL refuses the login for {address.name}: give the user in the address, and the password in"
            " ~/.pgpass or the variable PGPASSWORD."
        )
    if 'database "' in said and "does not exist" in said:
        return ConfigurationError(f"PostgreSQL has no such database: {address.name}; correct its name.")
    if any(f"invalid {what}" in said for what in ("URI", "integer value", "port number", "connection option")):
        return ConfigurationError(
            f"PostgreSQL cannot read the address {address.name}: write postgresql://user@host:port/database#table,"
            " special characters as %XX."
        )
    return ServiceError(
        f"PostgreSQL cannot be reached for {address.name}: is the server running, and are host and port right?"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
