"""An emergency release in reports, in the summary of a night and in `fairgate history`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
from plea_factory import plea
from project_factory import ALIAS, OFFICERS, Project, new_project, registry_template

from flows.cli import main
from flows.reconciling import finish_approved
from flows.reporting import publish_night
from flows.wiring import utc_now
from governance.case import Case, open_case
from governance.desk import Desk
from governance.emergency import break_glass
from governance.people import Person
from governance.statement import PredicateType
from reports.evidence import gather
from reports.formats import QUICK, Format, render
from reports.night import NightSummary, night_view
from reports.publish import published_evidence
from reports.release import release_view

WHY = ("The old model is down since 7 people called.", "I saw it myself.")


def _break(desk: Desk, name: str, version: str, people: tuple[Person, ...]) -> Case:
    case = open_case(desk, name, version, "champion")
    for person, why in zip(people, WHY, strict=False):
        _, case = break_glass(desk, case, person, plea(3, why))
    return case


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """In memory: version 1 of `hiring`, which is adverse, is released by broken glass."""
    made = factory.new_desk(tmp_path)
    factory.record_case(made, "1")
    assert _break(made, "hiring", "1", factory.PEOPLE[1:3]).released() is False
    return made


def test_no_format_prints_an_emergency_as_an_ordinary_release(desk: Desk) -> None:
    view = release_view(gather(desk, open_case(desk, "hiring", "1", "champion")))
    page, text = (render(view, form).decode() for form in (Format.HTML, Format.MARKDOWN))
    assert "<title>hiring v1 as champion in local: RELEASED BY BROKEN GLASS – Fairgate report</title>" in page
    body = page[page.index("<body") :]  # the style sheet before it names every class
    assert "outcome-released" not in body
    assert "card-released" not in body
    assert body.index("the glass was broken by") < body.index('id="summary"')
    assert text.startswith("# hiring v1 as champion in local: RELEASED BY BROKEN GLASS\n")
    assert "## Broken glass" in text
    for why in WHY:
        assert text.count(why) >= 2  # in the banner and beside the person
        assert f'<p class="reason">{why}</p>' in page
    record = json.loads(render(view, Format.JSON))
    assert [part["reason"] for part in record["broken_glass"]] == list(WHY)
    assert record["decision"]["emergency"]["until"]


def test_reasons_of_broken_glass_are_not_published(desk: Desk) -> None:
    evidence = gather(desk, open_case(desk, "hiring", "1", "champion"))
    assert evidence.audit is not None
    assert evidence.audit.suppress_below
    view = release_view(published_evidence(evidence))
    for form in QUICK:
        printed = render(view, form).decode()
        assert not any(why in printed for why in WHY), form
        assert "Compliance Officer" in printed
    assert view.emergency


def test_an_ordinary_report_has_no_word_of_broken_glass(tmp_path: Path) -> None:
    desk = factory.new_desk(tmp_path)
    view = release_view(gather(desk, factory.record_case(desk, "2")))
    page = render(view, Format.HTML).decode()
    assert (view.label, view.tone, view.glass) == ("HELD", "held", ())
    assert "roken glass" not in page[page.index("<body") :]


def test_several_emergencies_are_counted_in_the_headline() -> None:
    at = factory.START
    view = night_view(NightSummary(at, at + timedelta(minutes=1), (), emergencies=("a\u202e", "b")))
    assert view.headline == "Broken glass: 2 releases rest on it alone. No live alias was audited."
    assert view.emergencies == ("a\\u202e", "b")


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project in which version 1 of `hiring` is live by broken glass alone."""
    monkeypatch.chdir(tmp_path)
    project = new_project(tmp_path, registry_template(tmp_path))
    for name in ("FAIRGATE_HOME", "FAIRGATE_LEDGER", "FAIRGATE_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAIRGATE_POLICY", "policy.toml")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", project.settings.registry_uri)
    project.register("hiring")
    project.ask("hiring", "1")
    _break(project.desk, "hiring", "1", OFFICERS)
    finish_approved(project.settings, project.desk, project.registry)
    assert project.live("hiring") == "1"
    return project


def test_a_live_emergency_is_told_by_the_night_and_by_history(
    live: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    night = publish_night(live.settings, live.desk, utc_now(), ())
    [told] = night.summary.emergencies
    assert told.startswith("hiring v1 is live as champion in local: the glass was broken by Compliance Officer")
    assert all(why in told for why in WHY)
    assert night.word == "Needs attention"
    assert night.exit_code == 0  # people decided it: no finding of the night
    page = night.html.read_text(encoding="utf-8")
    assert page.index('class="card card-emergency"') < page.index(WHY[0])
    assert "## Broken glass" in night.markdown
    _history(live, capsys)


def _history(live: Project, capsys: pytest.CaptureFixture[str]) -> None:
    parts = live.entries(PredicateType.BREAK_GLASS)
    [promotion] = live.entries(PredicateType.PROMOTION)
    capsys.readouterr()
    assert main(["history", "hiring"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("hiring v1 as champion in local: from ")
    assert said[0].endswith("and still  EMERGENCY (broken glass)")
    assert any(line.startswith(f"  promoted entry {promotion.seq}, by ") for line in said)
    for part, officer, why in zip(parts, OFFICERS, WHY, strict=True):
        start = f"  break-glass entry {part.seq}, {officer.name} as {officer.functions[0]}, "
        assert [line.endswith(why) for line in said if line.startswith(start)] == [True]
    assert main(["history", "hiring", "--json", "--alias", ALIAS]) == 0
    [reign] = json.loads(capsys.readouterr().out)["reigns"]
    assert (reign["broken_glass"], reign["seq"], reign["end"]) == (True, promotion.seq, None)
    acts = [(act["kind"], act["seq"], act["actor"]["id"], act["reason"]) for act in reign["acts"]]
    assert acts == [
        ("break-glass", part.seq, officer.id, why) for part, officer, why in zip(parts, OFFICERS, WHY, strict=True)
    ]
