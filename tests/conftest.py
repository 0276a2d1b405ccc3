"""What holds for every test: the reference data may be absent, and then the run says how many tests that cost.

On a machine that decides over a change (CI is set) the property tests draw the same examples every time, so that a
change is judged by what it changed; everywhere else they look for new ones.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from weakref import WeakSet

import pytest
from hypothesis import settings
from sqlalchemy import Connection, Engine, event

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
MARKER = "needs_shared"

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs the reference data where there is none."""
    if item.get_closest_marker(MARKER) and not SHARED.is_dir():
        pytest.skip("../shared/data is absent")


@pytest.fixture(autouse=True, scope="module")
def _idle_connections_closed() -> Iterator[None]:
    """Close what a module's databases left open: MLflow and the gate keep one engine a project for the process's
    life, which is right for a process with one project; a worker of this run makes a thousand of them.
    """
    engines: WeakSet[Engine] = WeakSet()

    def used(connection: Connection) -> None:
        engines.add(connection.engine)

    event.listen(Engine, "engine_connect", used)
    yield
    event.remove(Engine, "engine_connect", used)
    for engine in list(engines):
        engine.dispose()


COUNTED = "counted: "


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Count what one test stands for (cases of a table, checks of a page); the end of the run tells the sums."""

    def count(what: str, number: int = 1) -> None:
        request.node.user_properties.append((COUNTED + what, number))

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was counted, and how many tests lacked data: a green run must not look like a whole one."""
    sums: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        for name, number in report.user_properties:
            if name.startswith(COUNTED):
                sums[name] += number
    for name, number in sorted(sums.items()):
        terminalreporter.write_line(f"{name.removeprefix(COUNTED)}: {number:,}")
    count = sum(MARKER in report.keywords for report in terminalreporter.stats.get("skipped", []))
    if count and not SHARED.is_dir():
        terminalreporter.write_line(f"{count} tests skipped because ../shared/data is absent", yellow=True)
