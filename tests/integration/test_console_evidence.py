"""The evidence of a case as pages: the same as in the report, whole or masked by who reads, quick to find one's way."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
import report_factory as factory
from console_browser import CASE, Browser
from hostile import SVG_TAGS, Shape
from life_factory import release, take_step
from plea_factory import plea

from audits.result import AuditResult, Stratified
from governance.case import open_case
from governance.delegating import delegate
from governance.desk import Desk
from governance.emergency import break_glass
from governance.enrolment import enrol
from governance.people import Person, actor
from governance.policy_file import read_policy
from governance.record import held, registered, step
from governance.statement import PredicateType
from reports.console.app import create_app
from reports.evidence import gather
from reports.html import release_html
from reports.publish import WITHHELD
from reports.release import release_view
from reports.sections import KEYS, SECTIONS

TYPED = "Of 9 people of this group 7 were known to me."
"""What people type can repeat a count of a small group."""


HELPER = Person("helper", "Helper", ("legal",))


def _path(key: str, version: str = "2", name: str = "hiring") -> str:
    page = "/case" if key == "summary" else f"/case/{key}"
    return f"{page}?{urlencode({'name': name, 'version': version, 'alias': 'champion'})}"


def _audit(version: str = "2") -> AuditResult:
    """The audit of a version, looked at within the levels of a control feature."""
    audit = factory.audit_of(version)
    item = next(x for x in audit.disparities if x.name == "impact_ratio" and x.group == ("female",))
    pair = (item.features, item.group, item.reference)
    within = Stratified("department", *pair, 4, 1, item.value, 0.97, item.interval, 0.4, 0.2)
    return replace(audit, stratified=(within,))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Version 1 was refused, version 2 released; version 3 waits, with half of its signatures."""
    made = factory.new_desk(tmp_path)
    factory.put_signature(made, factory.record_case(made, "1"), "compliance-officer", "compliance", "refuse", TYPED)
    factory.record_case(made, "2", audit=_audit())
    release(made, "2")
    case = factory.record_case(made, "3", audit=_audit())
    factory.put_signature(made, case, "compliance-officer", "compliance", reason=TYPED)
    return made


def _browser(desk: Desk, person: str) -> Browser:
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login(person).status_code == 303
    return browser


@pytest.fixture
def risk(desk: Desk) -> Browser:
    return _browser(desk, "risk-officer")


def _section(text: str, key: str) -> str:
    """The section with this heading, charts apart, links to other sections as keys."""
    start = text.index(f'<section aria-labelledby="{key}">')
    depth = 0
    for found in re.finditer(r"<section\b|</section>", text[start:]):
        depth += 1 if found[0] == "<section" else -1
        if not depth:
            cut = text[start : start + found.end()]
            cut = re.sub(r'<p class="actions">.*?</p>\n', "", cut)  # what only the console offers to do
            return re.sub(r'href="(?:#|/case/)([a-z-]+)(?:\?[^"]*)?"', r'href="\1"', cut)
    raise AssertionError(f"the section {key} has no end")


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_each_section_is_the_same_on_its_page_on_the_page_of_all_and_in_the_report(
    desk: Desk, risk: Browser, version: str
) -> None:
    """Time goes on between requests, so the report is made at the time that its page says."""
    whole = risk.get(_path("all", version)).text
    report = release_html(release_view(gather(desk, open_case(desk, "hiring", version, "champion"))))
    for key in KEYS:
        page = risk.get(_path(key, version))
        assert page.status_code == 200, key
        mine = _section(page.text, key)
        assert mine == _section(whole, key), key
        assert mine == _section(report, key), key


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.key)
def test_a_page_shows_its_section_alone_and_the_way_to_every_other(risk: Browser, section: object) -> None:
    key, title = section.key, section.title  # type: ignore[attr-defined]
    text = risk.get(_path(key, "3")).text
    assert [other for other in KEYS if f'<section aria-labelledby="{other}">' in text] == [key]
    assert f"<title>{title}: hiring v3" in text
    listed = re.search(r'<nav class="sections".*?</nav>', text, re.DOTALL)
    assert listed
    links = [html.unescape(link) for link in re.findall(r'<li><a href="([^"]+)"', listed[0])]
    assert [link.partition("?")[0] for link in links] == ["/case", *(f"/case/{other}" for other in KEYS[1:])]
    assert all(link.endswith("name=hiring&version=3&alias=champion") for link in links)
    current = re.findall(r'<a href="([^"]+)" aria-current="page"', listed[0])
    assert [html.unescape(link) for link in current] == [_path(key, "3")]
    assert 'class="button" href="/case/sign?name=hiring' in text


