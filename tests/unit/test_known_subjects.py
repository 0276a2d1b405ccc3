"""What a process remembers of a ledger: confirmed by a signed root, or forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.errors import LedgerTamperedError
from governance.ledger.envelope import seal
from governance.ledger.keys import SigningKey
from governance.ledger.known import Known
from governance.ledger.tree import leaf_hash, root_of_leaves
from governance.people import MACHINE
from governance.statement import PredicateType, ResourceDigest, Statement

_private = Ed25519PrivateKey.generate()
KEY = SigningKey(_private, _private.public_key().public_bytes_raw())
TIME = datetime(2026, 1, 1, tzinfo=UTC)


def _sealed(seq: int, name: str, digit: str) -> bytes:
    subjects = (ResourceDigest(name, "sha256:" + digit * 64), ResourceDigest("data", "sha256:" + "d" * 64))
    return seal(Statement(PredicateType.OBSERVATION, subjects, MACHINE, "seen"), seq, TIME, KEY)


ENVELOPES = [_sealed(seq, f"model/{seq % 2}", "ab"[seq % 2]) for seq in range(7)]
ROOTS = [root_of_leaves([leaf_hash(item) for item in ENVELOPES[:size]]) for size in range(8)]


def _since(seq: int) -> list[tuple[int, bytes]]:
    return list(enumerate(ENVELOPES))[seq:]


def _vouched() -> None:
    return None


def _refused() -> None:
    raise LedgerTamperedError("not signed")


def test_reads_on_and_finds_by_name_by_digest_and_by_both() -> None:
    known = Known()
    known.read_on(lambda seq: _since(seq)[: 4 - seq], 4, ROOTS[4], _vouched)
    known.read_on(_since, 7, ROOTS[7], _vouched)
    assert known.about("model/1", None, range(7)) == [1, 3, 5]
    assert known.about(None, "sha256:" + "a" * 64, range(3, 7)) == [4, 6]
    assert known.about("model/1", "sha256:" + "a" * 64, range(7)) == []
    assert known.about("data", "sha256:" + "a" * 64, range(7)) == [0, 2, 4, 6]


def test_another_root_a_gap_and_an_unsigned_root_are_refused_and_forgotten() -> None:
    for since, root, confirm in (
        (_since, ROOTS[6], _vouched),
        (lambda seq: [item for item in _since(seq) if item[0] != 3], ROOTS[7], _vouched),
        (lambda seq: _since(seq)[:-1], ROOTS[7], _vouched),
        (_since, ROOTS[7], _refused),
    ):
        known = Known()
        with pytest.raises(LedgerTamperedError):
            known.read_on(since, 7, root, confirm)
        assert known.leaves == [] and known.about("data", None, range(7)) == []
        known.read_on(_since, 7, ROOTS[7], _vouched)
        assert len(known.about("data", None, range(7))) == 7


def test_an_older_snapshot_changes_nothing() -> None:
    known = Known()
    known.read_on(_since, 7, ROOTS[7], _vouched)
    known.read_on(_since, 3, ROOTS[3], _refused)
    assert len(known.leaves) == 7
