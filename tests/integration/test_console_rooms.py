"""The console's pages of people, policies and schedules: what they show, what they record, and who may."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import report_factory as factory
import rooms_factory as rooms
from console_browser import CASE, Browser, hidden

from governance.delegating import delegate
from governance.desk import Desk, charter_of
from governance.enrolment import dismiss
from governance.errors import ConfigurationError
from governance.people import Person
from reports.console.app import create_app
from reports.console.outside import Outside, Scheduled

REASON = "I have read what changes."


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return rooms.busy_desk(tmp_path)


def browser_of(desk: Desk, person: str, outside: Outside | None = None) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False, outside=outside))
    assert browser.login(person).status_code == 303
    return browser


def proof(browser: Browser, path: str, **fields: str) -> dict[str, str]:
    """The fields of the form on this page, with password and code."""
    code = factory.code(browser.app.state.desk, browser.person or "")
    page = browser.get(path).text
    main = page[page.index('<main id="main"') :]
    return {**hidden(main), "password": factory.SECRET, "code": code, **fields}


def row_of(text: str, name: str) -> str:
    """The row of the table that begins with this name."""
    return next(row for row in text.split("<tr")[1:] if name in row.split("</th>")[0])


# --- people ----------------------------------------------------------------------------------------------------------


def test_everybody_is_listed_with_what_counts_and_how_it_is_proved(desk: Desk) -> None:
    text = browser_of(desk, "second-officer").get("/people").text
    assert "7 people" in text
    assert "may sign" in row_of(text, "Compliance Officer")
    assert "signs nothing of her own" in row_of(text, "Data Scientist")
    assert "authenticator app" in row_of(text, "Second Officer")
    assert "gave 1" in row_of(text, "Second Officer")
    assert "holds 1" in row_of(text, "Model Risk Officer")
    assert "fairgate people add ID" in text
    assert "<form" not in text[text.index('<main id="main"') :]


def test_what_ledger_and_accounts_do_not_agree_on_is_said_plainly(desk: Desk) -> None:
    with desk.accounts.database.writing() as connection:
        connection.exec_driver_sql("UPDATE person SET functions = 'legal' WHERE id = 'compliance-officer'")
        connection.exec_driver_sql("UPDATE person SET name = 'Somebody Else' WHERE id = 'risk-officer'")
        connection.exec_driver_sql("UPDATE person SET active = 0 WHERE id = 'data-scientist'")
        connection.exec_driver_sql("UPDATE person SET issuer = 'https://other.example' WHERE id = 'data-scientist'")
    text = browser_of(desk, "second-officer").get("/people").text
    assert "The ledger does not know this account: it signs nothing." in row_of(text, "Shadow Account")
    assert "an account alone" in row_of(text, "Shadow Account")
    assert "There is no account for her" in row_of(text, "Night Clerk")
    assert "nothing: no account" in row_of(text, "Night Clerk")
    changed = row_of(text, "Compliance Officer")
    assert "Only the ledger gives her compliance: it does not count." in changed
    assert "Only the account gives her legal: it does not count." in changed
    assert "signs nothing of her own" in changed
    assert "The account calls her Somebody Else" in row_of(text, "Model Risk Officer")
    gone = row_of(text, "Data Scientist")
    assert "disabled" in gone
    assert "She is disabled in the account alone." in gone
    assert "the account https://other.example: it signs nothing." in gone


def test_an_account_that_the_ledger_does_not_know_signs_nothing(desk: Desk) -> None:
    factory.record_case(desk, "2")
    shadow = browser_of(desk, "shadow")
    assert "You cannot sign" in shadow.get(CASE.replace("/case?", "/case/sign?")).text
    assert shadow.get("/people").status_code == 200


def test_failed_attempts_are_shown_to_those_who_administer_alone(desk: Desk) -> None:
    guesser = Browser(create_app(desk, secure_cookies=False))
    for _ in range(3):
        assert guesser.login("compliance-officer", "a wrong guess or two").status_code == 401
    seen = browser_of(desk, "second-officer").get("/people").text
    assert "3 since the last success, the last at" in row_of(seen, "Compliance Officer")
    assert "none" in row_of(seen, "Model Risk Officer")
    assert (
        "3 since the last success" in browser_of(desk, "risk-officer").get("/people/person?id=compliance-officer").text
    )
    scientist = browser_of(desk, "data-scientist")
    for path in ("/people", "/people/person?id=compliance-officer"):
        text = scientist.get(path).text
        assert "since the last success" not in text
        assert "Failed attempts" not in text
    guesser.login("compliance-officer")
    again = browser_of(desk, "second-officer").get("/people").text
    assert "since the last success" not in row_of(again, "Compliance Officer")


def test_names_that_are_hostile_stay_text(desk: Desk) -> None:
    browser = browser_of(desk, "second-officer")
    for path in ("/people", "/people/person?id=hostile", "/people/disable?id=hostile", "/people/delegate"):
        text = browser.get(path).text
        assert "<img" not in text
        if path != "/people/delegate":  # who has no account cannot be delegated to
            assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert browser.get("/people/person?id=%3Cscript%3E").status_code == 404
    assert "<script>" not in browser.get("/people/person?id=%3Cscript%3E").text


def test_a_persons_page_says_what_the_ledger_says(desk: Desk) -> None:
    browser = browser_of(desk, "risk-officer")
    text = browser.get("/people/person?id=second-officer").text
    assert "Given: others who may sign for this person" in text
    assert "in use" in text
    assert "on leave" in text
    assert "Second Officer (second-officer) may act as compliance, model-risk" in text
    held = browser.get("/people/person?id=risk-officer").text
    assert "Held: for whom this person may sign" in held
    assert "/people/revoke?delegation=7" in held  # hers to end
    assert "/people/revoke" not in text  # not from another's page


def test_disabling_is_for_ever_and_the_id_is_never_used_again(desk: Desk) -> None:
    browser = browser_of(desk, "second-officer")
    victim = browser_of(desk, "compliance-officer")
    assert victim.get("/").status_code == 200
    page = browser.get("/people/disable?id=compliance-officer").text
    assert "After this, Model Risk Officer, Second Officer could still sign." in page
    fields = proof(browser, "/people/disable?id=compliance-officer", sure="yes")
    answer = browser.post("/people/disable", fields)
    assert answer.status_code == 303
    *_, entry = desk.ledger.entries()
    assert entry.statement.body["event"] == "disabled"
    assert entry.statement.actor.id == "second-officer"
    assert f"Recorded as entry {entry.seq}" in browser.get(answer.headers["location"]).text
    assert victim.get("/").status_code == 303  # her session is over
    assert victim.login("compliance-officer").status_code == 401
    text = browser.get("/people").text
    assert f"since {entry.time:%Y-%m-%d %H:%M:%S} UTC" in row_of(text, "Compliance Officer")
    assert "/people/disable" not in browser.get("/people/person?id=compliance-officer").text
    with pytest.raises(ConfigurationError, match="never reused"):
        desk.accounts.add(Person("compliance-officer", "Another Person", ("legal",)), factory.SECRET)
    assert [item.id for item in desk.accounts.people()].count("compliance-officer") == 1


def test_who_disables_the_last_but_one_is_warned(desk: Desk) -> None:
    browser = browser_of(desk, "second-officer")
    dismiss(desk, "compliance-officer", None)
    text = browser.get("/people/disable?id=risk-officer").text
    assert "After this, only Second Officer could still sign" in text


WRONG_DISABLES = [
    ("a wrong password", {"password": "wrong"}, 403),
    ("a wrong code", {"code": "000000"}, 403),
    ("no code", {"code": ""}, 403),
    ("not meant", {"sure": ""}, 409),
    ("another session's form", {"csrf": "x" * 43}, 403),
    ("nobody", {"id": "nobody"}, 404),
]


@pytest.mark.parametrize(("what", "changes", "status"), WRONG_DISABLES, ids=[row[0] for row in WRONG_DISABLES])
def test_nobody_is_disabled_by_a_form_that_proves_nothing(
    desk: Desk, what: str, changes: dict[str, str], status: int
) -> None:
    browser = browser_of(desk, "second-officer")
    fields = proof(browser, "/people/disable?id=compliance-officer", sure="yes") | changes
    size = desk.ledger.size()
    assert browser.post("/people/disable", fields).status_code == status, what
    assert desk.ledger.size() == size
    assert all(person.active for person in desk.accounts.people())


def test_who_signs_nothing_disables_nobody_but_herself(desk: Desk) -> None:
    browser = browser_of(desk, "data-scientist")
    assert "/people/disable" not in browser.get("/people/person?id=risk-officer").text
    fields = proof(browser, "/people/disable?id=risk-officer", sure="yes")
    assert browser.post("/people/disable", fields).status_code == 403
    assert all(person.active for person in desk.accounts.people())
    fields = proof(browser, "/people/disable?id=data-scientist", sure="yes")
    assert browser.post("/people/disable", fields).status_code == 303
    assert browser.get("/people").status_code == 303  # her own session is over too


def test_a_delegation_is_given_used_and_ended(desk: Desk) -> None:
    browser = browser_of(desk, "compliance-officer")
    day = (desk.clock() + timedelta(days=10)).date()
    fields = proof(browser, "/people/delegate", function="compliance", to="risk-officer", last_day=day.isoformat())
    answer = browser.post("/people/delegate", {**fields, "reason": "on leave"})
    assert answer.status_code == 303
    *_, entry = desk.ledger.entries()
    body = entry.statement.body
    assert (body["delegate"], body["function"], body["reason"]) == ("risk-officer", "compliance", "on leave")
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    assert datetime.fromisoformat(body["until"]) == end
    assert body["assurance"] == "server-attested"
    path = f"/people/revoke?delegation={entry.seq}"
    for person in ("data-scientist", "second-officer"):
        assert browser_of(desk, person).get(path).status_code == 404  # neither gave nor got it
    receiver = browser_of(desk, "risk-officer")
    answer = receiver.post("/people/revoke", {**proof(receiver, path), "reason": "not needed"})
    assert answer.status_code == 303
    assert charter_of(desk).delegations[-1].revoked
    assert "revoked" in browser.get("/people/person?id=compliance-officer").text
    assert browser.get(path).status_code == 404


WRONG_DELEGATIONS = [
    ("a function that she does not hold", {"function": "model-risk"}, 403),
    ("to herself", {"to": "compliance-officer"}, 409),
    ("to nobody", {"to": "nobody"}, 409),
    ("to an account that the ledger does not know", {"to": "shadow"}, 409),
    ("for too long", {"last_day": "2027-12-31"}, 409),
    ("for a day that is past", {"last_day": "2026-01-01"}, 409),
    ("without a day", {"last_day": ""}, 409),
    ("until a day that no calendar has", {"last_day": "9999-12-31"}, 409),
    ("without a reason", {"reason": "  "}, 409),
    ("with a wrong password", {"password": "wrong"}, 403),
]


@pytest.mark.parametrize(("what", "changes", "status"), WRONG_DELEGATIONS, ids=[row[0] for row in WRONG_DELEGATIONS])
def test_a_delegation_that_cannot_be_is_not_recorded(
    desk: Desk, what: str, changes: dict[str, str], status: int
) -> None:
    browser = browser_of(desk, "compliance-officer")
    day = (desk.clock() + timedelta(days=10)).date().isoformat()
    right = {"function": "compliance", "to": "risk-officer", "last_day": day, "reason": "my <own> reason"}
    fields = proof(browser, "/people/delegate", **right) | changes
    size = desk.ledger.size()
    answer = browser.post("/people/delegate", fields)
    assert answer.status_code == status, what
    assert "Nothing was recorded" in answer.text
    assert desk.ledger.size() == size
    assert "reason" in changes or "my &lt;own&gt; reason" in answer.text  # what was typed is kept


# --- policies --------------------------------------------------------------------------------------------------------


def test_the_policy_in_force_is_told_in_words_with_its_raci_table(desk: Desk) -> None:
    text = browser_of(desk, "data-scientist").get("/policies").text
    assert "In force: default 2" in text
    assert "Compliance Officer and Model Risk Officer" in text
    assert "/entry/11" in text
    for words in (
        "candidate, challenger and shadow",
        "held until people have signed",
        "compliance and model-risk",
        "selection rate as a ratio: at least 0.8",
        "24 hours",
        "90 days",
    ):
        assert words in text
    table = text[text.index('<table class="folded raci">') :]
    assert re.findall(r"<div>([^<]*)</div>", row_of(table, "scheduled audit"))[:4] == [
        "data-science",
        "model-risk",
        "–",
        "compliance",
    ]
    assert "None. To propose a policy" in text


def test_earlier_policies_lead_to_what_changed(desk: Desk) -> None:
    browser = browser_of(desk, "data-scientist")
    text = browser.get("/policies").text
    (link,) = re.findall(r'href="(/policies/changes[^"]+)"', text)
    changes = browser.get(link.replace("&amp;", "&")).text
    assert "Fields that differ (3)" in changes
    assert "72 hours" in row_of(changes, "Without evidence, in an emergency, for at most")
    assert "24 hours" in row_of(changes, "Without evidence, in an emergency, for at most")
    assert "informed legal" in row_of(changes, "release of a high-impact version")
    unknown = "sha256:" + "0" * 64
    assert browser.get(f"/policies/changes?before={unknown}&after={unknown}").status_code == 404
    assert browser.get("/policies/changes?before=../../etc/passwd&after=x").status_code == 404


def test_bytes_that_are_gone_are_said_to_be_gone_and_never_shown_as_a_policy(desk: Desk) -> None:
    charter = charter_of(desk)
    (desk.evidence.folder / charter.adoptions[0].digest[7:9] / charter.adoptions[0].digest[7:]).unlink()
    browser = browser_of(desk, "data-scientist")
    link = f"/policies/changes?before={charter.adoptions[0].digest}&after={charter.adoptions[1].digest}"
    text = browser.get(link).text
    assert "What changed cannot be shown" in text
    assert "is missing" in text
    assert "No field differs" not in text


@pytest.fixture
def proposed(desk: Desk) -> Desk:
    return rooms.under(desk, ("sign_off_valid_days = 90", "sign_off_valid_days = 60"), version="3")


def test_two_persons_adopt_the_policy_that_is_proposed(proposed: Desk) -> None:
    first = browser_of(proposed, "compliance-officer")
    text = first.get("/policies").text
    assert "Proposed: default 3" in text
    assert "2 more are needed" in text
    assert "is not in force, so nothing is released" in text
    assert "60 days" in row_of(text, "A sign-off counts for")
    answer = first.post("/policies/approve", {**proof(first, "/policies"), "reason": REASON})
    assert answer.status_code == 303
    assert "Recorded as entry" in first.get(answer.headers["location"]).text
    again = first.get("/policies").text
    assert "You cannot approve it: Compliance Officer has approved this policy already" in again
    assert "Approvals that wait for another person (1)" in again
    second = browser_of(proposed, "risk-officer")
    assert "1 more is needed" in second.get("/policies").text
    assert second.post("/policies/approve", {**proof(second, "/policies"), "reason": REASON}).status_code == 303
    assert "In force: default 3" in second.get("/policies").text
    assert charter_of(proposed).in_force(proposed.policy.digest)
    entry = [item for item in proposed.ledger.entries() if item.statement.predicate_type.word == "policy-approval"][-1]
    assert entry.statement.body["assurance"] == "server-attested"
    assert entry.statement.body["authentication"].endswith("at the console")


WRONG_APPROVALS = [
    ("another policy than was shown", "compliance-officer", {"digest": "sha256:" + "0" * 64}, 409),
    ("no digest", "compliance-officer", {"digest": ""}, 409),
    ("no reason", "compliance-officer", {"reason": " "}, 409),
    ("a reason that is too long", "compliance-officer", {"reason": "x" * 4_001}, 409),
    ("a wrong password", "compliance-officer", {"password": "wrong"}, 403),
    ("a wrong code", "compliance-officer", {"code": "000000"}, 403),
    ("a forged form", "compliance-officer", {"csrf": ""}, 403),
]


@pytest.mark.parametrize(
    ("what", "person", "changes", "status"), WRONG_APPROVALS, ids=[row[0] for row in WRONG_APPROVALS]
)
def test_an_approval_that_proves_nothing_is_not_recorded(
    proposed: Desk, what: str, person: str, changes: dict[str, str], status: int
) -> None:
    browser = browser_of(proposed, person)
    fields = {**proof(browser, "/policies"), "reason": REASON} | changes
    size = proposed.ledger.size()
    assert browser.post("/policies/approve", fields).status_code == status, what
    assert proposed.ledger.size() == size


def test_a_policy_that_waits_and_is_not_this_consoles_is_told(desk: Desk, proposed: Desk) -> None:
    first = browser_of(proposed, "compliance-officer")
    first.post("/policies/approve", {**proof(first, "/policies"), "reason": REASON})
    text = browser_of(desk, "risk-officer").get("/policies").text  # a console that works with the policy in force
    assert "Approvals that wait for another person (1)" in text
    assert "default 3" in text
    assert "FAIRGATE_POLICY" in text
    assert "Proposed:" not in text


def test_a_policy_whose_time_is_over_is_told(desk: Desk) -> None:
    ended = rooms.under(desk, ("# valid_until = 2027-12-31", "valid_until = 2026-10-04"), version="3")
    for person in ("compliance-officer", "risk-officer"):
        browser = browser_of(ended, person)
        assert browser.post("/policies/approve", {**proof(browser, "/policies"), "reason": REASON}).status_code == 303
    assert "so not today: nothing is released under it" in browser.get("/policies").text


# --- schedules -------------------------------------------------------------------------------------------------------


def test_nights_are_told_in_words_with_what_is_missing_between_them(desk: Desk) -> None:
    text = browser_of(desk, "data-scientist").get("/schedules").text
    assert "Nights that ran (4)" in text
    rows = text[text.index("The newest first") :].split("<tr")[2:]
    assert "service unreachable" in rows[0]
    assert "exit code 6" in rows[0]
    assert "about 3 missed after" in rows[1]
    assert "no adverse finding" in rows[1]
    assert "adverse finding" in rows[2]
    assert "missed" not in rows[3]
    assert re.search(r"sha256:[0-9a-f]{64}", rows[0])


def test_a_night_that_should_have_run_since_is_told(desk: Desk) -> None:
    desk.clock.now += timedelta(days=4)  # type: ignore[attr-defined]
    assert "Missed: no night ran since" in browser_of(desk, "data-scientist").get("/schedules").text


def test_before_the_first_night_nothing_is_missed(tmp_path: Path) -> None:
    text = browser_of(factory.new_desk(tmp_path), "data-scientist").get("/schedules").text
    assert "No night has run yet" in text
    assert "Missed" not in text


def test_many_nights_are_told_in_pages(desk: Desk) -> None:
    for _ in range(70):
        rooms.night(desk, 1)
    browser = browser_of(desk, "data-scientist")
    text = browser.get("/schedules").text
    older = re.search(r'href="(/schedules\?before=\d+)"', text)
    assert older
    first = set(re.findall(r'href="/entry/(\d+)"', text))
    second = set(re.findall(r'href="/entry/(\d+)"', browser.get(older[1]).text))
    assert (len(first), len(second), len(first & second)) == (60, 14, 0)


def test_a_night_whose_entry_says_little_is_unknown_and_never_quiet(desk: Desk) -> None:
    from governance.record import ran

    desk.ledger.append(ran("nightly", "a night of another version", {"exit_code": None}))
    row = (
        browser_of(desk, "data-scientist")
        .get("/schedules")
        .text.split("a night of another version")[0]
        .rsplit("<tr")[-1]
    )
    assert "unknown" in row
    assert "exit code not recorded" in row
    assert "no adverse finding" not in row


SCHEDULES: dict[str, tuple[tuple[Scheduled, ...] | None, str]] = {
    "does not answer": (None, "The scheduler does not answer, so what comes next is not known here"),
    "has none": ((), "has no schedule: nothing runs by itself"),
    "has two": (
        (
            Scheduled("nightly", "0 2 * * * (UTC)", datetime(2026, 10, 15, 2, tzinfo=UTC), paused=False),
            Scheduled("<b>odd</b>", None, None, paused=True),
        ),
        "2026-10-15 02:00:00 UTC",
    ),
}


@pytest.mark.parametrize("what", SCHEDULES)
def test_what_comes_next_is_the_schedulers_word_and_unknown_is_not_none(desk: Desk, what: str) -> None:
    answer, words = SCHEDULES[what]
    text = browser_of(desk, "data-scientist", Outside(schedules=lambda: answer)).get("/schedules").text
    assert words in text
    others = [said for key, (_, said) in SCHEDULES.items() if key != what]
    assert not any(said in text for said in others)
    if what == "has two":
        assert "Audit of everything that is live" in text
        assert "&lt;b&gt;odd&lt;/b&gt;" in text
        assert "none while paused" in text


# --- who may what: the table of docs/guides/single-sign-on.md ---------------------------------------------------------

ROLES = ("reader without function", "signer", "excluded signer", "disabled", "unknown to the ledger")
MAY: dict[str, tuple[bool, bool, bool, bool, bool]] = {
    "read": (True, True, True, False, True),
    "sign": (False, True, False, False, False),
    "withdraw": (False, True, True, False, False),
    "adopt": (False, True, True, False, False),
    "delegate": (True, True, True, False, False),
    "disable another": (False, True, True, False, False),
    "see failed attempts": (False, True, True, False, False),
}
READ = ("/", CASE, "/ledger", "/people", "/people/person?id=risk-officer", "/policies", "/schedules", "/me")


def who(desk: Desk, role: str) -> str:
    """A person of this role; the excluded signer owns the data of the case."""
    match role:
        case "reader without function":
            return "data-scientist"
        case "signer":
            return "risk-officer"
        case "excluded signer":
            return "compliance-officer"
        case "disabled":
            dismiss(desk, "risk-officer", None)
            return "risk-officer"
    return "shadow"


@pytest.mark.parametrize("act", MAY)
@pytest.mark.parametrize("role", ROLES)
def test_the_pages_hold_to_the_table_of_roles(tmp_path: Path, role: str, act: str) -> None:
    allowed = MAY[act][ROLES.index(role)]
    desk = rooms.busy_desk(tmp_path)
    rooms.record_case_of(desk, "compliance-officer")
    proposed = rooms.under(desk, ("sign_off_valid_days = 90", "sign_off_valid_days = 60"), version="3")
    if act == "withdraw":
        rooms.sign_all(desk, "2")
    person = who(desk, role)
    browser = Browser(create_app(proposed if act == "adopt" else desk, secure_cookies=False))
    if role == "disabled":
        assert browser.login(person).status_code == 401
        assert all(browser.get(path).status_code == 303 for path in READ)
        return
    assert browser.login(person).status_code == 303
    assert ACTS[act](browser, desk) is allowed


def _reads(browser: Browser, _desk: Desk) -> bool:
    return all(browser.get(path).status_code == 200 for path in READ)


def _records(browser: Browser, desk: Desk, path: str, fields: dict[str, str]) -> bool:
    size = desk.ledger.size()
    done = browser.post(path, fields).status_code == 303
    assert done is (desk.ledger.size() > size)
    return done


def _signs(browser: Browser, desk: Desk) -> bool:
    page = browser.get(CASE.replace("/case?", "/case/sign?")).text
    offered = 'action="/sign"' in page
    forced = rooms.sign_form(browser)
    assert _records(browser, desk, "/sign", forced) is offered  # what is not offered is refused too
    return offered


def _withdraws(browser: Browser, desk: Desk) -> bool:
    path = CASE.replace("/case?", "/case/withdraw?")
    page = browser.get(path).text
    offered = 'action="/withdraw"' in page
    taken = re.findall(r'name="(take_\d+)"', page) or [f"take_{seq}" for seq in range(desk.ledger.size())]
    fields = {**rooms.sign_form(browser), **dict.fromkeys(taken[:40], "1"), "reason": REASON}
    assert _records(browser, desk, "/withdraw", fields) is offered
    return offered


def _adopts(browser: Browser, desk: Desk) -> bool:
    offered = 'action="/policies/approve"' in browser.get("/policies").text
    digest = browser.app.state.desk.policy.digest
    fields = {**rooms.base_fields(browser), "digest": digest, "reason": REASON}
    assert _records(browser, desk, "/policies/approve", fields) is offered
    return offered


def _delegates(browser: Browser, desk: Desk) -> bool:
    day = (desk.clock() + timedelta(days=5)).date().isoformat()
    me = browser.person or ""
    offered = "/people/delegate" in browser.get(f"/people/person?id={me}").text
    function = next((person.functions[0] for person in desk.accounts.people() if person.id == me), "")
    fields = {**rooms.base_fields(browser), "to": "second-officer", "function": function, "last_day": day}
    assert _records(browser, desk, "/people/delegate", {**fields, "reason": REASON}) is offered
    return offered


def _disables(browser: Browser, desk: Desk) -> bool:
    offered = "/people/disable?" in browser.get("/people/person?id=second-officer").text
    fields = {**rooms.base_fields(browser), "id": "second-officer", "sure": "yes"}
    assert _records(browser, desk, "/people/disable", fields) is offered
    return offered


def _sees_failures(browser: Browser, _desk: Desk) -> bool:
    return "Failed attempts" in browser.get("/people").text


ACTS: dict[str, Any] = {
    "read": _reads,
    "sign": _signs,
    "withdraw": _withdraws,
    "adopt": _adopts,
    "delegate": _delegates,
    "disable another": _disables,
    "see failed attempts": _sees_failures,
}


def test_people_are_added_at_the_command_line_alone(desk: Desk) -> None:
    browser = browser_of(desk, "second-officer")
    for path in ("/people", "/people/add", "/people/link"):
        assert browser.post(path, rooms.base_fields(browser)).status_code in (404, 405)


def test_whoever_gave_it_may_delegate_again_after_it_ended(desk: Desk) -> None:
    until = desk.clock() + timedelta(hours=1)
    delegate(desk, rooms.person("compliance-officer"), "risk-officer", "compliance", until, "an hour", "password")
    desk.clock.now += timedelta(hours=2)  # type: ignore[attr-defined]
    text = browser_of(desk, "compliance-officer").get("/people/person?id=compliance-officer").text
    assert "ended; what was signed by it stays" in text
    assert "/people/revoke" not in text
