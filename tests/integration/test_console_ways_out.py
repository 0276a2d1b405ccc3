"""What is missing, on the console's pages: a way out for who has no shell. The record keeps the command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import report_factory as factory
from console_browser import Browser

from governance.case import open_case
from governance.desk import Desk
from governance.policy_file import read_policy
from reports.console.app import create_app
from reports.evidence import gather
from reports.formats import Format, render

PAGES = ("/case", "/case/verdicts", "/case/all", "/case/sign")


def _browser(desk: Desk) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login("risk-officer").status_code == 303
    return browser


def _page(browser: Browser, path: str) -> str:
    query = urlencode({"name": "hiring", "version": "2", "alias": "champion"})
    answer = browser.get(f"{path}?{query}")
    assert answer.status_code == 200
    return answer.text


def test_no_way_out_is_a_bare_command(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    factory.record_case(desk, "2")
    browser = _browser(desk)
    for text in (*(_page(browser, path) for path in PAGES), browser.get("/").text):
        assert "fairgate sign" not in text
        assert not re.search(r"[Ww]ay out: (mend the data, then )?fairgate", text)
    assert "Way out: who may sign does so in the console, on the page of the decision" in _page(browser, PAGES[1])


def test_what_others_do_comes_with_the_command_to_send(tmp_path: Path) -> None:
    """Under another policy than that of the audit: two findings, one of which this reader can mend on a page."""
    desk = factory.new_desk(tmp_path)
    factory.record_case(desk, "2")
    data = desk.policy_bytes.replace(b'version = "1"', b'version = "2"')
    browser = _browser(replace(desk, policy=read_policy(data, name="other.toml"), policy_bytes=data))
    text = _page(browser, "/case/verdicts")
    assert "whoever builds the model asks for its release again, which checks the data and audits the version." in text
    assert "The command to send: fairgate release hiring 2 --alias champion" in text
    assert "two persons who may sign approve this policy in the console, on the page Policies" in text
    assert "fairgate policy approve" not in text


def test_the_record_keeps_the_command_and_the_text_report_has_the_words(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    factory.record_case(desk, "2")
    evidence = gather(desk, open_case(desk, "hiring", "2", "champion"))
    record = json.loads(render(evidence, Format.JSON))
    ways = [item["way_out"] for item in record["decision"]["findings"] if item["way_out"]]
    assert ways == ["fairgate sign hiring 2 --alias champion --as ID"]
    assert "on the page of the decision" in render(evidence, Format.MARKDOWN).decode()
