"""Every attack on the ledger that we know, by name. What only outside memory can show is shown with it and only then.

The attacker owns the file: triggers come off and go on again. Which keys are stolen, each test says.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_factory import behind_its_back, fetched, filled, ledger_at, sign_off

from governance.errors import LedgerTamperedError
from governance.ledger.backup import backup
from governance.ledger.checkpoint import Kept, log_key, open_checkpoint, sign_checkpoint
from governance.ledger.envelope import PAYLOAD_TYPE, moment, peek, seal, strict_json
from governance.ledger.fsck import checked
from governance.ledger.keys import SigningKey
from governance.ledger.places import FilePlace, copy_checkpoint, kept_checkpoints
from governance.ledger.receipt import ReceiptFiles, keep_receipt
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import extend, leaf_hash, root_of
from governance.ledger.verify import verify_ledger
from governance.ledger.witness import Sight, witness
from governance.statement import Statement

SIZE = 6


@pytest.fixture
def ledger(tmp_path: Path) -> SqlLedger:
    return filled(tmp_path / "home", SIZE)


@pytest.fixture
def place(ledger: SqlLedger, tmp_path: Path) -> FilePlace:
    """A second place that has seen the whole ledger."""
    found = FilePlace(tmp_path / "other disk" / "checkpoints.log")
    assert copy_checkpoint(ledger, [found])[0].size == SIZE
    return found


@pytest.fixture
def receipt(ledger: SqlLedger, tmp_path: Path) -> ReceiptFiles:
    """What the signer of entry 4 took home."""
    return keep_receipt(ledger, list(ledger.entries())[4], tmp_path / "signer")


def _problems(ledger: SqlLedger, kept: Sequence[Kept] = ()) -> tuple[str, ...]:
    return verify_ledger(ledger, kept=kept).problems


def _remembered(ledger: SqlLedger, place: FilePlace) -> tuple[Kept, ...]:
    return kept_checkpoints([place], ledger.keys.log.public)


def _received(ledger: SqlLedger, receipt: ReceiptFiles) -> list[Kept]:
    good, bad = checked([receipt], ledger.keys.log.public)
    assert bad == []
    return good


def _rewritten(ledger: SqlLedger, envelopes: Sequence[bytes], log: SigningKey) -> None:
    """Put these envelopes in the place of all entries: columns, index, head and checkpoints fit them perfectly."""
    tables = ("checkpoint", "entry_subject", "entry")
    behind_its_back(ledger.path, *(f"DELETE FROM {table}" for table in tables))
    frontier: tuple[bytes, ...] = ()
    for seq, envelope in enumerate(envelopes):
        opened, leaf = peek(envelope), leaf_hash(envelope)
        frontier = extend(seq, frontier, leaf)
        root = root_of(frontier)
        row = (seq, moment(opened.time), envelope, leaf, root, opened.idempotency_key)
        behind_its_back(ledger.path, "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", given=row)
        for position, item in enumerate(opened.statement.subjects):
            subject = (seq, position, item.name, item.digest)
            behind_its_back(ledger.path, "INSERT INTO entry_subject VALUES (?, ?, ?, ?)", given=subject)
        note = (seq + 1, sign_checkpoint(seq + 1, root, log).note)
        behind_its_back(ledger.path, "INSERT INTO checkpoint VALUES (?, ?)", given=note)
    head = (len(envelopes), root_of(frontier), b"".join(frontier))
    behind_its_back(ledger.path, "UPDATE head SET size = ?, root = ?, frontier = ?", given=head)


def _envelopes(ledger: SqlLedger) -> list[bytes]:
    return [envelope for (envelope,) in fetched(ledger.path, "SELECT envelope FROM entry ORDER BY seq")]


def _resealed(ledger: SqlLedger, seq: int, statement: Statement) -> bytes:
    """Another statement at the same place and time, under a stolen attestation key."""
    old = peek(_envelopes(ledger)[seq])
    return seal(statement, seq, old.time, ledger.keys.attestation, old.idempotency_key)


# --- without any key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("entry", "time"),
        ("entry", "envelope"),
        ("entry", "leaf_hash"),
        ("entry", "root"),
        ("entry", "idempotency_key"),
        ("entry_subject", "name"),
        ("entry_subject", "digest"),
        ("checkpoint", "note"),
        ("head", "root"),
        ("head", "frontier"),
    ],
)
def test_a_bit_flipped_in_any_column_is_seen(ledger: SqlLedger, table: str, column: str) -> None:
    [(rowid, value)] = fetched(ledger.path, f"SELECT max(rowid), {column} FROM {table}")
    data = value.encode() if isinstance(value, str) else bytes(value)
    flipped = bytes([data[0] ^ 1]) + data[1:]
    given = flipped.decode("utf-8", "replace") if isinstance(value, str) else flipped
    behind_its_back(ledger.path, f"UPDATE {table} SET {column} = ? WHERE rowid = {rowid}", given=(given,))
    assert _problems(ledger) != ()


def test_a_dropped_entry_is_seen(ledger: SqlLedger) -> None:
    behind_its_back(ledger.path, "DELETE FROM entry WHERE seq = 3")
    assert "entry 4: stands where entry 3 should be" in _problems(ledger)


def test_reordered_entries_are_seen(ledger: SqlLedger) -> None:
    for seq, to in ((1, 99), (2, 1), (99, 2)):
        behind_its_back(ledger.path, f"UPDATE entry SET seq = {to} WHERE seq = {seq}")
    found = _problems(ledger)
    assert "entry 1: seq is 2 in the signed body" in found
    assert "entry 2: seq is 1 in the signed body" in found


def test_an_entry_added_without_a_key_is_seen(ledger: SqlLedger, tmp_path: Path) -> None:
    stranger = ledger_at(tmp_path / "stranger").keys
    forged = seal(sign_off(9), SIZE, list(ledger.entries())[-1].time, stranger.attestation)
    _rewritten(ledger, [*_envelopes(ledger), forged], stranger.log)
    found = _problems(ledger)
    assert f"entry {SIZE}: envelope: the envelope is not signed by this ledger's attestation key" in found
    assert f"entry {SIZE}: checkpoint: the checkpoint is not one of this ledger's log key" in found


# --- with the log key: it signs trees, and cannot speak for the server ---------------------------------------------


def test_an_entry_dropped_under_a_stolen_log_key_is_seen(ledger: SqlLedger) -> None:
    """Every root and checkpoint fits; the place inside each signed body does not."""
    kept = _envelopes(ledger)
    _rewritten(ledger, [*kept[:3], *kept[4:]], ledger.keys.log)
    assert {f"entry {seq}: seq is {seq + 1} in the signed body" for seq in (3, 4)} <= set(_problems(ledger))


def test_entries_reordered_under_a_stolen_log_key_are_seen(ledger: SqlLedger) -> None:
    kept = _envelopes(ledger)
    _rewritten(ledger, [kept[0], kept[2], kept[1], *kept[3:]], ledger.keys.log)
    assert "entry 1: seq is 2 in the signed body" in _problems(ledger)


def test_an_entry_forged_under_a_stolen_log_key_is_seen(ledger: SqlLedger, tmp_path: Path) -> None:
    stranger = ledger_at(tmp_path / "stranger").keys
    kept = _envelopes(ledger)
    forged = seal(sign_off(3, decision="refuse"), 3, peek(kept[3]).time, stranger.attestation, "key-3")
    _rewritten(ledger, [*kept[:3], forged, *kept[4:]], ledger.keys.log)
    assert _problems(ledger) == ("entry 3: envelope: the envelope is not signed by this ledger's attestation key",)


def test_a_note_signed_again_by_another_key_is_seen(ledger: SqlLedger, tmp_path: Path) -> None:
    stranger = ledger_at(tmp_path / "stranger").keys.log
    head = ledger.head()
    note = sign_checkpoint(head.size, head.root, stranger).note
    behind_its_back(ledger.path, f"UPDATE checkpoint SET note = ? WHERE size = {SIZE}", given=(note,))
    assert _problems(ledger) == (f"entry {SIZE - 1}: checkpoint: the checkpoint is not one of this ledger's log key",)
    with pytest.raises(LedgerTamperedError, match="not signed by this ledger's log key"):
        open_checkpoint(note, log_key(ledger.keys.log.public))


def test_a_note_signed_again_by_both_is_not_what_is_stored(ledger: SqlLedger, tmp_path: Path) -> None:
    """A second signature beside the right one is harmless outside, and no byte that this ledger wrote."""
    stranger = ledger_at(tmp_path / "stranger").keys.log
    head = ledger.head()
    line = sign_checkpoint(head.size, head.root, stranger).note.split("\n\n")[1]
    [(note,)] = fetched(ledger.path, f"SELECT note FROM checkpoint WHERE size = {SIZE}")
    assert open_checkpoint(note + line, log_key(ledger.keys.log.public)).size == SIZE
    behind_its_back(ledger.path, f"UPDATE checkpoint SET note = ? WHERE size = {SIZE}", given=(note + line,))
    assert any(f"entry {SIZE - 1}: checkpoint: " in problem for problem in _problems(ledger))


# --- whole roll-backs: from inside, the ledger was never longer ----------------------------------------------------


@pytest.mark.parametrize("size", [0, 2, 5])
def test_a_ledger_rolled_back_is_seen_by_a_second_place_and_only_so(
    ledger: SqlLedger, place: FilePlace, size: int
) -> None:
    _rewritten(ledger, _envelopes(ledger)[:size], ledger.keys.log)
    assert _problems(ledger) == ()
    assert _problems(ledger, _remembered(ledger, place)) == (
        f"entries {size} to {SIZE - 1} are gone: a checkpoint in {place.path} has them",
    )


def test_an_old_copy_of_the_file_put_back_is_seen_by_a_second_place_and_only_so(tmp_path: Path) -> None:
    """No key is needed: yesterday's file is a whole ledger."""
    ledger, place = filled(tmp_path / "home", 3), FilePlace(tmp_path / "checkpoints.log")
    backup(ledger, tmp_path / "yesterday.db")
    ledger.append(sign_off(8, decision="refuse"))
    copy_checkpoint(ledger, [place])
    for path in (tmp_path / "home").glob("ledger.db*"):
        path.unlink()
    shutil.copyfile(tmp_path / "yesterday.db", ledger.path)
    back = ledger_at(tmp_path / "home")
    assert _problems(back) == ()
    assert _problems(back, _remembered(back, place)) == (
        f"entries 3 to 3 are gone: a checkpoint in {place.path} has them",
    )


