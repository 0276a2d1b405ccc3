"""The evidence of one case as pages and files. Reads only."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.case import Case, open_case
from governance.errors import ConfigurationError
from governance.sections import SECTIONS
from reports.console.answers import html
from reports.console.desktop import half_broken, link_of
from reports.console.reading import opened_now
from reports.console.session import Visitor, desk_of
from reports.evidence import gather
from reports.formats import Format, render
from reports.release import release_view
from reports.templating import drawn
from reports.words import VERDICTS

ON_THIS_PAGE = tuple(key for key in SECTIONS if key not in ("model-card", "changes"))
"""The sections of the evidence that this page shows."""

router = APIRouter()


@router.get("/case")
def case_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """The evidence of one case."""
    return show_case(request, session, open_case(desk_of(request), name, version, alias))


@router.get("/case/report")
def report_file(
    request: Request, _session: Visitor, name: str, version: str, alias: str, form: str = "html"
) -> Response:
    """The whole report as a file. A file, not a page: its style is inline, which pages here do not allow."""
    if form not in set(Format):
        raise ConfigurationError(f"a report is written as one of: {', '.join(Format)}")
    desk, kind = desk_of(request), Format(form)
    data = render(gather(desk, open_case(desk, name, version, alias)), kind)
    headers = {"content-disposition": f'attachment; filename="fairgate-report.{kind.suffix}"'}
    return Response(data, media_type=kind.media_type, headers=headers)


def show_case(request: Request, session: Session, case: Case) -> Response:
    """The page of a case."""
    desk = desk_of(request)
    view = release_view(gather(desk, case))
    return html(
        "console_case.html",
        session,
        view=view,
        charts=drawn(view),
        verdicts=VERDICTS,
        decide=link_of(case, "/case/sign"),
        report=link_of(case, "/case/report"),
        glass=half_broken(desk, case),
        mark=opened_now(request, session, case, ON_THIS_PAGE),
    )
