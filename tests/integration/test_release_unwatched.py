"""A plan without newer data: who asks for the release is told that no night can measure what is then live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project_factory import NEWER, PREDICTED, Project, new_project, registry_template

from flows.cli import main
from flows.cli.release import _tell
from flows.reporting import ReportFiles


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def project(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path, template)


@pytest.mark.parametrize("lines", [(PREDICTED,), (PREDICTED, NEWER)])
def test_the_answer_says_whether_nights_can_measure_it(
    project: Project, lines: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    watched = NEWER in lines
    answer = project.ask("hiring", project.register("hiring", lines=lines))
    assert answer.word == "Held"
    assert answer.watched is watched
    files = ReportFiles(project.folder / "report.html", "")
    _tell(project.settings, answer, files, as_json=False)
    assert ("the plan has no [data] newer" in capsys.readouterr().out) is not watched
    _tell(project.settings, answer, files, as_json=True)
    assert json.loads(capsys.readouterr().out)["watched"] is watched


@pytest.mark.parametrize("lines", [(PREDICTED,), (PREDICTED, NEWER)])
def test_the_dry_run_says_it_before_anything_is_registered(
    project: Project, lines: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    marked = (project.write_model("hiring", lines=lines) / "MLmodel").read_text().partition("plan: |\n")[2]
    project.write("plan.toml", "".join(line[6:] for line in marked.splitlines(keepends=True)))
    assert main(["audit", "--dry-run", "--plan", "plan.toml"]) == 0
    assert ("the plan has no [data] newer" in capsys.readouterr().out) is (NEWER not in lines)
