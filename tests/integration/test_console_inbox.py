"""The inbox beside the holds: conditions, approvals that end, incidents, and what a person without a say can do."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from console_browser import Browser

from governance.case import Case, open_case
from governance.condition import Condition
from governance.desk import Desk
from governance.fulfilling import Fulfilment, fulfil
from governance.people import MACHINE, actor
from governance.policy import Assurance
from governance.release import intend, observe, record_hold, record_promotion
from governance.signoff import Wish, sign
from reports.console.app import create_app
from reports.words import moment

PERSONS = {person.id: person for person in factory.PEOPLE}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "2")
    return made


def _case(desk: Desk) -> Case:
    return open_case(desk, "hiring", "2", "champion")


def _approve(desk: Desk, person: str, function: str, *terms: Condition) -> int:
    case = _case(desk)
    wish = Wish(
        function,
        "approve",
        "read",
        case.shown(),
        "password and code",
        assurance=Assurance.SERVER_ATTESTED,
        conditions=terms,
    )
    return sign(desk, case, PERSONS[person], wish).seq


def _term(desk: Desk, days: int, owner: str = "data-scientist") -> Condition:
    return Condition("audit newer data", owner, desk.clock().date() + timedelta(days=days))


def _released(desk: Desk, *terms: Condition) -> int:
    """Both sign, the compliance officer on these conditions, and it goes live. Her ledger entry."""
    seq = _approve(desk, "compliance-officer", "compliance", *terms)
    _approve(desk, "risk-officer", "model-risk")
    case = _case(desk)
    record_promotion(desk, case, intend(desk, case, MACHINE), MACHINE)
    return seq


def _forward(desk: Desk, **time: float) -> None:
    desk.clock.now += timedelta(**time)  # type: ignore[attr-defined]


def _section(desk: Desk, person: str, key: str) -> str:
    """The words of one section of this person's inbox."""
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login(person).status_code == 303
    page = browser.get("/").text
    found = re.search(rf'<section aria-labelledby="{key}">.*?</section>', page, re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0] if found else page)).split())


def test_where_nothing_is_the_inbox_says_what_that_means(desk: Desk) -> None:
    assert "No approval waits for a condition" in _section(desk, "risk-officer", "duties")
    assert "Every approval that a release rests on counts for longer" in _section(desk, "risk-officer", "expiring")
    assert "no alias moved outside Fairgate, no bytes that changed" in _section(desk, "risk-officer", "incidents")


def test_of_several_adverse_comparisons_the_first_is_not_called_the_widest(desk: Desk) -> None:
    """The record names single features before intersections, which may be wider."""
    factory.record_case(desk, "1")
    said = _section(desk, "risk-officer", "mine")
    assert "comparisons are adverse, among them: selection rate ratio" in said
    assert "widest" not in said


def test_a_condition_is_shown_to_its_owner_and_to_who_may_record_it_however_far_away(desk: Desk) -> None:
    seq = _released(desk, _term(desk, 40))
    owner = _section(desk, "data-scientist", "duties")
    assert owner.startswith("Conditions (1) audit newer data open hiring v2 as champion in local Due 20")
    assert f"to be done by you, set by Compliance Officer (ledger entry {seq}). Open the condition" in owner
    for person in ("compliance-officer", "second-officer"):
        assert "Record it as met : audit newer data" in _section(desk, person, "duties"), person
    assert "Conditions (0)" in _section(desk, "risk-officer", "duties"), "far away, and not hers"
    _forward(desk, days=30)
    assert "Conditions (1)" in _section(desk, "risk-officer", "duties")


def test_what_is_met_is_told_no_more_and_what_lapsed_until_she_signs_again(desk: Desk) -> None:
    seq = _released(desk, _term(desk, 3), _term(desk, 5))
    fulfil(desk, _case(desk), PERSONS["second-officer"], Fulfilment(seq, 1, "seen", "password and code"))
    assert "Conditions (1)" in _section(desk, "compliance-officer", "duties")
    _forward(desk, days=6)
    for person in ("compliance-officer", "risk-officer"):
        told = _section(desk, person, "duties")
        assert "Conditions (1) audit newer data lapsed" in told
        assert "It was not recorded as met, so the approval lapsed: a new one is needed. Go to the decision" in told
    held = _section(desk, "compliance-officer", "mine")
    why = "Not counted: Compliance Officer (compliance): lapsed: condition 2"
    assert f"Sign-off is missing from compliance. {why}" in held
    _approve(desk, "compliance-officer", "compliance")
    assert "Conditions (0)" in _section(desk, "compliance-officer", "duties")


