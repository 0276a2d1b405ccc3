"""The rules of a sign-off on the real ledger: what others got wrong is tried here, each under its name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import governance_factory as factory
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, SECRET, TARGET, Clock, FakeRegistry, approve, sha

from governance.adoption import approve_policy
from governance.case import Case, case_of, open_case
from governance.charter_record import key_event
from governance.decide import DecisionOutcome
from governance.delegating import delegate, revoke
from governance.desk import Desk, charter_of, use_policy
from governance.emergency import Plea, break_glass
from governance.enrolment import dismiss, enrol, enrol_key, revoke_key
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    FairgateError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.people import MACHINE, Person, actor
from governance.record import Signature, registered, signed
from governance.release import promote, record_hold
from governance.signoff import Wish, sign, withdraw
from governance.statement import PredicateType, Statement
from governance.subject import Target
from governance.user_key import challenge, sign_with

HELD, RELEASED, REFUSED = DecisionOutcome.HELD, DecisionOutcome.RELEASED, DecisionOutcome.REFUSED
USER_KEY = factory.default_policy_bytes().replace(b'assurance = "server-attested"', b'assurance = "user-key"', 1)
NEXT = factory.default_policy_bytes().replace(b'version = "1"', b'version = "2"')


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry() -> FakeRegistry:
    return factory.fake_registry()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Desk:
    return factory.new_desk(tmp_path, clock)


@pytest.fixture
def case(desk: Desk, registry: FakeRegistry) -> Case:
    return factory.held_case(desk, registry)


@pytest.fixture
def key_desk(tmp_path: Path, clock: Clock) -> Desk:
    """A desk whose policy asks for signatures by keys of the persons' own."""
    folder = tmp_path / "keys"
    folder.mkdir()
    return factory.new_desk(folder, clock, USER_KEY)


def _now(desk: Desk, case: Case) -> Case:
    return case_of(desk, case.subject, case.target)


def _outcome(desk: Desk, case: Case) -> DecisionOutcome:
    return _now(desk, case).decision.outcome


def _why(desk: Desk, case: Case) -> str:
    return "; ".join(item.reason for item in _now(desk, case).decision.missing())


def _enrolled(desk: Desk, person: Person) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    enrol_key(desk, person, sign_with(key, b"").public)
    return key


def _with_key(desk: Desk, case: Case, person: Person, key: Ed25519PrivateKey | None) -> None:
    now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
    sign(desk, now, person, Wish(person.functions[0], "approve", "read", now.shown(), "password", key))


@contextmanager
def _nothing_is_recorded(desk: Desk) -> Iterator[None]:
    before = desk.ledger.size()
    yield
    assert desk.ledger.size() == before


# --- quorum and persons ---------------------------------------------------------------------------------------------


def test_one_key_under_two_names_is_refused_at_enrolment(desk: Desk) -> None:
    public = sign_with(_enrolled(desk, COMPLIANCE), b"").public
    with _nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="a key belongs to one person for ever"):
        enrol_key(desk, RISK, public)
    with _nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="is enrolled already"):
        enrol_key(desk, COMPLIANCE, public)
    revoke_key(desk, COMPLIANCE, public)
    for person, why in ((RISK, "for ever"), (COMPLIANCE, "was revoked: make a new one")):
        with _nothing_is_recorded(desk), pytest.raises(ConfigurationError, match=why):
            enrol_key(desk, person, public)


