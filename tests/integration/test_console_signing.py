"""The sign page without scripts: what it tells, conditions, what was opened, moved evidence, and what comes after."""

from __future__ import annotations

import html
import io
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import life_factory as life
import pytest
import report_factory as factory
from console_browser import CASE, REASON, SIGN, Browser, hidden

from audits.result import Verdict
from governance.case import open_case
from governance.delegating import delegate, revoke
from governance.desk import Desk
from governance.ledger.receipt import write_proof
from governance.sections import SECTIONS
from governance.statement import Entry
from reports.console.app import create_app
from reports.console.moved import moved_rows, verdicts_moved

WITHDRAW = CASE.replace("/case", "/case/withdraw")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    return made


@pytest.fixture
def officer(desk: Desk) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login("compliance-officer").status_code == 303
    return browser


def _another(officer: Browser, person: str) -> Browser:
    browser = Browser(officer.app)
    assert browser.login(person).status_code == 303
    return browser


def _last(desk: Desk) -> Entry:
    *_, entry = desk.ledger.entries()
    return entry


def _day(desk: Desk, days: int) -> str:
    return f"{desk.clock() + timedelta(days=days):%Y-%m-%d}"


def _terms(desk: Desk, number: int = 1, days: int = 9, owner: str = "data-scientist") -> dict[str, str]:
    """The fields of one condition, filled in."""
    return {
        f"condition_text_{number}": f"Audit newer data <{number}>",
        f"condition_owner_{number}": owner,
        f"condition_due_{number}": _day(desk, days),
    }


def _text(page: str) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


# --- what the page tells -------------------------------------------------------------------------------------------


def test_the_page_says_what_is_signed_before_it_asks(officer: Browser, desk: Desk) -> None:
    page = officer.get(SIGN).text
    places = [page.index(mark) for mark in ('id="bound"', 'id="means"', 'id="read"', 'id="others"', 'action="/sign"')]
    assert places == sorted(places)
    shown = open_case(desk, "hiring", "2", "champion").shown()
    for digest in (shown.model_digest, shown.report_digest, shown.data_digest, shown.validation_digest):
        assert page.count(f"{digest}") == 2, "once to read, once to send back"
    words = _text(page)
    assert "It counts until 2027-01-03" in words
    assert "You opened 0 of 10 sections." in words
    assert "Nobody has signed yet. needed compliance: Compliance Officer or Second Officer can give it." in words
    assert "not that it was read or understood" in words


def test_newer_audits_are_named_beside_what_is_signed(officer: Browser, desk: Desk) -> None:
    audit = open_case(desk, "hiring", "2", "champion").dossier.audit()
    first = _text(officer.get(SIGN).text)
    assert audit and f"What was measured of it for the release (ledger entry {audit.seq}, 2026-10-05" in first
    assert "Everything that was measured" not in first
    assert "Measured since" not in first
    entries = [life.monitor(desk, "2", life.scaled(1.0))[0].seq for _ in range(5)]
    words = _text(officer.get(SIGN).text)
    for seq in entries[-3:]:
        assert f"Scheduled audit, ledger entry {seq}, 2026-10-05" in words
    assert f"ledger entry {entries[1]}," not in words
    assert "insufficient evidence. 2 earlier scheduled audits, 0 of them adverse: the ledger has them." in words


def test_no_form_of_a_condition_is_open_before_somebody_asks_for_it(officer: Browser, desk: Desk) -> None:
    page = officer.get(SIGN).text
    fold = page[page.index("conditions-form") : page.index('for="function"')]
    assert page.count("<details") == page.count("</details>")
    assert re.match(r'conditions-form">\s*<summary>', fold)
    assert fold.count('<details class="another">') == 2
    again = officer.post("/case/sign", officer.form(decision="conditions", **_terms(desk, 3))).text
    assert 'conditions-form" open>' in again
    assert again.count('<details class="another" open>') == 1
    assert again.count('<details class="another">') == 1


def test_who_has_signed_and_who_is_needed_is_told(officer: Browser, desk: Desk) -> None:
    officer.post("/sign", officer.form())
    words = _text(_another(officer, "risk-officer").get(SIGN).text)
    assert "approved Compliance Officer as compliance, 2026-10-05" in words
    assert "needed model-risk: Model Risk Officer or Second Officer can give it." in words


