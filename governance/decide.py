"""The gate: a pure function of the policy and the dossier. Asked again, it gives the same answer.

Every requirement is answered met, unmet, unknown or refused, with a reason. Released only where the policy asks for
at least one thing and everything that it asks for is met. Machines may hold; only people release or refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from audits.result import Verdict
from governance.break_glass import Emergency, Glass
from governance.dossier import AuditRecord, Dossier, SignOff
from governance.lapse import in_words
from governance.policy import Policy, RequiredBound, Requirement, Tier, TierRules
from governance.quorum import quorum, refusals
from governance.remedy import ADOPTED, audited_again, data_mended, registered, signed


class Status(StrEnum):
    """The answer to one requirement. Only `met` passes."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class DecisionOutcome(StrEnum):
    """The answer of the gate."""

    RELEASED = "RELEASED"
    HELD = "HELD"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement and its answer. `evidence` are ledger entries; `needs` functions that could give the rest.

    `way_out` is for a shell; `governance.explanation.way_out_in_words` has it for who reads pages.
    """

    requirement: str
    status: Status
    reason: str
    evidence: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()
    way_out: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate answers, why, and on what. `size` is the length of the ledger that was read.

    `emergency` is set where the version is released by broken glass alone: what is not met is still told.
    """

    outcome: DecisionOutcome
    tier: Tier
    findings: tuple[Finding, ...]
    policy_digest: str
    size: int
    emergency: Emergency | None = None

    def missing(self) -> tuple[Finding, ...]:
        """The findings that are not met."""
        return tuple(finding for finding in self.findings if finding.status is not Status.MET)

    def only_sign_off_missing(self) -> bool:
        """Whether people are all that is missing."""
        return {finding.requirement for finding in self.missing()} == {Requirement.SIGN_OFF}


def decide(policy: Policy, dossier: Dossier) -> Decision:
    """Answer whether this version may take this alias now."""
    audit = dossier.audit()
    tier = policy.tier_of(dossier.subject.name, audit.impact if audit else None)
    rules = policy.rules(tier)
    findings = (
        _policy_in_force(policy, dossier),
        _not_refused(dossier),
        *_answers(policy, tier, rules, dossier),
    )
    outcome, glass = _outcome(findings), None
    if outcome is DecisionOutcome.HELD and rules is not None and glass_stands_in(findings):
        glass = Glass(rules, policy.signers(tier), dossier, policy.digest).emergency()
    if glass is not None:
        findings = (*findings, Finding("break-glass", Status.MET, str(glass), glass.seqs))
        outcome = DecisionOutcome.RELEASED
    return Decision(outcome, tier, findings, policy.digest, dossier.size, glass)


POLICY_IN_FORCE = "policy-in-force"
NOT_COUNTED = "Not counted: "
"""Begins the reasons why approvals that were given do not count."""
FIRM = (POLICY_IN_FORCE, "not-refused", "tier", Requirement.REGISTRANT_KNOWN)


def glass_stands_in(findings: tuple[Finding, ...]) -> bool:
    """Broken glass stands in for evidence and signatures, never for a policy or for knowing who must not sign."""
    return all(item.status is Status.MET for item in findings if item.requirement in FIRM)


def _outcome(findings: tuple[Finding, ...]) -> DecisionOutcome:
    answers = {finding.status for finding in findings}
    if Status.REFUSED in answers:
        return DecisionOutcome.REFUSED
    return DecisionOutcome.RELEASED if answers == {Status.MET} else DecisionOutcome.HELD


def _answers(policy: Policy, tier: Tier, rules: TierRules | None, dossier: Dossier) -> tuple[Finding, ...]:
    if tier is Tier.PROHIBITED:
        return (Finding("tier", Status.REFUSED, f"{dossier.subject.name} is classed as prohibited: never released"),)
    if rules is None or not rules.requirements:
        return (Finding("tier", Status.UNKNOWN, f"policy {policy.name} has no requirement for the tier {tier}"),)
    if tier is Tier.HIGH and Requirement.SIGN_OFF not in rules.requirements:
        reason = f"policy {policy.name} lets the tier {tier} go without a sign-off: only people release a high impact"
        return (Finding("tier", Status.UNKNOWN, reason),)
    return tuple(_CHECKS[item](policy, rules, dossier) for item in rules.requirements)


