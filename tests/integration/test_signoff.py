"""Acts of people on the real ledger: bound to what was shown, by the right person, once, and until a day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, TARGET, Clock, FakeRegistry, approve, sha
from plea_factory import PROVED, by

from governance.case import Case, asked, case_of, open_case, waiting
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    NotAuthorizedError,
    ReleaseHeldError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE, Person, actor
from governance.record import Signature, held, observed, registered, signed, withdrawn
from governance.release import promote, record_hold
from governance.signoff import MAX_REASON, Wish, may_sign, sign, withdraw
from governance.statement import Entry, PredicateType, Statement
from governance.subject import Subject, Target

HELD, RELEASED, REFUSED = DecisionOutcome.HELD, DecisionOutcome.RELEASED, DecisionOutcome.REFUSED


def _wish(case: Case, function: str = "compliance", decision: str = "approve", reason: str = "read") -> Wish:
    return Wish(function, decision, reason, case.shown(), "password", assurance=factory.ATTESTED)


def _now(desk: Desk, case: Case) -> Case:
    return case_of(desk, case.subject, case.target)


def test_two_officers_release_and_each_approval_names_everything_that_was_shown(desk: Desk, case: Case) -> None:
    first = approve(desk, case, COMPLIANCE)
    assert _now(desk, case).decision.outcome is HELD
    approve(desk, case, RISK)
    assert _now(desk, case).decision.outcome is RELEASED

    statement, audit = first.statement, case.dossier.audit()
    assert audit is not None
    assert statement.predicate_type is PredicateType.SIGN_OFF
    assert statement.meaning == "I approve the release of hiring v2 as champion in local"
    assert statement.policy_digest == desk.policy.digest
    assert statement.digest_of("model/hiring/2") == case.subject.digest
    assert statement.digest_of("audit-report") == audit.report_digest
    assert statement.digest_of("data") == sha("data")
    assert statement.digest_of("data-validation") == sha("validation data")
    assert statement.body["shown"]["policy_digest"] == desk.policy.digest
    assert statement.body["target"] == {"environment": "local", "alias": "champion"}
    assert (statement.actor.id, statement.actor.name) == ("compliance-officer", "Compliance Officer")
    assert (statement.body["function"], statement.body["authentication"]) == ("compliance", "password and code")


def _new_audit(desk: Desk, subject: Subject) -> None:
    factory.put_audit(desk, subject, data="newer data")


def _new_report(desk: Desk, subject: Subject) -> None:
    factory.put_audit(desk, subject, confidence=0.99)


def _new_bytes(desk: Desk, subject: Subject) -> None:
    changed = replace(subject, digest=sha("other bytes"))
    desk.ledger.append(registered(changed, SCIENTIST.id, "authenticated", actor(SCIENTIST)))


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        (_new_audit, ("the audit report", "the audited data", "the data validation")),
        (_new_report, ("the audit report",)),
        (_new_bytes, ("the model's bytes", "the audit report", "the audited data", "the data validation")),
    ],
)
def test_what_moved_between_reading_and_signing_is_named(
    desk: Desk, case: Case, change: object, moved: tuple[str, ...]
) -> None:
    read = _wish(case)
    change(desk, case.subject)  # type: ignore[operator]
    with pytest.raises(StaleEvidenceError) as caught:
        sign(desk, case, COMPLIANCE, read)
    assert str(caught.value) == f"what was shown has moved: {', '.join(moved)}; open the evidence again"
    assert "sign-off" not in factory.kinds(desk)


def test_another_policy_makes_what_was_shown_stale(desk: Desk, case: Case, tmp_path: Path, clock: Clock) -> None:
    read = _wish(case)
    other = factory.new_desk(tmp_path, clock, factory.default_policy_bytes() + b"\n# changed\n")
    with pytest.raises(StaleEvidenceError, match="has moved: the policy;"):
        sign(other, case, COMPLIANCE, read)


def test_a_refusal_of_stale_evidence_is_not_taken_either(desk: Desk, case: Case) -> None:
    read = _wish(case, decision="refuse")
    _new_audit(desk, case.subject)
    with pytest.raises(StaleEvidenceError):
        sign(desk, case, COMPLIANCE, read)


def test_who_registered_or_asked_cannot_sign(tmp_path: Path, clock: Clock, registry: FakeRegistry) -> None:
    both = replace(SCIENTIST, functions=("data-science", "compliance"))
    desk = factory.new_desk(tmp_path, clock, people=(both, COMPLIANCE, RISK, DEPUTY))
    case = factory.held_case(desk, registry)
    with pytest.raises(SeparationOfDutiesError, match="Data Scientist registered this version and cannot sign off"):
        sign(desk, case, both, _wish(case))
    record_hold(desk, case, actor(COMPLIANCE))
    with pytest.raises(SeparationOfDutiesError, match="Compliance Officer asked for the release"):
        sign(desk, case, COMPLIANCE, _wish(case))
    assert may_sign(desk, _now(desk, case), COMPLIANCE) == ()


def test_asking_for_the_release_after_signing_voids_the_own_approval(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE)
    record_hold(desk, _now(desk, case), actor(COMPLIANCE))
    approve(desk, case, RISK)
    assert "Compliance Officer (compliance): the signer asked for the release" in str(
        _now(desk, case).decision.missing()
    )


@pytest.mark.parametrize(
    ("person", "function"),
    [
        (COMPLIANCE, "model-risk"),
        (COMPLIANCE, ""),
        (Person("legal-officer", "Legal Officer", ("legal",)), "compliance"),
        (Person("legal-officer", "Legal Officer", ("legal",)), "legal"),
        (replace(COMPLIANCE, active=False), "compliance"),
    ],
)
@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_only_the_functions_of_the_quorum_decide(
    desk: Desk, case: Case, person: Person, function: str, decision: str
) -> None:
    with pytest.raises(NotAuthorizedError, match=r"the policy asks for compliance, model-risk, and "):
        sign(desk, case, person, _wish(case, function, decision))
    assert _now(desk, case).decision.outcome is HELD


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_without_a_reason_or_an_authentication_nothing_is_signed(desk: Desk, case: Case, decision: str) -> None:
    with pytest.raises(SignOffRefusedError, match="a reason is required"):
        sign(desk, case, COMPLIANCE, _wish(case, decision=decision, reason=" \n"))
    with pytest.raises(SignOffRefusedError, match="at most 4,000 are kept"):
        sign(desk, case, COMPLIANCE, _wish(case, decision=decision, reason="x" * (MAX_REASON + 1)))
    with pytest.raises(NotAuthorizedError, match="not recorded how Compliance Officer was authenticated"):
        sign(desk, case, COMPLIANCE, replace(_wish(case, decision=decision), authentication=" "))
    with pytest.raises(ConfigurationError, match="a decision is approve or refuse, not 'yes'"):
        sign(desk, case, COMPLIANCE, _wish(case, decision="yes"))
    assert {"sign-off", "refusal"}.isdisjoint(factory.kinds(desk))


def test_a_refusal_is_final_for_the_bytes_under_whatever_name(desk: Desk, case: Case, registry: FakeRegistry) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK, decision="refuse")
    assert _now(desk, case).decision.outcome is REFUSED
    for person in (DEPUTY, COMPLIANCE):
        with pytest.raises(AlreadyDecidedError, match="a refusal is final for these bytes"):
            approve(desk, case, person)
    twin = factory.adopt(desk, registry, "1", name="selection")
    assert twin.digest == case.subject.digest
    assert case_of(desk, twin, Target("local", "other")).decision.outcome is REFUSED


def test_an_approval_does_not_reach_the_same_bytes_under_another_name(
    desk: Desk, registry: FakeRegistry, case: Case
) -> None:
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    twin = factory.adopt(desk, registry, "1", name="selection")
    missing = {item.requirement for item in case_of(desk, twin, TARGET).decision.missing()}
    assert {"audited", "data-validated", "sign-off"} <= missing


def test_nobody_signs_twice(desk: Desk, case: Case) -> None:
    entry = approve(desk, case, DEPUTY, "compliance")
    for function in ("compliance", "model-risk"):
        with pytest.raises(AlreadyDecidedError, match=rf"already signed this evidence \(ledger entry {entry.seq}\)"):
            approve(desk, case, DEPUTY, function)


def test_an_approval_ends_on_the_policys_day(desk: Desk, case: Case, clock: Clock) -> None:
    entry = approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    given = _now(desk, case).dossier.sign_offs[0]
    assert given.signed_at == entry.time
    assert given.expires_at is not None
    assert abs(given.expires_at - given.signed_at - timedelta(days=90)) < timedelta(seconds=5)
    # The audit must not be what ages: it is renewed by a quiet monitoring audit.
    clock.now = given.expires_at - timedelta(minutes=1)
    factory.put_audit(desk, case.subject, data="newer", purpose="monitoring")
    assert _now(desk, case).decision.outcome is RELEASED
    clock.now = given.expires_at
    late = _now(desk, case)
    assert late.decision.only_sign_off_missing()
    assert "Compliance Officer (compliance): expired" in late.decision.missing()[0].reason
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    assert _now(desk, case).decision.outcome is RELEASED


def test_an_approval_for_staging_releases_nothing_in_champion(desk: Desk, registry: FakeRegistry, case: Case) -> None:
    staging = Target("local", "staging")
    record_hold(desk, case_of(desk, case.subject, staging), actor(SCIENTIST))
    for person in (COMPLIANCE, RISK):
        approve(desk, case_of(desk, case.subject, staging), person)
    assert case_of(desk, case.subject, staging).decision.outcome is RELEASED
    champion = _now(desk, case)
    assert champion.decision.only_sign_off_missing()
    assert "given for staging in local" in champion.decision.missing()[0].reason
    with pytest.raises(ReleaseHeldError):
        promote(desk, registry, champion)
    assert registry.moves == []


def test_who_holds_a_function_of_the_quorum_takes_back_any_approval(desk: Desk, case: Case) -> None:
    seqs = [approve(desk, case, COMPLIANCE).seq, approve(desk, case, RISK).seq]
    entries = withdraw(desk, _now(desk, case), by(DEPUTY), "seen too late")
    bodies = [entry.statement.body for entry in entries]
    how = {"authentication": PROVED, "assurance": "server-attested"}
    assert bodies == [{"sign_off": seq, "reason": "seen too late", **how} for seq in seqs]
    reason = _now(desk, case).decision.missing()[0].reason
    assert reason.startswith("sign-off is missing from: compliance, model-risk")
    assert "Risk Officer (model-risk): withdrawn" in reason
    # Whose approval was taken back may sign again.
    approve(desk, case, RISK)


def test_the_ledgers_functions_decide_who_withdraws_not_those_that_are_passed(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE)
    with pytest.raises(NotAuthorizedError, match="neither gave a sign-off"):
        withdraw(desk, _now(desk, case), by(replace(SCIENTIST, functions=("compliance",))), "stop it")
    assert "withdrawal" not in factory.kinds(desk)


def test_nobody_else_withdraws_and_nothing_cannot_be_withdrawn(desk: Desk, case: Case) -> None:
    with pytest.raises(SignOffRefusedError, match="there is no sign-off of hiring v2 as champion in local to withdraw"):
        withdraw(desk, case, by(DEPUTY), "stop it")
    approve(desk, case, COMPLIANCE)
    now = _now(desk, case)
    for stranger in (SCIENTIST, replace(DEPUTY, active=False)):
        with pytest.raises(NotAuthorizedError, match="neither gave a sign-off"):
            withdraw(desk, now, by(stranger), "stop it")
    with pytest.raises(SignOffRefusedError, match="a reason is required"):
        withdraw(desk, now, by(COMPLIANCE), " ")
    assert "withdrawal" not in factory.kinds(desk)


def test_a_refusal_cannot_be_withdrawn(desk: Desk, case: Case) -> None:
    approve(desk, case, COMPLIANCE, decision="refuse")
    with pytest.raises(SignOffRefusedError, match="there is no sign-off"):
        withdraw(desk, _now(desk, case), by(COMPLIANCE), "changed my mind")
    # Not even by a statement that our own verbs would never make.
    refused = _now(desk, case)
    desk.ledger.append(withdrawn(refused.dossier, refused.dossier.sign_offs[0].seq, "changed my mind", COMPLIANCE))
    assert _now(desk, case).decision.outcome is REFUSED


def test_a_sign_off_that_names_other_bytes_than_it_is_filed_under_counts_for_none(desk: Desk, case: Case) -> None:
    """ALL digests must match: the statement's subject says these bytes, what was shown says others."""
    other = replace(case.shown(), model_digest=sha("other bytes"))
    for person, function in ((COMPLIANCE, "compliance"), (RISK, "model-risk")):
        expires = factory.START + timedelta(days=30)
        signature = Signature(person, function, "approve", "read", "x", expires, assurance=factory.ATTESTED)
        desk.ledger.append(signed(case.dossier, other, signature))
    assert "given for other bytes" in _now(desk, case).decision.missing()[0].reason
    assert case_of(desk, replace(case.subject, digest=sha("other bytes")), TARGET).dossier.sign_offs == ()


