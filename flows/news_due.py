"""News that no entry tells, because only time passed: sign-offs that end, conditions that are due, missed nights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from flows.news import Newsroom, about, link, named
from flows.news_kinds import Kind, News
from governance.case import Case, asked, rules_of, still_waiting
from governance.dossier import SignOff
from governance.quorum import why_void
from governance.statement import Entry, PredicateType
from reports.nights import missed, missed_at
from reports.words import moment

AHEAD = timedelta(days=14)
"""So long before a sign-off ends, people are told."""
CONDITION_AHEAD = timedelta(days=7)


def due(room: Newsroom, since: datetime, now: datetime) -> tuple[News, ...]:
    """What became due after `since` and until `now`, and still is, in the order of time."""
    cases = asked(room.desk)
    living = {case.subject: case for case in (*still_waiting(cases), *(x for x in cases if x.released()))}
    found = [*_nights(room, now)]
    for case in living.values():
        found += [*_ends(room, case, now), *_conditions(room, case, now)]
    return tuple(sorted((item for item in found if since < item.at <= now), key=lambda item: item.at))


def _ends(room: Newsroom, case: Case, now: datetime) -> Iterator[News]:
    for item in case.dossier.sign_offs:
        if item.decision != "approve" or item.expires_at is None or item.target != case.target:
            continue
        if item.expires_at <= now:
            if _void(room, case, item) == "expired":
                yield _end(room, case, item, Kind.EXPIRED, item.expires_at)
        elif _void(room, case, item) is None:
            yield _end(room, case, item, Kind.EXPIRING, max(item.signed_at, item.expires_at - AHEAD))


def _void(room: Newsroom, case: Case, item: SignOff) -> str | None:
    return why_void(item, case.dossier, case.decision.policy_digest, rules_of(room.desk, case))


def _end(room: Newsroom, case: Case, item: SignOff, kind: Kind, at: datetime) -> News:
    who = f"{named(item.approver.name)} ({named(item.function, 60)})"
    word = "has expired" if kind is Kind.EXPIRED else "expires soon"
    end = moment(item.expires_at) if item.expires_at else ""
    said = (f"The approval of {who} {'ended' if kind is Kind.EXPIRED else 'ends'} at {end}.",)
    to = room.audience.signers(case.decision.tier)
    title = f"{about(case.subject, case.target)}: a sign-off {word}"
    return News(kind, at, title, said, link(case.subject, case.target), to, frozenset({item.approver.id}))


def _conditions(room: Newsroom, case: Case, now: datetime) -> Iterator[News]:
    """Conditions of standing approvals that nobody has recorded as met, once a week before and once after the day."""
    entries = tuple(room.desk.ledger.entries(digest=case.subject.digest))
    met = {_met(entry) for entry in entries if entry.statement.predicate_type.word == "condition"}
    standing = {x.seq for x in case.dossier.sign_offs if not x.withdrawn and x.target == case.target}
    for entry in entries:
        if entry.statement.predicate_type is PredicateType.SIGN_OFF and entry.seq in standing:
            for number, item in enumerate(entry.statement.body.get("conditions") or (), start=1):
                if (entry.seq, number) not in met:
                    yield _condition(room, case, entry, item, now)


def _met(entry: Entry) -> tuple[int, int]:
    body = entry.statement.body
    return int(body["sign_off"]), int(body["number"])


def _condition(room: Newsroom, case: Case, entry: Entry, item: dict[str, str], now: datetime) -> News:
    """What the condition asks for is free text, and stays in the console."""
    day = date.fromisoformat(item["due"])
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    late = end <= now
    owner = room.charter.person(item["owner"])
    who = named(owner.name if owner else item["owner"])
    word = "was due and is not met" if late else "is due"
    title = f"{about(case.subject, case.target)}: a condition {word} on {day:%Y-%m-%d}"
    said = (f"{who} owns it. An approval lapses where its condition is not recorded as met in time.",)
    at = end if late else max(entry.time, end - CONDITION_AHEAD)
    to = room.audience.signers(case.decision.tier)
    return News(Kind.CONDITION, at, title, said, link(case.subject, case.target), to, frozenset({item["owner"]}))


def _nights(room: Newsroom, now: datetime) -> Iterator[News]:
    since = missed_at(room.desk)
    lines = missed(room.desk, now)
    if since is not None and lines:
        to = room.audience.all()
        yield News(Kind.NIGHT, since, "A night was missed", tuple(named(line, 300) for line in lines), "/", to)
