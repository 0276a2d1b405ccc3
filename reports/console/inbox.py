"""The inbox: what waits, first what this person may decide."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reports.console.answers import html
from reports.console.desktop import emergencies, inbox, policy_banner
from reports.console.masking import case_for
from reports.console.session import Visitor, cases_of, desk_of

router = APIRouter()


@router.get("/")
def inbox_page(request: Request, session: Visitor) -> Response:
    """What waits, first what this person may decide."""
    desk = desk_of(request)
    cases = tuple(case_for(desk, session, case) for case in cases_of(request))
    rows = inbox(desk, session.person, cases)
    return html(
        "console_inbox.html",
        session,
        mine=tuple(row for row in rows if row.mine),
        others=tuple(row for row in rows if not row.mine),
        emergencies=emergencies(desk, cases),
        policy_banner=policy_banner(desk),
    )
