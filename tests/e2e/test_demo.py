"""The demo's story, replayed act by act: every command as its own process, as a person would type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.demo.play import Played, acts, credential_file, environment, prepare
from flows.demo.story import ACTS, CHARACTERS, COMPLIANCE
from governance.errors import ConfigurationError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def transcript(folder: Path) -> list[Played]:
    prepare(folder)
    return list(acts(folder))


def test_every_act_ends_as_the_story_has_it(transcript: list[Played]) -> None:
    assert [(played.act.tells, played.surprises()) for played in transcript if played.surprises()] == []
    assert len(transcript) == len(ACTS)


def test_no_act_shows_a_traceback_or_a_library_s_own_talk(transcript: list[Played]) -> None:
    noise = ("Traceback", "Warning", "WARNING", " | INFO ", " | ERROR ")
    assert [(played.act.tells, word) for played in transcript for word in noise if word in played.output] == []


def test_what_is_written_for_people_is_there(transcript: list[Played], folder: Path) -> None:
    reports = folder / ".fairgate" / "reports"
    names = {path.name for path in reports.iterdir()}
    assert {"hiring-v1-champion.html", "hiring-v2-champion.html", "hiring-v2-champion.md"} <= names
    assert "Women are selected far less often" in (reports / "hiring-v1-champion.html").read_text(encoding="utf-8")
    assert any(name.startswith("night-") for name in names)
    live = (reports / "hiring-v2-champion.html").read_text(encoding="utf-8")
    assert "What the scheduled audit of" in live
    assert "Held again: hiring v2 is live as champion" in live


def test_only_version_2_was_ever_released(transcript: list[Played], folder: Path) -> None:
    from flows.settings import read_settings
    from flows.wiring import open_ledger
    from governance.statement import PredicateType

    ledger = open_ledger(read_settings({}, folder))
    steps = [e.statement for e in ledger.entries() if e.statement.predicate_type is PredicateType.PROMOTION]
    assert [step.body["subject"]["version"] for step in steps] == ["2"]


def test_each_person_has_an_own_credential_that_only_the_owner_can_read(transcript: list[Played], folder: Path) -> None:
    files = [credential_file(folder, person) for person in CHARACTERS]
    assert len({file.read_text(encoding="utf-8") for file in files}) == len(CHARACTERS)
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


def test_a_command_sees_nothing_of_the_caller_s_own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FAIRGATE_POLICY", "elsewhere.toml")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    seen = environment(tmp_path, COMPLIANCE)
    assert seen["FAIRGATE_PERSON"] == COMPLIANCE.id
    assert not {"FAIRGATE_POLICY", "MLFLOW_TRACKING_URI"} & set(seen)


def test_a_folder_that_is_not_the_demo_s_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(ConfigurationError, match="not a demo's"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"