def test_one_key_under_two_names_does_not_reach_two_of_two(key_desk: Desk, registry: FakeRegistry) -> None:
    """Past the verbs: a ledger that has the key twice still counts it for its first holder alone."""
    key, case = _enrolled(key_desk, COMPLIANCE), factory.held_case(key_desk, registry)
    key_desk.ledger.append(key_event("key-enrolled", RISK, MACHINE, sign_with(key, b"").public))
    _with_key(key_desk, case, COMPLIANCE, key)
    with pytest.raises(NotAuthorizedError, match="is not enrolled for Risk Officer"):
        _with_key(key_desk, case, RISK, key)
    dossier = _now(key_desk, case).dossier
    expires = dossier.now + timedelta(days=9)
    signature = Signature(RISK, "model-risk", "approve", "read", "x", expires)
    body = signed(dossier, case.shown(), signature).body
    key_desk.ledger.append(
        signed(dossier, case.shown(), replace(signature, key=sign_with(key, challenge(RISK.id, body))))
    )
    assert _outcome(key_desk, case) is HELD
    assert "the signature of the signer's own key does not hold" in _why(key_desk, case)


def test_one_person_in_two_functions_fills_one_slot(desk: Desk, case: Case) -> None:
    approve(desk, case, DEPUTY, "compliance")
    with pytest.raises(AlreadyDecidedError):
        approve(desk, case, DEPUTY, "model-risk")
    assert "missing from: model-risk" in _why(desk, case)


def test_a_person_whom_only_the_accounts_know_signs_nothing(desk: Desk, case: Case) -> None:
    """Whoever can write to the accounts makes no signer."""
    ghost = Person("ghost", "A Ghost", ("compliance",))
    desk.accounts.add(ghost, SECRET)
    with _nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="the ledger does not know A Ghost"):
        approve(desk, case, ghost)


def test_a_non_approver_can_neither_approve_nor_refuse(desk: Desk, case: Case) -> None:
    for decision in ("approve", "refuse"):
        with _nothing_is_recorded(desk), pytest.raises(FairgateError):
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
        withdraw(his, _approved_once(desk, case), person, "stop it")
    assert {"refusal", "withdrawal"}.isdisjoint(factory.kinds(desk))


def _approved_once(desk: Desk, case: Case) -> Case:
    approve(desk, case, COMPLIANCE)
    return _now(desk, case)


def test_the_requester_cannot_approve(desk: Desk, case: Case) -> None:
    record_hold(desk, case, actor(COMPLIANCE))
    with _nothing_is_recorded(desk), pytest.raises(SeparationOfDutiesError, match="asked for the release"):
        approve(desk, case, COMPLIANCE)


@pytest.mark.parametrize("what", ["run", "data"])
def test_the_owner_of_the_run_or_the_data_cannot_approve(desk: Desk, case: Case, what: str) -> None:
    approve(desk, case, COMPLIANCE)
    statement = registered(case.subject, SCIENTIST.id, "declared", MACHINE, {what: COMPLIANCE.id})
    desk.ledger.append(statement)
    assert f"Compliance Officer (compliance): the signer owns the {what}" in _why(desk, case)
    with pytest.raises(SeparationOfDutiesError, match=f"owns the {what}"):
        approve(desk, case, COMPLIANCE)


# --- what it is bound to --------------------------------------------------------------------------------------------


def test_an_old_sign_off_is_not_replayed_for_other_bytes_alias_environment_or_report(
    desk: Desk, case: Case, registry: FakeRegistry
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    assert _outcome(desk, case) is RELEASED
    other = factory.held_case(desk, registry, "3")
    assert other.decision.only_sign_off_missing()
    for target in (Target("local", "staging"), Target("production", "champion")):
        elsewhere = case_of(desk, case.subject, target)
        assert elsewhere.decision.only_sign_off_missing()
        assert "given for champion in local" in elsewhere.decision.missing()[0].reason
    factory.put_audit(desk, case.subject, confidence=0.99)
    assert "given for another audit report" in _why(desk, case)


def test_weights_that_change_after_approval_are_not_released(desk: Desk, case: Case, registry: FakeRegistry) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    registry.bytes_of["hiring", "2"] = b"other weights"
    with pytest.raises(StaleEvidenceError, match="nothing was released"):
        promote(desk, registry, _now(desk, case))
    assert registry.moves == []


def test_an_approval_after_a_refusal_overturns_nothing(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE, decision="refuse")
    for person in (COMPLIANCE, RISK, DEPUTY):
        with _nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError):
            approve(desk, case, person)
    with _nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError):
        break_glass(desk, case, RISK, Plea(1, "urgent", "password"))
    # Nor by statements that our verbs would never make.
    for person in (RISK, DEPUTY):
        expires = _now(desk, case).dossier.now + timedelta(days=9)
        signature = Signature(person, person.functions[0], "approve", "read", "x", expires)
        desk.ledger.append(signed(case.dossier, case.shown(), signature))
    assert _outcome(desk, case) is REFUSED


