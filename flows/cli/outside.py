"""`fairgate ledger export | receipt | check-receipt | witness`: what goes out of the ledger, for people elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.ledger import counted, ledger
from flows.cli.options import Json
from flows.cli.output import emit, say
from flows.cli.remembered import receipt_files, text_of
from flows.settings import Settings, read_settings
from governance.errors import ConfigurationError, Exit

if TYPE_CHECKING:
    from governance.ledger.checkpoint import Kept
    from governance.ledger.note import VerifierKey
    from governance.ledger.receipt import CheckedReceipt
    from governance.ledger.witness import Cosigner, Sight

LogKey = Annotated[
    str | None,
    typer.Option("--log-key", help="The log's verifier key, a file that holds it, or log.pub; got from elsewhere."),
]


def add_to(_app: typer.Typer) -> None:
    """The commands of this room are already in the group `ledger`."""


@ledger.command("export")
def export(
    path: Annotated[Path, typer.Argument(help="Where the export goes; never overwritten.")], as_json: Json = False
) -> None:
    """The whole ledger as one file that anybody can verify offline, and the script that does it."""
    from flows.wiring import open_ledger
    from governance.ledger.export import export as write

    source = open_ledger(read_settings())
    with counted(source, f"writing and verifying {path}", quiet=as_json) as tell:
        done = write(source, path, tell)
    if as_json:
        script = str(done.script) if done.script else None
        emit({"path": str(path), "size": done.size, "root": done.root.hex(), "script": script})
        return
    say(f"exported {done.size:,} entries to {path}; root {done.root.hex()}")
    if done.script:
        say(f"  verify it anywhere with: python {done.script} {path} --log-key KEY (see: fairgate ledger keys)")
    else:
        say(f"  another verify_export.py stands in {path.parent}: it was left as it is")


@ledger.command("receipt")
def receipt(
    seq: Annotated[int, typer.Argument(help="The entry's number.")],
    output: Annotated[
        Path | None, typer.Option("--output", help="Into this folder instead of <home>/receipts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the receipt of an entry: its exact envelope, and the proof (C2SP tlog-proof) that it is in the ledger."""
    from flows.wiring import open_ledger
    from governance.ledger.receipt import keep_receipt
    from reports.receipt_files import explain, public_keys

    settings = read_settings()
    source = open_ledger(settings)
    size = source.size()
    if not 0 <= seq < size:
        raise ConfigurationError(f"the ledger has {size} entries, there is no entry {seq}")
    [entry] = (item for item in source.entries() if item.seq == seq)
    files = keep_receipt(source, entry, output or settings.receipts)
    explain(files, entry, public_keys(source.keys))
    if as_json:
        emit({"seq": seq, "envelope": str(files.envelope), "proof": str(files.proof)})
        return
    say(f"receipt of entry {seq}: {entry.statement.meaning}", f"  {files.proof}", f"  {files.envelope}")
    say("  beside them: the entry to read (.txt), the public keys and a script that checks it, see README.txt")
    say("keep these files where no administrator of this ledger can change them")


@ledger.command("check-receipt")
def check(
    proof: Annotated[Path, typer.Argument(help="The .tlog-proof.")],
    envelope: Annotated[Path | None, typer.Argument(help="The envelope; else the .json beside the proof.")] = None,
    log_key: LogKey = None,
    compare: Annotated[bool, typer.Option("--compare", help="With the ledger of this project, as it is now.")] = False,
    as_json: Json = False,
) -> int:
    """Check a receipt offline, by the public log key only. With --compare, whether the ledger still has the entry."""
    from governance.ledger.receipt import ReceiptFiles, check_receipt, read_files

    settings = read_settings()
    files = ReceiptFiles(envelope, proof) if envelope else receipt_files(proof)
    found = check_receipt(*read_files(files), _log_key(settings, log_key).public)
    problems = _compared(settings, proof, found) if compare else ()
    if as_json:
        tree = found.receipt.checkpoint
        said = {"seq": found.opened.seq, "time": found.opened.time, "statement": found.opened.statement}
        emit({"proved": True, **said, "checkpoint_size": tree.size, "compared": compare, "problems": problems})
    else:
        say(*_lines(found))
        if problems:
            say("TAMPERED: the ledger is not the one of this receipt", *(f"  {item}" for item in problems))
        elif compare:
            say("  the ledger still has this entry, and everything before the checkpoint of the receipt")
    return int(Exit.LEDGER if problems else Exit.DONE)


