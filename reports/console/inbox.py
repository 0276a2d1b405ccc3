"""The inbox: what waits, first what this person may decide; then what ends, what is due and what was seen."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reports.console.answers import html
from reports.console.attention import duty_rows, expiring, guide, incidents
from reports.console.desktop import emergencies, inbox, policy_banner
from reports.console.masking import case_for
from reports.console.session import Visitor, cases_of, desk_of

router = APIRouter()


@router.get("/")
def inbox_page(request: Request, session: Visitor) -> Response:
    """What waits, first what this person may decide."""
    desk, person = desk_of(request), session.person
    cases = tuple(case_for(desk, session, case) for case in cases_of(request))
    rows = inbox(desk, person, cases)
    return html(
        "console_inbox.html",
        session,
        mine=tuple(row for row in rows if row.mine),
        others=tuple(row for row in rows if not row.mine),
        emergencies=emergencies(desk, person, cases),
        duties=duty_rows(desk, person, cases),
        expiring=expiring(desk, person, cases),
        incidents=incidents(desk, cases),
        guide=guide(desk, person),
        policy_banner=policy_banner(desk),
    )
