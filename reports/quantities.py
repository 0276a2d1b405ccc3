"""Measures that are no shares of rows -> parts of a report: tables by question, calibration and cutoffs as pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from audits.result import AuditResult, Disparity, Interval, Quantity
from audits.wording import level
from reports.terms import OTHER, SHARES, TOPICS, WITHIN, Topic, quantity_label, quantity_meaning, topic_of
from reports.view import Line, Part, Plot, Point
from reports.view_table import Cell, Column, Row, Table
from reports.words import (
    DASH,
    SUPPRESSED_WORD,
    chance,
    count,
    group_name,
    listed,
    number,
    people,
    percent_interval,
    printable,
    share,
)

SHOWN = 24
"""So many rows of a long table are shown at once; the rest is folded, not left out."""
MAX_PLOTS = 12

_CUTOFF = re.compile(r"score >= (\S+)")
_BETWEEN = re.compile(r"score (\S+) to (\S+)")
_CLASS = "class = "
_ERROR = "± is the most that the exact value can lie away: scores are sorted into bins before they are counted."
_EFFECTIVE = "Effective rows: so many rows of equal weight would vary as much as these do."


def quantity_parts(
    audit: AuditResult, features: tuple[str, ...], key: str, *, within: bool = False
) -> tuple[Part, ...]:
    """What was measured of `features` (none: of the whole sample) beyond rates: pictures, then tables by question.

    `within`: only what was measured within the levels of control features, which is left out otherwise.
    """
    of_features = (item for item in audit.quantities if item.features == features)
    mine = tuple(item for item in of_features if (topic_of(item.metric) is WITHIN) is within)
    steps = tuple(item for item in mine if stepped(item))
    classes = tuple(item for item in mine if _of_class(item))
    rest = tuple(item for item in mine if not (stepped(item) or _of_class(item)))
    found = [*_cutoffs(steps, audit, key), *_calibration(steps, key), *_classes(classes, key)]
    for place, topic in enumerate((*TOPICS, OTHER)):
        about = tuple(item for item in rest if topic_of(item.metric) is topic)
        if about:
            found.append(_topic(topic, about, audit, f"{key}-topic-{place}"))
    return tuple(found)


def stepped(item: Quantity) -> bool:
    """Is it one of many steps along the scores: a cutoff, or an interval of scores?"""
    return bool(item.at and (_CUTOFF.fullmatch(item.at) or _BETWEEN.fullmatch(item.at)))


def _of_class(item: Quantity) -> bool:
    return bool(item.at and item.at.startswith(_CLASS))


# --- tables by question -----------------------------------------------------------------------------------------------


def _topic(topic: Topic, items: Sequence[Quantity], audit: AuditResult, key: str) -> Part:
    kinds: dict[str, list[Quantity]] = {"Group": [], "Two groups": [], "All groups together": []}
    for item in items:
        kind = "Two groups" if item.against else "Group" if item.group else "All groups together"
        kinds[kind].append(item)
    tables = [_table(found, audit, what) for what, found in kinds.items() if found]
    bounded = any(
        item.bound is not None and item.features == items[0].features and item.metric in topic.metrics
        for item in audit.disparities
    )
    words = tuple(
        dict.fromkeys(
            f"{quantity_label(item.metric)}: {quantity_meaning(item.metric)}."
            for item in items
            if quantity_meaning(item.metric)
        )
    )
    return Part(key, topic.title, tables=tuple(tables), notes=_once(words), folded=not bounded, about=_about(items))


def _about(items: Iterable[Quantity]) -> str:
    """The measures of a part by name, those of single groups before their differences."""
    names = dict.fromkeys(quantity_label(item.metric) for item in items)
    kept = [name for name in names if not any(name != other and name.startswith(f"{other} ") for other in names)]
    return " · ".join(kept)


def _once(words: Iterable[str]) -> tuple[str, ...]:
    """Each meaning once: a difference means what its measure does."""
    kept: dict[str, str] = {}
    for word in words:
        kept.setdefault(word.split(": ", 1)[1], word)
    return tuple(kept.values())


def _table(items: Sequence[Quantity], audit: AuditResult, what: str) -> Table:
    heads = tuple(dict.fromkeys((item.metric, item.at) for item in items))
    rows: dict[tuple[tuple[str, ...], ...], dict[tuple[str, str | None], Quantity]] = {}
    for item in items:
        rows.setdefault((item.group, item.against), {})[item.metric, item.at] = item
    return Table(
        caption=_caption(items, audit),
        columns=(Column(what, numeric=False), *(_head(head) for head in heads)),
        rows=tuple(_row(found, heads, audit) for found in rows.values()),
        shown=SHOWN,
    )


def _head(head: tuple[str, str | None]) -> Column:
    metric, at = head
    return Column(quantity_label(metric), printable(at) if at else "", quantity_meaning(metric))


def _caption(items: Sequence[Quantity], audit: AuditResult) -> str:
    said = [f"Value, and the interval at {audit.confidence:.0%} confidence."]
    said += [_ERROR] if any(item.error for item in items) else []
    said += [_EFFECTIVE] if any(item.effective_n is not None for item in items) else []
    said += ["p: the chance of so much where there is no difference."] if any(i.p is not None for i in items) else []
    return " ".join(said)


def _row(
    found: dict[tuple[str, str | None], Quantity], heads: Sequence[tuple[str, str | None]], audit: AuditResult
) -> Row:
    first = next(iter(found.values()))
    counted = any(item.counted for item in found.values())
    rows = {item.n for item in found.values()}
    said = [f"{people(rows.pop())} rows"] if len(rows) == 1 and not first.suppressed else []
    said += [] if counted else [f"shown, not compared: {printable(first.reason or 'below the minimum', 200)}"]
    cells = tuple(_cell(found.get(head), audit, quiet=not counted) for head in heads)
    return Row((Cell(_who(first), tuple(said)), *cells), quiet=not counted)


def _who(item: Quantity) -> str:
    if not item.features:
        return "everybody"
    name = group_name(item.features, item.group)
    return f"{name} against {group_name(item.features, item.against)}" if item.against else name


def _cell(item: Quantity | None, audit: AuditResult, *, quiet: bool) -> Cell:
    if item is None:
        return Cell(DASH)
    if item.suppressed:
        return Cell(SUPPRESSED_WORD)
    if item.value is None:
        return Cell(DASH, (printable(item.reason or "not estimable", 200),))
    notes = [_interval(item)] if item.interval else []
    notes += [f"± {_up(item.error)}"] if item.error else []
    notes += [f"effective rows {count(round(item.effective_n))}"] if item.effective_n is not None else []
    notes += [f"p {chance(item.p, level(audit.confidence))}"] if item.p is not None else []
    notes += [printable(item.reason, 200)] if item.reason and not quiet else []
    return Cell(_value(item), tuple(notes))


def _value(item: Quantity) -> str:
    value = item.value or 0.0
    return share(value) if item.metric in SHARES else number(value)


def _interval(item: Quantity) -> str:
    return percent_interval(item.interval) if item.metric in SHARES else _ends(item.interval)


def _ends(interval: Interval | None) -> str:
    if interval is None:
        return ""
    upper = "no upper end" if interval.upper is None else number(interval.upper)
    return f"{number(interval.lower)} to {upper}"


def _up(error: float) -> str:
    """An upper limit, rounded up so that it stays one: 0.00062493 -> `0.00063`."""
    places = max(1, min(5, 1 - math.floor(math.log10(error))))
    return f"{math.ceil(error * 10**places - 1e-9) / 10**places:.{places}f}"


# --- pictures ---------------------------------------------------------------------------------------------------------


def _calibration(steps: Sequence[Quantity], key: str) -> Iterator[Part]:
    found = {(item.group, item.at): item for item in steps if item.metric == "observed_rate"}
    scores = {(item.group, item.at): item for item in steps if item.metric == "mean_score"}
    plots: list[Plot] = []
    groups = tuple(dict.fromkeys(group for group, _ in found))
    for group in groups:
        pairs = [(scores.get(place), item) for place, item in found.items() if place[0] == group]
        points = [_point(x.value, item) for x, item in pairs if x is not None and x.value is not None]
        kept = tuple(point for point in points if point is not None)
        if kept:
            plots.append(_calibration_plot(group, kept, f"{key}-calibration-{len(plots)}"))
    if plots:
        words = (
            "A dot on the line: of the persons with this score, so many had the favourable outcome as the score says."
            " Above it the outcome was favourable more often than announced: the score is too low for the group."
            f" Each vertical line is an interval; hollow and dashed where few rows are behind it.{_cut(plots)}",
        )
        items = [item for item in steps if item.metric in {"observed_rate", "mean_score"} and item.at]
        table = _long(items, ("mean_score", "observed_rate"), "Score")
        yield Part(
            f"{key}-calibration",
            "What came true, by score",
            words=words,
            plots=tuple(plots[:MAX_PLOTS]),
            tables=(table,),
            folded=True,
        )


def _classes(items: Sequence[Quantity], key: str) -> Iterator[Part]:
    """Of a model with several classes: each class against the rest, a row for every group and class."""
    if items:
        metrics = tuple(dict.fromkeys(item.metric for item in items))
        table = _long(items, metrics, "Class")
        yield Part(f"{key}-classes", "Each class against the rest", tables=(table,), folded=True, about=_about(items))


def _cut(plots: Sequence[Plot]) -> str:
    more = len(plots) - MAX_PLOTS
    return f" {MAX_PLOTS} of {len(plots)} groups; the table has all." if more > 0 else ""


def _calibration_plot(group: tuple[str, ...], points: tuple[Point, ...], key: str) -> Plot:
    far = max(points, key=lambda point: abs(point.y - point.x))
    return Plot(
        key=key,
        title=_levels(group),
        points=points,
        x=(0.0, 1.0),
        y=(0.0, 1.0),
        axes=("mean score", "share with the favourable outcome"),
        lines=(),
        spoken=f"{len(points)} intervals of scores; farthest from the line at a score of {number(far.x)}:"
        f" {share(far.y)} had the favourable outcome",
        percent=True,
        diagonal=True,
        joined=False,
    )


def _cutoffs(steps: Sequence[Quantity], audit: AuditResult, key: str) -> Iterator[Part]:
    swept = [item for item in steps if item.at and _CUTOFF.fullmatch(item.at)]
    ratios = [item for item in swept if item.metric == "impact_ratio" and item.counted]
    if not swept:
        return
    bounds = sorted({item.bound for item in audit.disparities if _on_selection(item) and item.bound is not None})
    top = max([1.2, *(item.value * 1.05 for item in ratios if item.value is not None)])
    names = tuple(dict.fromkeys((item.group, item.against) for item in ratios))
    plots = [
        _cutoff_plot([i for i in ratios if (i.group, i.against) == name], bounds, min(10.0, top), f"{key}-cutoff-{at}")
        for at, name in enumerate(names)
    ]
    plots = [plot for plot in plots if plot.points]
    bound = f" Thick line: {listed(tuple(f'{bound:g}' for bound in bounds))}, the bound." if bounds else ""
    words = (
        "The group's selection rate divided by the reference group's, were everybody selected whose score reaches the"
        f" cutoff. Thin line: 1, no difference.{bound}{_cut(plots)}",
    )
    table = _long(swept, ("selection_rate", "impact_ratio", "true_positive_rate", "false_positive_rate"), "Cutoff")
    kept = tuple(plots[:MAX_PLOTS])
    yield Part(
        f"{key}-cutoffs",
        "What other cutoffs would do",
        words=words if kept else (),
        plots=kept,
        tables=(table,),
        folded=True,
    )


def _on_selection(item: Disparity) -> bool:
    return item.name == "impact_ratio"


def _cutoff_plot(items: Sequence[Quantity], bounds: Sequence[float], top: float, key: str) -> Plot:
    placed = [(_cutoff(item), item) for item in items]
    points = tuple(point for at, item in placed if (point := _point(at, item)) is not None)
    ends = [at for at, _ in placed]
    known = [point.y for point in points]
    spoken = f"ratios from {number(min(known))} to {number(max(known))} over {len(known)} cutoffs" if known else ""
    return Plot(
        key=key,
        title=f"{_levels(items[0].group)} against {_levels(items[0].against)}",
        points=points,
        x=(min(ends), max(ends)),
        y=(0.0, top),
        axes=("cutoff", "impact ratio"),
        lines=(Line(1.0, "reference"), *_bound_lines(bounds, known)),
        spoken=spoken,
        percent=False,
        diagonal=False,
        joined=True,
    )


def _bound_lines(bounds: Sequence[float], values: Sequence[float]) -> Iterator[Line]:
    """A ratio bound looks both ways; the upper line is drawn where a ratio lies above 1."""
    above = max(values, default=0.0) > 1
    for bound in bounds:
        yield Line(bound, "bound")
        if above and bound:
            yield Line(1 / bound, "bound")


def _point(x: float | None, item: Quantity) -> Point | None:
    if x is None or item.value is None or not math.isfinite(item.value):
        return None
    lower = item.interval.lower if item.interval else item.value
    upper = item.value if item.interval is None else item.interval.upper
    return Point(x, item.value, lower, math.inf if upper is None else upper, item.counted)


def _cutoff(item: Quantity) -> float:
    found = _CUTOFF.fullmatch(item.at or "")
    return float(found[1]) if found else 0.0


def _levels(group: tuple[str, ...]) -> str:
    return ", ".join(printable(name) for name in group) or "everybody"


def _long(items: Sequence[Quantity], metrics: tuple[str, ...], step: str) -> Table:
    """One row for every group and step, a column for every measure."""
    kept = [metric for metric in metrics if any(item.metric == metric for item in items)]
    found: dict[tuple[tuple[str, ...], str | None], dict[str, Quantity]] = {}
    groups = list(dict.fromkeys(item.group for item in items))
    for item in sorted(items, key=lambda item: groups.index(item.group)):
        found.setdefault((item.group, item.at), {})[item.metric] = item
    return Table(
        caption=f"{step} by {step.lower()}, for every group: value and interval.",
        columns=(
            Column("Group", numeric=False),
            Column(step, numeric=step != "Class"),
            Column("Rows"),
            *(Column(_step_label(metric), "", quantity_meaning(metric)) for metric in kept),
        ),
        rows=tuple(
            Row(
                (
                    Cell(_levels(group)),
                    Cell(printable((at or "").removeprefix("score ").removeprefix(_CLASS))),
                    Cell(people(next(iter(by_metric.values())).n)),
                    *(_step(by_metric.get(m)) for m in kept),
                ),
                quiet=not any(item.counted for item in by_metric.values()),
            )
            for (group, at), by_metric in found.items()
        ),
        shown=SHOWN,
    )


def _step_label(metric: str) -> str:
    return {"observed_rate": "Came true", "impact_ratio": "Impact ratio"}.get(metric) or quantity_label(metric)


def _step(item: Quantity | None) -> Cell:
    if item is None:
        return Cell(DASH)
    if item.suppressed:
        return Cell(SUPPRESSED_WORD)
    if item.value is None:
        return Cell(DASH, (printable(item.reason or "not estimable", 200),))
    return Cell(_value(item), (_interval(item),) if item.interval else ())
