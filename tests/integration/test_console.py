"""The console: who may come in, what every form needs, what moves between reading and signing, and what it imports."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import report_factory as factory
from console_browser import CASE, REASON, SIGN, Browser, hidden

from governance.case import open_case
from governance.desk import Desk
from governance.digests import digest_bytes
from governance.evidence import EvidenceStore
from reports.console.app import create_app
from reports.console.guard import MAX_BODY
from reports.console.session import local_path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    factory.record_case(made, "1")
    return made


@pytest.fixture
def browser(desk: Desk) -> Browser:
    return Browser(create_app(desk, secure_cookies=False))


@pytest.fixture
def risk(browser: Browser) -> Browser:
    assert browser.login("risk-officer").status_code == 303
    return browser


@pytest.mark.parametrize(
    "path", ["/", CASE, "/case/report?name=hiring&version=2&alias=champion", "/ledger", "/entry/0"]
)
def test_without_a_session_every_page_leads_to_the_login(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?wanted=")
    assert "hiring" not in answer.text


def test_login_gives_a_new_opaque_session_and_leads_where_one_was_going(browser: Browser) -> None:
    token = hidden(browser.get("/login").text)["token"]
    browser.cookies["fairgate"] = "chosen-by-somebody-else"
    answer = browser.post("/login", {"token": token, "wanted": CASE, "id": "risk-officer", "password": factory.SECRET})
    assert answer.headers["location"] == CASE
    first = browser.cookies["fairgate"]
    assert len(first) >= 32
    assert first != "chosen-by-somebody-else"
    browser.login("risk-officer")
    assert browser.cookies["fairgate"] != first
    stale = Browser(browser.app, cookies={"fairgate": first})
    assert stale.get("/").status_code == 303


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(browser: Browser) -> None:
    lines = browser.login("risk-officer").headers.get_list("set-cookie")
    assert len(lines) == 3, "the session, the browser that is known now, and the end of the form's"
    for line in map(str.lower, lines):
        assert "httponly" in line
        assert "samesite=lax" in line
        assert "secure" not in line
        assert "domain" not in line


def test_over_https_cookies_are_bound_to_the_host_and_secure(desk: Desk) -> None:
    browser = Browser(create_app(desk, secure_cookies=True, hosts=("audit.example",)), base="https://audit.example")
    answer = browser.login("risk-officer")
    assert answer.status_code == 303
    lines = answer.headers.get_list("set-cookie")
    assert [line for line in lines if line.startswith("__Host-fairgate=")]
    for line in lines:
        assert line.startswith("__Host-")
        assert "Secure" in line
        assert "Path=/" in line
    assert answer.headers["strict-transport-security"]
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(("person", "secret"), [("risk-officer", "wrong"), ("nobody", factory.SECRET), ("", "")])
def test_a_wrong_password_says_nothing_about_who_exists(browser: Browser, person: str, secret: str) -> None:
    answer = browser.login(person, secret)
    assert answer.status_code == 401
    assert "fairgate" not in browser.cookies
    assert "the id or the password is wrong" in answer.text


def test_the_login_form_must_be_the_one_that_was_given(browser: Browser) -> None:
    browser.get("/login")
    for token in ("", "guessed"):
        answer = browser.post("/login", {"token": token, "id": "risk-officer", "password": factory.SECRET})
        assert answer.status_code == 403
    assert "fairgate" not in browser.cookies


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/\r\nset-cookie: a"],
)
def test_a_login_never_leads_to_another_site(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_a_session_ends_after_fifteen_idle_minutes_and_on_sign_out(risk: Browser, desk: Desk) -> None:
    csrf = hidden(risk.get("/").text)["csrf"]
    token = risk.cookies["fairgate"]
    assert risk.post("/logout", {"csrf": csrf}).headers["location"] == "/login"
    assert Browser(risk.app, cookies={"fairgate": token}).get("/").status_code == 303
    risk.login("risk-officer")
    desk.clock.now += factory.timedelta(minutes=16)  # type: ignore[attr-defined]
    assert risk.get("/").status_code == 303


FORGERIES = [
    ("no origin", {"origin": ""}, {}, 403),
    ("other origin", {"origin": "http://evil.example"}, {}, 403),
    ("null origin", {"origin": "null"}, {}, 403),
    ("same host, other port", {"origin": "http://localhost:9999"}, {}, 403),
    ("other scheme", {"origin": "https://localhost:8765"}, {}, 403),
    ("origin that begins like ours", {"origin": "http://localhost:8765.evil.example"}, {}, 403),
    ("other host", {"host": "evil.example", "origin": "http://evil.example"}, {}, 400),
    ("host with a trick", {"host": "localhost@evil.example", "origin": "http://localhost@evil.example"}, {}, 400),
    ("no token", {}, {"csrf": ""}, 403),
    ("another's token", {}, {"csrf": "x" * 43}, 403),
]


@pytest.mark.parametrize(("what", "headers", "fields", "status"), FORGERIES, ids=[row[0] for row in FORGERIES])
@pytest.mark.parametrize("path", ["/sign", "/logout"])
def test_forms_from_elsewhere_do_nothing(
    risk: Browser, desk: Desk, path: str, what: str, headers: dict[str, str], fields: dict[str, str], status: int
) -> None:
    form = risk.form(**fields)
    size, open_sessions = desk.ledger.size(), factory.open_sessions(desk)
    assert risk.post(path, form, **headers).status_code == status, what
    assert desk.ledger.size() == size
    assert factory.open_sessions(desk) == open_sessions


@pytest.mark.parametrize("path", ["/", "/login", CASE, "/ledger", "/entry/2", "/nowhere", "/static/console.css"])
def test_every_answer_carries_the_headers_and_no_inline_style_or_script(risk: Browser, path: str) -> None:
    answer = risk.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=", answer.text)


def test_a_body_that_is_too_large_is_not_read(risk: Browser) -> None:
    form = risk.form()
    assert risk.post("/sign", {**form, "reason": "x" * (MAX_BODY + 1)}).status_code == 413
    assert risk.post("/sign", form, **{"content-length": "-1"}).status_code == 413


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/session.py", "/openapi.json", "/docs"]
)
def test_nothing_but_the_style_sheets_is_served_as_a_file(risk: Browser, path: str) -> None:
    assert risk.get(path).status_code == 404


def test_the_inbox_shows_first_what_the_person_may_decide(risk: Browser, desk: Desk) -> None:
    text = risk.get("/").text
    assert "Waiting for you (2)" in text
    assert "You may approve or refuse, as model-risk." in text
    assert "You may refuse, as model-risk. It cannot be approved as it stands." in text
    scientist = Browser(risk.app)
    scientist.login("data-scientist")
    seen = scientist.get("/").text
    assert "No hold waits for your decision." in seen
    assert "Waiting for others (2)" in seen
    assert "You cannot sign: you registered this version yourself." in seen


def test_the_first_page_of_a_case_is_the_summary_and_leads_to_the_decision(risk: Browser) -> None:
    text = risk.get(CASE).text
    places = [text.index(mark) for mark in ('id="summary"', "Of 3,012 people with sex=female")]
    assert places == sorted(places)
    assert 'action="/sign"' not in text
    assert f'href="{html.escape(SIGN)}">Go to the decision' in text
    assert "1,399 were selected (46.4%" in text


def test_signing_records_the_person_the_function_the_reason_and_what_was_shown(risk: Browser, desk: Desk) -> None:
    answer = risk.post("/sign", risk.form())
    assert answer.status_code == 303
    *_, entry = desk.ledger.entries()
    assert answer.headers["location"] == f"/entry/{entry.seq}?signed=1"
    assert entry.statement.actor.id == "risk-officer"
    assert entry.statement.meaning == "I approve the release of hiring v2 as champion in local"
    body = entry.statement.body
    assert (body["function"], body["reason"]) == ("model-risk", REASON)
    assert body["authentication"] == "password and code at the console"
    assert body["shown"]["report_digest"] == open_case(desk, "hiring", "2", "champion").shown().report_digest
    page = risk.get(answer.headers["location"]).text
    assert f"Recorded as entry {entry.seq}" in page
    assert digest_bytes(entry.envelope) in page
    download = risk.get(f"/entry/{entry.seq}/envelope")
    assert download.content == entry.envelope
    assert "attachment" in download.headers["content-disposition"]


def test_the_password_is_asked_for_at_each_signature(risk: Browser, desk: Desk) -> None:
    for secret in ("", "wrong"):
        size = desk.ledger.size()
        answer = risk.post("/sign", risk.form(password=secret))
        assert answer.status_code == 403
        assert "Nothing was recorded" in answer.text
        assert REASON in answer.text
        assert factory.SECRET not in answer.text
        assert desk.ledger.size() == size
    assert len(desk.accounts.failed_attempts("risk-officer")) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason": "  "}, "a reason is required"),
        ({"reason": "x" * 4001}, "at most 4,000"),
        ({"decision": ""}, "a decision is approve or refuse"),
        ({"decision": "release"}, "a decision is approve or refuse"),
        ({"function": "compliance"}, "cannot sign as"),
    ],
)
def test_a_form_that_is_not_filled_in_records_nothing(
    risk: Browser, desk: Desk, changes: dict[str, str], words: str
) -> None:
    size = desk.ledger.size()
    answer = risk.post("/sign", risk.form(**changes))
    assert answer.status_code in {403, 409}
    assert words in answer.text
    assert desk.ledger.size() == size


def test_evidence_that_moved_is_refused_and_the_page_says_what_moved(risk: Browser, desk: Desk) -> None:
    form = risk.form()
    seen = form["report_digest"]
    moved = replace(factory.audit_of("2"), notes=("measured again",))
    factory.record_case(desk, "2", audit=moved)
    size = desk.ledger.size()
    answer = risk.post("/sign", form)
    assert answer.status_code == 409
    assert "The evidence has moved" in answer.text
    assert "the audit report" in answer.text
    now = open_case(desk, "hiring", "2", "champion").shown().report_digest
    assert seen in answer.text
    assert now is not None
    assert now in answer.text
    assert desk.ledger.size() == size


DIGESTS = ["model_digest", "report_digest", "data_digest", "validation_digest", "policy_digest"]


@pytest.mark.parametrize("name", DIGESTS)
@pytest.mark.parametrize("value", ["", "sha256:" + "0" * 64, "<script>alert(1)</script>"])
def test_each_digest_that_was_not_shown_is_stale(risk: Browser, desk: Desk, name: str, value: str) -> None:
    size = desk.ledger.size()
    answer = risk.post("/sign", risk.form(**{name: value}))
    assert answer.status_code == 409
    assert "<script" not in answer.text
    assert desk.ledger.size() == size


def test_the_registrant_gets_no_form_and_a_form_sent_anyway_is_refused(risk: Browser, desk: Desk) -> None:
    form = risk.form()
    scientist = Browser(risk.app)
    scientist.login("data-scientist")
    page = scientist.get(SIGN).text
    assert 'action="/sign"' not in page
    answer = scientist.post(
        "/sign", {**form, "csrf": hidden(page)["csrf"], "code": factory.code(desk, "data-scientist")}
    )
    assert answer.status_code == 409
    assert "registered this version and cannot sign off" in answer.text


def test_what_is_adverse_can_be_refused_and_not_approved(risk: Browser, desk: Desk) -> None:
    page = SIGN.replace("version=2", "version=1")
    text = risk.get(page).text
    assert 'value="approve"' not in text
    assert 'value="conditions"' not in text
    assert "An approval would release nothing while this is not met: no adverse disparity." in text
    assert risk.post("/sign", risk.form(page, decision="approve")).status_code == 409
    assert risk.post("/sign", risk.form(page, decision="refuse")).status_code == 303
    assert "REFUSED" in risk.get(page.replace("/sign", "")).text
    after = risk.get(page).text
    assert "Refused: hiring v1 will not become champion" in after
    assert 'action="/sign"' not in after
    assert "Waiting for you (1)" in risk.get("/").text


def test_two_officers_sign_and_nobody_signs_twice(risk: Browser, desk: Desk) -> None:
    form = risk.form()
    assert risk.post("/sign", form).status_code == 303
    assert "the password or the code is wrong" in risk.post("/sign", form).text, "a code counts once"
    again = risk.post("/sign", {**form, "code": factory.code(desk, "risk-officer")})
    assert again.status_code == 409
    assert "already signed" in again.text
    officer = Browser(risk.app)
    officer.login("compliance-officer")
    assert officer.post("/sign", officer.form()).status_code == 303
    assert open_case(desk, "hiring", "2", "champion").decision.outcome == "RELEASED"


def test_evidence_that_was_changed_on_disk_is_not_shown(risk: Browser, desk: Desk) -> None:
    store: EvidenceStore = desk.evidence
    digest = open_case(desk, "hiring", "2", "champion").shown().report_digest
    assert digest is not None
    name = digest.removeprefix("sha256:")
    (store.folder / name[:2] / name).write_bytes(b"{}")
    answer = risk.get(CASE)
    assert answer.status_code == 500
    assert "The evidence cannot be shown" in answer.text
    assert "<svg" not in answer.text


def test_unknown_things_are_not_found(risk: Browser) -> None:
    for path in ("/case?name=nothing&version=1&alias=champion", "/case", "/entry/999", "/entry/x", "/nowhere"):
        assert risk.get(path).status_code == 404, path
    assert risk.get(CASE.replace("/case", "/case/report") + "&form=exe").status_code == 404


def test_a_hostile_model_name_is_shown_as_text_and_can_be_signed(risk: Browser, desk: Desk) -> None:
    name = '"><img src=x onerror=alert(1)>/../?&#\u202e'
    factory.record_case(desk, "2", name=name)
    link = re.findall(r'href="(/case[^"]*)"', risk.get("/").text)
    path = html.unescape(next(item for item in link if "onerror" in item))
    page = risk.get(path)
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "\u202e" not in re.sub(r'value="[^"]*"', "", page.text)
    assert risk.post("/sign", risk.form(path)).status_code == 303


def test_the_report_is_downloaded_in_each_format(risk: Browser) -> None:
    for form, kind in (("html", "text/html"), ("md", "text/markdown"), ("json", "application/json")):
        answer = risk.get(CASE.replace("/case", "/case/report") + f"&form={form}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"] == f'attachment; filename="hiring-v2-champion.{form}"'


def test_the_ledger_lists_entries_the_newest_first_and_pages(risk: Browser, desk: Desk) -> None:
    for _ in range(60):
        factory.record_case(desk, "2", hold=False)
    text = risk.get("/ledger").text
    seqs = [int(seq) for seq in re.findall(r'href="/entry/(\d+)"', text)]
    assert seqs == list(range(desk.ledger.size() - 1, desk.ledger.size() - 101, -1))
    older = re.search(r'href="(/ledger\?[^"]*before=\d+)"', text)
    assert older
    assert f'href="/entry/{seqs[-1] - 1}"' in risk.get(html.unescape(older.group(1))).text


def test_it_works_over_the_real_ledger_and_accounts(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    factory.record_case(desk, "2")
    app = create_app(desk, secure_cookies=False)
    for person in ("compliance-officer", "risk-officer"):
        browser = Browser(app)
        assert browser.login(person, "wrong password, surely").status_code == 401
        assert browser.login(person).status_code == 303
        answer = browser.post("/sign", browser.form())
        assert answer.status_code == 303, answer.text
        assert "Recorded as entry" in browser.get(answer.headers["location"]).text
    assert open_case(desk, "hiring", "2", "champion").decision.outcome == "RELEASED"
    assert desk.accounts.failed_attempts("compliance-officer")


def test_the_console_imports_no_engine_at_its_start_nor_when_it_shows_evidence() -> None:
    code = (
        "import sys\n"
        "import reports.console.app, reports.evidence, audits.record, expectations.record\n"
        "engines = {'mlflow', 'fairlearn', 'aif360', 'great_expectations', 'prefect', 'pandas', 'sklearn', 'scipy',"
        " 'duckdb', 'vl_convert', 'flows'}\n"
        "print(sorted(engines & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
