"""The evidence of one case as pages and files. Reads only."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.case import Case, open_case
from governance.errors import ConfigurationError
from governance.signoff import MAX_REASON
from reports.console.answers import html
from reports.console.desktop import half_broken, link_of, signing
from reports.console.session import Visitor, desk_of
from reports.evidence import gather
from reports.formats import Format, render
from reports.release import release_view
from reports.templating import drawn
from reports.words import VERDICTS

SHOWN = ("model_digest", "report_digest", "data_digest", "validation_digest", "policy_digest")

router = APIRouter()


@router.get("/case")
def case_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """The evidence of one case, and the form."""
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


def show_case(
    request: Request,
    session: Session,
    case: Case,
    problem: str | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The page of a case; `problem` says why what was `typed` was not recorded."""
    desk = desk_of(request)
    view = release_view(gather(desk, case))
    kept = typed or {}
    return html(
        "console_case.html",
        session,
        status,
        view=view,
        charts=drawn(view),
        verdicts=VERDICTS,
        offer=signing(desk, case, session.person),
        shown=[(name, getattr(case.shown(), name) or "") for name in SHOWN],
        subject=case.subject,
        alias=case.target.alias,
        report=link_of(case, "/case/report"),
        glass=half_broken(desk, case),
        problem=problem,
        typed={name: kept.get(name, "") for name in ("function", "decision", "reason")},
        max_reason=MAX_REASON,
    )
