"""One model card: the page, the README and CycloneDX print the same card, and every number is the record's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from exchange_cases import adverse, no_audit, suppressed, waiting

from reports.cyclonedx import release_cyclonedx
from reports.evidence import CaseEvidence
from reports.formats import Format, write
from reports.release import release_view
from reports.report import report_of
from reports.templating import page
from reports.words import metric_label

CASES = {"adverse": adverse, "suppressed": suppressed}


def _front(evidence: CaseEvidence) -> dict[str, Any]:
    readme = write(report_of(evidence), Format.MODEL_CARD).decode()
    front: dict[str, Any] = yaml.safe_load(readme.split("---\n")[1])
    return front


def _rates(evidence: CaseEvidence) -> dict[tuple[str, str], float]:
    """The rates of the front matter by their name."""
    found = _front(evidence)["model-index"][0]["results"][0]["metrics"]
    return {(item["type"], item["name"]): item["value"] for item in found}


@pytest.mark.parametrize("name", CASES)
def test_readme_and_bill_of_materials_have_the_same_numbers_and_they_are_the_records(tmp_path: Path, name: str) -> None:
    evidence = CASES[name](tmp_path)
    assert evidence.audit is not None
    kept = [x for x in evidence.audit.estimates if x.value is not None and x.counted and not x.suppressed]
    card = json.loads(release_cyclonedx(evidence))["components"][0]["modelCard"]
    listed = {
        (item["type"], f"{metric_label(item['type'])}, {item['slice']}"): float(item["value"])
        for item in card["quantitativeAnalysis"]["performanceMetrics"]
    }
    rates = _rates(evidence)
    assert sorted(rates.values()) == sorted(x.value for x in kept if x.value is not None)
    assert {key: listed[key] for key in rates} == rates


def test_a_group_that_is_not_compared_is_no_result_of_the_readme(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    assert evidence.audit is not None
    first, *rest = evidence.audit.estimates
    few = replace(first, counted=False, reason="42 people, the plan asks for 100")
    assert len(_rates(evidence)) == 1 + len(
        _rates(replace(evidence, audit=replace(evidence.audit, estimates=(few, *rest))))
    )


def test_page_and_readme_print_one_card_and_the_page_repeats_no_number(tmp_path: Path) -> None:
    evidence = waiting(tmp_path)
    view = release_view(evidence)
    shown = page("section_model-card.html", {"view": release_view(evidence, ("model-card",))})
    assert shown == page("section_model-card.html", {"view": view})
    readme = write(report_of(evidence), Format.MODEL_CARD).decode()
    titles = [section.title for section in view.whole_card.sections]
    assert [line[3:] for line in readme.splitlines() if line.startswith("## ")] == [*titles, "About this report"]
    assert [section.title for section in view.whole_card.known] == [
        line.partition(">")[2].partition("<")[0] for line in shown.splitlines() if line.startswith("<h3")
    ]


def test_without_an_audit_the_card_has_no_numbers(tmp_path: Path) -> None:
    card = release_view(no_audit(tmp_path)).whole_card
    assert (card.measures, card.dataset) == ((), "")
    assert "nothing was measured" in card.section("quantities").words[0]


def test_a_view_of_some_sections_has_no_whole_card(tmp_path: Path) -> None:
    view = release_view(waiting(tmp_path), ("model-card",))
    assert view.card is not None
    assert not view.card.measures
    with pytest.raises(LookupError):
        _ = view.whole_card
