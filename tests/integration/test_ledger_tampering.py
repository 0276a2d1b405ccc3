"""Every changed byte of a ledger is found; backups bring back what was, and nothing is lost by a restore."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_factory import NOON, behind_its_back, fetched, filled, ledger_at, sign_off

from governance.errors import ConfigurationError, FairgateError, LedgerError, LedgerTamperedError
from governance.ledger.backup import backup, restore
from governance.ledger.checkpoint import Checkpoint, sign_checkpoint
from governance.ledger.envelope import seal
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import extend, leaf_hash, root_of
from governance.ledger.verify import MAX_PROBLEMS, verify_ledger

SIZE = 5
COLUMNS = {
    "entry": ("seq", "time", "envelope", "leaf_hash", "root", "idempotency_key"),
    "entry_subject": ("seq", "position", "name", "digest"),
    "checkpoint": ("size", "note"),
    "head": ("id", "size", "root", "frontier"),
}
CASES = [(table, column) for table, columns in COLUMNS.items() for column in columns]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    filled(folder, SIZE)
    with closing(sqlite3.connect(folder / "ledger.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def ledger(original: Path, tmp_path: Path) -> SqlLedger:
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return ledger_at(tmp_path)


def test_the_columns_under_test_are_all_there_are(ledger: SqlLedger) -> None:
    tables = [name for (name,) in fetched(ledger.path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {table: tuple(row[1] for row in fetched(ledger.path, f"PRAGMA table_info({table})")) for table in tables}
    assert found == {**COLUMNS, "ledger_version": ("version_num",)}


@pytest.mark.parametrize(("table", "column"), CASES)
def test_every_changed_column_is_found_and_named(ledger: SqlLedger, table: str, column: str) -> None:
    dice = random.Random(f"{table}.{column}")
    rows = fetched(ledger.path, f"SELECT rowid, {column} FROM {table} ORDER BY rowid")
    assert verify_ledger(ledger).problems == ()
    for rowid, value in rows:
        for changed in _changes(value, dice):
            copy = _copy(ledger)
            behind_its_back(
                copy.path, f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = {rowid}", given=(changed,)
            )
            if fetched(copy.path, f"SELECT {column} FROM {table} ORDER BY rowid") == [(item[1],) for item in rows]:
                continue  # a unique place that was taken: nothing changed
            problems = verify_ledger(copy).problems
            assert problems, (table, column, rowid, changed)
            where = {"entry": rowid, "checkpoint": rowid - 1, "entry_subject": (rowid - 1) // 2}.get(table)
            wanted = "head: " if where is None else f"entry {where}"
            assert any(wanted in problem for problem in problems), (problems, changed)


def _changes(value: object, dice: random.Random) -> list[object]:
    """Changed values of the same type: each kind of column gets flipped bits, ends cut off, or nothing at all."""
    if isinstance(value, int):
        return [value + 1, value - 1, value + 1_000, -value - 1]
    if value is None:
        return ["x"]
    data = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
    places = {0, len(data) - 1, *(dice.randrange(len(data)) for _ in range(6))}
    flipped = [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in sorted(places)]
    changed = [*flipped, data[:-1], data + b"\n", b""]
    return [item.decode("utf-8", "replace") for item in changed] if isinstance(value, str) else list(changed)


def _copy(ledger: SqlLedger) -> SqlLedger:
    path = ledger.path.with_name("copy.db")
    for old in path.parent.glob("copy.db*"):
        old.unlink()
    shutil.copyfile(ledger.path, path)
    return replace(ledger, url=f"sqlite:///{path}")


@pytest.mark.parametrize("place", range(0, 900, 37))
def test_every_byte_of_an_envelope_counts(ledger: SqlLedger, place: int) -> None:
    [(envelope,)] = fetched(ledger.path, "SELECT envelope FROM entry WHERE seq = 2")
    place %= len(envelope)
    changed = envelope[:place] + bytes([envelope[place] ^ 0x10]) + envelope[place + 1 :]
    behind_its_back(ledger.path, "UPDATE entry SET envelope = ? WHERE seq = 2", given=(changed,))
    assert "entry 2: leaf_hash is not that of the envelope" in verify_ledger(ledger).problems
    with pytest.raises(LedgerTamperedError, match="entry 2"):
        list(ledger.entries())


def test_a_byte_flipped_in_the_file_never_changes_what_is_read(ledger: SqlLedger) -> None:
    """Flips anywhere in the file: found, or without any effect on what the ledger says (free space, file header)."""
    truth, data, dice = list(ledger.entries()), ledger.path.read_bytes(), random.Random(3)
    found = 0
    for _ in range(150):
        copy = _copy(ledger)
        place = dice.randrange(len(data))
        copy.path.write_bytes(data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :])
        try:
            problems = verify_ledger(copy).problems
        except FairgateError:  # SQLite does not even open it
            problems = ("not readable",)
        if problems:
            found += 1
        else:
            assert list(copy.entries()) == truth, place
            assert [entry.seq for entry in copy.entries(subject="audit-report")] == list(range(SIZE)), place
    assert found > 30


def test_a_dropped_entry_is_found_though_the_rest_was_joined_up(ledger: SqlLedger) -> None:
    behind_its_back(
        ledger.path,
        "DELETE FROM entry WHERE seq = 2",
        "UPDATE entry SET seq = seq - 1 WHERE seq > 2",
        "DELETE FROM entry_subject WHERE seq = 2",
        "UPDATE entry_subject SET seq = seq - 1 WHERE seq > 2",
        "DELETE FROM checkpoint WHERE size = 5",
    )
    problems = verify_ledger(ledger).problems
    assert "entry 2: seq is 3 in the signed body" in problems
    with pytest.raises(LedgerTamperedError):
        list(ledger.entries())


def test_swapped_entries_are_found(ledger: SqlLedger) -> None:
    behind_its_back(
        ledger.path,
        "UPDATE entry SET seq = 99 WHERE seq = 1",
        "UPDATE entry SET seq = 1 WHERE seq = 2",
        "UPDATE entry SET seq = 2 WHERE seq = 99",
    )
    problems = verify_ledger(ledger).problems
    assert any(problem.startswith("entry 1: ") for problem in problems)
    assert any(problem.startswith("entry 2: ") for problem in problems)


def test_the_end_cut_off_is_found_by_the_head(ledger: SqlLedger) -> None:
    behind_its_back(ledger.path, "DELETE FROM entry WHERE seq = 4")
    assert any("head speaks of 5 entries, its last entry of 4" in problem for problem in verify_ledger(ledger).problems)
    for act in (ledger.size, lambda: list(ledger.entries()), lambda: ledger.append(sign_off(9))):
        with pytest.raises(LedgerTamperedError, match="head"):
            act()


def _roll_back(ledger: SqlLedger, size: int) -> None:
    """What an administrator of the file can do: the last entries go, and everything that speaks of them."""
    frontier: tuple[bytes, ...] = ()
    for number, (envelope,) in enumerate(fetched(ledger.path, f"SELECT envelope FROM entry WHERE seq < {size}")):
        frontier = extend(number, frontier, leaf_hash(envelope))
    behind_its_back(
        ledger.path,
        f"DELETE FROM entry WHERE seq >= {size}",
        f"DELETE FROM entry_subject WHERE seq >= {size}",
        f"DELETE FROM checkpoint WHERE size > {size}",
        f"UPDATE head SET size = {size}, root = x'{root_of(frontier).hex()}', frontier = x'{b''.join(frontier).hex()}'",
    )


def _kept(ledger: SqlLedger) -> Checkpoint:
    found = ledger.checkpoint()
    assert found is not None
    return found


@pytest.mark.parametrize("size", [0, 2, 4])
def test_a_roll_back_is_seen_with_a_checkpoint_kept_elsewhere_and_only_then(ledger: SqlLedger, size: int) -> None:
    kept = _kept(ledger)
    _roll_back(ledger, size)
    assert verify_ledger(ledger).problems == (), "from inside, the ledger was never longer"
    assert verify_ledger(ledger, trusted=kept).problems == (
        f"entries {size} to 4 are gone: a checkpoint kept elsewhere has them",
    )


def test_a_ledger_written_anew_under_stolen_keys_is_seen_with_a_kept_checkpoint(ledger: SqlLedger) -> None:
    kept = _kept(ledger)
    _roll_back(ledger, 3)
    anew = ledger_at(ledger.path.parent)
    for number in range(4):
        anew.append(sign_off(100 + number))
    assert verify_ledger(anew).problems == ()
    assert verify_ledger(anew, trusted=kept).problems == (
        "the first 5 entries are not those of the checkpoint kept elsewhere",
    )


def test_a_forged_entry_needs_the_attestation_key(ledger: SqlLedger, tmp_path: Path) -> None:
    stranger = ledger_at(tmp_path / "stranger").keys
    forged = seal(sign_off(1, decision="refuse"), 4, NOON, stranger.attestation)
    _roll_back(ledger, 4)
    [(size, nodes)] = fetched(ledger.path, "SELECT size, frontier FROM head")
    frontier = extend(size, tuple(nodes[i : i + 32] for i in range(0, len(nodes), 32)), leaf_hash(forged))
    root = root_of(frontier)
    note = sign_checkpoint(5, root, stranger.log).note
    behind_its_back(
        ledger.path,
        f"INSERT INTO entry VALUES (4, '2026-07-01T12:00:00.000000Z', x'{forged.hex()}', x'{leaf_hash(forged).hex()}',"
        f" x'{root.hex()}', NULL)",
        f"UPDATE head SET size = 5, root = x'{root.hex()}', frontier = x'{b''.join(frontier).hex()}'",
    )
    behind_its_back(ledger.path, "INSERT INTO checkpoint VALUES (5, ?)", given=(note,))
    problems = verify_ledger(ledger).problems
    assert any("entry 4: envelope: the envelope is not signed" in problem for problem in problems)
    assert any("entry 4: checkpoint: " in problem for problem in problems)


def test_an_entry_hidden_from_the_index_is_found(ledger: SqlLedger) -> None:
    behind_its_back(ledger.path, "DELETE FROM entry_subject WHERE seq = 3")
    assert verify_ledger(ledger).problems == ("entry 3: the index of subjects is not what was signed",)


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("INSERT INTO entry_subject VALUES (1, 7, 'model/hiring/9', 'sha256:x')", "entry 1"),
        ("INSERT INTO entry_subject VALUES (70, 0, 'model/hiring/9', 'sha256:x')", "entry_subject: 1 rows"),
        ("INSERT INTO checkpoint VALUES (70, 'x')", "checkpoint: 1 rows"),
        ("DELETE FROM checkpoint WHERE size = 2", "entry 1: checkpoint is missing"),
        ("DELETE FROM head", "head: the ledger has 0 heads"),
        ("INSERT INTO head SELECT 2, size, root, frontier FROM head", "head: the ledger has 2 heads"),
    ],
)
def test_added_and_missing_rows_are_found(ledger: SqlLedger, statement: str, where: str) -> None:
    ledger.size()
    behind_its_back(ledger.path, statement)
    assert any(where in problem for problem in verify_ledger(replace(ledger, read_only=True)).problems)


def test_problems_are_counted_up_to_a_hundred(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 60)
    behind_its_back(ledger.path, "UPDATE entry SET time = 'x', root = zeroblob(32)")
    assert len(verify_ledger(ledger).problems) == MAX_PROBLEMS


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET time = time",
        "UPDATE OR REPLACE entry SET seq = 1 WHERE seq = 2",
        "DELETE FROM entry",
        "DELETE FROM entry WHERE seq = 4",
        "INSERT OR REPLACE INTO entry SELECT 2, time, envelope, leaf_hash, root, NULL FROM entry WHERE seq = 1",
        "INSERT OR REPLACE INTO entry SELECT 5, time, envelope, leaf_hash, root, 'key-1' FROM entry WHERE seq = 1",
        "REPLACE INTO entry SELECT * FROM entry",
        "INSERT INTO entry SELECT 9, time, envelope, leaf_hash, root, NULL FROM entry WHERE seq = 1",
        "INSERT INTO entry SELECT NULL, time, envelope, leaf_hash, root, NULL FROM entry WHERE seq = 1",
        "UPDATE entry_subject SET name = 'x'",
        "DELETE FROM entry_subject",
        "INSERT OR REPLACE INTO entry_subject VALUES (1, 0, 'x', 'y')",
        "INSERT INTO entry_subject VALUES (4, 9, 'x', 'y')",
        "UPDATE checkpoint SET note = 'x'",
        "DELETE FROM checkpoint",
        "INSERT OR REPLACE INTO checkpoint VALUES (5, 'x')",
        "INSERT OR REPLACE INTO checkpoint VALUES (1, 'x')",
        "UPDATE head SET size = 3",
        "UPDATE head SET size = 6",
        "UPDATE head SET root = zeroblob(32)",
        "DELETE FROM head",
        "INSERT OR REPLACE INTO head VALUES (1, 0, zeroblob(32), x'')",
    ],
)
def test_accidents_are_refused_on_any_connection(ledger: SqlLedger, statement: str) -> None:
    ledger.size()
    with closing(sqlite3.connect(ledger.path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    assert verify_ledger(ledger).problems == ()
    assert ledger.append(sign_off(9)).seq == SIZE


@pytest.mark.parametrize("statement", ["DROP TRIGGER entry_no_delete", "DROP INDEX entry_subject_name"])
def test_a_dropped_guard_is_told(ledger: SqlLedger, statement: str) -> None:
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.execute(statement)
    problems = verify_ledger(ledger_at(ledger.path.parent)).problems
    assert len(problems) == 1
    assert statement.rsplit(maxsplit=1)[-1] in problems[0]


def test_what_is_no_database_is_tampering(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 500)
    ledger = ledger_at(tmp_path)
    for act in (ledger.size, lambda: list(ledger.entries()), lambda: ledger.append(sign_off(1))):
        with pytest.raises(LedgerTamperedError, match="is damaged: file is not a database; restore a backup"):
            act()


# Backups


def test_a_backup_holds_everything_and_nothing_lies_beside_it(ledger: SqlLedger, tmp_path: Path) -> None:
    target = tmp_path / "away" / "ledger.backup"
    target.parent.mkdir()
    assert backup(ledger, target).size == SIZE
    assert [path.name for path in target.parent.iterdir()] == ["ledger.backup"]
    copy = replace(ledger, url=f"sqlite:///{target}", read_only=True)
    assert list(copy.entries()) == list(ledger.entries())
    with pytest.raises(ConfigurationError, match="never overwrites"):
        backup(ledger, target)


def test_a_backup_that_cannot_be_written(ledger: SqlLedger, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="could not be written"):
        backup(ledger, tmp_path / "nowhere" / "ledger.backup")


def test_a_damaged_ledger_is_not_backed_up(ledger: SqlLedger, tmp_path: Path) -> None:
    behind_its_back(ledger.path, "UPDATE entry SET time = 'x' WHERE seq = 1")
    with pytest.raises(LedgerTamperedError, match="is not a whole ledger: entry 1"):
        backup(ledger, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_ledger_comes_back(ledger: SqlLedger, tmp_path: Path) -> None:
    truth = list(ledger.entries())
    backup(ledger, tmp_path / "backup")
    ledger.path.unlink()
    assert restore(ledger, tmp_path / "backup") is None
    again = ledger_at(tmp_path)
    assert list(again.entries()) == truth
    assert again.append(sign_off(8)).seq == SIZE
    assert verify_ledger(again).problems == ()


@pytest.mark.parametrize("damage", ["row", "bytes", "empty", "cut"])
def test_a_damaged_ledger_is_replaced_and_kept(ledger: SqlLedger, tmp_path: Path, damage: str) -> None:
    truth = list(ledger.entries())
    backup(ledger, tmp_path / "backup")
    if damage == "row":
        behind_its_back(ledger.path, "UPDATE entry SET envelope = x'00' WHERE seq = 1")
    else:
        data = ledger.path.read_bytes()
        ledger.path.write_bytes({"bytes": b"\x00" * 5_000, "empty": b"", "cut": data[: len(data) // 2]}[damage])
    damaged = ledger.path.read_bytes()
    kept = restore(ledger_at(tmp_path), tmp_path / "backup")
    assert kept is not None
    assert kept.name == "ledger.db.before-restore-1"
    if damage in ("bytes", "cut"):
        assert kept.read_bytes()[:4_000] == damaged[:4_000] or kept.stat().st_size == len(damaged)
    assert list(ledger_at(tmp_path).entries()) == truth
    assert verify_ledger(ledger_at(tmp_path)).problems == ()


def test_a_restore_never_loses_entries(ledger: SqlLedger, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "backup")
    ledger.append(sign_off(8))
    with pytest.raises(ConfigurationError, match=r"has 6 entries that the backup .* does not all hold"):
        restore(ledger, tmp_path / "backup")
    assert ledger.size() == SIZE + 1


def test_a_restore_never_loses_entries_of_another_history(ledger: SqlLedger, tmp_path: Path) -> None:
    """As many entries are not the same entries."""
    backup(ledger, tmp_path / "backup")
    _roll_back(ledger, 3)
    anew = ledger_at(tmp_path)
    for number in (7, 8):
        anew.append(sign_off(number))
    assert anew.size() == SIZE
    with pytest.raises(ConfigurationError, match="does not all hold"):
        restore(anew, tmp_path / "backup")
    assert anew.size() == SIZE


def test_a_rolled_back_ledger_is_brought_forward(ledger: SqlLedger, tmp_path: Path) -> None:
    truth = list(ledger.entries())
    backup(ledger, tmp_path / "backup")
    _roll_back(ledger, 3)
    assert restore(ledger, tmp_path / "backup") is not None
    assert list(ledger_at(tmp_path).entries()) == truth


def test_what_is_no_backup_is_refused_and_not_touched(ledger: SqlLedger, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE cats (name TEXT)")
        connection.commit()
    before = other.read_bytes()
    for path in (other, tmp_path / "keys" / "log.pub"):
        with pytest.raises(LedgerError):
            restore(ledger, path)
    with pytest.raises(ConfigurationError, match="there is no backup at"):
        restore(ledger, tmp_path / "nowhere")
    assert other.read_bytes() == before
    assert ledger.size() == SIZE


def test_a_damaged_backup_is_refused(ledger: SqlLedger, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "backup")
    behind_its_back(tmp_path / "backup", "UPDATE entry SET envelope = x'00' WHERE seq = 1")
    with pytest.raises(LedgerTamperedError, match="backup is not a whole ledger: entry 1"):
        restore(ledger, tmp_path / "backup")
    assert ledger.size() == SIZE


def test_restoring_twice_keeps_both(ledger: SqlLedger, tmp_path: Path) -> None:
    backup(ledger, tmp_path / "backup")
    names = [restore(ledger, tmp_path / "backup") for _ in range(2)]
    assert [path.name for path in names if path] == ["ledger.db.before-restore-1", "ledger.db.before-restore-2"]
