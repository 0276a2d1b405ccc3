"""axe-core on every page of the table, in light and dark, at the width of a desk and of a telephone: no violation."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from browser_pages import FILES, OUTPUT, PAGES, SCHEMES, WIDTHS, House, Page, Visit, routes

from reports.console.app import create_app

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}


@pytest.fixture(scope="module")
def axe() -> Any:
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
def test_axe_finds_nothing(
    place: Page, visit: Visit, house: House, axe: Any, counted: Callable[[str, int], None]
) -> None:
    page = visit.open(place.person)
    place.show(page, house)
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            answer = axe.run(page, options=OPTIONS).response
            counted("runs of axe-core", 1)
            counted("rules that axe-core applied", len(answer["passes"]) + len(answer["violations"]))
            found += [_said(item, width, scheme) for item in answer["violations"]]
            _keep(page, place, width, scheme)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.name)
def test_nothing_runs_over_the_edge_of_a_telephone(place: Page, visit: Visit, house: House) -> None:
    page = visit.open(place.person, viewport={"width": 360, "height": 740})
    place.show(page, house)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"{place.name} is {width} px wide"


def test_axe_sees_what_is_wrong(visit: Visit, axe: Any) -> None:
    """The check of the check: a page with four faults has four violations."""
    page = visit.open(None)
    page.goto("/login")
    page.set_content(
        '<html><body><img src="x"><input><p><font color="#cccccc">pale</font></p>'
        '<a href="/a" style="display:block;height:9px">a</a><a href="/b" style="display:block;height:9px">b</a>'
    )
    found = {item["id"] for item in axe.run(page, options=OPTIONS).response["violations"]}
    assert {"image-alt", "label", "color-contrast", "html-has-lang", "target-size"} <= found, found


def test_every_page_of_the_application_is_in_the_table(house: House) -> None:
    seen = {page.path.partition("?")[0] for page in PAGES}
    seen |= {re.sub(r"\{[^}]*\}", "{seq}", path) for path in seen}
    app = create_app(house.desk, secure_cookies=False)
    pages = {path for method, path in routes(app) if method == "GET" and not path.startswith("/api/")}
    assert pages - FILES - seen == set()


def _said(item: dict[str, Any], width: int, scheme: str) -> str:
    nodes = "; ".join(f"{node['target']} {node['html'][:120]}" for node in item["nodes"][:3])
    return f"{width} {scheme}: {item['id']} ({item['impact']}) x {len(item['nodes'])}: {nodes}"


def _keep(page: Any, place: Page, width: int, scheme: str) -> None:
    """A picture of each page: by day on the desk and by night on the telephone."""
    if (width, scheme) in {(1280, "light"), (360, "dark")}:
        OUTPUT.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=OUTPUT / f"{place.name}-{width}-{scheme}.png", full_page=True)
