"""Every format of a case from the console: the same bytes as the command's, masked as the pages are, safely named."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import format_factory as formats
import pytest
import report_factory as factory
from console_browser import CASE, Browser

from governance.case import open_case
from governance.desk import Desk
from governance.ledger.export import export
from reports.console.app import create_app
from reports.console.outside import Outside
from reports.evidence import gather
from reports.file_names import report_name
from reports.formats import Format, lacking, write
from reports.report import Asked, report_of

REPORT, REPORTS = CASE.replace("/case?", "/case/report?"), CASE.replace("/case?", "/case/reports?")
DATED = "&distribution_date=2026-11-01&explanation=Applications+of+2025"
RULE = (Format.LL144_HTML, Format.LL144_CSV)
TYPED = "Of 9 people of this group 7 were known to me."


def _browser(desk: Desk, person: str, outside: Outside | None = None) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False, outside=outside))
    assert browser.login(person).status_code == 303
    return browser


@pytest.fixture
def ruled(tmp_path: Path) -> Desk:
    """A case whose audit has the tables of Local Law 144."""
    made = factory.new_desk(tmp_path)
    formats.ruled_case(made, "nyc-ll144")
    return made


@pytest.fixture
def masked(tmp_path: Path) -> Desk:
    """A case whose plan masks small counts, with a reason that repeats one."""
    return _masked(factory.new_desk(tmp_path))


def _masked(made: Desk) -> Desk:
    case = factory.record_case(made, "2", audit=replace(factory.audit_of("2"), suppress_below=400))
    factory.put_signature(made, case, "compliance-officer", "compliance", reason=TYPED)
    return made


def _words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.mark.parametrize("form", [item for item in Format if item is not Format.PDF])
def test_each_format_is_the_file_that_the_command_writes(ruled: Desk, form: Format) -> None:
    browser, now = _browser(ruled, "risk-officer"), ruled.clock()
    browser.app.state.desk = still = replace(ruled, clock=lambda: now)  # the same moment: then the same bytes
    answer = browser.get(f"{REPORT}&form={form}{DATED}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == form.media_type
    name = f"hiring-v2-champion.{form.suffix}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    evidence = gather(still, open_case(still, "hiring", "2", "champion"))
    assert answer.content == write(report_of(evidence, Asked(date(2026, 11, 1), "Applications of 2025")), form)


def test_the_page_offers_every_format_and_the_foot_of_a_section_leads_there(ruled: Desk) -> None:
    browser = _browser(ruled, "risk-officer")
    assert html.escape(REPORTS) in browser.get(CASE.replace("/case?", "/case/limits?")).text
    page = browser.get(REPORTS).text
    offered = {html.unescape(item) for item in re.findall(r'href="(/case/report\?[^"]*)"', page)}
    for form in (*(item for item in Format if item not in RULE), "bundle"):
        assert f"{REPORT}&form={form}" in offered, form
        assert f"{REPORT}&form={form}&published=1" in offered or form == "bundle", form
    assert {item for item in RULE if f'name="form" value="{item}"' in page} == set(RULE)
    for link in offered:
        if "form=pdf" not in link and "form=bundle" not in link:  # both print a PDF, which takes seconds
            assert browser.get(link).status_code == 200, link


def test_what_a_case_has_not_is_said_and_why(masked: Desk) -> None:
    browser = _browser(masked, "risk-officer")
    page = _words(browser.get(REPORTS).text)
    assert "NYC Local Law 144 not to be had The audit was made without the rule nyc-ll144" in page
    answer = browser.get(f"{REPORT}&form=ll144-html")
    assert answer.status_code == 404
    assert "The audit was made without the rule nyc-ll144" in answer.text


def test_a_rules_summary_without_the_persons_words_says_what_is_missing(ruled: Desk) -> None:
    browser = _browser(ruled, "risk-officer")
    rows = list(csv.DictReader(io.StringIO(browser.get(f"{REPORT}&form=ll144-csv").text.removeprefix("\ufeff"))))
    assert {row["distribution_date"] for row in rows} == {"missing"}
    assert browser.get(f"{REPORT}&form=ll144-csv&distribution_date=soon").status_code == 404


@pytest.mark.parametrize("form", [item for item in Format if item not in (*RULE, Format.PDF)])
def test_who_may_not_read_small_counts_gets_none_in_any_format(masked: Desk, form: Format) -> None:
    whole = _browser(masked, "risk-officer").get(f"{REPORT}&form={form}").text
    for more in ("", "&published=1"):
        told = _browser(masked, "data-scientist").get(f"{REPORT}&form={form}{more}").text
        assert TYPED not in told
        assert "suppressed" in told or form in (Format.CYCLONEDX, Format.OSCAL, Format.MODEL_CARD), form
        assert told != whole
    assert TYPED not in _browser(masked, "risk-officer").get(f"{REPORT}&form={form}&published=1").text
    if form in (Format.HTML, Format.MARKDOWN, Format.JSON):
        assert TYPED in whole


def _bundle(browser: Browser, more: str = "") -> zipfile.ZipFile:
    answer = browser.get(f"{REPORT}&form=bundle{more}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def _no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    import reports.pdf

    monkeypatch.setattr(reports.pdf, "release_pdf", lambda _report: b"%PDF-")


def _exporting(desk: Desk) -> Outside:
    ledger: Any = desk.ledger
    return Outside(export=lambda path: export(ledger, path))


def test_the_ledger_goes_into_the_bundle_of_who_reads_every_count_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_pdf(monkeypatch)
    masked = _masked(factory.new_desk(tmp_path, real=True))
    outside = _exporting(masked)
    whole = _bundle(_browser(masked, "risk-officer", outside))
    assert "ledger/ledger.jsonl" in whole.namelist()
    for person, more in (("data-scientist", ""), ("data-scientist", "&published=0"), ("risk-officer", "&published=1")):
        found = _bundle(_browser(masked, person, outside), more)
        assert "ledger/ledger.jsonl" not in found.namelist(), person
        assert not [name for name in found.namelist() if name.startswith("evidence/")]
        assert not [name for name in found.namelist() if TYPED.encode() in found.read(name)]
        assert json.loads(found.read("manifest.json"))["published"]


def test_a_console_that_cannot_export_gives_the_proofs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_pdf(monkeypatch)
    desk = factory.new_desk(tmp_path, real=True)
    formats.ruled_case(desk, "nyc-ll144")
    browser = _browser(desk, "risk-officer")
    assert "ledger/ledger.jsonl" not in _bundle(browser).namelist()
    assert "The ledger itself is left out" in _words(browser.get(REPORTS).text)


def test_one_bundle_is_gathered_at_a_time(ruled: Desk) -> None:
    from reports.console import downloads

    browser = _browser(ruled, "risk-officer")
    with downloads._BUNDLES:
        answer = browser.get(f"{REPORT}&form=bundle")
    assert answer.status_code == 503
    assert "another bundle is being gathered already" in answer.text


@pytest.mark.parametrize("name", ['a"; filename=x.exe', "a\r\nset-cookie: a=b", "../../etc/passwd", "é\u202e" * 200])
def test_a_hostile_name_makes_a_plain_file_name(tmp_path: Path, name: str) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "2", name=name)
    link = f"/case/report?name={quote(name)}&version=2&alias=champion&form=md&published=1"
    answer = _browser(desk, "risk-officer").get(link)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    said = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="[A-Za-z0-9_-][A-Za-z0-9._-]*\.md"', said)
    assert report_name(case, "-published", "md") in said


def test_nobody_who_is_not_signed_in_gets_any(ruled: Desk) -> None:
    stranger = Browser(create_app(ruled, secure_cookies=False))
    for form in (*Format, "bundle"):
        assert stranger.get(f"{REPORT}&form={form}").status_code == 303, form
    assert stranger.get(REPORTS).status_code == 303


def test_no_audit_is_a_reason(ruled: Desk) -> None:
    evidence = gather(ruled, open_case(ruled, "hiring", "2", "champion"))
    assert lacking(replace(evidence, audit=None), Format.LL144_CSV) == "No audit is recorded."
    assert lacking(replace(evidence, audit=None), Format.OSCAL) == ""