def test_one_reads_on_to_the_last_section_and_back(risk: Browser) -> None:
    path, seen = _path("summary", "3"), []
    while path:
        text = risk.get(path).text
        seen += [key for key in KEYS if f'<section aria-labelledby="{key}">' in text]
        after = re.search(r'rel="next" href="([^"]+)"', text)
        path = html.unescape(after[1]) if after else ""
    assert tuple(seen) == KEYS
    assert 'rel="prev"' in risk.get(_path("record", "3")).text
    assert 'rel="prev"' not in risk.get(_path("summary", "3")).text


def test_what_was_opened_is_marked_and_only_that(risk: Browser) -> None:
    first = risk.get(_path("summary", "3")).text
    assert first.count('class="opened"') == 1
    risk.get(_path("limits", "3"))
    text = risk.get(_path("rates", "3")).text
    marked = re.findall(r">([^<]+)<span class=\"opened\">", text)
    assert marked == ["Summary", "Group rates", "Limits"]
    assert _browser(risk.app.state.desk, "compliance-officer").get(_path("limits", "3")).text.count('"opened"') == 1
    assert risk.get(_path("all", "3")).text.count('class="opened"') == len(KEYS)


@pytest.mark.parametrize("key", [*KEYS, "all"])
def test_every_page_is_whole_html_without_inline_style_or_script(risk: Browser, key: str) -> None:
    answer = risk.get(_path(key, "3"))
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=", answer.text)
    shape = Shape(answer.text)
    assert len(shape.ids) == len(set(shape.ids))
    inside = [link.removeprefix("#") for link in shape.links if link.startswith("#")]
    assert set(inside) <= set(shape.ids)
    notes = set(re.findall(r'popovertarget="([^"]+)"', answer.text))
    assert notes <= set(shape.ids)
    heads = [int(tag[1]) for tag, _ in shape.tags if re.fullmatch(r"h[1-6]", tag)]
    assert heads[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(heads)), heads


def test_a_page_needs_a_session_a_case_and_a_known_section(desk: Desk, risk: Browser) -> None:
    nobody = Browser(risk.app)
    for key in (*KEYS, "all"):
        answer = nobody.get(_path(key, "3"))
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
        assert risk.get(_path(key, "99")).status_code == 404
    assert risk.get(_path("nothing", "3")).status_code == 404
    assert risk.get("/case/rates").status_code == 404


def test_without_any_evidence_every_section_says_so(desk: Desk, risk: Browser) -> None:
    desk.ledger.append(registered(factory.subject("1", "bare"), None, "unknown", actor(factory.PEOPLE[0])))
    said = {
        "summary": "No audit is recorded for a release, so nothing can be said about group rates.",
        "verdicts": "No audit is recorded for a release, so nothing was compared.",
        "rates": "No rate of a single feature was measured.",
        "intersections": "What single features hide was not looked at.",
        "stratified": "Whether another feature explains a disparity cannot be seen here.",
        "quality": "No data validation is recorded for a release.",
        "model-card": "No audit is recorded for a release: nothing was measured.",
        "changes": "There is no earlier signed version of bare",
        "limits": "No audit is recorded for a release",
        "record": "Nobody has signed.",
    }
    assert set(said) == set(KEYS)
    for key, words in said.items():
        answer = risk.get(_path(key, "1", "bare"))
        assert answer.status_code == 200
        assert words in answer.text, key
        assert "<svg" not in answer.text


