"""`fairgate db`: the databases behind the ledger, the accounts and the registry."""

from __future__ import annotations

import typer

from flows.cli.db_grant import grant

db = typer.Typer(help="Databases on PostgreSQL: SQLite needs nothing of this.", no_args_is_help=True)
db.command("grant")(grant)


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(db, name="db")
