"""The whole story by clicking: decide, be refused, take back, keep a receipt and check it, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import console_scenes as scenes
import pytest
import report_factory as factory
from browser_pages import OUTPUT, House, Visit, fill_sign_form, prove, query, send_files
from console_factory import project_settings

from governance.case import open_case
from governance.statement import Entry, PredicateType


def _sign_page(visit: Visit, person: str, name: str) -> Any:
    """Sign in and come to the sign page by clicking: inbox, evidence, decide."""
    page = visit.open(person)
    page.goto("/")
    page.get_by_role("link", name=f"{name} version 2").first.click()
    page.get_by_role("link", name="Go to the decision").click()
    page.get_by_role("heading", name="Your decision on").wait_for()
    return page


def _recorded(page: Any, house: House) -> Entry:
    """The entry of the receipt that the browser shows."""
    page.get_by_role("status").filter(has_text="Recorded as entry").wait_for()
    *_, entry = house.desk.ledger.entries()
    assert f"/entry/{entry.seq}" in page.url
    return entry


def _new_case(house: House, name: str) -> None:
    factory.record_case(house.desk, "2", name=name)


def test_two_officers_sign_and_the_version_is_released(visit: Visit, house: House) -> None:
    _new_case(house, "tellers")
    for person in ("compliance-officer", "risk-officer"):
        page = _sign_page(visit, person, "tellers")
        fill_sign_form(page, house, person=person)
        entry = _recorded(page, house)
        assert entry.statement.actor.id == person
        assert entry.statement.body["assurance"] == "server-attested"
        page.screenshot(path=OUTPUT / f"story-receipt-{person}.png", full_page=True)
    page.goto(f"/case?{query('tellers')}")
    assert page.locator(".outcome").first.inner_text() == "RELEASED"
    assert open_case(house.desk, "tellers", "2", "champion").decision.outcome == "RELEASED"


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ("data-scientist", "You cannot sign: you registered this version yourself."),
        ("visitor", "You cannot sign: you hold audit, and the policy asks for others."),
    ],
)
def test_a_third_may_not_sign(person: str, why: str, visit: Visit) -> None:
    page = visit.open(person)
    page.goto(f"/case/sign?{query('credit')}")
    assert why in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Sign and record").count() == 0


def test_nobody_signs_twice(visit: Visit, house: House) -> None:
    _new_case(house, "twice")
    page = _sign_page(visit, "compliance-officer", "twice")
    fill_sign_form(page, house)
    _recorded(page, house)
    size = house.desk.ledger.size()
    page.goto(f"/case/sign?{query('twice')}")
    assert "You have approved this evidence" in page.locator("main").inner_text()
    assert page.get_by_role("radio", name="Approve").count() == 0
    assert house.desk.ledger.size() == size


def test_evidence_that_moved_is_refused_and_can_be_decided_anew(visit: Visit, house: House) -> None:
    _new_case(house, "moving")
    page = _sign_page(visit, "compliance-officer", "moving")
    factory.record_case(house.desk, "2", name="moving", audit=scenes.moved())
    size = house.desk.ledger.size()
    fill_sign_form(page, house, reason="I read what is gone now.")
    page.get_by_role("heading", name="The evidence has moved").wait_for()
    page.screenshot(path=OUTPUT / "story-moved.png", full_page=True)
    assert house.desk.ledger.size() == size
    page.get_by_role("button", name="Decide on the evidence as it is now").click()
    page.get_by_role("heading", name="Your decision on").wait_for()
    assert page.get_by_label("Reason", exact=True).input_value() == "I read what is gone now."
    page.get_by_role("radio", name="Approve").first.check()
    prove(page, house, "compliance-officer")
    page.get_by_role("button", name="Sign and record").click()
    entry = _recorded(page, house)
    now = open_case(house.desk, "moving", "2", "champion").shown().report_digest
    assert entry.statement.body["shown"]["report_digest"] == now


@pytest.fixture
def receipt(visit: Visit, house: House, tmp_path: Path) -> tuple[Any, Path, int]:
    """A page, the ZIP with the receipt that it downloaded, and the entry's number."""
    name = f"receipts-{tmp_path.name.replace('_', '-')}"
    _new_case(house, name)
    page = _sign_page(visit, "compliance-officer", name)
    fill_sign_form(page, house)
    entry = _recorded(page, house)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download the receipt").click()
    path = tmp_path / coming.value.suggested_filename
    coming.value.save_as(path)
    return page, path, entry.seq


def test_a_receipt_is_downloaded_and_checks_here_and_without_us(
    receipt: tuple[Any, Path, int], house: House, tmp_path: Path
) -> None:
    page, path, seq = receipt
    page.goto("/verify")
    send_files(page, path)
    assert page.get_by_role("heading", name="Verified", exact=True).count() == 1
    said = page.locator("main").inner_text()
    assert f"Entry {seq} says:" in said
    assert "Exactly these bytes stood as that entry in the ledger" in said
    page.screenshot(path=OUTPUT / "story-verified.png", full_page=True)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    assert _check_receipt(tmp_path, house, seq).returncode == 0


