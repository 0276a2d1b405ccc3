"""Break the glass from the page of a case: two persons, and everything that must not work."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from console_browser import Browser, hidden
from plea_factory import plea

from governance.case import open_case
from governance.decide import DecisionOutcome
from governance.delegating import delegate
from governance.desk import Desk
from governance.emergency import break_glass
from governance.enrolment import enrol
from governance.people import MACHINE, Person
from governance.release import intend, record_promotion
from governance.statement import Entry, PredicateType
from reports.console.app import create_app

QUERY = "name=hiring&version=1&alias=champion"
PAGE = f"/case/emergency?{QUERY}"
FIRST, SECOND = "compliance-officer", "risk-officer"
WHY = "The live model rejects everybody."
HELPER = Person("legal-helper", "Legal Helper", ("legal",))
PERSONS = {person.id: person for person in factory.PEOPLE}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Hiring 1 is adverse, so it is held."""
    made = factory.new_desk(tmp_path, real=True)
    factory.record_case(made, "1")
    return made


def browser_of(desk: Desk, person: str) -> Browser:
    """A browser of this person's own."""
    made = Browser(create_app(desk, secure_cookies=False))
    assert made.login(person).status_code == 303
    return made


def form(browser: Browser, **changes: str) -> dict[str, str]:
    """The form of the page, filled in, with a new code."""
    text = browser.get(PAGE).text
    found = hidden(text[text.index('action="/emergency"') :])
    code = factory.code(browser.app.state.desk, browser.person)
    typed = {"hours": "6", "reason": WHY, "sure": "yes", "password": factory.SECRET, "code": code}
    return {**found, **typed, **changes}