def test_approving_what_is_adverse_is_refused_with_the_reason_but_refusing_it_is_not(
    desk: Desk, registry: FakeRegistry
) -> None:
    subject = factory.adopt(desk, registry)
    finding = "selection_rate ratio 0.71, sex=female against sex=male"
    factory.put_audit(desk, subject, verdicts=factory.ADVERSE, findings=[finding])
    case = case_of(desk, subject, TARGET)
    record_hold(desk, case, actor(SCIENTIST))
    with pytest.raises(SignOffRefusedError) as caught:
        approve(desk, case, COMPLIANCE)
    assert str(caught.value).startswith("an approval would release nothing while this is missing: no-adverse-disparity")
    assert finding in str(caught.value)
    approve(desk, case, COMPLIANCE, decision="refuse")
    assert _now(desk, case).decision.outcome is REFUSED


def test_two_signers_at_once_are_both_recorded(desk: Desk, case: Case) -> None:
    barrier, failures = threading.Barrier(3), list[BaseException]()

    def act(work: object) -> None:
        try:
            barrier.wait(timeout=20)
            work()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    def noise() -> None:
        for number in range(15):
            desk.ledger.append(observed("other", TARGET, "something else happens", {"number": number}))

    acts = (lambda: approve(desk, case, COMPLIANCE), lambda: approve(desk, case, RISK), noise)
    threads = [threading.Thread(target=act, args=(work,)) for work in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert factory.kinds(desk).count("sign-off") == 2
    assert _now(desk, case).decision.outcome is RELEASED
    assert isinstance(desk.ledger, SqlLedger)
    assert verify_ledger(desk.ledger).problems == ()


class _Grows:
    """The real ledger, on which somebody else acts just before an append, a given number of times."""

    def __init__(self, ledger: SqlLedger, acts: list[object]) -> None:
        self.ledger, self.acts = ledger, acts

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        if self.acts:
            self.acts.pop(0)()  # type: ignore[operator]
        return self.ledger.append_decided(decide, idempotency_key=idempotency_key)

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)


