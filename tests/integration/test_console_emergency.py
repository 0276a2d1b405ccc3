"""What an officer must not overlook: broken glass, a policy that is not in force, incidents, for whom one signs."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from console_browser import CASE, SIGN, Browser
from plea_factory import by, plea

from governance.case import Case, open_case
from governance.delegating import delegate
from governance.desk import Desk
from governance.emergency import break_glass
from governance.enrolment import enrol
from governance.ledger.receipt import ReceiptFiles, check_receipt, read_files, write_proof
from governance.people import Person
from governance.policy_file import read_policy
from governance.release import observe
from governance.signoff import withdraw
from governance.statement import Entry, PredicateType
from reports.console.app import create_app

WHY = "The live model rejects everybody."
PERSONS = {person.id: person for person in factory.PEOPLE}
HELPER = Person("legal-helper", "Legal Helper", ("legal",))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Three cases in memory: hiring 2 lacks only sign-offs, credit 1 and fraud 1 are adverse."""
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    for name in ("credit", "fraud"):
        factory.record_case(made, "1", name=name)
    return made


@pytest.fixture
def risk(desk: Desk) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login("risk-officer").status_code == 303
    return browser


def _break(desk: Desk, name: str, *persons: str, hours: int = 12, reason: str = WHY) -> Case:
    case = open_case(desk, name, "1", "champion")
    for person in persons:
        _, case = break_glass(
            desk,
            case,
            PERSONS[person],
            plea(hours, reason),
        )
    return case


