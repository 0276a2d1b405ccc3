"""Receipts that are kept, checkpoints in second places, witnesses and fsck: what is missing is never met."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from governance_factory import FakeRegistry
from ledger_factory import behind_its_back, filled, ledger_at, sign_off

from governance.digests import digest_bytes
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError, ServiceError
from governance.evidence import EvidenceStore
from governance.ledger.checkpoint import log_key, open_checkpoint, sign_checkpoint
from governance.ledger.fsck import FsckReport, Stores, fsck
from governance.ledger.keys import open_key, read_public
from governance.ledger.note import COSIGNATURE, VerifierKey, is_signed, read_note
from governance.ledger.places import FilePlace, copy_checkpoint, kept_checkpoints
from governance.ledger.receipt import check_receipt, keep_receipt, read_files, receipts_in, write_proof
from governance.ledger.sql import SqlLedger
from governance.ledger.witness import Cosigner, Sight, witness
from governance.people import MACHINE
from governance.registry.checkpoint_place import RegistryPlace
from governance.statement import PredicateType, ResourceDigest, Statement

SIZE = 4


@pytest.fixture
def ledger(tmp_path: Path) -> SqlLedger:
    return filled(tmp_path / "home", SIZE)


# --- receipts ------------------------------------------------------------------------------------------------------


def test_a_receipt_is_two_files_that_need_only_the_public_key(ledger: SqlLedger, tmp_path: Path) -> None:
    entry = list(ledger.entries())[2]
    files = keep_receipt(ledger, entry, tmp_path / "receipts")
    short = digest_bytes(entry.envelope).removeprefix("sha256:")[:12]
    assert sorted(path.name for path in (tmp_path / "receipts").iterdir()) == [
        f"2-{short}.json",
        f"2-{short}.tlog-proof",
    ]
    public = read_public(tmp_path / "home" / "keys" / "log.pub")
    found = check_receipt(*read_files(files), public)
    assert (found.envelope, found.opened.statement, found.receipt.checkpoint.size) == (
        entry.envelope,
        entry.statement,
        SIZE,
    )
    assert receipts_in(tmp_path / "receipts") == (files,)
    assert receipts_in(tmp_path / "none") == ()


def test_an_earlier_receipt_is_never_overwritten(ledger: SqlLedger, tmp_path: Path) -> None:
    entry = list(ledger.entries())[2]
    first = keep_receipt(ledger, entry, tmp_path)
    before = first.proof.read_bytes()
    ledger.append(sign_off(9))
    assert keep_receipt(ledger, entry, tmp_path) == first
    assert first.proof.read_bytes() == before


@pytest.mark.parametrize("suffix", [".json", ".tlog-proof"])
def test_a_receipt_that_somebody_changed_is_told(ledger: SqlLedger, tmp_path: Path, suffix: str) -> None:
    entry = list(ledger.entries())[2]
    path = keep_receipt(ledger, entry, tmp_path).proof.with_suffix(suffix)
    for changed in (b"", path.read_bytes().replace(b"2", b"3"), b"\xff"):
        path.write_bytes(changed)
        with pytest.raises(LedgerTamperedError, match="somebody changed it"):
            keep_receipt(ledger, entry, tmp_path)
        assert path.read_bytes() == changed


def test_a_receipt_that_cannot_be_written_is_an_error(ledger: SqlLedger, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be written"):
        keep_receipt(ledger, next(iter(ledger.entries())), tmp_path / "file" / "receipts")


def test_no_half_written_receipt_stays(ledger: SqlLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LedgerError, match="No space left"):
        keep_receipt(ledger, next(iter(ledger.entries())), tmp_path / "receipts")
    assert list((tmp_path / "receipts").iterdir()) == []


# --- second places -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A place that answers nothing."""

    name: str = "the moon"

    def keep(self, note: str) -> None:
        raise ServiceError("no line to the moon")

    def newest(self) -> str | None:
        return None

    def kept(self) -> tuple[str, ...]:
        raise ServiceError("no line to the moon")

    def others(self) -> tuple[str, ...]:
        return ()