def test_an_approval_counts_no_more_after_its_end_also_where_the_clock_is_set_back(
    desk: Desk, case: Case, clock: Clock
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    clock.forward(days=90, minutes=1)
    assert "expired" in _why(desk, case)
    record_hold(desk, _now(desk, case), MACHINE)
    clock.forward(days=-80)
    assert "expired" in _why(desk, case)


def test_a_sign_off_without_a_signature_of_the_own_key_is_not_counted_where_the_policy_asks_for_it(
    key_desk: Desk, registry: FakeRegistry
) -> None:
    case = factory.held_case(key_desk, registry)
    keys = {person.id: _enrolled(key_desk, person) for person in (COMPLIANCE, RISK)}
    _with_key(key_desk, case, COMPLIANCE, keys[COMPLIANCE.id])
    _with_key(key_desk, case, DEPUTY, None)
    assert "missing from: model-risk" in _why(key_desk, case)
    assert "signed with the assurance server-attested, the policy asks for user-key" in _why(key_desk, case)
    _with_key(key_desk, case, RISK, keys[RISK.id])
    given = _now(key_desk, case)
    assert given.decision.outcome is RELEASED
    assert [item.assurance for item in given.dossier.sign_offs] == ["user-key", "server-attested", "user-key"]


def test_what_a_revoked_key_signed_counts_no_more(key_desk: Desk, registry: FakeRegistry) -> None:
    case = factory.held_case(key_desk, registry)
    for person in (COMPLIANCE, RISK):
        key = _enrolled(key_desk, person)
        _with_key(key_desk, case, person, key)
    assert _outcome(key_desk, case) is RELEASED
    revoke_key(key_desk, RISK, sign_with(key, b"").public)
    assert _outcome(key_desk, case) is HELD
    with pytest.raises(NotAuthorizedError, match="is not enrolled"):
        _with_key(key_desk, case, RISK, key)


def test_a_key_that_is_enrolled_later_proves_nothing_that_was_signed_before(
    key_desk: Desk, registry: FakeRegistry
) -> None:
    case, key = factory.held_case(key_desk, registry), Ed25519PrivateKey.generate()
    _forge(key_desk, case, key=key)
    enrol_key(key_desk, COMPLIANCE, sign_with(key, b"").public)
    assert _assurances(key_desk, case) == ["unproved"]


def _forge(desk: Desk, case: Case, *, key: Ed25519PrivateKey | None = None, **changes: object) -> Statement:
    """A sign-off by the compliance officer past our verbs: properly signed with `key`, then its body changed."""
    dossier = _now(desk, case).dossier
    expires = dossier.now + timedelta(days=9)
    signature = Signature(COMPLIANCE, "compliance", "approve", "read", "x", expires)
    if key is not None:
        body = signed(dossier, case.shown(), signature).body
        signature = replace(signature, key=sign_with(key, challenge(COMPLIANCE.id, body)))
    statement = signed(dossier, case.shown(), signature)
    statement = replace(statement, body={**statement.body, **changes})
    desk.ledger.append(statement)
    return statement


def _assurances(desk: Desk, case: Case) -> list[str]:
    return [item.assurance for item in _now(desk, case).dossier.sign_offs]


def test_the_own_signature_covers_everything_that_was_willed(key_desk: Desk, registry: FakeRegistry) -> None:
    case, key = factory.held_case(key_desk, registry), _enrolled(key_desk, COMPLIANCE)
    body = _forge(key_desk, case, key=key).body
    assert _assurances(key_desk, case) == ["user-key"]
    changes: dict[str, object] = {
        "subject": {**body["subject"], "source": "elsewhere"},
        "target": {"environment": "production", "alias": "champion"},
        "shown": {**body["shown"], "report_digest": sha("other report")},
        "function": "model-risk",
        "reason": "another reason",
        "on_behalf_of": "risk-officer",
        "expires_at": "2036-01-01T00:00:00+00:00",
    }
    changes |= {"shown ": {**body["shown"], "policy_digest": sha("other policy")}}
    for name, value in changes.items():
        _forge(key_desk, case, key=key, **{name.strip(): value})
        assert _assurances(key_desk, case)[-1] == "unproved", name


def test_a_signature_of_an_own_key_counts_once_also_after_it_was_withdrawn(
    key_desk: Desk, registry: FakeRegistry
) -> None:
    case, key = factory.held_case(key_desk, registry), _enrolled(key_desk, COMPLIANCE)
    statement = _forge(key_desk, case, key=key)
    withdraw(key_desk, _now(key_desk, case), COMPLIANCE, "seen too late")
    key_desk.ledger.append(statement)  # an administrator plays it back
    assert _assurances(key_desk, case) == ["user-key", "unproved"]


@pytest.mark.parametrize(
    "garbage",
    [
        "text",
        7,
        [],
        ["public"],
        {},
        {"public": 1, "signature": None},
        {"public": "AAAA", "signature": "AAAA"},
        {"public": "é", "signature": "é"},
        {"public": "A" * 44, "signature": "A" * 88, "more": 1},
    ],
)
def test_what_is_no_signature_is_not_counted_and_breaks_nothing(
    key_desk: Desk, registry: FakeRegistry, garbage: object
) -> None:
    case = factory.held_case(key_desk, registry)
    for assurance in ("user-key", "made-up", ["user-key"]):
        _forge(key_desk, case, user_key=garbage, assurance=assurance)
    assert set(_assurances(key_desk, case)) == {"unproved"}
    assert _outcome(key_desk, case) is HELD


def test_a_refusal_with_an_own_key_is_told_as_such(key_desk: Desk, registry: FakeRegistry) -> None:
    case, key = factory.held_case(key_desk, registry), _enrolled(key_desk, COMPLIANCE)
    sign(key_desk, case, COMPLIANCE, Wish("compliance", "refuse", "harm", case.shown(), "password", key))
    assert _assurances(key_desk, case) == ["user-key"]
    assert _outcome(key_desk, case) is REFUSED


# --- delegation -----------------------------------------------------------------------------------------------------

HELPER = Person("helper", "A Helper", ("legal",))


def _given(desk: Desk, giver: Person, receiver: Person, function: str, **until: float) -> int:
    end = desk.clock() + timedelta(**(until or {"days": 9}))
    return delegate(desk, giver, receiver.id, function, end, "on leave", "password").seq


@pytest.fixture
def helped(desk: Desk) -> Desk:
    enrol(desk, HELPER, SECRET, None)
    return desk


def test_a_delegate_signs_for_the_delegator_and_it_says_so(helped: Desk, case: Case) -> None:
    _given(helped, COMPLIANCE, HELPER, "compliance")
    entry = approve(helped, case, HELPER, "compliance")
    assert entry.statement.body["on_behalf_of"] == COMPLIANCE.id
    assert "on behalf of compliance-officer" in entry.statement.meaning
    approve(helped, case, RISK)
    assert _outcome(helped, case) is RELEASED
    (mine,) = withdraw(helped, _now(helped, case), HELPER, "my mistake")
    assert mine.statement.body["sign_off"] == entry.seq


def test_the_exclusions_of_both_hold(desk: Desk, case: Case) -> None:
    _given(desk, COMPLIANCE, SCIENTIST, "compliance")
    with _nothing_is_recorded(desk), pytest.raises(SeparationOfDutiesError, match="registered this version"):
        approve(desk, case, SCIENTIST, "compliance")
    record_hold(desk, case, actor(COMPLIANCE))
    _given(desk, COMPLIANCE, RISK, "compliance")
    with _nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="no delegation that would allow it"):
        approve(desk, case, RISK, "compliance")