def test_the_page_without_a_session_and_of_no_case_is_not_shown(officer: Browser) -> None:
    assert Browser(officer.app).get(SIGN).status_code == 303
    assert officer.get(SIGN.replace("version=2", "version=7")).status_code == 404
    assert officer.get("/case/sign").status_code == 404


# --- conditions ----------------------------------------------------------------------------------------------------


def test_an_approval_on_conditions_is_recorded_with_them(officer: Browser, desk: Desk) -> None:
    form = officer.form(decision="conditions", **_terms(desk, 1), **_terms(desk, 3, 2, "risk-officer"))
    answer = officer.post("/sign", form)
    assert answer.status_code == 303, answer.text
    entry = _last(desk)
    assert entry.statement.meaning == "I approve the release of hiring v2 as champion in local, on 2 conditions"
    assert entry.statement.body["conditions"] == [
        {"text": "Audit newer data <1>", "owner": "data-scientist", "due": _day(desk, 9)},
        {"text": "Audit newer data <3>", "owner": "risk-officer", "due": _day(desk, 2)},
    ]
    receipt = officer.get(answer.headers["location"]).text
    assert "Audit newer data &lt;1&gt;" in receipt
    assert "<1>" not in receipt
    assert f"Model Risk Officer (risk-officer), due {_day(desk, 2)}" in receipt
    assert "Meeting it later revives nothing" in receipt


REFUSED_TERMS = [
    ("an approval with conditions", {"decision": "approve"}, "approve without"),
    ("a refusal with conditions", {"decision": "refuse"}, "a refusal is final and carries no conditions"),
    ("no text", {"condition_text_1": "  "}, "condition 1 has no text"),
    ("no owner", {"condition_owner_1": ""}, "condition 1 has no owner"),
    ("no day", {"condition_due_1": ""}, "condition 1 has no day"),
    ("no real day", {"condition_due_1": "tomorrow"}, "which is no day"),
    ("a day gone by", {"condition_due_1": "2026-10-04"}, "condition 1 is due 2026-10-04: write a day from 2026-10-05"),
    ("a day after its end", {"condition_due_1": "2027-01-04"}, "to 2027-01-03, when the sign-off expires"),
    ("a stranger", {"condition_owner_1": "nobody"}, "who is no active person here"),
    ("too long", {"condition_text_1": "x" * 501}, "has 501 characters: write 1 to 500"),
]


@pytest.mark.parametrize(("what", "changes", "words"), REFUSED_TERMS, ids=[row[0] for row in REFUSED_TERMS])
def test_conditions_that_cannot_be_recorded_are_told_and_kept(
    officer: Browser, desk: Desk, what: str, changes: dict[str, str], words: str
) -> None:
    size = desk.ledger.size()
    form = officer.form(**{"decision": "conditions", **_terms(desk), **changes})
    answer = officer.post("/sign", form)
    assert answer.status_code == 409, what
    assert words in _text(answer.text)
    assert desk.ledger.size() == size
    assert REASON in answer.text
    assert form["condition_text_1"].strip() in html.unescape(answer.text)


def test_conditions_that_were_chosen_and_not_named_are_asked_for(officer: Browser, desk: Desk) -> None:
    answer = officer.post("/sign", officer.form(decision="conditions"))
    assert answer.status_code == 409
    assert "you approve on conditions, and named none" in answer.text


def test_more_rows_come_by_sending_the_form_and_nothing_is_lost_or_recorded(officer: Browser, desk: Desk) -> None:
    form = officer.form(decision="conditions", more="1", **_terms(desk, 2))
    size = desk.ledger.size()
    for rows in (6, 9, 10):
        answer = officer.post("/case/sign", form)
        assert answer.status_code == 200
        assert answer.text.count('name="condition_text_') == rows
        assert "Audit newer data &lt;2&gt;" in answer.text
        assert REASON in answer.text
        assert factory.SECRET not in answer.text
        form |= {f"condition_text_{number}": "" for number in range(1, rows + 1) if number != 2}
    assert "Add rows" not in answer.text
    assert desk.ledger.size() == size


