"""Intersections as heat maps: groups of two features as rows and columns, the rate and n in every cell. Pure.

Colour follows the rate; whatever must not be overlooked is a word in the cell. Of three features or more, the one with
the fewest levels makes one map for each of its levels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from audits.result import AuditResult, Disparity, GroupEstimate, Verdict
from reports.words import SUPPRESSED_WORD, count, metric_label, metric_meaning, printable, share, unknown_level

MAX_COLUMNS, MAX_ROWS, MAX_MAPS = 9, 30, 12
"""Beyond these a picture is no help: the table has every group."""

_SERIOUS = (Verdict.ADVERSE, Verdict.WATCH, Verdict.INSUFFICIENT, Verdict.NOT_ESTIMABLE)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One group. `state`: compared, aside (shown and not compared), hidden (suppressed) or empty (nobody, no value).

    `lines` are what the cell says: the rate, how many, and a word; `value` is None where it has no colour.
    """

    row: int
    column: int
    lines: tuple[str, ...]
    value: float | None
    state: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Cells over the levels of two features. `high` is the rate at the end of the colour scale, which begins at 0.

    `features` are those of the rows and of the columns. `primary`: shown at once.
    """

    key: str
    title: str
    caption: str
    features: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[HeatCell, ...]
    high: float
    primary: bool


def heat_maps(
    audit: AuditResult, features: tuple[str, ...], metrics: Sequence[str], key: str, orders: Mapping[str, Sequence[str]]
) -> tuple[HeatMap, ...]:
    """The maps of these metrics, at least the first of them shown at once; () where there are too many levels.

    `orders` are the levels of a feature as its plan lists them; others stand as the record has them.
    """
    mine = [item for item in audit.estimates if item.features == features]
    levels = {name: _levels(mine, at, orders.get(name, ())) for at, name in enumerate(features)}
    *rest, columns, rows = sorted(features, key=lambda name: len(levels[name]))
    facets = list(product(*(levels[name] for name in rest)))
    if len(levels[columns]) > MAX_COLUMNS or len(levels[rows]) > MAX_ROWS or not 0 < len(facets) <= MAX_MAPS:
        return ()
    found: list[HeatMap] = []
    for place, metric in enumerate(metrics):
        groups = {item.group: item for item in mine if item.metric == metric}
        words = _words(audit, features, metric)
        high = _top(groups.values())
        for at, facet in enumerate(facets):
            fixed = dict(zip(rest, facet, strict=True))
            found.append(
                HeatMap(
                    key=f"{key}-heat-{place}-{at}",
                    title=_title(metric, fixed),
                    caption=_caption(metric, rows, columns),
                    features=(printable(rows), printable(columns)),
                    rows=tuple(printable(name) for name in levels[rows]),
                    columns=tuple(printable(name) for name in levels[columns]),
                    cells=tuple(
                        _cell(row, column, _group(features, {**fixed, rows: row_level, columns: level}), groups, words)
                        for row, row_level in enumerate(levels[rows])
                        for column, level in enumerate(levels[columns])
                    ),
                    high=high,
                    primary=not place or len(facets) == 1,
                )
            )
    return tuple(found)


def _group(features: tuple[str, ...], at: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(at[name] for name in features)


def _levels(estimates: Sequence[GroupEstimate], at: int, order: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(item.group[at] for item in estimates))
    known = tuple(name for name in order if name in found)
    return (*known, *(name for name in found if name not in known))


def _top(estimates: Iterable[GroupEstimate]) -> float:
    """The highest rate of those compared, rounded up to a tenth."""
    values = [item.value for item in estimates if item.counted and item.value is not None]
    return max(0.1, math.ceil(max(values, default=1.0) * 10 - 1e-9) / 10)


def _title(metric: str, fixed: Mapping[str, str]) -> str:
    where = ", ".join(f"{printable(name)}={printable(level)}" for name, level in fixed.items())
    return f"{metric_label(metric)}{f', {where}' if where else ''}"


def _caption(metric: str, rows: str, columns: str) -> str:
    meaning = metric_meaning(metric)
    said = f"{meaning[:1].upper()}{meaning[1:]}. " if meaning else ""
    return f"{said}Rows: {printable(rows)}; columns: {printable(columns)}. The darker, the higher the rate."


def _words(audit: AuditResult, features: tuple[str, ...], metric: str) -> Mapping[tuple[str, ...], str]:
    """What a cell says beside its numbers: the most serious verdict under a bound, or that it is the reference."""
    mine = [item for item in audit.disparities if item.features == features and _of(item, metric)]
    found = {item.reference: "reference" for item in mine if len({other.reference for other in mine}) == 1}
    for verdict in reversed(_SERIOUS):
        found |= {item.group: _SHORT.get(verdict, verdict.value) for item in mine if item.verdict is verdict}
    return found


_SHORT = {Verdict.INSUFFICIENT: "too little"}


def _of(item: Disparity, metric: str) -> bool:
    return item.metric == metric and bool(item.group) and item.bound is not None and item.at is None


def _cell(
    row: int,
    column: int,
    group: tuple[str, ...],
    groups: Mapping[tuple[str, ...], GroupEstimate],
    words: Mapping[tuple[str, ...], str],
) -> HeatCell:
    item = groups.get(group)
    if item is None:
        return HeatCell(row, column, ("nobody",), None, "empty")
    if item.suppressed:
        return HeatCell(row, column, (SUPPRESSED_WORD,), None, "hidden")
    size = f"of {count(item.n)}"
    if item.value is None:
        return HeatCell(row, column, ("no value", size), None, "empty")
    rate = share(item.value)
    if not item.counted:
        why = "unknown" if unknown_level(item.group) else "too few"
        return HeatCell(row, column, (rate, size, why), None, "aside")
    said = words.get(group, "")
    return HeatCell(row, column, (rate, size, *([said] if said else [])), item.value, "compared")
