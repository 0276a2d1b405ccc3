"""The private copy of a version: shared by commands that run at the same time, and never trusted for its name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from project_factory import Project, new_project, registry_template

from flows.assess import Candidate, candidate
from governance.registry.manifest import manifest_of


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def project(tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return new_project(tmp_path, template)


def taken(project: Project, version: str) -> Candidate:
    return candidate(project.settings, project.desk, project.registry, project.registry.version("hiring", version))


def test_a_copy_that_is_in_use_is_not_taken_away(project: Project) -> None:
    version = project.register("hiring")
    first = taken(project, version).folder
    before = first.stat().st_ino
    with (first / "MLmodel").open() as reader:
        assert taken(project, version).folder == first
        assert reader.read() == (first / "MLmodel").read_text()
    assert first.stat().st_ino == before


@pytest.mark.parametrize("name", ["model.bin", "added"])
def test_a_copy_that_was_altered_is_made_anew(project: Project, name: str) -> None:
    version = project.register("hiring")
    first = taken(project, version)
    (first.folder / name).write_text("altered")
    again = taken(project, version)
    assert again.folder == first.folder
    assert manifest_of(again.folder).digest == first.subject.digest
    assert [path.name for path in project.settings.snapshots.iterdir()] == [first.folder.name]


def test_eight_commands_at_once_read_the_same_copy(project: Project) -> None:
    version = project.register("hiring")
    assert project.registry.uri, project.desk  # opened once, before the others
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: taken(project, version), range(24)))
    assert len({item.folder for item in found}) == 1
    assert {item.plan.model for item in found} == {"hiring"}
    assert manifest_of(found[0].folder).digest == found[0].subject.digest
    assert len(list(project.settings.snapshots.iterdir())) == 1
