"""Where the time of a page of the console goes: the functions that cost most, page by page.

    python benchmarks/console_profile.py [--lines 15] [--times 10] [PATH ...]

The same project as in console_load.py, asked in this process without threads, so that cProfile sees the whole answer.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import io
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]


async def _directly(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return work(*given, **named)


def main() -> None:
    """Print a table for each page."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "paths", nargs="*", default=["/", "/case?name=hiring-07&version=2&alias=champion", "/ledger", "/entry/99"]
    )
    parser.add_argument("--lines", type=int, default=15)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    import fastapi.dependencies.utils
    import fastapi.routing
    import httpx
    from console_browser import Browser, hidden
    from console_load import make_project
    from report_factory import SECRET

    from flows.settings import read_settings
    from flows.wiring import open_desk
    from reports.console.app import create_app

    fastapi.routing.run_in_threadpool = _directly
    fastapi.dependencies.utils.run_in_threadpool = _directly
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder), 1, 1)
        app = create_app(open_desk(read_settings({}, Path(folder))), secure_cookies=False)
        browser = Browser(app)
        token = hidden(browser.get("/login").text)["token"]
        browser.post("/login", {"token": token, "wanted": "/", "id": "officer-0", "password": SECRET})
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}

        async def ask(path: str, times: int) -> None:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=browser.base, headers=headers) as client:
                for _ in range(times):
                    answer = await client.get(path)
                    assert answer.status_code == 200, (path, answer.status_code)

        for path in options.paths:
            began, worked = time.perf_counter(), time.process_time()
            asyncio.run(ask(path, 1))
            first = f"first {time.perf_counter() - began:.2f} s, {time.process_time() - worked:.2f} s of processor time"
            profile = cProfile.Profile()
            profile.enable()
            asyncio.run(ask(path, options.times))
            profile.disable()
            print(f"== {path}, {options.times} times; {first}")
            for order in ("cumulative", "tottime"):
                text = io.StringIO()
                pstats.Stats(profile, stream=text).strip_dirs().sort_stats(order).print_stats(
                    options.lines * (2 if order == "cumulative" else 1)
                )
                print("\n".join(line for line in text.getvalue().splitlines()[4:] if line.strip()))


if __name__ == "__main__":
    main()