def test_a_refused_case_and_an_emergency_say_so_on_every_page(desk: Desk, risk: Browser) -> None:
    for key in KEYS:
        assert '<span class="outcome outcome-refused">REFUSED</span>' in risk.get(_path(key, "1")).text
    factory.record_case(desk, "1", name="credit")
    for person in factory.PEOPLE[1:3]:
        case = open_case(desk, "credit", "1", "champion")
        break_glass(
            desk,
            case,
            person,
            plea(3, "All is down."),
        )
    for key in KEYS:
        text = risk.get(_path(key, "1", "credit")).text
        assert "RELEASED BY BROKEN GLASS" in text
        assert text.index('role="alert"') < text.index(f'id="{key}"')


def test_a_target_that_nobody_asked_for_says_so(risk: Browser) -> None:
    said = "Nobody has asked for a release as champion"
    assert said not in html.unescape(risk.get(CASE).text)
    look_alike = risk.get(f"{CASE}%E2%80%8B")
    assert f"{said}\\u200b in local." in html.unescape(look_alike.text)


def test_hostile_names_are_text_on_every_page(desk: Desk, risk: Browser) -> None:
    name = '"><img src=x onerror=alert(1)>/../?&#\u202e\n'
    before = factory.record_case(desk, "2", name=name)
    signed = factory.put_signature(desk, before, "compliance-officer", "compliance", reason="<img src=x>")
    take_step(desk, PredicateType.PROMOTION, "2", name, sign_offs=[signed.seq])
    audit = factory.renamed(_audit(), "female", '<img src=x onerror=alert(1)>\u202e"')
    factory.record_case(desk, "3", name=name, audit=audit)
    for key in (*KEYS, "all"):
        answer = risk.get(_path(key, "3", name))
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert "\u202e" not in answer.text
        assert {tag for tag, _ in Shape(answer.text).inside} <= SVG_TAGS


# --- who reads small counts -------------------------------------------------------------------------------------------


def _small(desk: Desk) -> set[str]:
    """Texts that give away a count below the limit of the plan, as pages and files print it."""
    found = {TYPED, "I read the report and the intervals"}
    for item in factory.audit_of("2").estimates:
        if 0 < item.events < 11 or 0 < item.n < 11:
            found.add(f">{item.events:,} of {item.n:,}<")
            found.add(f"{item.events:,} of {item.n:,} |")
        if item.metric == "selection_rate" and 0 < item.n < 11:
            found.add(f">of {item.n}<")
    for entry in desk.ledger.entries():
        if entry.statement.predicate_type is PredicateType.FAIRNESS_AUDIT:
            found |= set(entry.statement.body["findings"])
    return found


def _everything(desk: Desk, browser: Browser) -> dict[str, str]:
    """Every page and file of the console that speaks of these cases, by its path."""
    paths = [_path(key, "3") for key in (*KEYS, "sign")] + [_path("all", version) for version in "12"]
    paths += [f"{_path('report', '3')}&form={form}" for form in ("html", "md", "json")]
    paths += ["/", "/models", "/model?name=hiring", "/ledger", "/history"]
    paths += [
        f"/history.{form}?on={factory.START + timedelta(days=days):%Y-%m-%d}"
        for form in ("csv", "json")
        for days in (0, 1, 2)
    ]
    for entry in desk.ledger.entries():
        paths += [f"/entry/{entry.seq}", f"/entry/{entry.seq}/envelope"]
    return {path: browser.get(path).text for path in paths}


