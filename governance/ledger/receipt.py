"""Receipts as C2SP tlog-proof files (https://c2sp.org/tlog-proof): written, kept for a signer, read strictly, checked.

A receipt is two files: the exact envelope of an entry, and the proof that it stands in a tree that the log key signed.
Who keeps both can show later, without this ledger, that the entry was dropped or changed.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from governance.digests import digest_bytes
from governance.durable import write_new
from governance.errors import LedgerError, LedgerTamperedError
from governance.ledger.checkpoint import Receipt, checkpoint_in
from governance.ledger.envelope import Opened, peek
from governance.ledger.note import canonical_base64
from governance.ledger.tree import leaf_hash, verify_inclusion
from governance.statement import Entry

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_BYTES = 131_072
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_STEPS = 63


class GivesReceipts(Protocol):
    """A ledger, as far as this file needs it."""

    def receipt(self, seq: int) -> Receipt:
        """Proof that this entry is in the ledger."""
        ...


@dataclass(frozen=True, slots=True)
class ReceiptFiles:
    """Where the two files of a receipt are: the exact envelope (`.json`) and its proof (`.tlog-proof`)."""

    envelope: Path
    proof: Path


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """A receipt that proves its envelope: what the entry says, and the signed checkpoint that has it."""

    receipt: Receipt
    envelope: bytes
    opened: Opened


def write_proof(receipt: Receipt) -> str:
    """The tlog-proof of a receipt, without the optional `extra` line."""
    steps = "".join(base64.b64encode(step).decode() + "\n" for step in receipt.proof)
    return f"{FIRST_LINE}\nindex {receipt.seq}\n{steps}\n{receipt.checkpoint.note}"


def read_proof(text: str) -> Receipt:
    """The receipt in a tlog-proof, nothing of it checked yet; an `extra` line is read over, as it is not signed.

    Raises LedgerTamperedError where the text is not exactly a tlog-proof of this log's origin.
    """
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if len(text) > MAX_BYTES or not blank or lines[0] != FIRST_LINE:
        raise LedgerTamperedError(f"not a receipt: its first line is not {FIRST_LINE}, or no checkpoint follows")
    try:
        if lines[1:] and lines[1].startswith("extra "):
            canonical_base64(lines.pop(1).removeprefix("extra "))
        index = _INDEX.fullmatch(lines[1]) if lines[1:] else None
        steps = tuple(canonical_base64(line) for line in lines[2:])
    except ValueError as error:
        raise LedgerTamperedError(f"not a receipt: {error}") from error
    if index is None:
        raise LedgerTamperedError("not a receipt: it has no line 'index N'")
    if len(steps) > _MAX_STEPS or any(len(step) != 32 for step in steps):
        raise LedgerTamperedError("not a receipt: its proof is not at most 63 hashes of 32 bytes")
    return Receipt(int(index[1]), steps, checkpoint_in(note))


def check_receipt(proof: str, envelope: bytes, log_public: bytes) -> CheckedReceipt:
    """What the receipt proves of this envelope. Needs the public log key and nothing else.

    Raises LedgerTamperedError where the checkpoint is not signed under the key, or the envelope does not stand at
    that place of the signed tree, or says another place itself.
    """
    receipt = read_proof(proof)
    if not receipt.proves(envelope, log_public):
        raise LedgerTamperedError(
            f"the envelope is not entry {receipt.seq} of the tree of {receipt.checkpoint.size} entries that the log "
            f"key signed: one of the two files was changed, or they do not belong together"
        )
    opened = peek(envelope)
    if opened.seq != receipt.seq:
        raise LedgerTamperedError(f"the envelope says that it is entry {opened.seq}, the receipt is for {receipt.seq}")
    return CheckedReceipt(receipt, envelope, opened)


def keep_receipt(ledger: GivesReceipts, entry: Entry, folder: Path) -> ReceiptFiles:
    """Write the entry's envelope and its tlog-proof durably into `folder`, for the person who caused it.

    Files are named `<seq>-<first 12 characters of the envelope's SHA-256>`. Nothing is ever overwritten: an earlier
    receipt of the same entry is as good and stays. Raises LedgerTamperedError where the files that stand there are
    not a receipt of this entry, LedgerError where they cannot be written.
    """
    name = f"{entry.seq}-{digest_bytes(entry.envelope).removeprefix('sha256:')[:12]}"
    files = ReceiptFiles(folder / f"{name}.json", folder / f"{name}.tlog-proof")
    receipt = ledger.receipt(entry.seq)
    try:
        for path, data in ((files.envelope, entry.envelope), (files.proof, write_proof(receipt).encode())):
            if not write_new(path, data):
                _check_standing(path, entry, data)
    except OSError as error:
        raise LedgerError(f"the receipt {files.proof} cannot be written: {error.strerror}") from error
    return files


def read_files(files: ReceiptFiles) -> tuple[str, bytes]:
    """Proof and envelope. Raises LedgerError where one cannot be read, LedgerTamperedError where it is no text."""
    try:
        return files.proof.read_bytes().decode("utf-8"), files.envelope.read_bytes()
    except OSError as error:
        raise LedgerError(f"the receipt file {error.filename} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LedgerTamperedError(f"the receipt file {files.proof} is not UTF-8") from error


def receipts_in(folder: Path) -> tuple[ReceiptFiles, ...]:
    """All receipts in a folder, by name. A folder that is not there holds none."""
    proofs = sorted(folder.glob("*.tlog-proof"))
    return tuple(ReceiptFiles(proof.with_suffix(".json"), proof) for proof in proofs)


def _check_standing(path: Path, entry: Entry, data: bytes) -> None:
    standing = path.read_bytes()
    if path.suffix == ".json" and standing == data:
        return
    if path.suffix != ".json" and _is_proof_of(standing, entry):
        return
    raise LedgerTamperedError(f"{path} is not the receipt of ledger entry {entry.seq}: somebody changed it")


def _is_proof_of(standing: bytes, entry: Entry) -> bool:
    """Whether an earlier proof speaks of this entry; its signature is checked by whoever uses it."""
    try:
        found = read_proof(standing.decode("utf-8"))
    except (UnicodeDecodeError, LedgerTamperedError):
        return False
    tree = found.checkpoint
    return found.seq == entry.seq and verify_inclusion(
        leaf_hash(entry.envelope), found.seq, tree.size, found.proof, tree.root
    )
