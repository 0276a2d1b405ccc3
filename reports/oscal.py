"""The record of one case as OSCAL assessment results: observations, findings, risks and the people's attestations.

Format: NIST OSCAL 1.2.1, https://pages.nist.gov/OSCAL-Reference/models/v1.2.1/assessment-results/. The requirements of
the policy take the place of controls; only what is met is satisfied. What is unknown is not, with the reason.
"""

from __future__ import annotations

import json
from typing import Any

from governance.dossier import SignOff
from governance.people import Actor
from reports.evidence import CaseEvidence
from reports.exchange import Piece, entry_urn, evidence_pieces, evidence_urn, record_digest, text
from reports.oscal_results import GATE, Names, findings, observations, props, risks
from reports.provenance import provenance
from reports.release import release_view
from reports.view import ConditionRow, ReleaseView
from reports.words import printable, requirement_label

VERSION = "1.2.1"
Object = dict[str, Any]


def release_oscal(evidence: CaseEvidence) -> bytes:
    """The assessment results of this case, UTF-8 JSON that ends with a line feed. The same record gives the same bytes.

    The assessment plan that it imports is the audit plan, by digest; where nothing was audited, the policy.
    """
    view = release_view(evidence)
    names = Names(record_digest(view))
    document = {
        "uuid": names.of("document"),
        "metadata": _metadata(evidence, view, names),
        "import-ap": _plan(evidence, names),
        "local-definitions": {"objectives-and-methods": _objectives(evidence)},
        "results": [_result(evidence, view, names)],
        "back-matter": {"resources": _resources(evidence, names)},
    }
    return (json.dumps({"assessment-results": document}, ensure_ascii=False, indent=2) + "\n").encode()


def _metadata(evidence: CaseEvidence, view: ReleaseView, names: Names) -> Object:
    signers = {item.function for item in evidence.case.dossier.sign_offs}
    roles = {"assessor": "Applies the policy", "requester": "Asked for the audit"}
    roles |= {names.role(function): f"Signs as {printable(function)}" for function in sorted(signers)}
    return {
        "title": text(view.title),
        "last-modified": view.at.isoformat(),
        "version": names.record,
        "oscal-version": VERSION,
        "props": [
            *props(("outcome", view.outcome), ("impact-tier", view.tier), ("record-digest", names.record)),
            *props(*(("provenance", f"{name}: {value}") for name, value in provenance(view).facts)),
        ],
        "roles": [{"id": key, "title": title} for key, title in roles.items()],
        "parties": [
            {"uuid": names.party(actor), "type": "person", "name": text(actor.name, 300)} for actor in _people(evidence)
        ],
        "remarks": " ".join(text(said) for said in (view.headline, *view.banners, view.published) if said),
    }


def _people(evidence: CaseEvidence) -> tuple[Actor, ...]:
    """Everybody who asked for evidence, signed or broke the glass, once."""
    dossier = evidence.case.dossier
    found = [item.requested_by for item in dossier.audits] + [item.requested_by for item in dossier.holds]
    found += [item.approver for item in dossier.sign_offs] + [item.person for item in dossier.broken_glass]
    return tuple({(item.issuer, item.id): item for item in found}.values())


def _plan(evidence: CaseEvidence, names: Names) -> Object:
    made = next((item for item in evidence_pieces(evidence) if item.key == "audit-plan"), None)
    if made is None:
        remarks = "Nothing was audited, so there is no audit plan: this points at the policy."
        return {"href": f"#{names.resource('policy')}", "remarks": remarks}
    return {"href": f"#{names.resource(made.key)}", "remarks": "The audit plan, fixed before the audit, by its digest."}


def _objectives(evidence: CaseEvidence) -> list[Object]:
    """Each requirement of the policy as an objective of its own: OSCAL's catalogues do not know them."""
    return [
        {
            "control-id": item.requirement,
            "parts": [{"name": "objective", "prose": f"{requirement_label(item.requirement)}, as the policy asks."}],
        }
        for item in evidence.case.decision.findings
    ]


