"""Who may act, by the ledger alone: people join once, keys are one person's, and two persons change the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, START, default_policy

from governance.charter import Charter, charter_from, confirmed
from governance.charter_record import delegated, delegation_revoked, key_event, policy_endorsed, policy_in_use
from governance.people import MACHINE, Person
from governance.policy import Policy
from governance.statement import Entry, Statement

POLICY = default_policy()
OTHER = replace(POLICY, version="2", digest="sha256:" + "2" * 64)
THIRD = replace(POLICY, version="3", digest="sha256:" + "3" * 64)
NOBODYS = replace(OTHER, tiers=())
REASON = {"reason": "tried", "authentication": "password", "assurance": "server-attested"}


def _charter(*statements: Statement) -> Charter:
    """The charter after these statements, one an hour."""
    entries = (Entry(n, START + timedelta(hours=n), item, b"", b"", b"") for n, item in enumerate(statements))
    return charter_from(entries)


def _added(*people: Person) -> tuple[Statement, ...]:
    return tuple(key_event("added", person, MACHINE) for person in people)


def _uses(policy: Policy) -> Statement:
    return policy_in_use(policy, MACHINE)


def _approves(person: Person, policy: Policy = OTHER, function: str | None = None) -> Statement:
    return policy_endorsed(policy, person, function or person.functions[0], REASON)


def _in_force(charter: Charter) -> str | None:
    now = charter.adopted()
    return now.version if now else None


SETTLED = (*_added(COMPLIANCE, RISK, SCIENTIST), _uses(POLICY))


def test_an_empty_ledger_has_no_people_and_no_policy() -> None:
    charter = _charter()
    assert charter.people == ()
    assert charter.adopted() is None
    assert not charter.in_force(POLICY.digest)
    assert not charter.founded


def test_the_first_policy_is_in_force_by_its_use_and_later_ones_while_nobody_could_adopt_them() -> None:
    assert _in_force(_charter(_uses(POLICY))) == "1"
    assert _in_force(_charter(_uses(POLICY), *_added(COMPLIANCE), _uses(OTHER))) == "2"
    assert _in_force(_charter(*SETTLED, _uses(OTHER))) == "1"


def test_two_persons_who_sign_adopt_a_policy_and_it_says_who_they_were() -> None:
    one = _charter(*SETTLED, _approves(COMPLIANCE))
    assert (_in_force(one), len(one.endorsed(OTHER.digest))) == ("1", 1)
    both = _charter(*SETTLED, _approves(COMPLIANCE), _approves(RISK))
    adopted = both.adopted()
    assert adopted is not None
    assert (adopted.version, adopted.by) == ("2", (COMPLIANCE.id, RISK.id))
    assert both.endorsements == ()


def test_one_person_twice_somebody_without_the_function_and_a_stranger_adopt_nothing() -> None:
    stranger = Person("stranger", "A Stranger", ("compliance",))
    for second in (
        _approves(COMPLIANCE),
        _approves(SCIENTIST),
        _approves(SCIENTIST, function="compliance"),
        _approves(stranger),
        _approves(RISK, function="legal"),
        _approves(RISK, THIRD),
    ):
        assert _in_force(_charter(*SETTLED, _approves(COMPLIANCE), second)) == "1", second.meaning


def test_an_approval_by_somebody_who_has_left_since_does_not_count() -> None:
    gone = key_event("disabled", COMPLIANCE, MACHINE)
    assert _in_force(_charter(*SETTLED, _approves(COMPLIANCE), gone, _approves(RISK))) == "1"


def test_approvals_of_another_policy_are_gone_once_one_is_adopted() -> None:
    adopted = (*SETTLED, _approves(COMPLIANCE, THIRD), _approves(COMPLIANCE), _approves(RISK))
    assert _in_force(_charter(*adopted)) == "2"
    assert _in_force(_charter(*adopted, _approves(RISK, THIRD))) == "2"
    assert _in_force(_charter(*adopted, _approves(RISK, THIRD), _approves(COMPLIANCE, THIRD))) == "3"


def test_disabling_the_officers_does_not_give_the_policy_back_to_whoever_administers() -> None:
    gone = [key_event("disabled", person, MACHINE) for person in (COMPLIANCE, RISK)]
    charter = _charter(*SETTLED, *gone, _uses(OTHER))
    assert _in_force(charter) == "1"
    assert charter.settled(POLICY.all_signers())


def test_a_policy_whose_functions_nobody_holds_does_not_open_the_door_either() -> None:
    charter = _charter(*SETTLED, _approves(COMPLIANCE, NOBODYS), _approves(RISK, NOBODYS), _uses(THIRD))
    assert _in_force(charter) == "2"
    assert charter.settled(())


def test_an_id_is_never_reused_and_a_disabled_person_stays_disabled() -> None:
    impostor = Person(COMPLIANCE.id, "Somebody Else", ("compliance", "model-risk"))
    assert _charter(*_added(COMPLIANCE, impostor)).person(COMPLIANCE.id) == COMPLIANCE
    back = _charter(*_added(COMPLIANCE), key_event("disabled", COMPLIANCE, MACHINE), *_added(COMPLIANCE))
    person = back.person(COMPLIANCE.id)
    assert person is not None
    assert not person.active


def test_a_key_is_one_persons_for_ever_and_counts_from_its_enrolment_until_it_is_revoked() -> None:
    def enrols(person: Person) -> Statement:
        return key_event("key-enrolled", person, MACHINE, "KEY")

    start = _added(COMPLIANCE, RISK)
    held = _charter(*start, enrols(COMPLIANCE), enrols(RISK))
    assert held.key_holder("KEY") == COMPLIANCE.id
    assert held.key_holder("KEY", before=2) is None
    assert held.key_holder("KEY", before=3) == COMPLIANCE.id
    assert [item.public for item in held.keys_of(COMPLIANCE.id)] == ["KEY"]
    gone = (*start, enrols(COMPLIANCE), key_event("key-revoked", COMPLIANCE, MACHINE, "KEY"))
    for later in ((), (enrols(RISK),), (enrols(COMPLIANCE),)):
        charter = _charter(*gone, *later)
        assert charter.key_holder("KEY") is None
        assert charter.keys_of(COMPLIANCE.id) == ()


def test_a_delegation_holds_from_its_entry_to_its_end_or_its_revocation() -> None:
    until = START + timedelta(hours=5)
    given = delegated(COMPLIANCE, RISK, "compliance", until, REASON)
    charter = _charter(*_added(COMPLIANCE, RISK), given)

    def at(hours: float, held: Charter = charter) -> int:
        return len(held.delegations_to(RISK.id, "compliance", START + timedelta(hours=hours)))

    assert [at(1.9), at(2), at(4.9), at(5)] == [0, 1, 1, 0]
    assert charter.delegations_to(DEPUTY.id, "compliance", START + timedelta(hours=3)) == ()
    assert charter.delegations_to(RISK.id, "model-risk", START + timedelta(hours=3)) == ()
    revoked = _charter(
        *_added(COMPLIANCE, RISK), given, delegation_revoked(charter.delegations[0], RISK, "no longer needed")
    )
    assert at(3, revoked) == 0


def test_the_accounts_can_take_rights_away_and_give_none() -> None:
    charter = _charter(*_added(COMPLIANCE, RISK))
    swollen = replace(COMPLIANCE, name="Renamed", functions=("compliance", "model-risk"))
    unknown = Person("nobody", "Nobody", ("compliance",))
    elsewhere = replace(RISK, issuer="elsewhere")
    assert confirmed(charter, (swollen, unknown, elsewhere)) == (COMPLIANCE,)
    assert confirmed(charter, (replace(RISK, active=False),)) == (replace(RISK, active=False),)
    assert confirmed(charter, (replace(RISK, functions=()),)) == (replace(RISK, functions=()),)


def test_statements_of_other_kinds_change_nothing() -> None:
    read: Callable[..., Charter] = _charter
    odd = replace(key_event("added", COMPLIANCE, MACHINE), body={"event": "promoted", "person": {}, "public_key": None})
    assert read(*SETTLED, odd) == read(*SETTLED)
