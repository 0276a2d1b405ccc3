"""PostgreSQL through psycopg 3: one writer at a time behind a lock of the database, readers that never wait."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from governance.database.pool import keep_to_own, transaction
from governance.database.port import Tables, Trouble
from governance.database.told import told
from governance.errors import ConfigurationError
from governance.migrations import SCHEMA, bring_to_head, revision_of

_MAKING = 0x46_41_49_52  # the advisory lock of whoever makes tables; any number that others do not use
# The whole path is given each time: what a role, a database or a pooler has set must not choose our tables.
_PATH = f"SET LOCAL search_path = {SCHEMA}, pg_temp"
_READ = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_PATH}"
# At READ COMMITTED what follows the lock sees all that was committed before it. Nobody may switch durability off.
_WRITE = (
    f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {_PATH};"
    " SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
_CONNECT = {
    "application_name": "fairgate",
    "client_encoding": "utf8",
    "connect_timeout": 10,
    # A server that vanished without a word is noticed in half a minute, not in two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# What decides must not be read from a copy that lags behind.
_PRIMARY = {"target_session_attrs": "read-write"}
_TROUBLES = {
    "42501": Trouble.FORBIDDEN,
    "55P03": Trouble.BUSY,  # lock not available
    "57014": Trouble.BUSY,  # cancelled
    "25P03": Trouble.BUSY,  # idle for too long with the lock held: the others went on
    "40": Trouble.BUSY,  # deadlock, serialization
    "XX001": Trouble.DAMAGED,
    "XX002": Trouble.DAMAGED,
    "08": Trouble.UNREACHABLE,
    "57P": Trouble.UNREACHABLE,  # shut down, crashed, starting
    "53": Trouble.UNREACHABLE,  # too many connections, disk full, out of memory
    "58": Trouble.UNREACHABLE,  # the disk of the server
}


_MAY_CREATE = (
    f"SELECT CASE WHEN to_regnamespace('{SCHEMA}') IS NULL THEN has_database_privilege(current_database(), 'CREATE')"
    f" ELSE has_schema_privilege('{SCHEMA}', 'CREATE') END"
)
_WAY_OUT = "let the role that shall own the tables run: fairgate db upgrade"


@dataclass(frozen=True)
class PostgresDatabase:
    """The schema `fairgate` of one database. `url` names the driver psycopg.

    A writer waits at most `wait_seconds` for the others; who holds the lock and is silent for as long loses it.
    """

    url: URL
    tables: Tables
    wait_seconds: float
    read_only: bool = False

    @property
    def name(self) -> str:
        """The address without password and options."""
        found = self.url
        host = found.host or str(found.query.get("host", ""))
        return f"postgresql://{found.username or ''}@{host}{f':{found.port}' if found.port else ''}/{found.database}"

    @cached_property
    def engine(self) -> Engine:
        """The engine, with the tables made where there are none and the role may make them."""
        if not self.read_only:
            self._require_tables()
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See `governance.database.port.Database.reading`."""
        with self._told(), self.engine.connect() as connection:
            connection.exec_driver_sql(_READ)
            yield connection  # nothing was written: closing the connection ends the transaction

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """See `governance.database.port.Database.writing`."""
        locked = self._begin(self.tables.lock)
        with self._told(), self.engine.connect() as connection, transaction(connection, locked):
            yield connection

    def dispose(self) -> None:
        """See `governance.database.port.Database.dispose`."""
        self._engine.dispose()

    def upgrade(self) -> None:
        """Make the tables, or bring them to the newest revision. Raises ConfigurationError where the role may not."""
        making = self._begin(f"SELECT pg_advisory_xact_lock({_MAKING})")
        with self._told(), self._engine.connect() as connection, transaction(connection, making):
            if revision_of(connection, self.tables) == self.tables.head:
                return
            if not connection.exec_driver_sql(_MAY_CREATE).scalar_one():
                raise ConfigurationError(f"the role may not make the tables of {self._what}: {_WAY_OUT}")
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
            if encoding != "UTF8":
                raise ConfigurationError(f"the database of {self._what} keeps text as {encoding}: make one with UTF8")
            bring_to_head(connection, self.tables)

    @property
    def _what(self) -> str:
        return f"the {self.tables.what} {self.name}"

    def _told(self) -> AbstractContextManager[None]:
        return told(self.tables, self.name, _trouble)

    @cached_property
    def _engine(self) -> Engine:
        wanted = _CONNECT | ({} if self.read_only else _PRIMARY)
        engine = create_engine(
            self.url,
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=True,
            # Waiting writers hold a connection each while the one whose turn it is may need a second one.
            max_overflow=-1,
            connect_args={name: value for name, value in wanted.items() if name not in self.url.query},
        )
        keep_to_own(engine, lambda: (os.getpid(),))
        return engine

    def _begin(self, lock: str) -> str:
        wait = f"{max(1, round(self.wait_seconds * 1000))}ms"
        limits = (f"SET LOCAL {name} = '{wait}'" for name in ("lock_timeout", "idle_in_transaction_session_timeout"))
        return "; ".join((_WRITE, *limits, lock))

    def _require_tables(self) -> None:
        with self._engine.connect() as connection, transaction(connection, _READ):
            found = revision_of(connection, self.tables)
        if found is None:
            self.upgrade()
        elif found != self.tables.head:
            raise ConfigurationError(
                f"the tables of {self._what} have revision {found}, this Fairgate needs {self.tables.head}: {_WAY_OUT}"
            )


def _trouble(error: DBAPIError) -> Trouble:
    """What kind of thing an error is, by its SQLSTATE."""
    code = getattr(error.orig, "sqlstate", None)
    if isinstance(error, IntegrityError):
        return Trouble.REFUSED
    if code is None:  # psycopg's own: mostly, the connection is gone or never was
        return Trouble.UNREACHABLE if isinstance(error, OperationalError | InterfaceError) else Trouble.UNUSABLE
    return next((kind for start, kind in _TROUBLES.items() if code.startswith(start)), Trouble.UNUSABLE)
