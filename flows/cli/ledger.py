"""`fairgate ledger`: read, verify, back up and restore the record of everything. `outside` has what goes out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.history import moment_of
from flows.cli.options import Json
from flows.cli.output import emit, progress, say
from flows.cli.remembered import checkpoints_of, receipt_files, remembered
from flows.settings import read_settings
from governance.digests import plain
from governance.errors import ConfigurationError, Exit, LedgerError
from governance.statement import Entry, PredicateType

if TYPE_CHECKING:
    from governance.ledger.sql import SqlLedger

LONG = 2_000
"""From so many entries on, reading all of them is told with its progress."""

ledger = typer.Typer(help="The append-only record of evidence, sign-offs and releases.", no_args_is_help=True)
Checkpoints = Annotated[
    list[Path] | None, typer.Option("--checkpoint", help="A checkpoint kept elsewhere: shows what was dropped.")
]
Receipts = Annotated[
    list[Path] | None, typer.Option("--receipt", help="A .tlog-proof kept elsewhere, its envelope (.json) beside it.")
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask the second places on disk only, not the registry.")]


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.add_typer(ledger, name="ledger")


@ledger.command("verify")
def verify(
    checkpoint: Checkpoints = None, receipt: Receipts = None, offline: Offline = False, as_json: Json = False
) -> int:
    """Recompute every digest, and compare with the second places: any changed or dropped byte is named. Exit code 5."""
    from flows.wiring import open_ledger
    from governance.ledger.fsck import checked
    from governance.ledger.verify import verify_ledger

    settings = read_settings()
    found = open_ledger(settings)
    public = found.keys.log.public
    second = remembered(settings, found.keys.log.public, offline=offline)
    good, bad = checked(map(receipt_files, receipt or []), public)
    kept = [*second.kept, *checkpoints_of(checkpoint or [], public), *good]
    with counted(found, "verifying every entry", quiet=as_json) as tell:
        report = verify_ledger(found, kept=kept, tell=tell)
    problems = [*second.problems, *bad, *report.problems]
    if as_json:
        told = {"compared": second.compared, "not_compared": second.unreachable}
        emit({"size": report.size, "root": report.root.hex(), "problems": problems, **told})
    elif problems:
        say(f"TAMPERED: {len(problems)} problems in {report.size:,} entries", *(f"  {x}" for x in problems))
    else:
        say(f"VERIFIED: {report.size:,} entries are as they were acknowledged; root {report.root.hex()}")
        say(*second.lines())
    return int(Exit.LEDGER if problems else Exit.SERVICE if second.unreachable else Exit.DONE)


@ledger.command("fsck")
def fsck(offline: Offline = False, as_json: Json = False) -> int:
    """Verify the ledger, and that all evidence, keys and receipts it speaks of are there and whole. Exit code 5."""
    from flows.wiring import open_ledger
    from governance.evidence import EvidenceStore
    from governance.ledger.fsck import Stores
    from governance.ledger.fsck import fsck as look

    settings = read_settings()
    found = open_ledger(settings)
    second = remembered(settings, found.keys.log.public, offline=offline)
    stores = Stores(EvidenceStore(settings.evidence), settings.home / "keys", settings.receipts, settings.home)
    with counted(found, "looking through entries, evidence and receipts", quiet=as_json) as tell:
        report = look(found, stores, second.kept, tell)
    problems = [*second.problems, *report.problems]
    if as_json:
        told = {"compared": second.compared, "not_compared": second.unreachable}
        counts = {"size": report.size, "evidence": report.evidence, "receipts": report.receipts}
        emit({**counts, "problems": problems, "remarks": report.remarks, **told})
    else:
        head = f"DAMAGED: {len(problems)} problems in" if problems else "WHOLE:"
        say(f"{head} {report.size:,} entries, {report.evidence:,} pieces of evidence, {report.receipts:,} receipts")
        say(*(f"  {x}" for x in problems), *(f"  {x}" for x in report.remarks), *second.lines())
    return int(Exit.LEDGER if problems else Exit.SERVICE if second.unreachable else Exit.DONE)


@ledger.command("show")
def show(
    model: Annotated[str | None, typer.Option("--model", help="Only entries about NAME/VERSION.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="From this moment on: 2026-11-30T12:00Z.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before this moment.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind: sign-off, promotion, ...")] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Only entries of the person with this id.")] = None,
    seq: Annotated[int | None, typer.Option("--seq", help="Only this entry, and all of it.")] = None,
    as_json: Json = False,
) -> None:
    """The entries, oldest first: when, who, what. With --seq one entry whole."""
    from flows.wiring import open_ledger

    start, end, kinds = moment_of(since, "--since"), moment_of(until, "--until"), _kinds(kind or [])
    found = (
        item
        for item in open_ledger(read_settings()).entries(subject=f"model/{model}" if model else None)
        if (start is None or item.time >= start)
        and (end is None or item.time < end)
        and (not kinds or item.statement.predicate_type in kinds)
        and actor in (None, item.statement.actor.id)
        and seq in (None, item.seq)
    )
    if as_json:
        emit({"entries": [_document(item, whole=seq is not None) for item in found]})
        return
    count = 0
    for item in found:
        count += 1
        say(*(_whole(item) if seq is not None else (_line(item),)))
    if seq is not None and not count:
        raise ConfigurationError(f"no entry {seq} is to be shown: it is not there, or the other filters leave it out")


@ledger.command("keys")
def keys(as_json: Json = False) -> None:
    """The public keys: what an outsider needs to verify exports, receipts and checkpoints. Hand them on early."""
    import base64

    from flows.wiring import open_ledger
    from governance.ledger.checkpoint import log_key
    from governance.ledger.keys import pem

    found = open_ledger(read_settings()).keys
    vkey, folder = str(log_key(found.log.public)), read_settings().home / "keys"
    named = {"log": found.log, "attestation": found.attestation}
    if as_json:
        told = {
            name: {"public": base64.b64encode(key.public).decode(), "keyid": key.keyid, "pem": pem(key.public)}
            for name, key in named.items()
        }
        emit({"vkey": vkey, **told})
        return
    say(f"log key (signs checkpoints), as a verifier key:\n  {vkey}")
    for name, key in named.items():
        say(f"{name} key, SHA-256 {key.keyid}, {folder / name}.pub:\n{pem(key.public).rstrip()}")


@ledger.command("checkpoint")
def checkpoint(
    output: Annotated[Path | None, typer.Option("--output", help="Write it here.")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy it to all second places, the registry too.")] = False,
    offline: Offline = False,
) -> int:
    """The newest signed checkpoint. Keep it elsewhere: only then a ledger that was rolled back can be shown to be."""
    from flows.wiring import checkpoint_places, open_ledger, open_registry
    from governance.ledger.places import copy_checkpoint

    settings = read_settings()
    source = open_ledger(settings)
    found = source.checkpoint()
    if found is None:
        raise ConfigurationError("the ledger is empty: there is nothing to sign a checkpoint over")
    if copy:
        places = checkpoint_places(settings, None if offline else open_registry(settings))
        done = copy_checkpoint(source, places)
        say(*(item.problem or f"checkpoint of {item.size:,} entries: {item.place}" for item in done))
        tampered = any(item.tampered for item in done)
        return int(Exit.LEDGER if tampered else Exit.SERVICE if any(item.problem for item in done) else Exit.DONE)
    if output is None:
        say(found.note.rstrip("\n"))
        return 0
    output.write_text(found.note, encoding="utf-8")
    say(f"checkpoint of {found.size:,} entries: {output}")
    return 0


@ledger.command("backup")
def backup(path: Annotated[Path, typer.Argument(help="Where the copy goes; never overwritten.")]) -> None:
    """A verified copy of the ledger, also while it is in use."""
    from flows.wiring import open_ledger
    from governance.ledger.backup import backup as copy

    with progress(f"copying and verifying to {path}"):
        report = copy(open_ledger(read_settings()), path)
    say(f"backed up {report.size:,} entries to {path}; keep the folder with the keys and the evidence as well")


@ledger.command("restore")
def restore(path: Annotated[Path, typer.Argument(help="A backup.")]) -> None:
    """Put a verified backup in place. What stood there is kept beside it; newer entries are never lost silently."""
    from flows.wiring import open_ledger
    from governance.ledger.backup import restore as put_back

    with progress(f"verifying and restoring {path}"):
        kept = put_back(open_ledger(read_settings()), path)
    say(f"restored from {path}" + (f"; the ledger that stood there is kept at {kept}" if kept else ""))


@contextmanager
def counted(source: SqlLedger, what: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Progress over a ledger long enough to wait for. Gives a function that takes how many entries were read."""
    try:
        size = source.size()
    except LedgerError:  # what is wrong with it, whoever reads all of it will tell
        size = 0
    with progress(what, quiet=quiet or size < LONG) as tell:
        yield lambda count: tell(count / size if size else 1.0)