def test_where_two_delegated_the_one_who_may_sign_counts(helped: Desk, case: Case) -> None:
    _given(helped, COMPLIANCE, HELPER, "compliance")
    _given(helped, DEPUTY, HELPER, "compliance")
    record_hold(helped, case, actor(COMPLIANCE))
    assert approve(helped, case, HELPER, "compliance").statement.body["on_behalf_of"] == DEPUTY.id


def test_a_delegator_and_her_delegate_are_one_person_for_the_quorum(desk: Desk, case: Case) -> None:
    """Nobody signs in two functions through somebody else, in whichever direction."""
    _given(desk, DEPUTY, RISK, "compliance")
    approve(desk, case, RISK, "compliance")
    approve(desk, case, DEPUTY, "model-risk")
    assert "missing from" in _why(desk, case)
    approve(desk, case, COMPLIANCE)
    assert _outcome(desk, case) is RELEASED


def test_what_was_delegated_is_not_handed_on(helped: Desk) -> None:
    _given(helped, COMPLIANCE, HELPER, "compliance")
    with _nothing_is_recorded(helped), pytest.raises(NotAuthorizedError, match="cannot delegate 'compliance'"):
        _given(helped, HELPER, RISK, "compliance")
    with _nothing_is_recorded(helped), pytest.raises(SeparationOfDutiesError, match="to herself"):
        _given(helped, COMPLIANCE, COMPLIANCE, "compliance")
    for wrong in ({"days": 91.0}, {"days": -1.0}):
        with _nothing_is_recorded(helped), pytest.raises(ConfigurationError, match="90 days from now"):
            _given(helped, COMPLIANCE, HELPER, "compliance", **wrong)
    with _nothing_is_recorded(helped), pytest.raises(ConfigurationError, match="no active person 'nobody'"):
        _given(helped, COMPLIANCE, Person("nobody", "Nobody", ()), "compliance")