def test_ten_conditions_can_be_named(officer: Browser, desk: Desk) -> None:
    terms: dict[str, str] = {}
    for number in range(1, 11):
        terms |= _terms(desk, number)
    assert officer.post("/sign", officer.form(decision="conditions", **terms)).status_code == 303
    assert len(_last(desk).statement.body["conditions"]) == 10


# --- what was opened -----------------------------------------------------------------------------------------------


def test_sections_are_counted_by_request_and_recorded_with_the_signature(officer: Browser, desk: Desk) -> None:
    for page in (CASE, CASE, CASE.replace("/case", "/case/rates"), CASE.replace("/case", "/case/limits")):
        assert officer.get(page).status_code == 200
    words = _text(officer.get(SIGN).text)
    assert "You opened 3 of 10 sections: summary twice, group rates, limits." in words
    left = "verdicts, intersections, within strata, data quality, model card, what changed and the record"
    assert f"Not opened: {left}." in words
    officer.post("/sign", officer.form())
    reading = _last(desk).statement.body["reading"]
    assert {key: value["opened"] for key, value in reading.items()} == {"summary": 2, "rates": 1, "limits": 1}


def test_who_opens_all_on_one_page_has_opened_every_section(officer: Browser, desk: Desk) -> None:
    officer.get(CASE.replace("/case", "/case/all"))
    assert "You opened 10 of 10 sections" in _text(officer.get(SIGN).text)
    assert "Not opened" not in _text(officer.get(SIGN).text)
    nav = officer.get(CASE).text
    assert nav.count('class="opened"') == 10


def test_reading_is_of_exactly_this_evidence_and_of_one_person(officer: Browser, desk: Desk) -> None:
    officer.get(CASE)
    assert "You opened 0 of 10" in _text(_another(officer, "risk-officer").get(SIGN).text)
    factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), notes=("measured again",)))
    assert "You opened 0 of 10" in _text(officer.get(SIGN).text)


def _mark(page: str) -> dict[str, str]:
    found = re.search(r'data-evidence="([^"]+)" data-csrf="([^"]+)" data-sections="([^"]+)"', page)
    assert found is not None
    return {"evidence": found[1], "csrf": found[2], "sections": found[3]}


def test_the_seconds_that_a_browser_tells_are_bounded_by_this_clock(officer: Browser, desk: Desk) -> None:
    mark, opened = _mark(officer.get(CASE).text), desk.clock()
    assert mark.pop("sections") == "summary"
    desk.clock.now += timedelta(seconds=60)  # type: ignore[attr-defined]
    assert officer.post("/reading", {**mark, "seconds_summary": "45"}).status_code == 204
    for said in ("-5", "1e3", "", "９", "9999999", "999999"):
        assert officer.post("/reading", {**mark, "seconds_summary": said, "seconds_rates": "50"}).status_code == 204
    passed = (desk.clock() - opened).total_seconds()
    officer.post("/sign", officer.form())
    reading = _last(desk).statement.body["reading"]
    assert set(reading) == {"summary"}, "what was not opened gathers no seconds"
    assert 45 <= reading["summary"]["seconds"] <= passed


def test_seconds_from_another_page_or_without_the_token_are_not_taken(officer: Browser, desk: Desk) -> None:
    mark = _mark(officer.get(CASE).text)
    desk.clock.now += timedelta(seconds=60)  # type: ignore[attr-defined]
    assert officer.post("/reading", {**mark, "csrf": "x", "seconds_summary": "30"}).status_code == 403
    assert officer.post("/reading", {**mark, "seconds_summary": "30"}, origin="http://evil.example").status_code == 403
    assert Browser(officer.app).post("/reading", {**mark, "seconds_summary": "30"}).status_code == 303
    risk = _another(officer, "risk-officer")
    token = _mark(risk.get(CASE.replace("/case", "/case/rates")).text)["csrf"]
    assert risk.post("/reading", {**mark, "csrf": token, "seconds_summary": "30"}).status_code == 204
    assert "opened 1 of 10 sections: summary." in _text(officer.get(SIGN).text)
    assert "opened 1 of 10 sections: group rates." in _text(risk.get(SIGN).text)


