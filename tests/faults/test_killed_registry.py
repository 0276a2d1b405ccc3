"""A program that was killed while it wrote to MLflow's database leaves a journal: the registry is still there."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from governance.errors import ServiceError
from governance.registry.sqlite_file import refuse_absent

KILLED = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size=1")  # what is changed goes to the file before the end
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE registered_models SET name = 'changed', more = zeroblob(100000)")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A registry in the state in which a killed writer leaves it."""
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE registered_models (name TEXT, more BLOB)")
        database.executemany(
            "INSERT INTO registered_models VALUES (?, zeroblob(9000))", [(f"m{n}",) for n in range(50)]
        )
        database.commit()
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.with_name("mlflow.db-journal").stat().st_size > 0
    return path


def test_a_killed_writer_does_not_lock_everybody_out(left: Path) -> None:
    """It once did: every command ended with 6 (try again later) until another program opened the file."""
    looking = sqlite3.connect(f"{left.as_uri()}?mode=ro", uri=True)
    with closing(looking), pytest.raises(sqlite3.OperationalError, match="readonly"):
        looking.execute("SELECT 1 FROM registered_models")
    refuse_absent(f"sqlite:///{left}")
    with closing(sqlite3.connect(f"{left.as_uri()}?mode=ro", uri=True)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM registered_models")]
    assert names == [f"m{number}" for number in range(50)], "what was not finished was taken back"


def test_a_writer_at_work_is_waited_for_not_disturbed(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **{**named, "timeout": 0.1}))
    with closing(connect(left, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE registered_models SET name = 'unfinished'")
        with pytest.raises(ServiceError, match="locked"):
            refuse_absent(f"sqlite:///{left}")
        other.execute("ROLLBACK")
    refuse_absent(f"sqlite:///{left}")
