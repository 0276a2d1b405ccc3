"""The rules of a sign-off on the real ledger: what others got wrong is tried here, each under its name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import ATTESTED, COMPLIANCE, DEPUTY, RISK, SCIENTIST, SECRET, Clock, FakeRegistry, approve
from plea_factory import by, plea
from signoff_rules import REFUSED, RELEASED, nothing_is_recorded, now_of, outcome_of, why_held

from governance.case import Case, case_of
from governance.charter_record import key_event
from governance.desk import Desk
from governance.emergency import break_glass
from governance.enrolment import enrol
from governance.errors import (
    AlreadyDecidedError,
    FairgateError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.people import MACHINE, Person, actor
from governance.record import Signature, registered, signed
from governance.release import promote, record_hold
from governance.signoff import withdraw
from governance.subject import Target


def test_one_person_in_two_functions_fills_one_slot(desk: Desk, case: Case) -> None:
    approve(desk, case, DEPUTY, "compliance")
    with pytest.raises(AlreadyDecidedError):
        approve(desk, case, DEPUTY, "model-risk")
    assert "missing from: model-risk" in why_held(desk, case)


def test_a_person_whom_only_the_accounts_know_signs_nothing(desk: Desk, case: Case) -> None:
    """Whoever can write to the accounts makes no signer."""
    ghost = Person("ghost", "A Ghost", ("compliance",))
    desk.accounts.add(ghost, SECRET)
    with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="the ledger does not know A Ghost"):
        approve(desk, case, ghost)


def test_a_non_approver_can_neither_approve_nor_refuse(desk: Desk, case: Case) -> None:
    for decision in ("approve", "refuse"):
        with nothing_is_recorded(desk), pytest.raises(FairgateError):
            approve(desk, case, SCIENTIST, "compliance", decision)


def test_a_non_approver_cannot_refuse_under_a_policy_of_his_own(desk: Desk, case: Case, tmp_path: Path) -> None:
    own = factory.default_policy_bytes().replace(b'["compliance", "model-risk"]', b'["data-science"]')
    person = Person("second-scientist", "Second Scientist", ("data-science",))
    enrol(desk, person, SECRET, None)
    his = factory.new_desk(tmp_path, desk.clock, own)  # type: ignore[arg-type]
    for decision in ("approve", "refuse"):
        with pytest.raises(SignOffRefusedError, match="is not in force, so nobody can sign under it"):
            approve(his, case, person, "data-science", decision)
    with pytest.raises(NotAuthorizedError):
        withdraw(his, _approved_once(desk, case), by(person), "stop it")
    assert {"refusal", "withdrawal"}.isdisjoint(factory.kinds(desk))


def _approved_once(desk: Desk, case: Case) -> Case:
    approve(desk, case, COMPLIANCE)
    return now_of(desk, case)


def test_the_requester_cannot_approve(desk: Desk, case: Case) -> None:
    record_hold(desk, case, actor(COMPLIANCE))
    with nothing_is_recorded(desk), pytest.raises(SeparationOfDutiesError, match="asked for the release"):
        approve(desk, case, COMPLIANCE)


@pytest.mark.parametrize("what", ["run", "data"])
def test_the_owner_of_the_run_or_the_data_cannot_approve(desk: Desk, case: Case, what: str) -> None:
    approve(desk, case, COMPLIANCE)
    statement = registered(case.subject, SCIENTIST.id, "declared", MACHINE, {what: COMPLIANCE.id})
    desk.ledger.append(statement)
    assert f"Compliance Officer (compliance): the signer owns the {what}" in why_held(desk, case)
    with pytest.raises(SeparationOfDutiesError, match=f"owns the {what}"):
        approve(desk, case, COMPLIANCE)


def test_an_old_sign_off_is_not_replayed_for_other_bytes_alias_environment_or_report(
    desk: Desk, case: Case, registry: FakeRegistry
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    assert outcome_of(desk, case) is RELEASED
    other = factory.held_case(desk, registry, "3")
    assert other.decision.only_sign_off_missing()
    for target in (Target("local", "staging"), Target("production", "champion")):
        elsewhere = case_of(desk, case.subject, target)
        assert elsewhere.decision.only_sign_off_missing()
        assert "given for champion in local" in elsewhere.decision.missing()[0].reason
    factory.put_audit(desk, case.subject, confidence=0.99)
    assert "given for another audit report" in why_held(desk, case)


def test_weights_that_change_after_approval_are_not_released(desk: Desk, case: Case, registry: FakeRegistry) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    registry.bytes_of["hiring", "2"] = b"other weights"
    with pytest.raises(StaleEvidenceError, match="nothing was released"):
        promote(desk, registry, now_of(desk, case))
    assert registry.moves == []


def test_an_approval_after_a_refusal_overturns_nothing(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE, decision="refuse")
    for person in (COMPLIANCE, RISK, DEPUTY):
        with nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError):
            approve(desk, case, person)
    with nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError):
        break_glass(desk, case, RISK, plea(1, "urgent"))
    # Nor by statements that our verbs would never make.
    for person in (RISK, DEPUTY):
        expires = now_of(desk, case).dossier.now + timedelta(days=9)
        signature = Signature(person, person.functions[0], "approve", "read", "x", expires, assurance=ATTESTED)
        desk.ledger.append(signed(case.dossier, case.shown(), signature))
    assert outcome_of(desk, case) is REFUSED


def test_an_approval_counts_no_more_after_its_end_also_where_the_clock_is_set_back(
    desk: Desk, case: Case, clock: Clock
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    clock.forward(days=90, minutes=1)
    assert "expired" in why_held(desk, case)
    record_hold(desk, now_of(desk, case), MACHINE)
    clock.forward(days=-80)
    assert "expired" in why_held(desk, case)


def _at_once(acts: list[Callable[[], object]]) -> list[BaseException]:
    """Run all acts at the same moment; what they raised."""
    barrier, failures = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[], object]) -> None:
        barrier.wait(timeout=60)
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed on to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return failures


def test_sixteen_persons_sign_one_case_at_once_and_each_is_recorded_once(
    tmp_path: Path, clock: Clock, registry: FakeRegistry
) -> None:
    people = tuple(Person(f"officer-{n}", f"Officer {n}", ("compliance", "model-risk")) for n in range(16))
    desk = factory.new_desk(tmp_path, clock, people=(SCIENTIST, COMPLIANCE))
    for person in people:  # hashing sixteen passwords would take seconds; nobody logs in here
        desk.ledger.append(key_event("added", person, MACHINE))
    desk = replace(desk, accounts=_Known((SCIENTIST, *people)))  # type: ignore[arg-type]
    case = factory.held_case(desk, registry)
    twice = [lambda person=person: approve(desk, case, person, "compliance") for person in people for _ in range(2)]
    failures = _at_once(twice)  # type: ignore[arg-type]
    assert {type(error) for error in failures} == {AlreadyDecidedError}
    given = now_of(desk, case).dossier.sign_offs
    assert sorted(item.approver.id for item in given) == sorted(person.id for person in people)
    assert len(failures) == 16
    seqs = [entry.seq for entry in desk.ledger.entries()]
    assert seqs == list(range(len(seqs)))


class _Known:
    """Accounts that answer who there is."""

    def __init__(self, people: tuple[Person, ...]) -> None:
        self.found = people

    def people(self) -> tuple[Person, ...]:
        return self.found
