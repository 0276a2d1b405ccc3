"""Passkeys at the console: what is enrolled, what is signed, and everything that is not believed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import report_factory as factory
from console_browser import CASE, Browser, hidden
from software_authenticator import ORIGIN, UP, UV, Authenticator, decoded, eddsa, encoded, es256, rs256

from governance.case import open_case
from governance.desk import Desk, charter_of
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.factors import MAX_LABEL, enrol_passkey, revoke_passkey
from governance.passkey import NewPasskey, Page, count_of, options_to_enrol, proves, read_assertion, read_new
from governance.policy import Assurance
from governance.proving import Proof
from governance.record import Signature
from governance.record import signed as signed_statement
from governance.statement import Entry
from governance.user_key import challenge
from reports.console.app import create_app

RISK = next(person for person in factory.PEOPLE if person.id == "risk-officer")
SIGN = CASE.replace("/case?", "/case/sign?")
PAGE = Page(ORIGIN, "localhost")
STRONG = Proof(RISK, "password and code at the console", Assurance.SERVER_ATTESTED, factor=True)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    return made


@pytest.fixture
def risk(desk: Desk) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login("risk-officer")
    return browser


def enrol(browser: Browser, device: Authenticator, label: str = "my phone", **lies: Any) -> str:
    """Set a passkey up by the pages of the console; gives the page at the end."""
    person, desk = browser.person, browser.app.state.desk
    begun = browser.post(
        "/me/passkey",
        {
            **hidden(browser.get("/me/passkey").text),
            "label": label,
            "password": factory.SECRET,
            "code": factory.code(desk, person),
        },
    )
    found = re.search(r'data-passkey-new="([^"]*)"', begun.text)
    if found is None:
        return begun.text
    options = json.loads(html.unescape(found.group(1)))
    done = browser.post("/me/passkey/made", {**_made(begun.text), "answer": device.make(options, **lies)})
    return browser.get(done.headers["location"]).text if done.status_code == 303 else done.text


def _made(text: str) -> dict[str, str]:
    return hidden(text[text.index('action="/me/passkey/made"') :])


@pytest.fixture
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture
def enrolled(risk: Browser, device: Authenticator) -> Browser:
    assert "The passkey is enrolled." in enrol(risk, device)
    return risk


def asked(browser: Browser, **changes: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The sign form as it stands, without a password, and what the console answers to the browser's question."""
    form = {**browser.form(), "password": "", "code": "", **changes}
    answer = browser.post("/sign", {**form, "passkey": "ask"})
    assert answer.status_code == 200, answer.text
    return form, answer.json()


def signed(browser: Browser, device: Authenticator, **lies: Any) -> Any:
    form, said = asked(browser)
    return browser.post(
        "/sign", {**form, "passkey": said["pending"], "passkey_answer": device.get(said["options"], **lies)}
    )


def newest(desk: Desk) -> Entry:
    return list(desk.ledger.entries())[-1]


def assurances(desk: Desk) -> list[str]:
    return [item.assurance for item in open_case(desk, "hiring", "2", "champion").dossier.sign_offs]


@pytest.mark.parametrize("kind", [es256, eddsa, rs256])
def test_a_passkey_signs_the_record_itself(risk: Browser, desk: Desk, kind: Callable[[], Any]) -> None:
    device = Authenticator(kind())
    assert "The passkey is enrolled." in enrol(risk, device)
    event = newest(desk).statement
    assert event.body["event"] == "passkey-enrolled"
    assert event.meaning == "the passkey “my phone” for localhost is that of Model Risk Officer (risk-officer)"
    assert event.body["authentication"] == "password and code at the console"
    answer = signed(risk, device)
    assert answer.status_code == 303, answer.text
    body = newest(desk).statement.body
    assert (body["authentication"], body["assurance"]) == ("passkey at the console", "user-key")
    assert set(body["passkey"]) == {"credential_id", "authenticator_data", "client_data", "signature"}
    assert json.loads(decoded(body["passkey"]["client_data"]))["origin"] == ORIGIN
    assert assurances(desk) == ["user-key"]
    assert "Passkeys (1)" in risk.get("/me").text


