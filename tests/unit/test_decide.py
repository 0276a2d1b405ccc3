"""The gate: released only where everything is there; any one piece missing, aged, moved or blank, and it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, START, approval, full_dossier, monitoring, sha
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.condition import Condition, ConditionMet
from governance.decide import Decision, DecisionOutcome, Status, decide
from governance.dossier import Dossier
from governance.people import Actor, actor
from governance.policy import Policy, RequiredBound, Requirement, Tier, TierRules
from governance.subject import Target

POLICY = factory.default_policy()
CONDITION = Condition("measure again on newer data", SCIENTIST.id, START.date())
MET = ConditionMet(7, START + timedelta(hours=2), 5, 1, actor(COMPLIANCE), "measured again", "password")


def _with_condition_met(full: Dossier) -> Dossier:
    """The first approval has a condition whose day is over, and which was met on that day."""
    first, second = full.sign_offs
    return replace(full, sign_offs=(replace(first, conditions=(CONDITION,)), second), met=(MET,), size=8)


FULL = _with_condition_met(full_dossier(POLICY))
NAN = float("nan")
HELD, REFUSED, RELEASED = DecisionOutcome.HELD, DecisionOutcome.REFUSED, DecisionOutcome.RELEASED


def _audit(**changes: Any) -> Dossier:
    return replace(FULL, audits=(replace(FULL.audits[0], **changes),))


def _validation(**changes: Any) -> Dossier:
    return replace(FULL, validations=(replace(FULL.validations[0], **changes),))


def _signed(index: int, **changes: Any) -> Dossier:
    items = list(FULL.sign_offs)
    items[index] = replace(items[index], **changes)
    return replace(FULL, sign_offs=tuple(items))


def _person(identity: str, **changes: Any) -> Dossier:
    people = tuple(replace(item, **changes) if item.id == identity else item for item in FULL.people)
    return replace(FULL, people=people)


def _rules(tier: Tier, rules: TierRules | None, **changes: Any) -> Policy:
    """The default policy with other rules for one tier (None: none at all), under the same digest."""
    kept = tuple((name, item) for name, item in POLICY.tiers if name is not tier)
    return replace(POLICY, tiers=kept + (((tier, rules),) if rules else ()), **changes)


def _finding(decision: Decision, requirement: str) -> tuple[Status, str]:
    found = next(item for item in decision.findings if item.requirement == requirement)
    return found.status, found.reason


HIGH = dict(POLICY.tiers)[Tier.HIGH]
YEAR = timedelta(days=366)
FUTURE = FULL.now + timedelta(days=1)


def test_everything_that_is_asked_for_releases() -> None:
    decision = decide(POLICY, FULL)
    assert decision.outcome is RELEASED
    assert decision.missing() == ()
    assert decision.tier is Tier.HIGH
    assert {item.requirement for item in decision.findings} >= set(HIGH.requirements)
    assert decide(POLICY, FULL) == decision


# --- the property: any one piece ------------------------------------------------------------------------------------

_BLANKS: dict[type, tuple[Any, ...]] = {str: ("", "other"), int: (0, -1), float: (0.0, NAN, -1.0)}

# What carries no weight in the answer, each with the reason.
_FREE = {
    "sign_offs.meaning": "words for people; the decision and the digests bind",
    "audits.findings": "words for people",
    "audits.requested_by": "only decides who may not sign",
    "validations.requested_by": "only decides who may not sign",
    "registrations.assurance": "printed, and demanded by no requirement yet",
    "audits.impact": "the policy's floor is high: no declared tier is lower (test_the_floor)",
    "sign_offs.seq": "order only; an earlier one is tested below",
    "audits.seq": "order only",
    "validations.seq": "order only",
    "registrations.seq": "order only",
    "sign_offs.withdrawn": "False is the full state; True is among the breaks",
    "sign_offs.reading": "asked for by must_open alone (test_conditions.py)",
    "sign_offs.taken_back": "words about a withdrawal; `withdrawn` decides",
}


GROUPS = ("registrations", "validations", "audits", "sign_offs", "met")


def _hurt(name: str, value: Any) -> tuple[Any, ...]:
    """Other values of one field: blank, other, aged, and dated in the future."""
    if name == "time" or name == "signed_at":
        late = (CONDITION.deadline,) if value == MET.time else (value - YEAR,)
        return (FUTURE,) if name == "signed_at" else (FUTURE, *late)
    if name == "conditions":
        later = replace(CONDITION, due=CONDITION.due + timedelta(days=1))
        return ((CONDITION, CONDITION), (later, replace(CONDITION, due=CONDITION.due - timedelta(days=1))))
    if name == "expires_at":
        return (None, FULL.now, value - YEAR)
    if name == "withdrawn":
        return (True,)
    if name == "target":
        return (Target("production", "champion"), Target("local", "staging"), Target("", ""))
    if name == "verdicts":
        wrong = [{**value, key: bad} for key in value for bad in (NAN, -1, 1.5, None, True, "7")]
        gone = [{key: n for key, n in value.items() if key != left} for left in value]
        return ({}, factory.NOTHING, factory.ADVERSE, {**value, "Adverse": 1}, *wrong, *gone)
    if name == "measured":
        return ({}, *({**value, key: bad} for key in value for bad in (False, None, NAN, "yes")))
    if name == "bounds":
        return ((), (("selection_rate", "ratio", 0.79),), (("selection_rate", "ratio", NAN),))
    if name == "approver" or name == "person":
        strangers = (Actor("local", "nobody", "Nobody"), Actor("elsewhere", value.id, value.name))
        return (*strangers, replace(value, kind="machine"))
    if name in ("min_group_size", "min_events"):
        return (0, value - 1, NAN)
    if name == "confidence":
        return (0.0, 0.9, 0.999, NAN)
    if name.endswith("_digest") or name in ("digest", "registrant"):
        return ("", "other", None)
    if name == "assurance":
        return ("", "unproved", "User-Key")
    if name == "on_behalf_of":
        return ("nobody", SCIENTIST.id, COMPLIANCE.id, DEPUTY.id)
    if name == "owners":
        return tuple({what: officer.id} for what in ("run", "data") for officer in (COMPLIANCE, RISK))
    if name == "outcome":
        return ("", "block", "error", "Pass")
    if name in ("reason", "authentication"):
        return ("", "   ")
    return _BLANKS[type(value)]


def _field_breaks() -> Iterator[tuple[str, Dossier]]:
    for group in GROUPS:
        records = getattr(FULL, group)
        for index, record in enumerate(records):
            for item in fields(record):
                path = f"{group}.{item.name}"
                if path in _FREE and item.name != "withdrawn":
                    continue
                for value in _hurt(item.name, getattr(record, item.name)):
                    changed = replace(record, **{item.name: value})
                    whole = (*records[:index], changed, *records[index + 1 :])
                    yield f"{group}[{index}].{item.name} = {value!r}", replace(FULL, **{group: whole})
            yield f"{group}[{index}] removed", replace(FULL, **{group: (*records[:index], *records[index + 1 :])})


def _dossier_breaks() -> Iterator[tuple[str, Dossier]]:
    yield "other bytes", replace(FULL, subject=replace(FULL.subject, digest=sha("other")))
    yield "no bytes", replace(FULL, subject=replace(FULL.subject, digest=""))
    yield "other alias", replace(FULL, target=Target("local", "staging"))
    yield "other environment", replace(FULL, target=Target("production", "champion"))
    yield "time gone by", replace(FULL, now=FULL.now + timedelta(days=90))
    yield "time gone by, and more", replace(FULL, now=FULL.now + 3 * YEAR)
    yield "clock set back", replace(FULL, now=FULL.now - YEAR)
    yield "no policy was ever adopted", replace(FULL, charter=replace(FULL.charter, adoptions=()))
    other = replace(FULL.charter.adoptions[0], digest=sha("another policy"))
    yield "another policy is in force", replace(FULL, charter=replace(FULL.charter, adoptions=(other,)))
    later = (*FULL.charter.adoptions, other)
    yield "another policy came into force", replace(FULL, charter=replace(FULL.charter, adoptions=later))
    yield "nobody is known", replace(FULL, people=())
    yield "the registrant is removed", replace(FULL, people=FULL.people[1:])
    for officer, function in ((COMPLIANCE, "compliance"), (RISK, "model-risk")):
        gone = tuple(item for item in FULL.people if item.id != officer.id)
        yield f"{officer.id} is removed", replace(FULL, people=gone)
        yield f"{officer.id} is disabled", _person(officer.id, active=False)
        yield f"{officer.id} lost the function {function}", _person(officer.id, functions=("data-science",))
        yield (
            f"{officer.id} registered it",
            replace(FULL, registrations=(replace(FULL.registrations[0], registrant=officer.id),)),
        )
        yield (
            f"{officer.id} asked for the release",
            replace(FULL, holds=(replace(FULL.holds[0], requested_by=Actor("local", officer.id, officer.name)),)),
        )
        yield f"{officer.id} asked for the audit", _audit(requested_by=Actor("local", officer.id, officer.name))
    yield (
        "somebody else registered it too",
        replace(FULL, registrations=(*FULL.registrations, replace(FULL.registrations[0], registrant="nobody-known"))),
    )


BREAKS = dict([*_field_breaks(), *_dossier_breaks()])


@pytest.mark.parametrize("what", BREAKS)
def test_any_one_piece_broken_never_releases(what: str) -> None:
    assert decide(POLICY, BREAKS[what]).outcome is not RELEASED


def test_every_field_of_the_evidence_is_broken_or_named_as_free() -> None:
    known = {f"{group}.{item.name}" for group in GROUPS for item in fields(getattr(FULL, group)[0])}
    assert set(_FREE) <= known
    broken = {what.split(" ")[0].replace("[0]", "") for what in BREAKS if "[0]." in what}
    assert broken | set(_FREE) == known


POLICY_BREAKS: dict[str, Policy] = {
    "not yet in force": replace(POLICY, valid_from=date(2026, 6, 3)),
    "no longer in force": replace(POLICY, valid_until=date(2026, 6, 1)),
    "another policy": replace(POLICY, digest=sha("another")),
    "a policy without a digest": replace(POLICY, digest=""),
    "no rules at all": replace(POLICY, tiers=()),
    "no rules for the tier": _rules(Tier.HIGH, None),
    "an empty list of requirements": _rules(Tier.HIGH, replace(HIGH, requirements=())),
    "sign-off asked for, nobody named": _rules(Tier.HIGH, replace(HIGH, quorum=())),
    "one officer more": _rules(Tier.HIGH, replace(HIGH, quorum=(*HIGH.quorum, "legal"))),
    "two of one function": _rules(Tier.HIGH, replace(HIGH, quorum=(*HIGH.quorum, "compliance"))),
    "high impact without a sign-off": _rules(
        Tier.HIGH, replace(HIGH, quorum=(), requirements=tuple(r for r in HIGH.requirements if r != "sign-off"))
    ),
    "a feature more": _rules(Tier.HIGH, replace(HIGH, required_features=("age",))),
    "a bound more": _rules(Tier.HIGH, replace(HIGH, required_bounds=(RequiredBound("tpr", "difference", 0.1),))),
    "a stricter bound": _rules(
        Tier.HIGH, replace(HIGH, required_bounds=(RequiredBound("selection_rate", "ratio", 0.81),))
    ),
    "a higher confidence": _rules(Tier.HIGH, replace(HIGH, min_confidence=0.99)),
    "larger groups": _rules(Tier.HIGH, replace(HIGH, min_group_size=31)),
    "more events": _rules(Tier.HIGH, replace(HIGH, min_events=6)),
    "fresher audits": _rules(Tier.HIGH, replace(HIGH, max_audit_age_days=0)),
    "prohibited by name": replace(POLICY, models=(("hir*", Tier.PROHIBITED),)),
    "prohibited by floor": replace(POLICY, floor=Tier.PROHIBITED),
}


@pytest.mark.parametrize("what", POLICY_BREAKS)
def test_a_policy_that_asks_for_more_or_says_nothing_never_releases(what: str) -> None:
    assert decide(POLICY_BREAKS[what], FULL).outcome is not RELEASED


# Nothing monitored is nothing found: there `audited` asks for the evidence.
@pytest.mark.parametrize("requirement", sorted(set(Requirement) - {Requirement.MONITORING_CLEAR}))
def test_every_requirement_alone_says_no_to_an_empty_dossier(requirement: Requirement) -> None:
    rules = TierRules((requirement,), quorum=("compliance",) if requirement is Requirement.SIGN_OFF else ())
    empty = replace(FULL, registrations=(), validations=(), audits=(), sign_offs=())
    policy = replace(POLICY, tiers=((Tier.MINIMAL, rules), (Tier.HIGH, rules)), models=(("hiring", Tier.MINIMAL),))
    assert decide(policy, empty).outcome is HELD


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if is_dataclass(value):
        for item in fields(value):
            yield from _leaves(getattr(value, item.name), (*path, item.name))
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        yield path
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        return (*value[:head], _put(value[head], rest, new), *value[head + 1 :])
    return replace(value, **{head: _put(getattr(value, head), rest, new)})


_DIGESTS = [
    path
    for path in _leaves(FULL)
    if str(path[-1]).endswith("digest") and path[0] in ("subject", "validations", "audits", "sign_offs")
]
_TIMES = [path for path in _leaves(FULL) if path[-1] in ("signed_at", "time") and path[0] not in ("holds", "charter")]


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from(_DIGESTS), st.text(max_size=80))
def test_no_digest_of_the_evidence_can_be_replaced(path: tuple[Any, ...], other: str) -> None:
    assert decide(POLICY, _put(FULL, path, other)).outcome is not RELEASED


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from(_TIMES), st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=9_999)))
def test_no_record_may_come_from_the_future(path: tuple[Any, ...], ahead: timedelta) -> None:
    assert decide(POLICY, _put(FULL, path, FULL.now + ahead)).outcome is not RELEASED


@settings(deadline=None)  # a busy machine is no failure
@given(st.timedeltas(min_value=timedelta(days=90), max_value=timedelta(days=9_999)))
def test_whatever_was_released_ages(later: timedelta) -> None:
    assert decide(POLICY, replace(FULL, now=factory.START + later)).outcome is HELD


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 1), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9_999)))
def test_an_expired_approval_does_not_count(index: int, before: timedelta) -> None:
    assert decide(POLICY, _signed(index, expires_at=FULL.now - before)).outcome is HELD


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from(list(factory.VERDICTS)), st.one_of(st.floats(), st.integers(max_value=-1), st.none(), st.text()))
def test_a_count_that_is_no_count_never_passes(verdict: str, count: Any) -> None:
    assert decide(POLICY, _audit(verdicts={**factory.VERDICTS, verdict: count})).outcome is not RELEASED


@settings(deadline=None)  # a busy machine is no failure
@given(st.sets(st.sampled_from(list(BREAKS)), min_size=1, max_size=4), st.data())
def test_breaks_do_not_mend_each_other(names: set[str], data: st.DataObject) -> None:
    """Each record taken from some broken dossier: still never released."""
    picked = {}
    for group in ("registrations", "validations", "audits", "sign_offs", "people", "subject", "target", "now"):
        picked[group] = getattr(BREAKS[data.draw(st.sampled_from(sorted(names)), label=group)], group)
    mixed = replace(FULL, **picked)
    if mixed != FULL:
        assert decide(POLICY, mixed).outcome is not RELEASED


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", [4, 9])
def test_a_refusal_outweighs_every_approval_before_and_after_it(seq: int) -> None:
    refusal = approval(POLICY, DEPUTY, "compliance", seq, "refuse")
    items = tuple(sorted((*FULL.sign_offs, refusal), key=lambda item: item.seq))
    decision = decide(POLICY, replace(FULL, sign_offs=items))
    assert decision.outcome is REFUSED
    assert _finding(decision, "not-refused")[1].startswith("Deputy Officer (compliance) refused these bytes")


def test_a_refusal_stands_whatever_evidence_and_target_it_was_given_for() -> None:
    refusal = replace(
        approval(POLICY, DEPUTY, "compliance", 9, "refuse"),
        report_digest=sha("an older report"),
        policy_digest=sha("an older policy"),
        target=Target("local", "staging"),
    )
    assert decide(POLICY, replace(FULL, sign_offs=(*FULL.sign_offs, refusal))).outcome is REFUSED
    for person in ({"active": False}, {"functions": ()}):
        people = tuple(replace(item, **person) if item.id == DEPUTY.id else item for item in FULL.people)
        with_refusal = replace(FULL, sign_offs=(*FULL.sign_offs, refusal), people=people)
        assert decide(POLICY, with_refusal).outcome is REFUSED


def test_a_refusal_of_other_bytes_refuses_nothing_here() -> None:
    refusal = replace(approval(POLICY, DEPUTY, "compliance", 9, "refuse"), model_digest=sha("other"))
    assert decide(POLICY, replace(FULL, sign_offs=(*FULL.sign_offs, refusal))).outcome is RELEASED


def test_a_refusal_holds_in_tiers_that_nobody_signs() -> None:
    policy = replace(POLICY, models=(("hiring", Tier.MINIMAL),))
    refusal = approval(POLICY, DEPUTY, "compliance", 9, "refuse")
    assert decide(policy, replace(FULL, sign_offs=(refusal,))).outcome is REFUSED


# --- persons, not signatures ----------------------------------------------------------------------------------------


def test_one_person_with_two_functions_fills_one_slot() -> None:
    both = (approval(POLICY, DEPUTY, "compliance", 5), approval(POLICY, DEPUTY, "model-risk", 6))
    decision = decide(POLICY, replace(FULL, sign_offs=both))
    assert decision.outcome is HELD
    assert decision.only_sign_off_missing()
    assert len(decision.missing()[0].needs) == 1


def test_one_person_known_to_two_issuers_is_not_two() -> None:
    twin = replace(approval(POLICY, DEPUTY, "model-risk", 6), approver=Actor("elsewhere", DEPUTY.id, DEPUTY.name))
    assert decide(POLICY, replace(FULL, sign_offs=(approval(POLICY, DEPUTY, "compliance", 5), twin))).outcome is HELD


def test_slots_are_filled_so_that_as_many_as_possible_count() -> None:
    """The deputy could fill either slot: only model-risk leaves room for the compliance officer."""
    items = (approval(POLICY, DEPUTY, "compliance", 5), approval(POLICY, DEPUTY, "model-risk", 6))
    decision = decide(POLICY, replace(FULL, sign_offs=(*items, approval(POLICY, COMPLIANCE, "compliance", 7))))
    assert decision.outcome is RELEASED


def test_what_is_missing_says_who_can_give_it() -> None:
    decision = decide(POLICY, replace(FULL, sign_offs=FULL.sign_offs[:1]))
    assert decision.missing()[0].needs == ("model-risk",)
    assert decision.missing()[0].reason == "sign-off is missing from: model-risk"
    assert "fairgate sign hiring 2 --alias champion" in (decision.missing()[0].way_out or "")


VOID: dict[str, Callable[[], Dossier]] = {
    "withdrawn": lambda: _signed(0, withdrawn=True),
    "given for other bytes": lambda: _signed(0, model_digest=sha("other")),
    "given for champion in production": lambda: _signed(0, target=Target("production", "champion")),
    "given for another audit report": lambda: _signed(0, report_digest=sha("other")),
    "given for other data": lambda: _signed(0, data_digest=sha("other")),
    "given for another data validation": lambda: _signed(0, validation_digest=None),
    "given under another policy": lambda: _signed(0, policy_digest=sha("other")),
    "dated in the future": lambda: _signed(0, signed_at=FUTURE),
    "expired": lambda: _signed(0, expires_at=FULL.now),
    "given without a reason": lambda: _signed(0, reason=" "),
    "the signer does not hold the function compliance": lambda: _person(COMPLIANCE.id, functions=("legal",)),
    "the signer registered this version": lambda: replace(
        FULL, registrations=(*FULL.registrations, replace(FULL.registrations[0], registrant=COMPLIANCE.id))
    ),
}


@pytest.mark.parametrize("reason", VOID)
def test_why_a_sign_off_does_not_count_is_said(reason: str) -> None:
    status, words = _finding(decide(POLICY, VOID[reason]()), "sign-off")
    assert status is Status.UNMET
    assert words == (f"sign-off is missing from: compliance. Not counted: Compliance Officer (compliance): {reason}")


# --- the newest audit, and going back to an older one ---------------------------------------------------------------


def test_auditing_the_same_data_again_keeps_the_sign_offs() -> None:
    again = replace(FULL.audits[0], seq=8, time=FULL.now)
    assert decide(POLICY, replace(FULL, audits=(*FULL.audits, again))).outcome is RELEASED


def test_going_back_to_the_first_report_does_not_revive_its_sign_offs() -> None:
    adverse = replace(
        FULL.audits[0],
        seq=8,
        data_digest=sha("newer"),
        report_digest=sha("adverse report"),
        verdicts=factory.ADVERSE,
    )
    back = replace(FULL.audits[0], seq=9)
    decision = decide(POLICY, replace(FULL, audits=(*FULL.audits, adverse, back)))
    assert decision.outcome is HELD
    assert "given before another audit was made" in _finding(decision, "sign-off")[1]


def test_a_validation_of_other_data_or_by_another_plan_says_nothing_of_the_audited_data() -> None:
    for other in ({"data_digest": sha("other")}, {"plan_digest": sha("other")}):
        status, _ = _finding(decide(POLICY, _validation(**other)), "data-validated")
        assert status is Status.UNMET


def test_the_newest_validation_of_the_data_counts() -> None:
    bad = replace(FULL.validations[0], seq=8, outcome="block", digest=sha("bad"))
    assert decide(POLICY, replace(FULL, validations=(*FULL.validations, bad))).outcome is HELD


# --- monitoring -----------------------------------------------------------------------------------------------------


def test_an_adverse_monitoring_audit_opens_the_hold_and_a_quiet_one_does_not_close_it() -> None:
    adverse = monitoring(FULL, 8, verdicts=factory.ADVERSE, findings=("sex=female against sex=male",))
    opened = decide(POLICY, replace(FULL, audits=(*FULL.audits, adverse)))
    assert opened.outcome is HELD
    assert [item.requirement for item in opened.missing()] == ["monitoring-clear"]
    assert "sex=female against sex=male" in opened.missing()[0].reason
    assert decide(POLICY, replace(FULL, audits=(*FULL.audits, adverse, monitoring(FULL, 9)))).outcome is HELD


def test_auditing_the_old_data_once_more_does_not_close_it() -> None:
    adverse = monitoring(FULL, 8, verdicts=factory.ADVERSE)
    again = replace(FULL.audits[0], seq=9, time=FULL.now)
    decision = decide(POLICY, replace(FULL, audits=(*FULL.audits, adverse, again)))
    assert [item.requirement for item in decision.missing()] == ["monitoring-clear"]


def test_a_release_audit_of_newer_data_and_new_sign_offs_close_it() -> None:
    adverse = monitoring(FULL, 8, verdicts=factory.ADVERSE)
    new = {"data_digest": sha("newer"), "report_digest": sha("newer report")}
    audit = replace(FULL.audits[0], seq=10, time=FULL.now, **new)
    validation = replace(FULL.validations[0], seq=9, data_digest=sha("newer"), digest=sha("newer validation"))
    reopened = replace(FULL, audits=(*FULL.audits, adverse, audit), validations=(*FULL.validations, validation))
    assert decide(POLICY, reopened).only_sign_off_missing()
    signed = tuple(
        replace(item, seq=11 + index, validation_digest=sha("newer validation"), conditions=(), **new)
        for index, item in enumerate(FULL.sign_offs)
    )
    assert decide(POLICY, replace(reopened, sign_offs=(*FULL.sign_offs, *signed))).outcome is RELEASED


OLD = replace(FULL, now=factory.START + timedelta(days=91))


def _audited_status(look: Any) -> Status:
    return _finding(decide(POLICY, replace(OLD, audits=(*OLD.audits, look))), "audited")[0]


def test_monitoring_renews_the_audits_age() -> None:
    assert _finding(decide(POLICY, OLD), "audited")[0] is Status.UNMET
    in_time = monitoring(OLD, 8, time=OLD.audits[0].time + timedelta(days=90))
    assert _audited_status(in_time) is Status.MET


def test_monitoring_does_not_bring_back_an_audit_that_has_lapsed() -> None:
    """It would be a machine's act that leads from HELD to RELEASED."""
    assert _audited_status(monitoring(OLD, 8)) is Status.UNMET
    late = OLD.audits[0].time + timedelta(days=90, seconds=1)
    assert _audited_status(monitoring(OLD, 8, time=late)) is Status.UNMET


