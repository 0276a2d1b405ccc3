"""The ledger on SQLite, through SQLAlchemy. One append is one transaction: entry, subjects, head and checkpoint."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, Row, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection, QueuePool

from governance.errors import (
    ConfigurationError,
    LedgerConflictError,
    LedgerError,
    LedgerTamperedError,
    ServiceError,
)
from governance.ledger.checkpoint import Checkpoint, Receipt, sign_checkpoint
from governance.ledger.envelope import moment, seal, unseal
from governance.ledger.keys import LedgerKeys
from governance.ledger.known import Known
from governance.ledger.port import Clock
from governance.ledger.schema import FIRST_HEAD, TABLES, TRIGGERS
from governance.ledger.snapshot import Head, Queries, Snapshot
from governance.ledger.tree import EMPTY_ROOT, extend, inclusion_proof, leaf_hash, root_of
from governance.statement import Entry, Statement

WAIT_SECONDS = 30.0
_PAGE = 1_000
_LEFT_BEHIND: list[object] = []
_COLUMNS = "seq, time, envelope, leaf_hash, root, idempotency_key"


@dataclass(frozen=True)
class SqlLedger:
    """The ledger of one SQLite database. `url` is SQLAlchemy's; safe under many threads and processes.

    A writer waits at most `wait_seconds` for the others. With `read_only` the file is not touched at all, and must
    hold a ledger already: for looking into backups.
    """

    url: str
    keys: LedgerKeys
    clock: Clock
    wait_seconds: float = WAIT_SECONDS
    read_only: bool = False

    @property
    def path(self) -> Path:
        """The database file. Raises ConfigurationError for anything but a SQLite file."""
        try:
            url = make_url(self.url)
        except ArgumentError as error:
            raise ConfigurationError(f"{self.url!r} is not a database URL: {error}") from error
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            raise ConfigurationError(f"the ledger needs a SQLite file (sqlite:///ledger.db), not {self.url!r}")
        return Path(url.database)

    @cached_property
    def engine(self) -> Engine:
        """The engine, with its tables made."""
        # SQLAlchemy's own transactions begin deferred, which forks a chain under concurrency: we begin ourselves.
        # Connections stay open: when the last one closes, SQLite folds the WAL in, which costs an append four times.
        pool = NullPool if self.read_only else QueuePool
        engine = create_engine(self.url, creator=self._connect, poolclass=pool, isolation_level="AUTOCOMMIT")
        if self.read_only:
            return engine
        event.listen(engine, "connect", self._remember_file)
        event.listen(engine, "checkout", self._refuse_other_file)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(f"the folder of the ledger {self.path} cannot be made: {error.strerror}") from error
        with _told(self.path):
            # Readers of a ledger that is there never wait for its writers.
            if not (self.path.is_file() and self.path.stat().st_size and _is_made(engine)):
                self._make_tables(engine)
        return engine

    def append(
        self, statement: Statement, *, idempotency_key: str | None = None, expected_size: int | None = None
    ) -> Entry:
        """See `governance.ledger.port.Ledger.append`."""

        def decide() -> Statement:
            size = self.size() if expected_size is not None else None
            if size != expected_size:
                raise LedgerConflictError(f"the ledger has {size} entries, the decision was made on {expected_size}")
            return statement

        return self.append_decided(decide, idempotency_key=idempotency_key)

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append_decided`."""
        with self._transaction() as connection:
            head = Snapshot(connection).head()
            earlier = _by_key(connection, idempotency_key)
            if earlier is not None:
                return self._entry(earlier, connection)
            entry = self._next(connection, head, decide(), idempotency_key)
            self._write(connection, head, entry, idempotency_key)
            return entry

    def entries(self, *, subject: str | None = None, digest: str | None = None) -> Iterator[Entry]:
        """See `governance.ledger.port.Ledger.entries`. Reads in pages, so that a long ledger is never in memory.

        The database's index of subjects finds them; that it hides none is checked against the signed bytes.
        """
        after = -1
        while True:
            with self.reading() as snapshot:
                connection = snapshot.connection
                wanted = self._wanted(snapshot, after, subject, digest)
                found = [self._entry(row, connection) for row in _page(connection, after, subject, digest)]
            _check_none_hidden(found, wanted)
            yield from found
            if len(found) < _PAGE:
                return
            after = found[-1].seq

    def size(self) -> int:
        """How many entries the ledger holds."""
        return self.head().size

    def head(self) -> Head:
        """The end of the ledger."""
        with self.reading() as snapshot:
            return snapshot.head()

    def checkpoint(self) -> Checkpoint | None:
        """The newest signed checkpoint, None while the ledger is empty."""
        with self.reading() as snapshot:
            head = snapshot.head()
            return snapshot.checkpoint(head, self.keys.log.public) if head.size else None

    def receipt(self, seq: int) -> Receipt:
        """Proof that this entry is in the ledger, for whoever wants to show later that it was dropped or changed.

        Raises LedgerError where there is no such entry.
        """
        with self.reading() as snapshot:
            head = snapshot.head()
            leaves = self._catch_up(snapshot, head).leaves[: head.size]
            if not 0 <= seq < head.size:
                raise LedgerError(f"the ledger has {head.size} entries, there is no entry {seq}")
            checkpoint = snapshot.checkpoint(head, self.keys.log.public)
        return Receipt(seq, inclusion_proof(leaves, seq), checkpoint)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The ledger at one moment, whatever is appended meanwhile."""
        with _told(self.path), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield Snapshot(connection)  # nothing was written: closing the connection ends the transaction

    @cached_property
    def _known(self) -> Known:
        return Known()

    def _catch_up(self, snapshot: Snapshot, head: Head) -> Known:
        """What the signed bytes say, recomputed up to `head` and confirmed by its signed checkpoint.

        Raises LedgerTamperedError also where the ledger has shrunk since this process read it.
        """
        known = len(self._known.leaves)
        if head.size < known and self.size() < known:
            raise LedgerTamperedError(f"the ledger had {known} entries and has now {head.size}: restore a backup")
        confirm = partial(snapshot.checkpoint, head, self.keys.log.public)
        self._known.read_on(snapshot.since, head.size, head.root, confirm)
        return self._known

    def _wanted(self, snapshot: Snapshot, after: int, subject: str | None, digest: str | None) -> Sequence[int]:
        """The places of the entries that the page after `after` must hold."""
        head = snapshot.head()
        if subject is None and digest is None:
            return range(after + 1, min(head.size, after + 1 + _PAGE))
        return self._catch_up(snapshot, head).about(subject, digest, range(after + 1, head.size))[:_PAGE]

    def _next(self, connection: Connection, head: Head, statement: Statement, key: str | None) -> Entry:
        """The entry at the end, as any reader will read it."""
        time = max(self.clock(), self._last_time(connection, head))
        envelope = seal(statement, head.size, time, self.keys.attestation, key)
        leaf = leaf_hash(envelope)
        root = root_of(extend(head.size, head.frontier, leaf))
        opened = unseal(envelope, self.keys.attestation.public)
        return Entry(head.size, opened.time, opened.statement, envelope, leaf, root)

    def _last_time(self, connection: Connection, head: Head) -> datetime:
        """The signed time of the last entry: recorded time never goes back, whatever the clock says."""
        query = text(f"SELECT {_COLUMNS} FROM entry WHERE seq = :seq")  # noqa: S608 - a constant
        row = connection.execute(query, {"seq": head.size - 1}).first()
        return self._entry(row, connection).time if row else datetime.min.replace(tzinfo=UTC)

    def _write(self, connection: Connection, head: Head, entry: Entry, key: str | None) -> None:
        row = {
            "seq": entry.seq,
            "time": moment(entry.time),
            "envelope": entry.envelope,
            "leaf": entry.leaf_hash,
            "root": entry.root,
            "key": key,
        }
        connection.execute(text("INSERT INTO entry VALUES (:seq, :time, :envelope, :leaf, :root, :key)"), row)
        for position, item in enumerate(entry.statement.subjects):
            subject = {"seq": entry.seq, "position": position, "name": item.name, "digest": item.digest}
            connection.execute(text("INSERT INTO entry_subject VALUES (:seq, :position, :name, :digest)"), subject)
        size = head.size + 1
        note = sign_checkpoint(size, entry.root, self.keys.log).note
        connection.execute(text("INSERT INTO checkpoint VALUES (:size, :note)"), {"size": size, "note": note})
        frontier = b"".join(extend(head.size, head.frontier, entry.leaf_hash))
        grown = {"size": size, "root": entry.root, "frontier": frontier}
        connection.execute(text("UPDATE head SET size = :size, root = :root, frontier = :frontier"), grown)

    def _entry(self, row: Any, connection: Queries) -> Entry:
        """The entry in a row, after checking that it is what was acknowledged."""
        seq = row.seq
        if not isinstance(row.envelope, bytes) or leaf_hash(row.envelope) != row.leaf_hash:
            raise LedgerTamperedError(f"ledger entry {seq}: the envelope is not the one that was acknowledged")
        try:
            opened = unseal(row.envelope, self.keys.attestation.public)
        except LedgerTamperedError as error:
            raise LedgerTamperedError(f"ledger entry {seq}: {error}") from error
        if (opened.seq, moment(opened.time), opened.idempotency_key) != (seq, row.time, row.idempotency_key):
            raise LedgerTamperedError(
                f"ledger entry {seq}: its place, time or idempotency key is not the one that was signed"
            )
        if Snapshot(connection).subjects(seq) != tuple((x.name, x.digest) for x in opened.statement.subjects):
            raise LedgerTamperedError(f"ledger entry {seq}: the index of subjects is not what was signed")
        return Entry(seq, opened.time, opened.statement, row.envelope, row.leaf_hash, row.root)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self.read_only:
            raise LedgerError(f"the ledger {self.path} was opened for reading only")
        engine = self.engine
        with _told(self.path), self.alone(), engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                with suppress(DatabaseError):  # SQLite has rolled back itself where the disk is full
                    connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        """One connection. SQLite's own wait is as long as ours, so that a reader does not hang either."""
        if self.read_only:
            return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=self.wait_seconds)
        connection = sqlite3.connect(self.path, timeout=self.wait_seconds, check_same_thread=False)
        try:
            for pragma in ("synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON"):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _remember_file(self, _connection: object, record: ConnectionPoolEntry) -> None:
        record.info["file"] = _file_now(self.path)

    def _refuse_other_file(
        self, _connection: object, record: ConnectionPoolEntry, proxy: PoolProxiedConnection
    ) -> None:
        """A connection from before a fork, or to a file that a restore has replaced since, is not used again."""
        if record.info["file"] != _file_now(self.path):
            # Kept, not closed: SQLite forbids a forked child even to close what its parent opened.
            _LEFT_BEHIND.append(record.dbapi_connection)
            record.dbapi_connection = proxy.dbapi_connection = None  # type: ignore[misc]
            raise DisconnectionError

    def _make_tables(self, engine: Engine) -> None:
        with self.alone(), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if not _objects(connection):  # what is gone from a ledger is not mended in silence: verify tells it
                for statement in TABLES:
                    connection.exec_driver_sql(statement)
                connection.execute(text(FIRST_HEAD), {"root": EMPTY_ROOT})
                for statement in TRIGGERS:
                    connection.exec_driver_sql(statement)
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Writers of all processes, one at a time. SQLite's own busy loop starves: up to 14 s at 16 writers."""
        lock = FileLock(f"{self.path}.lock", timeout=self.wait_seconds)
        try:
            lock.acquire(poll_interval=0.005)
        except Timeout as error:
            raise ServiceError(
                f"the ledger {self.path} has been locked for {self.wait_seconds:.0f} s by another process; try again"
            ) from error
        except OSError as error:
            raise LedgerError(f"the ledger {self.path} cannot be locked: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()


def _page(connection: Queries, after: int, subject: str | None, digest: str | None) -> list[Any]:
    wanted = {"after": after, "name": subject, "digest": digest, "page": _PAGE}
    query = f"SELECT {_COLUMNS} FROM entry WHERE seq > :after"  # noqa: S608 - a constant
    for column, value in (("name", subject), ("digest", digest)):
        if value is not None:
            # One literal per column, values are bound: nothing of the caller's is formatted into SQL.
            query += f" AND seq IN (SELECT seq FROM entry_subject WHERE {column} = :{column})"  # noqa: S608
    return list(connection.exec_driver_sql(query + " ORDER BY seq LIMIT :page", wanted))


def _by_key(connection: Connection, key: str | None) -> Row[tuple[object, ...]] | None:
    if key is None:
        return None
    query = text(f"SELECT {_COLUMNS} FROM entry WHERE idempotency_key = :key")  # noqa: S608 - a constant
    return connection.execute(query, {"key": key}).first()


def _check_none_hidden(found: list[Entry], wanted: Sequence[int]) -> None:
    gone = sorted(set(wanted) - {entry.seq for entry in found})
    if gone:
        raise LedgerTamperedError(f"ledger entry {gone[0]} is gone, or hidden from who asks for its subjects")


def _file_now(path: Path) -> tuple[int, int, int]:
    """Which process, and which file stands at `path`."""
    found = path.stat()
    return os.getpid(), found.st_dev, found.st_ino


def _is_made(engine: Engine) -> bool:
    """Whether the file has tables and writes a WAL."""
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        return bool(_objects(connection)) and mode == "wal"


def _objects(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Database errors in the words of Fairgate."""
    try:
        yield
    except IntegrityError as error:
        raise LedgerTamperedError(f"the ledger {path} refused an append: {error.orig}") from error
    except OperationalError as error:
        reason = str(error.orig)
        if "locked" in reason or "busy" in reason:
            raise ServiceError(f"the ledger {path} is locked by another program; try again") from error
        if "decode" in reason:
            raise LedgerTamperedError(f"the ledger {path} is damaged: {reason}; restore a backup") from error
        raise LedgerError(f"the ledger {path} cannot be used: {reason}") from error
    except DatabaseError as error:
        raise LedgerTamperedError(f"the ledger {path} is damaged: {error.orig}; restore a backup") from error
    except UnicodeDecodeError as error:  # SQLite's own message quotes a damaged name
        raise LedgerTamperedError(f"the ledger {path} is damaged: a name is no text; restore a backup") from error