def test_an_entry_rolled_back_is_seen_by_its_signer_and_only_so(ledger: SqlLedger, receipt: ReceiptFiles) -> None:
    _rewritten(ledger, _envelopes(ledger)[:4], ledger.keys.log)
    assert _problems(ledger) == ()
    assert _problems(ledger, _received(ledger, receipt)) == (
        f"entries 4 to {SIZE - 1} are gone: a receipt {receipt.proof} has them",
    )


def test_copying_a_checkpoint_sees_a_roll_back_and_keeps_the_memory(ledger: SqlLedger, place: FilePlace) -> None:
    before = place.path.read_bytes()
    _rewritten(ledger, _envelopes(ledger)[:2], ledger.keys.log)
    [copied] = copy_checkpoint(ledger_at(ledger.path.parent), [place])
    assert copied.tampered
    assert copied.problem == (
        f"the ledger has 2 entries, {place.path} remembers {SIZE}: it was rolled back; run: fairgate ledger verify"
    )
    assert place.path.read_bytes() == before


# --- both keys: whoever holds them can write any past; older memory outside cannot be written --------------------


def test_a_decision_changed_under_both_keys_is_seen_by_its_signer_and_only_so(
    ledger: SqlLedger, receipt: ReceiptFiles
) -> None:
    kept = _envelopes(ledger)
    _rewritten(ledger, [*kept[:4], _resealed(ledger, 4, sign_off(4, decision="refuse")), kept[5]], ledger.keys.log)
    assert _problems(ledger) == ()
    assert _problems(ledger, _received(ledger, receipt)) == (
        f"entry 4 is not the one of the receipt {receipt.proof}: it was changed or replaced",
        f"the first {SIZE} entries are not those of the receipt {receipt.proof}",
    )


