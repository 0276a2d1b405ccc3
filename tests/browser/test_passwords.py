"""A forgotten password by clicking: two officers, two halves, a new password; and one's own changed with a passkey."""

from __future__ import annotations

import re
from typing import Any

import report_factory as factory
from browser_pages import OUTPUT, House, Visit, login, prove
from test_authenticator import _enrol, _with_authenticator

from governance.charter import Charter
from governance.desk import charter_of

NEW = "a password that is new to her"


def _half(page: Any) -> str:
    page.get_by_role("heading", name="Your half of the code").wait_for()
    return str(page.locator(".half-shown code").inner_text())


def _person(page: Any, name: str) -> None:
    page.goto("/people")
    page.get_by_role("link", name=name, exact=True).click()


def _charter(house: House) -> Charter:
    return charter_of(house.desk)


def test_two_officers_let_a_third_in_again(visit: Visit, house: House) -> None:
    first, second = visit.open("compliance-officer"), visit.open("risk-officer")
    _person(first, "Second Officer")
    first.get_by_role("link", name="The password is forgotten: begin a reset").click()
    first.get_by_label("Reason", exact=True).fill("She came to my desk.")
    prove(first, house, "compliance-officer")
    first.get_by_role("button", name="Begin and show my half").click()
    one = _half(first)
    first.get_by_role("link", name="Done").click()
    assert "waits for another person" in first.locator("main").inner_text()
    assert one not in first.content()

    _person(second, "Second Officer")
    second.get_by_role("link", name="Confirm the reset of the password").click()
    assert "She came to my desk." in second.locator("main").inner_text()
    prove(second, house, "risk-officer")
    second.get_by_role("button", name="Confirm and show my half").click()
    other = _half(second)
    assert other != one

    hers = visit.open(None)
    hers.goto("/login")
    hers.get_by_role("link", name="I forgot my password").click()
    hers.get_by_label("Id", exact=True).fill("second-officer")
    hers.get_by_label("Half from one colleague").fill(other.lower())
    hers.get_by_label("Half from the other colleague").fill(one.replace("-", " "))
    hers.get_by_label("New password", exact=True).fill(NEW)
    hers.get_by_label("New password, once more").fill(NEW)
    hers.get_by_role("button", name="Set the new password").click()
    hers.get_by_role("status").filter(has_text="Your new password is set").wait_for()
    login(hers, "second-officer", NEW)
    hers.get_by_role("heading", name="Your password was reset").wait_for()
    said = hers.locator("main").inner_text()
    for words in (
        "Compliance Officer (compliance-officer)",
        "Model Risk Officer (risk-officer)",
        "She came to my desk.",
    ):
        assert words in said
    hers.screenshot(path=OUTPUT / "password-was-reset.png", full_page=True)
    hers.get_by_role("button", name="It was I: go on").click()
    hers.wait_for_url(re.compile(r"/$"))
    done = _charter(house).password_reset_done("second-officer")
    assert done is not None
    assert (done.begun_by, done.confirmed_by) == ("compliance-officer", "risk-officer")
    _person(first, "Second Officer")
    assert (
        "let in by Compliance Officer (compliance-officer) and Model Risk Officer" in first.locator("main").inner_text()
    )


def _fill(page: Any, old: str, new: str) -> None:
    page.get_by_label("Your password until now", exact=True).fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password, once more").fill(new)


def test_she_changes_her_password_with_a_passkey_and_the_old_one(visit: Visit, house: House) -> None:
    page, elsewhere = visit.open("chief-risk"), visit.open("chief-risk")
    _with_authenticator(page)
    _enrol(page, house, "chief-risk", "my laptop")
    page.get_by_role("status").filter(has_text="The passkey is enrolled").wait_for()
    page.get_by_role("link", name="Change my password").click()
    _fill(page, "not hers at all", NEW)
    page.get_by_role("button", name="Change it with my passkey").click()
    page.get_by_role("alert").filter(has_text="the id or the password is wrong").wait_for()
    _fill(page, factory.SECRET, NEW)
    page.get_by_role("button", name="Change it with my passkey").click()
    page.get_by_role("status").filter(has_text="Your password is changed").wait_for()
    *_, entry = house.desk.ledger.entries()
    assert entry.statement.body["authentication"] == "passkey at the console"
    elsewhere.goto("/models")
    assert "/login" in elsewhere.url
    login(elsewhere, "chief-risk", NEW)
