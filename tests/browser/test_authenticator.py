"""Passkeys with the browser's virtual authenticator: enrolled, used to sign the record, refused without the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import report_factory as factory
from browser_pages import OUTPUT, House, Visit, prove, query

from governance.case import case_of, open_case
from governance.desk import charter_of
from governance.statement import PredicateType

VERIFIED = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
NOT_ASKED = """
const create = navigator.credentials.create.bind(navigator.credentials);
navigator.credentials.create = (all) => {
  all.publicKey.authenticatorSelection = { ...all.publicKey.authenticatorSelection, userVerification: "discouraged" };
  return create(all);
};
const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = (all) => { all.publicKey.userVerification = "discouraged"; return get(all); };
"""
"""A page of somebody else that asks the authenticator to do without the person."""


def _with_authenticator(page: Any, **options: bool) -> tuple[Any, str]:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": {**VERIFIED, **options}})
    return session, made["authenticatorId"]


def _enrol(page: Any, house: House, person: str, label: str) -> None:
    """Ask for a passkey as far as the browser's answer has been sent, or refused."""
    page.goto("/me")
    page.get_by_role("link", name="Set up a passkey").first.click()
    page.get_by_label("Name of the passkey").fill(label)
    prove(page, house, person)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Make the passkey").click()


def _use(page: Any, name: str) -> None:
    """Fill in the sign form and use the passkey."""
    page.goto(f"/case/sign?{query(name)}")
    page.get_by_role("radio", name="Approve").first.check()
    page.get_by_label("Reason", exact=True).fill("I read the report.")
    page.get_by_role("button", name="Sign and record with my passkey").click()


def test_a_passkey_is_enrolled_and_signs_the_record(visit: Visit, house: House) -> None:
    factory.record_case(house.desk, "2", name="keys")
    page = visit.open("compliance-officer")
    _with_authenticator(page)
    _enrol(page, house, "compliance-officer", "my laptop")
    page.get_by_role("status").filter(has_text="The passkey is enrolled").wait_for()
    page.screenshot(path=OUTPUT / "passkey-enrolled.png", full_page=True)
    assert [item.label for item in charter_of(house.desk).passkeys_of("compliance-officer")] == ["my laptop"]
    _use(page, "keys")
    page.get_by_role("status").filter(has_text="Recorded as entry").wait_for()
    *_, entry = house.desk.ledger.entries()
    body: Mapping[str, Any] = entry.statement.body
    assert (entry.statement.predicate_type, body["assurance"]) == (PredicateType.SIGN_OFF, "user-key")
    case = open_case(house.desk, "keys", "2", "champion")
    proved = case_of(house.desk, case.subject, case.target).dossier.sign_offs[-1]
    assert proved.seq == entry.seq
    assert proved.assurance == "user-key"
    assert "user-key" in page.locator("main").inner_text()
    page.screenshot(path=OUTPUT / "passkey-signed.png", full_page=True)


def test_an_authenticator_that_does_not_know_the_person_enrols_nothing(visit: Visit, house: House) -> None:
    """The browser asks for the person to be verified, and does not get it."""
    page = visit.open("risk-officer")
    _with_authenticator(page, isUserVerified=False)
    _enrol(page, house, "risk-officer", "a lost phone")
    page.get_by_text("cancelled or took too long").wait_for()
    assert charter_of(house.desk).passkeys_of("risk-officer") == ()


def test_a_passkey_made_without_the_person_is_refused_by_the_server(visit: Visit, house: House) -> None:
    page = visit.open("risk-officer")
    page.add_init_script(NOT_ASKED)
    _with_authenticator(page, hasUserVerification=False, isUserVerified=False)
    size = house.desk.ledger.size()
    _enrol(page, house, "risk-officer", "no finger")
    page.get_by_role("alert").filter(has_text="not enrolled").wait_for()
    assert charter_of(house.desk).passkeys_of("risk-officer") == ()
    assert house.desk.ledger.size() <= size + 1, "an authenticator app may have been set up, no passkey"


def test_a_signature_without_the_person_is_refused_by_the_server(visit: Visit, house: House) -> None:
    factory.record_case(house.desk, "2", name="unverified")
    page = visit.open("second-officer")
    session, authenticator = _with_authenticator(page)
    _enrol(page, house, "second-officer", "found on a desk")
    page.get_by_role("status").filter(has_text="The passkey is enrolled").wait_for()
    size = house.desk.ledger.size()
    page.add_init_script(NOT_ASKED)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    _use(page, "unverified")
    page.get_by_role("alert").filter(has_text="Nothing was recorded").or_(
        page.get_by_text("took too long")
    ).first.wait_for()
    assert house.desk.ledger.size() == size


def test_what_was_asked_for_is_what_is_signed(visit: Visit, house: House) -> None:
    """The reason is changed after the passkey was asked: the challenge was made for another text."""
    factory.record_case(house.desk, "2", name="changed")
    page = visit.open("chief-risk")
    _with_authenticator(page)
    _enrol(page, house, "chief-risk", "phone")
    page.get_by_role("status").filter(has_text="The passkey is enrolled").wait_for()
    size = house.desk.ledger.size()
    page.route("**/sign", _with_another_reason)
    _use(page, "changed")
    page.get_by_role("alert").filter(has_text="Nothing was recorded").wait_for()
    assert "what you sign is not what your passkey was asked for" in page.locator("main").inner_text()
    assert house.desk.ledger.size() == size


def _with_another_reason(route: Any) -> None:
    """The form as sent, not the request for a challenge, says something else."""
    data = route.request.post_data or ""
    if "passkey=ask" in data:
        route.continue_()
    else:
        route.continue_(post_data=data.replace("I+read+the+report.", "I+read+nothing."))
