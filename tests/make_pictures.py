"""Make the pictures of docs/guides/officer.md: the desk of `console_scenes` in a real browser.

    make pictures

Alike in every run: the desk's clock is its own. A picture is of one screen, with few colours, so that it stays small.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "browser")]
FOLDER = ROOT / "docs" / "guides" / "pictures"
MOST = 140 * 1024
SCREEN = {"width": 1100, "height": 760}


def main() -> None:
    """Write every picture; say how large each is."""
    import console_scenes as scenes
    from browser_pages import House, Visit, query
    from console_factory import Ticking, console_of, project_desk, served
    from playwright.sync_api import sync_playwright

    shots = {
        "inbox": ("/", "#mine"),
        "evidence": (f"/case?{query('credit')}", None),
        "intersections": (f"/case/intersections?{query('credit')}", None),
        "decide": (f"/case/sign?{query('credit')}", "#sign"),
        "receipt": ("/entry/{sign_off}?signed=1", None),
        "history": ("/history?on=2026-10-20", None),
        "figures": ("/figures", None),
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clock = Ticking()
        desk = scenes.play(project_desk(Path(folder) / "desk", clock, scenes.PEOPLE), clock)
        clock.step = timedelta(0)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(console_of(desk)) as url:
            house = House(url, desk, clock, Path(folder))
            visit = Visit(browser, house)
            page = visit.open("compliance-officer", viewport=SCREEN)
            for name, (path, part) in shots.items():
                _shot(page, house, name, path, part)
            visit.close(None)
        browser.close()


def _shot(page: Any, house: Any, name: str, path: str, part: str | None) -> None:
    from governance.statement import PredicateType

    page.goto(path.format(sign_off=house.newest(PredicateType.SIGN_OFF)))
    if part:
        page.locator(part).evaluate("here => here.scrollIntoView()")
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file)
    size = file.stat().st_size
    sys.stdout.write(f"{file.name}: {size // 1024} KiB\n")
    if size > MOST:
        raise SystemExit(f"{file.name} is larger than {MOST // 1024} KiB")


if __name__ == "__main__":
    main()
