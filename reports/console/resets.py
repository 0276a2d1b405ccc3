"""Resets of passwords as pages show them. Frozen values, read from the desk."""

from __future__ import annotations

from dataclasses import dataclass

from governance.charter import Charter
from governance.charter_resets import PasswordReset
from governance.desk import Desk, charter_of
from governance.errors import ConfigurationError
from governance.people import Person
from governance.resetting import Hearing, hearing, why_not_take_part
from reports.words import moment, one_line, printable


@dataclass(frozen=True, slots=True)
class ResetSaid:
    """A reset in printable words: who, when and why. Empty is what it has not come to."""

    begun: int
    begun_by: str
    begun_at: str
    reason: str
    forget: bool
    until: str
    confirmed_by: str
    confirmed_at: str
    ended_by: int | None
    ended_at: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """What may be done about a person's password: her open reset, and the steps that the viewer may take."""

    reset: ResetSaid | None = None
    begin: bool = False
    confirm: bool = False
    stop: bool = False


def reset_said(charter: Charter, found: PasswordReset) -> ResetSaid:
    """The reset in words."""
    return ResetSaid(
        begun=found.seq,
        begun_by=_named(charter, found.begun_by),
        begun_at=moment(found.time),
        reason=one_line(found.reason, 1_000),
        forget=found.forget,
        until=moment(found.until),
        confirmed_by=_named(charter, found.confirmed_by) if found.confirmed_by else "",
        confirmed_at=moment(found.confirmed_at) if found.confirmed_at else "",
        ended_by=found.ended_by,
        ended_at=moment(found.ended_at) if found.ended_at else "",
        alone=found.alone,
    )


def open_reset(found: Hearing) -> PasswordReset | None:
    """The reset of this person that can still be confirmed or used."""
    newest = found.charter.password_reset(found.person.id)
    return newest if newest is not None and newest.open(found.desk.clock()) else None


def own_reset(desk: Desk, identity: str) -> ResetSaid | None:
    """What is under way with a person's own password."""
    charter = charter_of(desk)
    newest = charter.password_reset(identity)
    return reset_said(charter, newest) if newest is not None and newest.open(desk.clock()) else None


def steps_for(desk: Desk, identity: str, viewer: Person) -> Steps:
    """What the viewer may do about this person's password."""
    try:
        found = hearing(desk, identity)
    except ConfigurationError:  # disabled, unknown to one of the two, or without a password: there is nothing to reset
        return Steps()
    reset = open_reset(found)
    begins = why_not_take_part(found, viewer, identity) is None
    if reset is None:
        return Steps(begin=begins)
    waits = not reset.confirmed_by
    confirms = waits and why_not_take_part(found, viewer, reset.begun_by) is None
    return Steps(reset_said(found.charter, reset), begins, confirms, viewer.id == identity or found.signs(viewer.id))


def _named(charter: Charter, identity: str) -> str:
    known = charter.person(identity)
    return f"{printable(known.name)} ({printable(identity)})" if known else printable(identity)
