"""Signed notes, verifier keys and cosignatures of C2SP: the published example, and nothing else is taken for one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import ConfigurationError, LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, checkpoint_in, log_key, open_checkpoint, sign_checkpoint
from governance.ledger.keys import SigningKey, verified
from governance.ledger.note import (
    COSIGNATURE,
    ED25519,
    MAX_BYTES,
    VerifierKey,
    cosign,
    is_signed,
    read_note,
    read_vkey,
    signature_line,
)
from governance.ledger.tree import leaf_hash

# The example of https://c2sp.org/signed-note, "Verifier keys".
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
ROOT = leaf_hash(b"root")
WITNESS, NOW = "witness.example/w1", 1_679_315_147


def _key(seed: int) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return SigningKey(private, private.public_key().public_bytes_raw())


LOG, OTHER, EYE = _key(1), _key(2), _key(3)
NOTE = sign_checkpoint(12, ROOT, LOG).note
EYE_KEY = VerifierKey(WITNESS, COSIGNATURE, EYE.public)


def test_the_published_example_verifies_and_its_key_is_written_again() -> None:
    key = read_vkey(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    assert is_signed(read_note(EXAMPLE), key)
    with pytest.raises(LedgerTamperedError, match=r"wrong signature of example\.com/foo"):
        is_signed(read_note(EXAMPLE.replace("an example", "another")), key)


def test_the_published_example_signed_by_nobody_known() -> None:
    assert not is_signed(read_note(EXAMPLE), log_key(LOG.public))
    assert not is_signed(read_note(EXAMPLE), VerifierKey("example.com/bar", ED25519, read_vkey(EXAMPLE_KEY).public))


@pytest.mark.parametrize(
    ("vkey", "message"),
    [
        ("", "is not a verifier key"),
        ("example.com/foo", "is not a verifier key"),
        (EXAMPLE_KEY.replace("530d903a", "530d903b"), "has the id 530d903b, its bytes say"),
        (EXAMPLE_KEY.replace("example.com/foo", "example.com/fob"), "its bytes say"),
        (EXAMPLE_KEY[:-4], "is not an Ed25519 key"),
        (EXAMPLE_KEY[:-1], "is not base64"),
        ("a+" + "0" * 8 + "+" + base64.b64encode(b"\x02" + bytes(32)).decode(), "is not an Ed25519 key"),
        (str(VerifierKey("weak", ED25519, bytes([1]) + bytes(31))), "small order"),
    ],
)
def test_what_is_no_verifier_key_is_refused(vkey: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_vkey(vkey)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n\u2014 a\n",
        "text\n\n- a AAAAAAA=\n",
        "text\n\n\u2014 a AAAAAAA=",
        "text\n\n\u2014 a AAAA\n",
        "text\n\n\u2014 a b AAAAAAA=\n",
        "text\n\n\u2014 a+b AAAAAAA=\n",
        "text\n\n\u2014 a\u00a0b AAAAAAA=\n",
        "text\n\n\u2014  AAAAAAA=\n",
        "text\n\n\u2014 a AAAAAAB=\n",
        "text\r\n\n\u2014 a AAAAAAA=\n",
        "text\n\n\u2014 a AAAAAAA=\n\n",
        "te\ud800xt\n\n\u2014 a AAAAAAA=\n",
        "x" * MAX_BYTES + "\n\n\u2014 a AAAAAAA=\n",
    ],
)
def test_what_is_no_signed_note_is_refused(note: str) -> None:
    with pytest.raises(LedgerTamperedError, match="not a sign"):
        read_note(note)


def test_a_text_may_hold_empty_lines() -> None:
    found = read_note("one\n\nthree\n\n\u2014 a AAAAAAA=\n")
    assert (found.text, found.signatures[0].name) == ("one\n\nthree\n", "a")


def test_signatures_of_others_are_ignored_and_do_not_count() -> None:
    """https://c2sp.org/signed-note: verifiers must ignore unknown keys, even under a known name or id."""
    stranger = signature_line(log_key(OTHER.public), OTHER.sign(b"whatever"))
    unknown_kind = "\u2014 fairgate.local/ledger " + base64.b64encode(b"\xff" * 90).decode() + "\n"
    assert open_checkpoint(NOTE + stranger + unknown_kind, log_key(LOG.public)).size == 12
    with pytest.raises(LedgerTamperedError, match="not signed by this ledger's log key"):
        open_checkpoint(NOTE.partition("\u2014")[0] + stranger, log_key(LOG.public))
    with pytest.raises(LedgerTamperedError, match="wrong signature"):
        open_checkpoint(NOTE + signature_line(log_key(LOG.public), bytes(64)), log_key(LOG.public))