def test_a_person_without_the_function_finds_no_small_count_on_any_page_or_file(desk: Desk) -> None:
    officer, scientist = (_browser(desk, who) for who in ("compliance-officer", "data-scientist"))
    whole, masked = _everything(desk, officer), _everything(desk, scientist)
    leaks = _small(desk)
    assert set(whole) == set(masked)
    seen = {path for path, text in whole.items() if any(leak in html.unescape(text) for leak in leaks)}
    assert {path.partition("?")[0] for path in seen} >= {
        *(
            "/case/rates",
            "/case/intersections",
            "/case/record",
            "/case/all",
            "/case/report",
            "/model",
            "/history.json",
        )
    }  # the test would see them
    assert any(path.endswith("/envelope") for path in seen)
    for path, text in masked.items():
        for leak in leaks:
            assert leak not in html.unescape(text), (path, leak)


def test_the_banner_says_who_reads_all_and_the_signer_reads_all(desk: Desk) -> None:
    scientist, officer = (_browser(desk, who) for who in ("data-scientist", "compliance-officer"))
    for key in KEYS:
        text = scientist.get(_path(key, "3")).text
        assert "Masked for you, who are not compliance or model-risk and may not sign this: counts from 1 to 10" in text
        assert 'class="masked"' not in officer.get(_path(key, "3")).text
    assert "suppressed" in scientist.get(_path("rates", "3")).text
    assert "suppressed" not in officer.get(_path("rates", "3")).text
    assert ">suppressed</text>" in scientist.get(_path("intersections", "3")).text
    record = json.loads(scientist.get(f"{_path('report', '3')}&form=json").content)
    assert {item["reason"] for item in record["sign_offs"]} == {WITHHELD}
    assert all(":" not in missing for hold in record["holds"] for missing in hold["missing"])


def test_where_the_plan_masks_nothing_everybody_reads_everything(desk: Desk) -> None:
    factory.record_case(desk, "2", name="open", audit=replace(_audit(), suppress_below=0))
    text = _browser(desk, "data-scientist").get(_path("rates", "2", "open")).text
    assert 'class="masked"' not in text
    assert "suppressed" not in text
    assert ">10 of 20<" in text


def test_a_policy_can_name_more_readers_and_an_account_alone_makes_none(desk: Desk) -> None:
    data = desk.policy_bytes.replace(b"[tiers.minimal]", b"[tiers.minimal]", 1).replace(
        b'name = "default"', b'name = "default"\nwhole_evidence = ["compliance", "model-risk", "data-science"]'
    )
    wider = replace(desk, policy=read_policy(data, name="wider.toml"), policy_bytes=data)
    assert 'class="masked"' not in _browser(wider, "data-scientist").get(_path("rates", "3")).text
    with desk.accounts.database.writing() as connection:
        connection.exec_driver_sql("UPDATE person SET functions = 'compliance' WHERE id = 'data-scientist'")
    assert desk.policy.sees_whole(next(x for x in desk.accounts.people() if x.id == "data-scientist"))
    assert 'class="masked"' in _browser(desk, "data-scientist").get(_path("rates", "3")).text


