"""Ledger files of every age: made before there were migrations, by Alembic, and as a new project makes them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from ledger_factory import fetched, ledger_at, sign_off
from sqlalchemy import create_engine

from flows.cli import main
from governance import migrations
from governance.accounts_schema import ACCOUNTS
from governance.database.port import Tables
from governance.database.sqlite import SqliteDatabase
from governance.errors import ConfigurationError
from governance.ledger.schema import LEDGER
from governance.ledger.tree import EMPTY_ROOT
from governance.ledger.verify import verify_ledger

BOTH = pytest.mark.parametrize("tables", [LEDGER, ACCOUNTS], ids=lambda tables: tables.name)

# Frozen: the statements of the version before migrations, as SQLite kept them.
OLD = """
CREATE TABLE entry (
        seq INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        envelope BLOB NOT NULL,
        leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
        root BLOB NOT NULL CHECK (length(root) = 32),
        idempotency_key TEXT UNIQUE
    ) STRICT;
CREATE TABLE entry_subject (
        seq INTEGER NOT NULL REFERENCES entry (seq),
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (seq, position)
    ) STRICT;
CREATE INDEX entry_subject_name ON entry_subject (name, seq);
CREATE INDEX entry_subject_digest ON entry_subject (digest, seq);
CREATE TABLE head (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        size INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        frontier BLOB NOT NULL
    ) STRICT;
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
INSERT INTO head SELECT 1, 0, x'{root}', x'' WHERE NOT EXISTS (SELECT 1 FROM head);
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_subject_no_update BEFORE UPDATE ON entry_subject
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_subject_no_delete BEFORE DELETE ON entry_subject
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_in_turn BEFORE INSERT ON entry WHEN NEW.seq IS NOT (SELECT size FROM head) OR EXISTS \
(SELECT 1 FROM entry WHERE idempotency_key = NEW.idempotency_key) \
BEGIN SELECT RAISE(ABORT, 'not the next place in the ledger'); END;
CREATE TRIGGER entry_subject_in_turn BEFORE INSERT ON entry_subject WHEN NEW.seq IS NOT (SELECT size FROM head) OR \
NOT EXISTS (SELECT 1 FROM entry WHERE seq = NEW.seq) \
BEGIN SELECT RAISE(ABORT, 'not the next place in the ledger'); END;
CREATE TRIGGER checkpoint_in_turn BEFORE INSERT ON checkpoint WHEN NEW.size - 1 IS NOT (SELECT size FROM head) OR \
NOT EXISTS (SELECT 1 FROM entry WHERE seq = NEW.size - 1) \
BEGIN SELECT RAISE(ABORT, 'not the next place in the ledger'); END;
CREATE TRIGGER head_stays BEFORE INSERT ON head WHEN EXISTS (SELECT 1 FROM head)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER head_no_delete BEFORE DELETE ON head
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER head_grows BEFORE UPDATE ON head
        WHEN NEW.size IS NOT OLD.size + 1 OR NOT EXISTS (SELECT 1 FROM entry WHERE seq = OLD.size)
        BEGIN SELECT RAISE(ABORT, 'the ledger only grows by one'); END;
""".replace("{root}", EMPTY_ROOT.hex())
WORDS = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '%version' ORDER BY name"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger file as the version before migrations made it."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(OLD)
    return path


def test_a_ledger_made_before_there_were_migrations_is_opened_and_verified(old: Path) -> None:
    ledger = ledger_at(old.parent)
    for number in range(3):
        ledger.append(sign_off(number), idempotency_key=f"key-{number}")
    assert [entry.seq for entry in ledger.entries(subject="audit-report")] == [0, 1, 2]
    assert verify_ledger(ledger).problems == ()
    assert not fetched(old, "SELECT 1 FROM sqlite_master WHERE name = 'ledger_version'"), "nothing was written into it"


def test_a_new_ledger_is_made_in_the_same_words(old: Path, tmp_path: Path) -> None:
    ledger_at(tmp_path / "new").size()
    assert fetched(tmp_path / "new" / "ledger.db", WORDS) == fetched(old, WORDS)


@BOTH
def test_alembic_makes_what_a_new_project_makes(tables: Tables, tmp_path: Path) -> None:
    SqliteDatabase(tmp_path / "new.db", tables, 30).upgrade()
    engine = create_engine(f"sqlite:///{tmp_path / 'alembic.db'}")
    with engine.begin() as connection:
        migrations._upgrade(connection, tables, None)
        assert migrations.revision_of(connection, tables) == tables.head
    engine.dispose()
    made = [fetched(tmp_path / name, WORDS) for name in ("new.db", "alembic.db")]
    assert made[0] == made[1] != []


@BOTH
def test_the_newest_revision_is_the_one_that_the_code_asks_for(tables: Tables) -> None:
    folder = Path(migrations.__file__).parent
    found = ScriptDirectory(str(folder), version_locations=[str(folder / tables.name)])
    assert found.get_heads() == [tables.head]
    assert found.get_bases() == [migrations.FIRST]


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    ledger_at(tmp_path).size()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("UPDATE ledger_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ConfigurationError, match=r"have the revision '9999', which this version .* does not know"):
        ledger_at(tmp_path).size()


def test_status_and_upgrade_say_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def states(command: str) -> tuple[int, list[tuple[str | None, str | None]]]:
        code = main(["db", command, "--json"])
        return code, [(item["revision"], item["missing"]) for item in json.loads(capsys.readouterr().out)["tables"]]

    assert states("status") == (0, [(None, None), (None, None)])
    assert not (tmp_path / ".fairgate").exists(), "looking makes nothing"
    assert states("upgrade") == (0, [("0001", None), ("0006", None)])
    assert states("status") == (0, [("0001", None), ("0006", None)])
    monkeypatch.setenv("FAIRGATE_LEDGER", "postgresql://nobody:secret-word@127.0.0.1:1/x")
    code, [(revision, missing), _] = states("status")
    assert (code, revision) == (2, None)
    assert missing is not None and "gives no answer" in missing and "secret-word" not in missing
    assert main(["db", "status"]) == 2
