"""A real browser (Debian's Chromium) before a real server; skipped with the reason where there is no browser.

Each file has its own browser and its own desk: Playwright keeps an event loop running while it is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import console_scenes as scenes
import pytest
from browser_pages import OUTPUT, House, Visit
from console_factory import Ticking, console_of, project_desk, served
from recovery_factory import some_resets

CHROMIUM = shutil.which("chromium")
# Root in a container has no user namespace of its own for Chromium's sandbox; only our own pages are opened.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, for one file of tests."""
    if CHROMIUM is None:
        pytest.skip("no real browser: chromium is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The month of `console_scenes`, served on a free port. The clock stands still after it: no code grows old."""
    folder = tmp_path_factory.mktemp("house")
    clock = Ticking()
    desk = scenes.play(project_desk(folder, clock, scenes.PEOPLE), clock)
    some_resets(desk)
    clock.step = timedelta(0)
    with served(console_of(desk)) as url:
        yield House(url, desk, clock, folder)


@pytest.fixture
def visit(chromium: Any, house: House, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """One test's visitor; a picture and a trace are kept where the test fails."""
    made = Visit(chromium, house)
    yield made
    failed = getattr(request.node, "failed_call", False)
    made.close(OUTPUT / "failed" / _file_name(request.node.name) if failed else None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Tell the fixtures of a test whether it failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.failed_call = report.failed  # type: ignore[attr-defined]


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)[:80]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing here is fast; `-m 'not browser'` leaves the real browser out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
