"""Everything that a report of one case is printed from, read once from the desk."""

from __future__ import annotations

from dataclasses import dataclass

from audits.result import AuditResult
from expectations.result import DataValidation
from governance.case import Case
from governance.desk import Desk
from governance.policy import Policy


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """A case with its whole audit and data validation; None where the ledger names none for a release."""

    case: Case
    policy: Policy
    audit: AuditResult | None
    validation: DataValidation | None


def gather(desk: Desk, case: Case) -> CaseEvidence:
    """Read the case's evidence. Raises LedgerTamperedError where a file is gone or is not what the ledger names."""
    from audits.record import from_json
    from expectations.record import validation_from_json

    shown = case.shown()
    return CaseEvidence(
        case=case,
        policy=desk.policy,
        audit=from_json(desk.evidence.get(shown.report_digest)) if shown.report_digest else None,
        validation=validation_from_json(desk.evidence.get(shown.validation_digest))
        if shown.validation_digest
        else None,
    )
