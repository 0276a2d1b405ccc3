"""Signing in and out: the one place where a session begins and ends."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.errors import NotAuthorizedError
from governance.people import Person
from governance.resetting import untold
from reports.console.answers import html
from reports.console.door import CROWDED, CrowdedError, admitted, crowded, know_browser, source_of
from reports.console.session import Fields, OwnForm, cookies_of, desk_of, local_path, provider_of, same
from reports.words import printable

TOLD = "/me/password/told"

router = APIRouter()


@router.get("/login")
def login_page(request: Request, wanted: str = "/", done: str = "") -> Response:
    """The login form. `done` says what has just been done, for example a new password."""
    return login_form(request, wanted, done=_DONE.get(done, ""))


_DONE = {"reset": "Your new password is set, and the halves are used up. Sign in with it."}


@router.post("/login")
def login(request: Request, fields: Fields) -> Response:
    """Check the password and open a new session, under a new id."""
    desk, cookies = desk_of(request), cookies_of(request)
    wanted = fields.get("wanted", "/")
    if not same(fields.get("token", ""), request.cookies.get(cookies.login, "")):
        return login_form(request, wanted, "The form was too old. Try again.", 403)
    identity = fields.get("id", "").strip()
    mark = desk.accounts.browser_token(identity)
    try:
        with admitted():
            person = desk.accounts.authenticate(identity, fields.get("password", ""), source_of(request, identity))
        answer = enter(request, person, wanted, mark)
    except CrowdedError:
        return crowded(login_form(request, wanted, CROWDED, 503))
    except NotAuthorizedError as error:
        return login_form(request, wanted, str(error), 401)
    know_browser(answer, request, mark)
    return answer


def enter(request: Request, person: Person, wanted: str, mark: str | None = None) -> Response:
    """A new session, under a new id, for a person who has just shown who she is; an older one of this browser ends.

    Where her password was reset since, she is led past what she must know of it. `mark`: of the password that she gave,
    which must be hers still. Raises NotAuthorizedError.
    """
    desk, cookies = desk_of(request), cookies_of(request)
    _close(request)
    path = local_path(wanted)
    if untold(desk, person.id) is not None:
        path = f"{TOLD}?{urlencode({'wanted': path})}"
    answer = RedirectResponse(path, 303)
    _forget(answer, request, cookies.login)
    remember(answer, request, cookies.session, desk.accounts.open_session(person.id, desk.clock(), mark))
    return answer


@router.post("/logout")
def logout(request: Request, _form: OwnForm) -> Response:
    """End the session."""
    _close(request)
    answer = RedirectResponse("/login", 303)
    _forget(answer, request, cookies_of(request).session)
    return answer


def login_form(
    request: Request, wanted: str, problem: str | None = None, status: int = 200, done: str = ""
) -> Response:
    """The ways to come in: the password, and single sign-on where there is one."""
    token, path, provider = login_token(request), local_path(wanted), provider_of(request)
    sign_on = f"/single-sign-on/login?{urlencode({'wanted': path})}" if provider else None
    name = printable(provider.name) if provider else None
    said = {"problem": problem, "done": done, "sign_on": sign_on, "provider": name}
    answer = html("console_login.html", None, status, token=token, wanted=path, **said)
    remember(answer, request, cookies_of(request).login, token)
    return answer


def login_token(request: Request) -> str:
    """What ties a login to this browser: its own from before, or a new one."""
    return request.cookies.get(cookies_of(request).login) or secrets.token_urlsafe(32)


def remember(answer: Response, request: Request, name: str, value: str) -> None:
    """Out of reach of scripts and of other sites, gone when the browser closes."""
    secure = cookies_of(request).secure
    answer.set_cookie(name, value, path="/", httponly=True, samesite="lax", secure=secure)


def _forget(answer: Response, request: Request, name: str) -> None:
    """With the attributes of `remember`: a browser keeps a `__Host-` cookie that is taken back in other words."""
    secure = cookies_of(request).secure
    answer.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=secure)


def _close(request: Request) -> None:
    token = request.cookies.get(cookies_of(request).session)
    if token:
        desk_of(request).accounts.close_session(token)
