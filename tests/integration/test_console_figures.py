"""The page of figures, its CSV, and the command: the same values with definitions; an empty ledger says nothing yet."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from pathlib import Path

import life_factory as life
import pytest
import report_factory as factory
from console_browser import Browser

from governance.desk import Desk
from reports.console.app import create_app


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return life.lived(tmp_path, monitored=1)


@pytest.fixture
def browser(desk: Desk) -> Browser:
    made = Browser(create_app(desk, secure_cookies=False))
    made.login("risk-officer")
    return made


def values(text: str) -> dict[str, str]:
    found = re.findall(r'<h2 id="f-([a-z-]+)">.*?<p class="big[^"]*">(.*?)</p>', text, re.DOTALL)
    return dict(found)


def test_every_figure_has_its_value_its_n_and_its_definition(browser: Browser) -> None:
    text = browser.get("/figures").text
    found = values(text)
    assert found["open"] == "1 request"
    assert found["held"] == "100.0%"
    assert found["refused"] == "0.0%"
    assert found["given-up"] == "1"
    assert found["incidents"] == "1"
    assert text.count('class="definition"') == len(found) == 11
    assert "0 of 1 decisions" in text
    assert "few: read the interval" in text
    assert "Compliance Officer" in text
    assert "1 of 2" in text
    assert 'role="img"' in text


def test_the_csv_has_what_the_page_has(browser: Browser) -> None:
    text = browser.get("/figures").text
    rows = list(csv.reader(io.StringIO(browser.get("/figures.csv").text)))
    assert rows[0][:3] == ["figure", "definition", "the last 365 days"]
    for row in rows[1:12]:
        assert row[0] in text
        assert row[1].replace("'", "&#39;") in text
    assert [row[2] for row in rows if row[0] == "Held"] == ["100.0% (3 of 3 requests)"]
    assert rows[-1][0].startswith("Refusals by ")


def test_an_empty_ledger_says_nothing_yet(tmp_path: Path) -> None:
    desk = dataclasses.replace(factory.new_desk(tmp_path), ledger=factory.MemoryLedger(factory.Clock()))
    token = desk.accounts.open_session("risk-officer", desk.clock())
    made = Browser(create_app(desk, secure_cookies=False), cookies={"fairgate": token})
    text = made.get("/figures").text
    assert "Nothing yet: the ledger is empty." in text
    assert "0%" not in text


def test_before_anything_was_asked_for_there_is_no_share(tmp_path: Path) -> None:
    made = Browser(create_app(factory.new_desk(tmp_path), secure_cookies=False))
    made.login("risk-officer")
    text = made.get("/figures").text
    assert values(text)["held"] == "nothing yet"
    assert "0.0%" not in text
    assert "nobody signed in this period" in text


def test_strangers_get_nothing(desk: Desk) -> None:
    for path in ("/figures", "/figures.csv"):
        assert Browser(create_app(desk, secure_cookies=False)).get(path).status_code == 303
