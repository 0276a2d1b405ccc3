"""Key figures of governance over a period, from the ledger's entries, a policy and the time. Pure.

A figure without anything behind it has no value: never zero. What waits still is said beside what was decided, since a
time to decision that leaves out the undecided flatters. Quarters are those of the calendar, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from audits.intervals import wilson
from audits.result import Interval, Verdict
from governance.history import Reign, histories
from governance.inventory import AuditMark, audit_mark
from governance.people import Actor
from governance.policy import Policy, Tier
from governance.record import RELEASE
from governance.requests import GIVEN_UP, REFUSED, RELEASED, Request, requests
from governance.statement import Entry, PredicateType

EXPIRING_DAYS = 30
SOON = timedelta(days=EXPIRING_DAYS)
MAX_QUARTERS = 40


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` on and before `end`. `label` is for people: `2026 Q4`, `the last 365 days`."""

    label: str
    start: datetime
    end: datetime

    def has(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share, None of nothing."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval, None of nothing."""
        return wilson(self.hits, self.n)


@dataclass(frozen=True, slots=True)
class Times:
    """Times to decision of what was decided, and the ages of what was still open at the end; both sorted."""

    decided: tuple[timedelta, ...]
    open: tuple[timedelta, ...]

    @property
    def median(self) -> timedelta | None:
        """The middle one of the decided (of two, their mean)."""
        return _median(self.decided)

    @property
    def ninetieth(self) -> timedelta | None:
        """The smallest time within which nine of ten of the decided were decided (nearest rank)."""
        return self.decided[-(-len(self.decided) * 9 // 10) - 1] if self.decided else None

    @property
    def at_least(self) -> timedelta | None:
        """The median if everything open were decided at the end: the true one is not below it."""
        return _median(tuple(sorted((*self.decided, *self.open)))) if self.open else None


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions of approvals: `given`, `met`, and `lapsed` (the day had passed and it was not met)."""

    given: int
    met: int
    lapsed: int


@dataclass(frozen=True, slots=True)
class Reviewer:
    """How often a person refused, of all that she signed: `refused.hits` of `refused.n`."""

    person: Actor
    refused: Share


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of one period. Counts are of the period, `expiring` and `covered` of its end (or now).

    `requests`: asked for; `held` of them had to wait; `refused` of those decided; `given_up` had no decision.
    `expiring`: of the sign-offs that live releases rest on, those that end within 30 days.
    `covered`: of what is live, what has an audit no older than the policy allows. `overridden`: emergency releases, of
    all releases; `warned`: releases whose audit had a comparison on watch or adverse. `conditions` is None where no
    approval ever had one.
    """

    period: Period
    at: datetime
    times: Times
    requests: int
    held: Share
    refused: Share
    given_up: int
    expiring: Share
    covered: Share
    overridden: Share
    warned: Share
    incidents: int
    conditions: Conditions | None
    reviewers: tuple[Reviewer, ...]


@dataclass(frozen=True, slots=True)
class _Condition:
    given: datetime
    due: datetime
    met: datetime | None

    def lapses(self) -> datetime | None:
        return None if self.met is not None and self.met <= self.due else self.due


@dataclass(frozen=True, slots=True)
class Facts:
    """What figures are computed from, read once from all entries."""

    first: datetime | None
    requests: tuple[Request, ...]
    reigns: tuple[Reign, ...]
    audits: Mapping[str, tuple[AuditMark, ...]]
    signed: tuple[Entry, ...]
    expiries: Mapping[int, datetime]
    incidents: tuple[datetime, ...]
    conditions: tuple[_Condition, ...]


def facts_from(entries: Iterable[Entry]) -> Facts:
    """What the whole ledger says, its entries in their order."""
    every = tuple(entries)
    audits: dict[str, list[AuditMark]] = {}
    signed, incidents = list[Entry](), list[datetime]()
    for entry in every:
        kind = entry.statement.predicate_type
        if kind is PredicateType.FAIRNESS_AUDIT:
            mark = audit_mark(entry)
            audits.setdefault(mark.digest, []).append(mark)
        elif kind in (PredicateType.SIGN_OFF, PredicateType.REFUSAL):
            signed.append(entry)
        elif kind is PredicateType.OBSERVATION and entry.statement.digest_of("target") is not None:
            incidents.append(entry.time)
    return Facts(
        first=every[0].time if every else None,
        requests=requests(every),
        reigns=histories(every),
        audits={digest: tuple(marks) for digest, marks in audits.items()},
        signed=tuple(signed),
        expiries={entry.seq: end for entry in signed if (end := _expiry(entry))},
        incidents=tuple(incidents),
        conditions=tuple(_conditions(signed, every)),
    )


def figures(facts: Facts, policy: Policy, period: Period, now: datetime) -> Figures:
    """The figures of a period; of one that is not over, as of `now`."""
    at = min(period.end, now)
    asked = [item for item in facts.requests if period.has(item.asked)]
    ended = [item for item in facts.requests if item.ended is not None and period.has(item.ended)]
    decided = [item for item in ended if item.held and item.outcome in (RELEASED, REFUSED)]
    began = [item for item in facts.reigns if period.has(item.since)]
    return Figures(
        period=period,
        at=at,
        times=_times(decided, facts.requests, at),
        requests=len(asked),
        held=Share(sum(item.held for item in asked), len(asked)),
        refused=Share(sum(item.outcome == REFUSED for item in decided), len(decided)),
        given_up=sum(item.outcome == GIVEN_UP for item in ended),
        expiring=_expiring(facts, at),
        covered=_covered(facts, policy, at),
        overridden=Share(sum(item.broken_glass for item in began), len(began)),
        warned=_warned(facts, began),
        incidents=sum(period.has(moment) for moment in facts.incidents),
        conditions=_counted(facts, period, at),
        reviewers=_reviewers(facts, period),
    )


def quarters(first: datetime | None, now: datetime, most: int) -> tuple[Period, ...]:
    """The calendar quarters (UTC) from that of `now` back to that of `first`, at most so many; the newest first."""
    found = list[Period]()
    year, number = now.astimezone(UTC).year, (now.astimezone(UTC).month - 1) // 3
    while first is not None and len(found) < min(most, MAX_QUARTERS):
        following = (year + 1, 0) if number == 3 else (year, number + 1)
        found.append(Period(f"{year} Q{number + 1}", _quarter(year, number), _quarter(*following)))
        if found[-1].start <= first:
            break
        year, number = (year - 1, 3) if number == 0 else (year, number - 1)
    return tuple(found)


def last_days(now: datetime, days: int) -> Period:
    """The days until now, this moment included."""
    end = now + timedelta(microseconds=1)
    return Period(f"the last {days} days", end - timedelta(days=days), end)


def _quarter(year: int, number: int) -> datetime:
    return datetime(year, 3 * number + 1, 1, tzinfo=UTC)


def _times(decided: Iterable[Request], every: Iterable[Request], at: datetime) -> Times:
    took = sorted(found for item in decided if (found := item.took()) is not None)
    ages = sorted(at - item.asked for item in every if item.open_at(at))
    return Times(tuple(took), tuple(ages))


def _median(items: tuple[timedelta, ...]) -> timedelta | None:
    if not items:
        return None
    middle = len(items) // 2
    return items[middle] if len(items) % 2 else (items[middle - 1] + items[middle]) / 2


def _live_sign_offs(facts: Facts, at: datetime) -> set[int]:
    live = (item for item in facts.reigns if item.live_at(at))
    return {act.seq for item in live for act in item.acts if act.kind == PredicateType.SIGN_OFF.word}


def _expiring(facts: Facts, at: datetime) -> Share:
    """Of the sign-offs behind what is live, those whose time ends within 30 days or has ended."""
    behind = [facts.expiries[seq] for seq in _live_sign_offs(facts, at) if seq in facts.expiries]
    return Share(sum(end < at + SOON for end in behind), len(behind))


def _covered(facts: Facts, policy: Policy, at: datetime) -> Share:
    """Of what is live, what was audited lately enough. An unknown tier has no limit to keep: it is not covered."""
    live = [item for item in facts.reigns if item.live_at(at)]
    return Share(sum(_is_covered(facts, policy, item, at) for item in live), len(live))


def _is_covered(facts: Facts, policy: Policy, reign: Reign, at: datetime) -> bool:
    rules = policy.rules(Tier(reign.tier)) if reign.tier in set(Tier) else None
    if rules is None:
        return False
    newest = max((x.time for x in facts.audits.get(reign.digest, ()) if x.time <= at), default=None)
    return newest is not None and at - newest <= timedelta(days=rules.max_audit_age_days)


def _warned(facts: Facts, began: Iterable[Reign]) -> Share:
    """Of the releases that rest on an audit with counted verdicts, those on which a comparison was not clear."""
    counted = [mark.verdicts for item in began if (mark := _release_audit(facts, item)) is not None and mark.verdicts]
    unclear = (Verdict.ADVERSE.value, Verdict.WATCH.value)
    return Share(sum(any(found.get(word) for word in unclear) for found in counted), len(counted))


def _release_audit(facts: Facts, reign: Reign) -> AuditMark | None:
    marks = facts.audits.get(reign.digest, ())
    return next((x for x in reversed(marks) if x.purpose == RELEASE and x.time <= reign.since), None)


def _counted(facts: Facts, period: Period, at: datetime) -> Conditions | None:
    if not facts.conditions:
        return None
    lapses = [found for item in facts.conditions if (found := item.lapses()) is not None]
    return Conditions(
        given=sum(period.has(item.given) for item in facts.conditions),
        met=sum(item.met is not None and period.has(item.met) for item in facts.conditions),
        lapsed=sum(period.has(moment) and moment <= at for moment in lapses),
    )


def _reviewers(facts: Facts, period: Period) -> tuple[Reviewer, ...]:
    """By how much they signed, then by name."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in facts.signed:
        if period.has(entry.time):
            found.setdefault((entry.statement.actor.issuer, entry.statement.actor.id), []).append(entry)
    rows = (Reviewer(x[-1].statement.actor, Share(sum(map(_refuses, x)), len(x))) for x in found.values())
    return tuple(sorted(rows, key=lambda row: (-row.refused.n, row.person.name, row.person.id)))


def _refuses(entry: Entry) -> bool:
    return entry.statement.predicate_type is PredicateType.REFUSAL


def _expiry(entry: Entry) -> datetime | None:
    text = entry.statement.body.get("expires_at")
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _conditions(signed: Iterable[Entry], every: Iterable[Entry]) -> list[_Condition]:
    """The conditions of all approvals, each with when it was met. A day counts to its end (UTC)."""
    met: dict[tuple[int, int], datetime] = {}
    for entry in every:
        body = entry.statement.body
        if entry.statement.predicate_type.word == "condition" and body.get("met") is True:
            met.setdefault((int(body["sign_off"]), int(body["number"])), entry.time)
    return [
        _Condition(entry.time, _day_end(f"{item['due']}"), met.get((entry.seq, at + 1)))
        for entry in signed
        for at, item in enumerate(entry.statement.body.get("conditions") or ())
    ]


def _day_end(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(23, 59, 59, 999_999), UTC)
