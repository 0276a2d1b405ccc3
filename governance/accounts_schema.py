"""The tables of the accounts, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from governance.database.port import Tables
from governance.errors import ConfigurationError, ServiceError
from governance.migrations import SCHEMA

_FIRST = (
    """CREATE TABLE person (
        id TEXT PRIMARY KEY, issuer TEXT NOT NULL, name TEXT NOT NULL, functions TEXT NOT NULL,
        active INTEGER NOT NULL, secret TEXT NOT NULL, added TEXT NOT NULL
    ) STRICT""",
    "CREATE TABLE failure (person TEXT NOT NULL, time TEXT NOT NULL) STRICT",
    "CREATE TABLE failures (person TEXT PRIMARY KEY, count INTEGER NOT NULL, until TEXT NOT NULL) STRICT",
    """CREATE TABLE session (
        token TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id), csrf TEXT NOT NULL,
        opened TEXT NOT NULL, used TEXT NOT NULL
    ) STRICT""",
)


# Tokens of scripts that read: their hash alone.
_FIFTH = (
    """CREATE TABLE api_token (
        id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES person (id),
        label TEXT NOT NULL, made TEXT NOT NULL, expires TEXT NOT NULL, revoked TEXT NOT NULL
    ) STRICT""",
)


def create(connection: Connection) -> None:
    """Make the tables, in the transaction that is open."""
    create_first(connection)
    create_fifth(connection)


def create_first(connection: Connection) -> None:
    """Make the tables of revision 0001."""
    _make(connection, _FIRST)


def create_fifth(connection: Connection) -> None:
    """Make the tables that revision 0005 adds."""
    _make(connection, _FIFTH)


def _make(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(_for_postgres(statement) if connection.dialect.name == "postgresql" else statement)


def _for_postgres(statement: str) -> str:
    """The same table in our schema. Bytes decide the order of text, as on SQLite."""
    made = statement.replace("CREATE TABLE ", f"CREATE TABLE {SCHEMA}.").replace("REFERENCES ", f"REFERENCES {SCHEMA}.")
    return made.replace(" TEXT ", ' TEXT COLLATE "C" ').removesuffix(" STRICT")


ACCOUNTS = Tables(
    name="accounts",
    head="0005",
    first="person",
    create=create,
    # Any number that others do not use: writers wait for each other as on SQLite, so that every guess is counted.
    lock="SELECT pg_advisory_xact_lock(1178682435)",
    what="accounts database",
    damaged=ConfigurationError,
    unusable=ServiceError,
    private=True,
)