@pytest.mark.parametrize(("days", "shown"), [(75, False), (76, True), (89, True)])
def test_approvals_that_end_within_two_weeks_are_told_her_own_first(desk: Desk, days: int, shown: bool) -> None:
    _released(desk)
    _forward(desk, days=days)
    told = _section(desk, "risk-officer", "expiring")
    assert f"({2 if shown else 0})" in told
    if shown:
        assert told.index("Your approval as model-risk ends") < told.index("The approval of Compliance Officer as")
        assert "the version is held again and stays live until people decide" in told


def test_what_has_ended_is_a_hold_and_no_approval_that_ends(desk: Desk) -> None:
    _released(desk)
    _forward(desk, days=91)
    assert "(0)" in _section(desk, "risk-officer", "expiring")


def test_an_incident_is_told_until_people_decide_about_its_target(desk: Desk) -> None:
    _released(desk)
    for version in ("8", "9"):
        what = f"the alias points to <b>version {version}</b>: it was moved outside Fairgate"
        observe(desk, "hiring", factory.TARGET, what, {"version": version})
    told = _section(desk, "data-scientist", "incidents")
    assert "Seen outside Fairgate (2) hiring v2 as champion in local" in told
    assert told.index("<b>version 9</b>") < told.index("<b>version 8</b>")
    assert "Open the evidence of hiring v2 as champion in local Ledger entry" in told
    _approve(desk, "second-officer", "compliance")
    assert "(0)" in _section(desk, "data-scientist", "incidents")


def test_an_incident_of_another_target_stays(desk: Desk) -> None:
    _released(desk)
    observe(desk, "unknown-to-fairgate", factory.TARGET, "the alias was moved outside Fairgate", {"version": "1"})
    _approve(desk, "second-officer", "compliance")
    told = _section(desk, "risk-officer", "incidents")
    assert "(1)" in told
    assert "Open the evidence" not in told


def test_a_person_without_a_say_is_told_what_she_can_do(desk: Desk) -> None:
    told = _section(desk, "data-scientist", "nothing")
    assert "You hold data-science; the policy asks compliance or model-risk to sign." in told
    assert "You can read the evidence of every release" in told
    assert "You hold" not in _section(desk, "risk-officer", "nothing")


def test_what_is_live_and_held_again_waits_since_the_hold_that_is_open_now(desk: Desk) -> None:
    _released(desk)
    _forward(desk, days=400)
    expired = _section(desk, "risk-officer", "mine")
    assert "is live as champion in local · impact tier high · waiting " in expired
    assert "waiting for" not in expired, "nobody has asked since the release"
    entry = record_hold(desk, _case(desk), MACHINE)
    assert f"waiting for less than an hour, since {moment(entry.time)}" in _section(desk, "risk-officer", "mine")
    _forward(desk, hours=3)
    record_hold(desk, _case(desk), actor(PERSONS["data-scientist"]))
    assert f"waiting for 3 hours, since {moment(entry.time)}" in _section(desk, "risk-officer", "mine")


def test_what_waits_longest_is_told_first(desk: Desk) -> None:
    _released(desk)
    _forward(desk, days=400)
    factory.record_case(desk, "2", name="credit")
    _forward(desk, hours=1)
    record_hold(desk, _case(desk), MACHINE)
    told = _section(desk, "risk-officer", "mine")
    assert told.index("credit") < told.index("hiring"), "hiring was asked for first, and its open hold is the younger"


def _head(desk: Desk, path: str) -> str:
    """The words between the navigation and the first section of a page."""
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login("risk-officer").status_code == 303
    page = re.split(r"<main[^>]*>", browser.get(path).text)[1]
    page = re.split(r'<nav class="(?:sections|onpage)"', page)[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


CASE = "/case?name=hiring&version=2&alias=champion"


def test_a_live_version_that_is_held_again_is_no_plain_live_one_on_any_page(desk: Desk) -> None:
    _released(desk)
    assert "live version 2 as champion" in _head(desk, "/model?name=hiring")
    assert "nothing waits" in _head(desk, "/models")
    _forward(desk, days=400)
    head = _head(desk, "/model?name=hiring")
    assert "live, held again version 2 as champion in local : it stays live until people decide" in head
    assert "live version 2" not in head
    models = _head(desk, "/models")
    assert "version 2 as champion in local : live, and held again" in models
    assert "nothing waits" not in models


def test_an_open_incident_stands_in_the_head_of_the_model_and_of_the_case(desk: Desk) -> None:
    _released(desk)
    what = "the alias points at <b>version 3</b>, which nobody released"
    entry = observe(desk, "hiring", factory.TARGET, what, {})
    assert entry is not None
    told = f"Open incident: {what} . Seen"
    for path in ("/model?name=hiring", CASE):
        assert f"Open incident: {what}. Seen" in _head(desk, path) or told in _head(desk, path), path
    assert "RELEASED Open incident as of" in _head(desk, CASE)
    _approve(desk, "second-officer", "compliance")
    for path in ("/model?name=hiring", CASE):
        assert "Open incident" not in _head(desk, path), path
