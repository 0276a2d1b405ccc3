"""The PDF for the archive: PDF/A-3b in its markers, everything embedded, the record attached, every page numbered."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from xml.etree import ElementTree

import pytest
import report_factory as factory

from audits.result import AuditResult
from governance.case import open_case
from governance.digests import digest_bytes
from governance.errors import ConfigurationError, ServiceError
from reports import pdf, press
from reports.evidence import CaseEvidence, gather
from reports.formats import Format, render, write
from reports.html import release_html
from reports.release import release_view
from reports.report import Report, report_of
from reports.signature_block import BOUND, signature_block

pypdf = pytest.importorskip("pypdf")


def _has_pango() -> bool:
    try:
        press.engine()
    except press.LackingError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _has_pango(), reason="this system has no Pango, which WeasyPrint needs")

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
PDFA = "{http://www.aiim.org/pdfa/ns/id/}"
HOSTILE = '</title><script>x</script>"\u202e\0'


def _small(audit: AuditResult) -> AuditResult:
    """One feature, and every metric of it: the widest table on few pages."""
    return replace(
        audit,
        estimates=tuple(x for x in audit.estimates if x.features == ("sex",)),
        disparities=tuple(x for x in audit.disparities if x.features == ("sex",)),
        quantities=(),
        stratified=(),
        unknown_bounds=(),
    )


def _evidence(folder: Path) -> CaseEvidence:
    desk = factory.new_desk(folder)
    case = factory.record_case(desk, "2")
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason=f"because {HOSTILE}")
    evidence = gather(desk, open_case(desk, "hiring", "2", "champion"))
    return replace(evidence, audit=factory.renamed(_small(factory.audit_of("2")), "nonbinary", HOSTILE))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report_of(_evidence(tmp_path_factory.mktemp("desk")))


@pytest.fixture(scope="module")
def data(report: Report) -> bytes:
    return write(report, Format.PDF)


@pytest.fixture(scope="module")
def reader(data: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(data), strict=True)


def test_it_says_that_it_is_pdf_a_3b(data: bytes, reader: pypdf.PdfReader) -> None:
    assert data.startswith(b"%PDF-1.7")
    packet = reader.trailer["/Root"]["/Metadata"].get_data()
    found = ElementTree.fromstring(packet[packet.index(b"<rdf:RDF") : packet.index(b"</x:xmpmeta>")])
    marks = [item.attrib for item in found.iter(f"{RDF}Description") if f"{PDFA}part" in item.attrib]
    assert [(item[f"{PDFA}part"], item[f"{PDFA}conformance"]) for item in marks] == [("3", "B")]


def test_its_colours_have_a_profile(reader: pypdf.PdfReader) -> None:
    [intent] = reader.trailer["/Root"]["/OutputIntents"]
    assert intent["/S"] == "/GTS_PDFA1"
    assert len(intent["/DestOutputProfile"].get_object().get_data()) > 1_000


def test_every_font_is_embedded_and_comes_from_the_package(reader: pypdf.PdfReader) -> None:
    fonts = {}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            drawn = font.get_object()["/DescendantFonts"][0].get_object()
            fonts[font.get_object()["/BaseFont"]] = drawn["/FontDescriptor"].get_object()
    assert len(fonts) >= 3
    assert all("/FontFile2" in found for found in fonts.values())
    assert all(re.fullmatch(r"/[A-Z]{6}\+Fairgate-(Sans|Mono).*", name) for name in fonts), sorted(fonts)


def test_nothing_runs_and_nothing_is_fetched(data: bytes, reader: pypdf.PdfReader) -> None:
    root = reader.trailer["/Root"]
    assert {"/OpenAction", "/AA", "/AcroForm"}.isdisjoint(root)
    assert "/JavaScript" not in root.get("/Names", {})
    for page in reader.pages:
        for note in page.get("/Annots", ()):
            assert note.get_object().get("/A", {}).get("/S") in {None, "/GoTo"}
    assert b"/Encrypt" not in data


def test_the_record_is_attached_as_the_source_byte_by_byte(report: Report, reader: pypdf.PdfReader) -> None:
    [attached] = reader.attachments[press.ATTACHMENT]
    assert digest_bytes(attached) == report.about.record_digest
    assert attached == write(report, Format.JSON)
    [file] = (item.get_object() for item in reader.trailer["/Root"]["/AF"])
    assert file["/AFRelationship"] == "/Source"
    assert file["/UF"] == "record.json"


def test_every_page_has_its_number_and_the_records_digest(report: Report, reader: pypdf.PdfReader) -> None:
    total = len(reader.pages)
    assert total >= 4
    for number, page in enumerate(reader.pages, 1):
        text = " ".join(page.extract_text().split())
        assert f"page {number} of {total}" in text
        assert report.about.record_digest in text, number


def test_it_says_what_it_is(report: Report, reader: pypdf.PdfReader) -> None:
    about = reader.metadata
    assert about.title == f"{report.view.title}: HELD – Fairgate report"
    assert about.author == "Fairgate"
    assert about.creation_date == report.view.at.replace(microsecond=0)
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert [item.title for item in reader.outline if not isinstance(item, list)]


def _text(reader: pypdf.PdfReader) -> str:
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_the_signature_block_has_name_time_and_meaning_and_who_is_still_needed(
    report: Report, reader: pypdf.PdfReader
) -> None:
    block = _text(reader).rpartition("Signature block")[2]
    [signed] = report.view.sign_offs
    assert block.count(BOUND) == 1
    for words in ("Printed name Compliance Officer", signed.time, signed.meaning, "Still needed model-risk:"):
        assert words in block, words


def test_it_begins_with_the_summary_the_verdicts_and_the_block_and_long_tables_are_annexes(
    reader: pypdf.PdfReader,
) -> None:
    places = {}
    for item in _flat(reader.outline):
        places.setdefault(item.title, reader.get_destination_page_number(item) + 1)
    front = ("Summary", "Verdicts", "Signature block")
    back = ("Data quality", "Model card", "What changed", "Limits", "The record")
    annexes = tuple(f"Annex {x}" for x in ("A: Comparisons", "B: Group rates", "C: Intersections", "D: Within strata"))
    order = [title for title in places if title in {*front, *back, *annexes}]
    assert order == [*front, *back, *annexes]
    assert [places[title] for title in order] == sorted(places[title] for title in order)
    contents = " ".join(reader.pages[0].extract_text().split())
    for title in order:
        assert re.search(rf"{re.escape(title)} ?\.[. ]*{places[title]}\b", contents), title
    for page in reader.pages[places["Annex A: Comparisons"] - 1 :]:
        assert page.mediabox.width > page.mediabox.height


def _flat(outline: list[Any]) -> Iterator[Any]:
    for item in outline:
        yield from _flat(item) if isinstance(item, list) else (item,)


def test_no_text_of_the_page_is_left_out(report: Report, reader: pypdf.PdfReader) -> None:
    """Every cell, sentence and term of the HTML is in the PDF; words are compared without their gaps."""
    kept = _tight(_text(reader))
    texts = [_tight(text) for text in Words(release_html(report.view)).found]
    lost = [text for text in texts if text not in kept]
    assert len(texts) > 300
    assert lost == []


def _tight(text: str) -> str:
    return re.sub(r"[\s\u00ad\u200b-]", "", text)


class Words(HTMLParser):
    """The texts of a page as it is read on paper: no title of a picture, no button, no link to a section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(page[page.index("<main>") : page.rindex("</main>")])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"br", "meta", "link", "hr", "img", "input"}:
            self.open.append("skipped" if "term-close" in (dict(attrs).get("class") or "") else tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"nav", "title", "skipped", "summary"} & set(self.open):
            self.found.append(data)


