"""Signed notes of C2SP (https://c2sp.org/signed-note): text and signature lines, verifier keys, cosignatures. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from governance.errors import ConfigurationError, LedgerTamperedError
from governance.ledger.keys import SigningKey, public_key, verified

ED25519, COSIGNATURE = 0x01, 0x04
"""Signature types: of the note's text itself; of a checkpoint and a time (https://c2sp.org/tlog-cosignature)."""

MAX_BYTES = 65_535
_LINE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_CONTROLS = frozenset(map(chr, range(32))) - {"\n"}


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its 4-byte id, and what was made with it."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note: the text with its final newline, and the signatures in their order, none of them checked."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signatures are looked for: a name, a signature type and the raw 32-byte Ed25519 public key."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || 0x0A || type || public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """The vkey of the standard: `name+id in hex+base64 of type and key`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


def read_vkey(text: str) -> VerifierKey:
    """The verifier key in a vkey. Raises ConfigurationError for other text, other types and a wrong id."""
    found = _VKEY.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{text.strip()[:120]!r} is not a verifier key: write NAME+ID+BASE64")
    try:
        raw = canonical_base64(found[3])
    except ValueError as error:
        raise ConfigurationError(f"the verifier key of {found[1]} is not base64: {error}") from error
    if len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE):
        raise ConfigurationError(f"the verifier key of {found[1]} is not an Ed25519 key")
    key = VerifierKey(found[1], raw[0], raw[1:])
    if key.key_id.hex() != found[2]:
        raise ConfigurationError(
            f"the verifier key of {found[1]} has the id {found[2]}, its bytes say {key.key_id.hex()}"
        )
    public_key(key.public)
    return key


def read_note(note: str) -> SignedNote:
    """The parts of a note. Raises LedgerTamperedError for anything that is not exactly a signed note."""
    try:
        size = len(note.encode())
    except UnicodeEncodeError as error:
        raise LedgerTamperedError("not a signed note: it is not UTF-8") from error
    if size > MAX_BYTES or _CONTROLS & set(note):
        raise LedgerTamperedError("not a signed note: it is over 65,535 bytes or holds control characters")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise LedgerTamperedError("not a signed note: no blank line, signature lines and final newline")
    return SignedNote(text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n")))


def is_signed(note: SignedNote, key: VerifierKey) -> bool:
    """Whether the key signed the note. Signatures of other keys are ignored.

    Raises LedgerTamperedError where a line carries the key's name and id and its signature is wrong.
    """
    mine = [item.signature for item in note.signatures if (item.name, item.key_id) == (key.name, key.key_id)]
    for signature in mine:
        if not verified(key.public, *_signed_by(key, signature, note.text)):
            raise LedgerTamperedError(f"the note carries a wrong signature of {key.name}")
    return bool(mine)


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """The line that stands under the text, with its newline."""
    return f"\u2014 {key.name} {base64.b64encode(key.key_id + signature).decode()}\n"


def cosign(note: str, name: str, key: SigningKey, seconds: int) -> str:
    """The note with one more line: that at `seconds` since the epoch this tree was the largest that `name` had seen.

    Raises ConfigurationError where a name cannot stand in a note.
    """
    check_name(name)
    message = f"cosignature/v1\ntime {seconds}\n{read_note(note).text}"
    stamped = seconds.to_bytes(8, "big") + key.sign(message.encode())
    return note + signature_line(VerifierKey(name, COSIGNATURE, key.public), stamped)


def check_name(name: str) -> None:
    """Raises ConfigurationError where the name of a key is empty or holds spaces, a plus or control characters."""
    if not name or re.search(r"[\s+\x00-\x1f]", name):
        raise ConfigurationError(f"{name!r} cannot name a key: no spaces and no plus, for example witness.example/1")


def _signed_by(key: VerifierKey, signature: bytes, text: str) -> tuple[bytes, bytes]:
    """Signature and message as Ed25519 knows them."""
    if key.kind == ED25519:
        return signature, text.encode()
    seconds = int.from_bytes(signature[:8], "big")
    return signature[8:], f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _signature(line: str) -> NoteSignature:
    found = _LINE.fullmatch(line)
    try:
        raw = canonical_base64(found[2]) if found else b""
    except ValueError as error:
        raise LedgerTamperedError(f"not a signature line: {error}") from error
    if found is None or len(raw) < 5:
        raise LedgerTamperedError(f"not a signature line: {line[:80]!r}")
    return NoteSignature(found[1], raw[:4], raw[4:])


def canonical_base64(text: str) -> bytes:
    """The bytes of base64 in its one canonical spelling. Raises ValueError for any other."""
    raw = binascii.a2b_base64(text, strict_mode=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("base64 with spare bits set")
    return raw
