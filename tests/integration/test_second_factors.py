"""Who may set up, replace and take back a second factor, and what a password alone is still good for."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from console_browser import CASE, Browser, hidden
from rooms_factory import under
from software_authenticator import Authenticator, encoded

from governance.accounts_factors import forget_secrets
from governance.adoption import approve_policy
from governance.case import open_case
from governance.condition import Condition
from governance.delegating import delegate
from governance.desk import Desk, charter_of
from governance.enrolment import enrol_key
from governance.errors import ConfigurationError, NotAuthorizedError, SeparationOfDutiesError
from governance.factors import begin_code, confirm_code, enrol_passkey, remove_code, reset_factors
from governance.fulfilling import Fulfilment, fulfil
from governance.passkey import NewPasskey, Page
from governance.people import Person
from governance.policy import Assurance
from governance.proving import Proof, asks_code, by_own_key, prove
from governance.second_factor import Enrolment, code_at, new_secret, step_of
from governance.signoff import Wish, sign
from governance.user_key import sign_with
from reports.console.app import create_app

SCIENTIST, COMPLIANCE, RISK, DEPUTY = factory.PEOPLE
SIGN = CASE.replace("/case?", "/case/sign?")
PAGE = Page("http://localhost:8765", "localhost")
PASSKEY = NewPasskey(encoded(b"a credential"), "AAAA", "0", 0)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    factory.record_case(made, "1")
    return made


def by_password(person: Person) -> Proof:
    return Proof(person, "password", Assurance.PASSWORD)


def strong(person: Person) -> Proof:
    return Proof(person, "password and code", Assurance.SERVER_ATTESTED, factor=True)


def confirm(desk: Desk, person: Person, made: Enrolment) -> None:
    confirm_code(desk, person, "password", code_at(made.secret, step_of(desk.clock())))


def later(desk: Desk, **time: float) -> None:
    desk.clock.now += timedelta(**time)  # type: ignore[attr-defined]


def test_the_password_proves_a_password_and_with_a_code_two_factors(desk: Desk) -> None:
    assert prove(desk, RISK.id, factory.SECRET) == by_password(RISK)
    with pytest.raises(NotAuthorizedError, match="has no authenticator app, so a code proves nothing"):
        prove(desk, RISK.id, factory.SECRET, "123456")
    assert not asks_code(desk, RISK.id)
    code = factory.code(desk, RISK.id)
    assert asks_code(desk, RISK.id)
    with pytest.raises(NotAuthorizedError, match="give its code too"):
        prove(desk, RISK.id, factory.SECRET)
    assert prove(desk, RISK.id, factory.SECRET, code) == strong(RISK)


def test_a_wrong_password_and_a_wrong_code_are_told_alike(desk: Desk) -> None:
    code, told = factory.code(desk, RISK.id), set[str]()
    for secret, given in ((factory.SECRET, "000000"), ("wrong", code), ("wrong", "000000")):
        with pytest.raises(NotAuthorizedError) as caught:
            prove(desk, RISK.id, secret, given)
        told.add(str(caught.value))
    assert told == {"the id, the password or the code is wrong, or the account is disabled"}
    assert prove(desk, RISK.id, factory.SECRET, code) == strong(RISK), "a code that was not looked at is not spent"


def test_an_app_counts_from_its_first_code_and_its_entry_holds_no_secret(desk: Desk) -> None:
    made = begin_code(desk, by_password(RISK))
    assert prove(desk, RISK.id, factory.SECRET) == by_password(RISK), "not confirmed yet"
    with pytest.raises(NotAuthorizedError):
        confirm_code(desk, RISK, "password", "000000")
    confirm(desk, RISK, made)
    entry = list(desk.ledger.entries())[-1]
    assert entry.statement.meaning == "Model Risk Officer (risk-officer) has set up an authenticator app"
    assert made.fingerprint in str(entry.statement.body)
    assert made.secret not in entry.envelope.decode()
    with pytest.raises(ConfigurationError, match="waits for 15 minutes"):
        later(desk, minutes=16)
        confirm_code(desk, RISK, "password", code_at(made.secret, step_of(desk.clock())))


def test_what_the_accounts_alone_know_is_nobodys_factor(desk: Desk) -> None:
    made = new_secret(desk.accounts, RISK)
    with pytest.raises(NotAuthorizedError, match="has no authenticator app"):
        prove(desk, RISK.id, factory.SECRET, code_at(made.secret, step_of(desk.clock())))
    factory.code(desk, COMPLIANCE.id)
    forget_secrets(desk.accounts, COMPLIANCE.id)  # past our verbs
    with pytest.raises(NotAuthorizedError, match="give its code too"):
        prove(desk, COMPLIANCE.id, factory.SECRET)


def test_a_further_factor_needs_one_that_she_has(desk: Desk) -> None:
    confirm(desk, RISK, begin_code(desk, by_password(RISK)))
    for act in (
        lambda: begin_code(desk, by_password(RISK)),
        lambda: remove_code(desk, by_password(RISK)),
        lambda: enrol_passkey(desk, by_password(RISK), PASSKEY, PAGE, "phone"),
    ):
        with pytest.raises(NotAuthorizedError, match="a further one needs it"):
            act()
    first = charter_of(desk).code_of(RISK.id)
    later(desk, seconds=60)
    confirm(desk, RISK, begin_code(desk, strong(RISK)))
    second = charter_of(desk).code_of(RISK.id)
    assert first is not None and second is not None and first.fingerprint != second.fingerprint
    remove_code(desk, strong(RISK))
    assert charter_of(desk).code_of(RISK.id) is None
    with pytest.raises(ConfigurationError, match="has no authenticator app"):
        remove_code(desk, strong(RISK))


def test_a_key_of_ones_own_is_a_factor_too(desk: Desk) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = sign_with(Ed25519PrivateKey.generate(), b"").public
    enrol_key(desk, RISK, public)
    with pytest.raises(NotAuthorizedError, match="a further one needs it"):
        begin_code(desk, by_password(RISK))
    with pytest.raises(NotAuthorizedError, match="is not one of Compliance Officer"):
        by_own_key(charter_of(desk), by_password(COMPLIANCE), public)
    proof = by_own_key(charter_of(desk), by_password(RISK), public)
    assert (proof.how, proof.factor) == ("password and key", True)
    confirm(desk, RISK, begin_code(desk, proof))


@pytest.mark.parametrize("what", ["passkey", "key"])
def test_a_secret_that_was_begun_with_the_password_dies_with_the_first_factor(desk: Desk, what: str) -> None:
    thief = begin_code(desk, by_password(RISK))
    if what == "passkey":
        enrol_passkey(desk, by_password(RISK), PASSKEY, PAGE, "phone")
    else:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        enrol_key(desk, RISK, sign_with(Ed25519PrivateKey.generate(), b"").public)
    with pytest.raises(ConfigurationError, match="begin again"):
        confirm(desk, RISK, thief)


def test_another_signer_with_factors_lets_in_who_lost_hers(desk: Desk) -> None:
    confirm(desk, RISK, begin_code(desk, by_password(RISK)))
    enrol_passkey(desk, strong(RISK), PASSKEY, PAGE, "phone")
    with pytest.raises(SeparationOfDutiesError):
        reset_factors(desk, RISK.id, strong(RISK))
    with pytest.raises(NotAuthorizedError, match="it takes who holds compliance or model-risk"):
        reset_factors(desk, RISK.id, strong(SCIENTIST))
    with pytest.raises(NotAuthorizedError, match="must show a second factor of her own"):
        reset_factors(desk, RISK.id, by_password(COMPLIANCE))
    with pytest.raises(ConfigurationError, match="knows no person 'nobody'"):
        reset_factors(desk, "nobody", strong(COMPLIANCE))
    entry = reset_factors(desk, RISK.id, strong(COMPLIANCE))
    assert entry.statement.actor.id == COMPLIANCE.id
    assert "lets Model Risk Officer (risk-officer) set up a second factor anew" in entry.statement.meaning
    charter = charter_of(desk)
    assert charter.code_of(RISK.id) is None
    assert [item.label for item in charter.passkeys_of(RISK.id)] == ["phone"], "what it signed still counts"
    confirm(desk, RISK, begin_code(desk, by_password(RISK)))
    with pytest.raises(NotAuthorizedError, match="a further one needs it"):
        begin_code(desk, by_password(RISK))


def test_who_is_unknown_to_the_ledger_gets_no_factor(desk: Desk) -> None:
    stranger = Person("stranger", "A Stranger", ("compliance",))
    desk.accounts.add(stranger, factory.SECRET)
    with pytest.raises(ConfigurationError, match="the ledger knows no person 'stranger'"):
        begin_code(desk, by_password(stranger))


@pytest.mark.parametrize("assurance", list(Assurance))
def test_what_the_server_attests_is_never_a_signature(desk: Desk, assurance: Assurance) -> None:
    case = open_case(desk, "hiring", "2", "champion")
    wish = Wish("model-risk", "approve", "read", case.shown(), "password", assurance=assurance)
    if assurance is Assurance.PASSWORD:
        with pytest.raises(NotAuthorizedError, match="password would not count: the policy asks for server-attested"):
            sign(desk, case, RISK, wish)
        assert sign(desk, case, RISK, replace(wish, decision="refuse")).statement.body["assurance"] == "password"
        return
    assert sign(desk, case, RISK, wish).statement.body["assurance"] == "server-attested"


def test_an_entry_that_says_nothing_of_its_assurance_is_the_weakest(desk: Desk) -> None:
    case = open_case(desk, "hiring", "2", "champion")
    wish = Wish("model-risk", "approve", "read", case.shown(), "x", assurance=Assurance.SERVER_ATTESTED)
    said = sign(desk, case, RISK, wish).statement
    body = {name: value for name, value in said.body.items() if name not in ("assurance", "passkey", "user_key")}
    desk.ledger.append(replace(said, body=body))
    found = open_case(desk, "hiring", "2", "champion")
    assert [item.assurance for item in found.dossier.sign_offs] == ["server-attested", "password"]
    assert "signed with the assurance password" in found.decision.missing()[0].reason


# The pages


@pytest.fixture
def plain(desk: Desk) -> Browser:
    """Signed in, with nothing but a password."""
    browser = Browser(create_app(desk, secure_cookies=False))
    token = hidden(browser.get("/login").text)["token"]
    given = {"token": token, "wanted": "/", "id": RISK.id, "password": factory.SECRET}
    assert browser.post("/login", given).status_code == 303
    return browser


def test_with_a_password_alone_one_refuses_and_is_told_the_way_to_approve(plain: Browser, desk: Desk) -> None:
    page = plain.get(SIGN).text
    assert 'to approve, first <a href="/me">set up a passkey or an authenticator app</a>' in page
    assert 'name="code"' not in page
    denied = plain.post("/sign", plain.form())
    assert denied.status_code == 403
    assert "the policy asks for server-attested; approve with a passkey (page /me of the console)" in denied.text
    other = CASE.replace("version=2", "version=1")
    assert plain.post("/sign", plain.form(other, decision="refuse")).status_code == 303
    body = list(desk.ledger.entries())[-1].statement.body
    assert (body["authentication"], body["assurance"]) == ("password at the console", "password")


def test_an_app_is_set_up_used_replaced_and_removed_by_pages_without_a_script(plain: Browser, desk: Desk) -> None:
    assert "Before you can approve: one more factor" in plain.get("/me").text
    begin = {**hidden(plain.get("/me/code").text), "password": factory.SECRET}
    assert plain.post("/me/code", {**begin, "password": "wrong"}).status_code == 403
    shown = plain.post("/me/code", begin).text
    secret = re.search(r'class="secret"><code>([A-Z2-7 ]+)</code>', shown)
    assert secret
    code = code_at(secret.group(1).replace(" ", ""), step_of(desk.clock()))
    wrong = plain.post("/me/code/confirm", {**hidden(shown), "code": "000000"})
    assert (wrong.status_code, "this is not the code of now" in wrong.text) == (403, True)
    assert secret.group(1) in wrong.text, "the same secret, for another try"
    done = plain.post("/me/code/confirm", {**hidden(wrong.text), "code": code})
    assert done.headers["location"] == "/me?done=code"
    again = plain.post("/me/code/confirm", {**hidden(wrong.text), "code": code})
    assert (again.status_code, "begin again" in again.text) == (403, True)
    assert 'autocomplete="one-time-code"' in plain.get(SIGN).text
    assert plain.post("/sign", plain.form()).status_code == 403, "the password alone"
    used = plain.post("/sign", {**plain.form(), "code": factory.code(desk, RISK.id)})
    assert used.status_code == 303, html.unescape(used.text)
    gone = {**hidden(plain.get("/me/code/remove").text), "password": factory.SECRET}
    assert plain.post("/me/code/remove", gone).status_code == 403
    later(desk, seconds=60)
    removed = plain.post("/me/code/remove", {**gone, "code": factory.code(desk, RISK.id)})
    assert removed.headers["location"] == "/me?done=removed"
    assert "You have no authenticator app." in plain.get("/me").text
    kinds = [item.statement.body["event"] for item in desk.ledger.entries() if "factor" in item.statement.body]
    assert kinds == ["code-enrolled", "code-removed"]


def test_what_waits_for_one_thing_answers_no_other(plain: Browser, desk: Desk) -> None:
    begun = plain.post("/me/code", {**hidden(plain.get("/me/code").text), "password": factory.SECRET}).text
    crossed = plain.post("/me/passkey/made", {**hidden(begun), "answer": Authenticator().credential.decode()})
    assert (crossed.status_code, "begin again" in crossed.text) == (403, True)
    later(desk, minutes=6)
    waits = hidden(plain.post("/me/code", {**hidden(plain.get("/me/code").text), "password": factory.SECRET}).text)
    signed = plain.post("/sign", {**plain.form(), "passkey": waits["waits"], "passkey_answer": "{}"})
    assert (signed.status_code, "was not asked for this" in signed.text) == (403, True)


@pytest.mark.parametrize("path", ["/me", "/me/passkey", "/me/code", "/me/code/remove"])
def test_my_pages_are_for_who_is_signed_in(plain: Browser, path: str) -> None:
    assert plain.get(path).status_code == 200
    stranger = Browser(plain.app)
    assert stranger.get(path).headers["location"].startswith("/login?wanted=%2Fme")
    assert plain.post("/me/code", {"csrf": "x" * 43, "password": factory.SECRET}).status_code == 403


def test_nobody_sees_or_revokes_the_passkey_of_another(plain: Browser, desk: Desk) -> None:
    enrol_passkey(desk, by_password(COMPLIANCE), PASSKEY, PAGE, "her phone")
    assert "her phone" not in plain.get("/me").text
    assert plain.get(f"/me/passkey/revoke?credential={PASSKEY.credential}").status_code == 404


def test_a_stolen_password_of_who_has_a_factor_gives_nobody_a_say(desk: Desk) -> None:
    """By a delegation, a policy or a condition others sign: the factor must be shown for these too."""
    end = desk.clock() + timedelta(days=9)
    enrol_passkey(desk, by_password(RISK), PASSKEY, PAGE, "phone")
    later_policy = under(desk, ("break_glass_hours = 72", "break_glass_hours = 24"))
    case = open_case(desk, "hiring", "2", factory.TARGET.alias)
    term = Condition("audit newer data", SCIENTIST.id, desk.clock().date())
    wish = Wish("compliance", "approve", "read", case.shown(), "password and code", conditions=(term,))
    seq = sign(desk, case, DEPUTY, replace(wish, assurance=Assurance.SERVER_ATTESTED)).seq
    enrol_passkey(desk, by_password(DEPUTY), replace(PASSKEY, credential="BBBB"), PAGE, "phone")
    before = desk.ledger.size()
    for act in (
        lambda: delegate(desk, RISK, SCIENTIST.id, "model-risk", end, "on leave", "password"),
        lambda: approve_policy(later_policy, RISK, "agreed", "password"),
        lambda: fulfil(desk, case, DEPUTY, Fulfilment(seq, 1, "seen", "password")),
    ):
        with pytest.raises(NotAuthorizedError, match="her password alone is too little for this"):
            act()
    assert desk.ledger.size() == before
    delegate(desk, RISK, SCIENTIST.id, "model-risk", end, "on leave", "passkey", Assurance.SERVER_ATTESTED)
    body = fulfil(desk, case, DEPUTY, Fulfilment(seq, 1, "seen", "passkey", Assurance.SERVER_ATTESTED)).statement.body
    assert (body["met"], body["assurance"]) == (True, "server-attested")


def test_a_passkeys_owner_delegates_nothing_with_her_password_on_the_console(desk: Desk) -> None:
    enrol_passkey(desk, by_password(RISK), PASSKEY, PAGE, "phone")
    thief = Browser(create_app(desk, secure_cookies=False))
    token = hidden(thief.get("/login").text)["token"]
    thief.post("/login", {"token": token, "wanted": "/", "id": RISK.id, "password": factory.SECRET})
    said = {"to": SCIENTIST.id, "function": "model-risk", "last_day": f"{desk.clock().date()}", "reason": "on leave"}
    said |= hidden(thief.get("/people/delegate").text) | {"password": factory.SECRET, "code": ""}
    answer = thief.post("/people/delegate", said)
    assert (answer.status_code, "her password alone is too little" in answer.text) == (403, True)