def seen(page: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def parts(desk: Desk) -> list[Entry]:
    return [x for x in desk.ledger.entries() if x.statement.predicate_type is PredicateType.BREAK_GLASS]


def outcome(desk: Desk) -> DecisionOutcome:
    return open_case(desk, "hiring", "1", "champion").decision.outcome


def test_two_persons_break_the_glass_by_pages_and_it_ends_by_itself(desk: Desk) -> None:
    first, second = browser_of(desk, FIRST), browser_of(desk, SECOND)
    sign = first.get(f"/case/sign?{QUERY}").text
    assert "In an emergency" in sign
    assert html.escape(PAGE) in sign
    page = seen(first.get(PAGE).text)
    for words in ("When two persons have broken it", "72 hours at most", "the figures"):
        assert words in page
    assert "No adverse disparity" in page
    answer = first.post("/emergency", form(first))
    assert answer.status_code == 303, answer.text
    assert outcome(desk) is DecisionOutcome.HELD
    inbox = second.get("/").text
    assert "Read it, and confirm it or leave it" in inbox
    assert WHY in seen(inbox)
    page = seen(second.get(PAGE).text)
    assert f"Her reason: {WHY}" in page
    assert "With your part hiring v1 is released as champion" in page
    assert "You cannot do this: Compliance Officer has broken this glass" in seen(first.get(PAGE).text)
    answer = second.post("/emergency", form(second, hours="3", reason="I agree."))
    assert answer.status_code == 303, answer.text
    assert outcome(desk) is DecisionOutcome.RELEASED
    for path in ("/", f"/case?{QUERY}", PAGE, "/model?name=hiring"):
        assert "the glass was broken by Compliance Officer" in seen(first.get(path).text), path
    body = parts(desk)[-1].statement.body
    assert (body["authentication"], body["assurance"]) == ("password and code at the console", "server-attested")
    desk.clock.now += timedelta(hours=3)  # type: ignore[attr-defined]
    assert outcome(desk) is DecisionOutcome.HELD
    late = browser_of(desk, "second-officer")
    for path in (f"/case?{QUERY}", "/model?name=hiring"):
        assert "The emergency release of this version ended by itself" in seen(late.get(path).text), path


def test_what_is_live_when_the_glass_ends_is_said_to_be_taken_out(desk: Desk) -> None:
    case = open_case(desk, "hiring", "1", "champion")
    for person in (FIRST, SECOND):
        _, case = break_glass(desk, case, PERSONS[person], plea(1, WHY))
    record_promotion(desk, case, intend(desk, case, MACHINE), MACHINE)
    desk.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    page = seen(browser_of(desk, FIRST).get(f"/case?{QUERY}").text)
    assert "It is still live: the next reconcile takes it out." in page


def test_the_first_person_withdraws_her_part_and_nobody_can_confirm_it(desk: Desk) -> None:
    first, second = browser_of(desk, FIRST), browser_of(desk, SECOND)
    first.post("/emergency", form(first))
    ready = form(second)
    page = first.get(f"/case/withdraw?{QUERY}").text
    assert "Broken glass: Compliance Officer as compliance" in seen(page)
    [seq] = [entry.seq for entry in parts(desk)]
    sent = {
        **hidden(page[page.index('action="/withdraw"') :]),
        f"take_{seq}": "1",
        "reason": "It is over.",
        "password": factory.SECRET,
        "code": factory.code(desk, FIRST),
    }
    answer = first.post("/withdraw", sent)
    assert answer.status_code == 303, answer.text
    *_, entry = desk.ledger.entries()
    body = entry.statement.body
    assert (body["authentication"], body["assurance"]) == ("password and code at the console", "server-attested")
    record = seen(first.get(f"/case/record?{QUERY}").text)
    assert "does not count: withdrawn by Compliance Officer" in record
    assert "(authenticated by password and code at the console; assurance server-attested)" in record
    answer = second.post("/emergency", {**ready, "code": factory.code(desk, SECOND)})
    assert answer.status_code == 409
    assert "there is no part that a second person could complete by now" in seen(answer.text)
    assert outcome(desk) is DecisionOutcome.HELD


# --- attacks: each leaves the ledger as it was ------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """Something that must not work: `spoil` makes the browser, its form and what happens meanwhile."""

    name: str
    status: int
    why: str
    spoil: Callable[[Desk], tuple[Browser, dict[str, str]]]


def _after_first(desk: Desk) -> None:
    first = browser_of(desk, FIRST)
    assert first.post("/emergency", form(first)).status_code == 303


def _pleader_confirms(desk: Desk) -> tuple[Browser, dict[str, str]]:
    first = browser_of(desk, FIRST)
    ready = form(first)
    assert first.post("/emergency", ready).status_code == 303
    said = {"confirms": f"{parts(desk)[0].seq}", "code": factory.code(desk, FIRST)}
    return browser_of(desk, FIRST), {**ready, **said}


def _own(browser: Browser, ready: dict[str, str]) -> dict[str, str]:
    """The same form with the token of this browser's session."""
    return {**ready, "csrf": hidden(browser.get("/").text)["csrf"]}


def _same_browser_confirms(desk: Desk) -> tuple[Browser, dict[str, str]]:
    browser, ready = _pleader_confirms(desk)
    return browser, _own(browser, ready)


def _other_without_function(desk: Desk, person: str) -> tuple[Browser, dict[str, str]]:
    ready = form(browser_of(desk, SECOND))
    browser = browser_of(desk, person)
    return browser, {**_own(browser, ready), "code": factory.code(desk, person)}


def _delegate(desk: Desk) -> tuple[Browser, dict[str, str]]:
    enrol(desk, HELPER, factory.SECRET, None)
    until = desk.clock() + timedelta(days=9)
    delegate(desk, PERSONS[FIRST], HELPER.id, "compliance", until, "on leave", "password")
    return _other_without_function(desk, HELPER.id)


def _maker(desk: Desk) -> tuple[Browser, dict[str, str]]:
    return _other_without_function(desk, "data-scientist")


def _expired(desk: Desk) -> tuple[Browser, dict[str, str]]:
    _after_first(desk)
    desk.clock.now += timedelta(hours=6, minutes=1)  # type: ignore[attr-defined]
    browser = browser_of(desk, SECOND)
    return browser, {**form(browser), "confirms": f"{parts(desk)[0].seq}"}


def _evidence_moved(desk: Desk) -> tuple[Browser, dict[str, str]]:
    _after_first(desk)
    browser = browser_of(desk, SECOND)
    ready = form(browser)
    factory.record_case(desk, "1", audit=factory.renamed(factory.audit_of("1"), "sex", "gender"))
    return browser, {**ready, "code": factory.code(desk, SECOND)}


def _began_unaware(desk: Desk) -> tuple[Browser, dict[str, str]]:
    """She wants to be the first of two, and never read the part that would be completed by hers."""
    browser = browser_of(desk, SECOND)
    ready = form(browser)
    _after_first(desk)
    return browser, {**ready, "code": factory.code(desk, SECOND)}


def _replayed(desk: Desk) -> tuple[Browser, dict[str, str]]:
    _after_first(desk)
    browser = browser_of(desk, SECOND)
    ready = form(browser)
    assert browser.post("/emergency", ready).status_code == 303
    return browser, ready


def _spoilt(**changes: str) -> Callable[[Desk], tuple[Browser, dict[str, str]]]:
    def spoil(desk: Desk) -> tuple[Browser, dict[str, str]]:
        browser = browser_of(desk, FIRST)
        return browser, form(browser, **changes)

    return spoil


def _forged(desk: Desk) -> tuple[Browser, dict[str, str]]:
    browser = browser_of(desk, FIRST)
    return browser, {**form(browser), "csrf": hidden(browser_of(desk, SECOND).get("/").text)["csrf"]}


ATTACKS = (
    Attack("the pleader confirms herself", 409, "another person must too", _same_browser_confirms),
    Attack("a delegate", 403, "cannot break the glass", _delegate),
    Attack("who made the version", 409, "cannot release", _maker),
    Attack("a part that has ended", 409, "by now: read the page again", _expired),
    Attack("evidence that moved", 409, "what was shown has moved", _evidence_moved),
    Attack("to complete unread what another began", 409, "you were shown no part of another person", _began_unaware),
    Attack("the same form once more", 409, "", _replayed),
    Attack("a token of another session", 403, "", _forged),
    Attack("no token", 403, "", _spoilt(csrf="")),
    Attack("a password alone", 403, "code", _spoilt(code="")),
    Attack("a wrong password", 403, "wrong", _spoilt(password="not it at all")),
    Attack("no reason", 409, "a reason is required", _spoilt(reason=" ")),
    Attack("73 hours", 409, "the policy allows 1 to 72 whole hours", _spoilt(hours="73")),
    Attack("no hours", 409, "no whole number", _spoilt(hours="-1")),
    Attack("nothing read", 409, "you did not say that you have read", _spoilt(sure="")),
    Attack("a part that is not there", 409, "read the page again", _spoilt(confirms="3")),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_on_the_glass_leaves_no_trace(desk: Desk, attack: Attack) -> None:
    browser, fields = attack.spoil(desk)
    before = len(parts(desk))
    answer = browser.post("/emergency", fields)
    assert answer.status_code in ({403, 409} if not attack.why else {attack.status}), seen(answer.text)
    assert attack.why in seen(answer.text)
    assert len(parts(desk)) == before


def test_an_account_that_the_ledger_does_not_know_breaks_no_glass(desk: Desk) -> None:
    """Who can write to the accounts makes herself a second id: nobody recorded that this person exists."""
    twin = Person("compliance-officer-2", "Compliance Officer", ("compliance",))
    desk.accounts.add(twin, factory.SECRET)  # an account alone: nobody recorded that this person exists
    _after_first(desk)
    ready = form(browser_of(desk, SECOND))
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login(twin.id)
    answer = browser.post("/emergency", _own(browser, ready) | {"code": ""})
    assert answer.status_code == 403
    assert "that takes two persons who hold" in seen(answer.text)
    assert outcome(desk) is DecisionOutcome.HELD


def test_two_ids_of_one_printed_name_are_one_person(desk: Desk) -> None:
    """A second id that is enrolled, with a function, a password and a code of its own, does not confirm the first."""
    twin = Person("officer-again", "Compliance  OFFICER", ("compliance",))
    enrol(desk, twin, factory.SECRET, PERSONS[SECOND])
    browser = browser_of(desk, twin.id)
    ready = form(browser)
    _after_first(desk)
    assert 'action="/emergency"' not in browser.get(PAGE).text
    answer = browser.post("/emergency", {**ready, "confirms": f"{parts(desk)[-1].seq}"})
    assert answer.status_code == 409, seen(answer.text)
    assert "have the same printed name: broken glass takes two persons" in seen(answer.text)
    assert len(parts(desk)) == 1
    assert outcome(desk) is DecisionOutcome.HELD


def test_a_case_that_is_not_held_offers_no_emergency(desk: Desk) -> None:
    factory.put_signature(desk, open_case(desk, "hiring", "1", "champion"), FIRST, "compliance", "refuse", "No.")
    browser = browser_of(desk, SECOND)
    assert "In an emergency" not in browser.get(f"/case/sign?{QUERY}").text
    page = browser.get(PAGE).text
    assert "a refusal is final for these bytes" in page
    assert 'action="/emergency"' not in page


def test_what_a_person_typed_is_text_on_the_page_of_the_second(desk: Desk) -> None:
    first, second = browser_of(desk, FIRST), browser_of(desk, SECOND)
    first.post("/emergency", form(first, reason="<img src=x onerror=alert(1)>\u202e"))
    page = second.get(PAGE).text
    assert "<img" not in page
    assert "\u202e" not in page
    assert "&lt;img" in page
