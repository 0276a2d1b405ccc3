"""The pages of passwords: she changes hers, two let a third in again, and she is told of it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import report_factory as factory
from console_browser import Browser, hidden
from recovery_factory import COMPLIANCE, DEPUTY, NEW, REASON, RISK, SCIENTIST, events, halves_of, later, let_in, strong
from rooms_factory import base_fields

from governance.charter_record import key_event
from governance.desk import Desk
from governance.people import MACHINE, Person
from governance.resetting import begin_reset
from reports.console.app import create_app

HALF = re.compile(r"<code>((?:[0-9A-Z]{4}-){4}[0-9A-Z]{4})</code>")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return factory.new_desk(tmp_path)


def browser_of(desk: Desk, person: Person, secret: str = factory.SECRET) -> Browser:
    made = Browser(create_app(desk, secure_cookies=False))
    assert made.login(person.id, secret).status_code == 303
    return made


def _text(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    return html.unescape(answer.text)


def _shown(answer: httpx.Response) -> str:
    found = HALF.search(answer.text)
    assert found, answer.text[:2000]
    return found[1]


def _begin(browser: Browser, who: Person = DEPUTY, **changes: str) -> httpx.Response:
    return browser.post("/people/reset", {**base_fields(browser), "id": who.id, "reason": REASON, **changes})


def _forgot(
    desk: Desk, halves: tuple[str, str], who: str = DEPUTY.id, **changes: str
) -> tuple[Browser, httpx.Response]:
    browser = Browser(create_app(desk, secure_cookies=False))
    token = hidden(browser.get("/reset").text)["token"]
    fields = {"token": token, "id": who, "one": halves[0], "other": halves[1], "new_password": NEW, "again": NEW}
    return browser, browser.post("/reset", {**fields, **changes})


def test_the_whole_way_by_pages(desk: Desk) -> None:
    first, second = browser_of(desk, COMPLIANCE), browser_of(desk, RISK)
    assert "The password is forgotten: begin a reset" in _text(first, f"/people/person?id={DEPUTY.id}")
    page = _text(first, f"/people/reset?id={DEPUTY.id}")
    assert "Who could confirm: Model Risk Officer (risk-officer)." in page
    one = _shown(_begin(first, forget="yes"))
    waits = _text(second, "/people")
    assert "Password reset begun by Compliance Officer (compliance-officer), waits for another person" in waits
    page = _text(second, f"/people/person?id={DEPUTY.id}")
    assert "Confirm the reset of the password" in page
    assert "Confirm the reset of the password" not in _text(first, f"/people/person?id={DEPUTY.id}")
    page = _text(second, f"/people/reset/confirm?id={DEPUTY.id}")
    for words in (REASON, "Her authenticator app and her passkeys are forgotten too", "Compliance Officer"):
        assert words in page
    fields = {**base_fields(second), **hidden(page[page.index('action="/people/reset/confirm"') :])}
    other = _shown(second.post("/people/reset/confirm", {**fields, "csrf": base_fields(second)["csrf"]}))
    assert one not in page
    browser, answer = _forgot(desk, (one, other))
    assert answer.headers["location"] == "/login?done=reset"
    assert "Your new password is set" in browser.get("/login?done=reset").text
    told = browser.login(DEPUTY.id, NEW)
    assert told.headers["location"] == "/me/password/told?wanted=%2F"
    page = _text(browser, told.headers["location"])
    for words in (
        "Compliance Officer (compliance-officer)",
        "Model Risk Officer (risk-officer)",
        REASON,
        "were forgotten",
    ):
        assert words in page
    fields = hidden(page[page.index('action="/me/password/told"') :])
    assert browser.post("/me/password/told", fields).headers["location"] == "/"
    assert browser.get("/me/password/told?wanted=/models").headers["location"] == "/models"
    assert browser.login(DEPUTY.id, NEW).headers["location"] == "/", "she is told once"
    assert "Password reset by Compliance Officer (compliance-officer) and Model Risk Officer" in _text(first, "/people")
    assert events(desk) == [f"password-reset-{word}" for word in ("begun", "confirmed", "done")]


def test_she_is_told_until_she_says_that_she_has_read_it_and_other_pages_lead_nowhere_else(desk: Desk) -> None:
    let_in(desk)
    browser = browser_of(desk, DEPUTY, NEW)
    assert browser.get("/models").status_code == 200
    csrf = base_fields(browser)["csrf"]
    browser.post("/me/password/told", {"csrf": csrf, "begun": "1", "wanted": "//evil.example"})
    again = browser.login(DEPUTY.id, NEW)
    assert again.headers["location"].startswith("/me/password/told"), "another entry than hers tells nobody"


def test_a_half_is_shown_once_and_the_form_is_good_once(desk: Desk) -> None:
    first = browser_of(desk, COMPLIANCE)
    fields = {**base_fields(first), "id": DEPUTY.id, "reason": REASON}
    half = _shown(first.post("/people/reset", fields))
    assert first.post("/people/reset", fields).status_code == 403, "the code of the app counts once"
    for path in (f"/people/person?id={DEPUTY.id}", f"/people/reset?id={DEPUTY.id}", "/people", "/ledger"):
        assert half not in first.get(path).text
    assert len(events(desk)) == 1


@pytest.mark.parametrize(
    ("who", "fields", "status", "words"),
    [
        (SCIENTIST, {}, 403, "it takes who holds compliance or model-risk"),
        (COMPLIANCE, {"reason": " "}, 409, "a reason is required"),
        (COMPLIANCE, {"password": "a wrong guess or two"}, 403, "the password or the code is wrong"),
        (COMPLIANCE, {"code": ""}, 403, "give its code too"),
        (COMPLIANCE, {"id": COMPLIANCE.id}, 409, "cannot do this for herself"),
        (COMPLIANCE, {"id": "nobody"}, 404, "do not both know a person 'nobody'"),
        (COMPLIANCE, {"id": "\u202e<img src=x>"}, 404, "do not both know"),
    ],
)
def test_what_is_refused_is_told_and_records_nothing(
    who: Person, fields: dict[str, str], status: int, words: str, desk: Desk
) -> None:
    browser = browser_of(desk, who)
    answer = _begin(browser, **fields)
    assert answer.status_code == status
    assert words in html.unescape(answer.text)
    assert "<img" not in answer.text
    assert events(desk) == []
    if fields.get("reason") is None and status != 404:
        assert REASON in html.unescape(answer.text), "what was typed is kept"


def test_a_confirmation_of_what_is_gone_is_refused(desk: Desk) -> None:
    begun, _ = begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), REASON, forget=False)
    second = browser_of(desk, RISK)
    begin_reset(desk, DEPUTY.id, strong(COMPLIANCE), "another reason", forget=True)
    fields = {**base_fields(second), "id": DEPUTY.id, "begun": str(begun.seq)}
    answer = second.post("/people/reset/confirm", fields)
    assert answer.status_code == 409
    assert "another one was begun since" in html.unescape(answer.text)
    assert "another reason" in answer.text, "and the page shows what is open now"
    for number in ("", "x", "-1", "9" * 30, "１"):
        answer = second.post("/people/reset/confirm", {**base_fields(second), "id": DEPUTY.id, "begun": number})
        assert answer.status_code == 409
    later(desk, hours=25)
    second = browser_of(desk, RISK)
    assert second.get(f"/people/reset/confirm?id={DEPUTY.id}").status_code == 404
    assert events(desk).count("password-reset-confirmed") == 0


def test_she_sees_that_somebody_resets_her_password_and_stops_it(desk: Desk) -> None:
    one, other = halves_of(desk)
    mine = browser_of(desk, DEPUTY)
    assert "began a reset of your password" in _text(mine, "/me")
    page = _text(mine, f"/people/reset/stop?id={DEPUTY.id}")
    fields = hidden(page[page.index('action="/people/reset/stop"') :])
    answer = mine.post("/people/reset/stop", {**fields, **base_fields(mine), "reason": "I did not ask."})
    assert answer.status_code == 303
    assert "began a reset" not in _text(mine, "/me")
    _, answer = _forgot(desk, (one, other))
    assert answer.status_code == 401


def test_the_page_for_strangers_tells_them_nothing(desk: Desk) -> None:
    halves_of(desk)
    guess = ("0" * 20, "1" * 20)
    answers = {}
    for who in (DEPUTY.id, RISK.id, "nobody", "NO ID", "é", "\0"):
        _, answer = _forgot(desk, guess, who)
        text = answer.text
        shown = re.sub(r'name="(?:token|id)"[^>]*', "", text)
        answers[who] = (answer.status_code, shown)
    assert set(answers.values()) == {answers["nobody"]}
    assert answers["nobody"][0] == 401


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"again": "typed in another way"}, 400, "typed in two different ways"),
        ({"new_password": "short", "again": "short"}, 400, "a password has 12 to 1,024 characters"),
        ({"one": "half"}, 400, "a half has 20 letters and digits"),
        ({"token": "another browser's"}, 403, "the form was too old"),
        ({"token": ""}, 403, "the form was too old"),
    ],
)
def test_a_form_that_is_not_complete_uses_nothing_up(
    changes: dict[str, str], status: int, words: str, desk: Desk
) -> None:
    halves = halves_of(desk)
    _, answer = _forgot(desk, halves, **changes)
    assert answer.status_code == status
    assert words in html.unescape(answer.text)
    assert NEW not in answer.text and halves[0] not in answer.text
    _, answer = _forgot(desk, halves)
    assert answer.status_code == 303


def _change(browser: Browser, **changes: str) -> httpx.Response:
    base = base_fields(browser)
    fields = {
        "csrf": base["csrf"],
        "code": base["code"],
        "old_password": factory.SECRET,
        "new_password": NEW,
        "again": NEW,
    }
    return browser.post("/me/password", {**fields, **changes})


def test_she_changes_her_password_and_only_this_browser_stays_in(desk: Desk) -> None:
    here, there = browser_of(desk, RISK), browser_of(desk, RISK)
    before = here.cookies["fairgate"]
    answer = _change(here)
    assert answer.headers["location"] == "/me?done=password"
    assert "Your password is changed" in _text(here, "/me?done=password")
    assert here.cookies["fairgate"] != before
    for gone in (there, Browser(here.app, cookies={"fairgate": before})):
        assert gone.get("/").status_code == 303
    assert Browser(here.app).login(RISK.id).status_code == 401
    assert Browser(here.app).login(RISK.id, NEW).status_code == 303
    assert events(desk) == ["password-changed"]
    entry = next(item for item in desk.ledger.entries() if item.statement.body.get("event") == "password-changed")
    assert entry.statement.body["authentication"] == "password and code at the console"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"old_password": "a wrong guess or two"}, "the password or the code is wrong"),
        ({"code": ""}, "give its code too"),
        ({"code": "000000"}, "the password or the code is wrong"),
        ({"again": "typed in another way"}, "typed in two different ways"),
        ({"new_password": factory.SECRET, "again": factory.SECRET}, "the new password is the old one"),
        ({"new_password": "short", "again": "short"}, "a password has 12"),
        ({"proof": "of a provider", "code": ""}, "give its code too"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(changes: dict[str, str], words: str, desk: Desk) -> None:
    browser = browser_of(desk, RISK)
    answer = _change(browser, **changes)
    assert answer.status_code == 403
    assert words in html.unescape(answer.text)
    for secret in (NEW, factory.SECRET):
        assert secret not in answer.text
    assert browser.get("/").status_code == 200, "she stays in"
    assert events(desk) == []
    assert Browser(browser.app).login(RISK.id).status_code == 303


def test_who_comes_in_by_single_sign_on_is_told_where_her_password_is(desk: Desk) -> None:
    anna = Person("anna", "Anna", ("compliance",), "https://login.example")
    desk.ledger.append(key_event("added", anna, MACHINE))
    desk.accounts.add(anna, None)
    browser = Browser(create_app(desk, secure_cookies=False), person=anna.id)
    browser.cookies["fairgate"] = desk.accounts.open_session(anna.id, desk.clock())
    page = _text(browser, "/me/password")
    assert "You have no password here. You come in by single sign-on at https://login.example" in page
    assert 'name="new_password"' not in page
    assert "You have none here" in _text(browser, "/me")
    csrf = hidden(browser.get("/me").text)["csrf"]
    fields = {"csrf": csrf, "old_password": "", "new_password": NEW, "again": NEW}
    answer = browser.post("/me/password", fields)
    assert answer.status_code == 403
    assert "a password is changed or reset there" in html.unescape(answer.text)
    first = browser_of(desk, COMPLIANCE)
    assert "begin a reset" not in _text(first, "/people/person?id=anna")
    answer = _begin(first, replace(anna))
    assert answer.status_code == 404
    assert "comes in by single sign-on" in html.unescape(answer.text)


def test_a_hostile_name_stays_text_on_every_page_of_a_reset(desk: Desk) -> None:
    name = "<img src=x onerror=alert(1)>"
    evil = Person("evil", name, ("legal",))
    desk.ledger.append(key_event("added", evil, MACHINE))
    desk.accounts.add(evil, factory.SECRET)
    first, second = browser_of(desk, COMPLIANCE), browser_of(desk, RISK)
    reason = '"><script>alert(1)</script>\u202e'
    pages = [first.get("/people/reset?id=evil").text, _begin(first, evil, reason=reason).text]
    pages += [second.get(f"/people/reset/{what}?id=evil").text for what in ("confirm", "stop")]
    pages.append(second.get("/people/person?id=evil").text)
    for text in pages:
        assert "<img" not in text and "<script>alert" not in text and "\u202e" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;" in text
