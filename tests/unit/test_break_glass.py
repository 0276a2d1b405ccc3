"""Emergency releases: two persons, a reason, at most the policy's hours, never renewed beyond them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, START, TARGET, full_dossier, sha

from governance.break_glass import Glass
from governance.decide import DecisionOutcome, Status, decide
from governance.dossier import BrokenGlass, Dossier
from governance.people import Person, actor
from governance.policy import Policy, Requirement, Tier, TierRules
from governance.subject import Target

POLICY = factory.default_policy()
BARE = replace(full_dossier(POLICY), audits=(), validations=(), sign_offs=())
RELEASED, HELD, REFUSED = DecisionOutcome.RELEASED, DecisionOutcome.HELD, DecisionOutcome.REFUSED


def _part(person: Person, hour: float, hours: int = 72, **changes: Any) -> BrokenGlass:
    """A part given `hour` hours after the start, in the person's first function."""
    part = BrokenGlass(
        seq=10 + int(hour * 10),
        time=START + timedelta(hours=hour),
        person=actor(person),
        function=person.functions[0],
        reason="the old model turns everybody down",
        hours=hours,
        model_digest=sha("model"),
        policy_digest=POLICY.digest,
        target=TARGET,
    )
    return replace(part, **changes)


def _at(hour: float, *parts: BrokenGlass, dossier: Dossier = BARE) -> Dossier:
    return replace(dossier, broken_glass=parts, now=START + timedelta(hours=hour))


def _outcome(hour: float, *parts: BrokenGlass, policy: Policy = POLICY) -> DecisionOutcome:
    return decide(policy, _at(hour, *parts)).outcome


def _glass(hour: float, *parts: BrokenGlass) -> Glass:
    rules = POLICY.rules(Tier.HIGH)
    assert rules is not None
    return Glass(rules, POLICY.signers(Tier.HIGH), _at(hour, *parts), POLICY.digest)


def test_two_persons_release_without_evidence_and_the_decision_says_so() -> None:
    one = decide(POLICY, _at(2, _part(COMPLIANCE, 1)))
    assert (one.outcome, one.emergency) == (HELD, None)
    both = decide(POLICY, _at(2, _part(COMPLIANCE, 1, 10), _part(RISK, 1.5, 5)))
    assert both.outcome is RELEASED
    assert both.emergency is not None
    assert both.emergency.until == START + timedelta(hours=6.5)
    assert {item.requirement for item in both.missing()} >= {Requirement.AUDITED, Requirement.SIGN_OFF}
    assert both.findings[-1].requirement == "break-glass"
    assert "the old model turns everybody down" in str(both.emergency)


def test_it_ends_by_itself_with_the_shorter_of_both() -> None:
    parts = (_part(COMPLIANCE, 1, 72), _part(RISK, 2, 3))
    assert [_outcome(hour, *parts) for hour in (2, 4.99, 5, 60)] == [RELEASED, RELEASED, HELD, HELD]


def test_one_person_twice_is_one_person() -> None:
    assert _outcome(3, _part(DEPUTY, 1), _part(DEPUTY, 2, function="model-risk")) is HELD


@pytest.mark.parametrize(
    "change",
    [
        {"withdrawn": True},
        {"model_digest": sha("other bytes")},
        {"target": Target("production", "champion")},
        {"target": Target("local", "staging")},
        {"policy_digest": sha("another policy")},
        {"reason": "  "},
        {"time": START + timedelta(days=9)},
        {"function": "data-science"},
        {"function": "model-risk"},
        {"person": actor(SCIENTIST)},
        {"person": actor(Person("nobody", "Nobody", ("compliance",)))},
        {"hours": 0},
    ],
)
def test_a_part_that_does_not_count_leaves_the_other_alone(change: dict[str, Any]) -> None:
    assert _outcome(3, _part(RISK, 1), _part(COMPLIANCE, 2)) is RELEASED
    assert _outcome(3, _part(RISK, 1), replace(_part(COMPLIANCE, 2), **change)) is HELD


