"""The ledger's tables on whichever database: how they are made, and whether they are still what was made."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from governance.database.port import Tables
from governance.errors import LedgerError, LedgerTamperedError
from governance.ledger import schema_postgres, schema_sqlite

_DIALECTS: dict[str, Any] = {"sqlite": schema_sqlite, "postgresql": schema_postgres}


def create(connection: Connection) -> None:
    """Make the tables of an empty ledger, in the transaction that is open."""
    _DIALECTS[connection.dialect.name].create(connection)


def altered(connection: Connection) -> tuple[str, ...]:
    """Names of tables, indexes and guards that are gone, were added or read otherwise than they were made."""
    return tuple(sorted(_DIALECTS[connection.dialect.name].altered(connection)))


def damage(connection: Connection) -> tuple[str, ...]:
    """What is wrong below the rows; empty where the database finds nothing."""
    return tuple(_DIALECTS[connection.dialect.name].damage(connection))


LEDGER = Tables(
    name="ledger",
    head="0001",
    first="entry",
    create=create,
    # Whoever appends must change this row, and PostgreSQL gives it in the order of asking.
    lock="SELECT FROM head FOR UPDATE",
    what="ledger",
    damaged=LedgerTamperedError,
    unusable=LedgerError,
    alone=True,
)
