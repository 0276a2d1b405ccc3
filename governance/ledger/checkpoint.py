"""Checkpoints in C2SP signed-note form: the log key says that the tree of this size has this root."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from governance.errors import LedgerTamperedError
from governance.ledger.keys import SigningKey, verified
from governance.ledger.note import ED25519, VerifierKey, canonical_base64, is_signed, read_note, signature_line
from governance.ledger.tree import leaf_hash, verify_inclusion

ORIGIN = "fairgate.local/ledger"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of `size` leaves with this 32-byte root, and the signed note that says so."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """That entry `seq` is in the tree of a signed checkpoint. `proof` is its RFC 6962 audit path, 32 bytes each.

    Whoever keeps it can show later that the entry was dropped or changed.
    """

    seq: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint

    def proves(self, envelope: bytes, public: bytes) -> bool:
        """Whether exactly these bytes stand at `seq` of the tree that the log key `public` signed.

        Raises LedgerTamperedError where the checkpoint is not signed under it.
        """
        signed = open_checkpoint(self.checkpoint.note, log_key(public))
        return verify_inclusion(leaf_hash(envelope), self.seq, signed.size, self.proof, signed.root)


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint from outside, checked under the log key, and where it was found: `checkpoint in /disk2/log`.

    With `seq` and `leaf` it is a receipt's: that leaf must also stand there.
    """

    where: str
    checkpoint: Checkpoint
    seq: int | None = None
    leaf: bytes | None = None


def sign_checkpoint(size: int, root: bytes, key: SigningKey, origin: str = ORIGIN) -> Checkpoint:
    """The signed checkpoint (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note)."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    line = signature_line(log_key(key.public, origin), key.sign(text.encode()))
    return Checkpoint(size, root, f"{text}\n{line}")


def read_checkpoint(note: str, public: bytes, origin: str = ORIGIN) -> Checkpoint:
    """The checkpoint in a note with one signature, byte for byte as `sign_checkpoint` writes it.

    Raises LedgerTamperedError where it is not that, or not signed under `public` for this origin.
    """
    try:
        _origin, size, root, _blank, signature, _end = note.split("\n")
        blob = base64.b64decode(signature.removeprefix(f"\u2014 {origin} "), validate=True)
        checkpoint = Checkpoint(int(size), base64.b64decode(root, validate=True), note)
    except ValueError as error:
        raise LedgerTamperedError(f"not a signed checkpoint: {error}") from error
    text = f"{origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"
    # Base64 has several spellings of the same bytes; the comparison with our own leaves only one.
    key = log_key(public, origin)
    if note != f"{text}\n{signature_line(key, blob[4:])}":
        raise LedgerTamperedError("the checkpoint is not one of this ledger's log key")
    if not verified(public, blob[4:], text.encode()):
        raise LedgerTamperedError("the checkpoint is not signed by this ledger's log key")
    return checkpoint


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that others may have signed as well, such as witnesses; their lines are not checked.

    Raises LedgerTamperedError where it is no checkpoint of the origin `key.name` or not signed under `key`.
    """
    found = read_note(note)
    checkpoint = checkpoint_in(note, key.name)
    if not is_signed(found, key):
        raise LedgerTamperedError("the checkpoint is not signed by this ledger's log key")
    return checkpoint


def checkpoint_in(note: str, origin: str = ORIGIN) -> Checkpoint:
    """What a note says of a tree, its signatures unchecked. Raises LedgerTamperedError where it is no checkpoint.

    Extension lines are refused: this log writes none.
    """
    lines = read_note(note).text.split("\n")
    if len(lines) != 4 or lines[0] != origin or not _SIZE.fullmatch(lines[1]):
        raise LedgerTamperedError(f"not a checkpoint of {origin}: {lines[0][:80]!r} of {len(lines) - 1} lines")
    try:
        root = canonical_base64(lines[2])
    except ValueError as error:
        raise LedgerTamperedError(f"not a checkpoint: {error}") from error
    if len(root) != 32:
        raise LedgerTamperedError(f"not a checkpoint: its root has {len(root)} bytes")
    return Checkpoint(int(lines[1]), root, note)


def log_key(public: bytes, origin: str = ORIGIN) -> VerifierKey:
    """The verifier key under which this log signs its checkpoints."""
    return VerifierKey(origin, ED25519, public)