def test_a_policy_can_ask_that_sections_are_opened(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, policy=lambda data: _asked(data, "summary", "limits"))
    factory.record_case(desk, "2")
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login("compliance-officer")
    browser.get(CASE)
    assert "The policy asks that who approves has opened these too: limits." in _text(browser.get(SIGN).text)
    answer = browser.post("/sign", browser.form())
    assert answer.status_code == 409
    assert "has opened limits of exactly this evidence" in answer.text
    browser.get(CASE.replace("/case", "/case/limits"))
    assert browser.post("/sign", browser.form()).status_code == 303
    assert set(_last(desk).statement.body["reading"]) == {"summary", "limits"}


def test_a_refusal_needs_no_section_opened(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, policy=lambda data: _asked(data, *SECTIONS))
    factory.record_case(desk, "2")
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login("compliance-officer")
    assert browser.post("/sign", browser.form(decision="refuse")).status_code == 303


def _asked(data: bytes, *sections: str) -> bytes:
    """The policy's bytes, asking for these sections."""
    changed = data.replace(b"must_open = []", b"must_open = [" + ", ".join(f'"{x}"' for x in sections).encode() + b"]")
    assert changed != data
    return changed


# --- moved evidence ------------------------------------------------------------------------------------------------


def test_moved_evidence_keeps_what_was_typed_for_the_new_form(officer: Browser, desk: Desk) -> None:
    form = officer.form(decision="conditions", reason=f"{REASON}\r\nSecond line.", **_terms(desk))
    factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), notes=("measured again",)))
    answer = officer.post("/sign", form)
    assert answer.status_code == 409
    assert "The evidence has moved" in answer.text
    assert "u000d" not in answer.text
    assert REASON in answer.text
    kept = hidden(answer.text)
    assert {"password", "code", "report_digest"}.isdisjoint(kept)
    assert factory.SECRET not in answer.text
    again = officer.post("/case/sign", kept)
    assert again.status_code == 200
    assert REASON in again.text
    assert 'value="conditions" required checked' in again.text
    assert "Audit newer data &lt;1&gt;" in again.text
    now = open_case(desk, "hiring", "2", "champion").shown().report_digest
    assert hidden(again.text[again.text.index('action="/sign"') :])["report_digest"] == now


def test_what_moved_is_said_in_words_with_the_verdicts_that_differ(officer: Browser, desk: Desk) -> None:
    form, made = officer.form(), factory.audit_of("2")
    before = open_case(desk, "hiring", "2", "champion").dossier.audit()
    bounded = next(item for item in made.disparities if item.bound is not None and item.verdict is Verdict.WATCH)
    worse = tuple(replace(item, verdict=Verdict.ADVERSE) if item == bounded else item for item in made.disparities)
    factory.record_case(desk, "2", audit=replace(made, disparities=worse))
    words = _text(officer.post("/sign", form).text)
    now = open_case(desk, "hiring", "2", "champion").dossier.audit()
    assert before and now and before.seq != now.seq
    assert f"Audit, ledger entry {before.seq}, 2026-10-05" in words
    assert f"Audit, ledger entry {now.seq}, 2026-10-05" in words
    said = words[words.index("Which verdicts differ") :]
    assert re.search(r"Impact ratio, Selection rate, sex=nonbinary against sex=male: was watch, is adverse\.", said), (
        said
    )


def test_a_digest_that_the_ledger_does_not_have_is_not_read(desk: Desk) -> None:
    case = open_case(desk, "hiring", "2", "champion")
    strange = replace(case.shown(), report_digest="sha256:" + "0" * 64)
    (row,) = moved_rows(case, strange)
    assert row.before_words == "The ledger has nothing of this case under this digest."
    assert verdicts_moved(desk, case, strange)[0].startswith("Verdicts cannot be compared")


def test_an_audit_that_ended_alike_moved_no_verdict(officer: Browser, desk: Desk) -> None:
    form = officer.form()
    factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), notes=("measured again",)))
    words = _text(officer.post("/sign", form).text)
    assert re.search(r"No verdict differs: all [1-9]\d* comparisons with a bound ended as in the audit shown", words)


# --- after signing -------------------------------------------------------------------------------------------------


