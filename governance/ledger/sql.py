"""The ledger on SQLite, through SQLAlchemy. One append is one transaction: entry, subjects, head and checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, Row, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import NullPool

from governance.errors import (
    ConfigurationError,
    LedgerConflictError,
    LedgerError,
    LedgerTamperedError,
    ServiceError,
)
from governance.ledger.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from governance.ledger.envelope import moment, seal, unseal
from governance.ledger.keys import LedgerKeys
from governance.ledger.port import Clock
from governance.ledger.schema import TABLES, TRIGGERS
from governance.ledger.tree import EMPTY_ROOT, extend, leaf_hash, root_of
from governance.statement import Entry, Statement

WAIT_SECONDS = 30.0
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the ledger: how many entries, the root over them, and the frontier that the next one extends."""

    size: int
    root: bytes
    frontier: tuple[bytes, ...]


@dataclass(frozen=True)
class SqlLedger:
    """The ledger of one SQLite database. `url` is SQLAlchemy's; safe under many threads and processes."""

    url: str
    keys: LedgerKeys
    clock: Clock
    wait_seconds: float = field(default=WAIT_SECONDS)

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
        """The engine, with its tables made. A connection is opened for each use: processes may fork."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # SQLAlchemy's own transactions begin deferred, which forks a chain under concurrency: we begin ourselves.
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        event.listen(engine, "connect", _pragmas)
        with _told(self.path), self._alone(), engine.connect() as connection:
            for statement in TABLES:
                connection.exec_driver_sql(statement)
            empty = {"root": EMPTY_ROOT}
            connection.execute(text("INSERT OR IGNORE INTO head VALUES (1, 0, :root, x'')"), empty)
            for statement in TRIGGERS:
                connection.exec_driver_sql(statement)
        return engine

    def append(
        self, statement: Statement, *, idempotency_key: str | None = None, expected_size: int | None = None
    ) -> Entry:
        """See `governance.ledger.port.Ledger.append`."""
        with self._transaction() as connection:
            earlier = _by_key(connection, idempotency_key)
            if earlier is not None:
                return self._entry(earlier, connection)
            head = read_head(connection)
            if expected_size is not None and expected_size != head.size:
                raise LedgerConflictError(
                    f"the ledger has {head.size} entries, the decision was made on {expected_size}"
                )
            entry = self._next(connection, head, statement)
            self._write(connection, head, entry, idempotency_key)
            return entry

    def entries(self, *, subject: str | None = None, digest: str | None = None) -> Iterator[Entry]:
        """See `governance.ledger.port.Ledger.entries`. Reads in pages, so that a long ledger is never in memory."""
        after = -1
        while True:
            with _told(self.path), self.engine.connect() as connection:
                rows = _page(connection, after, subject, digest)
                found = [self._entry(row, connection) for row in rows]
            yield from found
            if len(found) < _PAGE:
                return
            after = found[-1].seq

    def size(self) -> int:
        """How many entries the ledger holds."""
        return self.head().size

    def head(self) -> Head:
        """The end of the ledger."""
        with _told(self.path), self.engine.connect() as connection:
            return read_head(connection)

    def checkpoint(self) -> Checkpoint | None:
        """The newest signed checkpoint, None while the ledger is empty."""
        with _told(self.path), self.engine.connect() as connection:
            row = connection.execute(text("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")).first()
        return read_checkpoint(row.note, self.keys.log.public) if row else None

    def _next(self, connection: Connection, head: Head, statement: Statement) -> Entry:
        time = max(self.clock(), _last_time(connection, head))
        envelope = seal(statement, head.size, time, self.keys.attestation)
        leaf = leaf_hash(envelope)
        root = root_of(extend(head.size, head.frontier, leaf))
        return Entry(head.size, time, statement, envelope, leaf, root)

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
        frontier = b"".join(extend(head.size, head.frontier, entry.leaf_hash))
        grown = {"size": size, "root": entry.root, "frontier": frontier}
        connection.execute(text("UPDATE head SET size = :size, root = :root, frontier = :frontier"), grown)
        note = sign_checkpoint(size, entry.root, self.keys.log).note
        connection.execute(text("INSERT INTO checkpoint VALUES (:size, :note)"), {"size": size, "note": note})

    def _entry(self, row: Row[tuple[object, ...]], connection: Connection) -> Entry:
        """The entry in a row, after checking that it is what was acknowledged."""
        seq = row.seq
        if leaf_hash(row.envelope) != row.leaf_hash:
            raise LedgerTamperedError(f"ledger entry {seq}: the envelope is not the one that was acknowledged")
        try:
            opened = unseal(row.envelope, self.keys.attestation.public)
        except LedgerTamperedError as error:
            raise LedgerTamperedError(f"ledger entry {seq}: {error}") from error
        if opened.seq != seq or moment(opened.time) != row.time:
            raise LedgerTamperedError(f"ledger entry {seq}: its place or time is not the one that was signed")
        if subjects_of(connection, seq) != tuple((x.name, x.digest) for x in opened.statement.subjects):
            raise LedgerTamperedError(f"ledger entry {seq}: the index of subjects is not what was signed")
        return Entry(seq, opened.time, opened.statement, row.envelope, row.leaf_hash, row.root)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        engine = self.engine
        with _told(self.path), self._alone(), engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Writers wait in a queue of the operating system: SQLite's own busy loop starves under contention."""
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


