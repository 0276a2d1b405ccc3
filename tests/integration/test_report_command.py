"""`fairgate report`: formats, places, errors that say the way out."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import format_factory as formats
import pytest
import report_factory as factory

from flows.cli import main
from governance.errors import ConfigurationError
from reports.formats import Format

ASKED = ["report", "hiring", "2", "--alias", "champion"]
DATED = ["--distribution-date", "2026-11-01", "--explanation", "Applications of 2025"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose desk holds one case with an audit under Local Law 144."""
    import flows.wiring

    desk = factory.new_desk(tmp_path, real=True)
    formats.ruled_case(desk, "nyc-ll144")
    monkeypatch.setattr(flows.wiring, "open_desk", lambda _settings: desk)
    monkeypatch.setattr(flows.wiring, "open_ledger", lambda _settings: desk.ledger)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _without_pango(report: object) -> bytes:
    from reports.press import NO_PANGO

    raise ConfigurationError(NO_PANGO)


def test_several_formats_go_into_a_folder(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forms = [item for form in ("json", "model-card", "art-27") for item in ("--format", form)]
    assert main([*ASKED, *forms, "--output", "out"]) == 0
    assert sorted(path.name for path in (project / "out").iterdir()) == [
        "hiring-v2-champion.art-27.html",
        "hiring-v2-champion.json",
        "hiring-v2-champion.model-card.md",
    ]
    assert capsys.readouterr().out.count("report: ") == 3


def test_one_format_goes_where_it_is_told_and_to_standard_output_byte_by_byte(
    project: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main([*ASKED, "--format", "json", "--output", "-"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["format"] == "urn:fairgate:report:release:v1"
    assert main([*ASKED, "--format", "md", "--output", "mine.txt"]) == 0
    assert (project / "mine.txt").read_text(encoding="utf-8").startswith("# hiring v2")


def test_an_unknown_format_lists_them_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--format", "docx"]) == 2
    said = capsys.readouterr().err
    assert "--format is 'docx'" in said
    assert all(form.value in said for form in Format)
    assert "bundle, all" in said


def test_an_ll144_summary_without_its_date_is_written_and_said_to_be_incomplete(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*ASKED, "--format", "ll144-csv"]
    assert main(asked) == 2
    assert "missing: the distribution date of the tool: give it with --distribution-date" in capsys.readouterr().err
    path = project / ".fairgate" / "reports" / "hiring-v2-champion.ll144.csv"
    assert '"missing"' in path.read_text(encoding="utf-8")
    assert main([*asked, *DATED]) == 0
    assert '"2026-11-01"' in path.read_text(encoding="utf-8")
    assert main([*asked, "--distribution-date", "soon"]) == 2
    assert "--distribution-date is 'soon'" in capsys.readouterr().err


def test_all_writes_what_this_system_can_and_says_what_not(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import reports.pdf

    monkeypatch.setattr(reports.pdf, "release_pdf", _without_pango)
    assert main([*ASKED, "--format", "all", "--output", "out", *DATED]) == 2
    told = capsys.readouterr()
    assert "pdf was not written: a PDF needs Pango" in told.err
    assert "libpangoft2-1.0-0" in told.err
    kept = {path.name.partition(".")[2] for path in (project / "out").iterdir()}
    assert kept == {form.suffix for form in Format if form is not Format.PDF} | {"bundle.zip"}
    names = zipfile.ZipFile(project / "out" / "hiring-v2-champion.bundle.zip").namelist()
    assert {"report/report.json", "ledger/ledger.jsonl", "verify_bundle.py", "manifest.json"} <= set(names)
    assert "not in the bundle: pdf: a PDF needs Pango" in told.out


def test_all_without_the_date_of_the_ll144_summary_is_a_note_and_no_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import reports.pdf

    monkeypatch.setattr(reports.pdf, "release_pdf", lambda report: b"%PDF-")
    assert main([*ASKED, "--format", "all", "--output", "all"]) == 0
    assert "missing: the distribution date of the tool: give it with --distribution-date" in capsys.readouterr().out
    assert len(list((project / "all").iterdir())) == len(Format) + 1


def test_a_pdf_alone_without_pango_is_a_configuration_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import reports.pdf

    monkeypatch.setattr(reports.pdf, "release_pdf", _without_pango)
    assert main([*ASKED, "--format", "pdf"]) == 2
    assert "apt-get install libpango-1.0-0" in capsys.readouterr().err


def test_a_bundle_for_publication(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import reports.pdf

    monkeypatch.setattr(reports.pdf, "release_pdf", _without_pango)
    assert main([*ASKED, "--format", "bundle", "--published", "--output", "b.zip"]) == 0
    assert "ledger/ledger.jsonl" not in zipfile.ZipFile(project / "b.zip").namelist()


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (["--format", "md", "--output", "no/such/file.md"], "cannot be written"),
        (["--format", "bundle", "--output", "-"], "a bundle is a file"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], output: list[str], said: str
) -> None:
    assert main([*ASKED, *output]) == 2
    assert said in capsys.readouterr().err
    assert not list(project.rglob("*.new"))
