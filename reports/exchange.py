"""What the formats for machines have in common: names of evidence, exact numbers, and what has none. Pure.

CycloneDX and OSCAL are projections of the record. A number in them is the record's own, not a rounded one; a measure
without a value is told as such, because an absent number must never read as zero.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from audits.plan import Comparison
from audits.result import AuditResult, Disparity, Interval
from governance.digests import digest_value
from reports.evidence import CaseEvidence
from reports.view import ReleaseView
from reports.view_card import Measure
from reports.words import bound_text, group_name, one_line, printable

_NAMESPACE = UUID("5f0c1d0e-6c0b-5d35-9d0f-2b6f3a1f6f11")
"""A namespace of our own for UUIDs of version 5 (RFC 9562): the same record always gives the same ids."""

LONG = 2_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence that is named by its digest. `seq` is the ledger's entry about it, where there is one."""

    key: str
    label: str
    digest: str
    seq: int | None = None
    created: datetime | None = None
    expires: datetime | None = None


def record_digest(view: ReleaseView) -> str:
    """The digest of the record that the view prints: what a JSON report of the same moment hashes to."""
    return digest_value(view.record)


def uuid_of(*parts: str) -> str:
    """A UUID that depends on nothing but these words."""
    return str(uuid5(_NAMESPACE, json.dumps(parts)))


def evidence_urn(digest: str) -> str:
    """The name of a file in the evidence store: `urn:fairgate:evidence:sha256:<hex>`."""
    return f"urn:fairgate:evidence:{digest}"


def entry_urn(seq: int) -> str:
    """The name of an entry of the ledger."""
    return f"urn:fairgate:ledger:entry:{seq}"


def exact(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value))


def text(value: object, limit: int = LONG) -> str:
    """One printable line that is never empty: some formats refuse empty texts."""
    return one_line(value, limit).strip() or "-"


def evidence_pieces(evidence: CaseEvidence) -> tuple[Piece, ...]:
    """Everything that a signature is bound to, the audit plan, and the scheduled audits since.

    What was never made is left out.
    """
    dossier, shown = evidence.case.dossier, evidence.case.shown()
    audit, validation = dossier.audit(), dossier.validation()
    rules = evidence.policy.rules(evidence.case.decision.tier)
    found = [Piece("model", "Model files (manifest)", shown.model_digest)]
    if audit:
        until = audit.time + timedelta(days=rules.max_audit_age_days) if rules else None
        found += [
            Piece("audit-plan", "Audit plan", audit.plan_digest),
            Piece("audit-report", "Audit report", audit.report_digest, audit.seq, audit.time, until),
            Piece("data", "Audited data", audit.data_digest),
        ]
    if validation:
        found.append(Piece("data-validation", "Data validation", validation.digest, validation.seq, validation.time))
    found += [
        Piece(f"newer-audit-{x.seq}", f"Scheduled audit on newer data, entry {x.seq}", x.report_digest, x.seq, x.time)
        for x in dossier.monitoring()
    ]
    return (*found, Piece("policy", f"Policy {text(_policy(evidence), 200)}", shown.policy_digest))


def _policy(evidence: CaseEvidence) -> str:
    return f"{evidence.policy.name} {evidence.policy.version}"


def measures(audit: AuditResult) -> Iterator[Measure]:
    """Every rate, disparity and other measure of the audit, in the record's order."""
    for item in audit.estimates:
        of = group_name(item.features, item.group)
        aside = "" if item.counted or item.suppressed else text(item.reason or "below the minimum", 300)
        found = _measure(item.metric, of, item.value, item.interval, item.reason, aside=aside)
        yield replace(found, rate=True)
    for gap in audit.disparities:
        yield _measure(gap.name, compared(gap), gap.value, gap.interval, gap.reason)
    for more in audit.quantities:
        of = group_name(more.features, more.group) if more.group else "everybody"
        of += f" against {group_name(more.features, more.against)}" if more.against else ""
        of += f", {printable(more.at)}" if more.at else ""
        aside = "" if more.counted or more.suppressed else text(more.reason or "below the minimum", 300)
        yield _measure(more.metric, of, more.value, more.interval, more.reason, aside=aside)


def _measure(
    metric: str, of: str, value: float | None, interval: Interval | None, reason: str | None, *, aside: str = ""
) -> Measure:
    if value is None:
        return Measure(printable(metric), of, None, gap=text(reason or "not estimable", 300))
    lower = exact(interval.lower) if interval else None
    upper = exact(interval.upper) if interval and interval.upper is not None else None
    return Measure(printable(metric), of, exact(value), lower, upper, aside=aside)


def compared(item: Disparity) -> str:
    """`sex=female against sex=male`, with the class where there are several."""
    at = f", {printable(item.at)}" if item.at else ""
    if not item.group:
        return group_name(item.features, ()) + at
    return f"{group_name(item.features, item.group)} against {group_name(item.features, item.reference)}{at}"


def judged(item: Disparity) -> str:
    """A bounded disparity in words: what was compared, its bound and its verdict."""
    kind = "ratio" if item.comparison is Comparison.RATIO else "difference"
    bound = bound_text(item.comparison, item.bound)
    return f"{printable(item.name)} ({kind} of {printable(item.metric)}), {compared(item)}, {bound}: {item.verdict}"


def bounded(audit: AuditResult | None) -> tuple[Disparity, ...]:
    """The disparities that have a bound and so a verdict that counts."""
    return tuple(item for item in audit.disparities if item.bound is not None) if audit else ()