def _policy_in_force(policy: Policy, dossier: Dossier) -> Finding:
    name = f"policy {policy.name} {policy.version}"
    adopted = dossier.charter.adopted()
    if adopted is None or adopted.digest != policy.digest:
        reason, evidence = _not_adopted(name, dossier)
        needs = adopted.signers if adopted else ()
        return Finding(POLICY_IN_FORCE, Status.UNKNOWN, reason, evidence, needs, ADOPTED.shell)
    if policy.in_force(dossier.now.date()):
        return Finding(POLICY_IN_FORCE, Status.MET, f"{name} is in force")
    reason, way_out = f"{name} is not in force on {dossier.now.date()}", "adopt a policy that is valid today"
    return Finding(POLICY_IN_FORCE, Status.UNKNOWN, reason, way_out=way_out)


def _not_adopted(name: str, dossier: Dossier) -> tuple[str, tuple[int, ...]]:
    adopted = dossier.charter.adopted()
    if adopted is None:
        return f"{name} was never recorded as the policy in use", ()
    reason = f"{name} is not the policy that people adopted: that is {adopted.name} {adopted.version}"
    return f"{reason} ({adopted.digest[:19]})", (adopted.seq,)


def _not_refused(dossier: Dossier) -> Finding:
    found = refusals(dossier)
    if not found:
        return Finding("not-refused", Status.MET, "nobody has refused these bytes")
    first = found[0]
    return Finding(
        "not-refused",
        Status.REFUSED,
        f"{first.approver.name} ({first.function}) refused these bytes: {first.reason}",
        tuple(item.seq for item in found),
        way_out="a refusal is final for these bytes: register a changed version",
    )


def _registrant_known(_policy: Policy, _rules: TierRules, dossier: Dossier) -> Finding:
    name = Requirement.REGISTRANT_KNOWN
    way_out = registered(dossier).shell
    named = [item for item in dossier.registrations if item.registrant]
    if not named:
        return Finding(name, Status.UNKNOWN, "nobody is recorded as the registrant", way_out=way_out)
    strangers = [item.registrant for item in named if dossier.person(item.registrant) is None]
    if strangers:
        reason = f"the registrant {strangers[0]!r} is not a person that Fairgate knows"
        return Finding(name, Status.UNKNOWN, reason, (named[0].seq,), way_out=way_out)
    who = ", ".join(sorted({f"{item.registrant} ({item.assurance})" for item in named}))
    return Finding(name, Status.MET, f"registered by {who}", tuple(item.seq for item in named))


def _data_validated(_policy: Policy, rules: TierRules, dossier: Dossier) -> Finding:
    name, record, again = Requirement.DATA_VALIDATED, dossier.validation(), audited_again(dossier).shell
    if record is None:
        return Finding(name, Status.UNMET, "no validation of the audited data is recorded", way_out=again)
    if record.time > dossier.now:
        return Finding(name, Status.UNKNOWN, "the validation is dated in the future", (record.seq,))
    if not record.digest:
        return Finding(name, Status.UNKNOWN, "the validation names no result", (record.seq,), way_out=again)
    audit, allowed = dossier.audit(), rules.max_audit_age_days
    if audit is not None and audit.time - record.time > timedelta(days=allowed):
        reason = f"the data were validated more than {allowed} days before they were audited"
        return Finding(name, Status.UNMET, reason, (record.seq,), way_out=again)
    if record.outcome == "pass":
        return Finding(name, Status.MET, "the data passed the quality gate", (record.seq,))
    if record.outcome == "needs sign-off" and Requirement.SIGN_OFF in rules.requirements:
        reason = "the data has warnings, which the sign-off covers"
        return Finding(name, Status.MET, reason, (record.seq,))
    reason = f"the quality gate answered {record.outcome!r}"
    return Finding(name, Status.UNMET, reason, (record.seq,), way_out=data_mended(dossier).shell)