def test_a_policy_with_fewer_hours_counts_and_zero_hours_are_never() -> None:
    parts = (_part(COMPLIANCE, 1, 72), _part(RISK, 2, 72))

    def policy(hours: int) -> Policy:
        tiers = tuple((tier, replace(rules, break_glass_hours=hours)) for tier, rules in POLICY.tiers)
        return replace(POLICY, tiers=tiers)

    assert _outcome(3, *parts, policy=policy(4)) is RELEASED
    assert _outcome(5.1, *parts, policy=policy(4)) is HELD
    assert _outcome(3, *parts, policy=policy(0)) is HELD
    assert _outcome(75, *parts, policy=policy(1_000)) is HELD  # never more than 72, whatever stands in a policy


def test_the_hours_cannot_be_strung_together() -> None:
    """A part is used once, and what was begun ends for good: two persons in turns would never stop otherwise."""
    turns = (_part(COMPLIANCE, 0, 72), _part(RISK, 71, 72), _part(COMPLIANCE, 72, 72))
    assert _outcome(71.5, *turns[:2]) is RELEASED
    assert _outcome(72.5, *turns) is HELD
    anew = (*turns, _part(RISK, 73, 72))
    assert _outcome(73.5, *anew) is RELEASED
    assert _outcome(142.9, *anew) is RELEASED
    assert _outcome(143, *anew) is HELD  # 72 hours after the first two were together
    assert _outcome(151, *anew, _part(COMPLIANCE, 149), _part(RISK, 150)) is HELD
    assert _glass(151, *anew).last_end() == START + timedelta(hours=143)


def test_taking_a_part_back_does_not_start_the_hours_anew() -> None:
    gone = (_part(COMPLIANCE, 1, withdrawn=True), _part(RISK, 2))
    assert _outcome(71, *gone, _part(COMPLIANCE, 70)) is RELEASED
    assert _outcome(74, *gone, _part(COMPLIANCE, 70)) is HELD


def test_a_part_that_waits_for_a_second_person_is_known() -> None:
    first = _part(COMPLIANCE, 1, 5)
    assert _glass(2, first).waiting() == first
    assert _glass(6, first).waiting() is None
    assert _glass(3, first, _part(RISK, 2)).waiting() is None


def test_it_stands_in_for_evidence_and_never_for_who_must_not_sign_a_refusal_or_the_policy() -> None:
    parts = (_part(COMPLIANCE, 1), _part(RISK, 2))
    refused = factory.approval(POLICY, DEPUTY, "compliance", 9, "refuse")
    nobody_registered = replace(_at(3, *parts), registrations=())
    not_adopted = replace(_at(3, *parts), charter=replace(BARE.charter, adoptions=()))
    assert decide(POLICY, _at(3, *parts, dossier=replace(BARE, sign_offs=(refused,)))).outcome is REFUSED
    assert decide(POLICY, nobody_registered).outcome is HELD
    assert decide(POLICY, not_adopted).outcome is HELD


def test_no_glass_opens_the_prohibited_tier_or_one_without_rules() -> None:
    parts = (_part(COMPLIANCE, 1), _part(RISK, 2))
    prohibited = replace(POLICY, models=(("hiring", Tier.PROHIBITED),))
    assert _outcome(3, *parts, policy=prohibited) is REFUSED
    rules = TierRules((Requirement.AUDITED,), break_glass_hours=72)
    assert _outcome(3, *parts, policy=replace(prohibited, tiers=((Tier.PROHIBITED, rules),))) is REFUSED
    assert _outcome(3, *parts, policy=replace(POLICY, tiers=())) is HELD


def test_who_registered_or_owns_what_is_judged_breaks_no_glass() -> None:
    for owner in (COMPLIANCE, RISK):
        owned = replace(BARE.registrations[0], owners={"run": owner.id})
        dossier = _at(3, _part(COMPLIANCE, 1), _part(RISK, 2), dossier=replace(BARE, registrations=(owned,)))
        assert decide(POLICY, dossier).outcome is HELD


def test_signed_properly_meanwhile_it_is_a_release_like_any_other() -> None:
    full = _at(30, _part(COMPLIANCE, 1), _part(RISK, 2), dossier=full_dossier(POLICY))
    decision = decide(POLICY, full)
    assert (decision.outcome, decision.emergency) == (RELEASED, None)
    assert {item.status for item in decision.findings} == {Status.MET}