def _result(evidence: CaseEvidence, view: ReleaseView, names: Names) -> Object:
    controls = [{"control-id": item.requirement} for item in evidence.case.decision.findings]
    said = (*([f"{view.summary.monitored_title}:"] if view.summary.monitored else []), *view.summary.monitored)
    found: Object = {
        "uuid": names.of("result"),
        "title": text(f"{view.title}: {view.outcome}"),
        "description": text(" ".join((view.headline, *view.summary.decided, *said, *view.summary.measured)), 5_000),
        "start": _start(evidence, view),
        "end": view.at.isoformat(),
        "local-definitions": {"components": _components(evidence, view, names)},
        "reviewed-controls": {"control-selections": [{"include-controls": controls}]},
        "attestations": [_attestation(item, view, names) for item in evidence.case.dossier.sign_offs],
        "observations": observations(evidence, names),
        "risks": risks(evidence, names),
        "findings": findings(evidence, names),
        "remarks": " ".join(text(said) for said in view.incidents),
    }
    return {key: value for key, value in found.items() if value}


def _start(evidence: CaseEvidence, view: ReleaseView) -> str:
    """When the first evidence was made; the moment of this report where there is none."""
    dossier = evidence.case.dossier
    times = [item.time for item in dossier.validations] + [item.time for item in dossier.audits]
    return min((*times, view.at)).isoformat()


def _components(evidence: CaseEvidence, view: ReleaseView, names: Names) -> list[Object]:
    live = "operational" if evidence.case.released() else "under-development"
    return [
        {
            "uuid": names.of("model"),
            "type": "software",
            "title": text(evidence.case.subject, 300),
            "description": text(f"The model version that wants to be {view.target}, by the digest of its files"),
            "props": props(("manifest-digest", evidence.case.subject.digest)),
            "status": {"state": live},
        },
        {
            "uuid": names.of(GATE),
            "type": "software",
            "title": "Fairgate",
            "description": "Measured the model and applied the policy to what the ledger holds",
            "status": {"state": "operational"},
        },
    ]


def _attestation(item: SignOff, view: ReleaseView, names: Names) -> Object:
    """A sign-off or refusal with its meaning, its reason and whether it counts."""
    row = next(row for row in view.sign_offs if row.seq == item.seq)
    said = (
        ("printed-name", row.name),
        ("signed-at", item.signed_at.isoformat()),
        ("decision", row.decision),
        ("standing", row.standing),
        ("expires", row.expires),
        ("authentication", row.authentication),
        ("assurance", row.assurance),
        ("ledger-entry", f"{row.seq}"),
    )
    part = {
        "uuid": names.of("attestation", f"{row.seq}"),
        "name": "sign-off",
        "title": text(row.meaning),
        "props": props(*said),
        "prose": text(row.reason, 5_000),
        "links": [{"href": f"#{names.entry(row.seq)}", "rel": "reference"}],
    }
    if row.conditions:
        part["parts"] = [_condition(x, row.seq, names) for x in row.conditions]
    role = {"role-id": names.role(item.function), "party-uuids": [names.party(item.approver)]}
    return {"responsible-parties": [role], "parts": [part]}


def _condition(row: ConditionRow, seq: int, names: Names) -> Object:
    """A condition of an approval, and how it stands."""
    return {
        "uuid": names.of("condition", f"{seq}", f"{row.number}"),
        "name": "condition",
        "title": text(row.text),
        "props": props(("owner", row.owner), ("due", row.due), ("state", row.state)),
        "prose": text(row.standing),
    }


def _resources(evidence: CaseEvidence, names: Names) -> list[Object]:
    """Evidence by digest, and the ledger's entries by number: nothing can be fetched, all can be checked."""
    seqs = {seq for item in evidence.case.decision.findings for seq in item.evidence}
    seqs |= {item.seq for item in evidence.case.dossier.sign_offs}
    entries = [
        {"uuid": names.entry(seq), "title": f"Ledger entry {seq}", "rlinks": [{"href": entry_urn(seq)}]}
        for seq in sorted(seqs)
    ]
    return [*(_resource(item, names) for item in evidence_pieces(evidence)), *entries]


def _resource(item: Piece, names: Names) -> Object:
    value = item.digest.removeprefix("sha256:")
    return {
        "uuid": names.resource(item.key),
        "title": text(item.label),
        "rlinks": [{"href": evidence_urn(item.digest), "hashes": [{"algorithm": "SHA-256", "value": value}]}],
    }
