"""Key figures for people: each with its definition and its n beside it, over a period and quarter by quarter. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from governance.figures import EXPIRING_DAYS, Conditions, Figures, Share, Times
from governance.people import Actor
from reports.view import Chart, Mark
from reports.words import moment, percent_interval, printable, share

NOTHING = "nothing yet"
FEW = 10
"""A share of fewer than this many is drawn hollow, and said to be of few."""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of one period. `text` is `nothing yet` where nothing is behind it; `of` says the n, `more` the rest."""

    text: str
    of: str = ""
    more: tuple[str, ...] = ()
    share: Share | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: what it is called, how it is defined, its value in the period and in every quarter."""

    key: str
    label: str
    definition: str
    value: Value
    quarters: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ReviewerRow:
    """A person's refusals among what she signed."""

    name: str
    refused: str
    n: int
    share: str
    interval: str


@dataclass(frozen=True, slots=True)
class FiguresView:
    """The page of figures. `quarters` are the heads of the columns, the newest first."""

    period: str
    since: str
    until: str
    rows: tuple[Row, ...]
    quarters: tuple[str, ...]
    reviewers: tuple[ReviewerRow, ...]
    charts: tuple[Chart, ...]
    empty: bool


@dataclass(frozen=True, slots=True)
class _Definition:
    key: str
    label: str
    words: str
    value: Callable[[Figures], Value]
    drawn: bool = False


def figures_view(whole: Figures, by_quarter: Sequence[Figures]) -> FiguresView:
    """The figures of a period, and of quarters (the newest first) in the same rows."""
    rows = tuple(
        Row(item.key, item.label, item.words, item.value(whole), tuple(item.value(found) for found in by_quarter))
        for item in _definitions((whole, *by_quarter))
    )
    names = tuple(found.period.label for found in by_quarter)
    drawn = {item.key for item in _definitions((whole,)) if item.drawn}
    charts = tuple(chart for row in rows if row.key in drawn and (chart := _chart(row, names)) is not None)
    return FiguresView(
        period=whole.period.label,
        since=moment(whole.period.start),
        until=moment(whole.at),
        rows=rows,
        quarters=names,
        reviewers=tuple(_reviewer(item.person, item.refused) for item in whole.reviewers),
        charts=charts,
        empty=not by_quarter,
    )


def table(view: FiguresView) -> tuple[tuple[str, ...], ...]:
    """The figures as rows of texts: a head, then figure, definition, the period, and each quarter with its n."""
    head = ("figure", "definition", view.period, *(f"{name}" for name in view.quarters))
    rows = ((row.label, row.definition, _cell(row.value), *map(_cell, row.quarters)) for row in view.rows)
    people = ((f"Refusals by {x.name}", REVIEWERS, f"{x.share} {x.interval} ({x.refused})") for x in view.reviewers)
    return (head, *rows, *((*found, *("" for _ in view.quarters)) for found in people))


def document(found: Figures) -> dict[str, object]:
    """The figures of one period for a script: times in seconds, shares with their n; a value of nothing is null."""
    times = found.times
    seconds = {"median": times.median, "ninetieth": times.ninetieth, "median_at_least": times.at_least}
    shares = ("held", "refused", "expiring", "covered", "overridden", "warned")
    return {
        "period": {"label": found.period.label, "start": found.period.start, "end": found.period.end, "at": found.at},
        "seconds_to_decision": {
            **{name: x.total_seconds() if x is not None else None for name, x in seconds.items()},
            "decided": len(times.decided),
            "ages_of_open": [age.total_seconds() for age in times.open],
        },
        "requests": found.requests,
        "given_up": found.given_up,
        "incidents": found.incidents,
        "conditions": found.conditions,
        **{name: _plain(getattr(found, name)) for name in shares},
        "reviewers": [{"person": item.person, "refused": _plain(item.refused)} for item in found.reviewers],
    }


def _plain(found: Share) -> dict[str, object]:
    return {"hits": found.hits, "n": found.n, "value": found.value, "interval": found.interval}


def span(duration: timedelta) -> str:
    """`3.2 days`, `5 hours`, `12 minutes`; never `0 days` for what took some time."""
    minutes = duration.total_seconds() / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return _units(round(minutes), "minute")
    hours = minutes / 60
    if hours < 48:
        return _units(round(hours), "hour")
    days = f"{hours / 24:.1f}".removesuffix(".0")
    return f"{days} days"


REVIEWERS = (
    "Of all that a person signed in the period, how much she refused. Small numbers say little: the interval (Wilson, "
    "95 %) shows how little. Who is given the harder cases refuses more; it is no measure of a person."
)


def _definitions(found: Sequence[Figures]) -> tuple[_Definition, ...]:
    conditions = (_CONDITIONS,) if any(item.conditions is not None for item in found) else ()
    return (*_ROWS, *conditions)


def _cell(value: Value) -> str:
    return f"{value.text} ({value.of})" if value.of else value.text


