"""Two Ed25519 keys: one signs envelopes (what the server attests), one signs checkpoints and nothing else."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from governance.durable import sync_folder
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ATTESTATION, LOG = "attestation", "log"
_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME

# All encodings of the eight points of small order, those with y not reduced modulo p = 2^255 - 19 too: a signature
# under them proves nothing, and `cryptography` accepts them.
_LOW_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair. `public` are the raw 32 bytes, `keyid` their SHA-256 in hex."""

    private: Ed25519PrivateKey = field(repr=False)
    public: bytes

    @property
    def keyid(self) -> str:
        """SHA-256 of the raw public key, in hex."""
        return hashlib.sha256(self.public).hexdigest()

    def sign(self, data: bytes) -> bytes:
        """The 64-byte Ed25519 signature of `data`."""
        return self.private.sign(data)


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The keys of one ledger."""

    attestation: SigningKey
    log: SigningKey


def open_keys(folder: Path) -> LedgerKeys:
    """The keys kept in `folder`, made on first use. Raises ConfigurationError where they cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"the folder of the keys {folder} cannot be made: {error.strerror}") from error
    return LedgerKeys(open_key(folder / f"{ATTESTATION}.pem"), open_key(folder / f"{LOG}.pem"))


@lru_cache(maxsize=64)
def public_key(raw: bytes) -> Ed25519PublicKey:
    """The public key of these 32 bytes.

    Raises ConfigurationError for other lengths, for what is no point of the curve, and for points of small order:
    `cryptography` accepts the last two.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if raw in _LOW_ORDER:
        raise ConfigurationError("this Ed25519 public key is a point of small order: it proves nothing")
    if len(raw) != 32 or not _on_curve(int.from_bytes(raw, "little") & (2**255 - 1)):
        raise ConfigurationError("not an Ed25519 public key: it is not the 32 bytes of a point on the curve")
    return Ed25519PublicKey.from_public_bytes(raw)


def verified(raw_public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether `signature` is this key's signature of `data`. Raises ConfigurationError as `public_key` does."""
    from cryptography.exceptions import InvalidSignature

    try:
        public_key(raw_public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _on_curve(y: int) -> bool:
    """Whether y is reduced and some x satisfies -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1.3)."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    return y < _PRIME and (square == 0 or pow(square, (_PRIME - 1) // 2, _PRIME) == 1)


def open_key(path: Path) -> SigningKey:
    """The key in this file, made on first use with its public half in PEM beside it (`.pub`).

    Raises ConfigurationError where it cannot be made, read or is not the owner's alone.
    """
    try:
        if not path.exists():
            _create(path)
        key = _read(path)
        if not path.with_suffix(".pub").exists():
            _publish(path.with_suffix(".pub"), key)
    except OSError as error:
        raise ConfigurationError(f"the key {path} cannot be written: {error.strerror}") from error
    return key


def _create(path: Path) -> None:
    """Written beside and linked: of several processes that start at once, one wins and all read the same key."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    scratch = _scratch(path, pem)
    try:
        os.link(scratch, path)
        sync_folder(path.parent)  # an entry signed by a key that a power failure takes could never be verified
    except FileExistsError:
        pass  # somebody else's key was first, and is as good
    finally:
        scratch.unlink()


def read_public(path: Path) -> bytes:
    """The raw 32 bytes of an Ed25519 public key in a PEM file. Raises ConfigurationError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"the public key {path} cannot be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is not an Ed25519 public key")
    public_key(key.public_bytes_raw())
    return key.public_bytes_raw()


def pem(public: bytes) -> str:
    """A raw Ed25519 public key in PEM."""
    from cryptography.hazmat.primitives import serialization as form

    return public_key(public).public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()


def _publish(path: Path, key: SigningKey) -> None:
    scratch = _scratch(path, pem(key.public).encode())
    scratch.chmod(0o644)
    scratch.replace(path)


def _scratch(path: Path, data: bytes) -> Path:
    """`data` in a synced file of its own beside `path`, readable by the owner only."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _read(path: Path) -> SigningKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        mode, data = path.stat().st_mode, path.read_bytes()
        key = form.load_pem_private_key(data, None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"the key {path} cannot be read: {error}; restore it from your backup") from error
    if mode & 0o077:
        raise ConfigurationError(f"the key {path} can be read by others; run: chmod 600 {path}")
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} is not an Ed25519 key")
    raw = key.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
    return SigningKey(key, raw)