def test_a_delegation_ends_at_its_time_and_what_was_signed_by_it_stays(
    helped: Desk, case: Case, clock: Clock, registry: FakeRegistry
) -> None:
    _given(helped, COMPLIANCE, HELPER, "compliance", hours=1)
    approve(helped, case, HELPER, "compliance")
    approve(helped, case, RISK)
    clock.forward(hours=2)
    assert _outcome(helped, case) is RELEASED
    other = factory.held_case(helped, registry, "3")
    with pytest.raises(NotAuthorizedError):
        approve(helped, other, HELPER, "compliance")


def test_a_revoked_delegation_takes_back_what_was_signed_by_it(helped: Desk, case: Case) -> None:
    seq = _given(helped, COMPLIANCE, HELPER, "compliance")
    approve(helped, case, HELPER, "compliance")
    approve(helped, case, RISK)
    with pytest.raises(NotAuthorizedError, match="neither gave nor got"):
        revoke(helped, SCIENTIST, seq, "not mine")
    revoke(helped, RISK, seq, "she is ill")
    assert "the delegation that it was given by does not hold" in _why(helped, case)
    with pytest.raises(ConfigurationError, match="no delegation that stands"):
        revoke(helped, COMPLIANCE, seq, "again")


def test_who_has_left_delegates_no_more(helped: Desk, case: Case) -> None:
    _given(helped, COMPLIANCE, HELPER, "compliance")
    approve(helped, case, HELPER, "compliance")
    approve(helped, case, RISK)
    dismiss(helped, COMPLIANCE.id, None)
    assert _outcome(helped, case) is HELD


# --- people ---------------------------------------------------------------------------------------------------------

NEW = Person("new-officer", "New Officer", ("compliance",))