def test_a_ledger_written_anew_under_both_keys_is_seen_by_a_second_place_and_only_so(
    ledger: SqlLedger, place: FilePlace
) -> None:
    times = [peek(envelope).time for envelope in _envelopes(ledger)]
    anew = [seal(sign_off(50 + seq), seq, time, ledger.keys.attestation) for seq, time in enumerate(times)]
    anew.append(seal(sign_off(99), SIZE, times[-1], ledger.keys.attestation))
    _rewritten(ledger, anew, ledger.keys.log)
    assert _problems(ledger) == ()
    assert _problems(ledger, _remembered(ledger, place)) == (
        f"the first {SIZE} entries are not those of the checkpoint in {place.path}",
    )
    [copied] = copy_checkpoint(ledger_at(ledger.path.parent), [place])
    assert copied.tampered
    assert f"the first {SIZE} entries are not those that {place.path} remembers" in (copied.problem or "")


def test_a_fork_shown_to_two_people_is_seen_when_they_compare(ledger: SqlLedger, tmp_path: Path) -> None:
    """Each branch verifies. One look at the other's branch, with the memory of one's own, shows both signed roots."""
    other = tmp_path / "for the auditor"
    shutil.copytree(ledger.path.parent / "keys", other / "keys")
    backup(ledger, other / "ledger.db")
    branch = ledger_at(other)
    ledger.append(sign_off(70))
    branch.append(sign_off(70, decision="refuse"))
    assert _problems(ledger) == _problems(branch) == ()
    key, memory = log_key(ledger.keys.log.public), tmp_path / "auditor.log"
    first = branch.checkpoint()
    second = ledger.checkpoint()
    assert first is not None
    assert second is not None
    witness(Sight(first.note, _envelopes(branch)), memory, key)
    with pytest.raises(LedgerTamperedError, match=f"FORKED: the first {SIZE + 1} entries"):
        witness(Sight(second.note, _envelopes(ledger)), memory, key)
    [evidence] = tmp_path.glob("auditor.log.fork-*")
    notes = FilePlace(evidence).kept()
    assert notes == (first.note, second.note)
    assert {open_checkpoint(note, key).root for note in notes} == {first.root, second.root}


