"""Appending: by one process, by many at once, by processes that are killed, and where it cannot be done."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from ledger_factory import (
    NOON,
    StoppedClock,
    append_many,
    behind_its_back,
    fetched,
    filled,
    leaves,
    ledger_at,
    sign_off,
    try_keys,
)

from governance.database.sqlite import SqliteDatabase
from governance.errors import (
    ConfigurationError,
    LedgerConflictError,
    LedgerError,
    LedgerTamperedError,
    ServiceError,
)
from governance.ledger import sql
from governance.ledger.checkpoint import read_checkpoint
from governance.ledger.keys import open_keys
from governance.ledger.tree import EMPTY_ROOT, inclusion_proof, root_of_leaves, verify_consistency, verify_inclusion
from governance.ledger.tree import consistency_proof as proof_of
from governance.ledger.verify import verify_ledger
from governance.statement import ResourceDigest

TESTS = Path(__file__).parents[1]
SPAWN = multiprocessing.get_context("spawn")


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    appended = [ledger.append(sign_off(number, note=("a", "tuple"))) for number in range(5)]
    assert list(ledger.entries()) == appended
    assert list(ledger_at(tmp_path).entries()) == appended
    assert [entry.seq for entry in appended] == [0, 1, 2, 3, 4]
    assert ledger.size() == 5
    assert appended[-1].root == root_of_leaves(leaves(appended))


def test_an_empty_ledger_is_whole(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    assert list(ledger.entries()) == []
    assert ledger.checkpoint() is None
    report = verify_ledger(ledger)
    assert (report.size, report.root, report.problems) == (0, EMPTY_ROOT, ())


def test_every_checkpoint_is_extended_by_the_next_ones(tmp_path: Path) -> None:
    ledger, kept = ledger_at(tmp_path), []
    for number in range(9):
        ledger.append(sign_off(number))
        found = ledger.checkpoint()
        assert found is not None
        kept.append(read_checkpoint(found.note, ledger.keys.log.public))
    hashes = leaves(list(ledger.entries()))
    for older in kept:
        proof = proof_of(hashes, older.size)
        assert verify_consistency(older.size, 9, proof, older.root, kept[-1].root)
        assert verify_inclusion(hashes[0], 0, older.size, inclusion_proof(hashes[: older.size], 0), older.root)
        assert verify_ledger(ledger, trusted=older).problems == ()


def test_entries_are_found_by_subject_and_by_digest(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 4)
    wanted = sign_off(2).subjects[0]
    assert [entry.seq for entry in ledger.entries(subject=wanted.name)] == [2]
    assert [entry.seq for entry in ledger.entries(digest=wanted.digest)] == [2]
    assert [entry.seq for entry in ledger.entries(subject="audit-report")] == [0, 1, 2, 3]
    assert list(ledger.entries(subject=wanted.name, digest="sha256:" + "0" * 64)) == []
    assert list(ledger.entries(subject="' OR 1=1 --")) == []


def test_reading_goes_on_over_many_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_PAGE", 3)
    ledger = filled(tmp_path, 9)
    assert [entry.seq for entry in ledger.entries()] == list(range(9))
    assert [entry.seq for entry in ledger.entries(subject="audit-report")] == list(range(9))
    behind_its_back(ledger.path, "DELETE FROM entry WHERE seq = 4")
    with pytest.raises(LedgerTamperedError, match="entry 4 is gone"):
        list(ledger.entries())


def test_a_retry_returns_the_first_entry(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 3)
    again = ledger.append(sign_off(99), idempotency_key="key-1")
    assert again == list(ledger.entries())[1]
    assert ledger.size() == 3


def test_who_decided_on_an_older_ledger_decides_again(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 3)
    with pytest.raises(LedgerConflictError, match="has 3 entries, the decision was made on 2"):
        ledger.append(sign_off(4), expected_size=2)
    assert ledger.append(sign_off(4), expected_size=3).seq == 3


def test_of_two_decisions_on_one_size_one_wins(tmp_path: Path) -> None:
    ledger, outcomes = filled(tmp_path, 1), []

    def decide(number: int) -> None:
        try:
            outcomes.append(ledger.append(sign_off(number), expected_size=1).seq)
        except LedgerConflictError:
            outcomes.append(None)

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [1, None, None, None, None, None]


def test_recorded_time_never_goes_back(tmp_path: Path) -> None:
    clock = StoppedClock()
    ledger = ledger_at(tmp_path, clock)
    times = []
    for hours in (0, 2, -5, 1):
        clock.forward(hours=hours)
        times.append(ledger.append(sign_off(hours)).time)
    assert times == [NOON, NOON + timedelta(hours=2), NOON + timedelta(hours=2), NOON + timedelta(hours=2)]
    assert verify_ledger(ledger).problems == ()


def test_a_refused_statement_leaves_no_trace(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 1)
    for statement in (
        sign_off(1, text="x" * 70_000),
        sign_off(1, ratio=float("nan")),
        replace(sign_off(1), subjects=(ResourceDigest("model", "sha256:short"),)),
    ):
        with pytest.raises(LedgerError):
            ledger.append(statement)
    assert ledger.append(sign_off(2)).seq == 1
    assert verify_ledger(ledger).problems == ()


def test_eight_processes_append_at_once(tmp_path: Path) -> None:
    # Nobody has made the keys or the tables yet: that is raced for as well.
    processes = [SPAWN.Process(target=append_many, args=(tmp_path, writer, 12)) for writer in range(8)]
    for process in processes:
        process.start()
    ledger = ledger_at(tmp_path)
    while any(process.is_alive() for process in processes):  # what is read meanwhile is whole as well
        assert verify_ledger(ledger).problems == ()
        seen = [entry.seq for entry in ledger.entries()]
        assert seen == list(range(len(seen)))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    entries = list(ledger.entries())
    assert [entry.seq for entry in entries] == list(range(96))
    assert len({entry.statement.meaning for entry in entries}) == 96
    assert verify_ledger(ledger).problems == ()
    assert entries[-1].root == root_of_leaves(leaves(entries))


def test_threads_append_at_once(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    threads = [
        threading.Thread(target=lambda: [ledger.append(sign_off(number)) for number in range(10)]) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify_ledger(ledger).size == 60
    assert verify_ledger(ledger).problems == ()


def test_reading_beside_an_append_never_cries_tampering(tmp_path: Path) -> None:
    ledger, done, troubles = filled(tmp_path, 3), threading.Event(), []

    def read() -> None:
        while not done.is_set():
            try:
                ledger.head()
                list(ledger.entries())
                troubles.extend(verify_ledger(ledger).problems)
            except LedgerError as error:
                troubles.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        ledger.append(sign_off(number))
    done.set()
    reader.join()
    assert troubles == []


def test_a_killed_writer_leaves_a_whole_ledger(tmp_path: Path) -> None:
    ledger, acknowledged, dice = filled(tmp_path, 2), tmp_path / "acknowledged", random.Random(7)
    code = "import sys; from pathlib import Path; from ledger_factory import append_many as run; a = sys.argv;"
    code += "run(Path(a[1]), int(a[2]), 100000, Path(a[3]))"
    for turn in range(6):
        before = acknowledged.stat().st_size if acknowledged.exists() else 0
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path), str(turn * 2 + number), str(acknowledged)],
                env={**os.environ, "PYTHONPATH": str(TESTS)},
                stderr=subprocess.DEVNULL,
            )
            for number in range(2)
        ]
        deadline = time.monotonic() + 30
        while not acknowledged.exists() or acknowledged.stat().st_size == before:
            assert time.monotonic() < deadline, "no append was acknowledged"
            time.sleep(0.005)
        time.sleep(dice.uniform(0.05, 0.3))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            assert writer.wait() == -signal.SIGKILL
        report = verify_ledger(ledger)
        assert report.problems == ()
        kept = {entry.seq: entry.leaf_hash.hex() for entry in ledger.entries()}
        for line in acknowledged.read_text().splitlines():
            seq, leaf = line.split()
            assert kept[int(seq)] == leaf
    assert ledger.append(sign_off(1)).seq == len(kept)


def test_a_ledger_locked_by_a_writer_is_a_service_error(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    ledger = ledger_at(tmp_path, wait_seconds=0.2)
    with FileLock(f"{ledger.path}.lock"):
        failed: list[Exception] = []

        def append() -> None:
            try:
                ledger.append(sign_off(1))
            except ServiceError as error:
                failed.append(error)

        thread = threading.Thread(target=append)
        thread.start()
        thread.join()
        assert "has been locked for 0 s by another process; try again" in str(failed[0])
        assert ledger.size() == 1, "readers do not wait for writers"


def test_a_database_locked_by_another_program_is_a_service_error(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    ledger = ledger_at(tmp_path, wait_seconds=0.2)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ServiceError, match="locked by another program"):
            ledger.append(sign_off(1))
        assert [entry.seq for entry in ledger.entries()] == [0]
    assert ledger.append(sign_off(1)).seq == 1


def test_a_folder_in_the_place_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    ledger = ledger_at(tmp_path)
    for act in (ledger.size, lambda: ledger.append(sign_off(1)), lambda: list(ledger.entries())):
        with pytest.raises(LedgerError, match=r"ledger\.db cannot be used: unable to open"):
            act()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "keys")
    (tmp_path / "file").write_text("x")
    ledger = sql.SqlLedger(f"sqlite:///{tmp_path}/file/ledger.db", keys, StoppedClock())
    with pytest.raises(LedgerError, match=r"the ledger .* cannot be made: "):
        ledger.size()


def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 1)
    with pytest.raises(LedgerError, match="opened for reading only"):
        replace(ledger, read_only=True).append(sign_off(1))
    assert [entry.seq for entry in replace(ledger, read_only=True).entries()] == [0]


def test_a_full_disk_fails_the_append_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 1)
    connect = SqliteDatabase._connect

    def full(self: SqliteDatabase) -> sqlite3.Connection:
        connection = connect(self)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    monkeypatch.setattr(SqliteDatabase, "_connect", full)
    small = ledger_at(tmp_path)
    with pytest.raises(LedgerError, match="full"):
        for number in range(50):
            small.append(sign_off(number, text="x" * 40_000))
    monkeypatch.undo()
    whole = ledger_at(tmp_path)
    assert verify_ledger(whole).problems == ()
    whole.append(sign_off(3))


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_only_a_sqlite_file_or_postgresql_is_a_ledger(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError):
        sql.SqlLedger(url, open_keys(tmp_path), StoppedClock()).size()


def test_processes_that_race_for_the_keys_get_the_same(tmp_path: Path) -> None:
    answers = SPAWN.Queue()
    processes = [SPAWN.Process(target=try_keys, args=(tmp_path / "keys", answers)) for _ in range(8)]
    for process in processes:
        process.start()
    found = {answers.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(found) == 1
    names = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert names == ["attestation.pem", "attestation.pub", "log.pem", "log.pub"], "no scratch file is left"


def test_threads_that_race_for_the_keys_get_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(open_keys(tmp_path).log.keyid)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_two_keys_differ_and_are_private(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "keys")
    assert keys.attestation.keyid != keys.log.keyid
    assert (tmp_path / "keys" / "log.pem").stat().st_mode & 0o777 == 0o600
    assert b"PUBLIC" in (tmp_path / "keys" / "log.pub").read_bytes()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_keys_that_others_can_read_are_refused(tmp_path: Path, mode: int) -> None:
    open_keys(tmp_path)
    (tmp_path / "log.pem").chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        open_keys(tmp_path)


@pytest.mark.parametrize("data", [b"", b"not a key", "ed448", "encrypted"])
def test_a_key_that_is_none_is_refused_and_kept(tmp_path: Path, data: bytes | str) -> None:
    open_keys(tmp_path)
    path = tmp_path / "log.pem"
    path.write_bytes(_other_key(data) if isinstance(data, str) else data)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"log\.pem"):
        open_keys(tmp_path)
    assert path.read_bytes() == before


def test_a_file_in_the_place_of_the_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("x")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        open_keys(tmp_path / "keys")


def test_other_keys_read_nothing(tmp_path: Path) -> None:
    ledger = filled(tmp_path, 2)
    stranger = replace(ledger, keys=open_keys(tmp_path / "others"))
    with pytest.raises(LedgerTamperedError, match=r"entry 0: .* attestation key"):
        list(stranger.entries())
    with pytest.raises(LedgerTamperedError):
        stranger.append(sign_off(3))
    with pytest.raises(LedgerTamperedError, match="log key"):
        stranger.checkpoint()
    assert len(fetched(ledger.path, "SELECT * FROM entry")) == 2


def _other_key(kind: str) -> bytes:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed448PrivateKey.generate() if kind == "ed448" else Ed25519PrivateKey.generate()
    lock = form.BestAvailableEncryption(b"x") if kind == "encrypted" else form.NoEncryption()
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
