"""`fairgate notify`: tell people what the ledger holds and they have not been told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import read_settings
from governance.errors import ConfigurationError, Exit

if TYPE_CHECKING:
    from flows.notifying import Sent

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")]
_QUIET = (
    "  nothing happened since its last message, or since the file of channels was last changed: older news is not sent"
)


def add_to(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command("notify")(notify)


def notify(dry_run: DryRun = False, as_json: Json = False) -> int:
    """Tell people by the channels of FAIRGATE_NOTIFY. Channels that failed are tried again at once.

    Exit codes: 0 where everybody was told, 6 where a channel does not answer; its news waits and is told later.
    """
    from flows.notifying import Round
    from flows.notifying import notify as tell
    from flows.wiring import open_desk

    settings = read_settings()
    if settings.notify is None:
        raise ConfigurationError("no channels are named: set FAIRGATE_NOTIFY to a file (docs/guides/notifications.md)")
    sent = tell(settings, open_desk(settings), Round(patient=False, dry=dry_run))
    failed = not dry_run and any(item.problem for item in sent)
    code = Exit.SERVICE if failed else Exit.DONE
    if as_json:
        emit({"channels": sent, "dry_run": dry_run, "exit_code": code})
        return int(code)
    for item in sent:
        say(*_lines(item, dry_run=dry_run))
    return int(code)


def _lines(item: Sent, *, dry_run: bool) -> list[str]:
    did = f"{item.waiting} to tell" if dry_run else f"{len(item.news)} told in {item.messages} messages"
    waits = f", {item.waiting} waiting" if item.waiting and not dry_run else ""
    head = f"{item.channel}: {did}{waits}" + (f". NOT OK: {item.problem}" if item.problem else "")
    quiet = not (item.news or item.waiting or item.problem)
    return [head, *(f"  {title}" for title in item.news), *([_QUIET] if quiet else [])]
