"""Evidence as it may be published: small counts masked, and with them every text that could repeat one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from audits.result import SUPPRESSED, AuditResult, Quantity
from audits.suppression import NOT_SHOWN, published
from expectations.result import DataValidation
from governance.break_glass import Emergency
from governance.case import Case
from governance.decide import Decision, Finding
from governance.dossier import BrokenGlass, Dossier, SignOff
from reports.evidence import CaseEvidence
from reports.quantities import stepped

STEPS_WITHHELD = (
    "Rates at other cutoffs and by interval of the score are not published: two of them side by side give counts away."
)
FOR_PUBLICATION = "For publication"
WITHHELD = "not published: the text may repeat counts of small groups"
_COUNTS = ("scoring_rate", "top_k", "multiclass_accuracy")
"""Measures of scores that are shares of a group's rows."""
_WITHOUT_COUNTS = frozenset({"policy-in-force", "tier", "registrant-known", "plan-meets-policy", "sign-off"})
"""Requirements whose reasons are about people and policy, never about numbers in groups."""


def published_evidence(
    evidence: CaseEvidence, *, whole_rules: Collection[str] = (), said: str = FOR_PUBLICATION
) -> CaseEvidence:
    """The evidence with what must not be published masked, and a sentence that says so.

    Where a plan declares `suppress_below`, small counts and what would give them away are masked by
    `audits.suppression`, in every audit that stands beside another one by the larger of their limits; tables of rule
    packs are left out but for those in `whole_rules`. Reasons of findings, of holds, of signatures, of broken glass
    and of the quality gate are free text that can hold a count, and are withheld. What people signed is the whole
    record, whose digest stays. `said` begins the sentence.
    """
    limit = limit_of(evidence)
    if not limit:
        return replace(
            evidence, published=f"{said}. The plan masks no counts (suppress_below is 0): every number is shown."
        )
    earlier, digest = evidence.earlier, evidence.case.shown().report_digest
    return replace(
        evidence,
        case=masked_case(evidence.case),
        audit=_masked(evidence.audit, limit, whole_rules),
        monitoring=_masked(evidence.monitoring, limit, whole_rules),
        validation=_validation(evidence.validation, limit),
        earlier=earlier
        and replace(
            earlier,
            audit=_masked(earlier.audit, limit, ()),
            validation=_validation(earlier.validation, limit),
        ),
        published=(
            f"{said}: counts from 1 to {limit - 1}, and what would give them away, are suppressed. The people who sign"
            f" read the whole record{f', {digest}' if digest else ''}."
        ),
    )


def limit_of(evidence: CaseEvidence) -> int:
    """The largest `suppress_below` of the audits that are printed; 0: nothing is masked for anybody."""
    earlier = evidence.earlier.audit if evidence.earlier else None
    return max((item.suppress_below for item in (evidence.audit, evidence.monitoring, earlier) if item), default=0)


def _masked(audit: AuditResult | None, limit: int, whole_rules: Collection[str]) -> AuditResult | None:
    if audit is None:
        return None
    return _mask(_Held(audit), limit, frozenset(whole_rules))


class _Held:
    """An audit as a key: the same object is the same key. Audits are read once and kept (`reports.kept`)."""

    __slots__ = ("audit",)

    def __init__(self, audit: AuditResult) -> None:
        self.audit = audit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.audit is self.audit

    def __hash__(self) -> int:
        return id(self.audit)


@lru_cache(maxsize=16)
def _mask(held: _Held, limit: int, whole_rules: frozenset[str]) -> AuditResult:
    """What is published of an audit. Linear programs decide what goes, so a page must not ask twice."""
    shown = published(replace(held.audit, suppress_below=limit), whole_rules=whole_rules)
    kept = tuple(item for item in shown.quantities if not stepped(item))
    said = (STEPS_WITHHELD,) if len(kept) < len(shown.quantities) else ()
    return replace(shown, quantities=_without_small_shares(kept, limit), notes=(*shown.notes, *said))


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


def masked_case(case: Case) -> Case:
    """The case without the texts that people typed or that repeat findings."""
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
    signed = tuple(_sign_off(item) for item in dossier.sign_offs)
    met = tuple(replace(item, reason=WITHHELD) for item in dossier.met)
    holds = tuple(replace(item, missing=tuple(map(_requirement, item.missing))) for item in dossier.holds)
    glass = tuple(_part(item) for item in dossier.broken_glass)
    audits = tuple(replace(item, findings=()) for item in dossier.audits)
    return replace(dossier, sign_offs=signed, met=met, broken_glass=glass, holds=holds, audits=audits)


def _sign_off(item: SignOff) -> SignOff:
    """Without what people typed: a reason and a condition can repeat a count."""
    conditions = tuple(replace(condition, text=WITHHELD) for condition in item.conditions)
    return replace(item, reason=WITHHELD, conditions=conditions)


def _requirement(missing: str) -> str:
    """`no-adverse-disparity: the reason` -> `no-adverse-disparity`."""
    return missing.partition(":")[0]


def _validation(validation: DataValidation | None, limit: int) -> DataValidation | None:
    if validation is None:
        return None
    failed = tuple(replace(item, observed="not published", unexpected_count=None) for item in validation.failed)
    few = validation.quarantined < limit
    errors = ("not published",) if validation.errors else ()
    return replace(validation, failed=failed, errors=errors, quarantined=0 if few else validation.quarantined)
