"""Signing and help start fast because no engine is imported. Asked of a fresh interpreter, without a clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ENGINES = (
    "mlflow",
    "great_expectations",
    "fairlearn",
    "aif360",
    "prefect",
    "pandas",
    "sklearn",
    "scipy",
    "duckdb",
    "alembic",
    "psycopg",
)

_ASK = """
import json, sys
{body}
print(json.dumps([name for name in {engines!r} if name in sys.modules]))
"""


def _imported(tmp_path: Path, body: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _ASK.format(body=body, engines=ENGINES)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_question_sees_an_engine_that_is_imported(tmp_path: Path) -> None:
    assert _imported(tmp_path, "import pandas") == ["pandas"]


@pytest.mark.parametrize("module", ["flows.cli", "governance.decide", "governance.signoff", "reports.release"])
def test_importing_a_room_imports_no_engine(tmp_path: Path, module: str) -> None:
    assert _imported(tmp_path, f"import {module}") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["sign", "--help"],
        ["--help"],
        ["holds"],
        ["ledger", "verify"],
        ["people", "list"],
        ["sign", "hiring", "1", "--alias", "champion", "--approve", "--reason", "read"],
    ],
)
def test_commands_of_people_import_no_engine(tmp_path: Path, arguments: list[str]) -> None:
    assert _imported(tmp_path, f"from flows.cli import main\nmain({arguments!r})") == []
