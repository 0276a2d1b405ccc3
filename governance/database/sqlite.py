"""SQLite: one file, one writer at a time behind a queue that is fair, readers that never wait."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from governance.database.pool import drop_broken, keep_to_own, transaction
from governance.database.port import PlaceError, Tables, Trouble
from governance.database.told import told
from governance.database.turn import turn
from governance.migrations import bring_to_head, revision_of


@dataclass(frozen=True)
class SqliteDatabase:
    """One file. With `read_only` it is not touched at all and must hold the tables already.

    A writer waits at most `wait_seconds` for the others.
    """

    path: Path
    tables: Tables
    wait_seconds: float
    read_only: bool = False

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def lock_files(self) -> tuple[Path, ...]:
        """The files beside it by which writers wait for each other; they stay."""
        return tuple(self.path.with_name(self.path.name + end) for end in (".lock", ".queue"))

    @cached_property
    def engine(self) -> Engine:
        """The engine, with the tables made."""
        # SQLAlchemy's own transactions begin deferred, which forks a chain under concurrency: we begin ourselves.
        # Connections stay open: when the last one closes, SQLite folds the WAL in, which costs an append four times.
        pool = {"poolclass": NullPool} if self.read_only else {"poolclass": QueuePool, "max_overflow": -1}
        engine = create_engine("sqlite://", creator=self._connect, isolation_level="AUTOCOMMIT", **pool)
        if self.read_only:
            return engine
        keep_to_own(engine, self._file_now)
        drop_broken(engine, lambda error: self.trouble(error) in (Trouble.UNUSABLE, Trouble.DAMAGED))
        # Readers of a file that has its tables never wait for its writers.
        if not (self._make_place() and self._is_made(engine)):
            self._bring_up(engine)
        return engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `governance.database.port.Database.reading`."""
        with self._told(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection  # nothing was written: closing the connection ends the transaction

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See `governance.database.port.Database.writing`."""
        with self._told():
            engine = self.engine  # made before the turn is asked for: making the tables takes one as well
            with self._turn(), engine.connect() as connection, transaction(connection, "BEGIN IMMEDIATE"):
                yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold back every writer, without a transaction: for who replaces the file."""
        with self._told(), self._turn():
            yield

    def dispose(self) -> None:
        """See `governance.database.port.Database.dispose`."""
        self.engine.dispose()

    def upgrade(self) -> None:
        """Make the tables, or bring them to the newest revision, as the first use does."""
        with self.reading():
            pass

    def _told(self) -> AbstractContextManager[None]:
        return told(self.tables, self.name, _trouble)

    def _turn(self) -> AbstractContextManager[None]:
        """Writers of all processes, one at a time and in turn. SQLite's own busy loop starves: up to 14 s at 16."""
        return turn(self.path, self.wait_seconds, 0o600 if self.tables.private else 0o666)

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

    def _make_place(self) -> bool:
        """Make what the file needs around it; whether there is something in the file already."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.tables.private:
                self.path.touch(mode=0o600)  # the WAL and its index get the mode of the database
            return self.path.is_file() and self.path.stat().st_size > 0
        except OSError as error:
            raise PlaceError(f"cannot be made: {error.strerror}") from error

    def _file_now(self) -> tuple[int, ...]:
        """Which process, and which file stands at the path: a restore replaces it."""
        try:
            found = self.path.stat()
        except OSError as error:
            raise PlaceError(f"cannot be looked at: {error.strerror}") from error
        return os.getpid(), found.st_dev, found.st_ino

    def _is_made(self, engine: Engine) -> bool:
        """Whether the file has the tables in their newest form and writes a WAL."""
        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
            return revision_of(connection, self.tables) == self.tables.head and mode == "wal"

    def _bring_up(self, engine: Engine) -> None:
        with self._turn(), engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            with transaction(connection, "BEGIN IMMEDIATE"):
                bring_to_head(connection, self.tables)


def _trouble(error: DBAPIError) -> Trouble:
    """What kind of thing an error is, by its class and SQLite's words."""
    reason = str(error.orig)
    if isinstance(error, IntegrityError):
        return Trouble.REFUSED
    if not isinstance(error, OperationalError) or "decode" in reason:
        return Trouble.DAMAGED
    return Trouble.BUSY if "locked" in reason or "busy" in reason else Trouble.UNUSABLE