def test_its_numbers_and_hostile_names_are_text(report: Report, reader: pypdf.PdfReader) -> None:
    text = _text(reader)
    for row in (row for panel in report.view.panels for group in panel.groups for row in group.rates):
        assert row.value in text
    assert '</title><script>x</script>"\\u202e\\u0000' in text.replace(" ", "")


def test_no_word_of_a_table_or_a_chart_is_cut_at_the_edge(reader: pypdf.PdfReader) -> None:
    """Where every piece of text begins and about where it ends, against the page's margins (1 mm of grace)."""
    for number, page in enumerate(reader.pages, 1):
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        margin = ((10 if width > height else 15) - 1) / 25.4 * 72

        def inside(
            text: str,
            cm: list[float],
            tm: list[float],
            _font: object,
            size: float,
            width: float = width,
            margin: float = margin,
            number: int = number,
        ) -> None:
            if text.strip():
                start = cm[0] * tm[4] + cm[2] * tm[5] + cm[4]
                end = start + len(text.strip()) * size * abs(cm[0] * tm[0]) * 0.3  # no letter of DejaVu is as narrow
                assert margin <= start <= width - margin, (number, text, start)
                assert end <= width - margin, (number, text, end)

        page.extract_text(visitor_text=inside)


def test_the_same_record_gives_the_same_bytes_in_another_process(tmp_path: Path, data: bytes) -> None:
    script = (
        "import sys, hashlib; from pathlib import Path; sys.path[:0] = sys.argv[1:3]; import test_pdf as t\n"
        "data = t.write(t.report_of(t._evidence(Path(sys.argv[3]))), t.Format.PDF)\n"
        "print(hashlib.sha256(data).hexdigest())"
    )
    here = Path(__file__).parent
    command = [sys.executable, "-c", script, str(here), str(here.parent), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(data).hexdigest()


def test_only_the_packages_own_fonts_are_read() -> None:
    fetch = press.fetcher().fetch
    assert fetch("fairgate:DejaVuSans.ttf").read(4) == b"\0\1\0\0"
    for url in (
        "http://evil.example/x.png",
        "file:///etc/passwd",
        "fairgate:../../../../etc/passwd",
        "fairgate:",
        "data:text/css,x",
    ):
        with pytest.raises(ValueError, match="fetches nothing"):
            fetch(url)


def test_a_refused_version_and_a_released_one_need_nobody(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "2")
    held = signature_block(release_view(gather(desk, case)))
    assert (held.said, [item.title for item in held.open]) == ("Nobody has signed.", ["Sign-off by people"])
    factory.put_signature(desk, case, "compliance-officer", "compliance", "refuse", "No.")
    refused = signature_block(release_view(gather(desk, open_case(desk, "hiring", "2", "champion"))))
    assert (refused.said, refused.open, len(refused.signed)) == ("", (), 1)
    assert (held.bound, refused.bound) == ("", BOUND)


def test_without_pango_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    job = pdf.job_of(report).encoded()
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    monkeypatch.setattr("builtins.__import__", _refusing(__import__))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(job)))
    monkeypatch.setattr("os.nice", lambda _: 0)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    said = io.StringIO()
    monkeypatch.setattr("sys.stderr", said)
    assert press.main() == press.LACKING
    monkeypatch.undo()
    monkeypatch.setattr(pdf, "_command", lambda: _answering(press.LACKING, said.getvalue()))
    with pytest.raises(ConfigurationError, match="apt-get install libpango"):
        render(report.evidence, Format.PDF)


