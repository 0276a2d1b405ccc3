"""The night on plain verbs: a real registry, a real ledger, no Prefect. One model that fails never stops the rest."""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from project_factory import ALIAS, EVEN, PREDICTED, UNEVEN, Project, new_project, registry_template, table

from flows.monitoring import Look, governed, look
from flows.reporting import Night, publish_night
from flows.settings import read_settings
from flows.wiring import utc_now
from governance.errors import ConfigurationError, Exit
from governance.people import MACHINE
from governance.registry.port import LiveAlias
from governance.statement import PredicateType
from reports.nights import missed

STEPS = (PredicateType.PROMOTION_INTENT, PredicateType.PROMOTION, PredicateType.DEMOTION)
MEASURED = (PredicateType.DATA_VALIDATION, PredicateType.FAIRNESS_AUDIT, PredicateType.HOLD)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def project(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path, template)


@pytest.fixture
def strict(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose policy goes back to the last signed version when monitoring is adverse."""
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path, template, on_adverse="last-signed")


def _look(project: Project, name: str) -> Look:
    version = project.live(name)
    assert version is not None
    return look(project.settings, project.desk, project.registry, LiveAlias(name, ALIAS, version))


def _night(project: Project) -> tuple[dict[str, Look], Night]:
    started = utc_now()
    live = governed(project.desk, project.registry)
    looks = [look(project.settings, project.desk, project.registry, item) for item in live]
    return {item.model: item for item in looks}, publish_night(project.settings, project.desk, started, looks)


MOODY = """
class Moody:
    def predict(self, table, params=None):
        if len(table) < 800:
            raise KeyError("no such applicant")
        return ["yes" if int(item[1:]) < 200 else "no" for item in table["id"]]

def _load_pyfunc(path):
    return Moody()
"""
DESCRIBED = f"""
flavors:
  python_function: {{loader_module: moody, code: code, python_version: {platform.python_version()}}}
signature:
  inputs: '[{{"type": "string", "name": "id", "required": true}}]'
"""


def _crashing(project: Project) -> None:
    """A live model that is really scored: well on the release's 800 rows, with a crash on fewer."""
    project.make_live(
        "crashes", lines=('newer = "data/crashes/*.csv"',), described=DESCRIBED, files={"code/moody.py": MOODY}
    )
    project.write("data/crashes/2026-06.csv", table(EVEN, rows=200))


def test_one_model_that_fails_never_stops_the_rest(project: Project) -> None:
    _crashing(project)
    for name in ("broken-data", "changed", "nothing-newer", "quiet"):
        project.make_live(name)
    project.make_live("no-newer", lines=(PREDICTED,))
    even = table(EVEN, rows=300)
    project.write("data/quiet/2026-06.csv", even)
    project.write("data/changed/2026-06.csv", even)
    project.write("data/broken-data/2026-06.csv", even.replace(",predicted", ",forecast", 1))
    (project.folder / "models/changed-1/model.bin").write_bytes(b"other weights")
    project.client.set_registered_model_alias("quiet", "candidate", "1")

    rows, night = _night(project)

    assert {name: row.exit_code for name, row in rows.items()} == {
        "broken-data": Exit.DATA_QUALITY,
        "changed": Exit.VERIFICATION_FAILED,
        "crashes": Exit.MEASUREMENT,
        "no-newer": Exit.MEASUREMENT,
        "nothing-newer": Exit.MEASUREMENT,
        "quiet": Exit.DONE,
    }
    assert "changed: model.bin" in " ".join(rows["changed"].lines)
    assert "[data] newer" in " ".join(rows["no-newer"].lines)
    assert "data/nothing-newer/*.csv" in " ".join(rows["nothing-newer"].lines)
    assert "KeyError" in " ".join(rows["crashes"].lines)
    assert "predicted" in " ".join(rows["broken-data"].lines)
    assert rows["quiet"].lines == ("audited on 2026-06.csv: no adverse disparity",)
    assert night.exit_code == Exit.VERIFICATION_FAILED
    assert night.word == "Needs attention"
    html = night.html.read_text(encoding="utf-8")
    assert all(name in html for name in rows)
    assert all(project.live(name) == "1" for name in rows)


def test_the_free_aliases_of_the_policy_are_not_looked_at(project: Project) -> None:
    version = project.register("shadowed")
    for alias in ("candidate", "challenger", "shadow"):
        project.client.set_registered_model_alias("shadowed", alias, version)
    project.move_outside("shadowed", ALIAS, version)
    assert governed(project.desk, project.registry) == (LiveAlias("shadowed", ALIAS, version),)


def test_an_alias_that_was_moved_by_hand_is_seen_and_not_audited(project: Project) -> None:
    project.make_live("hiring")
    project.write("data/hiring/2026-06.csv", table(UNEVEN))
    project.move_outside("hiring", ALIAS, project.register("hiring"))
    before = len(project.entries(*MEASURED))
    found = _look(project, "hiring")
    assert (found.outcome, found.exit_code) == ("verification failed", Exit.VERIFICATION_FAILED)
    assert "moved outside Fairgate" in found.lines[0]
    assert len(project.entries(*MEASURED)) == before
    assert project.entries()[-1].statement.predicate_type is PredicateType.OBSERVATION
    size = project.desk.ledger.size()
    _look(project, "hiring")
    assert project.desk.ledger.size() == size  # the same sight twice adds nothing


def test_where_nothing_is_newer_nothing_new_is_recorded(project: Project) -> None:
    project.make_live("hiring")
    project.write("data/hiring/2026-06.csv", table(EVEN, rows=300))
    assert _look(project, "hiring").exit_code is Exit.DONE
    size = project.desk.ledger.size()
    again = _look(project, "hiring")
    assert (again.exit_code, again.lines) == (Exit.DONE, ("nothing newer than 2026-06.csv",))
    assert project.desk.ledger.size() == size
    project.write("data/hiring/2026-07.csv", table(EVEN, rows=310))
    assert "audited on 2026-07.csv" in _look(project, "hiring").lines[0]
    assert project.desk.ledger.size() > size


def test_the_data_of_the_release_is_not_newer(project: Project) -> None:
    project.make_live("hiring", lines=(PREDICTED, 'newer = "data/release.csv"'))
    size = project.desk.ledger.size()
    assert _look(project, "hiring").lines == ("nothing newer than release.csv",)
    assert project.desk.ledger.size() == size


def test_an_adverse_finding_opens_the_hold_and_leaves_the_alias_where_the_policy_says_stay(project: Project) -> None:
    project.make_live("hiring")
    project.write("data/hiring/2026-06.csv", table(UNEVEN))
    steps = len(project.entries(*STEPS))
    found = _look(project, "hiring")
    assert (found.outcome, found.exit_code) == ("adverse", Exit.ADVERSE)
    assert "the hold is open again" in found.lines[0]
    assert "stay at version 1" in found.lines[-1]
    assert project.live("hiring") == "1"
    assert project.entries(PredicateType.HOLD)[-1].statement.actor == MACHINE
    assert len(project.entries(*STEPS)) == steps
    size = project.desk.ledger.size()
    again = _look(project, "hiring")
    assert again.exit_code is Exit.HELD
    assert any("monitoring-clear" in line for line in again.lines)
    assert project.desk.ledger.size() == size


def test_an_adverse_version_without_a_signed_one_before_it_is_withdrawn(strict: Project) -> None:
    strict.make_live("hiring")
    strict.write("data/hiring/2026-06.csv", table(UNEVEN))
    found = _look(strict, "hiring")
    assert found.exit_code is Exit.ADVERSE
    assert "was withdrawn" in found.lines[-1]
    assert strict.live("hiring") is None
    assert strict.entries(*STEPS)[-1].statement.predicate_type is PredicateType.DEMOTION


def test_an_adverse_version_gives_way_to_the_last_signed_one(strict: Project) -> None:
    strict.make_live("hiring")
    strict.make_live("hiring")
    strict.write("data/hiring/2026-06.csv", table(UNEVEN))
    found = _look(strict, "hiring")
    assert found.exit_code is Exit.ADVERSE
    assert "went back to version 1" in found.lines[-1]
    assert strict.live("hiring") == "1"
    demotion, intent, promotion = strict.entries(*STEPS)[-3:]
    assert demotion.statement.body["back_to"] == "1"
    assert intent.statement.predicate_type is PredicateType.PROMOTION_INTENT
    assert promotion.statement.predicate_type is PredicateType.PROMOTION
    # Version 1 has never been looked at on this file; it does no better, and nothing is left to go back to.
    assert _look(strict, "hiring").exit_code is Exit.ADVERSE
    assert strict.live("hiring") is None


def test_a_night_that_was_cut_off_after_the_audit_is_finished_by_the_next(
    strict: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict.make_live("hiring")
    strict.write("data/hiring/2026-06.csv", table(UNEVEN))

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("flows.monitoring.record_hold", power_cut)
        with pytest.raises(KeyboardInterrupt):
            _look(strict, "hiring")
    assert strict.live("hiring") == "1"
    assert _look(strict, "hiring").exit_code is Exit.ADVERSE
    assert strict.live("hiring") is None


def test_an_expired_or_withdrawn_sign_off_shows_in_the_row(project: Project) -> None:
    project.make_live("hiring")
    project.write("data/hiring/2026-06.csv", table(EVEN, rows=300))
    project.take_back("hiring", "1")
    found = _look(project, "hiring")
    assert (found.outcome, found.exit_code) == ("held", Exit.HELD)
    assert any("withdrawn" in line for line in found.lines)


def test_the_machine_never_releases(project: Project) -> None:
    """A version that waits for people still waits after a night, however good its data looks."""
    project.make_live("hiring")
    waiting = project.register("hiring")
    assert project.ask("hiring", waiting).word == "Held"
    project.write("data/hiring/2026-06.csv", table(EVEN, rows=300))
    before = [item.seq for item in project.entries(*STEPS, PredicateType.SIGN_OFF)]
    rows, night = _night(project)
    assert night.exit_code == Exit.DONE
    assert rows["hiring"].version == "1"
    assert [item.seq for item in project.entries(*STEPS, PredicateType.SIGN_OFF)] == before
    assert project.live("hiring") == "1"
    assert project.ask("hiring", waiting).word == "Held"


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((), Exit.DONE),
        ((Exit.DONE, Exit.DONE), Exit.DONE),
        ((Exit.DONE, Exit.SERVICE), Exit.SERVICE),
        ((Exit.MEASUREMENT, Exit.HELD), Exit.HELD),
        ((Exit.HELD, Exit.ADVERSE, Exit.SERVICE), Exit.ADVERSE),
        ((Exit.ADVERSE, Exit.DATA_QUALITY), Exit.ADVERSE),
        ((Exit.ADVERSE, Exit.LEDGER), Exit.LEDGER),
        ((Exit.LEDGER, Exit.VERIFICATION_FAILED, Exit.DONE), Exit.VERIFICATION_FAILED),
        ((Exit.CONFIGURATION, Exit.DONE), Exit.CONFIGURATION),
    ],
)
def test_the_exit_code_of_the_night_is_that_of_the_most_serious_row(
    project: Project, codes: tuple[Exit, ...], worst: Exit
) -> None:
    looks = [Look(f"m{number}", ALIAS, "1", "as told", code, ()) for number, code in enumerate(codes)]
    night = publish_night(project.settings, project.desk, utc_now(), looks)
    assert night.exit_code == worst
    assert night.word == ("Quiet night" if worst is Exit.DONE else "Needs attention")


