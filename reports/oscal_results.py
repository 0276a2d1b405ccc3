"""Observations, findings and risks of OSCAL assessment results, and the ids by which they name each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from audits.result import Disparity, Verdict
from governance.decide import Finding, Status
from governance.dossier import AuditRecord
from governance.people import Actor
from governance.policy import Requirement
from reports.evidence import CaseEvidence
from reports.exchange import compared, evidence_pieces, exact, text, uuid_of
from reports.words import bound_text, metric_label, printable, requirement_label

NAMESPACE = "urn:fairgate:oscal"
GATE = "gate"
_TEST, _EXAMINE, _INTERVIEW = ["TEST"], ["EXAMINE"], ["INTERVIEW"]
_METHODS = {
    Requirement.DATA_VALIDATED.value: _TEST,
    Requirement.AUDITED.value: _TEST,
    Requirement.MEASURED.value: _TEST,
    Requirement.NO_ADVERSE.value: _TEST,
    Requirement.MONITORING_CLEAR.value: _TEST,
    Requirement.SIGN_OFF.value: _INTERVIEW,
    "not-refused": _INTERVIEW,
    "break-glass": _INTERVIEW,
}
"""How each requirement is looked at; what is not named here is read from the ledger and the policy."""
_ABOUT_DISPARITIES = (Requirement.MEASURED, Requirement.NO_ADVERSE)
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """The ids of one document: UUIDs of version 5 over the record's digest and a word for each thing."""

    record: str

    def of(self, *words: str) -> str:
        """The id of what these words name."""
        return uuid_of("oscal", self.record, *words)

    def party(self, actor: Actor) -> str:
        """The id of a person or machine."""
        return self.of("party", actor.issuer, actor.id)

    def resource(self, key: str) -> str:
        """The id of a piece of evidence in the back matter."""
        return self.of("resource", key)

    def entry(self, seq: int) -> str:
        """The id of a ledger entry in the back matter."""
        return self.of("entry", f"{seq}")

    def role(self, function: str) -> str:
        """A function as OSCAL's token, which knows fewer characters."""
        return "signer-" + re.sub(r"[^A-Za-z0-9._-]", "_", function)


def props(*pairs: tuple[str, str]) -> list[Object]:
    """Properties in Fairgate's own namespace."""
    return [{"name": name, "ns": NAMESPACE, "value": text(value)} for name, value in pairs]


def observations(evidence: CaseEvidence, names: Names) -> list[Object]:
    """One for each requirement, then one for each disparity that was measured."""
    asked = [_answered(item, evidence, names) for item in evidence.case.decision.findings]
    record = evidence.case.dossier.audit()
    if evidence.audit is None or record is None:
        return asked
    return [*asked, *(_measured(at, x, evidence, record, names) for at, x in enumerate(evidence.audit.disparities))]


def _answered(item: Finding, evidence: CaseEvidence, names: Names) -> Object:
    known = {piece.seq: piece.key for piece in evidence_pieces(evidence) if piece.seq is not None}
    proofs = [_evidence(names.resource(known[seq]), f"{known[seq]} by digest") for seq in item.evidence if seq in known]
    proofs += [_evidence(names.entry(seq), f"ledger entry {seq}") for seq in item.evidence]
    found = _observation(names.of("observation", item.requirement), requirement_label(item.requirement), names)
    found |= {
        "description": text(item.reason),
        "methods": _METHODS.get(item.requirement, _EXAMINE),
        "types": ["control-objective"],
        "collected": evidence.case.dossier.now.isoformat(),
    }
    return found | ({"relevant-evidence": proofs} if proofs else {})


def _measured(at: int, item: Disparity, evidence: CaseEvidence, record: AuditRecord, names: Names) -> Object:
    found = _observation(names.of("disparity", f"{at}"), _title(item), names)
    expires = next((x.expires for x in evidence_pieces(evidence) if x.key == "audit-report"), None)
    return found | {
        "description": text(item.reason),
        "props": props(*_numbers(item)),
        "methods": _TEST,
        "types": ["finding"],
        "relevant-evidence": [_evidence(names.resource("audit-report"), "The audit report, by its digest")],
        "collected": record.time.isoformat(),
        **({"expires": expires.isoformat()} if expires else {}),
    }


