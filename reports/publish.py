"""Evidence as it may be published: small counts masked, and with them every text that could repeat one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from audits.result import SUPPRESSED, AuditResult, Quantity
from audits.suppression import NOT_SHOWN, published
from expectations.result import DataValidation
from governance.break_glass import Emergency
from governance.case import Case
from governance.decide import Decision, Finding
from governance.dossier import BrokenGlass, Dossier
from reports.evidence import CaseEvidence
from reports.quantities import stepped

STEPS_WITHHELD = (
    "Rates at other cutoffs and by interval of the score are not published: two of them side by side give counts away."
)
WITHHELD = "not published: the text may repeat counts of small groups"
_COUNTS = ("scoring_rate", "top_k", "multiclass_accuracy")
"""Measures of scores that are shares of a group's rows."""
_WITHOUT_COUNTS = frozenset({"policy-in-force", "tier", "registrant-known", "plan-meets-policy", "sign-off"})
"""Requirements whose reasons are about people and policy, never about numbers in groups."""


def published_evidence(evidence: CaseEvidence, *, whole_rules: Collection[str] = ()) -> CaseEvidence:
    """The evidence with what must not be published masked, and a sentence that says so.

    Where the audit's plan declares `suppress_below`, small counts and what would give them away are masked by
    `audits.suppression`; tables of rule packs are left out but for those in `whole_rules`. Reasons of findings, of
    signatures, of broken glass and of the quality gate are free text that can hold a count, and are withheld. What
    people signed is the whole record, whose digest stays.
    """
    limit = max((item.suppress_below for item in (evidence.audit, evidence.monitoring) if item), default=0)
    if not limit:
        said = "For publication. The plan masks no counts (suppress_below is 0): every number is shown."
        return replace(evidence, published=said)
    return replace(
        evidence,
        case=_case(evidence.case),
        audit=_masked(evidence.audit, whole_rules),
        monitoring=_masked(evidence.monitoring, whole_rules),
        validation=_validation(evidence.validation, limit),
        published=(
            f"For publication: counts from 1 to {limit - 1}, and what would give them away, are suppressed. The people"
            " who sign read the whole record, whose digest is given below."
        ),
    )


def _masked(audit: AuditResult | None, whole_rules: Collection[str]) -> AuditResult | None:
    if audit is None or not audit.suppress_below:
        return audit
    shown = published(audit, whole_rules=whole_rules)
    kept = tuple(item for item in shown.quantities if not stepped(item))
    said = (STEPS_WITHHELD,) if len(kept) < len(shown.quantities) else ()
    return replace(shown, quantities=_without_small_shares(kept, audit.suppress_below), notes=(*shown.notes, *said))


def _without_small_shares(items: Sequence[Quantity], limit: int) -> tuple[Quantity, ...]:
    """A share of a group's rows gives a count away: where one is small, the measure goes for all of its groups."""
    small = {(item.metric, item.features) for item in items if item.metric in _COUNTS and _gives_small(item, limit)}
    return tuple(
        replace(item, n=NOT_SHOWN, value=None, interval=None, error=0.0, p=None, effective_n=None, reason=SUPPRESSED)
        if any(features == item.features and item.metric.startswith(metric) for metric, features in small)
        else item
        for item in items
    )


def _gives_small(item: Quantity, limit: int) -> bool:
    if item.value is None:
        return False
    events = item.value * item.n
    return 0 < round(events) < limit or 0 < round(item.n - events) < limit


def _case(case: Case) -> Case:
    return Case(_dossier(case.dossier), _decision(case.decision))


def _decision(decision: Decision) -> Decision:
    findings = tuple(_finding(item) for item in decision.findings)
    return replace(decision, findings=findings, emergency=decision.emergency and _emergency(decision.emergency))


def _emergency(emergency: Emergency) -> Emergency:
    first, second = emergency.parts
    return replace(emergency, parts=(_part(first), _part(second)))


def _part(part: BrokenGlass) -> BrokenGlass:
    return replace(part, reason=WITHHELD)


def _finding(item: Finding) -> Finding:
    return item if item.requirement in _WITHOUT_COUNTS else replace(item, reason=WITHHELD)


def _dossier(dossier: Dossier) -> Dossier:
    signed = tuple(replace(item, reason=WITHHELD) for item in dossier.sign_offs)
    return replace(dossier, sign_offs=signed, broken_glass=tuple(_part(item) for item in dossier.broken_glass))


def _validation(validation: DataValidation | None, limit: int) -> DataValidation | None:
    if validation is None:
        return None
    failed = tuple(replace(item, observed="not published", unexpected_count=None) for item in validation.failed)
    few = validation.quarantined < limit
    errors = ("not published",) if validation.errors else ()
    return replace(validation, failed=failed, errors=errors, quarantined=0 if few else validation.quarantined)
