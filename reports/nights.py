"""The nights that ran, and those that should have: read from the ledger alone. Silence is not a quiet night."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from governance.desk import Desk
from governance.errors import FairgateError
from governance.record import schedule_of
from governance.statement import Entry
from reports.night import WORDS, NightLine, NightRow, night_line
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


@dataclass(frozen=True, slots=True)
class NightReasons:
    """Why the last night ended as it did: its rows that were not quiet, and what it saw missed.

    `problem` says why that cannot be told, where its summary is gone, changed or of another form.
    """

    seq: int
    time: str
    word: str
    lines: tuple[NightLine, ...] = ()
    missed: tuple[str, ...] = ()
    problem: str = ""


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


def next_night(desk: Desk, now: datetime) -> tuple[str, bool]:
    """When the next night is to end, in a sentence, and whether it is overdue. Empty before the first night.

    By what the schedule said when the last scheduled one ran, from the end of the last one; without a word, a day.
    """
    found = _entries(desk)
    if not found:
        return "", False
    last, every = found[-1].time, _every(found)
    due = last + every
    since = f"the last one ended {moment(last)}, and the schedule leaves {_hours(every)} at most between two"
    if now <= due:
        return f"The next night is due by {moment(due)}: {since}.", False
    late = last + every * LATE
    after = f" It counts as missed from {moment(late)} on." if now < late else ""
    return f"The next night is overdue since {moment(due)}: {since}.{after}", True


def last_reasons(desk: Desk) -> NightReasons | None:
    """Why the last night ended as it did, by the summary that its entry names; None where it was quiet or none ran."""
    run = next(iter(nights(desk)), None)
    if run is None or run.exit_code == 0:
        return None
    reasons = NightReasons(run.seq, run.time, run.word)
    try:
        said = json.loads(desk.evidence.get(str(_entries(desk)[-1].statement.body.get("report"))))
        rows = [NightRow(**row) for row in said["rows"]]
        lost = tuple(printable(line, 300) for line in said["missed"])
        lines = tuple(night_line(row) for row in rows if row.exit_code != 0)
    except FairgateError as error:
        return replace(reasons, problem=printable(error, 300))
    except (ValueError, KeyError, TypeError):
        return replace(reasons, problem="its summary has another form than this version of Fairgate reads")
    return replace(reasons, lines=lines, missed=lost)


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


def _hours(every: timedelta) -> str:
    hours = round(every.total_seconds() / 3600)
    return "less than an hour" if hours < 1 else "an hour" if hours == 1 else f"{count(hours)} hours"


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