def _audited(policy: Policy, rules: TierRules, dossier: Dossier) -> Finding:
    name, audit, again = Requirement.AUDITED, dossier.audit(), audited_again(dossier).shell
    if audit is None:
        return Finding(name, Status.UNMET, "no audit of these bytes is recorded", way_out=again)
    if audit.policy_digest != policy.digest:
        reason = "the audit was made under another policy"
        return Finding(name, Status.UNMET, reason, (audit.seq,), way_out=again)
    if not (audit.report_digest and audit.data_digest and audit.plan_digest):
        reason = "the audit does not name its report, its data or its plan"
        return Finding(name, Status.UNKNOWN, reason, (audit.seq,), way_out=again)
    newest = _renewed(audit, dossier, timedelta(days=rules.max_audit_age_days))
    age = dossier.now - newest.time
    if age < timedelta(0):
        return Finding(name, Status.UNKNOWN, "the audit is dated in the future", (newest.seq,))
    if age > timedelta(days=rules.max_audit_age_days):
        reason = f"the newest audit is {age.days} days old, the policy allows {rules.max_audit_age_days}"
        return Finding(name, Status.UNMET, reason, (newest.seq,), way_out=again)
    return Finding(name, Status.MET, f"audited {age.days} {'day' if age.days == 1 else 'days'} ago", (newest.seq,))


def _renewed(audit: AuditRecord, dossier: Dossier, allowed: timedelta) -> AuditRecord:
    """Monitoring renews an audit that is still fresh: the age that counts is that of the newest look at these bytes.

    One that has lapsed it does not bring back: it is a machine's act, and only people release.
    """
    newest = audit
    for look in dossier.monitoring():
        if look.measured and not _blind(look) and newest.time < look.time <= newest.time + allowed:
            newest = look
    return newest


def _plan_meets_policy(_policy: Policy, rules: TierRules, dossier: Dossier) -> Finding:
    name, audit = Requirement.PLAN_MEETS_POLICY, dossier.audit()
    if audit is None:
        return Finding(name, Status.UNKNOWN, "no audit is recorded, so no plan is known")
    short = _shortfalls(rules, audit)
    if short:
        way_out = "change the plan and register a new version with it"
        return Finding(name, Status.UNMET, "the plan " + "; ".join(short), (audit.seq,), way_out=way_out)
    return Finding(name, Status.MET, "the plan measures what the policy asks for", (audit.seq,))


def _shortfalls(rules: TierRules, audit: AuditRecord) -> list[str]:
    short = [f"does not measure {item}" for item in rules.required_features if item not in audit.measured]
    short += [
        f"sets no {item.metric} {item.comparison} bound as strict as {item.limit:g}"
        for item in rules.required_bounds
        if not any(_as_strict(bound, item) for bound in audit.bounds)
    ]
    if not audit.measured:
        short.append("names no sensitive feature")
    # Asked this way round, a NaN falls short too.
    if not (audit.min_group_size >= rules.min_group_size and audit.min_events >= rules.min_events):
        short.append(f"asks for fewer than {rules.min_group_size} rows or {rules.min_events} events in a group")
    if not rules.min_confidence <= audit.confidence <= rules.max_confidence:
        short.append(f"uses a confidence outside {rules.min_confidence:g} to {rules.max_confidence:g}")
    return short


def _as_strict(bound: tuple[str, str, float], required: RequiredBound) -> bool:
    metric, comparison, limit = bound
    if (metric, comparison) != (required.metric, required.comparison):
        return False
    return limit >= required.limit if comparison == "ratio" else limit <= required.limit


def _measured(_policy: Policy, rules: TierRules, dossier: Dossier) -> Finding:
    name, audit = Requirement.MEASURED, dossier.audit()
    if audit is None:
        return Finding(name, Status.UNKNOWN, "no audit is recorded, so nothing was measured")
    blind = _blind(audit)
    if blind or not audit.measured:
        reason = f"no comparison had enough evidence for: {', '.join(blind) or 'any sensitive feature'}"
        return Finding(name, Status.UNKNOWN, reason, (audit.seq,), way_out="audit more data")
    if not _counted(audit.verdicts):
        return Finding(name, Status.UNKNOWN, "the audit does not count every verdict", (audit.seq,))
    thin = audit.verdicts[Verdict.INSUFFICIENT] + audit.verdicts[Verdict.NOT_ESTIMABLE]
    if thin and Requirement.SIGN_OFF not in rules.requirements:
        reason = f"{thin} comparisons had too little evidence, and nobody signs in this tier"
        return Finding(name, Status.UNKNOWN, reason, (audit.seq,), way_out="audit more data")
    extra = f"; {thin} with too little evidence are named in the report for the signers" if thin else ""
    return Finding(name, Status.MET, f"every sensitive feature was measured{extra}", (audit.seq,))