def test_under_a_growing_ledger_it_is_decided_again_and_recorded_once(desk: Desk, case: Case) -> None:
    grow = [lambda: desk.ledger.append(observed("other", TARGET, "noise", {}))] * 3
    busy = replace(desk, ledger=_Grows(desk.ledger, list(grow)))  # type: ignore[arg-type]
    assert approve(busy, case, COMPLIANCE).seq == desk.ledger.size() - 1
    assert factory.kinds(desk).count("sign-off") == 1


def test_evidence_that_moves_at_the_very_last_moment_is_seen(desk: Desk, case: Case) -> None:
    late = [lambda: _new_audit(desk, case.subject)]
    busy = replace(desk, ledger=_Grows(desk.ledger, list(late)))  # type: ignore[arg-type]
    with pytest.raises(StaleEvidenceError, match="the audit report"):
        approve(busy, case, COMPLIANCE)
    late = [lambda: approve(desk, case, RISK, decision="refuse")]
    busy = replace(desk, ledger=_Grows(desk.ledger, list(late)))  # type: ignore[arg-type]
    with pytest.raises(AlreadyDecidedError, match="is refused"):
        approve(busy, _now(desk, case), COMPLIANCE)


# --- the case as it is read back ------------------------------------------------------------------------------------


def test_a_case_that_nobody_asked_for_is_unknown(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="the ledger knows no version 9 of a model 'hiring'"):
        open_case(desk, "hiring", "9", "champion")


