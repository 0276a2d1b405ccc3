"""The console's application: routes, static files and errors, wired to a desk that somebody else made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException

from governance.accounts import Session
from governance.desk import Desk
from governance.errors import ConfigurationError, FairgateError, ServiceError, SignOffRefusedError, UnknownCaseError
from governance.ledger.remembered import Remembered
from governance.recent_cases import RecentCases
from reports.console import (
    afterwards,
    downloads,
    emergency,
    entrance,
    entries,
    evidence,
    factors,
    figures,
    history,
    inbox,
    models,
    passwords,
    people,
    policies,
    reading,
    recovery,
    schedules,
    signing,
    single_sign_on,
    verify,
)
from reports.console.answers import html
from reports.console.api import PREFIX, api_application, pages
from reports.console.credentials import PasskeyAskedError
from reports.console.guard import LOCAL_HOSTS, Guard
from reports.console.openid import Provider
from reports.console.outside import Outside
from reports.console.session import Cookies, ForgedFormError, LoginNeededError, visitor
from reports.console.upload import MAX_UPLOAD, BusyError
from reports.console.worked import Worked
from reports.templating import TEMPLATES
from reports.words import printable

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
ROOMS = (
    entrance,
    single_sign_on,
    inbox,
    evidence,
    downloads,
    reading,
    signing,
    afterwards,
    emergency,
    models,
    history,
    entries,
    verify,
    figures,
    policies,
    schedules,
    people,
    recovery,
    factors,
    passwords,
)
"""Every file of pages; each has its router."""


def create_app(
    desk: Desk,
    *,
    secure_cookies: bool,
    hosts: tuple[str, ...] = (),
    outside: Outside | None = None,
    provider: Provider | None = None,
) -> FastAPI:
    """The console over this desk.

    `secure_cookies`: it is served over HTTPS, so cookies are Secure and bound to the host, and forms must come from
    an https page. `hosts` are names under which it answers beside localhost, without port.
    `outside` is what it may ask of and tell the world; None: nothing. `provider`: of single sign-on, None for passwords
    alone.
    """
    app = FastAPI(title="Fairgate", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk, app.state.remembered = desk, Remembered(desk.ledger)
    app.state.recent, app.state.worked = RecentCases(), Worked()
    app.state.outside = outside or Outside()
    app.state.provider = provider
    app.state.cookies = Cookies(secure_cookies)
    for room in ROOMS:
        app.include_router(room.router)
    app.include_router(pages)
    app.mount(PREFIX, api_application(app.state))
    app.add_api_route("/static/{name}", static_file, methods=["GET"])
    app.add_exception_handler(LoginNeededError, _to_login)
    app.add_exception_handler(ForgedFormError, _forged)
    app.add_exception_handler(BusyError, _busy)
    app.add_exception_handler(PasskeyAskedError, _challenge)
    app.add_exception_handler(FairgateError, _said)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Guard, hosts=(*LOCAL_HOSTS, *hosts), secure=secure_cookies, large={"/verify": MAX_UPLOAD})
    return app


def static_file(name: str) -> Response:
    """A style sheet or a script of this package. Read by name from a fixed list: no path reaches the disk."""
    found = _static().get(name)
    if found is None:
        raise HTTPException(404)
    return Response(found, media_type=MEDIA_TYPES[Path(name).suffix])


@cache
def _static() -> dict[str, bytes]:
    files = (TEMPLATES / "report.css", *STATIC.iterdir())
    return {path.name: path.read_bytes() for path in files if path.suffix in MEDIA_TYPES}


def _to_login(_request: Request, error: Exception) -> Response:
    wanted = error.wanted if isinstance(error, LoginNeededError) else "/"
    return RedirectResponse(f"/login?{urlencode({'wanted': wanted})}", 303)


def _forged(_request: Request, _error: Exception) -> Response:
    return _problem(403, "This form is not from your session", "Go back to the inbox and open the page again.")


def _busy(_request: Request, _error: Exception) -> Response:
    return _problem(503, "Too much at once", "Other files are being checked, or yours came too slowly. Try again soon.")


def _challenge(_request: Request, error: Exception) -> Response:
    """What a script asked for: options of `navigator.credentials.get`, and under which id the act waits."""
    return JSONResponse(error.answer if isinstance(error, PasskeyAskedError) else {})


def _said(request: Request, error: Exception) -> Response:
    """Errors of Fairgate are one clear sentence; what could not be read is never shown as evidence."""
    match error:
        case UnknownCaseError():
            way_out = "Nobody has asked for its release here. The page Models lists what is known"
            return _problem(404, "Not found", f"{printable(error.about)}. {way_out}.", _signed_in(request))
        case ConfigurationError():
            return _problem(404, "Not found", str(error), _signed_in(request))
        case SignOffRefusedError():
            return _problem(409, "Nothing was recorded", str(error))
        case ServiceError():
            return _problem(503, "A service does not answer", f"{error}. Try again in a moment.")
    return _problem(500, "The evidence cannot be shown", f"{error}. Nothing may be signed on it; tell the operator.")


def _not_found(request: Request, _error: Exception) -> Response:
    return _problem(404, "Not found", "The address is not complete. Start from the inbox.", _signed_in(request))


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return _problem(404, "Not found", "There is no page under this address.", _signed_in(request))
    return PlainTextResponse(f"{status}\n", status_code=status)


def _signed_in(request: Request) -> Session | None:
    """Who asked, for the navigation of a page that says what is wrong; None where nobody is known to be signed in."""
    try:
        return visitor(request)
    except (LoginNeededError, FairgateError):
        return None


def _problem(status: int, title: str, message: str, session: Session | None = None) -> Response:
    return html("console_problem.html", session, status, title=title, message=message)
