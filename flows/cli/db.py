"""`fairgate db`: the tables of the ledger and the accounts, in whichever database they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import typer

from flows.cli.db_grant import grant
from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import Settings, read_settings
from governance.errors import Exit, FairgateError

db = typer.Typer(help="The tables of the ledger and the accounts. SQLite needs nothing of this.", no_args_is_help=True)
db.command("grant")(grant)


@dataclass(frozen=True, slots=True)
class TableState:
    """How the tables stand: `missing` says in one sentence what to do, None where nothing is missing."""

    tables: str
    database: str
    revision: str | None
    newest: str
    missing: str | None


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(db, name="db")


@db.command("upgrade")
def upgrade(as_json: Json = False) -> int:
    """Make the tables, or bring them to their newest form. On PostgreSQL: as the role that shall own them."""
    from governance.accounts_schema import ACCOUNTS
    from governance.database.address import open_database
    from governance.ledger.schema import LEDGER

    settings = read_settings()
    for url, tables in ((settings.ledger_url, LEDGER), (settings.accounts_url, ACCOUNTS)):
        open_database(url, tables).upgrade()
    return _show(tuple(_states(settings)), as_json=as_json)


@db.command("status")
def status(as_json: Json = False) -> int:
    """Which revision the tables have, and what is missing: exit code 2 where something is."""
    return _show(tuple(_states(read_settings())), as_json=as_json)


def _states(settings: Settings) -> Iterator[TableState]:
    from governance.accounts_schema import ACCOUNTS
    from governance.database.address import file_of, open_database, read_address
    from governance.ledger.schema import LEDGER
    from governance.migrations import revision_of

    for url, tables in ((settings.ledger_url, LEDGER), (settings.accounts_url, ACCOUNTS)):
        address = read_address(url, tables.name)
        if address.get_backend_name() == "sqlite" and not file_of(address).is_file():
            yield TableState(tables.what, str(file_of(address)), None, tables.head, None)  # made on first use
            continue
        database = open_database(url, tables, read_only=True)
        try:
            with database.reading() as connection:
                revision, missing = revision_of(connection, tables), None
            if revision != tables.head:
                missing = "the tables are not there" if revision is None else f"the revision is not {tables.head}"
                missing += ": run fairgate db upgrade"
        except FairgateError as error:
            revision, missing = None, str(error)
        yield TableState(tables.what, database.name, revision, tables.head, missing)


def _show(states: tuple[TableState, ...], *, as_json: bool) -> int:
    if as_json:
        emit({"tables": states})
    for item in () if as_json else states:
        revision = f"revision {item.revision} of {item.newest}" if item.revision else "not made yet"
        say(f"{item.tables}  {item.database}  {revision}", *([f"  {item.missing}"] if item.missing else []))
    return int(Exit.CONFIGURATION if any(item.missing for item in states) else Exit.DONE)
