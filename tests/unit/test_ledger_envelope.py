"""Statements as signed bytes and back; what is not exactly that is refused."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from governance.digests import canonical_json, digest_bytes
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger.checkpoint import read_checkpoint, sign_checkpoint
from governance.ledger.envelope import MAX_BYTES, PAYLOAD_TYPE, moment, seal, strict_json, unseal
from governance.ledger.keys import SigningKey, public_key, verified
from governance.ledger.tree import leaf_hash
from governance.people import Actor
from governance.statement import PredicateType, ResourceDigest, Statement

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
NOON = datetime(2026, 7, 1, 12, 0, 0, 5, tzinfo=UTC)


def _key(seed: int) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return SigningKey(private, private.public_key().public_bytes_raw())


KEY, OTHER = _key(1), _key(2)
OFFICER = Actor("local", "officer", "Officer für Prüfung")
SIGN_OFF = Statement(
    PredicateType.SIGN_OFF,
    (ResourceDigest("model/hiring/2", digest_bytes(b"model")), ResourceDigest("audit-report", digest_bytes(b"report"))),
    OFFICER,
    "The officer approves",
    {"decision": "approve", "days": 90},
    digest_bytes(b"policy"),
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(texts, json_values, max_size=5), st.integers(0, 2**40), texts | st.none())
def test_what_is_sealed_is_read_again(body: dict[str, Any], seq: int, key: str | None) -> None:
    opened = unseal(seal(replace(SIGN_OFF, body=body), seq, NOON, KEY, key), KEY.public)
    assert opened.statement == replace(SIGN_OFF, body=body)
    assert (opened.seq, opened.time, opened.idempotency_key) == (seq, NOON, key)


def test_an_envelope_is_what_others_can_read() -> None:
    outer = json.loads(seal(SIGN_OFF, 7, NOON, KEY))
    assert outer["payloadType"] == "application/vnd.in-toto+json"
    payload = base64.b64decode(outer["payload"])
    # DSSE v1: PAE = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body
    pae = b"DSSEv1 28 application/vnd.in-toto+json %d %b" % (len(payload), payload)
    assert verified(KEY.public, base64.b64decode(outer["signatures"][0]["sig"]), pae)
    inner = json.loads(payload)
    assert inner["_type"] == "https://in-toto.io/Statement/v1"
    assert inner["predicateType"] == "urn:fairgate:predicate:sign-off:v1"
    assert inner["subject"][0]["digest"] == {"sha256": digest_bytes(b"model").removeprefix("sha256:")}
    assert inner["predicate"]["seq"] == 7
    assert inner["predicate"]["time"] == "2026-07-01T12:00:00.000005Z"


@given(st.data())
def test_no_byte_of_an_envelope_can_change(data: st.DataObject) -> None:
    envelope = seal(SIGN_OFF, 0, NOON, KEY)
    place, bit = data.draw(st.integers(0, len(envelope) - 1)), data.draw(st.integers(0, 7))
    changed = envelope[:place] + bytes([envelope[place] ^ (1 << bit)]) + envelope[place + 1 :]
    assert leaf_hash(changed) != leaf_hash(envelope)
    try:
        opened = unseal(changed, KEY.public)
    except LedgerTamperedError:
        return
    # Only the spelling around the signed bytes may differ (keyid, spare base64 bits): the leaf hash holds that.
    assert opened.statement == SIGN_OFF


def test_another_key_is_refused() -> None:
    with pytest.raises(LedgerTamperedError, match="not signed by this ledger's attestation key"):
        unseal(seal(SIGN_OFF, 0, NOON, OTHER), KEY.public)


def _signed(payload: bytes, **changed: object) -> bytes:
    pae = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    signature = {"keyid": KEY.keyid, "sig": base64.b64encode(KEY.sign(pae)).decode()}
    outer = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [signature],
    }
    return json.dumps({**outer, **changed}).encode()


def _payload(**changed: object) -> dict[str, Any]:
    document = json.loads(base64.b64decode(json.loads(seal(SIGN_OFF, 0, NOON, KEY))["payload"]))
    return {**document, **changed}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predicateType": "urn:fairgate:predicate:sign-off:v9"}, "sign-off:v9"),
        ({"predicateType": "urn:fairgate:predicate:blessing:v1"}, "blessing"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "not an in-toto Statement v1"),
        ({"subject": [{"name": "x"}]}, "digest"),
        ({"subject": None}, "cannot|can read"),
        ({"predicate": {}}, "can read"),
    ],
)
def test_a_signed_statement_of_another_kind_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(LedgerTamperedError, match=message):
        unseal(_signed(json.dumps(_payload(**changed)).encode()), KEY.public)


def test_unsigned_or_twice_signed_does_not_count() -> None:
    payload = json.dumps(_payload()).encode()
    good = json.loads(_signed(payload))["signatures"][0]
    assert unseal(_signed(payload), KEY.public).statement == SIGN_OFF
    for signatures in ([], [good, good], [{"keyid": KEY.keyid}], [{"sig": ""}], None, "none"):
        with pytest.raises(LedgerTamperedError):
            unseal(_signed(payload, signatures=signatures), KEY.public)
    with pytest.raises(LedgerTamperedError):
        unseal(_signed(payload, payloadType="application/json"), KEY.public)


def test_a_decision_cannot_say_two_things() -> None:
    twice = b'{"decision":"reject","decision":"approve"}'
    assert json.loads(twice) == {"decision": "approve"}  # what most parsers read
    with pytest.raises(ValueError, match="twice"):
        strict_json(twice)
    payload = json.dumps(_payload()).replace('"decision"', '"decision": "reject", "decision"').encode()
    with pytest.raises(LedgerTamperedError, match="twice"):
        unseal(_signed(payload), KEY.public)


@pytest.mark.parametrize(
    "data",
    [
        b'{"decision":"reject","decision":"approve"}',
        b'{"decision":"reject","\\u0064ecision":"approve"}',
        b'{"\\u0064ecision":"reject","decision":"approve"}',
        b'{"a":{"x":1,"x":1}}',
        b'[{"x":1,"\\u0078":2}]',
        b"NaN",
        b'{"x":Infinity}',
        b'{"x":-Infinity}',
        b"9" * 400,
        b"-" + b"9" * 400,
        b"9" * 5_000,
        b"\xff",
        b'{"x":1',
        b"",
    ],
)
def test_json_that_can_be_read_in_two_ways_or_not_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        strict_json(data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"9007199254740991", 2**53 - 1),
        (b"-9007199254740991", -(2**53) + 1),
        (b"9007199254740993", 9007199254740992.0),  # RFC 8785 writes the double nearest to it
        (b"29858848570700550", 2.985884857070055e16),
        (b'{"a":{"x":1},"b":{"x":1}}', {"a": {"x": 1}, "b": {"x": 1}}),
        (b'"\\u0064"', "d"),
    ],
)
def test_json_that_says_one_thing_is_read(data: bytes, value: object) -> None:
    found = strict_json(data)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"\xff", b"{}", b'{"payload": NaN}', b"[" * 60_000, b"1", b"9" * 400, b"9" * 5_000]
)
def test_rubbish_is_not_an_envelope(data: bytes) -> None:
    with pytest.raises(LedgerTamperedError):
        unseal(data, KEY.public)


def test_an_entry_over_65_535_bytes_is_refused() -> None:
    with pytest.raises(LedgerError, match=r"a sign-off of .* bytes is over 65,535"):
        seal(replace(SIGN_OFF, body={"text": "x" * MAX_BYTES}), 0, NOON, KEY)


@pytest.mark.parametrize(
    "body",
    [{"ratio": float("nan")}, {"ratio": float("inf")}, {"n": 2**53 + 1}, {"x": object()}, {"x": "\ud800"}],
    ids=["nan", "inf", "2**53+1", "object", "surrogate"],
)
def test_what_json_cannot_hold_is_not_sealed(body: dict[str, Any]) -> None:
    with pytest.raises(LedgerError, match="cannot be kept as JSON"):
        seal(replace(SIGN_OFF, body=body), 0, NOON, KEY)


@pytest.mark.parametrize("digest", ["", "md5:abc", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 64 + "\n"])
def test_a_subject_needs_a_sha256(digest: str) -> None:
    with pytest.raises(LedgerError, match="write sha256:"):
        seal(replace(SIGN_OFF, subjects=(ResourceDigest("model", digest),)), 0, NOON, KEY)


def test_one_name_cannot_stand_for_two_digests() -> None:
    subjects = (ResourceDigest("model", digest_bytes(b"a")), ResourceDigest("model", digest_bytes(b"b")))
    with pytest.raises(LedgerError, match="names a subject twice"):
        seal(replace(SIGN_OFF, subjects=subjects), 0, NOON, KEY)


def test_moments_are_written_in_utc() -> None:
    assert moment(NOON.astimezone(timezone(timedelta(hours=-7)))) == moment(NOON) == "2026-07-01T12:00:00.000005Z"


ROOT = leaf_hash(b"root")


def test_a_checkpoint_is_a_signed_note() -> None:
    found = sign_checkpoint(12, ROOT, KEY)
    text, signature = found.note.split("\n\n")
    assert text.split("\n") == ["fairgate.local/ledger", "12", base64.b64encode(ROOT).decode()]
    dash, name, blob = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", "fairgate.local/ledger")
    assert verified(KEY.public, base64.b64decode(blob)[4:], (text + "\n").encode())
    assert read_checkpoint(found.note, KEY.public) == found


def test_a_checkpoint_of_another_key_or_origin_is_refused() -> None:
    for note, public in (
        (sign_checkpoint(12, ROOT, OTHER).note, KEY.public),
        (sign_checkpoint(12, ROOT, KEY).note, OTHER.public),
        (sign_checkpoint(12, ROOT, KEY, origin="elsewhere.example/log").note, KEY.public),
    ):
        with pytest.raises(LedgerTamperedError):
            read_checkpoint(note, public)
    elsewhere = sign_checkpoint(12, ROOT, KEY, origin="elsewhere.example/log")
    assert read_checkpoint(elsewhere.note, KEY.public, origin="elsewhere.example/log") == elsewhere


def test_no_byte_of_a_checkpoint_can_change() -> None:
    note = sign_checkpoint(12, ROOT, KEY).note.encode()
    for place in range(len(note)):
        for bit in range(8):
            changed = note[:place] + bytes([note[place] ^ (1 << bit)]) + note[place + 1 :]
            with pytest.raises(LedgerTamperedError):
                read_checkpoint(changed.decode("utf-8", "replace"), KEY.public)


@pytest.mark.parametrize("note", ["", "\n", "\n\n", "a\nb\nc\n\n\u2014 a b\n", "fairgate.local/ledger\n1\n\n"])
def test_rubbish_is_not_a_checkpoint(note: str) -> None:
    with pytest.raises(LedgerTamperedError):
        read_checkpoint(note, KEY.public)


_PRIME = 2**255 - 19


def _low_order_encodings() -> set[bytes]:
    """All of them, from the curve itself: y of the eight torsion points (RFC 8032), reduced or not, either sign bit."""
    d = -121665 * pow(121666, -1, _PRIME) % _PRIME
    found = {0, 1, _PRIME - 1}
    # Order 8: doubling gives y = 0, so x^2 = -y^2 with -x^2 + y^2 = 1 + d x^2 y^2: d y^4 + 2 y^2 - 1 = 0 up to sign.
    for root in (_square_root(1 + d), _PRIME - _square_root(1 + d)):
        for square in ((root - 1) * pow(d, -1, _PRIME) % _PRIME, (1 + root) * pow(d, -1, _PRIME) % _PRIME):
            y = _square_root(square)
            if y is not None and (2 * y * y - 1 + d * pow(y, 4, _PRIME)) % _PRIME == 0:
                found |= {y, _PRIME - y}
    numbers = {number for y in found for number in (y, y + _PRIME) if number < 2**255}
    return {(number | sign << 255).to_bytes(32, "little") for number in numbers for sign in (0, 1)}


def _square_root(value: int) -> int | None:
    value %= _PRIME
    root = pow(value, (_PRIME + 3) // 8, _PRIME)
    if root * root % _PRIME != value:
        root = root * pow(2, (_PRIME - 1) // 4, _PRIME) % _PRIME
    return root if root * root % _PRIME == value else None


def test_keys_of_small_order_are_refused() -> None:
    weak = _low_order_encodings()
    assert len(weak) == 14
    for raw in weak:
        with pytest.raises(ConfigurationError, match="small order"):
            public_key(raw)
    # Why: under the identity, the point (R = identity, S = 0) is a valid signature of everything.
    identity = bytes([1]) + bytes(31)
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"anything")
    with pytest.raises(ConfigurationError):
        verified(identity, identity + bytes(32), b"anything")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ConfigurationError, match="not an Ed25519 public key"):
        public_key(b"\x09" * length)


def test_a_signing_key_does_not_print_itself() -> None:
    assert "private" not in repr(KEY)


@pytest.mark.needs_shared
def test_published_ed25519_vectors() -> None:
    path = _vectors("ed25519_test.json")
    count = 0
    for group in json.loads(path.read_text(encoding="utf-8"))["testGroups"]:
        raw = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            found = verified(raw, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
            assert found is (case["result"] == "valid"), (case["tcId"], case["comment"])
            count += 1
    assert count == 151


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_published_canonical_json_vectors(name: str) -> None:
    folder = _vectors("jcs")
    value = json.loads((folder / "input" / f"{name}.json").read_text(encoding="utf-8"))
    assert canonical_json(value) == (folder / "output" / f"{name}.json").read_bytes().rstrip(b"\n")
    assert canonical_json(value) == bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())


@pytest.mark.parametrize(
    ("bits", "expected"),
    [  # RFC 8785, appendix B
        ("0000000000000001", b"5e-324"),
        ("7fefffffffffffff", b"1.7976931348623157e+308"),
        ("4340000000000001", b"9007199254740994"),
        ("44b52d02c7e14af6", b"1e+23"),
        ("43143ff3c1cb0959", b"1424953923781206.2"),
        ("8000000000000000", b"0"),
    ],
)
def test_numbers_as_the_standard_writes_them(bits: str, expected: bytes) -> None:
    assert canonical_json(struct.unpack(">d", bytes.fromhex(bits))[0]) == expected


def _vectors(name: str) -> Path:
    if not VECTORS.exists():
        pytest.skip(f"the conformance vectors are not at {VECTORS}")
    return VECTORS / name