def _text(page: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_inbox_shows_emergencies_first_and_says_which_are_open(risk: Browser, desk: Desk) -> None:
    assert "Broken glass" not in risk.get("/").text
    _break(desk, "fraud", "second-officer", hours=8)
    _break(desk, "credit", "compliance-officer", "risk-officer")
    page = risk.get("/").text
    places = [page.index(mark) for mark in ("Broken glass (2)", "credit v1", "fraud v1", "Waiting for you (2)")]
    assert places == sorted(places)
    assert page.count("hold-emergency") == 1
    assert page.count("hold-half") == 1
    seen = _text(page)
    assert "Goes live by broken glass credit v1 as champion in local" in seen
    who = "the glass was broken by Compliance Officer (compliance) and Model Risk Officer (model-risk) until 2026-10-05"
    assert who in seen
    assert f"Reason: “{WHY}”" in seen
    half = f"Second Officer (compliance) has broken the glass: “{WHY}”"
    assert f"One of two persons fraud v1 as champion in local {half}" in seen
    assert "Nothing is released unless a second person confirms it before 2026-10" in seen
    assert "on the page “In an emergency” of this case" in seen


def test_an_emergency_leaves_the_inbox_when_it_ends_by_itself(risk: Browser, desk: Desk) -> None:
    _break(desk, "credit", "compliance-officer", "risk-officer", hours=1)
    assert "hold-emergency" in risk.get("/").text
    desk.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    risk.login("risk-officer")
    page = risk.get("/").text
    assert "hold-emergency" not in page
    assert "Waiting for you (3)" in page


def test_an_emergency_on_its_own_page_is_no_green_release(risk: Browser, desk: Desk) -> None:
    _break(desk, "credit", "compliance-officer", "risk-officer")
    page = risk.get("/case?name=credit&version=1&alias=champion").text
    assert '<span class="outcome outcome-emergency">RELEASED BY BROKEN GLASS</span>' in page
    assert "outcome-released" not in page
    assert "card-released" not in page
    assert page.index('role="alert"') < page.index('id="summary"')
    assert "although this is not met: no adverse disparity; sign-off by people" in _text(page)
    seen = _text(risk.get("/case/record?name=credit&version=1&alias=champion").text)
    for person, function in (("Compliance Officer", "compliance"), ("Model Risk Officer", "model-risk")):
        assert re.search(
            rf"broke the glass {person} as {function}, 2026-10-05 \S+ UTC {WHY} Ledger entry \d+, co", seen
        )
    assert seen.count("at most 12 hours") == 2


def test_parts_that_count_no_more_stay_on_the_page_with_the_reason(risk: Browser, desk: Desk) -> None:
    case = _break(desk, "credit", "compliance-officer", "risk-officer", hours=1)
    withdraw(desk, case, by(PERSONS["risk-officer"]), "It is over.")
    seen = _text(risk.get("/case/record?name=credit&version=1&alias=champion").text)
    assert seen.count("does not count: withdrawn") == 2
    assert "HELD as of" in seen
    _break(desk, "fraud", "second-officer", hours=1)
    fraud = "/case/record?name=fraud&version=1&alias=champion"
    assert "counts with a second person's until 2026-10-05 09:" in _text(risk.get(fraud).text)
    desk.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    risk.login("risk-officer")
    page = risk.get(fraud).text
    assert "ended by itself at 2026-10-05 09:" in page
    assert "has broken the glass" not in page


def test_hostile_words_of_an_emergency_are_text(risk: Browser, desk: Desk) -> None:
    _break(desk, "credit", "compliance-officer", "risk-officer", reason="<img src=x onerror=alert(1)>\u202e")
    for path in ("/", *(f"/case{key}?name=credit&version=1&alias=champion" for key in ("", "/record"))):
        page = risk.get(path).text
        assert "<img" not in page
        assert "\u202e" not in page
        assert "&lt;img" in page


def test_a_policy_that_is_not_in_force_is_a_banner_and_nobody_signs(risk: Browser, desk: Desk) -> None:
    assert "is not in force" not in risk.get("/").text
    data = desk.policy_bytes.replace(b'version = "1"', b'version = "2"')
    other = replace(desk, policy=read_policy(data, name="other.toml"), policy_bytes=data)
    browser = Browser(create_app(other, secure_cookies=False))
    browser.login("risk-officer")
    inbox = browser.get("/").text
    assert re.search(r'<p class="alert banner" role="alert">Policy default 2 \(sha256:\w{12}\) is not in force', inbox)
    assert "people adopted default 1 (sha256:" in inbox
    assert "two persons approve this one on the page Policies" in inbox
    assert "Waiting for you (0)" in inbox
    page = browser.get(CASE).text
    assert "No release under this policy: policy default 2 is not the policy that people adopted" in page
    assert 'action="/sign"' not in page


def test_incidents_of_the_target_are_on_its_page(risk: Browser, desk: Desk) -> None:
    assert "What was seen outside Fairgate" not in risk.get(CASE).text
    observe(desk, "hiring", factory.TARGET, "the alias points at <b>version 9</b>", {"version": "9"})
    *_, entry = desk.ledger.entries()
    page = risk.get(CASE).text
    assert page.index('id="summary"') < page.index("What was seen outside Fairgate") < page.index("Of 3,012 people")
    assert f"the alias points at &lt;b&gt;version 9&lt;/b&gt; (ledger entry {entry.seq})" in page
    assert "version 9" not in risk.get("/case?name=credit&version=1&alias=champion").text
    assert f'href="/entry/{entry.seq}"' in risk.get("/ledger").text


def test_a_delegate_is_told_for_whom_she_signs_before_and_after(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    enrol(desk, HELPER, factory.SECRET, None)
    factory.record_case(desk, "2")
    until = desk.clock() + timedelta(days=9)
    delegate(desk, PERSONS["compliance-officer"], HELPER.id, "compliance", until, "on leave", "password")
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login(HELPER.id)
    whom = "on behalf of Compliance Officer (compliance-officer)"
    assert f"You may approve or refuse, as compliance, {whom}." in browser.get("/").text
    assert f'<option value="compliance">compliance, {whom}</option>' in browser.get(SIGN).text
    page = browser.get(CASE).text
    assert "Legal Helper for Compliance Officer (compliance-officer) can give it." in page
    answer = browser.post("/sign", browser.form())
    assert answer.status_code == 303, answer.text
    receipt = _text(browser.get(answer.headers["location"]).text)
    assert "Signed by Legal Helper Function compliance On behalf of Compliance Officer (compliance-officer)" in receipt
    assert "Assurance server-attested: Fairgate checked two factors and says who it was" in receipt
    assert f"Legal Helper (compliance), {whom}, approved it on" in _text(browser.get(CASE).text)


def test_the_proof_that_is_downloaded_is_the_receipt_and_checks(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    factory.record_case(desk, "2")
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login("risk-officer")
    page = browser.post("/sign", browser.form()).headers["location"]
    seq = int(re.findall(r"\d+", page)[0])
    assert "Two files are the receipt" in browser.get(page).text
    files = _downloaded(browser, seq, tmp_path)
    assert f"fairgate ledger check-receipt {files.proof.name}" in browser.get(page).text
    assert files.proof.read_text(encoding="utf-8") == write_proof(desk.ledger.receipt(seq))
    public = desk.ledger.keys.log.public  # type: ignore[attr-defined]
    found = check_receipt(*read_files(files), public)
    assert (found.opened.seq, found.opened.statement.actor.id) == (seq, "risk-officer")
    assert found.opened.statement.predicate_type is PredicateType.SIGN_OFF


def _downloaded(browser: Browser, seq: int, folder: Path) -> ReceiptFiles:
    """Both files under the names that the console gives them."""
    paths = []
    for kind in ("envelope", "proof"):
        answer = browser.get(f"/entry/{seq}/{kind}")
        assert answer.status_code == 200
        name = re.search(r'filename="([^"]+)"', answer.headers["content-disposition"])
        assert name is not None
        paths.append(folder / name[1])
        paths[-1].write_bytes(answer.content)
    return ReceiptFiles(*paths)


def test_the_page_of_an_entry_says_who_acted_as_what_and_how_we_know(risk: Browser, desk: Desk) -> None:
    _break(desk, "credit", "compliance-officer")
    entry = _last(desk)
    seen = _text(risk.get(f"/entry/{entry.seq}").text)
    assert "By Compliance Officer Function compliance For at most 12 hours" in seen
    assert "Authenticated by password and code at the command line Assurance server-attested:" in seen
    row = re.search(rf'href="/entry/{entry.seq}".*?</tr>', risk.get("/ledger").text, re.DOTALL)
    assert row is not None
    assert '<span class="badge badge-emergency">break-glass</span>' in row[0]


def _last(desk: Desk) -> Entry:
    *_, entry = desk.ledger.entries()
    return entry
