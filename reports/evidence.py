"""Everything that a report of one case is printed from, read once from the desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from audits.result import AuditResult, Verdict
from expectations.result import DataValidation
from governance.case import Case
from governance.desk import Desk
from governance.dossier import AuditRecord
from governance.policy import Policy
from governance.record import target_of
from governance.statement import PredicateType


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that was seen of a target and that nobody recorded as an act."""

    seq: int
    time: datetime
    what: str


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """A case with its whole audit and data validation; None where the ledger names none for a release.

    `monitoring` is the newest scheduled audit since then, an adverse one first. `published` says that what may not
    be published has been masked (`reports.publish`); empty for those who sign. `incidents` are the ledger's
    observations about this target, whatever the version: an alias that was moved outside, bytes that changed.
    """

    case: Case
    policy: Policy
    audit: AuditResult | None
    validation: DataValidation | None
    monitoring: AuditResult | None = None
    published: str = ""
    incidents: tuple[Incident, ...] = ()


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
        incidents=_incidents(desk, case),
    )


def _incidents(desk: Desk, case: Case) -> tuple[Incident, ...]:
    found = desk.ledger.entries(digest=target_of(case.subject.name, case.target).digest)
    seen = (entry for entry in found if entry.statement.predicate_type is PredicateType.OBSERVATION)
    return tuple(Incident(entry.seq, entry.time, entry.statement.meaning) for entry in seen)


def _monitoring(desk: Desk, case: Case) -> AuditResult | None:
    from audits.record import from_json

    record = newest_monitoring(case)
    return from_json(desk.evidence.get(record.report_digest)) if record else None


def newest_monitoring(case: Case) -> AuditRecord | None:
    """The scheduled audit that a reader must see: the newest adverse one, else the newest."""
    found = case.dossier.monitoring()
    adverse = [item for item in found if item.verdicts.get(Verdict.ADVERSE)]
    return next(reversed(adverse or found), None)
