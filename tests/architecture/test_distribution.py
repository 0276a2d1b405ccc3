"""One distribution, five import packages listed by hand, never to be uploaded."""

from __future__ import annotations

import tomllib
from importlib.metadata import metadata, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("audits", "expectations", "governance", "reports", "flows")


def _project() -> dict[str, object]:
    document: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_belongs_to_fairgate_alone(room: str) -> None:
    assert set(packages_distributions()[room]) == {"fairgate"}


def test_fairgate_installs_the_five_rooms_and_nothing_else() -> None:
    named = {name for name, owners in packages_distributions().items() if "fairgate" in owners}
    # An editable install also names its own finder.
    assert {name for name in named if not name.startswith("__editable__")} == set(ROOMS)


def test_an_upload_would_be_refused() -> None:
    assert "Private :: Do Not Upload" in (metadata("fairgate").get_all("Classifier") or [])


def test_every_package_is_listed_and_every_listed_package_is_there() -> None:
    listed = _project()["tool"]["setuptools"]["packages"]  # type: ignore[index]
    there = {
        ".".join(path.parent.relative_to(ROOT).parts) for room in ROOMS for path in (ROOT / room).rglob("__init__.py")
    }
    assert sorted(listed) == sorted(there)


def test_no_folder_with_code_lacks_its_init_file() -> None:
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_files_that_the_code_reads_at_run_time_are_package_data() -> None:
    """A wheel holds what is listed: a template that is not would be found in this folder and nowhere else."""
    settings = _project()["tool"]["setuptools"]  # type: ignore[index]
    folders = {name: ROOT.joinpath(*name.split(".")) for name in settings["packages"]}
    packed = {
        path
        for name, patterns in settings["package-data"].items()
        for pattern in patterns
        for path in folders[name].glob(pattern)
    }
    files = {path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()}
    loose = {path for path in files if path.suffix not in {".py", ".pyc"}} - packed
    assert sorted(str(path.relative_to(ROOT)) for path in loose) == []
