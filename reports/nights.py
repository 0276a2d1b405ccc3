"""The nights that ran, and those that should have: read from the ledger alone. Silence is not a quiet night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from governance.desk import Desk
from governance.record import schedule_of
from governance.statement import Entry
from reports.night import WORDS
from reports.words import count, moment, one_line, printable

EVERY = "every_seconds"
"""The field of a night's entry that says how long the schedule leaves between two nights."""

DAILY = timedelta(days=1)

LATE = 1.5
"""A night counts as missed after so many times what the schedule leaves between two."""


@dataclass(frozen=True, slots=True)
class NightRun:
    """One night as the ledger has it. `gap` says what is missing between it and the one before; often empty."""

    seq: int
    time: str
    word: str
    exit_code: int | None
    headline: str
    aliases: str
    report_digest: str
    gap: str


def missed(desk: Desk, now: datetime) -> tuple[str, ...]:
    """Lines about nights that should have been and were not, up to `now`; before the first night there are none.

    How often they should be, the schedule said when the last scheduled one ran; without a word, every day.
    """
    found = _entries(desk)
    if not found:
        return ()
    gone = _gone(now - found[-1].time, _every(found))
    return (f"no night ran since {found[-1].time:%Y-%m-%d %H:%M} UTC: about {gone} missed",) if gone else ()


def missed_at(desk: Desk) -> datetime | None:
    """From when on a night counts as missed, unless one runs before; None where none ever ran."""
    found = _entries(desk)
    return found[-1].time + _every(found) * LATE if found else None


def nights(desk: Desk) -> tuple[NightRun, ...]:
    """Every night that ran, the newest first, each with what is missing before it."""
    found = _entries(desk)
    gaps = ["" for _ in found[:1]] + [_gap(found[: place + 1], *pair) for place, pair in enumerate(pairwise(found))]
    return tuple(_run(entry, gap) for entry, gap in zip(found, gaps, strict=True))[::-1]


def _entries(desk: Desk) -> tuple[Entry, ...]:
    return tuple(desk.ledger.entries(subject=schedule_of("nightly").name))


def _every(entries: Sequence[Entry]) -> timedelta:
    """What the last of these nights that was scheduled said."""
    said = [entry.statement.body[EVERY] for entry in entries if EVERY in entry.statement.body]
    return timedelta(seconds=said[-1]) if said else DAILY


def _gone(gap: timedelta, every: timedelta) -> int:
    """How many nights a gap swallowed; half a night late is not missed."""
    return 0 if gap < every * LATE else round(gap / every) - 1


def _gap(earlier: Sequence[Entry], before: Entry, after: Entry) -> str:
    """What is missing between two nights; `earlier`, up to `before`, said how often they should be."""
    gone = _gone(after.time - before.time, _every(earlier))
    return f"about {count(gone)} missed after {moment(before.time)}" if gone else ""


def _run(entry: Entry, gap: str) -> NightRun:
    body = entry.statement.body
    code, aliases = body.get("exit_code"), body.get("aliases")
    known = code if isinstance(code, int) else None
    return NightRun(
        seq=entry.seq,
        time=moment(entry.time),
        word="unknown" if known is None else WORDS.get(known, f"ended with code {known}"),
        exit_code=known,
        headline=one_line(entry.statement.meaning, 300),
        aliases=count(aliases) if isinstance(aliases, int) else "unknown",
        report_digest=printable(body.get("report", "unknown")),
        gap=gap,
    )