def _units(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _entries(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _median(found: Figures) -> Value:
    times = found.times
    if times.median is None:
        return Value(NOTHING, "n = 0 decided", _still_open(times))
    return Value(span(times.median), f"n = {len(times.decided)} decided", _still_open(times))


def _ninetieth(found: Figures) -> Value:
    times = found.times
    if times.ninetieth is None:
        return Value(NOTHING, "n = 0 decided")
    return Value(span(times.ninetieth), f"n = {len(times.decided)} decided")


def _still_open(times: Times) -> tuple[str, ...]:
    """What waits is censored: how long it will have taken is not known, only that it is not less than its age."""
    if times.at_least is None:
        return ()
    return (f"with the {len(times.open)} still open at their present age: at least {span(times.at_least)}",)


def _open(found: Figures) -> Value:
    ages = found.times.open
    if not ages:
        return Value("none", "nothing was open at the end")
    return Value(_entries(len(ages), "request"), f"the oldest waits {span(ages[-1])}", (f"the newest {span(ages[0])}",))


def _share(found: Share, of: str) -> Value:
    if found.value is None:
        return Value(NOTHING, f"no {of}")
    few = ("few: read the interval, not the share",) if found.n < FEW else ()
    interval = f"95 % interval {percent_interval(found.interval)}"
    return Value(share(found.value), f"{found.hits} of {found.n} {of}", (interval, *few), found)


def _counted(number: int, behind: int, what: str) -> Value:
    return Value(f"{number}", what) if behind or number else Value(NOTHING, what)


def _terms(found: Conditions | None) -> Value:
    if found is None:
        return Value(NOTHING)
    said = f"{found.met} met, {found.lapsed} lapsed"
    return Value(_entries(found.given, "condition") if found.given else "none set", said)


_ROWS = (
    _Definition(
        "median",
        "Time to decision, median",
        "From the first hold of a request to its release or refusal; of those decided in the period, the middle one.",
        _median,
    ),
    _Definition(
        "ninetieth",
        "Time to decision, 90th percentile",
        "The time within which nine of ten of those decided in the period were decided (nearest rank).",
        _ninetieth,
    ),
    _Definition(
        "open",
        "Still open",
        "Requests that were held and neither released, refused nor given up at the end of the period, with their ages.",
        _open,
    ),
    _Definition(
        "held",
        "Held",
        "Of the requests for a release made in the period, those that the gate held until people decided.",
        lambda found: _share(found.held, "requests"),
        drawn=True,
    ),
    _Definition(
        "refused",
        "Refused",
        "Of the held requests decided in the period, those refused. Given up (another version took the target) is "
        "no decision.",
        lambda found: _share(found.refused, "decisions"),
        drawn=True,
    ),
    _Definition(
        "given-up",
        "Given up",
        "Held requests without a decision when another version took their target in the period.",
        lambda found: _counted(found.given_up, found.requests, "had no decision"),
    ),
    _Definition(
        "expiring",
        "Sign-offs expiring",
        f"Of the sign-offs that live releases rest on, those that end within {EXPIRING_DAYS} days after the end of "
        "the period, or had ended.",
        lambda found: _share(found.expiring, "sign-offs of what was live"),
    ),
    _Definition(
        "covered",
        "Coverage of audits",
        "Of what was live at the end of the period, what had an audit of the same bytes no older than the policy "
        "(today's) allows for its impact tier. A tier that is not known counts as not covered.",
        lambda found: _share(found.covered, "live versions and targets"),
        drawn=True,
    ),
    _Definition(
        "overridden",
        "Emergency releases",
        "Of the releases in the period, those by broken glass.",
        lambda found: _share(found.overridden, "releases"),
    ),
    _Definition(
        "warned",
        "Released with a warning",
        "Of the releases in the period, those whose release audit had a comparison on watch or adverse.",
        lambda found: _share(found.warned, "releases with an audit"),
    ),
    _Definition(
        "incidents",
        "Incidents",
        "What was seen of release targets in the period and nobody had recorded: an alias moved outside Fairgate, "
        "bytes that changed. Only night runs and reconciliations look.",
        lambda found: Value(f"{found.incidents}", "seen in the period"),
    ),
)
_CONDITIONS = _Definition(
    "conditions",
    "Conditions of approvals",
    "Set, met and lapsed in the period: a condition lapses when its day has passed and it was not met.",
    lambda found: _terms(found.conditions),
)


def _reviewer(person: Actor, found: Share) -> ReviewerRow:
    return ReviewerRow(
        name=printable(person.name),
        refused=f"{found.hits} of {found.n}",
        n=found.n,
        share=share(found.value) if found.value is not None else NOTHING,
        interval=percent_interval(found.interval),
    )


def _chart(row: Row, names: tuple[str, ...]) -> Chart | None:
    """Quarter by quarter, the newest first; None where no quarter has a share."""
    marks = tuple(_mark(name, value) for name, value in zip(names, row.quarters, strict=True) if value.share)
    if not marks:
        return None
    caption = "Dot and line: the share and its 95 % interval (Wilson); hollow and dashed: of fewer than 10."
    return Chart(f"figure-{row.key}", row.label, caption, marks, (), percent=True, primary=True)


def _mark(name: str, value: Value) -> Mark:
    found = value.share or Share(0, 0)
    ends = found.interval
    state = "counted" if found.n >= FEW else "aside"
    text = f"{value.text} ({found.hits} of {found.n})"
    return Mark(name, text, found.value, ends.lower if ends else None, ends.upper if ends else None, state)
