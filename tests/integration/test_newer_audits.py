"""A scheduled audit that is adverse: what readers are told of it, the record holds and the tables name."""

from __future__ import annotations

import html
import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import format_factory as formats
import life_factory as life
import pytest
import report_factory as factory

from audits.rule_packs import load_pack
from governance.case import open_case
from governance.desk import Desk
from governance.digests import digest_bytes
from governance.ledger.export import export
from reports.bundle import LedgerSource, write_bundle
from reports.cyclonedx import release_cyclonedx
from reports.evidence import CaseEvidence, gather
from reports.formats import Format, render
from reports.ll144 import ll144_paper
from reports.oscal import release_oscal
from reports.pdf import job_of
from reports.publish import published_evidence
from reports.record_json import release_json
from reports.release import release_view
from reports.report import report_of
from reports.view import ReleaseView


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Version 2 with a release audit without an adverse finding; then an adverse scheduled audit, and a calm one."""
    made = factory.new_desk(tmp_path_factory.mktemp("desk"), real=True)
    formats.ruled_case(made, "nyc-ll144", "us-sr-11-7")
    life.monitor(made, "2", lambda _: factory.audit_of("1"))
    life.monitor(made, "2", life.scaled(1.01))
    return made


@pytest.fixture(scope="module")
def evidence(desk: Desk) -> CaseEvidence:
    return gather(desk, open_case(desk, "hiring", "2", "champion"))


def test_the_record_holds_every_newer_audit_and_the_result_that_readers_are_told_of(evidence: CaseEvidence) -> None:
    record = json.loads(release_json(release_view(evidence)))
    first, last = record["newer_audits"]
    known = evidence.case.dossier.monitoring()
    assert [(x["seq"], x["report_digest"], x["data_digest"], x["time"]) for x in (first, last)] == [
        (x.seq, x.report_digest, x.data_digest, x.time.isoformat()) for x in known
    ]
    adverse = [x for x in first["result"]["disparities"] if x["verdict"] == "adverse"]
    assert len(adverse) == first["verdicts"]["adverse"] > 0
    assert last["result"] is None, "the calm one of later does not stand in for the adverse one"


def test_the_records_digest_covers_the_newer_audit(desk: Desk, evidence: CaseEvidence) -> None:
    """Other numbers on newer data, everything else equal: another record."""

    def digest(found: CaseEvidence) -> str:
        return report_of(found).about.record_digest

    other = replace(evidence, monitoring=life.scaled(0.9)(factory.audit_of("1")))
    assert digest(other) != digest(evidence)


def test_a_masked_record_masks_the_newer_audit_too(evidence: CaseEvidence) -> None:
    audit = evidence.monitoring
    assert audit is not None
    masked = published_evidence(replace(evidence, monitoring=replace(audit, suppress_below=500)))
    shown = json.loads(release_json(release_view(masked)))["newer_audits"][0]["result"]
    assert any(x["n"] < 0 for x in shown["estimates"])


def test_the_bundle_has_the_file_of_the_newer_audit_and_misses_it(
    desk: Desk, evidence: CaseEvidence, tmp_path: Path
) -> None:
    source = LedgerSource(
        entries=tuple(desk.ledger.entries(digest=evidence.case.subject.digest)),
        receipt=desk.ledger.receipt,
        export=lambda path: export(desk.ledger, path),  # type: ignore[arg-type]
        evidence=desk.evidence,
    )
    stream = io.BytesIO()
    write_bundle(stream, report_of(evidence), source, (Format.JSON,))
    zipfile.ZipFile(stream).extractall(tmp_path)
    told = evidence.case.dossier.monitoring()[0]
    path = tmp_path / "evidence" / told.report_digest.removeprefix("sha256:")
    assert digest_bytes(path.read_bytes()) == told.report_digest
    assert _verified(tmp_path).returncode == 0
    path.unlink()
    said = _verified(tmp_path)
    assert said.returncode != 0
    assert f"the evidence {told.report_digest} (newer_audits[0].result) is missing" in said.stdout


def _verified(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "verify_bundle.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_formats_for_machines_name_it_by_digest_and_entry(evidence: CaseEvidence) -> None:
    told = evidence.case.dossier.monitoring()[0]
    bom, oscal = json.loads(release_cyclonedx(evidence)), json.loads(release_oscal(evidence))
    urls = [x["url"] for x in bom["components"][0]["externalReferences"]]
    assert f"urn:fairgate:evidence:{told.report_digest}" in urls
    held = next(x for x in bom["declarations"]["claims"] if x["predicate"].startswith("Scheduled audits clear"))
    assert held["counterEvidence"], "the claim that they are clear has the audit against it"
    assert told.report_digest in json.dumps(oscal["assessment-results"]["back-matter"])
    assert "on newer data:" in oscal["assessment-results"]["results"][0]["description"]


NAMED = (
    Format.HTML,
    Format.PDF,
    Format.MARKDOWN,
    Format.ANNEX_IV,
    Format.ART_27,
    Format.MODEL_CARD,
)


@pytest.mark.parametrize("form", NAMED)
def test_every_adverse_or_watch_comparison_on_newer_data_is_named(evidence: CaseEvidence, form: Format) -> None:
    part = release_view(evidence).newer[0]
    audit = evidence.monitoring
    assert audit is not None
    bounded = [x for x in audit.disparities if x.bound is not None and x.verdict.value in {"adverse", "watch"}]
    assert len(part.tables[0].rows) == len(bounded) > 1
    page = job_of(report_of(evidence)).page.encode() if form is Format.PDF else render(evidence, form)
    plain = " ".join(_plain(page).split())
    assert f"scheduled audit of {evidence.case.dossier.monitoring()[0].time:%Y-%m-%d} found on newer data" in plain
    assert evidence.case.dossier.monitoring()[0].report_digest in plain
    for row in part.tables[0].rows:
        verdict, name, where, value, bound, people, why = (" ".join(cell.text.split()) for cell in row.cells)
        start = plain.index(where, plain.index(part.tables[0].caption))
        around = plain[start - 200 : start + 900]
        assert all(text in around for text in (verdict, name, value, bound, people, why[:60])), (row, around)


def _plain(data: bytes) -> str:
    """Without tags and escapes."""
    return html.unescape(re.sub(r"<[^>]+>", " ", data.decode()).replace("\\", ""))


def test_without_an_adverse_one_the_newest_is_told_and_a_case_without_any_has_no_part(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    factory.record_case(desk, "2")
    assert release_view(gather(desk, open_case(desk, "hiring", "2", "champion"))).newer == ()
    life.monitor(desk, "2", life.scaled(1.0))
    last, _ = life.monitor(desk, "2", life.scaled(1.01))
    view = release_view(gather(desk, open_case(desk, "hiring", "2", "champion")))
    assert f"ledger entry {last.seq}" in dict(view.newer[0].facts)["Audited"]
    assert bool(view.newer[0].tables) == any(n for v, n in _verdicts(view) if v in {"adverse", "watch"})


def _verdicts(view: ReleaseView) -> list[tuple[str, int]]:
    return list(view.record["newer_audits"][-1]["verdicts"].items())


def test_masked_people_stand_in_no_table_of_newer_data(evidence: CaseEvidence) -> None:
    audit = evidence.monitoring
    assert audit is not None
    masked = published_evidence(replace(evidence, monitoring=replace(audit, suppress_below=500)))
    rows = release_view(masked).newer[0].tables[0].rows
    assert any("suppressed" in row.cells[5].text for row in rows)
    assert not any(cell.text.startswith("-") for row in rows for cell in row.cells[5:6])


def test_a_forms_head_and_foot_name_the_same_rule_packs(tmp_path: Path) -> None:
    """Annex IV and Art 27 list the points of a pack that the audit's plan need not name."""
    plain = formats.ruled_evidence(tmp_path)
    pack = load_pack("eu-ai-act")
    for form in (Format.ANNEX_IV, Format.ART_27):
        text = _plain(render(plain, form))
        foot = text[text.rindex("State as of") :]
        assert f"Rule pack eu-ai-act {pack.version} ({pack.digest})" in text
        assert f"eu-ai-act {pack.version} ({pack.digest})" in foot, foot
        assert "Rule packs" not in foot


