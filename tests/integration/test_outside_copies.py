"""Checkpoints that leave by themselves: a place that cannot be written, or remembers otherwise, is always told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ledger_factory import sign_off
from project_factory import ALIAS, OFFICERS, Project, new_project, registry_template

from flows.cli import main
from flows.cli.receipts import hand_out
from flows.monitoring import looks_outside
from flows.outwards import copy_outside
from flows.reporting import publish_night
from flows.settings import NIGHT_EVERY, Settings, read_settings
from flows.wiring import checkpoint_places, open_ledger
from governance.desk import Desk
from governance.errors import Exit, ServiceError
from governance.factors import confirm_code
from governance.ledger.checkpoint import log_key, open_checkpoint
from governance.ledger.places import FilePlace, copy_checkpoint
from governance.ledger.sql import SqlLedger
from governance.registry.port import Registry
from governance.second_factor import code_at, new_secret, step_of

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def project(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose version 1 of `hiring` is asked for and only lacks the sign-offs."""
    for name in ("FAIRGATE_HOME", "FAIRGATE_LEDGER", "FAIRGATE_CHECKPOINTS", "FAIRGATE_PERSON", NIGHT_EVERY):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    made = new_project(folder, template)
    monkeypatch.setenv("FAIRGATE_POLICY", "policy.toml")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", made.settings.registry_uri)
    made.write("credential", PASSWORD).chmod(0o600)
    return made


Spoil = Callable[[Settings, Path], None]


def _unwritable(_settings: Settings, place: Path) -> None:
    """A file stands where the folder should be."""
    place.parent.touch()


def _remembers(entries: int) -> Spoil:
    """The place holds a checkpoint that the same log key signed over another history of so many entries."""

    def spoil(settings: Settings, place: Path) -> None:
        keys = open_ledger(settings).keys
        other = SqlLedger(f"sqlite:///{place.parents[1] / 'other.db'}", keys, lambda: datetime.now(UTC))
        for number in range(entries):
            other.append(sign_off(number))
        assert copy_checkpoint(other, [FilePlace(place)])[0].problem is None

    return spoil