# --- what is signed says one thing ---------------------------------------------------------------------------------


def _signed(ledger: SqlLedger, payload: bytes) -> bytes:
    """An envelope around any bytes, under the stolen attestation key."""
    pae = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    key = ledger.keys.attestation
    signature = {"keyid": key.keyid, "sig": base64.b64encode(key.sign(pae)).decode()}
    outer = {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD_TYPE, "signatures": [signature]}
    return json.dumps(outer, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "twice",
    [
        b'{"decision":"reject","decision":"approve"}',
        b'{"decision":"reject","\\u0064ecision":"approve"}',
        b'{"\\u0064ecision":"reject","decision":"approve"}',
        b'{"decision":"reject","decisio\\u006E":"approve"}',
    ],
)
def test_a_decision_that_says_two_things_is_refused(ledger: SqlLedger, twice: bytes) -> None:
    assert json.loads(twice)["decision"] == "approve", "most parsers read an approval"
    with pytest.raises(ValueError, match="twice"):
        strict_json(twice)
    payload = base64.b64decode(json.loads(_envelopes(ledger)[SIZE - 1])["payload"])
    assert payload.count(b'{"decision":"approve"}') == 1
    odd = _signed(ledger, payload.replace(b'{"decision":"approve"}', twice))
    leaf = leaf_hash(odd)
    set_columns = f"UPDATE entry SET envelope = ?, leaf_hash = x'{leaf.hex()}' WHERE seq = {SIZE - 1}"
    behind_its_back(ledger.path, set_columns, given=(odd,))
    assert any(f"entry {SIZE - 1}: envelope: not a statement" in problem for problem in _problems(ledger))
    with pytest.raises(LedgerTamperedError, match="twice"):
        list(replace(ledger).entries())
