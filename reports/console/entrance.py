"""Signing in and out: the one place where a session begins and ends."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.errors import NotAuthorizedError
from governance.people import Person
from reports.console.answers import html
from reports.console.session import Fields, OwnForm, cookies_of, desk_of, local_path, provider_of, same
from reports.words import printable

router = APIRouter()


@router.get("/login")
def login_page(request: Request, wanted: str = "/") -> Response:
    """The login form."""
    return login_form(request, wanted)


@router.post("/login")
def login(request: Request, fields: Fields) -> Response:
    """Check the password and open a new session, under a new id."""
    desk, cookies = desk_of(request), cookies_of(request)
    wanted = fields.get("wanted", "/")
    if not same(fields.get("token", ""), request.cookies.get(cookies.login, "")):
        return login_form(request, wanted, "The form was too old. Try again.", 403)
    try:
        person = desk.accounts.authenticate(fields.get("id", "").strip(), fields.get("password", ""))
    except NotAuthorizedError as error:
        return login_form(request, wanted, str(error), 401)
    return enter(request, person, wanted)


def enter(request: Request, person: Person, wanted: str) -> Response:
    """A new session, under a new id, for a person who has just shown who she is; an older one of this browser ends."""
    desk, cookies = desk_of(request), cookies_of(request)
    _close(request)
    answer = RedirectResponse(local_path(wanted), 303)
    _forget(answer, request, cookies.login)
    remember(answer, request, cookies.session, desk.accounts.open_session(person.id, desk.clock()))
    return answer


@router.post("/logout")
def logout(request: Request, _form: OwnForm) -> Response:
    """End the session."""
    _close(request)
    answer = RedirectResponse("/login", 303)
    _forget(answer, request, cookies_of(request).session)
    return answer


def login_form(request: Request, wanted: str, problem: str | None = None, status: int = 200) -> Response:
    """The ways to come in: the password, and single sign-on where there is one."""
    token, path, provider = login_token(request), local_path(wanted), provider_of(request)
    sign_on = f"/single-sign-on/login?{urlencode({'wanted': path})}" if provider else None
    name = printable(provider.name) if provider else None
    answer = html(
        "console_login.html", None, status, token=token, wanted=path, problem=problem, sign_on=sign_on, provider=name
    )
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
