"""What every ledger does, on SQLite and on a real PostgreSQL: the same tests for both."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_factory import NOON, StoppedClock, decide_many, leaves, ledger_on, now, sign_off, tamper
from postgres_server import own_database, shared_server

from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger import sql
from governance.ledger.backup import backup, restore
from governance.ledger.port import Clock
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import root_of_leaves
from governance.ledger.verify import verify_ledger
from governance.statement import ResourceDigest

SPAWN = multiprocessing.get_context("spawn")
Open = Callable[..., SqlLedger]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty ledger on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with own_database(shared_server()) as address:
        yield address


@pytest.fixture
def open_ledger(url: str, tmp_path: Path) -> Iterator[Open]:
    """Opens the ledger as often as asked; a server's connections are closed in the end."""
    opened: list[SqlLedger] = []

    def give(clock: Clock = now, address: str = url) -> SqlLedger:
        opened.append(ledger_on(address, tmp_path, clock))
        return opened[-1]

    yield give
    for ledger in opened:
        ledger.database.dispose()


@pytest.fixture
def ledger(open_ledger: Open) -> SqlLedger:
    """A ledger of five sign-offs, each under a key."""
    made = open_ledger()
    for number in range(5):
        made.append(sign_off(number), idempotency_key=f"key-{number}")
    return made


def test_what_is_appended_is_read_again(open_ledger: Open) -> None:
    ledger = open_ledger()
    assert (list(ledger.entries()), ledger.checkpoint(), verify_ledger(ledger).problems) == ([], None, ())
    appended = [ledger.append(sign_off(number, note="größer")) for number in range(5)]
    assert list(ledger.entries()) == list(open_ledger().entries()) == appended
    assert [entry.seq for entry in appended] == [0, 1, 2, 3, 4]
    assert appended[-1].root == root_of_leaves(leaves(appended))
    assert verify_ledger(ledger).problems == ()


def test_entries_are_found_by_subject_and_by_digest(ledger: SqlLedger) -> None:
    wanted = sign_off(2).subjects[0]
    assert [entry.seq for entry in ledger.entries(subject=wanted.name)] == [2]
    assert [entry.seq for entry in ledger.entries(digest=wanted.digest)] == [2]
    assert [entry.seq for entry in ledger.entries(subject="audit-report")] == [0, 1, 2, 3, 4]
    for odd in ("' OR 1=1 --", "%s", ":seq", "a\0b", "\ud800"):
        assert list(ledger.entries(subject=odd)) == []


