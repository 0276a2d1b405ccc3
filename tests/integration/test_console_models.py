"""The list of models and the page of one: what the ledger records, filters, and disparities from audit to audit."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import life_factory as life
import pytest
import report_factory as factory
from console_browser import Browser

from audits.result import Verdict
from governance.desk import Desk
from governance.evidence import EvidenceStore
from governance.inventory import AuditMark, inventory
from reports.console.app import create_app
from reports.over_time import OverTime, over_time, read_audits
from reports.over_time_chart import domain, spoken, trend_specification, trend_svg

HIRING = "/model?name=hiring"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return life.lived(tmp_path)


@pytest.fixture
def browser(desk: Desk) -> Browser:
    made = Browser(create_app(desk, secure_cookies=False))
    made.login("risk-officer")
    return made


def marks(desk: Desk) -> Sequence[AuditMark]:
    [found] = (item for item in inventory(desk.ledger.entries()) if item.name == "hiring")
    return found.audits


def read(desk: Desk, *, whole: bool = True, newest: int = 24) -> OverTime:
    return over_time(read_audits(desk.evidence, marks(desk), whole=whole, newest=newest), 5, whole=whole)


def test_the_list_says_what_is_live_what_waits_and_the_worst_verdict(browser: Browser) -> None:
    text = browser.get("/models").text
    assert "nothing is live" in text
    assert "version 1 for champion in local" in text
    assert text.count('badge badge-adverse">adverse') == 1
    assert 'badge badge-watch">watch' in text
    assert "<img" not in text


def test_an_empty_ledger_has_no_models(tmp_path: Path) -> None:
    made = Browser(create_app(factory.new_desk(tmp_path), secure_cookies=False))
    made.login("risk-officer")
    assert "Nothing yet" in made.get("/models").text


def test_a_hostile_name_is_printed_and_leads_to_its_page(browser: Browser) -> None:
    links = re.findall(r'href="(/model\?[^"]*)"', browser.get("/models").text)
    link = next(item for item in links if "credit" in item)
    assert parse_qs(urlsplit(html.unescape(link)).query) == {"name": [life.HOSTILE]}
    answer = browser.get(link)
    assert answer.status_code == 200
    assert "<img" not in answer.text
    assert "\u202e" not in answer.text
    assert "waits" not in answer.text
    assert "waiting" in answer.text


def test_a_model_that_nobody_knows_is_not_found(browser: Browser) -> None:
    answer = browser.get("/model?name=%3Cb%3E")
    assert answer.status_code == 404
    assert "<b>" not in answer.text


def test_the_page_has_versions_with_what_is_recorded_and_what_the_gate_answers(browser: Browser) -> None:
    text = browser.get(HIRING).text
    assert "taken down" in text
    assert "The gate now: RELEASED: every requirement is met" in text
    assert "The gate now: REFUSED: not met" in text
    assert "/case?name=hiring&amp;version=2&amp;alias=champion" in text


def test_the_timeline_is_filtered_by_kind_and_paged(browser: Browser) -> None:
    every = re.findall(r'href="/entry/(\d+)">entry', browser.get(HIRING).text.split('id="timeline"')[1])
    assert every == sorted(every, key=int, reverse=True)
    for kind, words in (("incident", "moved to version 3"), ("refusal", life.REFUSAL), ("demotion", "is no longer")):
        part = browser.get(f"{HIRING}&kind={kind}").text.split('id="timeline"')[1]
        assert part.count('<th scope="row"') == 1
        assert words in part
    assert "There is no event of this kind" in browser.get(f"{HIRING}&kind=%3Cscript%3E").text
    below = browser.get(f"{HIRING}&before={every[3]}").text.split('id="timeline"')[1]
    assert re.findall(r'href="/entry/(\d+)">entry', below) == every[4:]


def test_each_comparison_has_a_point_for_every_audit_with_its_own_numbers(desk: Desk) -> None:
    found = read(desk)
    assert (found.read, found.unread) == (5, 0)
    female = next(item for item in found.trends if item.where == "sex=female against sex=male")
    assert [round(point.value or 0, 4) for point in female.points] == [0.6595, 0.9621, 0.9621, 0.9429, 0.9237]
    assert [point.monitoring for point in female.points] == [False, False, True, True, True]
    assert female.points[0].state == Verdict.ADVERSE.value
    assert {point.bound for point in female.points} == {0.8}
    assert [item.drawn for item in found.trends].count(True) == 6
    assert all(len(item.points) == 5 for item in found.trends)


def test_the_comparisons_that_are_not_drawn_are_a_page_away(browser: Browser) -> None:
    text = browser.get(HIRING).text
    assert "9 more comparisons, as tables" in text
    assert "sex=female, age_band=55 and over" not in text
    every = browser.get(f"{HIRING}&comparisons=all").text
    assert every.count("sex=female, age_band=55 and over") > 0
    assert "The other comparisons" in every


def test_only_the_newest_audits_are_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    get = EvidenceStore.get

    def counting(self: EvidenceStore, digest: str) -> bytes:
        opened.append(digest)
        return get(self, digest)

    monkeypatch.setattr(EvidenceStore, "get", counting)
    read(desk, newest=2)
    assert len(opened) == 2
    read(desk, newest=2)
    assert len(opened) == 2


def test_missing_evidence_is_missing_and_never_zero(desk: Desk, browser: Browser) -> None:
    gone = marks(desk)[3].report or ""
    (desk.evidence.folder / gone.removeprefix("sha256:")[:2] / gone.removeprefix("sha256:")).unlink()
    found = read(desk)
    assert found.unread == 1
    for trend in found.trends:
        assert trend.points[3].value is None
        assert (trend.points[3].state, trend.points[3].text) == ("missing", "–")
        values = [row for layer in trend_specification(trend)["layer"] for row in layer["data"]["values"]]
        assert not [row for row in values if row.get("value") == 0]
    text = browser.get(HIRING).text
    assert "the result of 1 could not be read" in text
    assert "the result is not in the evidence store" in text


def test_evidence_that_was_changed_is_missing_too(desk: Desk) -> None:
    changed = marks(desk)[4].report or ""
    path = desk.evidence.folder / changed.removeprefix("sha256:")[:2] / changed.removeprefix("sha256:")
    path.write_bytes(path.read_bytes().replace(b"0.9", b"0.8"))
    points = read(desk).trends[0].points
    assert points[4].value is None
    assert "was changed" in points[4].why


def test_who_may_not_see_small_counts_gets_only_what_would_be_published(desk: Desk) -> None:
    whole, masked = read(desk), read(desk, whole=False)
    assert masked.masked
    hidden = [point for trend in masked.trends for point in trend.points if point.value is None]
    assert {point.text for point in hidden} == {"suppressed"}
    assert len(hidden) > sum(1 for trend in whole.trends for point in trend.points if point.value is None)
    made = Browser(create_app(desk, secure_cookies=False))
    made.login("data-scientist")
    assert "suppressed" in made.get(HIRING).text


def test_no_audit_at_all_says_nothing_yet(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    case = factory.record_case(desk, "1", name="audited")
    desk.ledger.append(factory.registered(replace(case.subject, name="plain"), None, "unknown", factory.MACHINE))
    made = Browser(create_app(desk, secure_cookies=False))
    made.login("risk-officer")
    text = made.get("/model?name=plain").text
    assert "Nothing yet: no audit is recorded." in text
    assert "no release was asked for" in text


def test_the_chart_names_itself_and_needs_no_style_or_script(desk: Desk) -> None:
    trend = read(desk).trends[0]
    text = trend_svg(trend)
    assert 'role="img"' in text
    assert "style=" not in text
    assert "<script" not in text
    assert trend.where in spoken(trend)
    low, high = domain(trend)
    assert low == 0.0
    assert high >= 1.2
    json.dumps(trend_specification(trend))


def test_a_ratio_without_an_upper_end_ends_at_the_edge(desk: Desk) -> None:
    trend = next(item for item in read(desk).trends if item.ratio)
    endless = replace(trend, points=tuple(replace(point, upper=None) for point in trend.points))
    high = domain(endless)[1]
    rows = [row for layer in trend_specification(endless)["layer"] for row in layer["data"]["values"] if "upper" in row]
    assert rows
    assert {row["upper"] for row in rows} == {high}