def test_every_place_gets_the_checkpoint_and_a_broken_one_is_told(ledger: SqlLedger, tmp_path: Path) -> None:
    near, far = FilePlace(tmp_path / "near.log"), FilePlace(tmp_path / "other" / "disk" / "far.log")
    copied = copy_checkpoint(ledger, [near, Broken(), far])
    assert [(item.place, item.size, item.problem) for item in copied] == [
        (str(near.path), SIZE, None),
        ("the moon", 0, "the checkpoint was not copied to the moon: no line to the moon"),
        (str(far.path), SIZE, None),
    ]
    newest = ledger.checkpoint()
    assert newest is not None
    assert near.kept() == far.kept() == (newest.note,)
    assert near.newest() == newest.note


def test_a_place_grows_with_the_ledger_and_only_then(ledger: SqlLedger, tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "checkpoints.log")
    for number in range(3):
        for _ in range(2):
            assert copy_checkpoint(ledger, [place])[0].problem is None
        ledger.append(sign_off(10 + number))
    kept = kept_checkpoints([place, place], ledger.keys.log.public)
    assert [item.checkpoint.size for item in kept] == [SIZE, SIZE + 1, SIZE + 2]


def test_an_empty_ledger_has_nothing_to_copy(tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "checkpoints.log")
    assert copy_checkpoint(ledger_at(tmp_path), [place])[0].problem is None
    assert not place.path.exists()
    assert (place.newest(), place.kept()) == (None, ())


@pytest.mark.parametrize("changed", ["\n", "x", "\n\nhello\n", "\ud800"])
def test_a_place_that_holds_anything_else_is_told(ledger: SqlLedger, tmp_path: Path, changed: str) -> None:
    place = FilePlace(tmp_path / "checkpoints.log")
    copy_checkpoint(ledger, [place])
    with place.path.open("ab") as stream:
        stream.write(changed.encode("utf-8", "surrogatepass"))
    if changed == "\n":
        assert len(place.kept()) == 1
        return
    with pytest.raises(LedgerTamperedError, match="holds something that is not"):
        kept_checkpoints([place], ledger.keys.log.public)


def test_no_bit_of_a_place_can_change_unseen(ledger: SqlLedger, tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "checkpoints.log")
    copy_checkpoint(ledger, [place])
    truth = place.path.read_bytes()
    for number in range(len(truth) - 2):  # the last two are newlines between notes
        changed = bytearray(truth)
        changed[number] ^= 1 << number % 7
        place.path.write_bytes(changed)
        with pytest.raises(LedgerTamperedError):
            kept_checkpoints([place], ledger.keys.log.public)


def test_a_place_of_another_ledger_is_told_and_kept(ledger: SqlLedger, tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "checkpoints.log")
    copy_checkpoint(filled(tmp_path / "other", 2), [place])
    before = place.path.read_bytes()
    [copied] = copy_checkpoint(ledger, [place])
    assert copied.tampered
    assert "holds a checkpoint that is not this ledger's" in (copied.problem or "")
    assert place.path.read_bytes() == before
    with pytest.raises(LedgerTamperedError, match="is not this ledger's"):
        kept_checkpoints([place], ledger.keys.log.public)


