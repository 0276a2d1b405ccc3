"""A release, a demotion, a sign-off, a refusal and a withdrawal, cut off before every write that they make to a disk.

Whatever stands then, the reconciler and the person who asks again end in one promotion or none, one sign-off or none,
and a registry that shows what the ledger says.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import governance_factory as factory
import pytest
from fault_counts import Tally, drawn
from fault_processes import Workshop, workshop
from fault_trace import WRITES, Fault, calls_of, needs_strace, struck

pytestmark = needs_strace
NOW, LATER = (factory.START + timedelta(days=1)).isoformat(), (factory.START + timedelta(days=2)).isoformat()
ONE = ["promotion-intent 1", "promotion 1"]
TWO = [*ONE, "promotion-intent 2", "promotion 2"]
OURS = {"LedgerError", "ServiceError", "ConfigurationError", "MeasurementError"}


@dataclass(frozen=True)
class Scene:
    """What is cut off, what is done after, and how it must end: steps, the live version, how many of which entries.

    `ends` lists every sequence of steps that is right; `live` belongs to each.
    """

    name: str
    beginning: str
    act: str
    after: tuple[str, ...]
    ends: tuple[tuple[list[str], str | None], ...]
    counts: tuple[tuple[str, int], ...] = ()
    errors: bool = False
    """Whether every write also fails, not only ends in kill -9."""


SCENES = (
    Scene(
        "a release, finished by the reconciler",
        "both signatures",
        "promote",
        ("reconcile",),
        ((TWO, "2"),),
        errors=True,
    ),
    Scene("a release, asked for again", "both signatures", "promote", ("promote",), ((TWO, "2"),)),
    Scene(
        "a release, withdrawn before anybody finishes it",
        "both signatures",
        "promote",
        ("withdraw", "reconcile", "reconcile"),
        (
            (ONE, "1"),
            ([*ONE, "promotion-intent 2"], "1"),
            ([*TWO, "demotion 2", "promotion-intent 1", "promotion 1"], "1"),
        ),
        (("withdrawal", 2),),
    ),
    Scene("the reconciler, releasing", "both signatures", "reconcile", ("reconcile",), ((TWO, "2"),)),
    Scene(
        "a demotion to the version before",
        "live and withdrawn",
        "reconcile",
        ("reconcile", "reconcile"),
        (([*TWO, "demotion 2", "promotion-intent 1", "promotion 1"], "1"),),
    ),
    Scene(
        "a demotion to nothing",
        "alone and withdrawn",
        "reconcile",
        ("reconcile", "reconcile"),
        ((["promotion-intent 2", "promotion 2", "demotion 2"], None),),
    ),
    Scene(
        "a sign-off, given again",
        "one signature",
        "approve",
        ("approve", "reconcile"),
        ((TWO, "2"),),
        (("sign-off", 4),),
    ),
    Scene("a refusal, given again", "one signature", "refuse", ("refuse",), ((ONE, "1"),), (("refusal", 1),)),
    Scene(
        "a withdrawal, asked for again",
        "live",
        "withdraw",
        ("withdraw", "reconcile", "reconcile"),
        (([*TWO, "demotion 2", "promotion-intent 1", "promotion 1"], "1"),),
        (("withdrawal", 2),),
    ),
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with workshop("fault_release") as made:
        yield made


@pytest.fixture(scope="module")
def empty(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with two versions. A worker makes it: this process then imports no MLflow."""
    folder = tmp_path_factory.mktemp("empty")
    assert shop.worker("register", folder=str(folder)).rest() == [{"done": True}]
    return folder


def _faults(calls: Counter[str], scene: Scene) -> list[Fault]:
    """kill -9 before every call that was counted, and every call failing."""
    kinds = ("SIGKILL", "EIO", "ENOSPC") if scene.errors else ("SIGKILL",)
    return [
        Fault(call, number, kind)
        for kind in kinds
        for call, times in sorted(calls.items())
        for number in range(1, times + 1)
    ]


@pytest.mark.parametrize("scene", drawn(SCENES, 3), ids=lambda scene: scene.name.replace(" ", "-"))
def test_what_is_cut_off_is_done_once_or_not_at_all(shop: Workshop, empty: Path, tmp_path: Path, scene: Scene) -> None:
    prepared = str(tmp_path / "prepared")
    worker = shop.worker("begin", folder=prepared, empty=str(empty), beginning=scene.beginning, now=NOW)
    [before] = worker.rest()
    assert "crash" not in before, before["crash"]
    shutil.copytree(prepared, tmp_path / "counted")
    worker = shop.ready("act_told", folder=str(tmp_path / "counted"), act=scene.act, now=LATER)
    calls = calls_of(worker, WRITES, tmp_path / "log")
    tally = Tally(f"cut off: {scene.name}")
    tally.note("writes of the act", sum(calls.values()))
    for fault in drawn(_faults(calls, scene), 1, seed=len(scene.name)):
        folder = tmp_path / "struck"
        shutil.copytree(prepared, folder)
        worker = shop.ready("act_told", folder=str(folder), act=scene.act, now=LATER)
        answers = struck(worker, fault, tmp_path / "log")
        worker = shop.worker("finish", folder=str(folder), acts=list(scene.after), now=LATER)
        _judge(tally, fault, scene, before, answers, worker.rest())
        shutil.rmtree(folder)
    tally.close()


def _judge(
    tally: Tally,
    fault: Fault,
    scene: Scene,
    before: dict[str, Any],
    answers: list[dict[str, Any]],
    ends: list[dict[str, Any]],
) -> None:
    tally.tried += 1
    tally.acknowledged += len(before["leaves"])
    [end] = ends
    if "crash" in end:
        tally.amiss.append(f"{fault}: {end['crash']}")
        return
    lost = end["leaves"][: len(before["leaves"])] != before["leaves"]
    tally.lost += lost
    tally.damaged += bool(end["problems"])
    tally.note(f"ended with {end['alias'] or 'no'} version live")
    wrong = [item for item in answers if "done" not in item and item.get("error") not in OURS]
    miscounted = {kind: end["kinds"].count(kind) for kind, number in scene.counts if end["kinds"].count(kind) != number}
    right = (end["steps"], end["live"]) in [tuple(item) for item in scene.ends] and end["alias"] == end["live"]
    if wrong or miscounted or lost or end["problems"] or end["again"] or not right:
        told = {key: end[key] for key in ("answers", "again", "steps", "alias", "live", "problems")}
        tally.amiss.append(f"{fault}: {wrong} {miscounted} {told}")
