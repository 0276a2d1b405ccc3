"""The parts of which a result's tables are made: cells, columns, a bar, and how numbers and names are written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audits.plan import Comparison
from audits.result import Disparity, Interval
from audits.verdicts import NO_DIFFERENCE
from audits.wording import rounded

NAME_LIMIT = 120
BAR_WIDTH = 120
"""The bar's axis goes from 0 to 1 over so many pixels, less the radius of its dot at both ends."""

_RADIUS = 4
DASH = "–"


@dataclass(frozen=True, slots=True)
class Bar:
    """A share and its interval as pixels, texts with one decimal."""

    at: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell: a text, a smaller one under it, and a bar under both."""

    text: str
    small: str = ""
    bar: Bar | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head; `number`: its cells are set to the right."""

    name: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A table. `more` says what was left out of it, `folded` hides it behind its title."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str = ""
    more: str = ""
    folded: bool = False


def bar(value: float | None, interval: Interval | None) -> Bar | None:
    """The bar of a share in [0, 1]; None where there is none to draw."""
    if value is None:
        return None
    low, high = (value, value) if interval is None else (interval.lower, interval.upper)
    return Bar(_pixel(value), _pixel(low), _pixel(1.0 if high is None else high))


def _pixel(value: float) -> str:
    return f"{_RADIUS + min(max(value, 0.0), 1.0) * (BAR_WIDTH - 2 * _RADIUS):.1f}"


def printable(text: object, limit: int = NAME_LIMIT) -> str:
    """`text` with what cannot be seen (control, format, direction characters) written as an escape, cut to `limit`."""
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def group_name(features: Sequence[str], group: Sequence[str]) -> str:
    """`sex=female, race=b`; an empty group is all counted groups."""
    if not group:
        return "all counted groups"
    pairs = zip(features, group, strict=True)
    return ", ".join(f"{printable(feature)}={printable(level)}" for feature, level in pairs)


def against(features: Sequence[str], group: Sequence[str], reference: Sequence[str]) -> str:
    """`sex=female against sex=male`."""
    if not group:
        return f"all counted groups of {' × '.join(printable(name) for name in features)}"
    return f"{group_name(features, group)} against {group_name(features, reference)}"


def words(name: str) -> str:
    """`impact_ratio` -> `impact ratio`."""
    return printable(name).replace("_", " ")


def count(number: int) -> str:
    """3012 -> `3,012`; a count that is not published is a word."""
    return "suppressed" if number < 0 else f"{number:,}"


def share(value: float | None) -> str:
    """0.3101 -> `31.0%`."""
    return DASH if value is None else f"{value:.1%}"


def share_interval(interval: Interval | None) -> str:
    """`29.4% to 32.7%`; empty where there is none."""
    return (
        ""
        if interval is None
        else f"{share(interval.lower)} to {'…' if interval.upper is None else share(interval.upper)}"
    )


def disparity_value(item: Disparity) -> str:
    """`0.65`, rounded so that it stays on its side of the bound and of no difference."""
    if item.suppressed:
        return "suppressed"
    if item.value is None:
        return DASH
    none = NO_DIFFERENCE[item.comparison]
    other = () if item.bound is None else (-item.bound if item.comparison is Comparison.DIFFERENCE else _inverse(item),)
    return rounded(item.value, [none, *(() if item.bound is None else (item.bound,)), *other])


def _inverse(item: Disparity) -> float:
    return 1 / item.bound if item.bound else 0.0


def interval_text(interval: Interval | None, none: float | None = None) -> str:
    """`0.61 to 0.69`, never rounded onto no difference; a dash where there is none."""
    if interval is None:
        return DASH
    marks = [] if none is None else [none]
    upper = "no upper end" if interval.upper is None else rounded(interval.upper, marks)
    return f"{rounded(interval.lower, marks)} to {upper}"


def counted(names: Iterable[str], most: int = 6) -> str:
    """`a, b and c`; beyond `most`, how many more."""
    found = list(names)
    if len(found) > most:
        return f"{', '.join(found[:most])} and {len(found) - most} more"
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)