def test_the_end_that_is_recorded_is_the_one_that_was_signed(
    enrolled: Browser, desk: Desk, device: Authenticator
) -> None:
    form, said = asked(enrolled)
    asked_at = desk.clock()
    desk.clock.now += timedelta(minutes=4)  # type: ignore[attr-defined]
    answer = device.get(said["options"])
    assert enrolled.post("/sign", {**form, "passkey": said["pending"], "passkey_answer": answer}).status_code == 303
    item = open_case(desk, "hiring", "2", "champion").dossier.sign_offs[0]
    assert item.expires_at is not None
    assert item.expires_at <= asked_at + timedelta(days=90), "not counted from the moment of the answer"
    assert item.assurance == "user-key"


def test_the_options_name_her_passkeys_alone_and_ask_for_verification(enrolled: Browser, desk: Desk) -> None:
    officer = Browser(enrolled.app)
    officer.login("compliance-officer")
    enrol(officer, Authenticator(credential=b"another officer's"))
    _, said = asked(enrolled)
    options = said["options"]
    assert [item["id"] for item in options["allowCredentials"]] == [encoded(b"credential of an officer")]
    assert (options["rpId"], options["userVerification"]) == ("localhost", "required")


def test_a_question_is_checked_as_a_signature_is(enrolled: Browser, desk: Desk) -> None:
    size = desk.ledger.size()
    for changes, words in (
        ({"reason": " "}, "a reason is required"),
        ({"csrf": "x" * 43}, "not from your session"),
        ({"report_digest": "sha256:" + "0" * 64}, "has moved"),
    ):
        answer = enrolled.post("/sign", {**enrolled.form(), **changes, "passkey": "ask"})
        assert answer.status_code in (403, 409)
        assert words in html.unescape(answer.text)
    assert desk.ledger.size() == size


