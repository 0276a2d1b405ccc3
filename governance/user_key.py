"""Signatures of persons with keys of their own: what exactly they sign, and whether they did.

What is signed is a challenge: SHA-256 over a domain and the DSSE pre-authentication encoding of the person's will. A
passkey can sign the same challenge. Neither shows the text to the signer: the page or command that she uses does.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.digests import canonical_json
from governance.errors import ConfigurationError
from governance.ledger.envelope import pae
from governance.ledger.keys import public_key, verified

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_DOMAIN = b"fairgate.local/user-key/v1\n"
_WILL_TYPE = "application/vnd.fairgate.will+json"
_WILLED = ("subject", "target", "shown", "function", "decision", "reason", "on_behalf_of", "expires_at")
"""The end is willed too: a signature cannot be used again with a later one. `shown` names the policy's digest."""
_WILLED_WHERE_SAID = ("conditions",)
"""Willed as well where the body says it; bodies from before there was such a thing do not."""


@dataclass(frozen=True, slots=True)
class UserSignature:
    """`public` and `signature` are the base64 of raw Ed25519 bytes (32 and 64)."""

    public: str
    signature: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a passkey answered to a challenge (WebAuthn): base64url without padding of the exact bytes."""

    credential_id: str
    authenticator_data: str
    client_data: str
    signature: str


def challenge(person: str, body: Mapping[str, Any]) -> bytes:
    """The 32 bytes that a person's key signs for a sign-off with this body (as it stands in the ledger)."""
    said = (*_WILLED, *(name for name in _WILLED_WHERE_SAID if name in body))
    will = {"person": person, **{name: body[name] for name in said}}
    return hashlib.sha256(_DOMAIN + pae(_WILL_TYPE, canonical_json(will))).digest()


def public_of(private: Ed25519PrivateKey) -> str:
    """The base64 of the raw public half."""
    return _base64(private.public_key().public_bytes_raw())


def sign_with(private: Ed25519PrivateKey, challenged: bytes) -> UserSignature:
    """Sign a challenge."""
    return UserSignature(public_of(private), _base64(private.sign(challenged)))


def proves(found: UserSignature, challenged: bytes) -> bool:
    """Whether the key signed this challenge. Whose key it is, the charter says."""
    try:
        raw, signature = (base64.b64decode(text, validate=True) for text in (found.public, found.signature))
        return verified(raw, signature, challenged)
    except (ValueError, ConfigurationError):
        return False


def will_in(person: str, body: Mapping[str, Any]) -> bytes | None:
    """The challenge of what this body says that the person wills; None where it says nothing readable."""
    try:
        return challenge(person, body)
    except (KeyError, TypeError, AttributeError, ValueError):  # what stands in the ledger need not be what we write
        return None


def signature_in(body: Mapping[str, Any]) -> UserSignature | None:
    """What a person's key is said to have signed; None where the body says nothing readable."""
    found: Any = body.get("user_key")
    try:
        return UserSignature(str(found["public"]), str(found["signature"]))
    except (KeyError, TypeError):  # as above
        return None


def assertion_in(body: Mapping[str, Any]) -> Assertion | None:
    """What a passkey is said to have answered; None where the body says nothing readable."""
    found: Any = body.get("passkey")
    names = ("credential_id", "authenticator_data", "client_data", "signature")
    try:
        return Assertion(*(str(found[name]) for name in names))
    except (KeyError, TypeError):  # as above
        return None


def read_public(path: Path) -> str:
    """The base64 of the raw key in a PEM file or an OpenSSH `.pub` line.

    Raises ConfigurationError for any other file, for keys that are not Ed25519, and for points of small order, under
    which a signature proves nothing.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    data = _bytes_of(path)
    load = form.load_ssh_public_key if data.startswith(b"ssh-") else form.load_pem_public_key
    try:
        key = load(data)
    except Exception as error:  # the library raises several kinds for what is no key
        raise ConfigurationError(f"{path} is not a public key (PEM or OpenSSH): {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is not an Ed25519 key: make one with ssh-keygen -t ed25519")
    raw = key.public_bytes_raw()
    public_key(raw)
    return _base64(raw)


def read_private(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM or OpenSSH file without a passphrase. Raises ConfigurationError."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = _bytes_of(path)
    load = form.load_ssh_private_key if b"OPENSSH" in data else form.load_pem_private_key
    try:
        key = load(data, None)
    except Exception as error:  # as above
        raise ConfigurationError(f"{path} is not a private key without a passphrase: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} is not an Ed25519 key: make one with ssh-keygen -t ed25519")
    return key


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"the key {path} cannot be read: {error.strerror}") from error


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
