"""An authenticator in software for tests: makes passkeys and signs as a browser with a security key does, or lies."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost:8765"
UP, UV, AT = 1, 4, 64
Signing = tuple[dict[int, Any], Callable[[bytes], bytes]]


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def es256(curve: ec.EllipticCurve | None = None) -> Signing:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    return cose, lambda data: key.sign(data, ec.ECDSA(SHA256()))


def eddsa() -> Signing:
    key = ed25519.Ed25519PrivateKey.generate()
    return {1: 1, 3: -8, -1: 6, -2: key.public_key().public_bytes_raw()}, key.sign


def rs256(bits: int = 2_048) -> Signing:
    key = rsa.generate_private_key(65_537, bits)
    n = key.public_key().public_numbers().n
    cose = {1: 3, 3: -257, -1: n.to_bytes(bits // 8, "big"), -2: b"\x01\x00\x01"}
    return cose, lambda data: key.sign(data, padding.PKCS1v15(), SHA256())


@dataclass
class Authenticator:
    """One passkey. `flags` and `count` are what it says of itself, `origin` is where the browser says it is."""

    signing: Signing = field(default_factory=es256)
    credential: bytes = b"credential of an officer"
    count: int = 0
    flags: int = UP | UV
    origin: str = ORIGIN

    def data(self, rp_id: str, more: bytes = b"", *, flags: int | None = None) -> bytes:
        shown = self.flags if flags is None else flags
        return hashlib.sha256(rp_id.encode()).digest() + bytes([shown]) + self.count.to_bytes(4, "big") + more

    def make(self, options: Mapping[str, Any], **lies: Any) -> str:
        """What `navigator.credentials.create` would give, as JSON."""
        cose = cbor2.dumps(self.signing[0])
        held = b"\0" * 16 + len(self.credential).to_bytes(2, "big") + self.credential + cose
        auth = self.data(lies.pop("rp_id", options["rp"]["id"]), held, flags=self.flags | AT)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": auth})
        client = self._client("webauthn.create", options["challenge"], lies)
        return self._answer({"clientDataJSON": encoded(client), "attestationObject": encoded(attested)})

    def get(self, options: Mapping[str, Any], **lies: Any) -> str:
        """What `navigator.credentials.get` would give, as JSON. `lies` change the client data and `rp_id`."""
        auth = self.data(lies.pop("rp_id", options["rpId"]))
        client = lies.pop("raw", None) or self._client("webauthn.get", options["challenge"], lies)
        signature = self.signing[1](auth + hashlib.sha256(client).digest())
        return self._answer(
            {
                "clientDataJSON": encoded(client),
                "authenticatorData": encoded(auth),
                "signature": encoded(signature),
            }
        )

    def _client(self, kind: str, challenge: str, lies: Mapping[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **lies}
        return json.dumps({name: value for name, value in said.items() if value is not ...}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        name = encoded(self.credential)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
