"""The ledger's tables on whichever database: how they are made, and whether they are still what was made."""

from __future__ import annotations

from sqlalchemy import Connection

from governance.database.port import Tables
from governance.ledger import schema_postgres, schema_sqlite

_DIALECTS = {"sqlite": schema_sqlite, "postgresql": schema_postgres}


def create(connection: Connection) -> None:
    """Make the tables of an empty ledger, in the transaction that is open."""
    _DIALECTS[connection.dialect.name].create(connection)


def altered(connection: Connection) -> tuple[str, ...]:
    """Names of tables, indexes and guards that are gone, were added or read otherwise than they were made."""
    return tuple(sorted(_DIALECTS[connection.dialect.name].altered(connection)))


def damage(connection: Connection) -> tuple[str, ...]:
    """What is wrong below the rows; empty where the database finds nothing."""
    return _DIALECTS[connection.dialect.name].damage(connection)


# The head's row is the lock: whoever appends must hold it, and PostgreSQL gives it in the order of asking.
LEDGER = Tables("ledger", "0001", "entry", create, lock="SELECT FROM head FOR UPDATE", alone=True)