def test_a_missed_night_is_noticed(project: Project) -> None:
    now = utc_now()
    assert missed(project.desk, now) == ()  # before the first night there is nothing to miss
    publish_night(project.settings, project.desk, now, ())
    assert missed(project.desk, now + timedelta(days=1)) == ()
    (line,) = missed(project.desk, now + timedelta(days=4))
    assert "about 3 missed" in line
    late = publish_night(project.settings, project.desk, now + timedelta(days=2), ())
    assert late.exit_code == Exit.SERVICE
    assert "about 1 missed" in late.summary.missed[0]
    assert "missed" in late.markdown


def test_a_weekly_schedule_misses_nothing_on_other_days(project: Project) -> None:
    """The scheduled night records how often nights should be; one by hand in between says nothing of it."""
    now = utc_now()
    weekly = replace(project.settings, night_every=timedelta(days=7))
    publish_night(weekly, project.desk, now, ())
    publish_night(project.settings, project.desk, now, ())
    assert missed(project.desk, now + timedelta(days=8)) == ()
    (line,) = missed(project.desk, now + timedelta(days=21))
    assert "about 2 missed" in line


@pytest.mark.parametrize(
    ("cron", "hours"),
    [
        ("0 2 * * *", 24),
        ("0 2 * * 1-5", 72),
        ("0 2 * * 0", 168),
        ("* * * * *", 1),
        ("30 1 1 * *", 744),
        ("0 3 29 2 *", 8784),
    ],
)
def test_the_longest_gap_of_a_schedule_counts(cron: str, hours: int) -> None:
    from flows.cli.schedules import longest_gap_hours

    assert longest_gap_hours(cron) == hours


def test_how_often_a_night_should_be_is_whole_hours(tmp_path: Path) -> None:
    assert read_settings({"FAIRGATE_NIGHT_EVERY_HOURS": "36"}, tmp_path).night_every == timedelta(hours=36)
    for text in ("daily", "0", "-1", "1.5", "99999"):
        with pytest.raises(ConfigurationError, match="FAIRGATE_NIGHT_EVERY_HOURS"):
            read_settings({"FAIRGATE_NIGHT_EVERY_HOURS": text}, tmp_path)
