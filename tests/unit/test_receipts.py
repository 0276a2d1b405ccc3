"""Receipts as C2SP tlog-proofs: to the byte, read strictly, and proving one envelope at one place."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_factory import sign_off

from governance.errors import LedgerTamperedError
from governance.ledger.checkpoint import Receipt, sign_checkpoint
from governance.ledger.envelope import seal
from governance.ledger.keys import SigningKey
from governance.ledger.note import cosign
from governance.ledger.receipt import check_receipt, read_proof, write_proof
from governance.ledger.tree import inclusion_proof, leaf_hash, root_of_leaves

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def _key(seed: int) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return SigningKey(private, private.public_key().public_bytes_raw())


ATTESTATION, LOG, OTHER = _key(1), _key(2), _key(3)
ENVELOPES = [seal(sign_off(number), number, NOON, ATTESTATION) for number in range(7)]
LEAVES = [leaf_hash(envelope) for envelope in ENVELOPES]
CHECKPOINT = sign_checkpoint(7, root_of_leaves(LEAVES), LOG)


def _receipt(seq: int) -> Receipt:
    return Receipt(seq, inclusion_proof(LEAVES, seq), CHECKPOINT)


PROOF = write_proof(_receipt(4))


def test_a_proof_is_written_as_the_standard_says() -> None:
    steps = [base64.b64encode(step).decode() for step in inclusion_proof(LEAVES, 4)]
    lines = ["c2sp.org/tlog-proof@v1", "index 4", *steps, "", *CHECKPOINT.note.split("\n")]
    assert "\n".join(lines) == PROOF
    assert len(steps) == 3


def test_a_proof_in_a_tree_of_one_has_no_hashes() -> None:
    receipt = Receipt(0, (), sign_checkpoint(1, LEAVES[0], LOG))
    assert write_proof(receipt).startswith("c2sp.org/tlog-proof@v1\nindex 0\n\nfairgate.local/ledger\n1\n")
    assert read_proof(write_proof(receipt)) == receipt
    assert check_receipt(write_proof(receipt), ENVELOPES[0], LOG.public).opened.seq == 0


@pytest.mark.parametrize("seq", range(7))
def test_a_receipt_proves_its_envelope_and_no_other(seq: int) -> None:
    proof = write_proof(_receipt(seq))
    assert read_proof(proof) == _receipt(seq)
    for number, envelope in enumerate(ENVELOPES):
        if number == seq:
            found = check_receipt(proof, envelope, LOG.public)
            assert (found.opened.seq, found.opened.statement) == (seq, sign_off(seq))
        else:
            with pytest.raises(LedgerTamperedError, match=f"the envelope is not entry {seq} of the tree of 7"):
                check_receipt(proof, envelope, LOG.public)


def test_a_receipt_of_another_log_proves_nothing() -> None:
    with pytest.raises(LedgerTamperedError, match="not signed by this ledger's log key"):
        check_receipt(PROOF, ENVELOPES[4], OTHER.public)
    forged = write_proof(Receipt(4, _receipt(4).proof, sign_checkpoint(7, CHECKPOINT.root, OTHER)))
    with pytest.raises(LedgerTamperedError, match="not signed by this ledger's log key"):
        check_receipt(forged, ENVELOPES[4], LOG.public)


def test_an_envelope_of_another_place_is_seen_though_the_tree_has_it() -> None:
    """Under a stolen log key an old envelope can be put into a tree again: its signed body says where it was."""
    leaves = [*LEAVES[:4], LEAVES[2]]
    moved = Receipt(4, inclusion_proof(leaves, 4), sign_checkpoint(5, root_of_leaves(leaves), LOG))
    with pytest.raises(LedgerTamperedError, match="says that it is entry 2, the receipt is for 4"):
        check_receipt(write_proof(moved), ENVELOPES[2], LOG.public)


def test_a_witnessed_receipt_is_as_good() -> None:
    noted = cosign(CHECKPOINT.note, "witness.example/w1", OTHER, 1_700_000_000)
    found = check_receipt(PROOF.replace(CHECKPOINT.note, noted), ENVELOPES[4], LOG.public)
    assert found.receipt.checkpoint.note == noted


def test_extra_data_is_read_over() -> None:
    extra = PROOF.replace("index 4", "extra aGVsbG8=\nindex 4")
    assert read_proof(extra) == _receipt(4)


STEP = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("tlog-proof@v1", "tlog-proof@v2", "first line is not"),
        ("c2sp.org", " c2sp.org", "first line is not"),
        ("c2sp.org/tlog-proof@v1\n", "", "first line is not"),
        ("index 4\n", "", "no line 'index N'"),
        ("index 4", "index 04", "no line 'index N'"),
        ("index 4", "index -4", "no line 'index N'"),
        ("index 4", "index  4", "no line 'index N'"),
        ("index 4", "index \u0664", "no line 'index N'"),
        ("index 4", "Index 4", "no line 'index N'"),
        ("index 4", "index 4 ", "no line 'index N'"),
        ("index 4", "index 4\r", "no line 'index N'"),
        ("index 4", "index 4\nindex 4", "not a receipt"),
        ("index 4", "extra !\nindex 4", "not a receipt"),
        ("index 4", "extra aGVsbG9=\nindex 4", "spare bits"),
        ("index 4", "extra aGVsbG8=\nextra aGVsbG8=\nindex 4", "not a receipt"),
        ("index 4\n", f"index 4\n{STEP[:-4]}\n", "63 hashes of 32 bytes"),
        ("index 4\n", f"index 4\n{STEP} \n", "not a receipt"),
        ("index 4\n", "index 4\n" + f"{STEP}\n" * 61, "63 hashes of 32 bytes"),
        ("index 4\n", "index 4\n\n", "not a sign|not a checkpoint"),
        ("\n\nfairgate", "\nfairgate", "not a receipt"),
        ("fairgate.local/ledger\n", "elsewhere.example/log\n", "not a checkpoint of fairgate.local/ledger"),
    ],
)
def test_what_is_no_proof_is_refused(before: str, after: str, message: str) -> None:
    assert before in PROOF
    with pytest.raises(LedgerTamperedError, match=message):
        read_proof(PROOF.replace(before, after, 1))


@given(st.data())
@settings(max_examples=300)
def test_no_bit_of_a_receipt_can_change(data: st.DataObject) -> None:
    files = [PROOF.encode(), ENVELOPES[4]]
    which = data.draw(st.integers(0, 1))
    place = data.draw(st.integers(0, len(files[which]) * 8 - 1))
    changed = bytearray(files[which])
    changed[place // 8] ^= 1 << place % 8
    files[which] = bytes(changed)
    try:
        text = files[0].decode("utf-8")
    except UnicodeDecodeError:
        return  # such a file is refused where it is read
    with pytest.raises(LedgerTamperedError):
        check_receipt(text, files[1], LOG.public)


@given(st.text(max_size=200))
def test_rubbish_is_no_receipt(text: str) -> None:
    with pytest.raises(LedgerTamperedError):
        read_proof(text)
