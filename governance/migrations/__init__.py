"""Which form the tables have, and how they get their newest one: with Alembic, imported only where it has work.

Each set of tables has its own line of revisions (`ledger/`, `accounts/`) and its own table `<name>_version`. What was
made before there were migrations has no such table: it has the first revision.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from governance.database.port import Tables
from governance.errors import ConfigurationError

SCHEMA = "fairgate"
"""The schema of PostgreSQL that holds all tables."""

FIRST = "0001"
_SCHEMA_IS_THERE = text(f"SELECT count(to_regnamespace('{SCHEMA}'))")
_HOME = Path(__file__).parent


def version_table(tables: Tables) -> str:
    """The name of the table that holds the revision."""
    return f"{tables.name}_version"


def revision_of(connection: Connection, tables: Tables) -> str | None:
    """The revision that the tables have, None where there are none."""
    if _exists(connection, version_table(tables)):
        query = f"SELECT version_num FROM {_qualified(connection, version_table(tables))}"  # noqa: S608 - constants
        found = connection.exec_driver_sql(query).scalars().all()
        return found[0] if len(found) == 1 else f"{len(found)} revisions"
    if connection.dialect.name == "sqlite" and tables.alone:
        # What is gone from a ledger is not mended in silence: verify tells it.
        return FIRST if connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() else None
    return FIRST if _exists(connection, tables.first) else None


def bring_to_head(connection: Connection, tables: Tables) -> None:
    """Make the tables, or bring them to the newest revision, in the transaction that is open.

    New tables of SQLite are made in their newest form without Alembic: a new project starts fast. Raises
    ConfigurationError where a newer version of Fairgate made them.
    """
    found = revision_of(connection, tables)
    if found == tables.head:
        return
    if found is None and connection.dialect.name == "sqlite":
        tables.create(connection)
        _stamp(connection, tables)
        return
    _upgrade(connection, tables, found)


def _stamp(connection: Connection, tables: Tables) -> None:
    """As Alembic would, so that a later upgrade knows where to begin."""
    name = version_table(tables)
    connection.exec_driver_sql(
        f"CREATE TABLE {name} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {name}_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text(f"INSERT INTO {name} VALUES (:head)"), {"head": tables.head})  # noqa: S608 - a constant


def _upgrade(connection: Connection, tables: Tables, found: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    for option, value in {
        "script_location": str(_HOME),
        "version_locations": str(_HOME / tables.name),
        "path_separator": "newline",  # a path may hold blanks, commas and colons
    }.items():
        config.set_main_option(option, value.replace("%", "%%"))
    config.attributes.update(
        connection=connection,
        version_table=version_table(tables),
        schema=SCHEMA if connection.dialect.name == "postgresql" else None,
    )
    if config.attributes["schema"] and not connection.execute(_SCHEMA_IS_THERE).scalar_one():
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    try:
        if found == FIRST and not _exists(connection, version_table(tables)):
            command.stamp(config, FIRST)
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigurationError(
            f"the tables of the {tables.name} have the revision {found!r}, which this version of Fairgate does not "
            f"know (it knows up to {tables.head}): install the newer Fairgate that made them"
        ) from error


def _exists(connection: Connection, table: str) -> bool:
    if connection.dialect.name == "sqlite":
        query = text("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = :table")
    else:
        query = text("SELECT count(to_regclass(:table))")
    return bool(connection.execute(query, {"table": _qualified(connection, table)}).scalar_one())


def _qualified(connection: Connection, table: str) -> str:
    return f"{SCHEMA}.{table}" if connection.dialect.name == "postgresql" else table
