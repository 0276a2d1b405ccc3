"""What pages say of a live version, of delegates, of a policy beside itself, and of a case that nobody asked for."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from console_browser import CASE, SIGN, Browser
from life_factory import release, take_step

from governance.delegating import delegate
from governance.desk import Desk
from governance.enrolment import enrol
from governance.people import Person, actor
from governance.statement import PredicateType
from reports.console.app import create_app

HELPER = Person("helper", "Helper", ("legal",))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    return made


def _browser(desk: Desk, person: str = "compliance-officer") -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login(person).status_code == 303
    return browser


def _words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_the_sign_page_says_what_a_refusal_does_to_a_live_version(desk: Desk) -> None:
    before = _words(_browser(desk).get(SIGN).text)
    assert "Final for these bytes: this version is never released." in before
    assert "This version is live" not in before
    release(desk, "2")
    page = _words(_browser(desk, "second-officer").get(SIGN).text)
    assert "this live version is taken out at the next reconcile, and never released again" in page
    assert "this version is never released." not in page
    assert "To withdraw an approval on which this release rests takes it out in the same way" in page
    assert "To withdraw" not in before


def test_who_approved_what_is_live_is_told_of_both_ways_out(desk: Desk) -> None:
    case = factory.record_case(desk, "2")
    factory.put_signature(desk, case, "compliance-officer", "compliance")
    assert "You may still refuse." in _words(_browser(desk).get(SIGN).text)
    factory.put_signature(desk, case, "risk-officer", "model-risk")
    take_step(desk, PredicateType.PROMOTION, "2")
    page = _words(_browser(desk).get(SIGN).text)
    assert "This version is live: to take it out, withdraw that approval, or refuse it for good." in page
    assert "You may still refuse" not in page


def test_the_sign_page_names_the_delegate_as_the_case_does(desk: Desk) -> None:
    enrol(desk, HELPER, factory.SECRET, actor(HELPER))
    officer = next(person for person in factory.PEOPLE if person.id == "compliance-officer")
    delegate(desk, officer, HELPER.id, "compliance", desk.clock() + timedelta(days=9), "on leave", "password")
    browser = _browser(desk, "risk-officer")
    said = "Helper for Compliance Officer (compliance-officer)"
    assert said in _words(browser.get(CASE).text)
    assert said in _words(browser.get(SIGN).text)


def test_a_policy_beside_itself_is_the_same_file(desk: Desk) -> None:
    digest = desk.policy.digest
    page = _words(_browser(desk).get(f"/policies/changes?before={digest}&after={digest}").text)
    assert "Both are the same file: their digests are equal." in page
    assert "only comments" not in page


@pytest.mark.parametrize("path", [CASE.replace("version=2", "version=77"), "/case", "/nothing"])
def test_a_page_that_is_not_there_keeps_the_navigation_of_who_is_signed_in(desk: Desk, path: str) -> None:
    answer = _browser(desk).get(path)
    assert answer.status_code == 404
    assert '<nav aria-label="Console">' in answer.text
    assert "fairgate " not in _words(answer.text)
    stranger = Browser(create_app(desk, secure_cookies=False)).get("/nothing")
    assert stranger.status_code == 404
    assert '<nav aria-label="Console">' not in stranger.text


def test_a_case_that_nobody_asked_for_is_told_without_a_command(desk: Desk) -> None:
    page = _words(_browser(desk).get(CASE.replace("version=2", "version=77")).text)
    assert "the ledger knows no version 77 of a model 'hiring'. Nobody has asked for its release here." in page