def test_cases_wait_until_people_have_decided(desk: Desk, case: Case) -> None:
    assert [(item.subject, item.target) for item in waiting(desk)] == [(case.subject, TARGET)]
    approve(desk, case, COMPLIANCE)
    assert len(waiting(desk)) == 1
    approve(desk, case, RISK)
    assert waiting(desk) == ()
    assert len(asked(desk)) == 1


def test_a_registry_under_two_addresses_is_one_case(desk: Desk, case: Case) -> None:
    elsewhere = replace(case.subject, registry="sqlite:////srv/project/mlflow.db")
    desk.ledger.append(held(replace(case.dossier, subject=elsewhere), case.decision, actor(SCIENTIST)))
    assert [item.subject for item in asked(desk)] == [elsewhere]


def test_asking_twice_records_once_and_asking_anew_records_again(desk: Desk, case: Case) -> None:
    holds = factory.kinds(desk).count("hold")
    record_hold(desk, _now(desk, case), actor(SCIENTIST))
    assert factory.kinds(desk).count("hold") == holds
    record_hold(desk, _now(desk, case), MACHINE)
    assert factory.kinds(desk).count("hold") == holds + 1


def test_bytes_that_were_changed_and_put_back_can_be_signed_again(desk: Desk, case: Case) -> None:
    """Otherwise the version would stay open under the changed bytes, and nobody could sign the right ones."""
    _new_bytes(desk, case.subject)
    assert open_case(desk, "hiring", "2", "champion").subject.digest == sha("other bytes")
    record_hold(desk, _now(desk, case), actor(SCIENTIST))
    assert open_case(desk, "hiring", "2", "champion").subject == case.subject
    approve(desk, case, COMPLIANCE)


def test_the_age_of_an_adverse_finding_does_not_end_it(desk: Desk, case: Case, clock: Clock) -> None:
    """Found on newer data, then the old data audited again as for a release: the sign-offs do not release it."""
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    clock.forward(days=20)
    factory.put_audit(desk, case.subject, data="newer", purpose="monitoring", verdicts=factory.ADVERSE)
    factory.put_audit(desk, case.subject)
    assert [item.requirement for item in _now(desk, case).decision.missing()] == ["monitoring-clear"]
    with pytest.raises(SignOffRefusedError, match="monitoring-clear"):
        approve(desk, case, DEPUTY)
