"""Sentences that commands print about cases, decisions and validations."""

from __future__ import annotations

from expectations.result import DataValidation, Outcome
from governance.case import Case
from governance.decide import Decision
from governance.dossier import Dossier


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


UNWATCHED = (
    "note: the plan has no [data] newer, so no scheduled audit can measure this version: once it is live, every night "
    "ends with code 3 for it; the plan is part of what is signed, so write newer into it before people sign"
)


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
