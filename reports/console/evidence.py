"""The evidence of one case as pages, one for each section. Records that sections were opened, no more."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.case import Case, open_case
from reports.console.answers import html
from reports.console.attention import incidents_of
from reports.console.desktop import glass_words, link_of
from reports.console.masking import case_for, evidence_for
from reports.console.reading import opened_now, reading_of
from reports.console.session import Visitor, desk_of
from reports.console.sheet import acts
from reports.release import release_view
from reports.sections import KEYS, SECTIONS, around, section_of
from reports.templating import drawn
from reports.words import VERDICTS

ALL = "all"

router = APIRouter()


@router.get("/case")
def case_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """The first section of the evidence."""
    case = open_case(desk_of(request), name, version, alias)
    return html("console_case.html", session, 200, **_page(request, session, case, KEYS[0]))


def section_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """One section of the evidence; its key is the last part of the path."""
    key = request.url.path.rpartition("/")[2]
    case = open_case(desk_of(request), name, version, alias)
    return html("console_case.html", session, 200, **_page(request, session, case, key))


for _section in SECTIONS[1:]:
    router.add_api_route(f"/case/{_section.key}", section_page, methods=["GET"])
router.add_api_route(f"/case/{ALL}", section_page, methods=["GET"])


def _page(request: Request, session: Session, case: Case, key: str) -> dict[str, object]:
    """What the page of one section prints, or of all of them. That they were opened is recorded."""
    desk = desk_of(request)
    shown = KEYS if key == ALL else (key,)
    view = release_view(evidence_for(desk, session, case, shown), shown)
    before, after = (None, None) if key == ALL else around(key)
    links = {section.key: link_of(case, f"/case/{section.key}") for section in SECTIONS[1:]}
    return {
        "view": view,
        "charts": drawn(view),
        "verdicts": VERDICTS,
        "title": "All evidence" if key == ALL else section_of(key).title,
        "sections": SECTIONS,
        "links": {**links, KEYS[0]: link_of(case), ALL: link_of(case, f"/case/{ALL}")},
        "current": key,
        "shown": shown,
        "before": before,
        "after": after,
        "mark": opened_now(request, session, case, shown),
        "opened": {key for key, item in reading_of(request, session, case).items() if item.opened},
        "acts": acts(desk, case, session.person) if "record" in shown else {},
        "decide": link_of(case, "/case/sign"),
        "report": link_of(case, "/case/report"),
        "reports": link_of(case, "/case/reports"),
        "incidents": incidents_of(desk, (case,)),
        "glass": glass_words(desk, case_for(desk, session, case)),
    }
