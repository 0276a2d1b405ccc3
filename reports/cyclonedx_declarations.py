"""The `declarations` and `definitions` of a CycloneDX document: who assessed what on which evidence, who signed."""

from __future__ import annotations

from typing import Any

from audits.result import Verdict
from governance.decide import Status
from governance.digests import plain
from reports.evidence import CaseEvidence
from reports.exchange import bounded, entry_urn, evidence_pieces, evidence_urn, judged, text
from reports.view import ReleaseView, SignOffRow
from reports.words import printable, requirement_label

MODEL, GATE, AUDITOR = "model", "assessor-gate", "assessor-audit"
Object = dict[str, Any]


def standard(evidence: CaseEvidence) -> Object:
    """The policy as the standard that the model is held against: one requirement for each finding of the gate."""
    findings = evidence.case.decision.findings
    return {
        "bom-ref": "policy",
        "name": printable(evidence.policy.name),
        "version": printable(evidence.policy.version),
        "description": f"A policy of Fairgate; the impact tier is {evidence.case.decision.tier.value}",
        "requirements": [
            {
                "bom-ref": _requirement(at),
                "identifier": item.requirement,
                "title": requirement_label(item.requirement),
            }
            for at, item in enumerate(findings)
        ],
        "externalReferences": [{"type": "documentation", "url": evidence_urn(evidence.policy.digest)}],
    }


def declarations(evidence: CaseEvidence, view: ReleaseView) -> Object:
    """Assessors, claims, evidence, attestations and the affirmation of the people whose signatures stand."""
    signed = tuple(row for row in view.sign_offs if row.counts)
    return {
        "assessors": _assessors(evidence, view),
        "attestations": [_gate(evidence), *(_attested(row) for row in view.sign_offs)],
        "claims": [*_requirement_claims(evidence, view), *_disparity_claims(evidence)],
        "evidence": [*_evidence(evidence), *_signatures(evidence, view)],
        "affirmation": _affirmation(signed),
    }


def _assessors(evidence: CaseEvidence, view: ReleaseView) -> list[Object]:
    """Whether an assessor is a third party is not recorded, and not said."""
    audit = evidence.case.dossier.audit()
    found = [{"bom-ref": GATE, "organization": {"name": "Fairgate, the gate: applies the policy to the ledger"}}]
    if audit:
        found.append({"bom-ref": AUDITOR, "organization": _organization(printable(audit.requested_by.name))})
    return [*found, *({"bom-ref": _signer(row), "organization": _organization(row.name)} for row in view.sign_offs)]


def _organization(name: str) -> Object:
    """A person without an organization: the record knows none, and none is made up."""
    return {"contact": [{"name": name}]}


def _gate(evidence: CaseEvidence) -> Object:
    findings = evidence.case.decision.findings
    return {
        "summary": f"The gate's answer is {evidence.case.decision.outcome.value}: each requirement of the policy, and "
        "whether it is met. What is unknown is not met.",
        "assessor": GATE,
        "map": [
            {
                "requirement": _requirement(at),
                ("claims" if item.status is Status.MET else "counterClaims"): [_claim(at)],
                "conformance": {"rationale": f"{item.status.value}: {text(item.reason)}"},
            }
            for at, item in enumerate(findings)
        ],
    }


def _attested(row: SignOffRow) -> Object:
    """A person's own words, also where her signature does not count; then it says so."""
    said = f"{row.meaning}. {row.name}, {row.function}, {row.time}; {row.standing}. Reason: {text(row.reason)}"
    asked = (f"Condition {x.number}: {text(x.text)} ({x.owner}, {x.standing})" for x in row.conditions)
    return {"summary": " ".join((said, *asked)), "assessor": _signer(row)}


