"""The power goes between any two system calls: of the first append of all, of later ones, and of folding the log in."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_counts import Tally, drawn
from fault_judge import judged
from fault_power import CALLS, Act, Disk, acts
from fault_processes import Workshop, workshop
from fault_trace import needs_strace, traced
from fault_work import leave
from ledger_factory import filled, ledger_at

pytestmark = needs_strace
TURNS = 3


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop() as made:
        yield made


def _seen(shop: Workshop, folder: Path, log: Path, **given: Any) -> list[Act]:
    """Everything that a process does to the folder while it appends, leaves, and comes back, three times."""
    worker = shop.ready("append_and_leave", folder=str(folder), turns=TURNS, **given)
    with traced(worker, CALLS, log, "-y", "-xx", "-s", "1000000"):
        worker.talk.say(go=True)
        said = worker.rest()
    assert [item for item in said if "seq" not in item] == []
    assert len(said) == 2 * TURNS
    return acts(log, folder)


def _cut_everywhere(shop: Workshop, tmp_path: Path, entries: int, tally: Tally, **given: Any) -> None:
    """A ledger with so many entries grows; the power is cut before each call, and what may be found then is judged."""
    folder, found = tmp_path / "ledger", tmp_path / "found"
    folder.mkdir()
    kept = []
    if entries:
        ledger = filled(folder, entries)
        kept = [{"seq": entry.seq, "leaf": entry.leaf_hash.hex()} for entry in ledger.entries()]
        leave(ledger)
    disk, dice = Disk.of(folder), random.Random(entries)
    seen = _seen(shop, folder, tmp_path / "log", **given)
    tally.note("system calls", len(seen))
    chosen = set(drawn(range(len(seen) + 1), 12))
    for place in range(len(seen) + 1):
        for state in disk.after_a_cut(dice) if place in chosen else ():
            _lay(found, state)
            tally.tried += 1
            judged(tally, ledger_at(found), kept, f"before call {place} of {len(seen)}")
        if place < len(seen):
            disk.see(seen[place])
            kept += [json.loads(seen[place].data)] if seen[place].name == "sendto" else []


@pytest.mark.parametrize("entries", [0, 3], ids=["a-new-ledger", "a-ledger"])
def test_no_power_cut_loses_what_was_acknowledged(shop: Workshop, tmp_path: Path, entries: int) -> None:
    tally = Tally(f"power cuts, {'a ledger of three entries' if entries else 'a new ledger'}")
    _cut_everywhere(shop, tmp_path, entries, tally)
    tally.close()


def test_a_ledger_that_does_not_sync_is_found_out(shop: Workshop, tmp_path: Path) -> None:
    """What the test above would say of a ledger that acknowledges before its bytes are safe."""
    tally = Tally("not kept")
    _cut_everywhere(shop, tmp_path, 3, tally, synchronous="NORMAL")
    assert tally.lost > 0


def _lay(folder: Path, state: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in state.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o600)
    folder.mkdir(exist_ok=True)
