"""The page of the ledger: filters that a form sends, links that keep them, and hostile questions."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urlencode

import life_factory as life
import pytest
import report_factory as factory
from console_browser import Browser

from reports.console.app import create_app


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    made = Browser(create_app(life.lived(tmp_path, monitored=1), secure_cookies=False))
    made.login("risk-officer")
    return made


def seqs(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'class="target" href="/entry/(\d+)"', text)]


def ask(browser: Browser, **fields: str) -> str:
    return browser.get(f"/ledger?{urlencode(fields)}").text


def test_everything_is_newest_first(browser: Browser) -> None:
    found = seqs(browser.get("/ledger").text)
    assert found == list(range(len(found)))[::-1]


def test_filters_work_alone_and_together(browser: Browser) -> None:
    assert len(seqs(ask(browser, kind="sign-off"))) == 2
    assert len(seqs(ask(browser, kind="sign-off", person="risk-officer"))) == 1
    assert len(seqs(ask(browser, kind="sign-off", person="compliance off"))) == 1
    assert len(seqs(ask(browser, kind="observation", model='"hiring"'))) == 1
    assert seqs(ask(browser, kind="observation", model="credit")) == []
    assert "No entry fits" in ask(browser, kind="observation", model="credit")
    on = ask(browser, **{"from": "2026-10-05", "to": "2026-10-05"})
    assert seqs(on) == list(range(9))[::-1]


def test_the_form_says_what_was_asked(browser: Browser) -> None:
    text = ask(browser, kind="hold", model='x"><script>', person="Ä", to="2026-10-09")
    assert '<option value="hold" selected>' in text
    assert "<script" not in text
    assert html.escape('x"><script>') in text.replace("&#34;", "&quot;")
    assert 'value="Ä"' in text
    assert 'value="2026-10-09"' in text


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "<b>", "0000-00-00"])
def test_a_day_that_is_none_is_said(browser: Browser, day: str) -> None:
    answer = browser.get(f"/ledger?{urlencode({'from': day})}")
    assert answer.status_code == 400
    assert "A day is written as 2026-11-30" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_last_days_of_the_calendar_are_answered(browser: Browser, day: str) -> None:
    assert browser.get(f"/ledger?{urlencode({'from': day})}").status_code == 200
    assert browser.get(f"/ledger?{urlencode({'to': day})}").status_code == 200


def test_older_pages_keep_the_filter(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    for number in range(120):
        desk.ledger.append(factory.registered(factory.subject(f"{number}"), None, "unknown", factory.MACHINE))
    made = Browser(create_app(desk, secure_cookies=False))
    made.login("risk-officer")
    first = ask(made, kind="model-registered")
    link = html.unescape(re.findall(r'href="(/ledger\?[^"]*before=\d+)"', first)[0])
    second = made.get(link).text
    assert "kind=model-registered" in link
    assert (len(seqs(first)), len(seqs(second))) == (100, 20)
    assert min(seqs(first)) - 1 == max(seqs(second))


def test_entries_lead_to_their_neighbours(browser: Browser) -> None:
    assert 'href="/entry/1" rel="next"' in browser.get("/entry/0").text
    assert 'rel="prev"' not in browser.get("/entry/0").text
    assert browser.get("/entry/99999").status_code == 404
    assert browser.get("/entry/-1").status_code == 404
