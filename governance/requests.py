"""Requests for a release and what became of each, read from the ledger alone. Pure.

A request begins when a release is asked for: with the first hold, or, where the gate let it through at once, with the
promotion itself. It ends with the release or the refusal of these bytes for this target, or by being given up: another
version became live there. Asked again after that, it is a new request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from governance.inventory import model_in, target_named
from governance.people import Actor
from governance.statement import Entry, PredicateType
from governance.subject import Target

RELEASED, REFUSED, GIVEN_UP = "released", "refused", "given up"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `held`: it had to wait for people. `outcome` and `ended` are None while it is open.

    `by` is who ended it; `glass`: it was released by broken glass.
    """

    name: str
    version: str
    digest: str
    target: Target
    seq: int
    asked: datetime
    held: bool
    outcome: str | None = None
    ended: datetime | None = None
    by: Actor | None = None
    glass: bool = False

    def open_at(self, moment: datetime) -> bool:
        """Whether it waited at that moment."""
        return self.held and self.asked <= moment and (self.ended is None or moment < self.ended)

    def took(self) -> timedelta | None:
        """From the first hold to the release or refusal; None where it was not held, is open or was given up."""
        if not self.held or self.ended is None or self.outcome == GIVEN_UP:
            return None
        return self.ended - self.asked


_Key = tuple[str, str, str, Target]


def requests(entries: Iterable[Entry]) -> tuple[Request, ...]:
    """Every request, in the order of asking. `entries` are those of the whole ledger, in their order."""
    done, waiting = list[Request](), dict[_Key, Request]()
    for entry in entries:
        kind = entry.statement.predicate_type
        if kind in _ABOUT and (found := _asked(entry)) is not None:
            key = (found.name, found.version, found.digest, found.target)
            if kind is PredicateType.HOLD:
                waiting.setdefault(key, found)
            elif kind is PredicateType.PROMOTION:
                done.append(_ended(waiting.pop(key, replace(found, held=False)), RELEASED, entry))
                done += _given_up(waiting, found, entry)
            else:
                # A refusal of what is live or was never asked for ends no request.
                refused = waiting.pop(key, None)
                done += [] if refused is None else [_ended(refused, REFUSED, entry)]
    return tuple(sorted((*done, *waiting.values()), key=lambda item: item.seq))


_ABOUT = (PredicateType.HOLD, PredicateType.PROMOTION, PredicateType.REFUSAL)


def _asked(entry: Entry) -> Request | None:
    """The request that this entry would begin, None where it names no version or target."""
    about, target = model_in(entry), target_named(entry.statement.body)
    if about is None or target is None:
        return None
    return Request(*about, target, entry.seq, entry.time, held=True)


def _given_up(waiting: dict[_Key, Request], live: Request, entry: Entry) -> list[Request]:
    """What waited for a target that another version has taken waits for nobody."""
    gone = [key for key in waiting if (key[0], key[3]) == (live.name, live.target)]
    return [_ended(waiting.pop(key), GIVEN_UP, entry) for key in gone]


def _ended(request: Request, outcome: str, entry: Entry) -> Request:
    statement = entry.statement
    glass = outcome == RELEASED and bool(statement.body.get("break_glass"))
    return replace(request, outcome=outcome, ended=entry.time, by=statement.actor, glass=glass)
