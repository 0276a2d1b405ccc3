"""`fairgate ledger`: read, verify, back up and restore the record of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.settings import read_settings
from governance.errors import ConfigurationError, Exit

ledger = typer.Typer(help="The append-only record of evidence, sign-offs and releases.", no_args_is_help=True)
Checkpoint = Annotated[
    Path | None, typer.Option("--checkpoint", help="A checkpoint kept elsewhere: shows entries that were dropped.")
]


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(ledger, name="ledger")


@ledger.command("verify")
def verify(checkpoint: Checkpoint = None, as_json: Json = False) -> int:
    """Recompute every digest of the ledger. Any changed byte is found and named: exit code 5."""
    from flows.wiring import open_ledger
    from governance.ledger.checkpoint import read_checkpoint
    from governance.ledger.verify import verify_ledger

    found = open_ledger(read_settings())
    note = _read(checkpoint) if checkpoint else None
    trusted = read_checkpoint(note, found.keys.log.public) if note else None
    report = verify_ledger(found, trusted=trusted)
    if as_json:
        emit({"size": report.size, "root": report.root.hex(), "problems": report.problems})
    elif report.problems:
        say(
            f"TAMPERED: {len(report.problems)} problems in {report.size:,} entries",
            *(f"  {x}" for x in report.problems),
        )
    else:
        say(f"VERIFIED: {report.size:,} entries are as they were acknowledged; root {report.root.hex()}")
    return int(Exit.LEDGER if report.problems else Exit.DONE)


@ledger.command("show")
def show(
    model: Annotated[str | None, typer.Option("--model", help="Only entries about NAME/VERSION.")] = None,
    as_json: Json = False,
) -> None:
    """The entries, oldest first: when, who, what."""
    from flows.wiring import open_ledger

    entries = open_ledger(read_settings()).entries(subject=f"model/{model}" if model else None)
    if as_json:
        emit({"entries": [{"seq": item.seq, "time": item.time, "statement": item.statement} for item in entries]})
        return
    for item in entries:
        say(f"{item.seq:5}  {item.time:%Y-%m-%d %H:%M:%S}  {item.statement.actor.name:24} {item.statement.meaning}")


@ledger.command("checkpoint")
def checkpoint(output: Annotated[Path | None, typer.Option("--output", help="Write it here.")] = None) -> None:
    """The newest signed checkpoint. Keep it elsewhere: only then a ledger that was rolled back can be shown to be."""
    from flows.wiring import open_ledger

    found = open_ledger(read_settings()).checkpoint()
    if found is None:
        raise ConfigurationError("the ledger is empty: there is nothing to sign a checkpoint over")
    if output is None:
        say(found.note.rstrip("\n"))
        return
    output.write_text(found.note, encoding="utf-8")
    say(f"checkpoint of {found.size:,} entries: {output}")


@ledger.command("backup")
def backup(path: Annotated[Path, typer.Argument(help="Where the copy goes; never overwritten.")]) -> None:
    """A verified copy of the ledger, also while it is in use."""
    from flows.wiring import open_ledger
    from governance.ledger.backup import backup as copy

    report = copy(open_ledger(read_settings()), path)
    say(f"backed up {report.size:,} entries to {path}; keep the folder with the keys and the evidence as well")


@ledger.command("restore")
def restore(path: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Put a verified backup in place. What stood there is kept beside it; newer entries are never lost silently."""
    from flows.wiring import open_ledger
    from governance.ledger.backup import restore as put_back

    kept = put_back(open_ledger(read_settings()), path)
    say(f"restored from {path}" + (f"; the ledger that stood there is kept at {kept}" if kept else ""))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the checkpoint {path} cannot be read: {error}; correct --checkpoint") from error
