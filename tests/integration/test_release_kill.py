"""kill -9 after each named step of a release, on the real ledger and the real MLflow; then somebody finishes it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import STEPS, TARGET, Clock, kinds

from flows.reconciling import check_live, finish_approved
from flows.settings import read_settings
from governance.desk import Desk
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.registry.mlflow_registry import MlflowRegistry
from governance.release import live_step, promote

TESTS = Path(__file__).parents[1]
ONCE = ["promotion-intent", "promotion"]

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
import governance_factory as factory
from governance.case import open_case
from governance.registry.mlflow_registry import MlflowRegistry
from governance.release import promote

folder, wanted, now = Path(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
desk = factory.new_desk(folder, factory.Clock(now))
case = open_case(desk, "hiring", "2", "champion")

def pause(step):
    if step == wanted:
        os.kill(os.getpid(), signal.SIGKILL)

promote(desk, MlflowRegistry(factory.mlflow_uri(folder)), case, pause=pause)
print("not killed")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Clock]:
    """Version 1 is live; version 2 is signed and not yet live."""
    folder, clock = tmp_path_factory.mktemp("prepared"), Clock()
    registry = factory.real_registry(folder)
    desk = factory.new_desk(folder, clock)
    promote(desk, registry, factory.approved_case(desk, registry, "1"))
    factory.approved_case(desk, registry, "2")
    return folder, clock


def _kill(folder: Path, at: str, clock: Clock) -> None:
    code = [sys.executable, "-c", KILLED, str(folder), at, clock().isoformat()]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    done = subprocess.run(code, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def _open(folder: Path, clock: Clock) -> tuple[Desk, MlflowRegistry]:
    clock.forward(minutes=1)
    return factory.new_desk(folder, clock), MlflowRegistry(factory.mlflow_uri(folder))


@pytest.mark.parametrize(
    ("at", "steps", "alias"),
    [
        ("intent", [*ONCE, "promotion-intent"], "1"),
        ("alias", [*ONCE, "promotion-intent"], "2"),
        ("promotion", ONCE * 2, "2"),
    ],
)
def test_a_release_that_was_killed_is_finished_once(
    prepared: tuple[Path, Clock], tmp_path: Path, at: str, steps: list[str], alias: str
) -> None:
    folder, clock = prepared
    killed = tmp_path / "killed"
    shutil.copytree(folder, killed)
    _kill(killed, at, clock)
    left, registry = _open(killed, clock)
    live = registry.alias("hiring", "champion")
    assert live is not None
    assert (kinds(left, *STEPS), live.version) == (steps, alias)
    again = tmp_path / "again"
    shutil.copytree(killed, again)
    _by_reconcile(killed, clock)
    _by_the_same_command(again, clock)


def _by_reconcile(folder: Path, clock: Clock) -> None:
    desk, registry = _open(folder, clock)
    settings = read_settings({}, folder)
    finish_approved(settings, desk, registry)
    _whole(desk, registry)
    assert finish_approved(settings, desk, registry) == ()
    assert check_live(settings, desk, registry) == ()


def _by_the_same_command(folder: Path, clock: Clock) -> None:
    desk, registry = _open(folder, clock)
    case = factory.open_case(desk, "hiring", "2", "champion")
    assert promote(desk, registry, case) == promote(desk, registry, case)
    _whole(desk, registry)


def _whole(desk: Desk, registry: MlflowRegistry) -> None:
    """One promotion of version 2, the alias on it, and a ledger in which nothing is amiss."""
    assert kinds(desk, *STEPS) == ONCE * 2
    live, promotion = registry.alias("hiring", "champion"), live_step(desk, "hiring", TARGET)
    assert live is not None
    assert promotion is not None
    assert live.version == promotion.statement.body["subject"]["version"] == "2"
    assert isinstance(desk.ledger, SqlLedger)
    assert verify_ledger(desk.ledger).problems == ()