def read_head(connection: Connection) -> Head:
    """The end of the ledger. Raises LedgerTamperedError where it does not fit the last entry."""
    row = connection.execute(text("SELECT size, root, frontier FROM head")).first()
    if row is None:
        raise LedgerTamperedError("the ledger has lost its head")
    frontier = tuple(row.frontier[i : i + 32] for i in range(0, len(row.frontier), 32))
    last = connection.execute(text("SELECT seq, root FROM entry ORDER BY seq DESC LIMIT 1")).first()
    found = (last.seq + 1, last.root) if last else (0, EMPTY_ROOT)
    if (row.size, row.root) != found or len(frontier) != row.size.bit_count() or root_of(frontier) != row.root:
        raise LedgerTamperedError(f"the ledger's head speaks of {row.size} entries, its last entry of {found[0]}")
    return Head(row.size, row.root, frontier)


def subjects_of(connection: Connection, seq: int) -> tuple[tuple[str, str], ...]:
    """The indexed subjects of an entry: (name, digest) in their order."""
    query = text("SELECT name, digest FROM entry_subject WHERE seq = :seq ORDER BY position")
    return tuple((row.name, row.digest) for row in connection.execute(query, {"seq": seq}))


def _page(connection: Connection, after: int, subject: str | None, digest: str | None) -> list[Row[tuple[object, ...]]]:
    wanted = {"after": after, "name": subject, "digest": digest, "page": _PAGE}
    query = "SELECT seq, time, envelope, leaf_hash, root FROM entry WHERE seq > :after"
    for column, value in (("name", subject), ("digest", digest)):
        if value is not None:
            # One literal per column, values are bound: nothing of the caller's is formatted into SQL.
            query += f" AND seq IN (SELECT seq FROM entry_subject WHERE {column} = :{column})"  # noqa: S608
    return list(connection.execute(text(query + " ORDER BY seq LIMIT :page"), wanted))


def _by_key(connection: Connection, key: str | None) -> Row[tuple[object, ...]] | None:
    if key is None:
        return None
    query = text("SELECT seq, time, envelope, leaf_hash, root FROM entry WHERE idempotency_key = :key")
    return connection.execute(query, {"key": key}).first()


def _last_time(connection: Connection, head: Head) -> datetime:
    """The time of the last entry: recorded time never goes back, whatever the clock says."""
    query = text("SELECT time FROM entry WHERE seq = :seq")
    row = connection.execute(query, {"seq": head.size - 1}).first()
    return datetime.fromisoformat(row.time if row else "1970-01-01T00:00:00Z")


def _pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.close()


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
        raise LedgerError(f"the ledger {path} cannot be used: {reason}") from error
    except DatabaseError as error:
        raise LedgerTamperedError(f"the ledger {path} is damaged: {error.orig}; restore a backup") from error