def test_who_shall_sign_is_added_by_somebody_who_may(desk: Desk) -> None:
    for adder in (None, SCIENTIST, Person("ghost", "Ghost", ("compliance",))):
        with _nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="with --by ID"):
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
    with _nothing_is_recorded(desk), pytest.raises(NotAuthorizedError):
        enrol(desk, NEW, "not the right password", RISK)
    with _nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="is taken"):
        enrol(desk, replace(NEW, functions=("compliance", "model-risk")), SECRET, RISK)
    enrol(desk, NEW, SECRET, RISK)
    assert charter_of(desk).person(NEW.id) == NEW
    with _nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="is taken"):
        enrol(desk, NEW, SECRET, RISK)


def test_a_person_can_be_disabled_whatever_else_is_wrong_and_for_ever(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE)
    dismiss(desk, COMPLIANCE.id, None)
    size = desk.ledger.size()
    dismiss(desk, COMPLIANCE.id, RISK)
    assert desk.ledger.size() == size
    assert "does not hold the function compliance" in _why(desk, case)
    with pytest.raises(ConfigurationError, match="ids are never reused"):
        enrol(desk, COMPLIANCE, SECRET, RISK)
    desk.accounts.add(NEW, SECRET)
    dismiss(desk, NEW.id, None)  # unknown to the ledger: the account ends all the same
    account = desk.accounts.person(NEW.id)
    assert account is not None
    assert not account.active
    with pytest.raises(ConfigurationError, match="there is no person 'nobody'"):
        dismiss(desk, "nobody", None)


# --- the policy -----------------------------------------------------------------------------------------------------


@pytest.fixture
def next_desk(desk: Desk, tmp_path: Path, clock: Clock) -> Desk:
    """The same ledger under a policy that nobody has adopted."""
    return factory.new_desk(tmp_path, clock, NEXT)


def test_a_policy_that_people_did_not_adopt_releases_nothing(desk: Desk, next_desk: Desk, case: Case) -> None:
    found = _now(next_desk, case)
    assert found.decision.outcome is HELD
    assert "default 2 is not the policy that people adopted: that is default 1" in str(found.decision.missing())
    with pytest.raises(SignOffRefusedError, match="is not in force"):
        break_glass(next_desk, found, RISK, Plea(1, "urgent", "password"))


def test_two_persons_adopt_a_policy_and_earlier_sign_offs_do_not_carry_over(
    desk: Desk, next_desk: Desk, case: Case
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    assert approve_policy(next_desk, COMPLIANCE, "stricter", "password")[1] == 1
    assert _outcome(desk, case) is RELEASED
    with _nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="another person is needed"):
        approve_policy(next_desk, COMPLIANCE, "stricter", "password")
    with _nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="cannot approve a policy"):
        approve_policy(next_desk, SCIENTIST, "stricter", "password")
    with _nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="a reason is required"):
        approve_policy(next_desk, RISK, " ", "password")
    assert approve_policy(next_desk, RISK, "stricter", "password")[1] == 0
    assert _outcome(desk, case) is HELD
    with _nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="is in force since entry"):
        approve_policy(next_desk, DEPUTY, "stricter", "password")
    # Back to the first policy: what was signed under it the first time does not come to life again.
    for person in (COMPLIANCE, RISK):
        approve_policy(desk, person, "too strict", "password")
    assert "given before the policy in force was adopted" in _why(desk, case)


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


# --- broken glass ---------------------------------------------------------------------------------------------------


def _break(desk: Desk, case: Case, person: Person, hours: int = 5) -> DecisionOutcome:
    return break_glass(desk, case, person, Plea(hours, "the old model is down", "password"))[1].decision.outcome


@pytest.fixture
def bare(desk: Desk, registry: FakeRegistry) -> Case:
    """Registered and asked for; nothing was audited."""
    subject = factory.adopt(desk, registry)
    record_hold(desk, case_of(desk, subject, TARGET), actor(SCIENTIST))
    return case_of(desk, subject, TARGET)


