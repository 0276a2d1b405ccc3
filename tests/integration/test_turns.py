"""Turns of writers: one at a time, in the order of asking, with an end to the waiting whoever holds the lock."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from ledger_factory import ledger_at, sign_off

from governance.database.port import PlaceError, TurnNotGivenError
from governance.database.turn import turn
from governance.errors import ServiceError
from governance.ledger.verify import verify_ledger
from governance.statement import Statement

SPAWN = multiprocessing.get_context("spawn")


def _hold(path: Path, held: Any) -> None:
    with turn(path, 60):
        held.set()
        time.sleep(600)


def _decide_for_ever(folder: Path, held: Any) -> None:
    def decide() -> Statement:
        held.set()
        time.sleep(600)
        return sign_off(1)

    ledger_at(folder).append_decided(decide)


@pytest.mark.parametrize("how", [signal.SIGSTOP, None], ids=["stopped", "asleep"])
def test_a_holder_that_does_not_go_on_costs_others_their_patience_only(tmp_path: Path, how: int | None) -> None:
    first = ledger_at(tmp_path)
    first.append(sign_off(0))
    held = SPAWN.Event()
    holder = SPAWN.Process(target=_decide_for_ever, args=(tmp_path, held))
    holder.start()
    assert held.wait(60)
    assert holder.pid is not None
    if how is not None:
        os.kill(holder.pid, how)
    impatient = ledger_at(tmp_path, wait_seconds=0.3)
    for _ in range(2):
        with pytest.raises(ServiceError, match="has been locked for 0 s by another process; try again"):
            impatient.append(sign_off(1))
    assert impatient.size() == 1, "readers do not wait for writers"
    holder.kill()
    holder.join()
    assert ledger_at(tmp_path).append(sign_off(1)).seq == 1, "what gave up waiting holds nothing up"
    assert verify_ledger(first).problems == ()


def test_who_asked_first_is_first(tmp_path: Path) -> None:
    order: list[int] = []

    def ask(number: int) -> None:
        with turn(tmp_path / "x", 30):
            order.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    with turn(tmp_path / "x", 30):
        for number, thread in enumerate(threads):
            thread.start()
            while _waiting() < number + 1:  # one stands at the lock, the others queue behind it
                time.sleep(0.005)
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert order == list(range(6))


def _waiting() -> int:
    return sum(thread.name == "fairgate-turn" for thread in threading.enumerate())


def test_who_has_had_a_turn_stands_behind_who_waits(tmp_path: Path) -> None:
    """Greedy asks again at once, a hundred times; modest asks once and is not overtaken more than twice."""
    turns: list[str] = []
    asked = threading.Event()

    def greedy() -> None:
        for number in range(100):
            with turn(tmp_path / "x", 30):
                turns.append("greedy")
                if number == 10:
                    asked.set()
                    while not _waiting():
                        time.sleep(0.001)

    def modest() -> None:
        asked.wait()
        with turn(tmp_path / "x", 30):
            turns.append("modest")

    threads = [threading.Thread(target=act) for act in (greedy, modest)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns.index("modest") <= 13


def test_a_lock_that_comes_after_nobody_wants_it_is_given_back(tmp_path: Path) -> None:
    with turn(tmp_path / "x", 30), pytest.raises(TurnNotGivenError, match="0 s"), turn(tmp_path / "x", 0.05):
        pytest.fail("two turns at once")
    deadline = time.monotonic() + 30
    while _waiting():
        assert time.monotonic() < deadline, "the one that was left behind waits still"
        time.sleep(0.01)
    with turn(tmp_path / "x", 0):
        pass


def test_a_killed_holder_frees_its_turn(tmp_path: Path) -> None:
    held = SPAWN.Event()
    holder = SPAWN.Process(target=_hold, args=(tmp_path / "x", held))
    holder.start()
    assert held.wait(60)
    holder.kill()
    with turn(tmp_path / "x", 30):
        pass
    holder.join()


def test_a_version_that_knows_one_lock_only_is_respected(tmp_path: Path) -> None:
    with FileLock(tmp_path / "x.lock"), pytest.raises(TurnNotGivenError), turn(tmp_path / "x", 0.05):
        pytest.fail("two turns at once")


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "x.queue").mkdir()
    with pytest.raises(PlaceError, match="cannot be locked: Is a directory"), turn(tmp_path / "x", 1):
        pytest.fail("no turn without a lock")