def _requirement_claims(evidence: CaseEvidence, view: ReleaseView) -> list[Object]:
    """One claim for each finding. Evidence supports it where it is met, and speaks against it elsewhere."""
    known = {row.seq: _signature(row) for row in view.sign_offs}
    known |= {item.seq: _evidence_ref(item.key) for item in evidence_pieces(evidence) if item.seq is not None}
    found = []
    for at, item in enumerate(evidence.case.decision.findings):
        refs = [known[seq] for seq in item.evidence if seq in known]
        side = "evidence" if item.status is Status.MET else "counterEvidence"
        found.append(
            {
                "bom-ref": _claim(at),
                "target": MODEL,
                "predicate": f"{requirement_label(item.requirement)}: {item.status.value}",
                "reasoning": text(item.reason),
                **({side: refs} if refs else {}),
                **_entries(item.evidence),
            }
        )
    return found


def _entries(seqs: tuple[int, ...]) -> Object:
    found = [{"type": "log", "url": entry_urn(seq), "comment": f"ledger entry {seq}"} for seq in seqs]
    return {"externalReferences": found} if found else {}


def _disparity_claims(evidence: CaseEvidence) -> list[Object]:
    """One claim for each bounded disparity. Only "no indication" has the audit's evidence on its side."""
    return [
        {
            "bom-ref": f"claim-disparity-{at}",
            "target": MODEL,
            "predicate": judged(item),
            "reasoning": text(item.reason),
            ("evidence" if item.verdict is Verdict.NO_INDICATION else "counterEvidence"): [
                _evidence_ref("audit-report")
            ],
        }
        for at, item in enumerate(bounded(evidence.audit))
    ]


def _evidence(evidence: CaseEvidence) -> list[Object]:
    """Evidence by digest. `expires`: when an audit is too old for the policy."""
    return [
        {
            "bom-ref": _evidence_ref(item.key),
            "propertyName": f"fairgate:{item.key}",
            "description": f"{item.label}, {item.digest}",
            "data": [{"name": item.label, "contents": {"url": evidence_urn(item.digest)}}],
            **({"created": plain(item.created)} if item.created else {}),
            **({"expires": plain(item.expires)} if item.expires else {}),
        }
        for item in evidence_pieces(evidence)
    ]


def _signatures(evidence: CaseEvidence, view: ReleaseView) -> list[Object]:
    by_seq = {item.seq: item for item in evidence.case.dossier.sign_offs}
    return [
        {
            "bom-ref": _signature(row),
            "propertyName": "fairgate:sign-off",
            "description": f"{row.decision} by {row.name} as {row.function}; {row.standing}; {row.assurance}",
            "data": [{"name": f"ledger entry {row.seq}", "contents": {"url": entry_urn(row.seq)}}],
            "created": plain(by_seq[row.seq].signed_at),
            **({"expires": plain(by_seq[row.seq].expires_at)} if by_seq[row.seq].expires_at else {}),
            "author": {"name": row.name},
        }
        for row in view.sign_offs
    ]


def _affirmation(signed: tuple[SignOffRow, ...]) -> Object:
    """The people whose approvals count or whose refusals stand, as signatories; the ledger holds what they signed."""
    if not signed:
        return {"statement": "Nobody has signed: no approval counts and no refusal stands."}
    words = (f"{row.name} ({row.function}) {row.decision}, {row.time}: {row.meaning}" for row in signed)
    return {
        "statement": "Each signatory decided as follows, over the digests that are given as evidence. "
        + ". ".join(words),
        "signatories": [
            {
                "name": row.name,
                "role": row.function,
                "organization": _organization(row.name),
                "externalReference": {
                    "type": "electronic-signature",
                    "url": entry_urn(row.seq),
                    "comment": f"ledger entry {row.seq}: {row.decision}; {row.authentication}; {row.assurance}",
                },
            }
            for row in signed
        ],
    }


def _requirement(at: int) -> str:
    return f"requirement-{at}"


def _claim(at: int) -> str:
    return f"claim-requirement-{at}"


def _signer(row: SignOffRow) -> str:
    return f"assessor-entry-{row.seq}"


def _signature(row: SignOffRow) -> str:
    return f"evidence-entry-{row.seq}"


def _evidence_ref(key: str) -> str:
    return f"evidence-{key}"
