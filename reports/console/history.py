"""What was live on a day: a page to read and print, and the same as CSV and JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date
from typing import Annotated
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, Query, Request, Response

from governance.accounts import Session
from governance.desk import Desk, charter_of
from governance.digests import plain
from governance.errors import ConfigurationError
from governance.history import Reign, histories, live_on
from governance.inventory import inventory
from reports.console.answers import html
from reports.console.desktop import case_link
from reports.console.masking import reigns_for
from reports.console.session import Visitor, desk_of
from reports.console.worked import worked
from reports.csv_cells import csv_bytes
from reports.reigns import csv_rows, document, reign_row
from reports.words import moment, printable

router = APIRouter()

Name = Annotated[str, Query(max_length=2_000)]
On = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A day in UTC, and one model or all of them (empty)."""

    day: date
    name: str

    def query(self) -> str:
        """The same question as a query."""
        return urlencode({"on": self.day.isoformat(), "name": self.name})


@router.get("/history")
def history_page(request: Request, session: Visitor, on: On = "", name: Name = "", model: Name = "") -> Response:
    """What was live at any moment of a day; today where none is named.

    `model` is the name as the form sends it, percent-encoded once more: within a page, a name may hold anything.
    """
    name = unquote(model) or name
    desk = desk_of(request)
    today = desk.clock().astimezone(UTC).date()
    asked, problem = Asked(today, name), None
    try:
        asked = Asked(_day(on) if on else today, name)
    except ConfigurationError as error:
        problem = f"{error}; today is shown"
    found = _live(request, session, asked)
    people = charter_of(desk).people
    return html(
        "console_history.html",
        session,
        400 if problem else 200,
        rows=tuple(reign_row(item, people, case_link, desk.environment) for item in found),
        models=tuple((quote(item.name, safe=""), printable(item.name)) for item in worked(request, inventory)),
        day=asked.day.isoformat(),
        name=quote(name, safe=""),
        shown_name=printable(name),
        later=asked.day > today,
        unfinished=asked.day == today,
        query=asked.query(),
        problem=problem,
        now=moment(desk.clock()),
        size=desk.ledger.size(),
        root=_root(desk),
    )


@router.get("/history.csv")
def history_csv(request: Request, session: Visitor, on: On, name: Name = "") -> Response:
    """What was live on a day, one line for each version and target."""
    data = csv_bytes(csv_rows(_live(request, session, Asked(_day(on), name))))
    headers = {"content-disposition": f'attachment; filename="fairgate-live-{_day(on)}.csv"'}
    return Response(data, media_type="text/csv; charset=utf-8; header=present", headers=headers)


@router.get("/history.json")
def history_json(request: Request, session: Visitor, on: On, name: Name = "") -> Response:
    """What was live on a day, whole, with the ledger's size and root that it was read at."""
    desk, day = desk_of(request), _day(on)
    reigns = [document(item) for item in _live(request, session, Asked(day, name))]
    ledger = {"size": desk.ledger.size(), "root": _root(desk)}
    found = {"on": day, "time_zone": "UTC", "model": name or None, "ledger": ledger, "reigns": reigns}
    data = json.dumps(plain(found), indent=2, ensure_ascii=False) + "\n"
    headers = {"content-disposition": f'attachment; filename="fairgate-live-{day}.json"'}
    return Response(data.encode(), media_type="application/json", headers=headers)


def _live(request: Request, session: Session, asked: Asked) -> tuple[Reign, ...]:
    found = live_on(worked(request, histories), asked.day, UTC)
    return reigns_for(desk_of(request), session, tuple(item for item in found if asked.name in ("", item.name)))


def _root(desk: Desk) -> str:
    checkpoint = desk.ledger.checkpoint()
    return checkpoint.root.hex() if checkpoint else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{printable(text)} is not a day; write one such as 2026-11-30") from error
