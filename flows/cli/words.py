"""Sentences that commands print about cases, decisions and validations."""

from __future__ import annotations

from expectations.result import DataValidation, Outcome
from governance.case import Case
from governance.decide import Decision, Finding, Status
from governance.dossier import Dossier
from governance.people import Person


def decision_lines(case: Case) -> list[str]:
    """The decision, and for every finding that is not met: what is missing, who can give it, the way out."""
    lines = [f"{case.decision.outcome.value}: {case.subject} as {case.target} (tier {case.decision.tier.value})"]
    if case.decision.emergency:
        lines.append(f"  BROKEN GLASS: {case.decision.emergency}")
    if not case.decision.missing():
        lines += [f"  met      {item.requirement}: {item.reason}" for item in case.decision.findings]
    missing = case.decision.missing()
    refused = tuple(item for item in missing if item.status is Status.REFUSED)
    for finding in refused or missing:  # where people have refused, what else is missing no longer matters
        lines += finding_lines(finding, case.dossier)
    return lines


def finding_lines(finding: Finding, dossier: Dossier) -> list[str]:
    """One finding in up to three lines."""
    lines = [f"  {finding.status.value:8} {finding.requirement}: {finding.reason}"]
    for function in dict.fromkeys(finding.needs):
        lines.append(f"           who can give it: {who(function, dossier)}")
    if finding.way_out:
        lines.append(f"           way out: {finding.way_out}")
    return lines


def who(function: str, dossier: Dossier) -> str:
    """The persons who could sign in this function now."""
    able = [person for person in dossier.people if person.has(function) and person.id not in dossier.excluded()]
    names = ", ".join(_named(person) for person in able)
    return f"{function}: {names or 'nobody; add a person with this function'}"


def validation_lines(validation: DataValidation, source: str, quarantine: str | None = None) -> list[str]:
    """The outcome of the quality gate on the file `source`, every expectation that is not met, and the way out."""
    counts = f"{validation.evaluated} expectations, {validation.row_count:,} rows"
    lines = [f"data quality of {source}: {validation.outcome.value} ({counts})"]
    for item in validation.failed:
        column = f" of {item.column}" if item.column else ""
        lines.append(
            f"  {item.severity.value:8} {item.expectation}{column}: {item.observed}; required: {item.required}"
        )
    lines += [f"  error    {error}" for error in validation.errors]
    if validation.quarantined and quarantine:
        lines.append(f"  {validation.quarantined:,} rows are named in {quarantine}")
    if validation.outcome in (Outcome.BLOCK, Outcome.ERROR):
        lines.append("  way out: correct the file, or the plan where it asks for what the data cannot have")
    return lines


def decision_json(case: Case) -> dict[str, object]:
    """The decision for scripts."""
    decision: Decision = case.decision
    return {
        "outcome": decision.outcome,
        "model": case.subject.name,
        "version": case.subject.version,
        "target": case.target,
        "digest": case.subject.digest,
        "tier": decision.tier,
        "findings": decision.findings,
        "emergency": decision.emergency,
        "policy_digest": decision.policy_digest,
        "ledger_size": decision.size,
        "who": {need: _ids(need, case.dossier) for item in decision.missing() for need in item.needs},
        "shown": case.shown(),
    }


def _ids(function: str, dossier: Dossier) -> list[str]:
    return [p.id for p in dossier.people if p.has(function) and p.id not in dossier.excluded()]


def _named(person: Person) -> str:
    return f"{person.name} ({person.id})"
