"""Breaking the glass by clicking: two officers, each at a browser of her own."""

from __future__ import annotations

from typing import Any

import report_factory as factory
from browser_pages import House, Visit, prove, query

from governance.case import open_case
from governance.decide import DecisionOutcome

WHY = "The live model rejects everybody."


def _fill(page: Any, house: House, person: str, hours: str, reason: str, button: str) -> None:
    page.get_by_label("For how many hours at most").fill(hours)
    page.get_by_label("Reason", exact=True).fill(reason)
    page.get_by_role("checkbox", name="I have read what is missing").check()
    prove(page, house, person)
    page.get_by_role("button", name=button).click()
    page.get_by_role("status").filter(has_text="Recorded as entry").wait_for()


def test_two_officers_break_the_glass_at_two_browsers(visit: Visit, house: House) -> None:
    factory.record_case(house.desk, "1", name="ferries")
    first, second = visit.open("compliance-officer"), visit.open("risk-officer")
    first.goto(f"/case?{query('ferries', '1')}")
    first.get_by_role("link", name="Go to the decision").click()
    first.get_by_role("link", name="Read what breaking the glass does").click()
    _fill(first, house, "compliance-officer", "6", WHY, "Break the glass, as the first of two")
    assert open_case(house.desk, "ferries", "1", "champion").decision.outcome is DecisionOutcome.HELD

    second.goto("/")
    second.get_by_role("link", name="broken glass for ferries v1").click()
    assert second.locator(".reason-given").inner_text() == WHY
    assert second.get_by_label("For how many hours at most").input_value() == "6"
    _fill(second, house, "risk-officer", "2", "I see it too.", "Confirm: release it in an emergency")
    assert open_case(house.desk, "ferries", "1", "champion").decision.emergency is not None

    first.goto(f"/case?{query('ferries', '1')}")
    assert first.locator(".outcome").first.inner_text() == "RELEASED BY BROKEN GLASS"
