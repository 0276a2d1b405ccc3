"""Who is asking: the session behind the cookie, and the form with its token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from governance.accounts import Session
from governance.case import Case
from governance.desk import Desk
from governance.identities import Identities
from governance.recent_cases import RecentCases
from reports.console.openid import Provider
from reports.console.outside import Outside
from reports.words import printable

MAX_FIELDS = 64


class LoginNeededError(Exception):
    """Nobody is signed in, or the session has ended. `wanted` is where the person was going."""

    def __init__(self, wanted: str) -> None:
        """`wanted` is a path of this console."""
        super().__init__(wanted)
        self.wanted = wanted


class ForgedFormError(Exception):
    """The form does not carry the token of this session."""


@dataclass(frozen=True, slots=True)
class Cookies:
    """The names of the console's cookies: `__Host-` binds them to this host, and browsers take it over HTTPS only."""

    secure: bool

    @property
    def session(self) -> str:
        """The session's cookie."""
        return "__Host-fairgate" if self.secure else "fairgate"

    @property
    def login(self) -> str:
        """The cookie that the login form must repeat."""
        return "__Host-fairgate-login" if self.secure else "fairgate-login"

    @property
    def known(self) -> str:
        """The cookie of a browser in which somebody has signed in before."""
        return "__Host-fairgate-known" if self.secure else "fairgate-known"


def desk_of(request: Request) -> Desk:
    """The desk that the console was made with. A page reads one moment of the ledger; acts never rest on memory."""
    desk: Desk = request.app.state.desk
    if request.method not in ("GET", "HEAD"):
        return desk
    if not hasattr(request.state, "desk"):
        request.state.desk = replace(desk, ledger=request.app.state.remembered.now())
    read: Desk = request.state.desk
    return read


def cases_of(request: Request) -> tuple[Case, ...]:
    """Every case that was asked for, for a page that lists them; what a page shows of one case is decided anew."""
    recent: RecentCases = request.app.state.recent
    return recent.asked(desk_of(request))


def cookies_of(request: Request) -> Cookies:
    """The cookies of this console."""
    cookies: Cookies = request.app.state.cookies
    return cookies


def outside_of(request: Request) -> Outside:
    """The ports of this console."""
    outside: Outside = request.app.state.outside
    return outside


def provider_of(request: Request) -> Provider | None:
    """The provider of single sign-on, None where this console has none."""
    provider: Provider | None = request.app.state.provider
    return provider


def origin_of(request: Request) -> str:
    """The origin under which the browser sees this console; the guard has let only known hosts through."""
    return f"{'https' if cookies_of(request).secure else 'http'}://{request.headers['host']}"


def visitor(request: Request) -> Session:
    """The open session. Raises LoginNeededError where there is none."""
    token = request.cookies.get(cookies_of(request).session)
    desk = desk_of(request)
    session = desk.accounts.session(token, desk.clock()) if token else None
    if session is None:
        query = f"?{request.url.query}" if request.url.query else ""
        raise LoginNeededError(f"{request.url.path}{query}" if request.method == "GET" else "/")
    return replace(session, proves_at=_proves_at(request, session.person.id))


def _proves_at(request: Request, identity: str) -> str | None:
    """The name of the provider where this person can prove who she is, None where she has no identity there."""
    provider = provider_of(request)
    if provider is None:
        return None
    linked = Identities(desk_of(request).accounts.database).of(identity)
    return printable(provider.name) if any(item.issuer == provider.issuer for item in linked) else None


async def form_fields(request: Request) -> Mapping[str, str]:
    """The fields of a form, files left out. A name that comes twice is an error: which one would have been signed?"""
    async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
        pairs = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise HTTPException(400, "a field of the form came twice")
    return fields


Fields = Annotated[Mapping[str, str], Depends(form_fields)]
Visitor = Annotated[Session, Depends(visitor)]


def own_form(session: Visitor, fields: Fields) -> Mapping[str, str]:
    """The fields of a form that carries the session's token. Raises ForgedFormError."""
    if not same(fields.get("csrf", ""), session.csrf):
        raise ForgedFormError
    return fields


OwnForm = Annotated[Mapping[str, str], Depends(own_form)]


def same(given: str, expected: str) -> bool:
    """Compare two tokens in constant time; an empty one is never the same."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def local_path(wanted: str) -> str:
    """`wanted` where it is a path of this console, else the inbox: a login never leads to another site."""
    safe = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if safe else "/"