def _answering(code: int, said: str) -> list[str]:
    """A press that breaks off with this code and these words."""
    return [sys.executable, "-c", f"import sys; sys.stdin.buffer.read(); sys.stderr.write({said!r}); sys.exit({code})"]


def test_a_press_that_breaks_off_is_an_error_and_never_a_file(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    for code in (0, 1, 9):
        monkeypatch.setattr(pdf, "_command", lambda code=code: _answering(code, "MemoryError"))
        with pytest.raises(ServiceError, match="broke off"):
            pdf.release_pdf(report)


def test_a_press_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    monkeypatch.setattr(pdf, "_command", lambda: [sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(ServiceError, match="took longer than 1 seconds and was stopped"):
        pdf.release_pdf(report, seconds=1)


def test_a_third_report_at_once_is_told_so_and_frees_nobodys_place(
    monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    monkeypatch.setattr(pdf, "_PRESSES", BoundedSemaphore(2))
    with pdf._PRESSES, pdf._PRESSES:
        for _ in range(3):
            with pytest.raises(ServiceError, match="two reports are being printed"):
                pdf.release_pdf(report)
    monkeypatch.setattr(pdf, "_command", lambda: _answering(9, ""))
    for _ in range(3):
        with pytest.raises(ServiceError, match="broke off"):
            pdf.release_pdf(report)


def test_the_press_gets_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch, report: Report) -> None:
    monkeypatch.setenv("FAIRGATE_LEDGER_PASSWORD", "xq7secret")
    shown = "import os, sys; sys.stdin.buffer.read(); print(dict(os.environ), file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(pdf, "_command", lambda: [sys.executable, "-c", shown])
    with pytest.raises(ConfigurationError, match="PATH") as found:
        pdf.release_pdf(report)
    assert "xq7secret" not in str(found.value)


def _refusing(real):  # type: ignore[no-untyped-def]
    def opened(name, *rest, **more):  # type: ignore[no-untyped-def]
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest, **more)

    return opened