def test_a_passkey_breaks_the_glass_for_what_was_shown_alone(
    enrolled: Browser, desk: Desk, device: Authenticator
) -> None:
    """Moved evidence is refused before she touches it, and what she was shown is part of what it signs."""
    factory.record_case(desk, "1", name="credit")
    page = enrolled.get("/case/emergency?name=credit&version=1&alias=champion").text
    form = {
        **hidden(page[page.index('action="/emergency"') :]),
        "hours": "6",
        "reason": "It cannot wait.",
        "sure": "yes",
    }
    stale = {**form, "report_digest": "sha256:" + "0" * 64}
    size = desk.ledger.size()
    refused = enrolled.post("/emergency", {**stale, "passkey": "ask"})
    assert (refused.status_code, "what was shown has moved" in refused.text) == (409, True)
    said = enrolled.post("/emergency", {**form, "passkey": "ask"}).json()
    proof = {"passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    assert enrolled.post("/emergency", {**stale, **proof}).status_code in (403, 409)
    assert desk.ledger.size() == size
    said = enrolled.post("/emergency", {**form, "passkey": "ask"}).json()
    proof = {"passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    assert enrolled.post("/emergency", {**form, **proof}).status_code == 303
    assert newest(desk).statement.body["authentication"].startswith("passkey")


def test_who_has_no_passkey_is_told_where_to_enrol_one(risk: Browser) -> None:
    answer = risk.post("/sign", {**risk.form(), "passkey": "ask"})
    assert "has no passkey for http://localhost:8765: enrol one on the page /me" in html.unescape(answer.text)


# Answers that prove nothing: (what, what the device or browser does otherwise, what is said)
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("another origin", {"origin": "http://localhost:9999"}, "is for another origin"),
    ("a look-alike", {"origin": "http://localhost:8765.evil.example"}, "is for another origin"),
    ("https for http", {"origin": "https://localhost:8765"}, "is for another origin"),
    ("an origin with a path", {"origin": "http://localhost:8765/"}, "is for another origin"),
    ("no origin", {"origin": ...}, "is for another origin"),
    ("an origin in a list", {"origin": ["http://localhost:8765"]}, "is for another origin"),
    ("a frame of another site", {"crossOrigin": True}, "inside a page of another site"),
    ("a frame in other words", {"crossOrigin": "false"}, "inside a page of another site"),
    ("a frame as null", {"crossOrigin": None}, "inside a page of another site"),
    ("a top origin", {"topOrigin": "http://evil.example"}, "inside a page of another site"),
    ("another challenge", {"challenge": encoded(b"x" * 32)}, "is for another challenge"),
    ("a challenge with padding", {"challenge": "pad"}, "is for another challenge"),
    ("no challenge", {"challenge": ...}, "is for another challenge"),
    ("a registration", {"type": "webauthn.create"}, "is for another type"),
    ("no type", {"type": ...}, "is for another type"),
    ("another host", {"rp_id": "evil.example"}, "Unexpected RP ID hash"),
    ("a parent host", {"rp_id": "host"}, "Unexpected RP ID hash"),
    ("no object", {"raw": b"[1]"}, "it is no object"),
    ("no JSON", {"raw": b"{"}, "cannot be read"),
    ("a name twice", {"raw": b'{"type":"webauthn.get","type":"webauthn.get"}'}, "a name stands twice"),
]


@pytest.mark.parametrize(("what", "lies", "said"), BAD, ids=[row[0] for row in BAD])
def test_what_the_browser_says_otherwise_is_not_believed(what: str, lies: dict[str, Any], said: str) -> None:
    device, asked_for = Authenticator(), b"c" * 32
    held = _passkey(read_new(device.make(options_to_enrol(PAGE, RISK, asked_for, ())), asked_for, PAGE))
    given = read_assertion(device.get({"rpId": "localhost", "challenge": encoded(asked_for)}, **lies))
    with pytest.raises(NotAuthorizedError, match=re.escape(said)):
        count_of(held, given, asked_for)
    assert not proves(held, given, asked_for), what


@pytest.mark.parametrize(("what", "lies", "said"), [BAD[0], BAD[6], BAD[10], BAD[15]], ids=lambda item: f"{item}"[:20])
def test_the_console_records_nothing_of_it(
    enrolled: Browser, desk: Desk, device: Authenticator, what: str, lies: dict[str, Any], said: str
) -> None:
    size = desk.ledger.size()
    answer = signed(enrolled, device, **lies)
    assert answer.status_code == 403, what
    assert said in html.unescape(answer.text)
    assert desk.ledger.size() == size


FLAGS = [("nobody verified", UP, "not verified"), ("nobody present", UV, "not present"), ("nothing", 0, "not present")]


@pytest.mark.parametrize(("what", "flags", "said"), FLAGS, ids=[row[0] for row in FLAGS])
def test_the_person_must_be_there_and_verified(
    enrolled: Browser, desk: Desk, device: Authenticator, what: str, flags: int, said: str
) -> None:
    answer = signed(enrolled, replace(device, flags=flags))
    assert (answer.status_code, said in answer.text) == (403, True)
    assert assurances(desk) == []


def test_another_key_behind_the_same_credential_signs_nothing(
    enrolled: Browser, desk: Desk, device: Authenticator
) -> None:
    answer = signed(enrolled, replace(device, signing=es256()))
    assert "Could not verify authentication signature" in answer.text
    assert assurances(desk) == []


def test_another_persons_passkey_signs_nothing(enrolled: Browser, desk: Desk) -> None:
    other, officer = Authenticator(credential=b"another officer's"), Browser(enrolled.app)
    officer.login("compliance-officer")
    enrol(officer, other)
    answer = signed(enrolled, other)
    assert (answer.status_code, "this passkey is not enrolled for you" in answer.text) == (403, True)
    unknown = signed(enrolled, Authenticator(credential=b"nobody's"))
    assert (unknown.status_code, "this passkey is not enrolled for you" in unknown.text) == (403, True)


def test_an_answer_counts_once_in_its_session_for_five_minutes(
    enrolled: Browser, desk: Desk, device: Authenticator
) -> None:
    form, said = asked(enrolled, decision="refuse")
    whole = {**form, "passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    other = Browser(enrolled.app)
    other.login("risk-officer")
    stolen = other.post("/sign", {**whole, "csrf": other.form()["csrf"]})
    assert (stolen.status_code, "was not asked for this" in stolen.text) == (403, True)
    desk.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]
    late = enrolled.post("/sign", whole)
    assert (late.status_code, "more than five minutes ago" in late.text) == (403, True)
    form, said = asked(enrolled, decision="refuse")
    whole = {**form, "passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    assert enrolled.post("/sign", whole).status_code == 303
    again = enrolled.post("/sign", whole)
    assert (again.status_code, "was not asked for this" in again.text) == (403, True)


@pytest.mark.parametrize(
    "changes", [{"reason": "another reason"}, {"decision": "refuse"}, {"report_digest": "sha256:" + "1" * 64}], ids=str
)
def test_a_field_that_changed_after_the_question_is_not_what_was_signed(
    enrolled: Browser, desk: Desk, device: Authenticator, changes: dict[str, str]
) -> None:
    form, said = asked(enrolled)
    size = desk.ledger.size()
    whole = {**form, **changes, "passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    assert enrolled.post("/sign", whole).status_code in (403, 409)
    assert desk.ledger.size() == size


@pytest.mark.parametrize(
    "answer", ["", "null", "[]", '{"id":1}', "[" * 15_000, '{"id":"a","id":"a"}'], ids=lambda text: text[:9]
)
def test_what_is_no_answer_records_nothing(enrolled: Browser, desk: Desk, answer: str) -> None:
    form, said = asked(enrolled)
    given = enrolled.post("/sign", {**form, "passkey": said["pending"], "passkey_answer": answer})
    assert (given.status_code, "the browser's answer" in html.unescape(given.text)) == (403, True)


def test_a_count_that_does_not_go_on_is_a_copy(risk: Browser, desk: Desk) -> None:
    device = Authenticator(count=7)
    enrol(risk, device)
    for count in (7, 6, 0):
        answer = signed(risk, replace(device, count=count))
        assert (answer.status_code, "there may be a copy of it" in answer.text) == (403, True)
    assert signed(risk, replace(device, count=8)).status_code == 303


def test_a_revoked_passkey_signs_no_more_and_what_it_signed_counts_no_more(
    enrolled: Browser, desk: Desk, device: Authenticator
) -> None:
    assert signed(enrolled, device).status_code == 303
    page = "/me/passkey/revoke?credential=" + encoded(device.credential)
    fields = {**hidden(enrolled.get(page).text), "password": factory.SECRET, "code": factory.code(desk, RISK.id)}
    assert enrolled.post("/me/passkey/revoke", fields).headers["location"] == "/me?done=revoked"
    assert assurances(desk) == ["unproved"]
    assert enrolled.get(page).status_code == 404
    assert "is or was enrolled" in enrol(enrolled, device)
    answer = enrolled.post("/sign", {**enrolled.form(), "passkey": "ask"})
    assert "has no passkey" in answer.text


def _forged(desk: Desk, device: Authenticator, **changes: Any) -> list[str]:
    """The newest sign-off once more, past our verbs, with changes to its body; how sure the ledger is of each."""
    last = newest(desk).statement
    desk.ledger.append(replace(last, body={**last.body, **changes}))
    return assurances(desk)


def test_the_ledger_alone_says_which_entries_a_passkey_signed(
    enrolled: Browser, desk: Desk, device: Authenticator
) -> None:
    signed(enrolled, device)
    body = newest(desk).statement.body
    assert _forged(desk, device) == ["user-key", "unproved"], "one will counts once"
    for number, changes in enumerate(
        (
            {"reason": "another reason"},
            {"function": "compliance"},
            {"expires_at": "2099-01-01T00:00:00+00:00"},
            {"conditions": [{"text": "monthly audit", "owner": "risk-officer", "due": "2026-12-01"}]},
            {"shown": {**body["shown"], "data_digest": "sha256:" + "2" * 64}},
            {"passkey": {**body["passkey"], "signature": encoded(b"x" * 64)}},
            {"passkey": {**body["passkey"], "client_data": encoded(b"{}")}},
            {"passkey": {**body["passkey"], "credential_id": "AAAA"}},
            {"passkey": "nonsense"},
            {"passkey": None},
        )
    ):
        assert _forged(desk, device, **{**body, **changes})[2 + number] == "unproved", changes


def test_conditions_are_willed_where_there_are_some() -> None:
    body: dict[str, Any] = dict.fromkeys(("subject", "target", "shown", "function", "decision", "reason"), "x")
    body |= {"on_behalf_of": None, "expires_at": None}
    soon, later = ({**body, "conditions": [{"due": day}]} for day in ("2026-12-01", "2099-12-01"))
    assert len({challenge("ann", said) for said in (body, soon, later, {**body, "conditions": []})}) == 4
    assert challenge("ann", {**body, "reading": {"summary": 1}}) == challenge("ann", body)


def test_a_passkey_that_is_enrolled_later_proves_nothing_that_was_signed_before(desk: Desk) -> None:
    device, asked_for = Authenticator(), b"c" * 32
    made = read_new(device.make(options_to_enrol(PAGE, RISK, asked_for, ())), asked_for, PAGE)
    case = open_case(desk, "hiring", "2", "champion")
    signature = Signature(RISK, "model-risk", "approve", "read", "x", case.dossier.now + timedelta(days=9))
    will = challenge(RISK.id, signed_statement(case.dossier, case.shown(), signature).body)
    given = read_assertion(device.get({"rpId": "localhost", "challenge": encoded(will)}))
    statement = signed_statement(case.dossier, case.shown(), replace(signature, passkey=given))
    desk.ledger.append(statement)  # past our verbs
    enrol_passkey(desk, STRONG, made, PAGE, "phone")
    assert assurances(desk) == ["unproved"]
    desk.ledger.append(statement)
    assert assurances(desk) == ["unproved", "user-key"], "what is signed after it counts"


# Enrolment

NEW_BAD: list[tuple[str, Callable[[], Authenticator], dict[str, Any], str]] = [
    ("another origin", Authenticator, {"origin": "http://evil.example"}, "is for another origin"),
    ("a frame", Authenticator, {"crossOrigin": True}, "inside a page of another site"),
    ("another challenge", Authenticator, {"challenge": encoded(b"x" * 32)}, "is for another challenge"),
    ("an assertion", Authenticator, {"type": "webauthn.get"}, "is for another type"),
    ("another host", Authenticator, {"rp_id": "evil.example"}, "Unexpected RP ID hash"),
    ("nobody verified", lambda: Authenticator(flags=UP), {}, "not verified"),
    ("small RSA", lambda: Authenticator(rs256(1_024)), {}, "2,048 bits or more"),
    ("an unknown algorithm", lambda: Authenticator(({**es256()[0], 3: -35}, es256()[1])), {}, "Unsupported"),
    (
        "a point of small order",
        lambda: Authenticator(({1: 1, 3: -8, -1: 6, -2: b"\1" + b"\0" * 31}, bytes)),
        {},
        "order",
    ),
]


@pytest.mark.parametrize(("what", "device", "lies", "said"), NEW_BAD, ids=[row[0] for row in NEW_BAD])
def test_a_passkey_that_proves_little_is_not_enrolled(
    risk: Browser, desk: Desk, what: str, device: Callable[[], Authenticator], lies: dict[str, Any], said: str
) -> None:
    assert said in html.unescape(enrol(risk, device(), **lies)), what
    assert charter_of(desk).passkeys == ()


@pytest.mark.parametrize("label", ["", "  ", "x" * (MAX_LABEL + 1), "a\u202eb"])
def test_a_passkey_has_a_name(risk: Browser, desk: Desk, label: str) -> None:
    assert "name the passkey" in enrol(risk, Authenticator(), label)
    assert charter_of(desk).passkeys == ()


def test_a_passkey_belongs_to_one_person_for_ever(enrolled: Browser, desk: Desk, device: Authenticator) -> None:
    officer = Browser(enrolled.app)
    officer.login("compliance-officer")
    assert "belongs to one person for ever" in enrol(officer, device)


def test_a_further_factor_needs_one_that_she_has(enrolled: Browser, desk: Desk) -> None:
    fields = {**hidden(enrolled.get("/me/passkey").text), "label": "thief", "password": factory.SECRET, "code": ""}
    answer = enrolled.post("/me/passkey", fields)
    assert (answer.status_code, "has an authenticator app: give its code too" in answer.text) == (403, True)
    wrong = enrolled.post("/me/passkey", {**fields, "code": "000000"})
    assert (wrong.status_code, "the password or the code is wrong" in wrong.text) == (403, True)


def test_a_passkey_lets_her_set_up_another_factor(enrolled: Browser, desk: Desk, device: Authenticator) -> None:
    form = hidden(enrolled.get("/me/code").text)
    said = enrolled.post("/me/code", {**form, "passkey": "ask"}).json()
    answer = {"passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    shown = enrolled.post("/me/code", {**form, **answer})
    assert "Scan this with the app" in shown.text
    assert '<svg width="' in shown.text
    other = enrolled.post("/me/code/remove", {**form, **answer})
    assert other.status_code == 403, "an answer is for one act, and once"


def test_a_hostile_name_is_text(risk: Browser) -> None:
    page = enrol(risk, Authenticator(), '"><img src=x onerror=alert(1)>')
    assert "The passkey is enrolled." in page
    assert "<img" not in page


def test_over_another_address_a_passkey_is_not_offered(enrolled: Browser, desk: Desk, device: Authenticator) -> None:
    other = Browser(create_app(desk, secure_cookies=False), base="http://localhost:9000")
    other.login("risk-officer")
    assert "for http://localhost:8765 only, not for this address" in other.get("/me").text
    assert "data-passkey-use" not in other.get(SIGN).text
    answer = other.post("/sign", {**other.form(), "passkey": "ask"})
    assert "has no passkey for http://localhost:9000" in answer.text
    form, said = asked(enrolled)
    stolen = {**form, "csrf": other.form()["csrf"], "passkey": said["pending"]}
    assert other.post("/sign", {**stolen, "passkey_answer": device.get(said["options"])}).status_code == 403


def test_who_is_disabled_proves_nothing(enrolled: Browser, desk: Desk, device: Authenticator) -> None:
    form, said = asked(enrolled)
    with desk.accounts.database.writing() as connection:
        connection.exec_driver_sql("UPDATE person SET active = 0")
    answer = {**form, "passkey": said["pending"], "passkey_answer": device.get(said["options"])}
    assert enrolled.post("/sign", answer).status_code == 303, "the session is gone: to the login"
    assert assurances(desk) == []


# Values


def test_an_assertion_is_verified_from_what_the_ledger_keeps() -> None:
    device, asked_for = Authenticator(eddsa()), b"c" * 32
    options = options_to_enrol(PAGE, RISK, asked_for, ())
    assert [item["alg"] for item in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    made = read_new(device.make(options), asked_for, PAGE)
    assert made == NewPasskey(encoded(device.credential), made.public_key, "00000000-0000-0000-0000-000000000000", 0)
    held = _passkey(made)
    given = read_assertion(device.get({"rpId": "localhost", "challenge": encoded(asked_for)}))
    assert count_of(held, given, asked_for) == 0
    assert proves(held, given, asked_for)
    assert not proves(held, given, b"d" * 32)
    assert not proves(replace(held, origin="http://localhost:1"), given, asked_for)
    assert not proves(replace(held, rp_id="evil.example"), given, asked_for)
    assert not proves(replace(held, public_key="not base64url!"), given, asked_for)
    assert not proves(held, replace(given, authenticator_data=given.authenticator_data[:-8]), asked_for)


def _passkey(made: NewPasskey) -> Any:
    from governance.charter_factors import Passkey

    return Passkey(
        seq=1,
        time=factory.START,
        holder=RISK.id,
        credential=made.credential,
        public_key=made.public_key,
        rp_id="localhost",
        origin=ORIGIN,
        label="phone",
        aaguid=made.aaguid,
    )


def test_revoking_is_for_ones_own(enrolled: Browser, desk: Desk, device: Authenticator) -> None:
    other = next(person for person in factory.PEOPLE if person.id == "compliance-officer")
    with pytest.raises(ConfigurationError, match="not one of Compliance Officer"):
        revoke_passkey(desk, replace(STRONG, person=other), encoded(device.credential))
    with pytest.raises(NotAuthorizedError, match="a further one needs it"):
        revoke_passkey(desk, replace(STRONG, factor=False), encoded(device.credential))
