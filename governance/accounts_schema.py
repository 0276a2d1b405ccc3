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


# The secret of an authenticator app, with the last step that was accepted; the charter says which fingerprint counts.
# What the authenticators say of their own use. Acts that wait for a passkey's answer: for minutes, and once.
_SECOND = (
    """CREATE TABLE code_secret (
        fingerprint TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id), secret TEXT NOT NULL,
        made TEXT NOT NULL, step INT NOT NULL
    ) STRICT""",
    """CREATE TABLE passkey_use (
        credential TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id), count INT NOT NULL,
        used TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE pending (
        id TEXT PRIMARY KEY, session TEXT NOT NULL, person TEXT NOT NULL REFERENCES person (id),
        purpose TEXT NOT NULL, challenge TEXT NOT NULL, asked TEXT NOT NULL
    ) STRICT""",
)

# What a person opened of which evidence (a digest of all that was shown), and since when no seconds were counted.
_THIRD = (
    """CREATE TABLE reading (
        person TEXT NOT NULL, evidence TEXT NOT NULL, section TEXT NOT NULL,
        opened INT NOT NULL, seconds INT NOT NULL, since TEXT NOT NULL,
        PRIMARY KEY (person, evidence, section)
    ) STRICT""",
)

# Whose identity at a provider of single sign-on is whose; what waits for a provider's answer, for minutes and once.
_FOURTH = (
    """CREATE TABLE identity (
        issuer TEXT NOT NULL, subject TEXT NOT NULL, person TEXT NOT NULL REFERENCES person (id), linked TEXT NOT NULL,
        PRIMARY KEY (issuer, subject)
    ) STRICT""",
    "CREATE TABLE sign_on (token TEXT PRIMARY KEY, body TEXT NOT NULL, until TEXT NOT NULL) STRICT",
)

# Tokens of scripts that read: their hash alone.
_FIFTH = (
    """CREATE TABLE api_token (
        id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES person (id),
        label TEXT NOT NULL, made TEXT NOT NULL, expires TEXT NOT NULL, revoked TEXT NOT NULL
    ) STRICT""",
)

# Of a reset of a password (the entry that began it): tries with one right half, and since when she has been told of it.
_SIXTH = (
    """CREATE TABLE password_reset (
        begun INT PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id), tries INT NOT NULL, told TEXT NOT NULL
    ) STRICT""",
)


def create(connection: Connection) -> None:
    """Make the tables, in the transaction that is open."""
    create_first(connection)
    create_second(connection)
    create_third(connection)
    create_fourth(connection)
    create_fifth(connection)
    create_sixth(connection)


def create_first(connection: Connection) -> None:
    """Make the tables of revision 0001."""
    _make(connection, _FIRST)


def create_second(connection: Connection) -> None:
    """Make the tables that revision 0002 adds."""
    _make(connection, _SECOND)


def create_third(connection: Connection) -> None:
    """Make the table that revision 0003 adds."""
    _make(connection, _THIRD)


def create_fourth(connection: Connection) -> None:
    """Make the tables that revision 0004 adds."""
    _make(connection, _FOURTH)


def create_fifth(connection: Connection) -> None:
    """Make the tables that revision 0005 adds."""
    _make(connection, _FIFTH)


def create_sixth(connection: Connection) -> None:
    """Make the table that revision 0006 adds."""
    _make(connection, _SIXTH)


def _make(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(_for_postgres(statement) if connection.dialect.name == "postgresql" else statement)


def _for_postgres(statement: str) -> str:
    """The same table in our schema. Bytes decide the order of text, as on SQLite."""
    made = statement.replace("CREATE TABLE ", f"CREATE TABLE {SCHEMA}.").replace("REFERENCES ", f"REFERENCES {SCHEMA}.")
    made = made.replace(" INT ", " BIGINT ")  # a passkey counts to 2^32
    return made.replace(" TEXT ", ' TEXT COLLATE "C" ').removesuffix(" STRICT")


ACCOUNTS = Tables(
    name="accounts",
    head="0006",
    first="person",
    create=create,
    # Any number that others do not use: writers wait for each other as on SQLite, so that every guess is counted.
    lock="SELECT pg_advisory_xact_lock(1178682435)",
    what="accounts database",
    damaged=ConfigurationError,
    unusable=ServiceError,
    private=True,
)
