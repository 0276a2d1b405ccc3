"""People: who may act, with what they prove it, and for whom; disabling, and one's own delegations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.delegating import MAX_DAYS, delegate, revoke
from governance.desk import Desk
from governance.enrolment import dismiss, why_not_dismiss
from governance.errors import ConfigurationError, NotAuthorizedError, SignOffRefusedError
from governance.people import Person
from governance.signoff import MAX_REASON
from reports.console.answers import html
from reports.console.credentials import Authenticated, authenticated
from reports.console.roster import Roster, delegations_of, happenings, named, person_row, roster
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.words import printable

MAX_ENTRY = 2**53

router = APIRouter()


@router.get("/people")
def people_page(request: Request, session: Visitor) -> Response:
    """Everybody, active people first."""
    desk = desk_of(request)
    found = roster(desk)
    rows = [person_row(desk, found, identity, session.person) for identity in found.ids()]
    return html(
        "console_people.html",
        session,
        rows=sorted(rows, key=lambda row: not row.active),
        me=printable(session.person.id),
        sees_failures=found.administers(session.person.id),
    )


@router.get("/people/person")
def person_page(request: Request, session: Visitor, id: str) -> Response:
    """One person, with what the viewer may do."""
    return _person(request, session, id)


@router.post("/people/disable")
def disable(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Disable a person, for ever; the password again."""
    desk, identity = desk_of(request), fields.get("id", "")
    try:
        person = _proved(request, session, fields).person
        _may_disable(desk, person, identity, fields)
        entry = dismiss(desk, identity, person)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _person(request, session, identity, error, fields)
    outside_of(request).recorded()
    # Who disabled herself has no session any more: the address of the entry leads her to the login.
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


@router.post("/people/delegate")
def give(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Let another person sign in one's own function for some days; the password again."""
    try:
        who, reason = _proved(request, session, fields), _text(fields, "reason")
        to, function, until = fields.get("to", ""), fields.get("function", ""), _end_of(fields.get("last_day", ""))
        entry = delegate(desk_of(request), who.person, to, function, until, reason, who.authentication)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _person(request, session, session.person.id, error, fields)
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


@router.post("/people/revoke")
def take_back(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """End a delegation that one gave or holds; the password again."""
    try:
        person = _proved(request, session, fields).person
        entry = revoke(desk_of(request), person, _number(fields.get("delegation", "")), _text(fields, "reason"))
    except (SignOffRefusedError, ConfigurationError) as error:
        return _person(request, session, session.person.id, error, fields)
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def _person(
    request: Request,
    session: Session,
    identity: str,
    error: Exception | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The page of a person. Raises ConfigurationError for an id that nobody has."""
    desk, kept = desk_of(request), typed or {}
    found = roster(desk)
    if identity not in found.ids():
        raise ConfigurationError("nobody has this id here; start from the list of people")
    given, held = delegations_of(found, identity)
    mine = identity == session.person.id
    return html(
        "console_person.html",
        session,
        200 if error is None else 403 if isinstance(error, NotAuthorizedError) else 409,
        row=person_row(desk, found, identity, session.person),
        identity=identity,
        mine=mine,
        keys=tuple(
            (item.seq, printable(item.public), item.revoked) for item in found.charter.keys if _is(item, identity)
        ),
        happenings=happenings(found, identity),
        given=given,
        held=held,
        may_disable=why_not_dismiss(desk, session.person, identity) is None,
        functions=_own_functions(found, session.person) if mine else (),
        others=_others(found, session.person) if mine else (),
        left=_left(found, identity),
        problem=str(error) if error else "",
        typed={name: kept.get(name, "") for name in ("to", "function", "last_day", "reason", "delegation")},
        last_day=(found.now + timedelta(days=MAX_DAYS - 1)).date().isoformat(),
        today=found.now.date().isoformat(),
        max_days=MAX_DAYS,
        max_reason=MAX_REASON,
    )


def _may_disable(desk: Desk, person: Person, identity: str, fields: Mapping[str, str]) -> None:
    """Raises NotAuthorizedError, or SignOffRefusedError where she did not say that she means it."""
    refused = why_not_dismiss(desk, person, identity)
    if refused:
        raise NotAuthorizedError(refused)
    if fields.get("sure") != "yes":
        raise SignOffRefusedError("disabling is for ever: tick that you mean it")


def _is(item: object, identity: str) -> bool:
    return getattr(item, "holder", None) == identity


def _own_functions(found: Roster, person: Person) -> tuple[tuple[str, str], ...]:
    known = found.counted(person.id)
    return tuple((item, printable(item)) for item in known.functions if known.active) if known else ()


def _others(found: Roster, person: Person) -> tuple[tuple[str, str], ...]:
    """Whom she could delegate to: everybody who counts, but herself."""
    return tuple((item.id, named(found, item.id)) for item in found.both if item.active and item.id != person.id)


def _left(found: Roster, identity: str) -> tuple[str, ...]:
    """Who could still sign under the policy in force, were this person disabled."""
    now = found.charter.adopted()
    signers = now.signers if now else ()
    able = (item for item in found.both if item.id != identity and any(item.has(function) for function in signers))
    return tuple(printable(item.name) for item in able)


def _proved(request: Request, session: Session, fields: Mapping[str, str]) -> Authenticated:
    """The person, who has proved anew that it is she. Raises NotAuthorizedError."""
    return authenticated(request, session, fields, _no_passkey)


def _no_passkey(_asked_at: datetime) -> bytes:
    raise NotAuthorizedError("a passkey signs releases; for this, use your password")


def _text(fields: Mapping[str, str], name: str) -> str:
    return fields.get(name, "").replace("\r\n", "\n")


def _end_of(day: str) -> datetime:
    """The first moment after this day in UTC."""
    try:
        return datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"the last day is {day!r}; write a date such as 2026-12-24") from error


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 15 or int(text) > MAX_ENTRY:
        raise ConfigurationError("choose the delegation on the page of the person")
    return int(text)