def test_a_receipt_that_was_changed_does_not_check(
    receipt: tuple[Any, Path, int], house: House, tmp_path: Path
) -> None:
    page, path, seq = receipt
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    entry = tmp_path / f"fairgate-entry-{seq}.json"
    data = bytearray(entry.read_bytes())
    data[len(data) // 2] ^= 1
    entry.write_bytes(data)
    assert _check_receipt(tmp_path, house, seq).returncode == 5
    page.goto("/verify")
    send_files(page, entry, tmp_path / f"fairgate-entry-{seq}.tlog-proof")
    assert page.get_by_role("heading", name="Verified", exact=True).count() == 0
    assert "one of the two files was changed" in page.locator("main").inner_text()
    page.screenshot(path=OUTPUT / "story-not-verified.png", full_page=True)


def _check_receipt(folder: Path, house: House, seq: int) -> subprocess.CompletedProcess[str]:
    key = project_settings(house.folder).home / "keys" / "log.pub"
    command = ["ledger", "check-receipt", f"fairgate-entry-{seq}.tlog-proof", "--log-key", str(key)]
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *command], cwd=folder, capture_output=True, text=True, check=False
    )


def test_an_approval_on_a_condition_and_the_condition_met(visit: Visit, house: House) -> None:
    _new_case(house, "condition")
    page = _sign_page(visit, "compliance-officer", "condition")
    page.get_by_text("Conditions, at most").click()
    page.locator("#text-1").fill("Audit the youngest again.")
    page.locator("#owner-1").select_option("data-scientist")
    due = (house.clock.now + factory.timedelta(days=3)).date().isoformat()
    page.locator("#due-1").fill(due)
    fill_sign_form(page, house, decision="Approve on conditions")
    entry = _recorded(page, house)
    assert entry.statement.body["conditions"] == [
        {"text": "Audit the youngest again.", "owner": "data-scientist", "due": due}
    ]
    assert "Audit the youngest again." in page.locator("main").inner_text()
    page.goto(f"/case/sign?{query('condition')}")
    page.get_by_role("link", name="Record condition 1 as met").click()
    page.get_by_label("What shows that it is met").fill("The audit of this week.")
    prove(page, house, "compliance-officer")
    page.get_by_role("button", name="Record as met").click()
    page.wait_for_url("**/entry/**")
    *_, met = house.desk.ledger.entries()
    assert met.statement.predicate_type is PredicateType.CONDITION
    assert met.statement.body["sign_off"] == entry.seq


def test_an_approval_is_taken_back(visit: Visit, house: House) -> None:
    _new_case(house, "back")
    page = _sign_page(visit, "risk-officer", "back")
    fill_sign_form(page, house, person="risk-officer")
    signed = _recorded(page, house)
    page.goto(f"/case/sign?{query('back')}")
    page.get_by_role("link", name="Withdraw").first.click()
    page.get_by_label("Reason", exact=True).fill("The labels were wrong.")
    for box in page.get_by_role("checkbox").all():
        box.check()
    prove(page, house, "risk-officer")
    page.get_by_role("button", name="Withdraw and record").click()
    page.wait_for_url("**/entry/**")
    *_, entry = house.desk.ledger.entries()
    assert entry.statement.predicate_type is PredicateType.WITHDRAWAL
    assert entry.statement.body["sign_off"] == signed.seq


def test_what_is_adverse_is_refused_for_good(visit: Visit, house: House) -> None:
    factory.record_case(house.desk, "1", name="adverse")
    page = visit.open("compliance-officer")
    page.goto(f"/case/sign?{query('adverse', '1')}")
    assert page.get_by_role("radio", name="Approve").count() == 0
    fill_sign_form(page, house, decision="Refuse", reason="Far below the bound.")
    entry = _recorded(page, house)
    assert entry.statement.predicate_type is PredicateType.REFUSAL
    page.goto(f"/case?{query('adverse', '1')}")
    assert page.locator(".outcome").first.inner_text() == "REFUSED"


def test_sections_that_were_opened_are_recorded_with_the_signature(visit: Visit, house: House) -> None:
    _new_case(house, "reading")
    page = visit.open("compliance-officer")
    page.goto(f"/case?{query('reading')}")
    for title in ("Verdicts", "Group rates"):
        page.get_by_role("navigation", name="Evidence of this case").get_by_role("link", name=title).click()
        page.wait_for_timeout(1_100)  # what counts are seconds in sight
    page.get_by_role("link", name="Go to the decision").click()
    fill_sign_form(page, house)
    reading = _recorded(page, house).statement.body["reading"]
    assert {"summary", "verdicts", "rates"} <= set(reading)
    assert reading["verdicts"]["opened"] == 1