def test_the_summary_for_publication_names_no_user_host_or_path_and_no_other_pack(tmp_path: Path) -> None:
    found = formats.ruled_evidence(tmp_path, "nyc-ll144", "eu-ai-act", "us-sr-11-7")
    for form in (Format.LL144_HTML, Format.LL144_CSV):
        text = _plain(render(found, form))
        assert "table public.applicants of a PostgreSQL database" in text
        assert not [word for word in ("auditor", "db.example", "hr#", "sr-11-7", "eu-ai-act") if word in text]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("postgresql://auditor:pw@db.example/hr#public.applicants", "table public.applicants of a PostgreSQL database"),
        ("duckdb:/home/anna/hr.duckdb#people", "table people of a DuckDB database"),
        ("/home/anna/data/people.parquet", "file people.parquet"),
        ("data\\people.csv", "file people.csv"),
        ("spark:s3a://key:secret@bucket/people", "Spark table or file people"),
        ("spark:catalog.people", "Spark table or file catalog.people"),
    ],
)
def test_a_source_is_published_without_where_it_lies(evidence: CaseEvidence, source: str, shown: str) -> None:
    plan = evidence.plan
    assert plan is not None
    paper = ll144_paper(report_of(replace(evidence, plan=replace(plan, source=source))))
    assert dict(paper.chapters[0].facts)["Source of the data"] == f"{shown} (as the audit plan names it)"


def test_the_number_that_p_allows_for_is_not_called_the_number_of_comparisons(evidence: CaseEvidence) -> None:
    view = release_view(evidence)
    read = [sentence for panel in view.panels for sentence in panel.reading]
    assert any("which count as 23 (Holm)" in text for text in read)
    assert any("every pair of its groups counts" in text for text in read)
    assert "15 comparisons have a bound" in view.summary.release.tally
