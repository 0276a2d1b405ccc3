"""A run without the reference data says how many tests it left out, also with several processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.needs_shared
def test_reads_the_data():
    raise AssertionError("this must not run")

@pytest.mark.needs_shared
@pytest.mark.parametrize("n", [1, 2])
def test_reads_more(n):
    raise AssertionError("this must not run")

@pytest.mark.skip(reason="of something else")
def test_another():
    pass

def test_needs_nothing():
    pass
"""
SETTINGS = "[pytest]\nmarkers =\n    needs_shared: needs the reference data of ../shared/data\n"


@pytest.mark.parametrize("jobs", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "several"])
@pytest.mark.parametrize("present", [False, True], ids=["absent", "present"])
def test_the_number_of_skipped_tests_is_printed(tmp_path: Path, jobs: tuple[str, ...], present: bool) -> None:
    tests = tmp_path / "project" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tests)
    (tests / "test_some.py").write_text(TESTS)
    (tests.parent / "pytest.ini").write_text(SETTINGS)
    if present:
        (tmp_path / "shared" / "data").mkdir(parents=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *jobs],
        cwd=tests.parent,
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(re.search(r"^3 tests skipped because \.\./shared/data is absent$", done.stdout, re.M)) != present
    assert ("3 failed" in done.stdout) == present, done.stdout