def _observation(uuid: str, title: str, names: Names) -> Object:
    return {
        "uuid": uuid,
        "title": text(title, 500),
        "origins": [{"actors": [{"type": "tool", "actor-uuid": names.of(GATE)}]}],
        "subjects": [{"subject-uuid": names.of("model"), "type": "component"}],
    }


def _title(item: Disparity) -> str:
    return f"{metric_label(item.name)}, {compared(item)}"


def _numbers(item: Disparity) -> list[tuple[str, str]]:
    """The record's numbers as they are; what has none has no property, and the reason says why."""
    found = [
        ("verdict", item.verdict.value),
        ("metric", item.metric),
        ("bound", bound_text(item.comparison, item.bound)),
    ]
    found += [("value", exact(item.value))] if item.value is not None else []
    if item.value is not None and item.interval is not None:
        found.append(("interval-lower", exact(item.interval.lower)))
        found += [("interval-upper", exact(item.interval.upper))] if item.interval.upper is not None else []
        found.append(("interval-confidence", exact(item.interval.confidence)))
    return [(name, printable(value)) for name, value in found]


def _evidence(resource: str, said: str) -> Object:
    return {"href": f"#{resource}", "description": said}


def findings(evidence: CaseEvidence, names: Names) -> list[Object]:
    """One for each requirement of the policy: satisfied only where it is met."""
    return [_finding(item, evidence, names) for item in evidence.case.decision.findings]


def _finding(item: Finding, evidence: CaseEvidence, names: Names) -> Object:
    met = item.status is Status.MET
    reason = {Status.MET: "pass", Status.UNKNOWN: "other"}.get(item.status, "fail")
    related = [names.of("observation", item.requirement)]
    if evidence.audit is not None and item.requirement in _ABOUT_DISPARITIES:
        related += [
            names.of("disparity", f"{at}") for at, x in enumerate(evidence.audit.disparities) if x.bound is not None
        ]
    exposed = _adverse(evidence) if item.requirement == Requirement.NO_ADVERSE else ()
    found = {
        "uuid": names.of("finding", item.requirement),
        "title": requirement_label(item.requirement),
        "description": text(item.reason),
        "origins": [{"actors": [{"type": "tool", "actor-uuid": names.of(GATE)}]}],
        "target": {
            "type": "objective-id",
            "target-id": item.requirement,
            "status": {
                "state": "satisfied" if met else "not-satisfied",
                "reason": reason,
                "remarks": f"{item.status.value}: {text(item.reason)}",
            },
        },
        "related-observations": [{"observation-uuid": uuid} for uuid in related],
    }
    return found | (
        {"related-risks": [{"risk-uuid": names.of("risk", f"{at}")} for at, _ in exposed]} if exposed else {}
    )


def risks(evidence: CaseEvidence, names: Names) -> list[Object]:
    """One open risk for each adverse verdict. Nobody recorded how grave it is, so no rating is given."""
    return [
        {
            "uuid": names.of("risk", f"{at}"),
            "title": text(f"Adverse: {_title(item)}", 500),
            "description": text(item.reason),
            "statement": "The bound is crossed, and the data exclude that there is no difference.",
            "status": "open",
            "related-observations": [{"observation-uuid": names.of("disparity", f"{at}")}],
        }
        for at, item in _adverse(evidence)
    ]


def _adverse(evidence: CaseEvidence) -> tuple[tuple[int, Disparity], ...]:
    """The adverse disparities, each with its place in the audit."""
    found = evidence.audit.disparities if evidence.audit else ()
    return tuple((at, x) for at, x in enumerate(found) if x.bound is not None and x.verdict is Verdict.ADVERSE)