def test_reading_goes_on_over_many_pages(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_PAGE", 2)
    assert [entry.seq for entry in ledger.entries()] == [0, 1, 2, 3, 4]
    assert [entry.seq for entry in ledger.entries(subject="audit-report")] == [0, 1, 2, 3, 4]
    tamper(ledger, "DELETE FROM entry WHERE seq = 3")
    with pytest.raises(LedgerTamperedError, match="entry 3 is gone"):
        list(ledger.entries())


def test_a_retry_returns_the_first_entry(ledger: SqlLedger) -> None:
    assert ledger.append(sign_off(99), idempotency_key="key-1") == list(ledger.entries())[1]
    assert ledger.size() == 5


def test_recorded_time_never_goes_back(open_ledger: Open) -> None:
    clock = StoppedClock()
    ledger, times = open_ledger(clock), []
    for hours in (0, 2, -5, 1):
        clock.forward(hours=hours)
        times.append(ledger.append(sign_off(hours)).time)
    assert times == [NOON, NOON + timedelta(hours=2), NOON + timedelta(hours=2), NOON + timedelta(hours=2)]
    assert verify_ledger(ledger).problems == ()


def test_a_refused_statement_leaves_no_trace(ledger: SqlLedger) -> None:
    name = "a\0b"
    digest = sign_off(1).subjects[0].digest
    for statement in (
        sign_off(1, text="x" * 70_000),
        sign_off(1, ratio=float("nan")),
        replace(sign_off(1), subjects=(ResourceDigest("model", "sha256:short"),)),
        replace(sign_off(1), subjects=(ResourceDigest(name, digest),)),
        replace(sign_off(1), subjects=(ResourceDigest("\ud800", digest),)),
    ):
        with pytest.raises(LedgerError):
            ledger.append(statement)
    for key in (name, "\ud800"):
        with pytest.raises(LedgerError, match=r"holds a NUL|cannot be kept as JSON"):
            ledger.append(sign_off(1), idempotency_key=key)
    assert ledger.append(sign_off(2)).seq == 5
    assert verify_ledger(ledger).problems == ()


def test_what_decides_reads_the_same_ledger_and_may_fail(ledger: SqlLedger, open_ledger: Open) -> None:
    other = open_ledger()
    with pytest.raises(ZeroDivisionError):
        ledger.append_decided(lambda: sign_off(1 // 0))
    entry = ledger.append_decided(lambda: sign_off(7, size=other.size(), seen=len(list(ledger.entries()))))
    assert (entry.seq, entry.statement.body["size"], entry.statement.body["seen"]) == (5, 5, 5)


def test_sixteen_signers_at_once_decide_one_after_the_other(open_ledger: Open, url: str, tmp_path: Path) -> None:
    # Nobody has made the keys or the tables yet: that is raced for as well.
    processes = [SPAWN.Process(target=decide_many, args=(url, tmp_path, writer, 4, 5)) for writer in range(4)]
    for process in processes:
        process.start()
    ledger = open_ledger()
    while any(process.is_alive() for process in processes):  # what is read meanwhile is whole as well
        assert verify_ledger(ledger).problems == ()
        seen = [entry.seq for entry in ledger.entries()]
        assert seen == list(range(len(seen)))
        time.sleep(0.3)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    entries = list(ledger.entries())
    assert [entry.seq for entry in entries] == [entry.statement.body["size"] for entry in entries] == list(range(80))
    assert verify_ledger(ledger).problems == ()
    assert entries[-1].root == root_of_leaves(leaves(entries))


# Tampering


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE entry SET seq = 9 WHERE seq = 4", "entry 9: stands where entry 4 should be"),
        ("UPDATE entry SET time = '2020-01-01T00:00:00.000000Z' WHERE seq = 2", "entry 2: time is not"),
        ("UPDATE entry SET envelope = blob(7B7D) WHERE seq = 2", "entry 2: leaf_hash is not"),
        (f"UPDATE entry SET leaf_hash = blob({'ab' * 32}) WHERE seq = 2", "entry 2: leaf_hash is not"),
        (f"UPDATE entry SET root = blob({'ab' * 32}) WHERE seq = 2", "entry 2: root is not"),
        ("UPDATE entry SET idempotency_key = 'x' WHERE seq = 2", "entry 2: idempotency_key is not"),
        ("UPDATE entry SET idempotency_key = NULL WHERE seq = 2", "entry 2: idempotency_key is not"),
        ("UPDATE entry_subject SET name = 'x' WHERE seq = 2 AND position = 0", "entry 2: the index of subjects"),
        ("UPDATE entry_subject SET digest = 'x' WHERE seq = 2 AND position = 0", "entry 2: the index of subjects"),
        ("UPDATE entry_subject SET position = 7 WHERE seq = 2 AND position = 1", "entry 2: the index of subjects"),
        ("UPDATE entry_subject SET seq = 70 WHERE seq = 4", "entry_subject: 2 rows speak of entries"),
        ("DELETE FROM entry_subject WHERE seq = 4", "entry 4: the index of subjects"),
        ("INSERT INTO entry_subject VALUES (-1, 0, 'a', 'b')", "entry_subject: 1 rows speak of entries"),
        ("INSERT INTO entry_subject VALUES (1, 2, 'a', 'b')", "entry 1: the index of subjects"),
        ("UPDATE checkpoint SET note = note || 'x' WHERE size = 3", "entry 2: checkpoint: "),
        ("DELETE FROM checkpoint WHERE size = 3", "entry 2: checkpoint is missing"),
        ("UPDATE checkpoint SET size = 70 WHERE size = 5", "checkpoint: 1 rows speak of entries"),
        ("UPDATE head SET size = 4", "head: the ledger's head speaks of 4 entries, its last entry of 5"),
        (f"UPDATE head SET root = blob({'ab' * 32})", "head: the ledger's head speaks of 5"),
        ("UPDATE head SET frontier = blob(00)", "head: the ledger's head speaks of 5"),
        ("DELETE FROM head", "head: the ledger has 0 heads"),
        ("DELETE FROM entry WHERE seq = 4", "head: the ledger's head speaks of 5 entries, its last entry of 4"),
    ],
)
def test_what_an_owner_changes_is_found_and_named(ledger: SqlLedger, statement: str, where: str) -> None:
    tamper(ledger, statement)
    problems = verify_ledger(ledger).problems
    assert any(where in problem for problem in problems), problems


def test_the_guards_are_as_they_were_made_after_they_were_off_and_on(ledger: SqlLedger) -> None:
    tamper(ledger)
    assert verify_ledger(ledger).problems == ()


@pytest.mark.parametrize("warm", [False, True], ids=["first read", "after a read"])
@pytest.mark.parametrize(
    "hiding",
    [
        "DELETE FROM entry_subject WHERE seq = 4",
        "UPDATE entry_subject SET digest = 'sha256:00' WHERE seq = 4",
        "UPDATE entry_subject SET name = 'model/other' WHERE seq = 4 AND position = 1",
    ],
)
def test_an_entry_hidden_in_the_index_is_missed_by_reads_of_its_subject(
    ledger: SqlLedger, open_ledger: Open, hiding: str, warm: bool
) -> None:
    assert not warm or len(list(ledger.entries(subject="audit-report"))) == 5
    tamper(ledger, hiding)
    with pytest.raises(LedgerTamperedError, match="entry 4: the index of subjects"):
        list((ledger if warm else open_ledger()).entries(subject="audit-report"))


def test_a_ledger_that_shrank_under_a_running_process_is_refused(ledger: SqlLedger) -> None:
    older = ledger.head()
    ledger.append(sign_off(5))
    assert len(list(ledger.entries(subject="audit-report"))) == 6
    tamper(
        ledger,
        "DELETE FROM entry_subject WHERE seq = 5",
        "DELETE FROM checkpoint WHERE size = 6",
        "DELETE FROM entry WHERE seq = 5",
        f"UPDATE head SET size = 5, root = blob({older.root.hex()}), frontier = blob({b''.join(older.frontier).hex()})",
    )
    assert verify_ledger(ledger).problems == (), "from inside, the ledger was never longer"
    with pytest.raises(LedgerTamperedError, match="had 6 entries and has now 5"):
        list(ledger.entries(subject="audit-report"))


def test_a_receipt_proves_its_entry_and_no_other(ledger: SqlLedger) -> None:
    public = ledger.keys.log.public
    for entry in ledger.entries():
        receipt = ledger.receipt(entry.seq)
        assert receipt.proves(entry.envelope, public)
        assert not receipt.proves(entry.envelope + b" ", public)
    with pytest.raises(LedgerError, match="no entry 5"):
        ledger.receipt(5)


# From one database to the other


def test_both_databases_keep_the_same_bytes(open_ledger: Open, tmp_path: Path) -> None:
    here, there = open_ledger(StoppedClock()), ledger_on(f"sqlite:///{tmp_path}/other.db", tmp_path, StoppedClock())
    for number in range(4):
        for ledger in (here, there):
            ledger.append(sign_off(number), idempotency_key=f"key-{number}")
    assert list(here.entries()) == list(there.entries())
    assert here.checkpoint() == there.checkpoint()


def test_a_backup_comes_back_and_goes_over_to_a_server(ledger: SqlLedger, open_ledger: Open, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    kept = tmp_path / "away" / "ledger.backup"
    assert backup(ledger, kept).size == 5
    assert [path.name for path in kept.parent.iterdir()] == ["ledger.backup"]
    with own_database(shared_server()) as address:
        moved = open_ledger(address=address)
        restore(moved, kept)
        assert list(moved.entries()) == list(ledger.entries())
        assert moved.append(sign_off(5)).seq == 5
        longer = tmp_path / "away" / "longer.backup"
        backup(moved, longer)
        with pytest.raises(ConfigurationError, match=r"has 6 entries that the backup .* does not all hold"):
            restore(moved, kept)
        restore(ledger, longer)
        assert list(open_ledger().entries()) == list(moved.entries())
        assert verify_ledger(open_ledger()).problems == verify_ledger(moved).problems == ()
