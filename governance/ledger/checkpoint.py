"""Checkpoints in C2SP signed-note form: the log key says that the tree of this size has this root."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from governance.errors import LedgerTamperedError
from governance.ledger.keys import SigningKey, verified
from governance.ledger.tree import leaf_hash, verify_inclusion

ORIGIN = "fairgate.local/ledger"
_ED25519 = b"\x01"


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
        signed = read_checkpoint(self.checkpoint.note, public)
        return verify_inclusion(leaf_hash(envelope), self.seq, signed.size, self.proof, signed.root)


def sign_checkpoint(size: int, root: bytes, key: SigningKey, origin: str = ORIGIN) -> Checkpoint:
    """The signed checkpoint (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note)."""
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return Checkpoint(size, root, _note(text, origin, _key_hash(origin, key.public) + key.sign(text.encode())))


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
    if note != _note(text, origin, blob) or blob[:4] != _key_hash(origin, public):
        raise LedgerTamperedError("the checkpoint is not one of this ledger's log key")
    if not verified(public, blob[4:], text.encode()):
        raise LedgerTamperedError("the checkpoint is not signed by this ledger's log key")
    return checkpoint


def _note(text: str, origin: str, blob: bytes) -> str:
    return f"{text}\n\u2014 {origin} {base64.b64encode(blob).decode()}\n"


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]