def _no_adverse(_policy: Policy, _rules: TierRules, dossier: Dossier) -> Finding:
    name, audit = Requirement.NO_ADVERSE, dossier.audit()
    if audit is None or not _counted(audit.verdicts):
        return Finding(name, Status.UNKNOWN, "no audit counts its verdicts")
    if not any(audit.verdicts[verdict] for verdict in (Verdict.ADVERSE, Verdict.WATCH, Verdict.NO_INDICATION)):
        return Finding(name, Status.UNKNOWN, "no disparity could be measured", (audit.seq,), way_out="audit more data")
    adverse = audit.verdicts[Verdict.ADVERSE]
    if not adverse:
        return Finding(name, Status.MET, "no measured disparity is adverse", (audit.seq,))
    reason = _adverse_words(adverse, audit)
    return Finding(
        name,
        Status.UNMET,
        reason,
        (audit.seq,),
        way_out="change the model or its data; register a new version",
    )


def _monitoring_clear(_policy: Policy, _rules: TierRules, dossier: Dossier) -> Finding:
    name = Requirement.MONITORING_CLEAR
    adverse = [item for item in dossier.monitoring() if item.verdicts.get(Verdict.ADVERSE)]
    if not adverse:
        return Finding(name, Status.MET, "no monitoring audit since the release audit was adverse")
    last = adverse[-1]
    reason = f"the scheduled audit of {last.time.date()} found {_adverse_words(last.verdicts[Verdict.ADVERSE], last)}"
    way_out = "audit again for a release on newer data, then collect new sign-offs; or register a changed version"
    return Finding(name, Status.UNMET, reason, tuple(item.seq for item in adverse), way_out=way_out)


def _adverse_words(count: int, audit: AuditRecord) -> str:
    named = audit.findings[:2]
    more = f"; and {count - len(named)} more in the report" if count > len(named) else ""
    return f"{count} adverse {'disparity' if count == 1 else 'disparities'}: {'; '.join(named)}{more}"


def _sign_off(policy: Policy, rules: TierRules, dossier: Dossier) -> Finding:
    name, answer = Requirement.SIGN_OFF, quorum(rules, dossier, policy.digest)
    if not rules.quorum:
        return Finding(name, Status.UNKNOWN, f"policy {policy.name} asks for a sign-off but names no function")
    seqs = tuple(item.seq for item in answer.given)
    if not answer.missing:
        who = ", ".join(_signer(item, dossier) for item in answer.given)
        return Finding(name, Status.MET, f"signed off by {who}", seqs)
    reason = "sign-off is missing from: " + ", ".join(answer.missing)
    if answer.void:
        reason += f". {NOT_COUNTED}" + "; ".join(answer.void)
    return Finding(name, Status.UNMET, reason, seqs, needs=answer.missing, way_out=signed(dossier).shell)


def _signer(item: SignOff, dossier: Dossier) -> str:
    return f"{item.approver.name} ({', '.join(part for part in (item.function, in_words(item, dossier)) if part)})"


def _blind(audit: AuditRecord) -> list[str]:
    """Sensitive features without one comparison that had enough evidence; only a plain True counts as seen."""
    return sorted(feature for feature, seen in audit.measured.items() if seen is not True)


def _counted(verdicts: Mapping[str, int]) -> bool:
    """Whether every verdict has its count: one that is missing, negative or not a whole number is not zero."""
    return set(verdicts) == set(Verdict) and all(type(n) is int and n >= 0 for n in verdicts.values())


_CHECKS: Mapping[Requirement, Callable[[Policy, TierRules, Dossier], Finding]] = {
    Requirement.REGISTRANT_KNOWN: _registrant_known,
    Requirement.DATA_VALIDATED: _data_validated,
    Requirement.AUDITED: _audited,
    Requirement.PLAN_MEETS_POLICY: _plan_meets_policy,
    Requirement.MEASURED: _measured,
    Requirement.NO_ADVERSE: _no_adverse,
    Requirement.MONITORING_CLEAR: _monitoring_clear,
    Requirement.SIGN_OFF: _sign_off,
}
