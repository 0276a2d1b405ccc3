"""Everything that a report of one case is printed from, read once from the desk."""

from __future__ import annotations

from dataclasses import dataclass

from audits.result import AuditResult, Verdict
from expectations.result import DataValidation
from governance.case import Case
from governance.desk import Desk
from governance.dossier import AuditRecord
from governance.policy import Policy


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """A case with its whole audit and data validation; None where the ledger names none for a release.

    `monitoring` is the newest scheduled audit since then, an adverse one first. `published` says that what may not
    be published has been masked (`reports.publish`); empty for those who sign.
    """

    case: Case
    policy: Policy
    audit: AuditResult | None
    validation: DataValidation | None
    monitoring: AuditResult | None = None
    published: str = ""


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
        monitoring=_monitoring(desk, case),
    )


def _monitoring(desk: Desk, case: Case) -> AuditResult | None:
    from audits.record import from_json

    record = newest_monitoring(case)
    return from_json(desk.evidence.get(record.report_digest)) if record else None


def newest_monitoring(case: Case) -> AuditRecord | None:
    """The scheduled audit that a reader must see: the newest adverse one, else the newest."""
    found = case.dossier.monitoring()
    adverse = [item for item in found if item.verdicts.get(Verdict.ADVERSE)]
    return next(reversed(adverse or found), None)
