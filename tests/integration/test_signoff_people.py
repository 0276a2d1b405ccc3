"""Delegations and people on the real ledger: who may sign, for whom, and who says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, SECRET, Clock, FakeRegistry, approve
from plea_factory import by
from signoff_rules import HELD, HELPER, RELEASED, given, nothing_is_recorded, now_of, outcome_of, why_held

from governance.case import Case
from governance.delegating import revoke
from governance.desk import Desk, charter_of
from governance.enrolment import dismiss, enrol
from governance.errors import (
    ConfigurationError,
    NotAuthorizedError,
    SeparationOfDutiesError,
)
from governance.people import MACHINE, Person, actor
from governance.release import record_hold
from governance.signoff import withdraw

NEW = Person("new-officer", "New Officer", ("compliance",))


# --- delegation -------------------------------------------------------------------------------------------------------


@pytest.fixture
def helped(desk: Desk) -> Desk:
    enrol(desk, HELPER, SECRET, None)
    return desk


def test_a_delegate_signs_for_the_delegator_and_it_says_so(helped: Desk, case: Case) -> None:
    given(helped, COMPLIANCE, HELPER, "compliance")
    entry = approve(helped, case, HELPER, "compliance")
    assert entry.statement.body["on_behalf_of"] == COMPLIANCE.id
    assert "on behalf of compliance-officer" in entry.statement.meaning
    approve(helped, case, RISK)
    assert outcome_of(helped, case) is RELEASED
    (mine,) = withdraw(helped, now_of(helped, case), by(HELPER), "my mistake")
    assert mine.statement.body["sign_off"] == entry.seq


def test_the_exclusions_of_both_hold(desk: Desk, case: Case) -> None:
    given(desk, COMPLIANCE, SCIENTIST, "compliance")
    with nothing_is_recorded(desk), pytest.raises(SeparationOfDutiesError, match="registered this version"):
        approve(desk, case, SCIENTIST, "compliance")
    record_hold(desk, case, actor(COMPLIANCE))
    given(desk, COMPLIANCE, RISK, "compliance")
    with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="no delegation that would allow it"):
        approve(desk, case, RISK, "compliance")


def test_where_two_delegated_the_one_who_may_sign_counts(helped: Desk, case: Case) -> None:
    given(helped, COMPLIANCE, HELPER, "compliance")
    given(helped, DEPUTY, HELPER, "compliance")
    record_hold(helped, case, actor(COMPLIANCE))
    assert approve(helped, case, HELPER, "compliance").statement.body["on_behalf_of"] == DEPUTY.id


def test_a_delegator_and_her_delegate_are_one_person_for_the_quorum(desk: Desk, case: Case) -> None:
    """Nobody signs in two functions through somebody else, in whichever direction."""
    given(desk, DEPUTY, RISK, "compliance")
    approve(desk, case, RISK, "compliance")
    approve(desk, case, DEPUTY, "model-risk")
    assert "missing from" in why_held(desk, case)
    approve(desk, case, COMPLIANCE)
    assert outcome_of(desk, case) is RELEASED


def test_what_was_delegated_is_not_handed_on(helped: Desk) -> None:
    given(helped, COMPLIANCE, HELPER, "compliance")
    with nothing_is_recorded(helped), pytest.raises(NotAuthorizedError, match="cannot delegate 'compliance'"):
        given(helped, HELPER, RISK, "compliance")
    with nothing_is_recorded(helped), pytest.raises(SeparationOfDutiesError, match="to herself"):
        given(helped, COMPLIANCE, COMPLIANCE, "compliance")
    for wrong in ({"days": 91.0}, {"days": -1.0}):
        with nothing_is_recorded(helped), pytest.raises(ConfigurationError, match="90 days from now"):
            given(helped, COMPLIANCE, HELPER, "compliance", **wrong)
    with nothing_is_recorded(helped), pytest.raises(ConfigurationError, match="no active person 'nobody'"):
        given(helped, COMPLIANCE, Person("nobody", "Nobody", ()), "compliance")


def test_a_delegation_ends_at_its_time_and_what_was_signed_by_it_stays(
    helped: Desk, case: Case, clock: Clock, registry: FakeRegistry
) -> None:
    given(helped, COMPLIANCE, HELPER, "compliance", hours=1)
    approve(helped, case, HELPER, "compliance")
    approve(helped, case, RISK)
    clock.forward(hours=2)
    assert outcome_of(helped, case) is RELEASED
    other = factory.held_case(helped, registry, "3")
    with pytest.raises(NotAuthorizedError):
        approve(helped, other, HELPER, "compliance")


def test_a_revoked_delegation_takes_back_what_was_signed_by_it(helped: Desk, case: Case) -> None:
    seq = given(helped, COMPLIANCE, HELPER, "compliance")
    approve(helped, case, HELPER, "compliance")
    approve(helped, case, RISK)
    with pytest.raises(NotAuthorizedError, match="neither gave nor got"):
        revoke(helped, SCIENTIST, seq, "not mine")
    revoke(helped, RISK, seq, "she is ill")
    assert "the delegation that it was given by does not hold" in why_held(helped, case)
    with pytest.raises(ConfigurationError, match="no delegation that stands"):
        revoke(helped, COMPLIANCE, seq, "again")


def test_who_has_left_delegates_no_more(helped: Desk, case: Case) -> None:
    given(helped, COMPLIANCE, HELPER, "compliance")
    approve(helped, case, HELPER, "compliance")
    approve(helped, case, RISK)
    dismiss(helped, COMPLIANCE.id, None)
    assert outcome_of(helped, case) is HELD


# --- people -----------------------------------------------------------------------------------------------------------


def test_who_shall_sign_is_added_by_somebody_who_may(desk: Desk) -> None:
    for adder in (None, SCIENTIST, Person("ghost", "Ghost", ("compliance",))):
        with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="with --by ID"):
            enrol(desk, NEW, SECRET, adder)
    assert desk.accounts.person(NEW.id) is None
    entry = enrol(desk, NEW, SECRET, RISK)
    assert entry.statement.actor.id == RISK.id
    # Who signs nothing is added by anybody.
    assert enrol(desk, replace(NEW, id="clerk", functions=("legal",)), SECRET, None).statement.actor == MACHINE


def test_the_first_two_signers_need_nobody_and_the_third_does(tmp_path: Path, clock: Clock) -> None:
    desk = factory.new_desk(tmp_path, clock, people=(SCIENTIST,))
    enrol(desk, COMPLIANCE, SECRET, None)
    enrol(desk, RISK, SECRET, None)
    with pytest.raises(NotAuthorizedError):
        enrol(desk, DEPUTY, SECRET, None)
    for officer in (COMPLIANCE, RISK):
        dismiss(desk, officer.id, None)
    with pytest.raises(NotAuthorizedError):  # disabling the officers does not make somebody else one
        enrol(desk, DEPUTY, SECRET, None)


def test_an_enrolment_that_was_cut_off_is_finished_by_the_same_person_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = type(desk.accounts).add

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(desk.accounts), "add", crash)
    with pytest.raises(KeyboardInterrupt):
        enrol(desk, NEW, SECRET, RISK)
    monkeypatch.setattr(type(desk.accounts), "add", add)
    assert charter_of(desk).person(NEW.id) == NEW
    assert desk.accounts.person(NEW.id) is None
    size = desk.ledger.size()
    with pytest.raises(ConfigurationError, match="ids are never reused"):
        enrol(desk, replace(NEW, name="Somebody Else"), SECRET, RISK)
    with pytest.raises(NotAuthorizedError):
        enrol(desk, NEW, SECRET, None)
    enrol(desk, NEW, SECRET, RISK)
    assert desk.ledger.size() == size
    assert desk.accounts.person(NEW.id) == NEW


def test_an_account_from_before_people_were_recorded_is_recorded_with_its_password(desk: Desk) -> None:
    desk.accounts.add(NEW, SECRET)
    with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError):
        enrol(desk, NEW, "not the right password", RISK)
    with nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="is taken"):
        enrol(desk, replace(NEW, functions=("compliance", "model-risk")), SECRET, RISK)
    enrol(desk, NEW, SECRET, RISK)
    assert charter_of(desk).person(NEW.id) == NEW
    with nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="is taken"):
        enrol(desk, NEW, SECRET, RISK)


def test_a_person_can_be_disabled_whatever_else_is_wrong_and_for_ever(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE)
    dismiss(desk, COMPLIANCE.id, None)
    size = desk.ledger.size()
    dismiss(desk, COMPLIANCE.id, RISK)
    assert desk.ledger.size() == size
    assert "does not hold the function compliance" in why_held(desk, case)
    with pytest.raises(ConfigurationError, match="ids are never reused"):
        enrol(desk, COMPLIANCE, SECRET, RISK)
    desk.accounts.add(NEW, SECRET)
    dismiss(desk, NEW.id, None)  # unknown to the ledger: the account ends all the same
    account = desk.accounts.person(NEW.id)
    assert account is not None
    assert not account.active
    with pytest.raises(ConfigurationError, match="there is no person 'nobody'"):
        dismiss(desk, "nobody", None)
