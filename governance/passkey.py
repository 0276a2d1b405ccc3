"""Passkeys (WebAuthn level 2): enrolled once, they sign what a person wills. The only importer of `webauthn`.

An authenticator shows no text: it signs a challenge for a page that it knows by its host. The challenge is the digest
of the will (`user_key.challenge`); the page shows the text. User verification (a PIN, a finger, a face) is required.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from governance.charter_factors import Passkey
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.ledger.keys import public_key as checked_ed25519
from governance.people import Person
from governance.user_key import Assertion

NAME = "Fairgate"
SMALLEST_RSA = 2_048
MAX_ANSWER = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """The page that asks: its exact origin, and its host, to which a passkey is bound (`rp_id`)."""

    origin: str
    rp_id: str


def options_to_enrol(page: Page, person: Person, challenge: bytes, held: Iterable[Passkey]) -> dict[str, Any]:
    """What `navigator.credentials.create` takes, as JSON. Authenticators that she uses already are left out."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    made = generate_registration_options(
        rp_id=page.rp_id,
        rp_name=NAME,
        user_id=f"{person.issuer}\n{person.id}".encode()[:64],
        user_name=person.id,
        user_display_name=person.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(item.credential)) for item in held],
        supported_pub_key_algs=_algorithms(),
    )
    options: dict[str, Any] = json.loads(options_to_json(made))
    return options


def options_to_sign(page: Page, challenge: bytes, held: Iterable[Passkey]) -> dict[str, Any]:
    """What `navigator.credentials.get` takes, as JSON: these passkeys, and nobody else's."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

    made = generate_authentication_options(
        rp_id=page.rp_id,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=_bytes(item.credential)) for item in held],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    options: dict[str, Any] = json.loads(options_to_json(made))
    return options


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What an authenticator answered when it was enrolled. `count` is its own count of uses, 0 where it keeps none."""

    credential: str
    public_key: str
    aaguid: str
    count: int


def read_new(answer: str, challenge: bytes, page: Page) -> NewPasskey:
    """The passkey in the browser's answer (JSON of PublicKeyCredential). Raises NotAuthorizedError, saying why not."""
    from webauthn import verify_registration_response

    said = _answer(answer)
    _check_client_data(_field(said, "response", "clientDataJSON"), "webauthn.create", challenge, page)
    try:
        made = verify_registration_response(
            credential=said,
            expected_challenge=challenge,
            expected_rp_id=page.rp_id,
            expected_origin=page.origin,
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
        _check_key(made.credential_public_key)
    except Exception as error:  # the library raises several kinds for what is no good answer
        raise NotAuthorizedError(f"the passkey was not enrolled: {error}") from error
    return NewPasskey(_text(made.credential_id), _text(made.credential_public_key), made.aaguid, made.sign_count)


def read_assertion(answer: str) -> Assertion:
    """The assertion in the browser's answer (JSON of PublicKeyCredential). Raises NotAuthorizedError.

    Nothing of it is verified yet: see `count_of`.
    """
    said = _answer(answer)
    if said.get("type") != "public-key" or said.get("id") != said.get("rawId"):
        raise NotAuthorizedError("the browser's answer is not that of a passkey")
    names = ("authenticatorData", "clientDataJSON", "signature")
    return Assertion(_field(said, "id"), *(_field(said, "response", name) for name in names))


def count_of(found: Passkey, assertion: Assertion, challenge: bytes) -> int:
    """The authenticator's count of uses, where the passkey signed this challenge on its own page.

    Raises NotAuthorizedError, saying what is wrong: another passkey, challenge, type, host or origin, a frame of
    another site, nobody there or nobody verified, a wrong signature.
    """
    return _verified(found.credential, found.public_key, Page(found.origin, found.rp_id), assertion, challenge)


def proves(found: Passkey, assertion: Assertion, challenge: bytes) -> bool:
    """Whether the passkey signed this challenge on its own page. Whose passkey it is, the charter says."""
    try:
        count_of(found, assertion, challenge)
    except NotAuthorizedError:
        return False
    return True


@lru_cache(maxsize=4_096)
def _verified(credential: str, key: str, page: Page, assertion: Assertion, challenge: bytes) -> int:
    """Cached: each reading of a case asks again of the same bytes. Refusals are not kept."""
    from webauthn import verify_authentication_response

    if assertion.credential_id != credential:
        raise NotAuthorizedError("the answer is that of another passkey")
    _check_client_data(assertion.client_data, "webauthn.get", challenge, page)
    try:
        done = verify_authentication_response(
            credential={
                "id": credential,
                "rawId": credential,
                "type": "public-key",
                "response": {
                    "authenticatorData": assertion.authenticator_data,
                    "clientDataJSON": assertion.client_data,
                    "signature": assertion.signature,
                },
            },
            expected_challenge=challenge,
            expected_rp_id=page.rp_id,
            expected_origin=page.origin,
            credential_public_key=_bytes(key),
            credential_current_sign_count=0,  # `count_use` compares it with the last one
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise NotAuthorizedError(f"the passkey's signature does not hold: {error}") from error
    return done.new_sign_count


def _check_client_data(encoded: str, kind: str, challenge: bytes, page: Page) -> None:
    """What the library takes lightly: types, names that stand twice, and pages inside pages of others."""
    try:
        said = json.loads(_bytes(encoded), object_pairs_hook=_once)
    except ValueError as error:
        raise NotAuthorizedError(f"the browser's answer cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise NotAuthorizedError("the browser's answer cannot be read: it is no object")
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise NotAuthorizedError("the passkey was used inside a page of another site")
    wanted = {"type": kind, "origin": page.origin, "challenge": _text(challenge)}
    wrong = [name for name, value in wanted.items() if said.get(name) != value]
    if wrong:
        raise NotAuthorizedError(f"the browser's answer is for another {', '.join(wrong)} than was asked for")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _check_key(cose: bytes) -> None:
    """Raises ConfigurationError for keys under which a signature proves little: small RSA, points of small order."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography

    match decoded_public_key_to_cryptography(decode_credential_public_key(cose)):
        case Ed25519PublicKey() as key:
            checked_ed25519(key.public_bytes_raw())
        case RSAPublicKey() as key if key.key_size >= SMALLEST_RSA:
            pass
        case EllipticCurvePublicKey() as key if isinstance(key.curve, SECP256R1):
            pass
        case _:
            raise ConfigurationError("its key is none of ES256 (P-256), Ed25519, RS256 with 2,048 bits or more")


def _algorithms() -> list[Any]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

    return [Algorithm.EDDSA, Algorithm.ECDSA_SHA_256, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]


def _answer(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text if len(text) <= MAX_ANSWER else "", object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise NotAuthorizedError("the browser's answer cannot be read: use the passkey again") from error
    if not isinstance(said, dict):
        raise NotAuthorizedError("the browser's answer cannot be read: use the passkey again")
    return said


def _field(said: Mapping[str, Any], *path: str) -> str:
    found: Any = said
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise NotAuthorizedError(f"the browser's answer has no {path[-1]}: use the passkey again")
    return found


def _bytes(text: str) -> bytes:
    """Base64url without padding, strictly. Raises ValueError."""
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64url: {error}") from error


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
