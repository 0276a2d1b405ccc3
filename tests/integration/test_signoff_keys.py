"""Keys of persons' own on the real ledger: what they prove, for whom, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import governance_factory as factory
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from governance_factory import COMPLIANCE, DEPUTY, RISK, Clock, FakeRegistry, sha
from plea_factory import by
from signoff_rules import HELD, REFUSED, RELEASED, nothing_is_recorded, now_of, outcome_of, why_held

from governance.case import Case, open_case
from governance.charter_record import key_event
from governance.desk import Desk
from governance.enrolment import enrol_key, revoke_key
from governance.errors import (
    ConfigurationError,
    NotAuthorizedError,
)
from governance.people import MACHINE, Person
from governance.record import Signature, signed
from governance.signoff import Wish, sign, withdraw
from governance.statement import Statement
from governance.user_key import challenge, sign_with

USER_KEY = factory.default_policy_bytes().replace(b'assurance = "server-attested"', b'assurance = "user-key"', 1)


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
def key_desk(tmp_path: Path, clock: Clock) -> Desk:
    """A desk whose policy asks for signatures by keys of the persons' own."""
    folder = tmp_path / "keys"
    folder.mkdir()
    return factory.new_desk(folder, clock, USER_KEY)


def enrolled(desk: Desk, person: Person) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    enrol_key(desk, person, sign_with(key, b"").public)
    return key


def with_key(desk: Desk, case: Case, person: Person, key: Ed25519PrivateKey | None) -> None:
    now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
    sign(
        desk, now, person, Wish(person.functions[0], "approve", "read", now.shown(), "password", key, factory.ATTESTED)
    )


def _forge(desk: Desk, case: Case, *, key: Ed25519PrivateKey | None = None, **changes: object) -> Statement:
    """A sign-off by the compliance officer past our verbs: properly signed with `key`, then its body changed."""
    dossier = now_of(desk, case).dossier
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
    return [item.assurance for item in now_of(desk, case).dossier.sign_offs]


def test_one_key_under_two_names_is_refused_at_enrolment(desk: Desk) -> None:
    public = sign_with(enrolled(desk, COMPLIANCE), b"").public
    with nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="a key belongs to one person for ever"):
        enrol_key(desk, RISK, public)
    with nothing_is_recorded(desk), pytest.raises(ConfigurationError, match="is enrolled already"):
        enrol_key(desk, COMPLIANCE, public)
    revoke_key(desk, COMPLIANCE, public)
    for person, why in ((RISK, "for ever"), (COMPLIANCE, "was revoked: make a new one")):
        with nothing_is_recorded(desk), pytest.raises(ConfigurationError, match=why):
            enrol_key(desk, person, public)


def test_one_key_under_two_names_does_not_reach_two_of_two(key_desk: Desk, registry: FakeRegistry) -> None:
    """Past the verbs: a ledger that has the key twice still counts it for its first holder alone."""
    key, case = enrolled(key_desk, COMPLIANCE), factory.held_case(key_desk, registry)
    key_desk.ledger.append(key_event("key-enrolled", RISK, MACHINE, sign_with(key, b"").public))
    with_key(key_desk, case, COMPLIANCE, key)
    with pytest.raises(NotAuthorizedError, match="is not enrolled for Risk Officer"):
        with_key(key_desk, case, RISK, key)
    dossier = now_of(key_desk, case).dossier
    expires = dossier.now + timedelta(days=9)
    signature = Signature(RISK, "model-risk", "approve", "read", "x", expires)
    body = signed(dossier, case.shown(), signature).body
    key_desk.ledger.append(
        signed(dossier, case.shown(), replace(signature, key=sign_with(key, challenge(RISK.id, body))))
    )
    assert outcome_of(key_desk, case) is HELD
    assert "the signature of the signer's own key does not hold" in why_held(key_desk, case)


def test_a_sign_off_without_a_signature_of_the_own_key_is_not_counted_where_the_policy_asks_for_it(
    key_desk: Desk, registry: FakeRegistry
) -> None:
    case = factory.held_case(key_desk, registry)
    keys = {person.id: enrolled(key_desk, person) for person in (COMPLIANCE, RISK)}
    with_key(key_desk, case, COMPLIANCE, keys[COMPLIANCE.id])
    with pytest.raises(
        NotAuthorizedError, match=r"server-attested would not count: the policy asks for user-key; .*--key"
    ):
        with_key(key_desk, case, DEPUTY, None)
    dossier = now_of(key_desk, case).dossier  # past our verbs, as an older Fairgate recorded it
    weak = Signature(DEPUTY, "compliance", "approve", "read", "x", dossier.now + timedelta(days=9))
    key_desk.ledger.append(signed(dossier, case.shown(), replace(weak, assurance=factory.ATTESTED)))
    assert "missing from: model-risk" in why_held(key_desk, case)
    assert "signed with the assurance server-attested, the policy asks for user-key" in why_held(key_desk, case)
    with_key(key_desk, case, RISK, keys[RISK.id])
    given = now_of(key_desk, case)
    assert given.decision.outcome is RELEASED
    assert [item.assurance for item in given.dossier.sign_offs] == ["user-key", "server-attested", "user-key"]


def test_what_a_revoked_key_signed_counts_no_more(key_desk: Desk, registry: FakeRegistry) -> None:
    case = factory.held_case(key_desk, registry)
    for person in (COMPLIANCE, RISK):
        key = enrolled(key_desk, person)
        with_key(key_desk, case, person, key)
    assert outcome_of(key_desk, case) is RELEASED
    revoke_key(key_desk, RISK, sign_with(key, b"").public)
    assert outcome_of(key_desk, case) is HELD
    with pytest.raises(NotAuthorizedError, match="is not enrolled"):
        with_key(key_desk, case, RISK, key)


def test_a_key_that_is_enrolled_later_proves_nothing_that_was_signed_before(
    key_desk: Desk, registry: FakeRegistry
) -> None:
    case, key = factory.held_case(key_desk, registry), Ed25519PrivateKey.generate()
    _forge(key_desk, case, key=key)
    enrol_key(key_desk, COMPLIANCE, sign_with(key, b"").public)
    assert _assurances(key_desk, case) == ["unproved"]


def test_the_own_signature_covers_everything_that_was_willed(key_desk: Desk, registry: FakeRegistry) -> None:
    case, key = factory.held_case(key_desk, registry), enrolled(key_desk, COMPLIANCE)
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
    case, key = factory.held_case(key_desk, registry), enrolled(key_desk, COMPLIANCE)
    statement = _forge(key_desk, case, key=key)
    withdraw(key_desk, now_of(key_desk, case), by(COMPLIANCE), "seen too late")
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
    assert outcome_of(key_desk, case) is HELD


def test_a_refusal_with_an_own_key_is_told_as_such(key_desk: Desk, registry: FakeRegistry) -> None:
    case, key = factory.held_case(key_desk, registry), enrolled(key_desk, COMPLIANCE)
    sign(key_desk, case, COMPLIANCE, Wish("compliance", "refuse", "harm", case.shown(), "password", key))
    assert _assurances(key_desk, case) == ["user-key"]
    assert outcome_of(key_desk, case) is REFUSED