def test_two_persons_break_the_glass_for_some_hours(desk: Desk, bare: Case, clock: Clock) -> None:
    assert _break(desk, bare, COMPLIANCE) is HELD
    with _nothing_is_recorded(desk), pytest.raises(AlreadyDecidedError, match="another person must too"):
        _break(desk, bare, COMPLIANCE)
    assert _break(desk, bare, RISK, 3) is RELEASED
    with _nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="there is no glass to break"):
        _break(desk, bare, DEPUTY)
    clock.forward(hours=3)
    assert _outcome(desk, bare) is HELD
    clock.forward(hours=70)
    with _nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="it is not renewed"):
        _break(desk, bare, DEPUTY)


def test_who_may_not_sign_breaks_no_glass(desk: Desk, bare: Case) -> None:
    for person, error in ((SCIENTIST, SeparationOfDutiesError), (HELPER, NotAuthorizedError)):
        with _nothing_is_recorded(desk), pytest.raises(error):
            _break(desk, bare, person)
    record_hold(desk, bare, actor(RISK))
    with _nothing_is_recorded(desk), pytest.raises(SeparationOfDutiesError, match="asked for the release"):
        _break(desk, bare, RISK)


def test_a_delegate_breaks_no_glass(helped: Desk, bare: Case) -> None:
    _given(helped, COMPLIANCE, HELPER, "compliance")
    with _nothing_is_recorded(helped), pytest.raises(NotAuthorizedError, match="cannot break the glass"):
        _break(helped, bare, HELPER)


@pytest.mark.parametrize("hours", [0, -1, 73, True, 1.5])
def test_hours_that_the_policy_does_not_allow_are_refused(desk: Desk, bare: Case, hours: int) -> None:
    with _nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="the policy allows 1 to 72 whole hours"):
        _break(desk, bare, COMPLIANCE, hours)


def test_glass_needs_a_reason_and_a_record_of_who_was_authenticated(desk: Desk, bare: Case) -> None:
    with _nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="a reason is required"):
        break_glass(desk, bare, COMPLIANCE, Plea(1, " ", "password"))
    with _nothing_is_recorded(desk), pytest.raises(NotAuthorizedError, match="how Compliance Officer was"):
        break_glass(desk, bare, COMPLIANCE, Plea(1, "urgent", ""))


def test_broken_glass_is_for_the_bytes_that_were_looked_at(desk: Desk, bare: Case) -> None:
    other = replace(bare.subject, digest=sha("other bytes"))
    desk.ledger.append(registered(other, SCIENTIST.id, "declared", MACHINE))
    with _nothing_is_recorded(desk), pytest.raises(StaleEvidenceError, match="others by now"):
        _break(desk, bare, COMPLIANCE)


def test_glass_without_a_known_registrant_is_refused_with_the_reason(desk: Desk, registry: FakeRegistry) -> None:
    found = registry.version("hiring", "3")
    subject = factory.subject_from(found, registry.manifest(found))
    desk.ledger.append(registered(subject, None, "unknown", MACHINE))
    with _nothing_is_recorded(desk), pytest.raises(SignOffRefusedError, match="nobody is recorded as the registrant"):
        _break(desk, case_of(desk, subject, TARGET), COMPLIANCE)


def test_withdrawing_or_refusing_ends_an_emergency(desk: Desk, bare: Case) -> None:
    _break(desk, bare, COMPLIANCE)
    _break(desk, bare, RISK)
    (entry,) = withdraw(desk, bare, RISK, "it is over")[1:]
    assert _outcome(desk, bare) is HELD
    assert entry.statement.predicate_type is PredicateType.WITHDRAWAL
    _break(desk, bare, COMPLIANCE)
    assert _break(desk, bare, RISK) is RELEASED
    approve(desk, bare, DEPUTY, decision="refuse")
    assert _outcome(desk, bare) is REFUSED


# --- sixteen at once ------------------------------------------------------------------------------------------------


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
    given = _now(desk, case).dossier.sign_offs
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
