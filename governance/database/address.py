"""Addresses of databases: what a user writes in FAIRGATE_LEDGER and FAIRGATE_ACCOUNTS."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from governance.database.port import Database, Tables
from governance.errors import ConfigurationError

WAIT_SECONDS = 30.0
"""How long a writer waits for the others."""


def open_database(
    text: str, tables: Tables, *, wait_seconds: float = WAIT_SECONDS, read_only: bool = False
) -> Database:
    """The database at this address. Nothing is opened yet; raises ConfigurationError as `read_address` does."""
    url = read_address(text, tables.name)
    if url.get_backend_name() == "sqlite":
        from governance.database.sqlite import SqliteDatabase

        return SqliteDatabase(file_of(url), tables, wait_seconds, read_only)
    from governance.database.postgres import PostgresDatabase

    return PostgresDatabase(url, tables, wait_seconds, read_only)


def read_address(text: str, what: str) -> URL:
    """The address of a SQLite file or of a PostgreSQL database, whose driver is psycopg 3 whatever was written.

    Raises ConfigurationError for anything else; `what` says whose address it is.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(f"the {what} has {shown(text)!r}, which is no database URL") from error
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not url.database or url.database == ":memory:":
        raise ConfigurationError(
            f"the {what} needs a SQLite file (sqlite:///{what}.db) or PostgreSQL "
            f"(postgresql://user@host/database), not {shown(text)!r}"
        )
    return url


def file_of(url: URL) -> Path:
    """The file of a SQLite address. Raises ConfigurationError for another database."""
    if url.get_backend_name() != "sqlite":
        raise ConfigurationError(f"{shown(url.render_as_string())} is no SQLite file")
    return Path(url.database or "")


def shown(text: str) -> str:
    """The address as messages may show it: without the password."""
    return re.sub(r"(?<=//).*@", _only_user, text)


def _only_user(found: re.Match[str]) -> str:
    user = found.group()[:-1].split(":")[0]
    return f"{user}@" if user else ""
