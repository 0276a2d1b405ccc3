"""Cases that a console has decided lately: the same as decided anew, but for what some seconds alone change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, RISK, TARGET, Clock, approve
from plea_factory import by

from governance import recent_cases
from governance.case import Case, asked
from governance.desk import Desk
from governance.people import actor
from governance.recent_cases import OLDEST, RecentCases
from governance.record import observed
from governance.release import record_hold
from governance.signoff import withdraw
from governance.subject import Target


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Desk:
    return factory.new_desk(tmp_path, clock)


@pytest.fixture
def case(desk: Desk) -> Case:
    registry = factory.fake_registry()
    factory.held_case(desk, registry, "1", Target("local", "europe"))
    return factory.held_case(desk, registry, "2")


def _answers(cases: tuple[Case, ...]) -> list[object]:
    return [(item.subject, item.target, item.decision.outcome, item.decision.findings) for item in cases]


ACTS: dict[str, Callable[[Desk, Case], object]] = {
    "a sign-off": lambda desk, case: approve(desk, case, COMPLIANCE),
    "a refusal": lambda desk, case: approve(desk, case, COMPLIANCE, decision="refuse"),
    "a withdrawal": lambda desk, case: (approve(desk, case, RISK), withdraw(desk, case, by(RISK), "Seen more since.")),
    "another audit": lambda desk, case: factory.put_audit(desk, case.subject, data="newer"),
    "another hold": lambda desk, case: record_hold(desk, case, actor(RISK)),
    "something seen": lambda desk, case: desk.ledger.append(observed("hiring", TARGET, "moved outside", {})),
    "a disabled account": lambda desk, _case: desk.accounts.disable(RISK.id),
}


@pytest.mark.parametrize("act", list(ACTS))
def test_what_was_recorded_is_seen_at_once(desk: Desk, case: Case, act: str) -> None:
    recent = RecentCases()
    assert _answers(recent.asked(desk)) == _answers(asked(desk))
    ACTS[act](desk, case)
    assert _answers(recent.asked(desk)) == _answers(asked(desk))


def test_another_policy_is_seen_at_once(desk: Desk, case: Case) -> None:
    recent = RecentCases()
    recent.asked(desk)
    other = replace(desk, policy=replace(desk.policy, digest="sha256:" + "0" * 64))
    assert _answers(recent.asked(other)) == _answers(asked(other))
    assert _answers(recent.asked(other)) != _answers(asked(desk))


def test_only_what_changed_is_decided_again(desk: Desk, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_cases, "OLDEST", timedelta(hours=1))
    recent = RecentCases()
    first = recent.asked(desk)
    approve(desk, case, COMPLIANCE)
    second = recent.asked(desk)
    assert [before is after for before, after in zip(first, second, strict=True)] == [True, False]


def test_time_alone_is_seen_after_some_seconds(desk: Desk, case: Case, clock: Clock) -> None:
    recent = RecentCases()
    first = recent.asked(desk)
    clock.now += timedelta(days=400)
    assert recent.asked(desk)[0] is not first[0]
    again = recent.asked(desk)
    clock.now -= OLDEST * 2  # a clock that was set back does not keep a case for ever
    assert recent.asked(desk)[0] is not again[0]
