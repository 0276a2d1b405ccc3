"""Conditions of an approval: open until their day ends, met in time or lapsed for ever; who may say that one is met."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, START, full_dossier
from hypothesis import given
from hypothesis import strategies as st

from governance.charter import Delegation
from governance.condition import Condition, ConditionMet, conditions_in
from governance.decide import DecisionOutcome, decide
from governance.dossier import Dossier, SignOff
from governance.lapse import in_words, states, why_not_met
from governance.people import MACHINE, Person, actor
from governance.policy import Policy, Tier
from governance.quorum import why_void
from governance.sections import SECTIONS, Opened, Reading, reading_in, unopened
from reports.sections import KEYS

POLICY = factory.default_policy()
RULES = POLICY.rules(Tier.HIGH)
DUE = START.date() + timedelta(days=7)
END = datetime.combine(DUE, datetime.min.time(), UTC) + timedelta(days=1)
HELPER = Person("helper", "A Helper", ("legal",))
TERMS = (
    Condition("audit newer data", SCIENTIST.id, DUE),
    Condition("publish the notice", "helper", DUE + timedelta(days=2)),
)


def _dossier(*met: ConditionMet, now: datetime = START + timedelta(days=1), by: int = 0) -> Dossier:
    full = full_dossier(POLICY)
    signed = [replace(item, conditions=TERMS) if n == by else item for n, item in enumerate(full.sign_offs)]
    people = (*full.people, HELPER)
    return replace(full, sign_offs=tuple(signed), met=met, people=people, now=now)


def _met(number: int = 1, who: Person = COMPLIANCE, seq: int = 20, **changes: object) -> ConditionMet:
    made = ConditionMet(seq, START + timedelta(days=2), 5, number, actor(who), "seen", "password")
    return replace(made, **changes)  # type: ignore[arg-type]


def _void(dossier: Dossier) -> str | None:
    return why_void(dossier.sign_offs[0], dossier, POLICY.digest, RULES)


BOTH = (_met(1), _met(2, seq=21))


def test_a_conditional_approval_counts_at_once() -> None:
    assert decide(POLICY, _dossier()).outcome is DecisionOutcome.RELEASED


@pytest.mark.parametrize(("after", "lapsed"), [(timedelta(microseconds=-1), False), (timedelta(), True)])
def test_it_lapses_at_the_end_of_the_due_day_in_utc_and_not_before(after: timedelta, lapsed: bool) -> None:
    assert (TERMS[0].deadline, END.hour) == (END, 0)
    words = f"lapsed: condition 1 was not recorded as met by the end of {DUE} (UTC)"
    assert _void(_dossier(now=END + after)) == (words if lapsed else None)


def test_every_condition_has_to_be_met() -> None:
    later = END + timedelta(days=10)
    assert _void(_dossier(*BOTH, now=later)) is None
    assert "condition 2" in (_void(_dossier(BOTH[0], now=later)) or "")
    assert "condition 1" in (_void(_dossier(BOTH[1], now=later)) or "")


def test_what_is_met_late_revives_nothing() -> None:
    for late in (timedelta(), timedelta(days=1)):
        assert "lapsed" in (_void(_dossier(_met(1, time=END + late), _met(2), now=END + timedelta(days=2))) or "")


@given(hours=st.integers(-24, 24 * 20), records=st.lists(st.integers(0, 24 * 20), max_size=3))
def test_once_lapsed_no_later_record_and_no_time_brings_it_back(hours: int, records: list[int]) -> None:
    met = tuple(_met(1, seq=20 + n, time=START + timedelta(hours=at)) for n, at in enumerate(sorted(records)))
    now = END + timedelta(hours=hours)
    early = any(item.time < END for item in met)
    expected = now >= END and not early
    known = tuple(item for item in met if item.time <= now)
    one = replace(_dossier(now=now), met=met).sign_offs[0]
    first = (replace(one, conditions=TERMS[:1]), _dossier(*met, now=now), _dossier(*known, now=now))
    for dossier in first[1:]:  # asked for an earlier time, what was recorded after it changes nothing
        assert (states(first[0], dossier)[0].word == "lapsed") is expected


def test_asked_again_for_an_earlier_time_it_gives_the_answer_of_then() -> None:
    told = _dossier(*BOTH, now=START + timedelta(days=1))
    assert [item.word for item in states(told.sign_offs[0], told)] == ["open", "open"]
    assert decide(POLICY, told).outcome is DecisionOutcome.RELEASED


WHO = [
    ("who set it", _met(), None),
    ("another person with the function", _met(who=DEPUTY), None),
    ("its owner", _met(2, who=HELPER), "its owner alone cannot say that it is met"),
    ("who made the version", _met(2, who=SCIENTIST), "the person registered this version"),
    ("a person with another function", _met(who=RISK), "the person does not hold the function compliance"),
    ("a stranger", _met(who=Person("eve", "Eve", ("compliance",))), "the person does not hold the function compliance"),
    ("a machine", _met(person=MACHINE), "the person does not hold the function compliance"),
    ("another issuer", _met(person=replace(actor(DEPUTY), issuer="elsewhere")), "does not hold the function"),
    ("without a reason", _met(reason=" "), "given without a reason"),
    ("nobody knows how she was authenticated", _met(authentication=""), "how the person was authenticated"),
    ("another sign-off", _met(sign_off=6), "it names no condition of this sign-off"),
    ("no such condition", _met(3), "it names no condition of this sign-off"),
    ("number 0", _met(0), "it names no condition of this sign-off"),
    ("before the sign-off", _met(seq=4), "it names no condition of this sign-off"),
    ("a delegation that nobody gave", _met(who=HELPER, on_behalf_of=DEPUTY.id), "does not hold the function"),
]


@pytest.mark.parametrize(("what", "record", "why"), WHO, ids=[row[0] for row in WHO])
def test_who_may_say_that_a_condition_is_met(what: str, record: ConditionMet, why: str | None) -> None:
    dossier = _dossier(record, now=START + timedelta(days=3))
    found = why_not_met(record, dossier.sign_offs[0], dossier)
    assert found is None if why is None else why in (found or ""), what
    late = replace(dossier, now=END)
    lapsed = "condition 1 was not" in (_void(late) or "")
    assert lapsed is not (why is None and record.number == 1)


def _delegated(dossier: Dossier, delegator: Person, delegate: Person, seq: int = 10, **changes: object) -> Dossier:
    item = Delegation(seq, delegator.id, delegate.id, "compliance", START, START + timedelta(days=5), "leave")
    return replace(dossier, charter=replace(dossier.charter, delegations=(replace(item, **changes),)))  # type: ignore[arg-type]


def test_a_delegate_may_say_so_while_the_delegation_stands_and_never_for_an_owner() -> None:
    record = _met(who=HELPER, on_behalf_of=DEPUTY.id)
    dossier = _dossier(record, now=START + timedelta(days=3))
    first = dossier.sign_offs[0]
    assert why_not_met(record, first, _delegated(dossier, DEPUTY, HELPER)) is None
    assert why_not_met(record, first, _delegated(dossier, DEPUTY, HELPER, revoked=True)) is not None
    assert why_not_met(record, first, _delegated(dossier, DEPUTY, HELPER, seq=21)) is not None
    owned = replace(first, conditions=(replace(TERMS[0], owner=DEPUTY.id),))
    why = why_not_met(record, owned, _delegated(dossier, DEPUTY, HELPER))
    assert why == "its owner alone cannot say that it is met"


def test_a_delegate_who_signed_cannot_say_so_where_her_delegator_is_the_owner() -> None:
    dossier = _dossier()
    item = replace(dossier.sign_offs[0], on_behalf_of=DEPUTY.id, conditions=(replace(TERMS[0], owner=DEPUTY.id),))
    assert why_not_met(_met(), item, replace(dossier, now=START + timedelta(days=3))) is not None


def test_who_set_it_and_left_the_firm_says_nothing_any_more() -> None:
    dossier = _dossier(*BOTH, now=START + timedelta(days=3))
    gone = tuple(replace(person, active=person.id != COMPLIANCE.id) for person in dossier.people)
    assert why_not_met(BOTH[0], dossier.sign_offs[0], replace(dossier, people=gone)) is not None


def test_the_words_of_how_conditions_stand() -> None:
    for dossier, words in (
        (_dossier(), f"on 2 conditions, 2 open, due by {DUE}"),
        (_dossier(BOTH[0], now=START + timedelta(days=3)), f"on 2 conditions, 1 open, due by {TERMS[1].due}"),
        (_dossier(*BOTH, now=START + timedelta(days=3)), "on 2 conditions, met"),
        (_dossier(now=END), f"on 2 conditions, one not met by {DUE}, so it lapsed"),
    ):
        assert in_words(dossier.sign_offs[0], dossier) == words
    assert in_words(_dossier().sign_offs[1], _dossier()) == ""
    decision = decide(POLICY, _dossier())
    signed = next(item for item in decision.findings if item.requirement == "sign-off")
    assert f"Compliance Officer (compliance, on 2 conditions, 2 open, due by {DUE})" in signed.reason


def test_old_bodies_have_no_conditions_and_no_reading() -> None:
    assert conditions_in({}) == conditions_in({"conditions": None}) == ()
    found = conditions_in({"conditions": [{"text": "a", "owner": "b", "due": "2026-12-31"}]})
    assert found == (Condition("a", "b", date(2026, 12, 31)),)
    assert reading_in({}) is None


# --- sections that the policy asks to be opened --------------------------------------------------------------------


def _asking(*sections: str) -> Policy:
    tiers = tuple((tier, replace(rules, must_open=sections)) for tier, rules in POLICY.tiers)
    return replace(POLICY, tiers=tiers)


def _reading(reading: Reading | None) -> Dossier:
    full = full_dossier(POLICY)
    return replace(full, sign_offs=tuple(replace(item, reading=reading) for item in full.sign_offs))


READINGS: list[tuple[Reading | None, str]] = [
    (None, "summary, limits"),
    ({}, "summary, limits"),
    ({"summary": Opened(0, 900)}, "summary, limits"),
    ({"summary": Opened(1)}, "limits"),
    ({"rates": Opened(9, 900), "limits": Opened(1)}, "summary"),
]


@pytest.mark.parametrize(("reading", "missing"), READINGS)
def test_an_approval_without_the_sections_that_the_policy_asks_for_does_not_count(
    reading: Reading | None, missing: str
) -> None:
    decision = decide(_asking("summary", "limits"), _reading(reading))
    assert decision.only_sign_off_missing()
    assert f"signed without opening {missing}, which the policy asks for" in decision.missing()[0].reason
    assert decide(POLICY, _reading(reading)).outcome is DecisionOutcome.RELEASED


def test_an_approval_with_them_counts_however_short_they_were_in_sight() -> None:
    seen = {"summary": Opened(1), "limits": Opened(1)}
    assert decide(_asking("summary", "limits"), _reading(seen)).outcome is DecisionOutcome.RELEASED


def test_a_refusal_stands_whatever_was_opened() -> None:
    full = full_dossier(POLICY)
    refused: SignOff = replace(full.sign_offs[0], decision="refuse", expires_at=None, reading=None)
    dossier = replace(full, sign_offs=(*full.sign_offs, refused))
    assert decide(_asking(*SECTIONS), dossier).outcome is DecisionOutcome.REFUSED


@pytest.mark.parametrize(
    "value", [5, "yes", None, [], {"opened": "3"}, {"opened": -1}, {"opened": True}, {"opened": 1.5}]
)
def test_what_a_body_does_not_say_readably_was_not_opened(value: object) -> None:
    found = reading_in({"reading": {"summary": value, "rates": {"opened": 2, "seconds": 7}}})
    assert found == {"summary": Opened(0, 0), "rates": Opened(2, 7)}
    assert unopened(found, ("summary", "rates")) == ("summary",)


def test_the_console_shows_the_sections_that_policies_name() -> None:
    assert KEYS == SECTIONS
