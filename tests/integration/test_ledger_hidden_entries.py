"""Who edits the file can drop a guard or an index row; reads that decide must not be misled by it. And receipts."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.errors import LedgerError, LedgerTamperedError
from governance.ledger.backup import backup, restore
from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE
from governance.statement import PredicateType, ResourceDigest, Statement

DIGEST = "sha256:" + "ab" * 32


def _statement(number: int) -> Statement:
    return Statement(
        PredicateType.OBSERVATION, (ResourceDigest("model/h/1", DIGEST),), MACHINE, "seen", {"number": number}
    )


@pytest.fixture
def ledger(tmp_path: Path) -> SqlLedger:
    made = SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}", open_keys(tmp_path / "keys"), lambda: datetime.now(UTC))
    for number in range(9):
        made.append(_statement(number), idempotency_key=f"key-{number}")
    return made


def _attack(ledger: SqlLedger, *statements: str) -> None:
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as raw:
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)


def test_reads_by_subject_see_what_others_append(ledger: SqlLedger) -> None:
    other = replace(ledger)
    assert len(list(ledger.entries(digest=DIGEST))) == 9
    other.append(_statement(9))
    assert [entry.seq for entry in ledger.entries(subject="model/h/1", digest=DIGEST)] == list(range(10))
    assert list(ledger.entries(subject="model/h/2")) == []


def test_a_ledger_rolled_back_under_a_running_process_is_refused(ledger: SqlLedger, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(ledger.path)) as now, closing(sqlite3.connect(older)) as then:
        now.backup(then)
    ledger.append(_statement(9))
    assert len(list(ledger.entries(digest=DIGEST))) == 10
    with closing(sqlite3.connect(older)) as then, closing(sqlite3.connect(ledger.path)) as now:
        then.backup(now)
    with pytest.raises(LedgerTamperedError, match="had 10 entries and has now 9"):
        list(ledger.entries(digest=DIGEST))


def test_a_rewritten_history_is_refused_by_a_process_that_read_the_first(ledger: SqlLedger, tmp_path: Path) -> None:
    """Also where the new one is longer and every signature in it is good: the log key was stolen."""
    assert len(list(ledger.entries(digest=DIGEST))) == 9
    forged = replace(ledger, url=f"sqlite:///{tmp_path / 'forged.db'}")
    for number in range(11):
        forged.append(_statement(number + 100))
    assert verify_ledger(forged).problems == ()
    with closing(sqlite3.connect(forged.path)) as new, closing(sqlite3.connect(ledger.path)) as old:
        new.backup(old)
    with pytest.raises(LedgerTamperedError, match="not those that its root was made over"):
        list(ledger.entries(digest=DIGEST))


def test_a_forked_child_and_its_parent_append_with_connections_of_their_own(ledger: SqlLedger) -> None:
    script = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.people import MACHINE
from governance.statement import PredicateType, Statement
folder = Path(sys.argv[1])
ledger = SqlLedger(f"sqlite:///{folder / 'ledger.db'}", open_keys(folder / "keys"), lambda: datetime.now(UTC))
seen = Statement(PredicateType.OBSERVATION, (), MACHINE, "seen")
ledger.append(seen)
child = os.fork()
for _ in range(20):
    ledger.append(seen)
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
ledger.append(seen)
"""
    subprocess.run([sys.executable, "-c", script, str(ledger.path.parent)], check=True, timeout=120)
    report = verify_ledger(ledger)
    assert (report.size, report.problems) == (9 + 42, ())


def test_a_running_process_appends_to_the_restored_file_and_not_to_the_one_it_had_open(
    ledger: SqlLedger, tmp_path: Path
) -> None:
    assert ledger.size() == 9  # a connection stays open
    longer = replace(ledger, url=f"sqlite:///{tmp_path / 'longer.db'}")
    with closing(sqlite3.connect(ledger.path)) as now, closing(sqlite3.connect(longer.path)) as then:
        now.backup(then)
    longer.append(_statement(9))
    backup(longer, tmp_path / "backup.db")
    elsewhere = replace(ledger)
    restore(elsewhere, tmp_path / "backup.db")
    assert ledger.append(_statement(10)).seq == 10
    assert [entry.seq for entry in replace(ledger).entries(digest=DIGEST)] == list(range(11))
    assert verify_ledger(elsewhere).problems == ()


def test_guards_that_are_gone_or_say_something_else_are_told_and_not_mended_in_silence(ledger: SqlLedger) -> None:
    gutted = "CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT 1; END"
    _attack(ledger, gutted)
    again = replace(ledger)
    again.append(_statement(9))
    (problem,) = verify_ledger(again).problems
    assert "entry_no_delete" in problem and "head_grows" in problem


@pytest.mark.parametrize(
    "stray",
    [
        "INSERT INTO checkpoint VALUES (10, 'x')",
        "INSERT OR REPLACE INTO checkpoint VALUES (9, 'x')",
        "INSERT INTO entry_subject VALUES (9, 0, 'a', 'b')",
    ],
)
def test_rows_that_belong_to_no_entry_are_refused_by_the_guards(ledger: SqlLedger, stray: str) -> None:
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute(stray)
    assert ledger.append(_statement(9)).seq == 9


def test_a_receipt_proves_its_entry_and_no_other(ledger: SqlLedger) -> None:
    entries = list(ledger.entries())
    public = ledger.keys.log.public
    for entry in entries:
        receipt = ledger.receipt(entry.seq)
        assert receipt.checkpoint == ledger.checkpoint()
        assert receipt.proves(entry.envelope, public)
        assert not receipt.proves(entry.envelope + b" ", public)
        assert not replace(receipt, seq=(entry.seq + 1) % 9).proves(entry.envelope, public)
    with pytest.raises(LedgerTamperedError):
        receipt.proves(entries[-1].envelope, ledger.keys.attestation.public)
    for absent in (-1, 9):
        with pytest.raises(LedgerError, match="no entry"):
            ledger.receipt(absent)
