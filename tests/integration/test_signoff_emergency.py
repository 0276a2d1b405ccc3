"""The policy in force and broken glass on the real ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, SECRET, TARGET, Clock, FakeRegistry, approve, sha
from plea_factory import by, plea
from signoff_rules import HELD, HELPER, REFUSED, RELEASED, given, nothing_is_recorded, now_of, outcome_of, why_held

from governance.adoption import approve_policy
from governance.case import Case, case_of
from governance.decide import DecisionOutcome
from governance.desk import Desk, charter_of, use_policy
from governance.emergency import Plea, break_glass
from governance.enrolment import enrol
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.people import MACHINE, Person, actor
from governance.record import registered
from governance.release import record_hold
from governance.signoff import withdraw
from governance.statement import PredicateType

NEXT = factory.default_policy_bytes().replace(b'version = "1"', b'version = "2"')


@pytest.fixture
def helped(desk: Desk) -> Desk:
    enrol(desk, HELPER, SECRET, None)
    return desk


# --- the policy -------------------------------------------------------------------------------------------------------


@pytest.fixture
def next_desk(desk: Desk, tmp_path: Path, clock: Clock) -> Desk:
    """The same ledger under a policy that nobody has adopted."""
    return factory.new_desk(tmp_path, clock, NEXT)


def test_a_policy_that_people_did_not_adopt_releases_nothing(desk: Desk, next_desk: Desk, case: Case) -> None:
    found = now_of(next_desk, case)
    assert found.decision.outcome is HELD
    assert "default 2 is not the policy that people adopted: that is default 1" in str(found.decision.missing())
    with pytest.raises(SignOffRefusedError, match="is not in force"):
        break_glass(next_desk, found, RISK, plea(1, "urgent"))


def test_two_persons_adopt_a_policy_and_earlier_sign_offs_do_not_carry_over(
    desk: Desk, next_desk: Desk, case: Case
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    assert approve_policy(next_desk, COMPLIANCE, "stricter", "password")[1] == 1
    assert outcome_of(desk, case) is RELEASED
    with nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="another person is needed"):
        approve_policy(next_desk, COMPLIANCE, "stricter", "password")
    with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="cannot approve a policy"):
        approve_policy(next_desk, SCIENTIST, "stricter", "password")
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="a reason is required"):
        approve_policy(next_desk, RISK, " ", "password")
    assert approve_policy(next_desk, RISK, "stricter", "password")[1] == 0
    assert outcome_of(desk, case) is HELD
    with nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="is in force since entry"):
        approve_policy(next_desk, DEPUTY, "stricter", "password")
    # Back to the first policy: what was signed under it the first time does not come to life again.
    for person in (COMPLIANCE, RISK):
        approve_policy(desk, person, "too strict", "password")
    assert "given before the policy in force was adopted" in why_held(desk, case)


def test_a_policy_under_which_nobody_could_ever_replace_it_is_not_adopted(
    desk: Desk, tmp_path: Path, clock: Clock
) -> None:
    text = factory.default_policy_bytes().replace(b'["compliance", "model-risk"]', b'["legal"]')
    lonely = factory.new_desk(tmp_path, clock, text)
    size = desk.ledger.size()
    with pytest.raises(ConfigurationError, match="nobody could ever replace it"):
        approve_policy(lonely, COMPLIANCE, "try", "password")
    assert desk.ledger.size() == size


def test_before_two_persons_can_sign_the_policy_that_was_used_last_is_in_force(tmp_path: Path, clock: Clock) -> None:
    first = factory.new_desk(tmp_path, clock, people=(COMPLIANCE,))
    second = factory.new_desk(tmp_path, clock, NEXT, people=(COMPLIANCE,))
    assert charter_of(first).in_force(second.policy.digest)
    use_policy(first, MACHINE)
    assert charter_of(first).in_force(first.policy.digest)
    size = first.ledger.size()
    use_policy(first, MACHINE)
    assert first.ledger.size() == size


# --- broken glass -----------------------------------------------------------------------------------------------------


def _break(desk: Desk, case: Case, person: Person, hours: int = 5) -> DecisionOutcome:
    return break_glass(desk, case, person, plea(hours, "the old model is down"))[1].decision.outcome


@pytest.fixture
def bare(desk: Desk, registry: FakeRegistry) -> Case:
    """Registered and asked for; nothing was audited."""
    subject = factory.adopt(desk, registry)
    record_hold(desk, case_of(desk, subject, TARGET), actor(SCIENTIST))
    return case_of(desk, subject, TARGET)


def test_two_persons_break_the_glass_for_some_hours(desk: Desk, bare: Case, clock: Clock) -> None:
    assert _break(desk, bare, COMPLIANCE) is HELD
    with nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="another person must too"):
        _break(desk, bare, COMPLIANCE)
    assert _break(desk, bare, RISK, 3) is RELEASED
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="there is no glass to break"):
        _break(desk, bare, DEPUTY)
    clock.forward(hours=3)
    assert outcome_of(desk, bare) is HELD
    clock.forward(hours=70)
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="it is not renewed"):
        _break(desk, bare, DEPUTY)


def test_who_may_not_sign_breaks_no_glass(desk: Desk, bare: Case) -> None:
    for person, error in ((SCIENTIST, SeparationOfDutiesError), (HELPER, NotAuthorizedError)):
        with nothing_is_recorded(desk), pytest.raises(error):
            _break(desk, bare, person)
    record_hold(desk, bare, actor(RISK))
    with nothing_is_recorded(desk), pytest.raises(SeparationOfDutiesError, match="asked for the release"):
        _break(desk, bare, RISK)


def test_a_delegate_breaks_no_glass(helped: Desk, bare: Case) -> None:
    given(helped, COMPLIANCE, HELPER, "compliance")
    with nothing_is_recorded(helped), pytest.raises(NotAuthorizedError, match="cannot break the glass"):
        _break(helped, bare, HELPER)


@pytest.mark.parametrize("hours", [0, -1, 73, True, 1.5])
def test_hours_that_the_policy_does_not_allow_are_refused(desk: Desk, bare: Case, hours: int) -> None:
    with nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="the policy allows 1 to 72 whole hours"):
        _break(desk, bare, COMPLIANCE, hours)


def test_glass_needs_a_reason_and_a_record_of_who_was_authenticated(desk: Desk, bare: Case) -> None:
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="a reason is required"):
        break_glass(desk, bare, COMPLIANCE, plea(1, " "))
    with nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="how Compliance Officer was"):
        break_glass(desk, bare, COMPLIANCE, Plea(1, "urgent", ""))


def test_glass_takes_the_two_factors_that_a_sign_off_takes(desk: Desk, bare: Case, tmp_path: Path) -> None:
    by_password = Plea(1, "urgent", "password at the command line")
    with (
        nothing_is_recorded(desk),
        pytest.raises(NotAuthorizedError, match="policy asks for server-attested; give a code"),
    ):
        break_glass(desk, bare, COMPLIANCE, by_password)
    keys = factory.default_policy_bytes().replace(b'assurance = "server-attested"', b'assurance = "user-key"')
    (tmp_path / "strict").mkdir()
    strict = factory.new_desk(tmp_path / "strict", Clock(), keys)
    held = factory.held_case(strict, factory.fake_registry())
    assert break_glass(strict, held, COMPLIANCE, plea(1, "no key can be shown here"))[1].decision.outcome is HELD


def test_broken_glass_is_for_the_bytes_that_were_looked_at(desk: Desk, bare: Case) -> None:
    other = replace(bare.subject, digest=sha("other bytes"))
    desk.ledger.append(registered(other, SCIENTIST.id, "declared", MACHINE))
    with nothing_is_recorded(desk), pytest.raises(StaleEvidenceError, match="others by now"):
        _break(desk, bare, COMPLIANCE)


def test_glass_without_a_known_registrant_is_refused_with_the_reason(desk: Desk, registry: FakeRegistry) -> None:
    found = registry.version("hiring", "3")
    subject = factory.subject_from(found, registry.manifest(found))
    desk.ledger.append(registered(subject, None, "unknown", MACHINE))
    with nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="nobody is recorded as the registrant"):
        _break(desk, case_of(desk, subject, TARGET), COMPLIANCE)


def test_withdrawing_or_refusing_ends_an_emergency(desk: Desk, bare: Case) -> None:
    _break(desk, bare, COMPLIANCE)
    _break(desk, bare, RISK)
    (entry,) = withdraw(desk, bare, by(RISK), "it is over")[1:]
    assert outcome_of(desk, bare) is HELD
    assert entry.statement.predicate_type is PredicateType.WITHDRAWAL
    _break(desk, bare, COMPLIANCE)
    assert _break(desk, bare, RISK) is RELEASED
    approve(desk, bare, DEPUTY, decision="refuse")
    assert outcome_of(desk, bare) is REFUSED
