"""What runs unattended: the nights by the ledger's record, and what the scheduler says comes next. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.desk import Desk
from reports.console.answers import html
from reports.console.masking import reads_all
from reports.console.outside import Scheduled
from reports.console.session import Visitor, desk_of, outside_of
from reports.nights import NightReasons, last_reasons, missed, next_night, nights
from reports.publish import WITHHELD
from reports.words import moment, printable

NIGHTS = 60

# The names that `fairgate schedule` gives to what it serves.
WHAT = {
    "nightly": "Audit of everything that is live",
    "reconcile": "Finishing approved releases, and comparing what is live with the ledger",
}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One schedule, ready to be printed."""

    name: str
    what: str
    every: str
    next_run: str
    paused: bool


@router.get("/schedules")
def schedules_page(request: Request, session: Visitor, before: int | None = None) -> Response:
    """The nights, the newest first, sixty on a page, and the schedules."""
    desk = desk_of(request)
    found = nights(desk)
    older = [run for run in found if before is None or run.seq < before]
    asked = outside_of(request).schedules()
    due, overdue = next_night(desk, desk.clock())
    return html(
        "console_schedules.html",
        session,
        schedules=None if asked is None else tuple(_row(item) for item in asked),
        missed=tuple(printable(line, 300) for line in missed(desk, desk.clock())),
        due=due,
        overdue=overdue,
        reasons=_reasons(desk, session),
        runs=older[:NIGHTS],
        total=len(found),
        older=older[NIGHTS - 1].seq if len(older) > NIGHTS else None,
    )


def _reasons(desk: Desk, session: Session) -> NightReasons | None:
    """Why the last night ended so; what it found in words can repeat a small count, as findings do."""
    reasons = last_reasons(desk)
    if reasons is None or reads_all(desk, session):
        return reasons
    return replace(reasons, lines=tuple(replace(line, detail=WITHHELD) for line in reasons.lines))


def _row(item: Scheduled) -> ScheduleRow:
    return ScheduleRow(
        name=printable(item.name),
        what=WHAT.get(item.name, ""),
        every=printable(item.every) if item.every else "unknown",
        next_run="none while paused" if item.paused else moment(item.next_run) if item.next_run else "unknown",
        paused=item.paused,
    )
