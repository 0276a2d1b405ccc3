"""kill -9 of writers at random moments: one by one while others write, and all at once with a reader among them."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_counts import Tally, count
from fault_judge import judged, some_time
from fault_processes import Worker, Workshop, workshop
from ledger_factory import ledger_at

WRITERS = 4
ROUND = 12
"""Kills on one ledger, before the next begins with a new one: short ledgers are verified quickly."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop() as made:
        yield made


def test_writers_killed_one_by_one_beside_others(shop: Workshop, tmp_path: Path) -> None:
    """A killed writer is replaced at once: the next one meets what it left while others are at work."""
    tally, dice = Tally("kill -9 of one of four writers"), random.Random(0xFA)
    kills, number = count(12, 324), 0
    for turn in range(0, kills, ROUND):
        folder = tmp_path / str(turn)
        folder.mkdir()
        writers: list[Worker] = []
        said: list[dict[str, Any]] = []
        for _ in range(ROUND + WRITERS):
            writers.append(shop.worker("append_on", folder=str(folder), writer=(number := number + 1)))
            if len(writers) < WRITERS:
                continue
            assert writers[0].hear() is not None  # at least one append was acknowledged since the last kill
            some_time(dice, writers, 0.06)
            said += _killed(writers.pop(dice.randrange(WRITERS)))
            tally.tried += 1
        for writer in writers:
            said += _killed(writer)
            tally.tried += 1
        judged(tally, ledger_at(folder), said, f"round {turn}")
    tally.close()


def _killed(writer: Worker) -> list[dict[str, Any]]:
    writer.kill()
    return writer.rest()


def test_a_whole_process_group_killed_at_once(shop: Workshop, tmp_path: Path) -> None:
    """As when the machine stops, but for what the operating system still writes: four writers and a reader."""
    tally, dice = Tally("kill -9 of the whole process group"), random.Random(0xFB)
    for turn in range(count(3, 60)):
        folder = tmp_path / str(turn // 6)
        folder.mkdir(exist_ok=True)
        reader = shop.worker("read_on", folder=str(folder))
        given = {"folder": str(folder), "group": reader.pid}
        writers = [shop.worker("append_on", writer=turn * WRITERS + place, **given) for place in range(WRITERS)]
        if turn % 2:  # every other time in the middle of their opening the ledger
            assert writers[0].hear() is not None
        some_time(dice, [*writers, reader], 0.2)
        os.killpg(reader.pid, signal.SIGKILL)
        said = [item for writer in writers for item in writer.rest()]
        seen = [problem for look in reader.rest() for problem in look.get("problems", [str(look)])]
        tally.tried += 1
        tally.note("verifications by the reader meanwhile", len(reader.heard))
        tally.amiss += [f"the reader of turn {turn} saw: {problem}" for problem in seen]
        judged(tally, ledger_at(folder), said, f"turn {turn}")
    tally.close()