SPOILT = {
    "cannot be written": (_unwritable, "cannot be"),
    "remembers more": (_remembers(99), "remembers 99: it was rolled back; run: fairgate ledger verify"),
    "remembers otherwise": (_remembers(2), "the first 2 entries are not those that"),
}
spoilt = pytest.mark.parametrize(("spoil", "told"), SPOILT.values(), ids=SPOILT)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The second place that the settings name."""
    path = tmp_path / "elsewhere" / "disk2" / "checkpoints.log"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("FAIRGATE_CHECKPOINTS", str(path))
    return path


def _newest(settings: Settings, path: Path) -> int:
    """The size of the newest checkpoint in the file."""
    note = FilePlace(path).newest()
    assert note is not None
    return open_checkpoint(note, log_key(open_ledger(settings).keys.log.public)).size


def test_all_is_well_where_every_place_extends(project: Project, place: Path) -> None:
    settings, registry = read_settings(), project.registry
    assert copy_outside(settings, registry) == ()
    assert looks_outside(settings, registry) == ()
    size = project.desk.ledger.size()
    assert [_newest(settings, path) for path in settings.checkpoints] == [size, size]
    assert checkpoint_places(settings, registry)[-1].newest() is not None
    handed = hand_out(settings, project.desk, *project.entries())
    assert (len(handed.files), handed.problems) == (size, ())
    assert not any("recorded, but" in line for line in handed.lines())


@spoilt
def test_a_spoilt_place_is_told_and_the_others_get_their_copy(
    project: Project, place: Path, spoil: Spoil, told: str
) -> None:
    settings = read_settings()
    spoil(settings, place)
    before = place.read_bytes() if place.is_file() else None
    [problem] = copy_outside(settings, project.registry)
    assert told in problem
    assert str(place) in problem
    assert _newest(settings, settings.checkpoints[0]) == project.desk.ledger.size()
    assert checkpoint_places(settings, project.registry)[-1].newest() is not None
    assert (place.read_bytes() if place.is_file() else None) == before  # what contradicts us keeps its memory


@spoilt
def test_a_scheduled_run_ends_with_the_code_of_the_ledger(
    project: Project, place: Path, spoil: Spoil, told: str
) -> None:
    settings = read_settings()
    spoil(settings, place)
    [look] = looks_outside(settings, project.registry)
    assert (look.model, look.outcome, look.exit_code) == ("the ledger", "not copied", Exit.LEDGER)
    assert told in look.lines[0]
    night = publish_night(settings, project.desk, datetime.now(UTC), [look])
    assert (night.exit_code, night.word) == (Exit.LEDGER, "Needs attention")
    assert "1 ledger error" in night.message
    assert told.split(";", maxsplit=1)[0] in night.html.read_text(encoding="utf-8")


def test_a_registry_that_remembers_more_is_told_as_a_place_like_any_other(project: Project, place: Path) -> None:
    settings, registry = read_settings(), project.registry
    _remembers(99)(settings, place)
    note = FilePlace(place).newest()
    assert note is not None
    checkpoint_places(settings, registry)[-1].keep(note)
    problems = copy_outside(settings, registry)
    assert len(problems) == 2
    assert settings.registry_uri in problems[1]
    assert "remembers 99" in problems[1]


def _sign(desk: Desk, capsys: pytest.CaptureFixture[str], officer: int, *more: str) -> tuple[int, str]:
    given = ("--approve", "--reason", "The report was read.", "--credential-file", "credential")
    made = new_secret(desk.accounts, OFFICERS[officer])
    confirm_code(desk, OFFICERS[officer], "password", code_at(made.secret, step_of(desk.clock())))
    app = ("--code", code_at(made.secret, step_of(desk.clock()) + 1))
    code = main(["sign", "hiring", "1", "--alias", ALIAS, *given, *app, "--as", OFFICERS[officer].id, *more])
    done = capsys.readouterr()
    assert done.err == ""
    return code, done.out


@spoilt
def test_who_signs_is_told_and_what_was_signed_stands(
    project: Project, place: Path, spoil: Spoil, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project.register("hiring")
    project.ask("hiring", "1")
    spoil(read_settings(), place)
    code, said = _sign(project.desk, capsys, 0)
    assert code == Exit.DONE  # recorded: asking again would be refused
    [line] = [line for line in said.splitlines() if line.startswith("  recorded, but: ")]
    assert told in line
    assert "  receipt: " in said
    code, said = _sign(project.desk, capsys, 1, "--json")
    assert code == Exit.DONE
    document = json.loads(said)
    assert [told in problem for problem in document["receipt_problems"]] == [True]
    assert all(Path(proof).is_file() for proof in document["receipts"])
    assert project.ask("hiring", "1").word == "Released"


def test_a_receipt_that_cannot_be_written_is_told_and_the_checkpoint_goes_out(project: Project, place: Path) -> None:
    settings = read_settings()
    settings.receipts.parent.mkdir(parents=True, exist_ok=True)
    settings.receipts.touch()
    *_, entry = project.entries()
    handed = hand_out(settings, project.desk, entry)
    assert handed.files == ()
    [problem] = handed.problems
    assert "cannot be written" in problem
    assert handed.document() == {"receipts": [], "receipt_problems": (problem,)}
    assert _newest(settings, place) == project.desk.ledger.size()


def test_a_registry_that_does_not_answer_is_a_problem_and_no_crash(project: Project, place: Path) -> None:
    settings = read_settings()
    [problem] = copy_outside(settings, _Silent(project.registry))  # type: ignore[arg-type]
    assert "the checkpoint was not copied to" in problem
    assert _newest(settings, place) == project.desk.ledger.size()


class _Silent:
    """A registry whose server is gone."""

    def __init__(self, registry: Registry) -> None:
        self.uri = registry.uri

    def kept_checkpoints(self, *, reports: int = 0) -> tuple[str, ...]:
        raise ServiceError(f"{self.uri} does not answer")


@pytest.mark.parametrize("command", ["reconcile", "release"])
def test_the_commands_tell_it_too(
    project: Project, place: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`reconcile` fails as a scheduled run must; a release that was decided keeps its own code and says so beside."""
    project.register("hiring")
    _remembers(99)(read_settings(), place)
    given = ["hiring", "1", "--alias", ALIAS] if command == "release" else []
    code = main([command, *given, "--json"])
    document = json.loads(capsys.readouterr().out)
    if command == "release":
        assert code == Exit.HELD
        problems = document["checkpoint_problems"]
    else:
        assert code == Exit.LEDGER
        problems = [line for look in document["looks"] for line in look["lines"]]
    assert ["it was rolled back" in item for item in problems] == [True]
