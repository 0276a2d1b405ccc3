"""The record of one case as a CycloneDX 1.7 bill of materials (ECMA-424): the model, its card, and who says what.

Format: https://cyclonedx.org/docs/1.7/json/. All numbers of a model card are texts there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from audits.result import AuditResult, Disparity, Verdict
from governance.digests import plain
from reports.cyclonedx_declarations import declarations, standard
from reports.evidence import CaseEvidence
from reports.exchange import (
    bounded,
    evidence_pieces,
    evidence_urn,
    record_digest,
    text,
    uuid_of,
)
from reports.provenance import provenance
from reports.release import release_view
from reports.view import ReleaseView
from reports.view_card import Measure
from reports.words import group_name, listed, printable

MODEL = "model"
SCHEMA = "http://cyclonedx.org/schema/bom-1.7.schema.json"
Object = dict[str, Any]


def release_cyclonedx(evidence: CaseEvidence) -> bytes:
    """The bill of materials of this case, UTF-8 JSON that ends with a line feed. The same record gives the same bytes.

    A measure without a value has no entry among the performance metrics: a property of the model card says why.
    """
    view = release_view(evidence)
    digest = record_digest(view)
    bom = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid_of('cyclonedx', digest)}",
        "version": 1,
        "metadata": _metadata(view),
        "components": [_model(evidence, view)],
        "declarations": declarations(evidence, view),
        "definitions": {"standards": [standard(evidence)]},
        "properties": _about(view, digest),
    }
    return (json.dumps(bom, ensure_ascii=False, indent=2) + "\n").encode()


def _metadata(view: ReleaseView) -> Object:
    return {
        "timestamp": plain(view.at),
        "lifecycles": [{"phase": "operations" if view.outcome == "RELEASED" else "post-build"}],
        "tools": {"components": [{"type": "application", "name": "fairgate"}]},
        "component": {"type": "machine-learning-model", "name": view.title},
    }


def _about(view: ReleaseView, digest: str) -> list[Object]:
    """What has no field of its own: the decision, what nobody may overlook, and what this document projects."""
    said = [
        ("record-digest", digest),
        ("outcome", view.outcome),
        ("headline", view.headline),
        ("impact-tier", view.tier),
        *(("banner", banner) for banner in view.banners),
        *(("incident", incident) for incident in view.incidents),
        *((("published", view.published),) if view.published else ()),
        *(("provenance", f"{name}: {value}") for name, value in provenance(view).facts),
        *(("broken-glass", f"{row.name} ({row.function}), {row.time}: {row.standing}") for row in view.glass),
    ]
    return [_property(name, value) for name, value in said]


def _model(evidence: CaseEvidence, view: ReleaseView) -> Object:
    subject = evidence.case.subject
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": printable(subject.name, None),
        "version": printable(subject.version, 1_024),
        "description": f"{view.title}: {view.headline}",
        "hashes": [_hash(subject.digest)],
        "externalReferences": [
            {
                "type": "evidence",
                "url": evidence_urn(item.digest),
                "comment": item.label,
                "hashes": [_hash(item.digest)],
            }
            for item in evidence_pieces(evidence)
        ],
        "modelCard": _card(evidence.audit, view),
        "properties": [
            _property("manifest-digest", subject.digest),
            _property("hash-of", "the RFC 8785 manifest of all of the model's files: name, size and SHA-256 of each"),
        ],
    }


def _card(audit: AuditResult | None, view: ReleaseView) -> Object:
    """The numbers are those of the one model card; the format has no place for its questions."""
    if audit is None:
        return {"properties": [_property("not-audited", "the ledger names no audit for a release of these bytes")]}
    found = view.whole_card.measures
    return {
        "modelParameters": {"datasets": [_dataset(audit)]},
        "quantitativeAnalysis": {"performanceMetrics": [_metric(item) for item in found if item.value is not None]},
        "considerations": _considerations(audit),
        "properties": [
            *_gaps(found),
            *(_property("unknown", f"{printable(k)}: {_rows(n)}") for k, n in _unknown(audit)),
        ],
    }


def _dataset(audit: AuditResult) -> Object:
    return {
        "type": "dataset",
        "name": "Audited data",
        "description": "the rows that the audit measured, named by the digest of their file",
        "contents": {"url": evidence_urn(audit.data_digest)},
        "sensitiveData": [printable(feature) for feature in audit.features],
    }


def _metric(item: Measure) -> Object:
    ends = {"lowerBound": item.lower, "upperBound": item.upper}
    interval = {name: end for name, end in ends.items() if end is not None}
    return {
        "type": item.metric,
        "value": item.value,
        "slice": item.of,
        **({"confidenceInterval": interval} if interval else {}),
    }


def _gaps(found: Iterable[Measure]) -> list[Object]:
    """What the metrics do not say: measures without a value, and groups that took no part in comparisons."""
    said = []
    for item in found:
        if item.value is None:
            said.append(_property("no-value", f"{item.metric}, {item.of}: {item.gap}"))
        elif item.aside:
            said.append(_property("not-compared", f"{item.metric}, {item.of}: {item.aside}"))
    return said


def _considerations(audit: AuditResult) -> Object:
    return {
        "technicalLimitations": [
            f"Intervals are at {audit.confidence:.0%} confidence.",
            *(text(note) for note in audit.notes),
        ],
        "fairnessAssessments": [{"groupAtRisk": who} for who in _groups_at_risk(audit)],
    }


def _groups_at_risk(audit: AuditResult) -> tuple[str, ...]:
    """Every group of which a bounded comparison says more than "no indication".

    Benefits, harms and mitigation stay out: nobody recorded them. Too little evidence is a risk that nobody can judge.
    """
    found: dict[str, list[Disparity]] = {}
    for item in bounded(audit):
        if item.verdict is not Verdict.NO_INDICATION:
            found.setdefault(group_name(item.features, item.group), []).append(item)
    return tuple(f"{who}: {_verdicts(items)}" for who, items in found.items())


def _verdicts(items: list[Disparity]) -> str:
    by: dict[Verdict, list[str]] = {}
    for item in items:
        by.setdefault(item.verdict, []).append(printable(item.name))
    return "; ".join(f"{verdict} ({listed(tuple(dict.fromkeys(by[verdict])))})" for verdict in Verdict if verdict in by)


def _unknown(audit: AuditResult) -> tuple[tuple[str, int], ...]:
    return tuple(audit.unknown.items())


def _rows(number: int) -> str:
    return "suppressed" if number < 0 else f"{number} of the audited rows have no value"


def _hash(digest: str) -> Object:
    return {"alg": "SHA-256", "content": digest.removeprefix("sha256:")}


def _property(name: str, value: str) -> Object:
    return {"name": f"fairgate:{name}", "value": value}