def test_sixteen_signatures_are_taken() -> None:
    note = NOTE
    for number in range(16):
        note = cosign(note, f"witness.example/{number}", _key(10 + number), NOW)
    assert open_checkpoint(note, log_key(LOG.public)).root == ROOT
    assert len(read_note(note).signatures) == 17


def test_a_cosignature_is_what_the_standard_says() -> None:
    note = cosign(NOTE, WITNESS, EYE, NOW)
    assert note.startswith(NOTE)
    dash, name, blob = note.removeprefix(NOTE).rstrip("\n").split(" ")
    raw = base64.b64decode(blob)
    assert (dash, name) == ("\u2014", WITNESS)
    assert raw[:4] == hashlib.sha256(WITNESS.encode() + b"\n\x04" + EYE.public).digest()[:4]
    assert int.from_bytes(raw[4:12], "big") == NOW
    message = f"cosignature/v1\ntime {NOW}\nfairgate.local/ledger\n12\n{base64.b64encode(ROOT).decode()}\n"
    assert verified(EYE.public, raw[12:], message.encode())
    assert is_signed(read_note(note), EYE_KEY)
    assert not is_signed(read_note(NOTE), EYE_KEY)


def test_a_cosignature_moved_to_another_time_or_tree_is_wrong() -> None:
    line = cosign(NOTE, WITNESS, EYE, NOW).removeprefix(NOTE)
    raw = base64.b64decode(line.split(" ")[2])
    later = signature_line(EYE_KEY, (NOW + 1).to_bytes(8, "big") + raw[12:])
    other = sign_checkpoint(13, ROOT, LOG).note
    for note in (NOTE + later, other + line):
        with pytest.raises(LedgerTamperedError, match="wrong signature of witness"):
            is_signed(read_note(note), EYE_KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_a_name_that_cannot_stand_in_a_note_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a key"):
        cosign(NOTE, name, EYE, NOW)


@given(st.integers(0, len(NOTE.encode()) * 8 - 1))
def test_no_bit_of_a_checkpoint_from_outside_can_change(place: int) -> None:
    changed = bytearray(NOTE.encode())
    changed[place // 8] ^= 1 << place % 8
    try:
        text = changed.decode("utf-8")
    except UnicodeDecodeError:
        return  # such a file is refused where it is read
    with pytest.raises(LedgerTamperedError):
        open_checkpoint(text, log_key(LOG.public))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ledger\n12\n", "ledger\n012\n"),
        ("ledger\n12\n", "ledger\n+12\n"),
        ("ledger\n12\n", "ledger\n\u0661\u0662\n"),
        ("ledger\n12\n", "ledger\n\n12\n"),
        ("=\n\n", "=\nextension\n\n"),
        ("fairgate.local/ledger\n12", "elsewhere.example/log\n12"),
    ],
)
def test_what_is_no_checkpoint_is_refused_before_any_signature(before: str, after: str) -> None:
    with pytest.raises(LedgerTamperedError, match="not a checkpoint"):
        checkpoint_in(NOTE.replace(before, after, 1))


def test_a_root_has_32_bytes() -> None:
    short = NOTE.replace(base64.b64encode(ROOT).decode(), base64.b64encode(ROOT[:31]).decode())
    with pytest.raises(LedgerTamperedError, match="31 bytes"):
        checkpoint_in(short)
    assert checkpoint_in(NOTE) == Checkpoint(12, ROOT, NOTE)
