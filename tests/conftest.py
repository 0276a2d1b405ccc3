"""What holds for every test: the reference data may be absent, and then the run says how many tests that cost.

On a machine that decides over a change (CI is set) the property tests draw the same examples every time, so that a
change is judged by what it changed; everywhere else they look for new ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
MARKER = "needs_shared"

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs the reference data where there is none."""
    if item.get_closest_marker(MARKER) and not SHARED.is_dir():
        pytest.skip("../shared/data is absent")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped for want of data: a green run must not look like a whole one."""
    if SHARED.is_dir():
        return
    count = sum(MARKER in report.keywords for report in terminalreporter.stats.get("skipped", []))
    if count:
        terminalreporter.write_line(f"{count} tests skipped because ../shared/data is absent", yellow=True)
