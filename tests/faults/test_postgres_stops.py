"""PostgreSQL stopped without a word under concurrent writers, and writers killed: nothing acknowledged is lost."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_counts import Tally, count, drawn
from fault_judge import judged, some_time
from fault_postgres import Server, server
from fault_processes import Worker, Workshop, workshop
from fault_work import leave, ledger_of
from ledger_factory import sign_off
from postgres_server import absent

pytestmark = pytest.mark.skipif(absent() is not None, reason=str(absent()))
WRITERS = 4
STOPS = [
    ("stop_at_once", "immediate stop", (2, 40)),
    ("kill", "kill -9 of the server", (1, 12)),
    ("kill_a_child", "kill -9 of a process that serves", (1, 12)),
]


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop() as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    folder = tempfile.mkdtemp(prefix="fg-", dir="/tmp")  # short: it holds the server's socket
    try:
        with server(Path(folder)) as found:
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _writers(shop: Workshop, folder: Path, url: str) -> list[Worker]:
    ledger = ledger_of(folder, url)
    ledger.append(sign_off(0))  # keys and tables are made once
    leave(ledger)
    return [shop.worker("append_on", folder=str(folder), url=url, writer=place + 1) for place in range(WRITERS)]


def _all_go_on(writers: list[Worker]) -> None:
    """Until every writer has had one more entry acknowledged."""
    for writer in writers:
        writer.hear_what_is_there()
    waiting = {writer.pid: len(_promised(writer.heard)) for writer in writers}
    for writer in writers:
        while len(_promised(writer.heard)) == waiting[writer.pid]:
            assert writer.hear() is not None, "a writer died"


def _promised(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in said if "seq" in item]


@pytest.mark.parametrize("stop", drawn(STOPS, 1), ids=lambda stop: stop[0])
def test_a_server_that_stops_without_a_word(
    shop: Workshop, running: Server, tmp_path: Path, stop: tuple[str, str, tuple[int, int]]
) -> None:
    """The same writers go on by themselves once there is a server again."""
    how, named, times = stop
    tally, dice = Tally(f"PostgreSQL: {named}"), random.Random(0xDB)
    url = running.new_database(how)
    writers = _writers(shop, tmp_path, url)
    for _ in range(count(*times)):
        _all_go_on(writers)
        some_time(dice, writers, 0.4)
        getattr(running, how)()
        if how != "kill_a_child":
            running.start()
        tally.tried += 1
    _all_go_on(writers)
    said = []
    for writer in writers:
        writer.kill()
        said += writer.rest()
    tally.note("errors told to writers", len(said) - len(_promised(said)))
    others = [item for item in said if "seq" not in item and item.get("error") != "ServiceError"]
    tally.amiss += [str(item) for item in others]
    judged(tally, ledger_of(tmp_path, url), _promised(said), "at the end")
    tally.close()


def test_writers_killed_one_by_one_beside_others(shop: Workshop, running: Server, tmp_path: Path) -> None:
    tally, dice = Tally("PostgreSQL: kill -9 of one of four writers"), random.Random(0xDC)
    url = running.new_database("killed_writers")
    writers, said = _writers(shop, tmp_path, url), []
    for number in range(count(6, 100)):
        assert writers[0].hear() is not None
        some_time(dice, writers, 0.06)
        gone = writers.pop(dice.randrange(len(writers)))
        gone.kill()
        said += gone.rest()
        tally.tried += 1
        writers.append(shop.worker("append_on", folder=str(tmp_path), url=url, writer=number + 10))
    for writer in writers:
        writer.kill()
        said += writer.rest()
        tally.tried += 1
    judged(tally, ledger_of(tmp_path, url), said, "at the end")
    tally.close()
