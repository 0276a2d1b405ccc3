"""The page of schedules: why the last night ended as it did, and whether the next one is due or overdue."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import report_factory as factory
import rooms_factory as rooms
from console_browser import Browser

from governance.desk import Desk
from governance.errors import Exit
from governance.record import ran
from reports.console.app import create_app
from reports.night import NightRow, NightSummary
from reports.nights import EVERY
from reports.publish import WITHHELD
from reports.record_json import night_json

FOUND = "audited on week-41.parquet: 1 adverse disparity; female 9 of 30 <b>selected</b>"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return factory.new_desk(tmp_path)


def _page(desk: Desk, person: str = "risk-officer") -> str:
    browser = Browser(create_app(desk, secure_cookies=False))
    assert browser.login(person).status_code == 303
    answer = browser.get("/schedules")
    assert answer.status_code == 200
    return answer.text


def _night(desk: Desk, *rows: NightRow, missed: tuple[str, ...] = ()) -> str:
    """A night with these rows, as the flow records it; gives the digest of its summary."""
    now = desk.clock()
    summary = NightSummary(now - timedelta(minutes=5), now, rows, missed)
    stored = desk.evidence.put(night_json(summary))
    body = {"report": stored, "exit_code": summary.exit_code(), "aliases": len(rows), EVERY: 24 * 3600}
    desk.ledger.append(ran("nightly", "a night", body))
    return stored


ADVERSE = NightRow("hiring", "champion", "2", "adverse", int(Exit.ADVERSE), FOUND)
QUIET = NightRow("credit", "champion", "7", "no adverse finding", 0, "nothing newer")


def test_the_reasons_of_the_last_night_are_told_and_quiet_rows_are_not(desk: Desk) -> None:
    _night(desk, QUIET, ADVERSE, missed=("no night ran since 2026-10-01 02:00 UTC: about 3 missed",))
    text = _page(desk)
    assert "Why the last night ended so" in text
    assert "hiring, champion, version 2: adverse." in text
    assert FOUND.replace("<b>", "&lt;b&gt;").replace("</b>", "&lt;/b&gt;") in text
    assert "Missed before it:</strong> no night ran since 2026-10-01 02:00 UTC: about 3 missed" in text
    assert "credit, champion" not in text


def test_who_may_not_read_small_counts_reads_which_model_and_how_it_ended(desk: Desk) -> None:
    _night(desk, ADVERSE)
    text = _page(desk, "data-scientist")
    assert "hiring, champion, version 2: adverse." in text
    assert "9 of 30" not in text
    assert WITHHELD in text


def test_a_quiet_night_needs_no_reasons(desk: Desk) -> None:
    _night(desk, ADVERSE)
    _night(desk, QUIET)
    assert "Why the last night ended so" not in _page(desk)


@pytest.mark.parametrize("harm", ["gone", "changed", "of another form", "no digest"])
def test_reasons_that_cannot_be_read_are_said_to_be_unknown(desk: Desk, harm: str) -> None:
    stored = _night(desk, ADVERSE)
    [path] = desk.evidence.folder.rglob(stored.removeprefix("sha256:"))
    if harm == "gone":
        path.unlink()
    elif harm == "changed":
        path.chmod(0o600)
        path.write_bytes(path.read_bytes().replace(b"adverse", b"nothing"))
    else:
        other = desk.evidence.put(b'{"rows": 3}')
        body = {"report": other if harm == "of another form" else None, "exit_code": 13, "aliases": 1}
        desk.ledger.append(ran("nightly", "a night", body))
    text = _page(desk)
    assert "Why cannot be told: " in text
    assert FOUND[:20] not in text


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (1, "The next night is due by "),
        (23, "The next night is due by "),
        (25, "The next night is overdue since "),
        (60, "The next night is overdue since "),
    ],
)
def test_the_next_night_is_due_or_overdue(desk: Desk, hours: int, said: str) -> None:
    _night(desk, QUIET)
    desk.clock.now += timedelta(hours=hours)  # type: ignore[attr-defined]
    text = _page(desk)
    assert said in text
    assert "the schedule leaves 24 hours at most between two" in text
    assert ("It counts as missed from" in text) == (hours == 25)
    assert ("Missed: no night ran since" in text) == (hours == 60)
    assert ("overdue" in text) == (hours > 24)


def test_before_the_first_night_none_is_due(desk: Desk) -> None:
    text = _page(desk)
    assert "due by" not in text
    assert "overdue" not in text


def test_a_night_of_the_old_form_is_due_after_a_day(desk: Desk) -> None:
    rooms.night(desk, 1)
    assert "the schedule leaves 24 hours at most between two" in _page(desk)