def _kinds(words: list[str]) -> frozenset[PredicateType]:
    """The kinds with these words. Raises ConfigurationError for a word that is none."""
    known = {kind.word: kind for kind in PredicateType}
    for word in words:
        if word not in known:
            raise ConfigurationError(f"--kind is {word!r}; write one of: {', '.join(known)}")
    return frozenset(known[word] for word in words)


def _line(item: Entry) -> str:
    return f"{item.seq:5}  {item.time:%Y-%m-%d %H:%M:%S}  {item.statement.actor.name:24} {item.statement.meaning}"


def _whole(item: Entry) -> tuple[str, ...]:
    """One entry with everything that was signed."""
    statement, who = item.statement, item.statement.actor
    return (
        f"entry {item.seq}: {statement.meaning}",
        f"  kind    {statement.predicate_type.word} ({statement.predicate_type.value})",
        f"  time    {item.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC",
        f"  actor   {who.name} ({who.kind} {who.id}, {who.issuer})",
        f"  policy  {statement.policy_digest or 'none'}",
        *(f"  about   {subject.name} {subject.digest}" for subject in statement.subjects),
        f"  leaf    {item.leaf_hash.hex()}",
        f"  root    {item.root.hex()}",
        *(f"  {line}" for line in json.dumps(plain(statement.body), indent=2, ensure_ascii=False).splitlines()),
    )


def _document(item: Entry, *, whole: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"seq": item.seq, "time": item.time, "statement": item.statement}
    if whole:
        found |= {"leaf_hash": item.leaf_hash.hex(), "root": item.root.hex(), "envelope": item.envelope.decode("utf-8")}
    return found
