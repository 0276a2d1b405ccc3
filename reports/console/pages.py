"""The console's pages. Every page reads the ledger anew; only `sign` writes, and only through `governance.signoff`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from itertools import islice

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from governance.accounts import Session
from governance.case import Case, asked, open_case
from governance.desk import charter_of
from governance.errors import ConfigurationError, NotAuthorizedError, SignOffRefusedError, StaleEvidenceError
from governance.ledger.receipt import write_proof
from governance.record import Shown
from governance.signoff import MAX_REASON, Wish
from governance.signoff import sign as record_signature
from governance.statement import Entry
from reports.console.desktop import (
    emergencies,
    entry_row,
    half_broken,
    inbox,
    link_of,
    moved_rows,
    policy_banner,
    receipt,
    signing,
)
from reports.console.session import (
    Fields,
    OwnForm,
    Visitor,
    cookies_of,
    desk_of,
    local_path,
    same,
)
from reports.evidence import gather
from reports.formats import Format, render
from reports.release import release_view
from reports.templating import drawn, page
from reports.words import VERDICTS

AUTHENTICATION = "password at the console"
PAGE = 100
_SHOWN = ("model_digest", "report_digest", "data_digest", "validation_digest", "policy_digest")

router = APIRouter()


def html(template: str, session: Session | None, status: int = 200, **values: object) -> HTMLResponse:
    """A page of the console."""
    return HTMLResponse(page(template, {"session": session, **values}), status_code=status)


@router.get("/login")
def login_page(request: Request, wanted: str = "/") -> Response:
    """The login form."""
    return _login_form(request, wanted)


@router.post("/login")
def login(request: Request, fields: Fields) -> Response:
    """Check the password and open a new session, under a new id."""
    desk, cookies = desk_of(request), cookies_of(request)
    wanted = fields.get("wanted", "/")
    if not same(fields.get("token", ""), request.cookies.get(cookies.login, "")):
        return _login_form(request, wanted, "The form was too old. Try again.", 403)
    try:
        person = desk.accounts.authenticate(fields.get("id", "").strip(), fields.get("password", ""))
    except NotAuthorizedError as error:
        return _login_form(request, wanted, str(error), 401)
    _close(request)
    answer = RedirectResponse(local_path(wanted), 303)
    _forget(answer, request, cookies.login)
    _set(answer, request, cookies.session, desk.accounts.open_session(person.id, desk.clock()))
    return answer


@router.post("/logout")
def logout(request: Request, _form: OwnForm) -> Response:
    """End the session."""
    _close(request)
    answer = RedirectResponse("/login", 303)
    _forget(answer, request, cookies_of(request).session)
    return answer


@router.get("/")
def inbox_page(request: Request, session: Visitor) -> Response:
    """What waits, first what this person may decide."""
    desk = desk_of(request)
    cases = asked(desk)
    rows = inbox(desk, session.person, cases)
    return html(
        "console_inbox.html",
        session,
        mine=tuple(row for row in rows if row.mine),
        others=tuple(row for row in rows if not row.mine),
        emergencies=emergencies(desk, cases),
        policy_banner=policy_banner(desk),
    )


@router.get("/case")
def case_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """The evidence of one case, and the form."""
    return _case_page(request, session, open_case(desk_of(request), name, version, alias))


@router.get("/case/report")
def report_file(
    request: Request, _session: Visitor, name: str, version: str, alias: str, form: str = "html"
) -> Response:
    """The whole report as a file. A file, not a page: its style is inline, which pages here do not allow."""
    if form not in set(Format):
        raise ConfigurationError(f"a report is written as one of: {', '.join(Format)}")
    desk, kind = desk_of(request), Format(form)
    data = render(release_view(gather(desk, open_case(desk, name, version, alias))), kind)
    headers = {"content-disposition": f'attachment; filename="fairgate-report.{kind.value}"'}
    return Response(data, media_type=kind.media_type, headers=headers)


@router.post("/sign")
def sign(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Sign what was shown: the password again, everything computed again, moved evidence refused."""
    desk = desk_of(request)
    case = open_case(desk, fields.get("name", ""), fields.get("version", ""), fields.get("alias", ""))
    wish = _wish(fields)
    try:
        person = desk.accounts.authenticate(session.person.id, fields.get("password", ""))
        entry = record_signature(desk, case, person, wish)
    except StaleEvidenceError as error:
        now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
        rows = moved_rows(now, wish.shown)
        return html("console_moved.html", session, 409, link=link_of(now), rows=rows, message=str(error))
    except (SignOffRefusedError, ConfigurationError) as error:
        status = 403 if isinstance(error, NotAuthorizedError) else 409
        return _case_page(request, session, case, str(error), fields, status)
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


