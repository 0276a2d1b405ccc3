"""Resets of forgotten passwords, as the ledger has them: begun by one person, confirmed by another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from governance.statement import Entry

TOGETHER = timedelta(days=90)
"""So long who let a person in again and that person count as one in a quorum: as long as a sign-off by default."""


class ResetState(StrEnum):
    """How far a reset has come. One that is begun or confirmed also ends with its time."""

    BEGUN = "begun"
    CONFIRMED = "confirmed"
    DONE = "done"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """A reset of the password of `person`, begun by entry `seq`. `begun_by` and `confirmed_by` are ids of persons.

    `first` and `second` are fingerprints of the two halves of its code. `forget`: her authenticator app and passkeys go
    too. `ended_by` is the entry that made it done or void, `why` the reason of a void one. `alone`: when it was done,
    nothing but the new password showed any more that it was she.
    """

    seq: int
    time: datetime
    person: str
    begun_by: str
    reason: str
    forget: bool
    until: datetime
    first: str
    state: ResetState = ResetState.BEGUN
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    second: str = ""
    ended_by: int | None = None
    ended_at: datetime | None = None
    why: str = ""
    alone: bool = False

    def open(self, now: datetime) -> bool:
        """Whether it can still be confirmed or used."""
        return self.state in (ResetState.BEGUN, ResetState.CONFIRMED) and now < self.until


def resets_after(resets: tuple[PasswordReset, ...], entry: Entry, *, factor: bool) -> tuple[PasswordReset, ...]:
    """The resets after this entry about one. `factor`: the person had a second factor just before it.

    What cannot follow (a confirmation by who began it, a use without a confirmation) changes nothing.
    """
    body = entry.statement.body
    said, event = body["reset"], str(body["event"]).removeprefix("password-reset-")
    if event == "begun":
        return (*(_replaced(item, entry, body) for item in resets), _begun(entry, body, said))
    return tuple(_moved(item, entry, event, factor=factor) if item.seq == said["begun"] else item for item in resets)


def _begun(entry: Entry, body: Mapping[str, Any], said: Mapping[str, Any]) -> PasswordReset:
    return PasswordReset(
        seq=entry.seq,
        time=entry.time,
        person=str(body["person"]["id"]),
        begun_by=entry.statement.actor.id,
        reason=str(said["reason"]),
        forget=said["forget"] is True,
        until=datetime.fromisoformat(said["until"]),
        first=str(said["half"]),
    )


def _replaced(item: PasswordReset, entry: Entry, body: Mapping[str, Any]) -> PasswordReset:
    """A new reset of the same person makes the older one void."""
    if item.person != body["person"]["id"] or item.ended_by is not None:
        return item
    return _ended(item, entry, ResetState.VOID, f"begun anew by entry {entry.seq}")


def _moved(item: PasswordReset, entry: Entry, event: str, *, factor: bool) -> PasswordReset:
    said, who = entry.statement.body["reset"], entry.statement.actor.id
    match event, item.state:
        case "confirmed", ResetState.BEGUN if who not in (item.begun_by, item.person):
            second = str(said["half"])
            return replace(item, state=ResetState.CONFIRMED, confirmed_by=who, confirmed_at=entry.time, second=second)
        case "done", ResetState.CONFIRMED:
            return replace(_ended(item, entry, ResetState.DONE), alone=item.forget or not factor)
        case "void", ResetState.BEGUN | ResetState.CONFIRMED:
            return _ended(item, entry, ResetState.VOID, str(said["why"]))
    return item


def _ended(item: PasswordReset, entry: Entry, state: ResetState, why: str = "") -> PasswordReset:
    return replace(item, state=state, ended_by=entry.seq, ended_at=entry.time, why=why)