@pytest.mark.parametrize(
    "measured", [{}, {"sex": False}, {"sex": True, "ethnicity": False}, {"sex": None}, {"sex": NAN}]
)
def test_monitoring_that_measured_nothing_renews_nothing(measured: dict[str, Any]) -> None:
    in_time = OLD.audits[0].time + timedelta(days=90)
    assert _audited_status(monitoring(OLD, 8, time=in_time, measured=measured)) is Status.UNMET


def test_monitoring_from_the_future_is_not_believed() -> None:
    fresh = replace(OLD, now=OLD.audits[0].time + timedelta(days=89))
    assert _audited_status(monitoring(OLD, 8, time=OLD.now + timedelta(days=1))) is Status.UNMET
    look = monitoring(fresh, 8, time=fresh.now + timedelta(hours=1))
    answer = _finding(decide(POLICY, replace(fresh, audits=(*fresh.audits, look))), "audited")
    assert answer[0] is Status.UNKNOWN


# --- tiers ----------------------------------------------------------------------------------------------------------


def test_prohibited_is_refused_whatever_was_signed() -> None:
    for dossier, policy in (
        (_audit(impact="prohibited"), POLICY),
        (FULL, replace(POLICY, models=(("hiring", Tier.PROHIBITED),))),
    ):
        decision = decide(policy, dossier)
        assert decision.outcome is REFUSED
        assert "prohibited" in decision.missing()[0].reason