def test_the_receipt_is_one_file_with_the_exact_entry_and_its_proof(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    factory.record_case(desk, "2")
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login("compliance-officer")
    page = browser.post("/sign", browser.form()).headers["location"]
    entry = _last(desk)
    assert f'href="/entry/{entry.seq}/receipt.zip"' in browser.get(page).text
    answer = browser.get(f"/entry/{entry.seq}/receipt.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        name = f"fairgate-entry-{entry.seq}"
        explained = ["keys.json", "verify_receipt.py", "verify_export.py", "README.txt"]
        assert packed.namelist() == [f"{name}.json", f"{name}.tlog-proof", f"{name}.txt", *explained]
        assert packed.read(f"{name}.json") == entry.envelope
        assert packed.read(f"{name}.tlog-proof").decode() == write_proof(desk.ledger.receipt(entry.seq))
        assert f"check-receipt {name}.tlog-proof" in packed.read("README.txt").decode()
    assert browser.get(f"/entry/{entry.seq}/receipt.zip").content == answer.content


def _prove(browser: Browser, desk: Desk, path: str, action: str, **fields: str) -> dict[str, str]:
    """The hidden fields of the form with this action, filled in and proved."""
    code = factory.code(desk, browser.person)
    page = browser.get(path).text
    found = hidden(page[page.index(f'action="{action}"') :])
    return {**found, "reason": REASON, "password": factory.SECRET, "code": code, **fields}


def test_a_signer_withdraws_her_approval_on_a_page_of_its_own(officer: Browser, desk: Desk) -> None:
    officer.post("/sign", officer.form())
    seq = _last(desk).seq
    risk = _another(officer, "risk-officer")
    risk.post("/sign", risk.form())
    assert f'name="take_{seq}" value="1" checked' in officer.get(WITHDRAW).text
    ticked = {f"take_{seq}": "1"}
    wrong = officer.post("/withdraw", _prove(officer, desk, WITHDRAW, "/withdraw", password="no", **ticked))
    assert wrong.status_code == 403
    assert REASON in wrong.text
    answer = officer.post("/withdraw", _prove(officer, desk, WITHDRAW, "/withdraw", **ticked))
    assert answer.status_code == 303, answer.text
    entry = _last(desk)
    assert (entry.statement.predicate_type.word, entry.statement.body["sign_off"]) == ("withdrawal", seq)
    assert "Recorded as entry" in officer.get(answer.headers["location"]).text
    case = open_case(desk, "hiring", "2", "champion")
    assert [item.withdrawn for item in case.dossier.sign_offs] == [True, False], "only what was ticked"


def test_nothing_is_withdrawn_by_who_may_not_or_without_a_choice(officer: Browser, desk: Desk) -> None:
    officer.post("/sign", officer.form())
    seq, size = _last(desk).seq, desk.ledger.size()
    scientist = _another(officer, "data-scientist")
    assert "no approval of this release that you may withdraw" in scientist.get(WITHDRAW).text
    form = _prove(officer, desk, WITHDRAW, "/withdraw")
    assert officer.post("/withdraw", form).status_code == 409
    theirs = form | {f"take_{seq}": "1", "csrf": hidden(scientist.get("/").text)["csrf"]}
    theirs["code"] = factory.code(desk, "data-scientist")
    size = desk.ledger.size()
    assert scientist.post("/withdraw", theirs).status_code in (403, 409)
    assert officer.post("/withdraw", {**form, "csrf": ""}).status_code == 403
    assert desk.ledger.size() == size


def _on_terms(officer: Browser, desk: Desk, owner: str = "data-scientist") -> tuple[int, str]:
    assert officer.post("/sign", officer.form(decision="conditions", **_terms(desk, 1, 9, owner))).status_code == 303
    seq = _last(desk).seq
    return seq, f"{CASE.replace('/case', '/case/condition')}&sign_off={seq}&number=1"


def test_a_condition_is_recorded_as_met_on_a_page_of_its_own(officer: Browser, desk: Desk) -> None:
    seq, page = _on_terms(officer, desk)
    assert html.escape(page) in officer.get(SIGN).text
    assert html.escape(page) in officer.get(CASE.replace("/case", "/case/record")).text
    assert "open until the end of" in _text(officer.get(page).text)
    answer = officer.post("/condition", _prove(officer, desk, page, "/condition"))
    assert answer.status_code == 303, answer.text
    entry = _last(desk)
    body = {"sign_off": seq, "number": 1, "met": True, "function": "compliance", "reason": REASON}
    assert {key: entry.statement.body[key] for key in body} == body
    assert entry.statement.body["authentication"] == "password and code at the console"
    assert "met: recorded by Compliance Officer" in _text(officer.get(page).text)
    desk.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    case = open_case(desk, "hiring", "2", "champion")
    assert "sign-off is missing from: model-risk" in case.decision.missing()[0].reason
    assert "lapsed" not in case.decision.missing()[0].reason


def test_the_owner_or_a_stranger_to_the_function_gets_no_form(officer: Browser, desk: Desk) -> None:
    seq, page = _on_terms(officer, desk, "second-officer")
    for person in ("second-officer", "risk-officer", "data-scientist"):
        browser = _another(officer, person)
        text = browser.get(page).text
        assert 'action="/condition"' not in text, person
        assert "You cannot record it as met" in text
        form = {"csrf": hidden(browser.get("/").text)["csrf"], "name": "hiring", "version": "2", "alias": "champion"}
        proof = {"password": factory.SECRET, "code": factory.code(desk, person), "reason": REASON}
        size = desk.ledger.size()
        answer = browser.post("/condition", {**form, **proof, "sign_off": f"{seq}", "number": "1"})
        assert answer.status_code == 403
        assert desk.ledger.size() == size


def test_a_condition_that_lapsed_is_told_and_cannot_be_met(officer: Browser, desk: Desk) -> None:
    _, page = _on_terms(officer, desk)
    form = _prove(officer, desk, page, "/condition")
    desk.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    officer.login("compliance-officer")
    form |= {"csrf": hidden(officer.get("/").text)["csrf"], "code": factory.code(desk, "compliance-officer")}
    size = desk.ledger.size()
    answer = officer.post("/condition", form)
    assert answer.status_code == 409
    assert "nothing brings it back, a new sign-off is needed" in answer.text
    assert desk.ledger.size() == size
    assert "the approval lapsed" in officer.get(page).text
    assert "does not count: lapsed: condition 1" in _text(officer.get(SIGN).text)
    assert officer.post("/sign", officer.form()).status_code == 303, "a new approval can be given"


NOWHERE = ["sign_off=1&number=1", "sign_off=99999&number=1", "sign_off=-1&number=0", "number=1"]


@pytest.mark.parametrize("query", NOWHERE)
def test_conditions_that_are_not_there_are_not_found(officer: Browser, query: str) -> None:
    assert officer.get(f"{CASE.replace('/case', '/case/condition')}&{query}").status_code == 404


def test_hostile_words_of_conditions_are_text(officer: Browser, desk: Desk) -> None:
    terms = _terms(desk) | {"condition_text_1": "<img src=x onerror=alert(1)>\u202e\x00"}
    assert officer.post("/sign", officer.form(decision="conditions", **terms)).status_code == 303
    seq = _last(desk).seq
    condition = f"{CASE.replace('/case', '/case/condition')}&sign_off={seq}&number=1"
    for path in ("/", SIGN, condition, CASE.replace("/case", "/case/record"), f"/entry/{seq}", CASE):
        page = officer.get(path).text
        assert "<img" not in page, path
        assert "\u202e" not in page, path


def test_nobody_signs_for_another_person_than_the_page_said(desk: Desk) -> None:
    people = {person.id: person for person in factory.PEOPLE}
    end, helper = desk.clock() + timedelta(days=9), "risk-officer"
    first, _ = (
        delegate(desk, people[who], helper, "compliance", end, "on leave", "password").seq
        for who in ("compliance-officer", "second-officer")
    )
    browser = Browser(create_app(desk, secure_cookies=False))
    browser.login(helper)
    form = browser.form(function="compliance")
    assert (form["behalf_compliance"], form["behalf_model-risk"]) == ("compliance-officer", "")
    revoke(desk, people["compliance-officer"], first, "back")
    size = desk.ledger.size()
    answer = browser.post("/sign", form)
    assert answer.status_code == 409
    assert "on behalf of second-officer, and was shown compliance-officer" in html.unescape(answer.text)
    assert desk.ledger.size() == size
    assert browser.post("/sign", browser.form(function="compliance")).status_code == 303
    assert list(desk.ledger.entries())[-1].statement.body["on_behalf_of"] == "second-officer"
