"""Work for the fault tests of a release: acts of people and of the reconciler that are cut off, and what stands then.

Everything is real: ledger, accounts, evidence, MLflow on SQLite. The clock is the factory's, so that nothing expires.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import governance_factory as factory
from fault_work import WORK, Talk, told
from governance_factory import COMPLIANCE, RISK, STEPS, TARGET
from plea_factory import by

from flows.reconciling import check_live, finish_approved
from flows.settings import read_settings
from governance.casefile import subject_of
from governance.desk import Desk
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.registry.mlflow_registry import MlflowRegistry
from governance.release import live_step, promote
from governance.signoff import REFUSE, withdraw
from governance.statement import PredicateType

NAME = "hiring"


def opened(folder: Path, now: str) -> tuple[Desk, MlflowRegistry]:
    """The desk and the registry of a folder, at this time."""
    clock = factory.Clock(datetime.fromisoformat(now))
    return factory.new_desk(folder, clock), MlflowRegistry(factory.mlflow_uri(folder))


# --- what is cut off ------------------------------------------------------------------------------------------------


def _promote(folder: Path, desk: Desk, registry: MlflowRegistry) -> None:
    promote(desk, registry, factory.open_case(desk, NAME, "2", TARGET.alias))


def _reconcile(folder: Path, desk: Desk, registry: MlflowRegistry) -> None:
    settings = read_settings({}, folder)
    finish_approved(settings, desk, registry)
    check_live(settings, desk, registry)


def _withdraw(folder: Path, desk: Desk, registry: MlflowRegistry) -> None:
    withdraw(desk, factory.open_case(desk, NAME, "2", TARGET.alias), by(COMPLIANCE), "New facts came up.")


def _approve(folder: Path, desk: Desk, registry: MlflowRegistry) -> None:
    factory.approve(desk, factory.open_case(desk, NAME, "2", TARGET.alias), RISK)


def _refuse(folder: Path, desk: Desk, registry: MlflowRegistry) -> None:
    factory.approve(desk, factory.open_case(desk, NAME, "2", TARGET.alias), RISK, decision=REFUSE)


ACTS: dict[str, Callable[[Path, Desk, MlflowRegistry], None]] = {
    "promote": _promote,
    "reconcile": _reconcile,
    "withdraw": _withdraw,
    "approve": _approve,
    "refuse": _refuse,
}


# --- where it begins ------------------------------------------------------------------------------------------------


def _one_signature(desk: Desk, registry: MlflowRegistry) -> None:
    promote(desk, registry, factory.approved_case(desk, registry, "1"))
    factory.approve(desk, factory.held_case(desk, registry, "2"), COMPLIANCE)


def _both_signatures(desk: Desk, registry: MlflowRegistry) -> None:
    _one_signature(desk, registry)
    _approve(Path(), desk, registry)


def _live(desk: Desk, registry: MlflowRegistry) -> None:
    _both_signatures(desk, registry)
    _promote(Path(), desk, registry)


def _live_and_withdrawn(desk: Desk, registry: MlflowRegistry) -> None:
    _live(desk, registry)
    _withdraw(Path(), desk, registry)


def _alone_and_withdrawn(desk: Desk, registry: MlflowRegistry) -> None:
    promote(desk, registry, factory.approved_case(desk, registry, "2"))
    _withdraw(Path(), desk, registry)


BEGINNINGS = {
    "one signature": _one_signature,
    "both signatures": _both_signatures,
    "live": _live,
    "live and withdrawn": _live_and_withdrawn,
    "alone and withdrawn": _alone_and_withdrawn,
}


def register(talk: Talk, folder: str) -> None:
    """A registry with two versions and nothing else."""
    factory.real_registry(Path(folder))
    talk.say(done=True)


def begin(talk: Talk, folder: str, empty: str, beginning: str, now: str) -> None:
    """Make the state in which the act begins, from the registry in `empty`."""
    shutil.copytree(empty, folder)
    desk, registry = opened(Path(folder), now)
    BEGINNINGS[beginning](desk, registry)
    talk.say(**_found(desk, registry))


# --- the work -------------------------------------------------------------------------------------------------------


def act_told(talk: Talk, folder: str, act: str, now: str) -> None:
    """Do one act, once told to, with ledger and registry opened before."""
    desk, registry = opened(Path(folder), now)
    registry.alias(NAME, TARGET.alias)
    desk.ledger.size()
    talk.say(ready=True)
    talk.hear()
    talk.say(**told(lambda: ACTS[act](Path(folder), desk, registry) or {"done": True}))


def finish(talk: Talk, folder: str, acts: list[str], now: str) -> None:
    """Do these acts, whatever they answer; say what is found then, and what one more reconciling changes."""
    desk, registry = opened(Path(folder), now)
    answers = [told(lambda act=act: ACTS[act](Path(folder), desk, registry) or {"done": True}) for act in acts]
    found = _found(desk, registry)
    settings = read_settings({}, Path(folder))
    looks = [*finish_approved(settings, desk, registry), *check_live(settings, desk, registry)]
    again = _found(desk, registry) != found or [str(look) for look in looks]
    talk.say(answers=answers, again=again, **found)


def _found(desk: Desk, registry: MlflowRegistry) -> dict[str, Any]:
    """What ledger and registry say: steps with their versions, acts of people, what is live, what is amiss."""
    assert isinstance(desk.ledger, SqlLedger)
    entries = list(desk.ledger.entries())
    steps = [(e.statement.predicate_type.word, subject_of(e.statement.body).version) for e in entries if _is_step(e)]
    alias, live = registry.alias(NAME, TARGET.alias), live_step(desk, NAME, TARGET)
    return {
        "steps": [" ".join(step) for step in steps],
        "kinds": [entry.statement.predicate_type.word for entry in entries],
        "alias": alias.version if alias else None,
        "live": subject_of(live.statement.body).version if live else None,
        "problems": verify_ledger(desk.ledger).problems,
        "leaves": [entry.leaf_hash.hex() for entry in entries],
    }


def _is_step(entry: Any) -> bool:
    return entry.statement.predicate_type in STEPS


def warm() -> None:
    """Import and use everything once, and teach the workers this work."""
    WORK.update({work.__name__: work for work in (register, begin, act_told, finish)})
    with tempfile.TemporaryDirectory() as place:
        folder, now = Path(place), factory.START.isoformat()
        factory.real_registry(folder)
        desk, registry = opened(folder, now)
        _live_and_withdrawn(desk, registry)
        _reconcile(folder, desk, registry)
        assert PredicateType.DEMOTION.word in factory.kinds(desk)
