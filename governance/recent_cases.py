"""Cases for those who look, not for those who act: what has not changed for some seconds is not decided again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from governance.case import Case, decided, targets_asked
from governance.charter import Charter, confirmed
from governance.desk import Desk, charter_of
from governance.people import Person
from governance.record import target_of
from governance.subject import Subject, Target

OLDEST = timedelta(seconds=5)
"""Time alone changes a case too (an expiry, an audit's age): a list may tell of it this much later."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """All that a case was decided from, besides the time: the numbers of the entries about it and what people are."""

    about: tuple[int, ...]
    charter: Charter
    people: tuple[Person, ...]
    policy: str


@dataclass(frozen=True, slots=True)
class RecentCases:
    """The cases of one desk as a process has lately decided them. Safe under threads: the worst is to decide twice."""

    _kept: dict[tuple[Subject, Target], tuple[_Seen, datetime, Case]] = field(default_factory=dict)

    def asked(self, desk: Desk) -> tuple[Case, ...]:
        """See `governance.case.asked`. Acts must not rest on it: they decide anew."""
        charter = charter_of(desk)
        people = confirmed(charter, desk.accounts.people())
        now = desk.clock()
        return tuple(self._case(desk, item, charter, people, now) for item in targets_asked(desk))

    def _case(
        self, desk: Desk, item: tuple[Subject, Target], charter: Charter, people: tuple[Person, ...], now: datetime
    ) -> Case:
        subject, target = item
        digests = (subject.digest, target_of(subject.name, target).digest)
        about = tuple(entry.seq for digest in digests for entry in desk.ledger.entries(digest=digest))
        seen = _Seen(about, charter, people, desk.policy.digest)
        kept = self._kept.get(item)
        if kept is not None and kept[0] == seen and timedelta(0) <= now - kept[1] < OLDEST:
            return kept[2]
        case = decided(desk, subject, target, charter, people)
        self._kept[item] = seen, now, case
        return case
