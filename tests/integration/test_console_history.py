"""What was live on a day, as a page, as CSV and as JSON: the same answer, with its grounds and its end."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from urllib.parse import quote, urlencode

import life_factory as life
import pytest
import report_factory as factory
from console_browser import Browser

from governance.desk import Desk
from governance.statement import PredicateType
from reports.console.app import create_app
from reports.reigns import COLUMNS


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return life.lived(tmp_path, monitored=2)


@pytest.fixture
def browser(desk: Desk) -> Browser:
    made = Browser(create_app(desk, secure_cookies=False))
    made.login("risk-officer")
    return made


def test_a_day_has_who_signed_on_what_evidence_and_how_it_ended(browser: Browser, desk: Desk) -> None:
    text = browser.get("/history?on=2026-10-15").text
    assert "hiring version 2" in text
    assert text.count("Sign-off</span>") == 2
    assert factory.subject("2").digest in text
    audit = next(
        e for e in desk.ledger.entries(subject="model/hiring/2") if e.statement.digest_of("audit-report") is not None
    )
    assert str(audit.statement.digest_of("audit-report")) in text
    assert f'href="/entry/{audit.seq}"' in text
    assert "Demotion by Fairgate (unattended): the last monitoring audit is adverse" in text
    assert "moved to version 3 outside Fairgate" in text
    assert "UTC" in text


@pytest.mark.parametrize(("day", "there"), [("2026-10-07", 0), ("2026-10-08", 1), ("2026-10-22", 1), ("2026-10-23", 0)])
def test_only_what_was_live_that_day_is_there(browser: Browser, day: str, there: int) -> None:
    text = browser.get(f"/history?on={day}").text
    assert text.count('<article class="reign') == there
    assert ("Nothing was live" in text) is (there == 0)


def test_without_a_day_it_is_today_and_says_that_it_is_not_over(browser: Browser) -> None:
    text = browser.get("/history").text
    assert "The day is not over" in text
    assert "This day has not come yet" in browser.get("/history?on=2126-01-01").text


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "<b>x"])
def test_a_day_that_is_none_is_said(browser: Browser, day: str) -> None:
    answer = browser.get(f"/history?{urlencode({'on': day})}")
    assert answer.status_code == 400
    assert "is not a day" in answer.text
    assert "<b>" not in answer.text
    assert browser.get(f"/history.csv?{urlencode({'on': day})}").status_code == 404


def test_csv_and_json_say_the_same_and_name_the_ledger(browser: Browser, desk: Desk) -> None:
    answer = browser.get("/history.csv?on=2026-10-15")
    assert answer.headers["content-type"].startswith("text/csv")
    head, line = csv.reader(io.StringIO(answer.text))
    row = dict(zip(head, line, strict=True))
    assert tuple(head) == COLUMNS
    found = json.loads(browser.get("/history.json?on=2026-10-15").text)
    [reign] = found["reigns"]
    assert (row["model"], row["version"], row["model digest"]) == (reign["name"], reign["version"], reign["digest"])
    assert row["end entry"] == f"{reign['end']['seq']}"
    assert found["time_zone"] == "UTC"
    assert found["ledger"]["size"] == desk.ledger.size()


def test_hostile_names_are_harmless_on_the_page_and_in_a_spreadsheet(desk: Desk, browser: Browser) -> None:
    name = '=cmd|"/c calc"!A1\u202e<img src=x>\n'
    life.take_step(desk, PredicateType.PROMOTION, "1", name, sign_offs=[], tier="minimal")
    day = desk.clock().date().isoformat()
    text = browser.get(f"/history?on={day}&name={quote(name)}").text
    assert "<img" not in text
    assert "\u202e" not in text
    assert "the tier asked for none" in text
    by_form = browser.get(f"/history?{urlencode({'on': day, 'model': quote(name, safe='')})}").text
    assert by_form.count('<article class="reign') == 1
    assert " selected>=cmd" in by_form
    rows = list(csv.reader(io.StringIO(browser.get(f"/history.csv?on={day}&name={quote(name)}").text)))
    assert len(rows) == 2
    assert rows[1][0].startswith("'=")


def test_the_downloads_need_a_session(desk: Desk) -> None:
    stranger = Browser(create_app(desk, secure_cookies=False))
    for path in ("/history", "/history.csv?on=2026-10-15", "/history.json?on=2026-10-15"):
        assert stranger.get(path).status_code == 303


def test_broken_glass_is_not_an_ordinary_release(desk: Desk, browser: Browser) -> None:
    from governance.charter_record import person_of
    from governance.people import actor
    from governance.record import model, target_of
    from governance.statement import Statement

    about = factory.subject("1")
    body = {"hours": 72, "function": "compliance", "reason": "fire", "authentication": "password"}
    for person in factory.PEOPLE[1:3]:
        subjects = (model(about), target_of("hiring", factory.TARGET), person_of(person))
        desk.ledger.append(Statement(PredicateType.BREAK_GLASS, subjects, actor(person), "I break the glass", body))
    life.take_step(desk, PredicateType.PROMOTION, "1", sign_offs=[], tier="high")
    text = browser.get(f"/history?on={desk.clock().date().isoformat()}").text
    assert "live by broken glass" in text
    assert text.count("Broken glass</span>") == 2
