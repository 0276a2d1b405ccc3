"""Conditions of an approval: what somebody shall do by when. An approval lapses where one is not recorded as met.

Values only; `lapse` says how they stand, `fulfilling` records that one is met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from governance.people import Actor

MAX_CONDITIONS = 10
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Condition:
    """What is to be done, the id of the person who shall do it, and the last day (UTC) for it."""

    text: str
    owner: str
    due: date

    @property
    def deadline(self) -> datetime:
        """The first moment at which it is too late: the end of the due day, UTC."""
        return datetime.combine(self.due, time(), UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ConditionMet:
    """Somebody recorded that condition `number` (from 1) of the sign-off in entry `sign_off` is met.

    `on_behalf_of` is the delegator, where she may sign by delegation alone.
    """

    seq: int
    time: datetime
    sign_off: int
    number: int
    person: Actor
    reason: str
    authentication: str
    on_behalf_of: str | None = None


def conditions_in(body: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions that a sign-off's body holds, none in entries from before there were any."""
    found: Sequence[Mapping[str, Any]] = body.get("conditions") or ()
    return tuple(Condition(item["text"], item["owner"], date.fromisoformat(item["due"])) for item in found)
