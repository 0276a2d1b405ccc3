"""CycloneDX 1.7: valid against the published schema, every number the record's own, nothing missing read as zero."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from exchange_cases import CASES, HOSTILE, adverse, emergency, hostile, no_audit, refused, released, suppressed, waiting

from audits.result import SUPPRESSED
from reports.cyclonedx import release_cyclonedx
from reports.evidence import CaseEvidence
from reports.exchange import record_digest
from reports.provenance import provenance
from reports.release import release_view
from reports.words import group_name


@pytest.fixture(scope="module")
def validator() -> JsonStrictValidator:
    return JsonStrictValidator(SchemaVersion.V1_7)


def _bom(evidence: CaseEvidence) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(release_cyclonedx(evidence))
    return found


def _card(evidence: CaseEvidence) -> dict[str, Any]:
    card: dict[str, Any] = _bom(evidence)["components"][0]["modelCard"]
    return card


def _properties(found: dict[str, Any], name: str) -> list[str]:
    return [item["value"] for item in found["properties"] if item["name"] == f"fairgate:{name}"]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield key
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)


def test_the_validator_finds_what_is_wrong(validator: JsonStrictValidator, tmp_path: Path) -> None:
    wrong = _bom(waiting(tmp_path))
    wrong["components"][0]["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]["value"] = 0.5
    assert validator.validate_str(json.dumps(wrong)) is not None


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_valid(validator: JsonStrictValidator, tmp_path: Path, name: str) -> None:
    data = release_cyclonedx(CASES[name](tmp_path))
    assert validator.validate_str(data.decode()) is None
    assert data.endswith(b"}\n")


@pytest.mark.parametrize("at", range(0, len(HOSTILE), 5))
def test_hostile_names_are_valid_and_visible(validator: JsonStrictValidator, tmp_path: Path, at: int) -> None:
    data = release_cyclonedx(hostile(tmp_path, " ".join(HOSTILE[at : at + 5]))).decode()
    assert validator.validate_str(data) is None
    assert all(text.isprintable() for text in _texts(json.loads(data)))


@pytest.mark.parametrize("name", CASES)
def test_every_reference_leads_to_something_in_the_document(tmp_path: Path, name: str) -> None:
    bom = _bom(CASES[name](tmp_path))
    said = bom["declarations"]
    parts = (bom["components"], said["assessors"], said["claims"], said["evidence"])
    refs = [item["bom-ref"] for part in parts for item in part]
    refs += [item["bom-ref"] for item in bom["definitions"]["standards"][0]["requirements"]]
    assert len(refs) == len(set(refs))
    wanted = {item["target"] for item in said["claims"]} | {item["assessor"] for item in said["attestations"]}
    for claim in said["claims"]:
        wanted |= {*claim.get("evidence", ()), *claim.get("counterEvidence", ())}
    for row in said["attestations"][0]["map"]:
        wanted |= {row["requirement"], *row.get("claims", ()), *row.get("counterClaims", ())}
    assert wanted <= set(refs)


def test_the_same_record_gives_the_same_bytes_and_another_record_another_serial_number(tmp_path: Path) -> None:
    first, other = released(tmp_path / "a"), waiting(tmp_path / "b")
    assert release_cyclonedx(first) == release_cyclonedx(first)
    assert _bom(first)["serialNumber"] != _bom(other)["serialNumber"]
    assert _properties(_bom(first), "record-digest") == [record_digest(release_view(first))]
    assert _bom(first)["metadata"]["timestamp"] == first.case.dossier.now.isoformat()


def test_metrics_are_the_numbers_of_the_record_as_texts(tmp_path: Path) -> None:
    evidence = adverse(tmp_path)
    audit = evidence.audit
    assert audit is not None
    metrics = _card(evidence)["quantitativeAnalysis"]["performanceMetrics"]
    rate = next(x for x in metrics if (x["type"], x["slice"]) == ("selection_rate", "sex=female"))
    found = next(x for x in audit.estimates if (x.metric, x.group) == ("selection_rate", ("female",)))
    assert found.interval is not None
    assert float(rate["value"]) == found.value
    assert float(rate["confidenceInterval"]["lowerBound"]) == found.interval.lower
    ratio = next(x for x in metrics if (x["type"], x["slice"]) == ("impact_ratio", "sex=female against sex=male"))
    assert float(ratio["value"]) == next(x.value for x in audit.disparities if x.group == ("female",))
    assert "sex=female: adverse (impact_ratio" in " ".join(
        x["groupAtRisk"] for x in _card(evidence)["considerations"]["fairnessAssessments"]
    )


def test_a_measure_without_a_value_has_no_entry_and_is_told(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    assert evidence.audit is not None
    first, second, *rest = evidence.audit.estimates
    empty = replace(first, value=None, interval=None, reason="nobody in the group has the outcome")
    aside = replace(second, counted=False, reason="42 people, the plan asks for 100")
    card = _card(replace(evidence, audit=replace(evidence.audit, estimates=(empty, aside, *rest))))
    metrics = [(x["type"], x["slice"]) for x in card["quantitativeAnalysis"]["performanceMetrics"]]
    assert (first.metric, "sex=female") not in metrics
    assert f"{first.metric}, sex=female: nobody in the group has the outcome" in _properties(card, "no-value")
    assert any("the plan asks for 100" in said for said in _properties(card, "not-compared"))


def test_an_endless_interval_has_no_upper_bound(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    assert evidence.audit is not None
    first, *rest = evidence.audit.disparities
    assert first.interval is not None
    endless = replace(first, interval=replace(first.interval, upper=None))
    card = _card(replace(evidence, audit=replace(evidence.audit, disparities=(endless, *rest))))
    metric = next(x for x in card["quantitativeAnalysis"]["performanceMetrics"] if x["type"] == first.name)
    assert set(metric["confidenceInterval"]) == {"lowerBound"}


def test_without_an_audit_nothing_is_measured_and_it_says_so(tmp_path: Path) -> None:
    card = _card(no_audit(tmp_path))
    assert "quantitativeAnalysis" not in card
    assert _properties(card, "not-audited")


def test_what_is_published_gives_no_masked_number(tmp_path: Path) -> None:
    evidence = suppressed(tmp_path)
    assert evidence.audit is not None
    hidden = [x for x in evidence.audit.estimates if x.suppressed]
    assert hidden
    text = release_cyclonedx(evidence).decode()
    assert SUPPRESSED in text
    assert "16 of 42" not in text
    assert '"-1"' not in text
    metrics = {(x["type"], x["slice"]) for x in _card(evidence)["quantitativeAnalysis"]["performanceMetrics"]}
    assert not metrics & {(x.metric, group_name(x.features, x.group)) for x in hidden}
    seen = [x for x in evidence.audit.estimates if x.value is not None]
    assert {(x.metric, group_name(x.features, x.group)) for x in seen} <= metrics


def test_the_signatories_are_the_people_whose_signatures_stand(tmp_path: Path) -> None:
    said = _bom(released(tmp_path / "a"))["declarations"]
    signed = said["affirmation"]["signatories"]
    assert [(x["name"], x["role"]) for x in signed] == [
        ("Compliance Officer", "compliance"),
        ("Model Risk Officer", "model-risk"),
    ]
    seqs = [item.seq for item in released(tmp_path / "b").case.dossier.sign_offs]
    assert [x["externalReference"]["url"] for x in signed] == [f"urn:fairgate:ledger:entry:{seq}" for seq in seqs]
    assert "I approve the release of hiring v2 as champion in local" in said["affirmation"]["statement"]
    half = _bom(CASES["half signed"](tmp_path / "c"))["declarations"]
    assert [x["name"] for x in half["affirmation"]["signatories"]] == ["Model Risk Officer"]
    assert any("does not count" in x["summary"] for x in half["attestations"])
    nobody = _bom(waiting(tmp_path / "d"))["declarations"]["affirmation"]
    assert nobody == {"statement": "Nobody has signed: no approval counts and no refusal stands."}
    no = _bom(refused(tmp_path / "e"))["declarations"]["affirmation"]["signatories"]
    assert [x["externalReference"]["comment"].split(": ")[1].split(";")[0] for x in no] == ["refused"]


def test_conditions_are_told_with_the_approval_that_has_them(tmp_path: Path) -> None:
    (_, said) = _bom(CASES["conditional"](tmp_path))["declarations"]["attestations"]
    assert "Condition 1: Check the smallest group again. (Data Scientist" in said["summary"]


def test_what_is_not_met_is_a_claim_with_evidence_against_it(tmp_path: Path) -> None:
    evidence = adverse(tmp_path)
    said = _bom(evidence)["declarations"]
    claims = {item["bom-ref"]: item for item in said["claims"]}
    for at, item in enumerate(evidence.case.decision.findings):
        row = said["attestations"][0]["map"][at]
        assert ("claims" in row) == (item.status == "met")
        assert claims[f"claim-requirement-{at}"]["predicate"].endswith(f": {item.status.value}")
    gap = next(x for x in claims.values() if x["predicate"].endswith(": adverse"))
    assert gap["counterEvidence"] == ["evidence-audit-report"]
    assert "evidence" not in gap


def test_evidence_says_when_it_is_too_old(tmp_path: Path) -> None:
    evidence = released(tmp_path)
    found = {x["propertyName"]: x for x in _bom(evidence)["declarations"]["evidence"]}
    audit, rules = evidence.case.dossier.audit(), evidence.policy.rules(evidence.case.decision.tier)
    assert audit is not None
    assert rules is not None
    assert found["fairgate:audit-report"]["created"] == audit.time.isoformat()
    assert found["fairgate:audit-report"]["expires"] > found["fairgate:audit-report"]["created"]
    signed = evidence.case.dossier.sign_offs[-1]
    assert signed.expires_at is not None
    assert found["fairgate:sign-off"]["expires"] == signed.expires_at.isoformat()


def test_the_document_says_what_was_read_and_under_which_rules(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    said = _properties(_bom(evidence), "provenance")
    assert said == [f"{name}: {value}" for name, value in provenance(release_view(evidence)).facts]
    assert any(line.startswith("Rule pack") for line in said)


def test_an_emergency_is_told_as_one(tmp_path: Path) -> None:
    bom = _bom(emergency(tmp_path))
    assert any(said.startswith("Broken glass: ") for said in _properties(bom, "banner"))
    assert len(_properties(bom, "broken-glass")) == 2
    assert bom["declarations"]["affirmation"] == {
        "statement": "Nobody has signed: no approval counts and no refusal stands."
    }


@pytest.mark.parametrize("name", CASES)
def test_nothing_promises_what_nobody_can(tmp_path: Path, name: str) -> None:
    text = release_cyclonedx(CASES[name](tmp_path)).decode().lower()
    for word in ('"fair', " fair ", "unbiased", "compliant", "certified"):
        assert word not in text.replace("fairgate", "").replace("fairnessassessments", "")
