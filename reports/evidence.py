"""Everything that a report of one case is printed from, read once from the desk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from audits.plan import AuditPlan
from audits.result import AuditResult, RuleReport, Verdict
from audits.rule_packs import RulePack
from expectations.result import DataValidation
from governance.case import Case
from governance.desk import Desk
from governance.dossier import AuditRecord
from governance.policy import Policy
from governance.record import target_of
from governance.statement import PredicateType
from reports.earlier import Earlier, earlier_version
from reports.kept import audit_kept, plan_kept, validation_kept


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that was seen of a target and that nobody recorded as an act."""

    seq: int
    time: datetime
    what: str


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest signed checkpoint when the evidence was read: so many entries, and the tree's root in hex."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class UsedRule:
    """A rule pack that the audit was computed under: `report` without its tables, and the pack's file as it ships now.

    `ships` is None where the pack ships no more.
    """

    report: RuleReport
    ships: RulePack | None


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """A case with its whole audit and data validation; None where the ledger names none for a release.

    `monitoring` is the newest scheduled audit since then, an adverse one first. `published` says that what may not
    be published has been masked (`reports.publish`); empty for those who sign. `incidents` are the ledger's
    observations about this target, whatever the version: an alias that was moved outside, bytes that changed.
    `earlier` is the last version that was released to the target before, None where there is none or nobody asked.
    `plan` is what the audit was made by and `ledger` what was read, each None where it is not there; `rules` are the
    rule packs of the audit, also where their tables may not be published.
    """

    case: Case
    policy: Policy
    audit: AuditResult | None
    validation: DataValidation | None
    monitoring: AuditResult | None = None
    published: str = ""
    incidents: tuple[Incident, ...] = ()
    plan: AuditPlan | None = None
    rules: tuple[UsedRule, ...] = ()
    ledger: LedgerHead | None = None
    earlier: Earlier | None = None


def gather(desk: Desk, case: Case, *, earlier: bool = True) -> CaseEvidence:
    """Read the case's evidence; that of the version before it only where `earlier` is asked for.

    Raises LedgerTamperedError where a file is gone or is not what the ledger names.
    """
    shown = case.shown()
    audit = audit_kept(desk, shown.report_digest)
    return CaseEvidence(
        case=case,
        policy=desk.policy,
        audit=audit,
        validation=validation_kept(desk, shown.validation_digest),
        monitoring=_monitoring(desk, case),
        incidents=_incidents(desk, case),
        plan=plan_kept(desk, audit.plan_digest) if audit else None,
        rules=_rules(audit) if audit else (),
        ledger=_head(desk),
        earlier=earlier_version(desk, case) if earlier else None,
    )


def _rules(audit: AuditResult) -> tuple[UsedRule, ...]:
    from audits.rule_packs import load_pack, pack_ids

    known = pack_ids() if audit.rule_reports else ()
    return tuple(
        UsedRule(replace(report, tables=()), load_pack(report.pack) if report.pack in known else None)
        for report in audit.rule_reports
    )


def _head(desk: Desk) -> LedgerHead | None:
    found = desk.ledger.checkpoint()
    return LedgerHead(found.size, found.root.hex()) if found else None


def _incidents(desk: Desk, case: Case) -> tuple[Incident, ...]:
    found = desk.ledger.entries(digest=target_of(case.subject.name, case.target).digest)
    seen = (entry for entry in found if entry.statement.predicate_type is PredicateType.OBSERVATION)
    return tuple(Incident(entry.seq, entry.time, entry.statement.meaning) for entry in seen)


def _monitoring(desk: Desk, case: Case) -> AuditResult | None:
    record = newest_monitoring(case)
    return audit_kept(desk, record.report_digest) if record else None


def newest_monitoring(case: Case) -> AuditRecord | None:
    """The scheduled audit that a reader must see: the newest adverse one, else the newest."""
    found = case.dossier.monitoring()
    adverse = [item for item in found if item.verdicts.get(Verdict.ADVERSE)]
    return next(reversed(adverse or found), None)
