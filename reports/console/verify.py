"""Check what somebody kept: a receipt, an export, an archive of them. Looks only; nothing of it is kept."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.desk import Desk
from governance.errors import ConfigurationError
from reports.console.answers import html
from reports.console.session import Visitor, desk_of, outside_of
from reports.console.upload import MAX_UPLOAD, OwnUpload, Upload, examined
from reports.verified import Answer, answer

router = APIRouter()


@router.get("/verify")
def verify_page(request: Request, session: Visitor) -> Response:
    """The form."""
    return _page(request, session)


@router.post("/verify")
def verify_files(request: Request, session: Visitor, upload: OwnUpload) -> Response:
    """The answer to what was sent."""
    brought = upload.fields.get("log_key", "").strip()
    try:
        found = _answer(desk_of(request), upload, outside_of(request).log_key, brought)
    except ConfigurationError as error:
        return _page(request, session, problem=f"{error}", brought=brought, status=400)
    return _page(request, session, found=found, brought=brought)


def _answer(desk: Desk, upload: Upload, own_key: str | None, brought: str) -> Answer:
    from governance.ledger.note import read_vkey

    key = f"{read_vkey(brought)}" if brought else own_key
    if not upload.files:
        raise ConfigurationError("No file was chosen")
    if key is None:
        raise ConfigurationError("This console does not know its log key: paste the one to check under")
    return answer(examined(upload, key), desk.ledger, own_key, key, desk.clock())


def _page(
    request: Request,
    session: Session,
    *,
    found: Answer | None = None,
    problem: str | None = None,
    brought: str = "",
    status: int = 200,
) -> Response:
    return html(
        "console_verify.html",
        session,
        status,
        found=found,
        problem=problem,
        brought=brought,
        own_key=outside_of(request).log_key,
        most=MAX_UPLOAD // 1024**2,
    )
