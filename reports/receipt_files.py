"""What goes beside the two files of a receipt, so that it can be read and checked years later without Fairgate.

The console's ZIP and the command line's folder of receipts take it from here.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.durable import write_new
from governance.errors import LedgerError
from governance.ledger import verify_export, verify_receipt
from governance.ledger.checkpoint import log_key
from governance.ledger.keys import LedgerKeys
from governance.ledger.receipt import ReceiptFiles
from governance.sections import reading_in
from governance.statement import Entry
from reports.signed import opened_words
from reports.templating import TEMPLATES
from reports.words import moment, one_line, printable


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The verifier key of the log (C2SP vkey), and the raw public attestation key in base64; None where not known."""

    log: str | None
    attestation: str | None


def public_keys(keys: LedgerKeys) -> PublicKeys:
    """The public halves of a ledger's keys."""
    return PublicKeys(str(log_key(keys.log.public)), base64.b64encode(keys.attestation.public).decode())


def readable(entry: Entry) -> str:
    """The entry for people: who recorded what, when and why in sentences, then the signed statement, indented.

    Control and direction characters that somebody put into a name are written as \\uXXXX.
    """
    said, body = entry.statement, entry.statement.body
    function = f", {printable(body['function'])}" if body.get("function") else ""
    who = f"{printable(said.actor.name)} ({printable(said.actor.id)}{function})"
    lines = [
        f"Entry {entry.seq} of the ledger: {said.predicate_type.word}.",
        f"On {moment(entry.time)} {who} recorded: {one_line(said.meaning, 2_000)}",
        f"Reason: {printable(body['reason'], None, lines=True)}" if body.get("reason") else "No reason is recorded.",
        *([] if (reading := reading_in(body)) is None else [f"Read: {opened_words(reading)}"]),
        "",
        "The whole statement, as it was signed (the base64 under `payload` of the entry's .json, indented here):",
        "",
        printable(json.dumps(_payload(entry.envelope), indent=2, ensure_ascii=False), None, lines=True),
    ]
    return "\n".join(lines) + "\n"


def companions(keys: PublicKeys, name: str) -> dict[str, bytes]:
    """By file name: the public keys, the two scripts, and how to check the receipt called `name` with them."""
    return {
        "keys.json": (json.dumps(_keys(keys), indent=2) + "\n").encode(),
        "verify_receipt.py": Path(verify_receipt.__file__).read_bytes(),
        "verify_export.py": Path(verify_export.__file__).read_bytes(),
        "README.txt": (TEMPLATES / "receipt_readme.txt").read_text("utf-8").replace("@NAME@", name).encode(),
    }


def explain(files: ReceiptFiles, entry: Entry, keys: PublicKeys) -> None:
    """Write the entry to read, and the companions, beside a kept receipt; what stands there already is left alone.

    Raises LedgerError where a file cannot be written.
    """
    shown = {files.proof.with_suffix(".txt").name: readable(entry).encode()} | companions(keys, "NUMBER-...")
    try:
        for name, data in shown.items():
            write_new(files.proof.with_name(name), data)
    except OSError as error:
        raise LedgerError(f"the words beside {files.proof} cannot be written: {error.strerror}") from error


def _keys(keys: PublicKeys) -> dict[str, str | None]:
    return {
        "log_key": keys.log,
        "log_key_proves": "that the entry stands in the ledger: it signed the tree that the proof leads to",
        "attestation_key": keys.attestation,
        "attestation_key_proves": "that this installation of Fairgate recorded the entry: it signed the entry's bytes",
        "neither_proves": "that it is the right key: no file can vouch for its own key, get the log key from elsewhere",
    }


def _payload(envelope: bytes) -> Any:
    return json.loads(base64.b64decode(json.loads(envelope)["payload"]))
