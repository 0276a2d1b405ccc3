"""The sign page and what comes after it in a real browser: axe finds nothing, no page is too wide, seconds count."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import report_factory as factory
from browser_pages import SCHEMES, WIDTHS, House, Visit, query
from console_scenes import case

from governance.condition import Condition
from governance.policy import Assurance
from governance.reading import ReadingRecord, evidence_key
from governance.sections import Opened, Reading
from governance.signoff import Wish, sign

MODEL = "credit"


@pytest.fixture(scope="module")
def conditional(house: House) -> int:
    """The ledger entry of an approval on two conditions."""
    about = case(house.desk, MODEL)
    day = house.clock.now.date()
    terms = (
        Condition("Audit the applicants of the next quarter, by sex and by age.", "data-scientist", day + timedelta(9)),
        Condition("Publish the notice to candidates.", "risk-officer", day + timedelta(30)),
    )
    wish = Wish(
        "compliance",
        "approve",
        "I read the report.",
        about.shown(),
        "password and code at the console",
        assurance=Assurance.SERVER_ATTESTED,
        conditions=terms,
        reading={"summary": Opened(2, 130), "rates": Opened(1, 40)},
    )
    officer = next(person for person in factory.PEOPLE if person.id == "second-officer")
    return sign(house.desk, about, officer, wish).seq


@pytest.fixture(scope="module")
def axe() -> Any:
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


PATHS = {
    "inbox": "/",
    "sign": f"/case/sign?{query(MODEL)}",
    "record": f"/case/record?{query(MODEL)}",
    "withdraw": f"/case/withdraw?{query(MODEL)}",
    "condition": f"/case/condition?{query(MODEL)}&number=1&sign_off=",
    "receipt": "/entry/",
}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "rules": {"target-size": {"enabled": True}}}


@pytest.mark.parametrize("name", PATHS)
def test_axe_finds_nothing_and_nothing_is_too_wide(
    visit: Visit, house: House, axe: Any, conditional: int, name: str
) -> None:
    page = visit.open()
    page.goto(PATHS[name] + (f"{conditional}" if name in ("condition", "receipt") else ""))
    for summary in page.locator("main details > summary").all():
        summary.click()
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            violations = axe.run(page, options=OPTIONS).response["violations"]
            found += [f"{width} {scheme} {item['id']}: {item['nodes'][0]['html'][:200]}" for item in violations]
    assert not found, "\n".join(found)


def _reading(house: House, person: str) -> Reading:
    record = ReadingRecord(house.desk.accounts.database, house.desk.clock)
    return record.of(person, evidence_key(case(house.desk, MODEL).shown()))


def test_seconds_in_sight_are_told_when_the_page_is_left(visit: Visit, house: House) -> None:
    """The browser's clock and the console's are both set by hand: no real time decides."""
    page = visit.open("risk-officer")
    page.clock.install()
    page.goto(f"/case?{query(MODEL)}")
    house.clock.now += timedelta(seconds=120)
    page.clock.run_for(42_000)
    page.get_by_role("link", name="Verdicts", exact=True).click()
    page.wait_for_url("**/case/verdicts**")
    end = time.monotonic() + 30
    while not (found := _reading(house, "risk-officer"))["summary"].seconds and time.monotonic() < end:
        time.sleep(0.05)  # it is sent while the page is left: the browser does not always tell of the answer
    assert found["summary"].opened == 1
    assert 40 <= found["summary"].seconds <= 43
    assert found["verdicts"] == Opened(1)


def test_a_hidden_page_gathers_no_seconds(visit: Visit, house: House) -> None:
    page = visit.open("second-officer")
    page.clock.install()
    page.goto(f"/case/limits?{query(MODEL)}")
    page.evaluate("Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })")
    house.clock.now += timedelta(seconds=120)
    page.clock.run_for(60_000)
    page.get_by_role("link", name="Summary", exact=True).click()
    page.wait_for_url("**/case?**")
    assert _reading(house, "second-officer")["limits"] == Opened(1)