@router.get("/entry/{seq}")
def entry_page(request: Request, session: Visitor, seq: int, signed: int = 0) -> Response:
    """One entry of the ledger; after signing, the receipt."""
    shown = receipt(_entry(request, seq), charter_of(desk_of(request)))
    return html("console_entry.html", session, receipt=shown, fresh=bool(signed) and shown.signed)


@router.get("/entry/{seq}/envelope")
def entry_bytes(request: Request, _session: Visitor, seq: int) -> Response:
    """The entry's exact bytes."""
    headers = {"content-disposition": f'attachment; filename="fairgate-entry-{seq}.json"'}
    return Response(_entry(request, seq).envelope, media_type="application/json", headers=headers)


@router.get("/entry/{seq}/proof")
def entry_proof(request: Request, _session: Visitor, seq: int) -> Response:
    """The proof (C2SP tlog-proof) that the entry is in the ledger: with its exact bytes, the receipt."""
    entry = _entry(request, seq)
    headers = {"content-disposition": f'attachment; filename="fairgate-entry-{entry.seq}.tlog-proof"'}
    proof = write_proof(desk_of(request).ledger.receipt(entry.seq))
    return Response(proof.encode(), media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/ledger")
def ledger_page(request: Request, session: Visitor, before: int | None = None) -> Response:
    """The entries of the ledger, the newest first, a hundred on a page."""
    ledger = desk_of(request).ledger
    size = ledger.size()
    end = size if before is None else max(0, min(before, size))
    start = max(0, end - PAGE)
    rows = tuple(entry_row(entry) for entry in islice(ledger.entries(), start, end))
    return html("console_ledger.html", session, rows=rows[::-1], size=size, older=start or None)


def _case_page(
    request: Request,
    session: Session,
    case: Case,
    problem: str | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
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
        shown=[(name, getattr(case.shown(), name) or "") for name in _SHOWN],
        subject=case.subject,
        alias=case.target.alias,
        report=link_of(case, "/case/report"),
        glass=half_broken(desk, case),
        problem=problem,
        typed={name: kept.get(name, "") for name in ("function", "decision", "reason")},
        max_reason=MAX_REASON,
    )


def _wish(fields: Mapping[str, str]) -> Wish:
    given = {name: fields.get(name) or None for name in _SHOWN}
    shown = Shown(
        model_digest=given["model_digest"] or "",
        report_digest=given["report_digest"],
        data_digest=given["data_digest"],
        validation_digest=given["validation_digest"],
        policy_digest=given["policy_digest"] or "",
    )
    reason = fields.get("reason", "").replace("\r\n", "\n")
    return Wish(fields.get("function", ""), fields.get("decision", ""), reason, shown, AUTHENTICATION)


def _entry(request: Request, seq: int) -> Entry:
    found = next((entry for entry in desk_of(request).ledger.entries() if entry.seq == seq), None)
    if found is None:
        raise ConfigurationError(f"the ledger has no entry {seq}")
    return found


def _login_form(request: Request, wanted: str, problem: str | None = None, status: int = 200) -> Response:
    cookies = cookies_of(request)
    token = request.cookies.get(cookies.login) or secrets.token_urlsafe(32)
    answer = html("console_login.html", None, status, token=token, wanted=local_path(wanted), problem=problem)
    _set(answer, request, cookies.login, token)
    return answer


def _set(answer: Response, request: Request, name: str, value: str) -> None:
    """Out of reach of scripts and of other sites, gone when the browser closes."""
    secure = cookies_of(request).secure
    answer.set_cookie(name, value, path="/", httponly=True, samesite="lax", secure=secure)


def _forget(answer: Response, request: Request, name: str) -> None:
    """With the attributes of `_set`: a browser keeps a `__Host-` cookie that is taken back in other words."""
    secure = cookies_of(request).secure
    answer.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=secure)


def _close(request: Request) -> None:
    token = request.cookies.get(cookies_of(request).session)
    if token:
        desk_of(request).accounts.close_session(token)
