"""People: who may act, with what they prove it, and for whom; disabling, and one's own delegations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.delegating import MAX_DAYS, delegate, revoke
from governance.desk import Desk
from governance.enrolment import dismiss, why_not_dismiss
from governance.errors import ConfigurationError, NotAuthorizedError, SignOffRefusedError
from governance.people import Person
from governance.signoff import MAX_REASON
from governance.statement import Entry
from reports.console.answers import html
from reports.console.credentials import act, authenticated, ways
from reports.console.resets import steps_for
from reports.console.roster import DelegationRow, Roster, delegations_of, happenings, named, person_row, roster
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.words import printable

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
    """One person, and what the viewer may do. Raises ConfigurationError for an id that nobody has."""
    desk = desk_of(request)
    found = _known(desk, id)
    given, held = delegations_of(found, id)
    mine = id == session.person.id
    row = person_row(desk, found, id, session.person)
    return html(
        "console_person.html",
        session,
        row=row,
        mine=mine,
        keys=tuple(
            (item.seq, printable(item.public), item.revoked) for item in found.charter.keys if item.holder == id
        ),
        happenings=happenings(found, id),
        given=given,
        held=held,
        can_delegate=mine and bool(_own_functions(found, session.person)),
        open_delegations=tuple(item for item in (*given, *held) if item.open) if mine else (),
        may_disable=row.active and why_not_dismiss(desk, session.person, id) is None,
        disable_link=f"/people/disable?{urlencode({'id': id})}",
        steps=steps_for(desk, id, session.person),
        reset_link=urlencode({"id": id}),
    )


@router.get("/people/disable")
def disable_page(request: Request, session: Visitor, id: str) -> Response:
    """What disabling this person means, and the form."""
    return _form(request, session, "disable", id)


@router.post("/people/disable")
def disable(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Disable a person, for ever."""
    desk, identity = desk_of(request), fields.get("id", "")
    try:
        who = authenticated(request, session, fields, act("disable a person", session.person, id=identity))
        _may_disable(desk, who.person, identity, fields)
        entry = dismiss(desk, identity, who.person)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "disable", identity, error)
    return _recorded(request, entry)


@router.get("/people/delegate")
def delegate_page(request: Request, session: Visitor) -> Response:
    """The form with which one lets somebody sign in one's function."""
    return _form(request, session, "delegate", session.person.id)


@router.post("/people/delegate")
def give(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Let another person sign in one's own function for some days."""
    said = {name: fields.get(name, "") for name in ("to", "function", "last_day")} | {"reason": _reason(fields)}
    try:
        until = _end_of(said["last_day"])
        who = authenticated(request, session, fields, act("delegate", session.person, **said))
        about = (said["to"], said["function"], until, said["reason"])
        entry = delegate(desk_of(request), who.person, *about, who.authentication, who.assurance)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "delegate", session.person.id, error, said)
    return _recorded(request, entry)


@router.get("/people/revoke")
def revoke_page(request: Request, session: Visitor, delegation: int) -> Response:
    """The form that ends a delegation that one gave or holds."""
    return _form(request, session, "revoke", session.person.id, typed={"delegation": str(delegation)})


@router.post("/people/revoke")
def take_back(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """End a delegation that one gave or holds."""
    said = {"delegation": fields.get("delegation", ""), "reason": _reason(fields)}
    try:
        who = authenticated(request, session, fields, act("end a delegation", session.person, **said))
        row = _mine(roster(desk_of(request)), said, who.person.id)
        entry = revoke(desk_of(request), who.person, row.seq, said["reason"])
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "revoke", session.person.id, error, said)
    return _recorded(request, entry)


def _form(
    request: Request,
    session: Session,
    what: str,
    identity: str,
    error: Exception | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The form of one act about a person. Raises ConfigurationError for an id or a delegation that is nobody's."""
    desk, kept = desk_of(request), typed or {}
    found = _known(desk, identity)
    return html(
        "console_person_form.html",
        session,
        200 if error is None else 403 if isinstance(error, NotAuthorizedError) else 409,
        what=what,
        ways=ways(request, session),
        identity=identity,
        name=named(found, identity),
        back=f"/people/person?{urlencode({'id': identity})}",
        left=_left(found, identity),
        delegation=_mine(found, kept, session.person.id) if what == "revoke" else None,
        functions=_own_functions(found, session.person),
        others=_others(found, session.person),
        problem=printable(error, None) if error else "",
        typed={name: kept.get(name, "") for name in ("to", "function", "last_day", "reason")},
        last_day=(found.now + timedelta(days=MAX_DAYS - 1)).date().isoformat(),
        today=found.now.date().isoformat(),
        max_days=MAX_DAYS,
        max_reason=MAX_REASON,
    )


def _known(desk: Desk, identity: str) -> Roster:
    found = roster(desk)
    if identity not in found.ids():
        raise ConfigurationError("nobody has this id here; start from the list of people")
    return found


def _recorded(request: Request, entry: Entry) -> Response:
    """To the entry. Who disabled herself has no session any more, and is led to the login."""
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def _may_disable(desk: Desk, person: Person, identity: str, fields: Mapping[str, str]) -> None:
    """Raises NotAuthorizedError, or SignOffRefusedError where she did not say that she means it."""
    refused = why_not_dismiss(desk, person, identity)
    if refused:
        raise NotAuthorizedError(refused)
    if fields.get("sure") != "yes":
        raise SignOffRefusedError("disabling is for ever: tick that you mean it")


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


def _mine(found: Roster, said: Mapping[str, str], identity: str) -> DelegationRow:
    """The delegation that this person gave or holds, and that can still be used. Raises ConfigurationError."""
    given, held = delegations_of(found, identity)
    standing = (item for item in (*given, *held) if item.open and str(item.seq) == said.get("delegation"))
    row = next(standing, None)
    if row is None:
        raise ConfigurationError("you have no such delegation that stands; see your own page under People")
    return row


def _reason(fields: Mapping[str, str]) -> str:
    return fields.get("reason", "").replace("\r\n", "\n")


def _end_of(day: str) -> datetime:
    """The first moment after this day in UTC."""
    try:
        return datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"the last day is {day!r}; write a date such as 2026-12-24") from error
