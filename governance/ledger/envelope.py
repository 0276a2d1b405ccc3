"""Statements as bytes: an in-toto Statement v1 in RFC 8785 JSON, inside a DSSE envelope signed by the server.

The stored bytes are what is hashed, signed and verified; nothing is ever re-serialised to compare.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from governance.digests import canonical_json
from governance.errors import LedgerError, LedgerTamperedError
from governance.ledger.keys import SigningKey, verified
from governance.people import Actor
from governance.statement import PredicateType, ResourceDigest, Statement

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_BYTES = 65_535
_SHA256 = "sha256:"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Opened:
    """What an envelope says, after its signature was checked."""

    seq: int
    time: datetime
    statement: Statement
    idempotency_key: str | None = None


def seal(statement: Statement, seq: int, time: datetime, key: SigningKey, idempotency_key: str | None = None) -> bytes:
    """The envelope of a statement at this place and time.

    Raises LedgerError where it exceeds 65,535 bytes or could not be read again: nothing unreadable is ever kept.
    """
    _check_subjects(statement)
    if "\0" in (idempotency_key or ""):
        raise LedgerError(f"the idempotency key {idempotency_key!r} holds a NUL, which no index can keep")
    try:
        payload = canonical_json(_document(statement, seq, time, idempotency_key))
    except (ValueError, TypeError, RecursionError) as error:
        raise LedgerError(f"a {statement.predicate_type.word} cannot be kept as JSON: {error}") from error
    signature = {"keyid": key.keyid, "sig": _base64(key.sign(pae(PAYLOAD_TYPE, payload)))}
    envelope = canonical_json({"payload": _base64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]})
    if len(envelope) > MAX_BYTES:
        raise LedgerError(f"a {statement.predicate_type.word} of {len(envelope):,} bytes is over {MAX_BYTES:,}")
    return envelope


# One call of the gate asks for the same entries several times; equal bytes under the same key say the same again.
@lru_cache(maxsize=1_024)
def unseal(envelope: bytes, public: bytes) -> Opened:
    """What the envelope says. Raises LedgerTamperedError where it is not an envelope signed under `public`."""
    payload, signature = _parts(envelope)
    if not verified(public, signature, pae(PAYLOAD_TYPE, payload)):
        raise LedgerTamperedError("the envelope is not signed by this ledger's attestation key")
    return read_payload(payload)


def peek(envelope: bytes) -> Opened:
    """What the envelope says, its signature unchecked: for bytes that a signed root vouches for."""
    return read_payload(_parts(envelope)[0])


def read_payload(payload: bytes) -> Opened:
    """The statement in an in-toto payload. Raises LedgerTamperedError for unknown types and wrong shapes."""
    try:
        document = strict_json(payload)
        if document["_type"] != STATEMENT_TYPE:
            raise LedgerTamperedError(f"not an in-toto Statement v1: {document['_type']!r}")
        predicate = document["predicate"]
        statement = Statement(
            predicate_type=PredicateType(document["predicateType"]),
            subjects=tuple(ResourceDigest(x["name"], _SHA256 + x["digest"]["sha256"]) for x in document["subject"]),
            actor=Actor(**predicate["actor"]),
            meaning=predicate["meaning"],
            body=predicate["body"],
            policy_digest=predicate["policy"],
        )
        time = datetime.fromisoformat(predicate["time"])
        return Opened(int(predicate["seq"]), time, statement, predicate["idempotencyKey"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LedgerTamperedError(f"not a statement that this version can read: {error}") from error


def strict_json(data: bytes) -> Any:
    """JSON in which a key that stands twice is an error: `decision` must not say two things. Raises ValueError."""
    return json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_int=_number, parse_constant=_refuse)


def moment(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds: `2026-11-21T08:00:00.000000Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _check_subjects(statement: Statement) -> None:
    """Every subject has a name of its own and a SHA-256: with two of one name, which one would have to match?"""
    names = [item.name for item in statement.subjects]
    if len(set(names)) != len(names):
        raise LedgerError(f"a {statement.predicate_type.word} names a subject twice: {', '.join(names)}")
    for item in statement.subjects:
        if not _DIGEST.fullmatch(item.digest):
            raise LedgerError(f"the subject {item.name!r} has {item.digest!r}: write sha256:<64 hex characters>")
        if "\0" in item.name:
            raise LedgerError(f"the subject {item.name!r} holds a NUL, which no index can keep: rename it")


def _document(statement: Statement, seq: int, time: datetime, idempotency_key: str | None) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": item.name, "digest": {"sha256": item.digest.removeprefix(_SHA256)}} for item in statement.subjects
        ],
        "predicateType": statement.predicate_type.value,
        "predicate": {
            "seq": seq,
            "time": moment(time),
            # Signed as well: a key moved to another entry would make a later append vanish into that entry.
            "idempotencyKey": idempotency_key,
            "actor": statement.actor,
            "meaning": statement.meaning,
            "policy": statement.policy_digest,
            "body": statement.body,
        },
    }


def _parts(envelope: bytes) -> tuple[bytes, bytes]:
    """Payload and signature of a DSSE envelope that has exactly one signature."""
    try:
        outer = strict_json(envelope)
        (signature,) = outer["signatures"]
        kind, payload = outer["payloadType"], base64.b64decode(outer["payload"], validate=True)
        raw = base64.b64decode(signature["sig"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LedgerTamperedError(f"not a DSSE envelope: {error}") from error
    if kind != PAYLOAD_TYPE:
        raise LedgerTamperedError(f"the envelope holds {kind!r} instead of {PAYLOAD_TYPE}")
    return payload, raw


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _number(digits: str) -> int | float:
    """RFC 8785 writes a double such as 2.985884857070055e16 without a point: beyond 2^53 it is no integer."""
    number = int(digits)
    if abs(number) < 2**53:
        return number
    if math.isinf(float(digits)):
        raise ValueError(f"a number of {len(digits)} digits is not a double")
    return float(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
