"""A forgotten password: two colleagues begin and confirm its reset, and she sets a new one with both their halves."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import MAX_SECRET, MIN_SECRET, Session
from governance.errors import ConfigurationError, NotAuthorizedError, SignOffRefusedError
from governance.passwords import typed_twice
from governance.resetting import Hearing, begin_reset, confirm_reset, finish_reset, hearing, void_reset
from governance.signoff import MAX_REASON
from governance.statement import Entry
from reports.console.answers import html
from reports.console.credentials import act, authenticated, ways
from reports.console.door import CROWDED, CrowdedError, admitted, crowded, source_of
from reports.console.entrance import login_token, remember
from reports.console.resets import open_reset, reset_said
from reports.console.session import Fields, OwnForm, Visitor, cookies_of, desk_of, outside_of, same
from reports.words import printable

router = APIRouter()


@router.get("/people/reset")
def begin_page(request: Request, session: Visitor, id: str) -> Response:
    """What a reset of this person's password means, and the form that begins it."""
    return _form(request, session, "begin", id)


@router.post("/people/reset")
def begin(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Begin a reset, and show its first half, once."""
    identity, reason, forget = fields.get("id", ""), _text(fields, "reason"), fields.get("forget", "")
    said = {"id": identity, "reason": reason, "forget": forget}
    try:
        who = authenticated(request, session, fields, act("begin a reset of a password", session.person, **said))
        entry, half = begin_reset(desk_of(request), identity, who.proof(), reason, forget=forget == "yes")
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "begin", identity, error, said)
    return _half(request, session, identity, entry, half)


@router.get("/people/reset/confirm")
def confirm_page(request: Request, session: Visitor, id: str) -> Response:
    """What was begun, by whom and why, and the form that confirms it."""
    return _form(request, session, "confirm", id)


@router.post("/people/reset/confirm")
def confirm(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Confirm a reset that another person began, and show its second half, once."""
    said = {"id": fields.get("id", ""), "begun": fields.get("begun", "")}
    try:
        who = authenticated(request, session, fields, act("confirm a reset of a password", session.person, **said))
        entry, half = confirm_reset(desk_of(request), said["id"], _number(said["begun"]), who.proof())
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "confirm", said["id"], error)
    return _half(request, session, said["id"], entry, half)


@router.get("/people/reset/stop")
def stop_page(request: Request, session: Visitor, id: str) -> Response:
    """The form that makes an open reset void."""
    return _form(request, session, "stop", id)


@router.post("/people/reset/stop")
def stop(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Make an open reset void."""
    said = {"id": fields.get("id", ""), "begun": fields.get("begun", ""), "reason": _text(fields, "reason")}
    try:
        who = authenticated(request, session, fields, act("stop a reset of a password", session.person, **said))
        entry = void_reset(desk_of(request), said["id"], _number(said["begun"]), who.proof(), said["reason"])
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "stop", said["id"], error, said)
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


@router.get("/reset")
def forgotten_page(request: Request) -> Response:
    """For who has forgotten her password: what to do, and the form for both halves."""
    return _forgotten(request)


@router.post("/reset")
def forgotten(request: Request, fields: Fields) -> Response:
    """Set a new password, by both halves. The answer tells nobody which ids there are, or who waits for a reset."""
    if not same(fields.get("token", ""), request.cookies.get(cookies_of(request).login, "")):
        return _forgotten(request, "the form was too old: type it again", 403)
    identity, new = fields.get("id", "").strip(), fields.get("new_password", "")
    halves = (fields.get("one", ""), fields.get("other", ""))
    try:
        typed_twice(new, fields.get("again", ""))
        with admitted():
            finish_reset(desk_of(request), identity, halves, new, source_of(request, identity))
    except CrowdedError:
        return crowded(_forgotten(request, CROWDED, 503, identity))
    except (NotAuthorizedError, ConfigurationError) as error:
        return _forgotten(request, str(error), 401 if isinstance(error, NotAuthorizedError) else 400, identity)
    outside_of(request).recorded()
    return RedirectResponse("/login?done=reset", 303)


def _forgotten(request: Request, problem: str = "", status: int = 200, identity: str = "") -> Response:
    token = login_token(request)
    answer = html(
        "console_forgotten.html",
        None,
        status,
        token=token,
        problem=printable(problem, None),
        identity=printable(identity, 64),
        shortest=MIN_SECRET,
        longest=MAX_SECRET,
    )
    remember(answer, request, cookies_of(request).login, token)
    return answer


def _form(
    request: Request,
    session: Session,
    what: str,
    identity: str,
    error: Exception | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The form of one step. Raises ConfigurationError where the step is not there: nobody, no password, no reset."""
    found, kept = hearing(desk_of(request), identity), typed or {}
    reset = open_reset(found)
    if what != "begin" and reset is None:
        name = printable(found.person.name)
        raise ConfigurationError(f"no reset of the password of {name} is open. {error or ''}".strip())
    return html(
        "console_reset.html",
        session,
        200 if error is None else 403 if isinstance(error, NotAuthorizedError) else 409,
        what=what,
        ways=ways(request, session),
        identity=identity,
        name=f"{printable(found.person.name)} ({printable(identity)})",
        who=printable(found.person.name),
        back=_person(identity),
        reset=reset_said(found.charter, reset) if reset else None,
        beside=_beside(found, reset.begun_by if reset and what == "confirm" else session.person.id),
        factors=_factors(found),
        problem=printable(error, None) if error else "",
        typed={name: kept.get(name, "") for name in ("reason", "forget")},
        max_reason=MAX_REASON,
    )


def _half(request: Request, session: Session, identity: str, entry: Entry, half: str) -> Response:
    outside_of(request).recorded()
    found = hearing(desk_of(request), identity)
    reset = found.charter.password_reset(identity)
    assert reset is not None, "an entry of it was just recorded"  # noqa: S101
    return html(
        "console_reset_half.html",
        session,
        name=printable(found.person.name),
        back=_person(identity),
        half=half,
        entry=entry.seq,
        first=not reset.confirmed_by,
        others=_beside(found, session.person.id),
        reset=reset_said(found.charter, reset),
    )


def _beside(found: Hearing, one: str) -> tuple[str, ...]:
    """Who could take part beside this one."""
    return tuple(f"{printable(item.name)} ({printable(item.id)})" for item in found.with_(one))


def _factors(found: Hearing) -> tuple[str, ...]:
    """What this person has beside her password, in words."""
    charter, who = found.charter, found.person.id
    passkeys, keys = len(charter.passkeys_of(who)), len(charter.keys_of(who))
    said = (
        "an authenticator app" if charter.code_of(who) else "",
        f"{passkeys} passkey{'s' if passkeys > 1 else ''}" if passkeys else "",
        f"{keys} own key{'s' if keys > 1 else ''}" if keys else "",
    )
    return tuple(item for item in said if item)


def _person(identity: str) -> str:
    return f"/people/person?{urlencode({'id': identity})}"


def _text(fields: Mapping[str, str], name: str) -> str:
    return fields.get(name, "").replace("\r\n", "\n")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