@pytest.mark.parametrize("tier", [Tier.MINIMAL, Tier.LIMITED])
def test_lower_tiers_are_released_without_people_only_where_everything_was_measured(tier: Tier) -> None:
    policy = replace(POLICY, floor=Tier.MINIMAL)
    whole = {**factory.VERDICTS, "insufficient evidence": 0}
    unsigned = replace(_audit(impact=tier.value, verdicts=whole), sign_offs=(), validations=_clean())
    decision = decide(policy, unsigned)
    assert (decision.outcome, decision.tier) == (RELEASED, tier)
    thin = replace(_audit(impact=tier.value), sign_offs=(), validations=_clean())
    assert [item.requirement for item in decide(policy, thin).missing()] == ["measured"]
    warned = replace(unsigned, validations=FULL.validations)
    assert [item.requirement for item in decide(policy, warned).missing()] == ["data-validated"]


def _clean() -> Any:
    return (replace(FULL.validations[0], outcome="pass"),)


@pytest.mark.parametrize(
    ("floor", "declared", "tier"),
    [
        (Tier.HIGH, "minimal", Tier.HIGH),
        (Tier.HIGH, "prohibited", Tier.PROHIBITED),
        (Tier.LIMITED, "minimal", Tier.LIMITED),
        (Tier.LIMITED, "high", Tier.HIGH),
        (Tier.MINIMAL, "minimal", Tier.MINIMAL),
        (Tier.MINIMAL, None, Tier.HIGH),
        (Tier.MINIMAL, "", Tier.HIGH),
        (Tier.MINIMAL, "Minimal", Tier.HIGH),
    ],
)
def test_the_floor(floor: Tier, declared: str | None, tier: Tier) -> None:
    assert decide(replace(POLICY, floor=floor), _audit(impact=declared)).tier is tier


def test_a_model_that_was_never_audited_is_high() -> None:
    assert decide(replace(POLICY, floor=Tier.MINIMAL), replace(FULL, audits=())).tier is Tier.HIGH


def test_the_first_pattern_that_matches_the_name_classes_the_model() -> None:
    policy = replace(POLICY, models=(("hir*", Tier.LIMITED), ("hiring", Tier.PROHIBITED)))
    assert decide(policy, FULL).tier is Tier.LIMITED


def test_a_difference_bound_is_strict_where_it_is_low() -> None:
    rules = replace(HIGH, required_bounds=(RequiredBound("tpr", "difference", 0.1),))
    for limit, status in ((0.1, Status.MET), (0.05, Status.MET), (0.11, Status.UNMET), (NAN, Status.UNMET)):
        decision = decide(_rules(Tier.HIGH, rules), _audit(bounds=(("tpr", "difference", limit),)))
        assert _finding(decision, "plan-meets-policy")[0] is status


def test_a_registrant_who_has_left_is_still_known() -> None:
    assert decide(POLICY, _person(SCIENTIST.id, active=False)).outcome is RELEASED
