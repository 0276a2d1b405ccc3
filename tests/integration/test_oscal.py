"""OSCAL assessment results: read by the published models, each id leads somewhere, and only what is met satisfies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchange_cases import CASES, HOSTILE, adverse, emergency, hostile, no_audit, released, suppressed, waiting
from pydantic import ValidationError
from trestle.oscal import OSCAL_VERSION_REGEX
from trestle.oscal.assessment_results import Model

from audits.result import Verdict
from governance.decide import Status
from reports.evidence import CaseEvidence
from reports.exchange import text
from reports.oscal import release_oscal
from reports.provenance import provenance
from reports.release import release_view

UUID5 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def _document(evidence: CaseEvidence) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(release_oscal(evidence))["assessment-results"]
    return found


def _result(evidence: CaseEvidence) -> dict[str, Any]:
    (found,) = _document(evidence)["results"]
    assert isinstance(found, dict)
    return found


def _all(value: Any, key: str) -> Iterator[Any]:
    match value:
        case dict():
            for name, item in value.items():
                if name == key:
                    yield item
                yield from _all(item, key)
        case list():
            for item in value:
                yield from _all(item, key)


def _prop(found: dict[str, Any], name: str) -> str | None:
    return next((item["value"] for item in found["props"] if item["name"] == name), None)


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_read_by_the_models(tmp_path: Path, name: str) -> None:
    data = release_oscal(CASES[name](tmp_path))
    model = Model.model_validate_json(data)
    assert re.match(OSCAL_VERSION_REGEX, json.loads(data)["assessment-results"]["metadata"]["oscal-version"])
    again = json.loads(model.model_dump_json(by_alias=True, exclude_none=True))
    assert again["assessment-results"].keys() == json.loads(data)["assessment-results"].keys()


def test_the_models_find_what_is_wrong(tmp_path: Path) -> None:
    wrong = _document(waiting(tmp_path))
    wrong["results"][0]["findings"][0]["target"]["status"]["state"] = "fine"
    with pytest.raises(ValidationError):
        Model.model_validate_json(json.dumps({"assessment-results": wrong}))


@pytest.mark.parametrize("at", range(0, len(HOSTILE), 5))
def test_hostile_names_are_read_and_visible(tmp_path: Path, at: int) -> None:
    data = release_oscal(hostile(tmp_path, " ".join(HOSTILE[at : at + 5])))
    Model.model_validate_json(data)
    assert all(line.isprintable() for line in data.decode().splitlines())


@pytest.mark.parametrize("name", CASES)
def test_every_id_is_unique_and_leads_somewhere(tmp_path: Path, name: str) -> None:
    document = _document(CASES[name](tmp_path))
    known = list(_all(document, "uuid"))
    assert len(known) == len(set(known))
    assert all(UUID5.fullmatch(uuid) for uuid in known)
    wanted = {*_all(document, "observation-uuid"), *_all(document, "risk-uuid"), *_all(document, "subject-uuid")}
    wanted |= {*_all(document, "actor-uuid"), *(x for found in _all(document, "party-uuids") for x in found)}
    wanted |= {href[1:] for href in _all(document, "href") if href.startswith("#")}
    assert wanted <= set(known)
    roles = {item["id"] for item in document["metadata"]["roles"]}
    assert set(_all(document, "role-id")) <= roles


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    first = released(tmp_path / "a")
    assert release_oscal(first) == release_oscal(first)
    assert _document(first)["uuid"] != _document(waiting(tmp_path / "b"))["uuid"]


@pytest.mark.parametrize("name", CASES)
def test_only_what_is_met_is_satisfied(tmp_path: Path, name: str) -> None:
    evidence = CASES[name](tmp_path)
    found = {item["target"]["target-id"]: item["target"]["status"] for item in _result(evidence)["findings"]}
    assert len(found) == len(evidence.case.decision.findings)
    for item in evidence.case.decision.findings:
        status = found[item.requirement]
        assert (status["state"] == "satisfied") == (item.status is Status.MET)
        assert status["remarks"].startswith(f"{item.status.value}: ")


def test_what_is_unknown_is_not_satisfied_for_another_reason(tmp_path: Path) -> None:
    found = {x["target"]["target-id"]: x["target"]["status"] for x in _result(no_audit(tmp_path))["findings"]}
    assert found["measured"]["state"] == "not-satisfied"
    assert found["measured"]["reason"] == "other"
    assert found["measured"]["remarks"].startswith("unknown: ")


def test_each_disparity_is_an_observation_with_the_records_numbers(tmp_path: Path) -> None:
    evidence = adverse(tmp_path)
    assert evidence.audit is not None
    tested = [x for x in _result(evidence)["observations"] if "finding" in x["types"]]
    assert len(tested) == len(evidence.audit.disparities)
    for found, item in zip(tested, evidence.audit.disparities, strict=True):
        value = _prop(found, "value")
        assert (None if value is None else float(value)) == item.value
        assert _prop(found, "verdict") == item.verdict.value
        assert found["methods"] == ["TEST"]
        assert found["relevant-evidence"]


def test_a_disparity_without_a_value_has_no_number(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    assert evidence.audit is not None
    first, *rest = evidence.audit.disparities
    empty = replace(first, value=None, interval=None, verdict=Verdict.NOT_ESTIMABLE, reason="nobody was selected")
    document = _result(replace(evidence, audit=replace(evidence.audit, disparities=(empty, *rest))))
    found = next(x for x in document["observations"] if "finding" in x["types"])
    assert _prop(found, "value") is None
    assert found["description"] == "nobody was selected"


def test_each_adverse_verdict_is_an_open_risk_of_its_finding(tmp_path: Path) -> None:
    evidence = adverse(tmp_path / "a")
    assert evidence.audit is not None
    result = _result(evidence)
    bad = evidence.audit.with_verdict(Verdict.ADVERSE)
    assert len(result["risks"]) == len(bad) > 0
    assert {risk["status"] for risk in result["risks"]} == {"open"}
    (linked,) = [x["related-risks"] for x in result["findings"] if "related-risks" in x]
    assert [x["risk-uuid"] for x in linked] == [x["uuid"] for x in result["risks"]]
    assert "risks" not in _result(waiting(tmp_path / "b"))


def test_the_plan_is_imported_by_its_digest_and_the_policy_where_there_is_none(tmp_path: Path) -> None:
    for evidence, wanted in ((waiting(tmp_path / "a"), "plan"), (no_audit(tmp_path / "b"), "policy")):
        document = _document(evidence)
        resources = {item["uuid"]: item for item in document["back-matter"]["resources"]}
        target = resources[document["import-ap"]["href"][1:]]
        audit = evidence.case.dossier.audit()
        digest = audit.plan_digest if audit else evidence.policy.digest
        assert (audit is None) == (wanted == "policy")
        assert target["rlinks"][0]["hashes"] == [{"algorithm": "SHA-256", "value": digest.removeprefix("sha256:")}]


def test_people_attest_in_their_own_words(tmp_path: Path) -> None:
    evidence = released(tmp_path / "a")
    document = _document(evidence)
    parties = {item["uuid"]: item["name"] for item in document["metadata"]["parties"]}
    said = document["results"][0]["attestations"]
    who = [parties[item["responsible-parties"][0]["party-uuids"][0]] for item in said]
    assert who == ["Compliance Officer", "Model Risk Officer"]
    part = said[0]["parts"][0]
    assert part["title"] == "I approve the release of hiring v2 as champion in local"
    assert _prop(part, "standing") == "counts"
    assert _prop(part, "ledger-entry") == f"{evidence.case.dossier.sign_offs[0].seq}"
    half = _result(CASES["half signed"](tmp_path / "b"))["attestations"]
    assert [str(_prop(x["parts"][0], "standing"))[:14] for x in half] == ["does not count", "counts"]


def test_conditions_are_parts_of_the_attestation(tmp_path: Path) -> None:
    (said,) = _result(CASES["conditional"](tmp_path))["attestations"]
    (condition,) = said["parts"][0]["parts"]
    assert (condition["title"], _prop(condition, "state")) == ("Check the smallest group again.", "open")


def test_the_document_says_what_was_read_and_under_which_rules(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    said = [x["value"] for x in _document(evidence)["metadata"]["props"] if x["name"] == "provenance"]
    assert said == [text(f"{name}: {value}") for name, value in provenance(release_view(evidence)).facts]


def test_an_emergency_is_told_at_the_top(tmp_path: Path) -> None:
    document = _document(emergency(tmp_path))
    assert "Broken glass: the glass was broken by" in document["metadata"]["remarks"]
    assert any(item["target"]["target-id"] == "break-glass" for item in document["results"][0]["findings"])


def test_what_is_published_gives_no_masked_number(tmp_path: Path) -> None:
    evidence = suppressed(tmp_path)
    assert evidence.audit is not None
    text = release_oscal(evidence).decode()
    assert "16 of 42" not in text
    tested = [x for x in _result(evidence)["observations"] if "finding" in x["types"]]
    hidden = [x for x, item in zip(tested, evidence.audit.disparities, strict=True) if item.suppressed]
    assert hidden
    assert all(_prop(x, "value") is None and _prop(x, "interval-lower") is None for x in hidden)
    assert "For publication" in _document(evidence)["metadata"]["remarks"]
