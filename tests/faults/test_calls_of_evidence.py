"""Every write, sync and look of keeping evidence fails, or is the last thing that the process does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_counts import Tally, drawn
from fault_processes import Workshop, workshop
from fault_trace import WRITES, Fault, calls_of, needs_strace, struck

from governance.evidence import EvidenceStore

pytestmark = needs_strace
SIZE = 300_000


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop() as made:
        yield made


def test_evidence_is_whole_or_absent(shop: Workshop, tmp_path: Path) -> None:
    worker = shop.ready("put_told", folder=str(tmp_path / "counted"), size=SIZE)
    calls = calls_of(worker, WRITES, tmp_path / "log")
    assert calls["write"] and calls["fsync"] and calls["rename"], calls
    faults = [
        Fault(call, number, kind, lasting)
        for call, times in sorted(calls.items())
        for number in range(1, times + 1)
        for kind, lasting in (("EIO", False), ("ENOSPC", False), ("ENOSPC", True), ("SIGKILL", False))
    ]
    tally = Tally("failing calls: evidence that is kept")
    tally.note("writes", sum(calls.values()))
    for fault in drawn(faults, 8):
        folder = tmp_path / "struck"
        worker = shop.ready("put_told", folder=str(folder), size=SIZE)
        _judge(tally, fault, EvidenceStore(folder), struck(worker, fault, tmp_path / "log"))
        shutil.rmtree(folder)
    tally.close()


def _judge(tally: Tally, fault: Fault, store: EvidenceStore, answers: list[dict[str, Any]]) -> None:
    """What was answered is there, what is there is whole, and the next process can keep it."""
    tally.tried += 1
    data = b"e" * SIZE
    kept = [answer for answer in answers if "digest" in answer]
    wrong = [answer for answer in answers if answer not in kept and answer.get("error") != "LedgerError"]
    tally.acknowledged += len(kept)
    named = [path for path in store.folder.rglob("*") if path.is_file() and len(path.name) == 64]
    tally.damaged += any(path.read_bytes() != data for path in named)
    tally.lost += bool(kept) and not named
    stuck = fault.kind != "SIGKILL" and not fault.lasting and not kept
    if wrong or stuck or store.get(store.put(data)) != data:
        tally.amiss.append(f"{fault}: {answers}")