def test_a_delegate_reads_all_of_what_she_may_sign_and_of_nothing_else(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    enrol(desk, HELPER, factory.SECRET, None)
    factory.record_case(desk, "2")
    own = factory.record_case(desk, "2", name="own")
    desk.ledger.append(held(own.dossier, own.decision, actor(HELPER)))  # she asked for it, so she may not sign it
    browser = _browser(desk, HELPER.id)
    assert 'class="masked"' in browser.get(_path("rates")).text
    officer = next(person for person in factory.PEOPLE if person.id == "compliance-officer")
    delegate(desk, officer, HELPER.id, "compliance", desk.clock() + timedelta(days=9), "on leave", "password")
    assert 'class="masked"' not in browser.get(_path("rates")).text
    assert 'class="masked"' in browser.get(_path("rates", "2", "own")).text
    signed = browser.post("/sign", browser.form(_path("summary"), reason=TYPED))
    assert signed.status_code == 303
    desk.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    browser.login(HELPER.id)
    assert 'class="masked"' in browser.get(_path("rates")).text
    mine = signed.headers["location"].partition("?")[0]
    assert TYPED in browser.get(mine).text
    assert browser.get(f"{mine}/envelope").status_code == 200
    assert TYPED not in browser.get(_path("record")).text


def test_the_bytes_of_an_entry_that_can_repeat_a_count_are_not_given_and_its_proof_is(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path, real=True)
    signed = factory.put_signature(desk, factory.record_case(desk, "2"), "compliance-officer", "compliance")
    scientist, officer = (_browser(desk, who) for who in ("data-scientist", "compliance-officer"))
    for file in ("envelope", "receipt.zip"):
        answer = scientist.get(f"/entry/{signed.seq}/{file}")
        assert answer.status_code == 403
        assert "can repeat counts of small groups" in answer.text
    assert scientist.get(f"/entry/{signed.seq}/proof").status_code == 200
    assert WITHHELD in scientist.get(f"/entry/{signed.seq}").text
    assert scientist.get("/entry/0/envelope").status_code == 403  # as the API
    assert "receipt.zip" not in scientist.get("/entry/0").text
    assert officer.get(f"/entry/{signed.seq}/envelope").content == signed.envelope
    files = zipfile.ZipFile(io.BytesIO(officer.get(f"/entry/{signed.seq}/receipt.zip").content))
    assert signed.envelope in [files.read(name) for name in files.namelist()]


def test_pages_and_api_agree_on_who_reads_reasons_of_ends_and_bytes(desk: Desk) -> None:
    """Whatever the plan masks, and the stricter way: who does not read every count reads neither."""
    open_one = factory.record_case(desk, "2", name="open", audit=replace(_audit(), suppress_below=0))
    for who, function in (("compliance-officer", "compliance"), ("risk-officer", "model-risk")):
        case = open_case(desk, "open", "2", factory.TARGET.alias)
        factory.put_signature(desk, case, who, function, reason=TYPED)
    officer, scientist = (_browser(desk, who) for who in ("compliance-officer", "data-scientist"))
    body = {"reason": TYPED}
    for kind in (PredicateType.PROMOTION, PredicateType.DEMOTION):
        desk.ledger.append(step(kind, open_one.subject, open_one.target, body=body, policy=desk.policy.digest))
    day = f"{desk.clock():%Y-%m-%d}"
    for path in (f"/history.json?on={day}&name=open", f"/api/v1/history?on={day}&name=open"):
        assert TYPED in officer.get(path).text
        assert TYPED not in scientist.get(path).text, path
        assert WITHHELD in scientist.get(path).text, path
    for entry in desk.ledger.entries():
        said = entry.statement
        own = said.actor.id == "data-scientist" and said.predicate_type in (
            PredicateType.MODEL_REGISTERED,
            PredicateType.KEY_EVENT,
        )
        for path in (f"/entry/{entry.seq}/envelope", f"/api/v1/entries/{entry.seq}/envelope"):
            assert scientist.get(path).status_code == (200 if own else 403), path
            assert officer.get(path).content == entry.envelope


def test_a_new_audit_that_masks_nothing_does_not_give_the_words_of_an_older_one_away(desk: Desk) -> None:
    text = "Only 3 of the 9 older women were selected."
    case = factory.record_case(desk, "2", name="again", audit=_audit())
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason=text)
    factory.record_case(desk, "2", name="again", audit=replace(_audit(), suppress_below=0))
    paths = [_path("record", "2", "again"), _path("all", "2", "again"), f"{_path('report', '2', 'again')}&form=json"]
    paths += [path.replace("/case/record", "/api/v1/record") for path in paths[:1]]
    officer, scientist = (_browser(desk, who) for who in ("compliance-officer", "data-scientist"))
    for path in paths:
        assert text in officer.get(path).text, path
        assert text not in scientist.get(path).text, path