@ledger.command("witness")
def witness(
    memory: Annotated[Path, typer.Option("--memory", help="Your file: every checkpoint that you have seen.")],
    source: Annotated[Path | None, typer.Argument(help="An export; without it the ledger of this project.")] = None,
    log_key: LogKey = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Your Ed25519 key (PEM; made on first use): cosign.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The name of your key in notes.")] = "witness.fairgate.local",
    as_json: Json = False,
) -> None:
    """Look at a ledger as somebody elsewhere: remember its checkpoint, and say when it forked or was rolled back."""
    from governance.ledger.witness import witness as look

    settings = read_settings()
    if source is not None and log_key is None:
        raise ConfigurationError("say whose log it is: --log-key VKEY (fairgate ledger keys prints it)")
    cosigner = _cosigner(key, name)
    with _sight(settings, source, quiet=as_json) as sight:
        done = look(sight, memory, _log_key(settings, log_key), cosigner)
    if as_json:
        before = done.before.size if done.before else None
        emit({"before": before, "size": done.now.size, "root": done.now.root.hex(), "note": done.note})
        return
    since = f"extends the {done.before.size:,} seen before" if done.before else "seen for the first time"
    say(f"WITNESSED: {done.now.size:,} entries, {since}; remembered in {memory}")
    if cosigner is not None:
        from governance.ledger.note import COSIGNATURE, VerifierKey

        say(f"  cosigned as {VerifierKey(name, COSIGNATURE, cosigner.key.public)}", done.note.rstrip("\n"))


@contextmanager
def _sight(settings: Settings, source: Path | None, *, quiet: bool) -> Iterator[Sight]:
    """The ledger of this project, or an export, as a witness sees it."""
    from flows.wiring import open_ledger
    from governance.ledger.export_file import envelopes_in, read_header
    from governance.ledger.witness import Sight

    if source is not None:
        yield Sight(read_header(source).get("checkpoint"), envelopes_in(source))
        return
    found = open_ledger(settings)
    with counted(found, "reading every entry", quiet=quiet), found.reading() as snapshot:
        head = snapshot.head()
        note = snapshot.checkpoint(head, found.keys.log.public).note if head.size else None
        yield Sight(note, (envelope for _seq, envelope in snapshot.since(0)))


def _cosigner(path: Path | None, name: str) -> Cosigner | None:
    if path is None:
        return None
    from flows.wiring import utc_now
    from governance.ledger.keys import open_key
    from governance.ledger.note import check_name
    from governance.ledger.witness import Cosigner

    check_name(name)
    return Cosigner(name, open_key(path), int(utc_now().timestamp()))


def _log_key(settings: Settings, given: str | None) -> VerifierKey:
    """The log key that a person brought, or the published one of this project: the private key is not needed."""
    from governance.ledger.checkpoint import log_key
    from governance.ledger.keys import read_public
    from governance.ledger.note import read_vkey

    path = settings.home / "keys" / "log.pub" if given is None else Path(given)
    if path.suffix == ".pub":
        return log_key(read_public(path))
    return read_vkey(given if given and "+" in given else text_of(path, "log key"))


def _compared(settings: Settings, proof: Path, found: CheckedReceipt) -> tuple[str, ...]:
    """What the present ledger does not have of this receipt, or is wrong with it otherwise."""
    from flows.wiring import open_ledger
    from governance.ledger.verify import verify_ledger

    return verify_ledger(open_ledger(settings), kept=(_kept(proof, found),)).problems


def _kept(proof: Path, found: CheckedReceipt) -> Kept:
    from governance.ledger.checkpoint import Kept
    from governance.ledger.tree import leaf_hash

    receipt = found.receipt
    return Kept(f"receipt {proof}", receipt.checkpoint, receipt.seq, leaf_hash(found.envelope))


def _lines(found: CheckedReceipt) -> Iterator[str]:
    opened, tree = found.opened, found.receipt.checkpoint
    yield f"PROVED: entry {opened.seq} was in the ledger when it had {tree.size:,} entries"
    yield f"  {opened.time:%Y-%m-%d %H:%M:%S} UTC, {opened.statement.actor.name}: {opened.statement.meaning}"
    yield from (f"  about {item.name} {item.digest}" for item in opened.statement.subjects)