def test_a_place_that_cannot_be_read_or_written(ledger: SqlLedger, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    place = FilePlace(tmp_path / "folder")
    with pytest.raises(LedgerError, match="cannot be read"):
        place.kept()
    [copied] = copy_checkpoint(ledger, [FilePlace(tmp_path / "home" / "ledger.db" / "x")])
    assert copied.problem is not None
    assert not copied.tampered


def test_the_registry_is_a_place(ledger: SqlLedger) -> None:
    registry = FakeRegistry()
    place = RegistryPlace(registry, log_key(ledger.keys.log.public))
    assert (place.newest(), place.kept(), place.others()) == (None, (), ())
    assert copy_checkpoint(ledger, [place])[0].size == SIZE
    assert copy_checkpoint(ledger, [place])[0].size == SIZE
    assert len(registry.checkpoints) == 1
    assert open_checkpoint(place.newest() or "", log_key(ledger.keys.log.public)).size == SIZE


def test_ledgers_may_share_a_registry_and_see_each_other(ledger: SqlLedger, tmp_path: Path) -> None:
    registry, other = FakeRegistry(), filled(tmp_path / "other", 2)
    mine, theirs = (RegistryPlace(registry, log_key(item.keys.log.public)) for item in (ledger, other))
    for source, place, size in ((ledger, mine, SIZE), (other, theirs, 2)):
        [copied] = copy_checkpoint(source, [place])
        assert (copied.size, copied.problem) == (size, None)
    for source, place, size in ((ledger, mine, SIZE), (other, theirs, 2)):
        [kept] = kept_checkpoints([place], source.keys.log.public)
        assert kept.checkpoint.size == size
    assert mine.others() == (theirs.log.key_id.hex(),)
    registry.checkpoints[mine.log.key_id.hex()] = "rubbish"
    with pytest.raises(LedgerTamperedError, match="is not this ledger's"):
        kept_checkpoints([mine], ledger.keys.log.public)


# --- witness -------------------------------------------------------------------------------------------------------


def _sight(ledger: SqlLedger) -> Sight:
    found = ledger.checkpoint()
    return Sight(found.note if found else None, [entry.envelope for entry in ledger.entries()])


def test_a_witness_remembers_and_follows(ledger: SqlLedger, tmp_path: Path) -> None:
    key, memory = log_key(ledger.keys.log.public), tmp_path / "far" / "memory.log"
    first = witness(_sight(ledger), memory, key)
    assert (first.before, first.now.size) == (None, SIZE)
    again = witness(_sight(ledger), memory, key)
    assert again.before == again.now
    ledger.append(sign_off(9))
    later = witness(_sight(ledger), memory, key)
    assert (later.before.size if later.before else None, later.now.size) == (SIZE, SIZE + 1)
    assert [open_checkpoint(note, key).size for note in FilePlace(memory).kept()] == [SIZE, SIZE + 1]


def test_a_witness_cosigns(ledger: SqlLedger, tmp_path: Path) -> None:
    key = open_key(tmp_path / "witness.pem")
    cosigner = Cosigner("witness.example/w1", key, 1_780_000_000)
    done = witness(_sight(ledger), tmp_path / "memory.log", log_key(ledger.keys.log.public), cosigner)
    eye = VerifierKey("witness.example/w1", COSIGNATURE, read_public(tmp_path / "witness.pub"))
    note = read_note(done.note)
    assert is_signed(note, eye)
    assert [int.from_bytes(x.signature[:8], "big") for x in note.signatures if x.name == eye.name] == [1_780_000_000]
    assert FilePlace(tmp_path / "memory.log").kept() == (done.note,)
    assert witness(_sight(ledger), tmp_path / "memory.log", log_key(ledger.keys.log.public)).before is not None


def test_a_witness_is_not_shown_half_a_tree(ledger: SqlLedger, tmp_path: Path) -> None:
    key, memory = log_key(ledger.keys.log.public), tmp_path / "memory.log"
    sight = _sight(ledger)
    envelopes = list(sight.envelopes)
    for shown in (envelopes[:-1], [*envelopes[:-1], envelopes[0]], []):
        with pytest.raises(LedgerTamperedError, match="are not the tree of 4"):
            witness(Sight(sight.note, shown), memory, key)
    with pytest.raises(LedgerTamperedError, match="not signed by"):
        stranger = ledger_at(tmp_path / "stranger").keys.log
        witness(Sight(sign_checkpoint(4, bytes(32), stranger).note, envelopes), memory, key)
    assert not memory.exists()


def test_a_witness_sees_a_roll_back_even_to_nothing(ledger: SqlLedger, tmp_path: Path) -> None:
    key, memory = log_key(ledger.keys.log.public), tmp_path / "memory.log"
    before = Sight(ledger.checkpoint().note, [entry.envelope for entry in ledger.entries()])  # type: ignore[union-attr]
    with pytest.raises(ConfigurationError, match="no checkpoint to witness yet"):
        witness(Sight(None, ()), memory, key)
    ledger.append(sign_off(9))
    witness(_sight(ledger), memory, key)
    for sight, size in ((before, SIZE), (Sight(None, ()), 0)):
        with pytest.raises(LedgerTamperedError, match=f"ROLLED BACK: the ledger shows {size} entries, this witness"):
            witness(sight, memory, key)
    assert len(list(tmp_path.glob("memory.log.fork-*"))) == 2
    assert witness(_sight(ledger), memory, key).now.size == SIZE + 1, "the memory stays"


# --- fsck ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stores(ledger: SqlLedger, tmp_path: Path) -> Stores:
    """Evidence for everything that the four sign-offs of the ledger name, and a receipt."""
    home = tmp_path / "home"
    found = Stores(EvidenceStore(home / "evidence"), home / "keys", home / "receipts", home)
    found.evidence.put(b"report")
    for number in range(SIZE):
        found.evidence.put(b"model %d" % number)
    keep_receipt(ledger, list(ledger.entries())[2], found.receipts)
    return found


def test_a_whole_home_has_no_problems(ledger: SqlLedger, stores: Stores) -> None:
    assert fsck(ledger, stores) == FsckReport(SIZE, SIZE + 1, 1, (), ())


def test_missing_and_changed_evidence_are_told_apart(ledger: SqlLedger, stores: Stores) -> None:
    def path(data: bytes) -> Path:
        name = digest_bytes(data).removeprefix("sha256:")
        return stores.evidence.folder / name[:2] / name

    path(b"model 1").unlink()
    path(b"report").write_bytes(b"another report")
    missing, changed = sorted(fsck(ledger, stores).problems, reverse=True, key=lambda text: "is missing" in text)
    assert missing == f"evidence: {digest_bytes(b'model 1')} is missing; entry 1 is the first that names it"
    assert changed.startswith("evidence: entry 0 names what is not as it was: the evidence file ")
    assert changed.endswith("was changed: its digest differs")


def test_data_is_not_looked_for_and_policies_are(ledger: SqlLedger, stores: Stores) -> None:
    names = {"data": b"rows", "target": b"there", "plan": b"plan"}
    about = tuple(ResourceDigest(name, digest_bytes(data)) for name, data in names.items())
    ledger.append(Statement(PredicateType.OBSERVATION, about, MACHINE, "seen", {}, digest_bytes(b"policy")))
    found = fsck(ledger, stores).problems
    assert sorted(problem.split()[1] for problem in found) == sorted(map(digest_bytes, (b"plan", b"policy")))


def test_keys_that_do_not_match_are_told(ledger: SqlLedger, stores: Stores, tmp_path: Path) -> None:
    log = stores.keys / "log.pub"
    log.write_bytes((ledger_at(tmp_path / "other").path.parent / "keys" / "log.pub").read_bytes())
    (stores.keys / "attestation.pub").unlink()
    absent, wrong = fsck(ledger, stores).problems
    assert "attestation.pub cannot be read" in absent
    assert "log.pub is not the public half of log.pem" in wrong


def test_a_damaged_ledger_and_a_damaged_receipt_are_told(ledger: SqlLedger, stores: Stores) -> None:
    [files] = receipts_in(stores.receipts)
    files.envelope.write_bytes(files.envelope.read_bytes()[:-1])
    behind_its_back(ledger.path, "UPDATE entry SET envelope = x'00' WHERE seq = 1")
    found = fsck(ledger, stores).problems
    assert "entry 1: leaf_hash is not that of the envelope" in found
    assert any(problem.startswith(f"receipt {files.proof}: the envelope is not entry 2") for problem in found)


def test_an_entry_that_a_kept_receipt_contradicts_is_told(ledger: SqlLedger, stores: Stores, tmp_path: Path) -> None:
    """The receipt is of another ledger under the same keys: it has four entries too, and other ones."""
    other = filled(tmp_path / "elsewhere", 0)
    twin = SqlLedger(other.url, ledger.keys, ledger.clock)
    for number in range(SIZE):
        twin.append(sign_off(20 + number))
    entry = list(twin.entries())[3]
    name = stores.receipts / "3-000000000000"
    name.with_suffix(".json").write_bytes(entry.envelope)
    name.with_suffix(".tlog-proof").write_text(write_proof(twin.receipt(3)))
    found = fsck(ledger, stores).problems
    assert f"entry 3 is not the one of the receipt {name}.tlog-proof: it was changed or replaced" in found


def test_what_a_crash_left_behind_is_a_remark(ledger: SqlLedger, stores: Stores) -> None:
    left = [
        stores.evidence.folder / "ab" / "tmpxyz",
        stores.keys / ".log.pem.abc",
        stores.receipts / ".2-abc.json.xyz",
        stores.home / ".ledger.db.new",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    report = fsck(ledger, stores)
    assert report.problems == ()
    assert report.remarks == tuple(f"left behind by a crash, may be deleted: {path}" for path in left)
