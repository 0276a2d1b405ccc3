"""Checkpoints in C2SP signed-note form: the log key says that the tree of this size has this root."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from governance.errors import LedgerTamperedError
from governance.ledger.keys import SigningKey, verified

ORIGIN = "fairgate.local/ledger"
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree of `size` leaves with this 32-byte root, and the signed note that says so."""

    size: int
    root: bytes
    note: str


def sign_checkpoint(size: int, root: bytes, key: SigningKey, origin: str = ORIGIN) -> Checkpoint:
    """The signed checkpoint (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note)."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    blob = base64.b64encode(_key_hash(origin, key.public) + key.sign(text.encode())).decode()
    return Checkpoint(size, root, f"{text}\n\u2014 {origin} {blob}\n")


def read_checkpoint(note: str, public: bytes, origin: str = ORIGIN) -> Checkpoint:
    """The checkpoint in a note. Raises LedgerTamperedError where it is not signed under `public` for this origin."""
    try:
        text, signatures = note.split("\n\n", 1)
        text += "\n"
        found_origin, size, root = text.rstrip("\n").split("\n")
        blobs = [line.split(" ")[2] for line in signatures.splitlines() if line.startswith(f"\u2014 {origin} ")]
        raw = [base64.b64decode(blob, validate=True) for blob in blobs]
        checkpoint = Checkpoint(int(size), base64.b64decode(root, validate=True), note)
    except (ValueError, IndexError, binascii.Error) as error:
        raise LedgerTamperedError(f"not a signed checkpoint: {error}") from error
    wanted = _key_hash(origin, public)
    if found_origin != origin or not any(
        blob[:4] == wanted and verified(public, blob[4:], text.encode()) for blob in raw
    ):
        raise LedgerTamperedError("the checkpoint is not signed by this ledger's log key")
    return checkpoint


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]
