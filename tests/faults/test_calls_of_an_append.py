"""Every write, sync, open, read and lock of an append fails: with EIO, with ENOSPC, once or for good, or by kill -9."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from fault_counts import FULL, Tally, drawn
from fault_processes import Workshop, workshop
from fault_trace import READS, WRITES, Fault, calls_of, needs_strace, struck
from fault_work import acknowledged, leave
from ledger_factory import ledger_at, sign_off

from governance.ledger.verify import verify_ledger

pytestmark = needs_strace
BEFORE = 3
OURS = {"LedgerError", "ServiceError", "ConfigurationError"}
"""ConfigurationError tells of the key files."""


@dataclass(frozen=True)
class Scene:
    """Where the append meets its fault. `pages` fills the log, so that the append folds it into the database."""

    name: str
    entries: int = BEFORE
    warm: bool = False
    text: int = 0
    close: bool = False
    pages: bool = False

    @cached_property
    def given(self) -> dict[str, Any]:
        return {"warm": self.warm, "text": self.text, "close": self.close}


SCENES = (
    Scene("the first append of all", entries=0),
    Scene("an append by a new process"),
    Scene("an append by a process that has appended", warm=True),
    Scene("an append of forty thousand bytes", warm=True, text=40_000),
    Scene("an append that folds the log into the database", pages=True),
    Scene("an append and the end of its process", close=True),
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop() as made:
        yield made


def _prepared(shop: Workshop, scene: Scene, folder: Path) -> list[dict[str, Any]]:
    """A ledger with its log not folded in, as killed writers leave it; returns what it holds."""
    folder.mkdir()
    kept: list[dict[str, Any]] = []
    if scene.entries:
        writer = shop.worker("append_on", folder=str(folder), writer=1)
        while (told := writer.hear()) and not _enough(scene, folder, told):
            pass
        writer.kill()
        said = writer.rest()
        shutil.copytree(folder, folder.with_name("looked into"))
        ledger = ledger_at(folder.with_name("looked into"))
        kept = [acknowledged(entry) for entry in ledger.entries()]  # the last one perhaps before it was acknowledged
        leave(ledger)
        assert kept[: len(said)] == said
    return kept


def _enough(scene: Scene, folder: Path, told: dict[str, Any]) -> bool:
    log = folder / "ledger.db-wal"
    return log.stat().st_size > 985 * 4_120 if scene.pages else told["seq"] + 1 >= scene.entries


def _faults(calls: Counter[str]) -> list[Fault]:
    """Every call that was counted, with everything that can befall it.

    Between two writes a disk is the same whenever the process dies: reads and locks fail, they are not killed at.
    """
    found = []
    for call, times in sorted(calls.items()):
        for number in range(1, times + 1):
            found.append(Fault(call, number, "EIO"))
            if call in WRITES:
                found += [Fault(call, number, kind) for kind in ("ENOSPC", "SIGKILL")]
                found.append(Fault(call, number, "ENOSPC", lasting=True))
    return found


def _once_found(scene: Scene, calls: Counter[str]) -> list[Fault]:
    """Always tried: where a process could not open the file, or a look or a lock failed, it once never recovered."""
    if FULL or scene is not SCENES[1]:
        return []
    return [
        Fault(call, number + 1, "EIO") for call in ("openat", "flock", "newfstatat") for number in range(calls[call])
    ]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_no_failing_call_loses_or_damages_anything(shop: Workshop, tmp_path: Path, scene: Scene) -> None:
    kept = _prepared(shop, scene, tmp_path / "prepared")
    shutil.copytree(tmp_path / "prepared", tmp_path / "counted")
    worker = shop.ready("append_told", folder=str(tmp_path / "counted"), **scene.given)
    calls = calls_of(worker, (*WRITES, *READS), tmp_path / "log")
    assert calls["pwrite64"] and calls["fdatasync"], calls
    tally = Tally(f"failing calls: {scene.name}")
    for name, times in calls.items():
        tally.note(f"calls of {name}", times)
    for fault in [*_once_found(scene, calls), *drawn(_faults(calls), 8)]:
        folder = tmp_path / "struck"
        shutil.copytree(tmp_path / "prepared", folder)
        worker = shop.ready("append_told", folder=str(folder), **scene.given)
        answers = struck(worker, fault, tmp_path / "log")
        _judge(tally, fault, folder, [*kept], answers, scene)
        shutil.rmtree(folder)
    tally.close()


def _judge(
    tally: Tally, fault: Fault, folder: Path, kept: list[dict[str, Any]], answers: list[dict[str, Any]], scene: Scene
) -> None:
    """Opened by the next process: whole, with everything acknowledged, at most one entry more, and it goes on."""
    tally.tried += 1
    promised = kept + [answer for answer in answers if "seq" in answer]
    untold = [answer for answer in answers if "seq" not in answer]
    # To a disk that cannot be read, SQLite itself says that the file is damaged.
    ours = OURS | {"LedgerTamperedError"} if fault.call == "pread64" else OURS
    wrong = [answer for answer in untold if answer.get("error") not in ours]
    ledger = ledger_at(folder)
    try:
        problems = verify_ledger(ledger).problems
        found = {entry.seq: entry.leaf_hash.hex() for entry in ledger.entries()}
        again = ledger.append(sign_off(9)).seq
    finally:
        leave(ledger)
    lost = [item for item in promised if found.get(item["seq"]) != item["leaf"]]
    tally.acknowledged += len(promised)
    tally.lost += len(lost)
    tally.damaged += bool(problems)
    tally.note("errors told in our words", len(untold) - len(wrong))
    tally.note("killed", fault.kind == "SIGKILL")
    extra = len(found) - len(promised) - scene.warm
    if not fault.lasting and fault.kind != "SIGKILL" and answers[1:] and "seq" not in answers[1]:
        tally.amiss.append(f"{fault}: the fault is over, and the same process still cannot append: {answers}")
    if wrong or lost or problems or again != len(found) or not 0 <= extra <= len(untold) + 1:
        tally.amiss.append(f"{fault}: {wrong} lost {lost} {problems} extra {extra}, next {again} of {len(found)}")


def test_the_counts_are_those_of_the_issue() -> None:
    """The switch: a nightly run leaves nothing out."""
    faults = _faults(Counter(pwrite64=30, fdatasync=1, fcntl=20))
    assert len(faults) == 31 * 4 + 20
    assert len(drawn(faults, 12)) == (len(faults) if FULL else 12)
