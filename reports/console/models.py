"""All models that the ledger knows, and one model with its versions, its timeline and its disparities over time."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from governance.accounts import Session
from governance.case import case_of
from governance.desk import Desk, charter_of
from governance.errors import ConfigurationError
from governance.inventory import KnownModel, inventory, timeline
from governance.statement import Entry
from reports.console.answers import html
from reports.console.attention import incidents_of
from reports.console.desktop import case_link, glass_on
from reports.console.masking import case_for, reads_all, unreadable
from reports.console.session import Visitor, cases_of, desk_of
from reports.console.worked import worked
from reports.glass import emergency_line
from reports.models import Timeline, held_again, model_row, timeline_view, to_ask, version_rows
from reports.over_time import NEWEST, OverTime, over_time, read_audits
from reports.over_time_chart import trend_svg
from reports.publish import WITHHELD
from reports.words import printable

CASES = 6
"""So many cases of a model are decided anew for its page; what the ledger records is said of all."""

router = APIRouter()


@router.get("/models")
def models_page(request: Request, session: Visitor) -> Response:
    """Every model that the ledger knows."""
    desk = desk_of(request)
    again = held_again(cases_of(request))
    rows = tuple(model_row(item, case_link, desk.environment, again) for item in worked(request, inventory))
    return html("console_models.html", session, rows=rows)


@router.get("/model")
def model_page(
    request: Request, session: Visitor, name: str, kind: str = "", before: int | None = None, comparisons: str = ""
) -> Response:
    """One model: versions, disparities over time (`comparisons=all`: those that are not drawn too), every event."""
    desk = desk_of(request)
    model = next((item for item in worked(request, inventory) if item.name == name), None)
    if model is None:
        raise ConfigurationError(f"the ledger knows no model {printable(name)}")
    answers = {
        (version.digest, target): case_of(desk, version.subject, target)
        for version, target in to_ask(model, desk.environment, CASES)
        if version.subject is not None
    }
    seen = (case_for(desk, session, case) for case in answers.values())
    trends = _trends(desk, session, model, every=comparisons == "all")
    events = timeline(desk.ledger.entries(), name)
    page = timeline_view(name, events, kind, before, case_link, desk.environment)
    return html(
        "console_model.html",
        session,
        model=model_row(model, case_link, desk.environment, held_again(answers.values())),
        incidents=incidents_of(desk, answers.values()),
        versions=version_rows(model, answers, charter_of(desk).people, case_link, desk.environment),
        timeline=_readable(desk, session, tuple(event.entry for event in events), page),
        trends=trends,
        charts={item.key: Markup(trend_svg(item)) for item in trends.trends if item.drawn},  # noqa: S704
        newest=NEWEST,
        glass=tuple(words for case in seen if (words := emergency_line(case) or glass_on(desk, case))),
    )


def _readable(desk: Desk, session: Session, entries: tuple[Entry, ...], found: Timeline) -> Timeline:
    """The events with the reasons that this person may read."""
    shown = {row.seq for row in found.rows if row.quoted and row.note}
    hidden = unreadable(desk, session, (entry for entry in entries if entry.seq in shown))
    return replace(found, rows=tuple(replace(x, note=WITHHELD) if x.seq in hidden else x for x in found.rows))


def _trends(desk: Desk, session: Session, model: KnownModel, *, every: bool) -> OverTime:
    whole = reads_all(desk, session)
    read = read_audits(desk.evidence, model.audits, whole=whole)
    return over_time(read, len(model.audits), whole=whole, every=every)
