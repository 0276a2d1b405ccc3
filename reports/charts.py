"""Charts of a report as inline SVG: Vega-Lite specifications, drawn without a browser, with no style and no script.

Every row writes its name and its number above its rule, so a chart reads at phone width and without colour. Text takes
the page's own colour (`currentColor`). The tables of the report are the text alternative.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from html import escape
from typing import Any

from reports.view import Chart, Mark

WIDTH = 340
STEP = 46
INK, BLUE, RED, AMBER, GREY = "currentColor", "#3b7ddd", "#d5453d", "#b7791f", "#8a8f98"
_SHAPES = {  # state -> shape, colour, filled
    "counted": ("circle", BLUE, True),
    "aside": ("diamond", GREY, False),
    "together": ("diamond", GREY, False),
    "within": ("circle", BLUE, True),
    "adverse": ("square", RED, True),
    "watch": ("triangle-up", AMBER, True),
    "no indication": ("circle", BLUE, True),
    "insufficient evidence": ("diamond", GREY, False),
    "not estimable": ("diamond", GREY, False),
}
_TAG = re.compile(r"<[a-z][^<>]*>")
_PART_ROLE = re.compile(r' (?:role="graphics-[a-z]+"|aria-roledescription="[a-z ]*")')


@lru_cache(maxsize=512)
def svg(chart: Chart, prefix: str = "") -> str:
    """The chart as one <svg> element: role img, named by its <title>. `prefix` keeps ids unique on a page."""
    text = drawn(json.dumps(specification(chart), sort_keys=True))
    return named(text, escape(prefix + chart.key), escape(_spoken(chart)))


def named(text: str, key: str, spoken: str) -> str:
    """An <svg> element with role img, named by a <title>. `key` and `spoken` are escaped."""
    opening, rest = text.split(">", 1)
    opening = opening.replace(' class="marks"', ' class="marks" role="img"', 1)
    return f'{opening} aria-labelledby="{key}-title"><title id="{key}-title">{spoken}</title>{rest}'


def specification(chart: Chart) -> dict[str, Any]:
    """The Vega-Lite specification. Field names are fixed; names of groups are data only."""
    low, high = _domain(chart)
    rows = [_row(mark, number, high) for number, mark in enumerate(chart.marks)]
    axis = {"format": ".0%" if chart.percent else ".1f", "title": None, "tickCount": 5, "labelColor": INK}
    x = {"field": "value", "type": "quantitative", "scale": {"domain": [low, high]}, "axis": axis}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": {"step": STEP},
        "padding": {"left": 6, "right": 10, "top": 4, "bottom": 4},
        "background": "transparent",
        "config": config(),
        "layer": [
            _lines(chart, "reference", 1, high, x),
            _lines(chart, "bound", 3, high, x),
            *(_state(state, rows, x) for state in dict.fromkeys(mark.state for mark in chart.marks)),
            _text(rows, "label", align="left", at=0, weight="normal"),
            _text(rows, "text", align="right", at=WIDTH, weight="bold"),
        ],
    }


def warm() -> None:
    """Start Vega in this process, so that nobody's first page waits for it (0.3 s of processor time)."""
    drawn('{"data": {"values": []}, "mark": "point"}')


@lru_cache(maxsize=512)
def drawn(specification: str) -> str:
    """The SVG of a Vega-Lite specification (JSON). No data is ever fetched.

    Drawing is deterministic, so a page that is opened again costs nothing.
    """
    import vl_convert

    return _unnamed_parts(str(vl_convert.vegalite_to_svg(json.loads(specification), allowed_base_urls=[])))


def _unnamed_parts(text: str) -> str:
    """The picture is one thing with one name: Vega's roles of its parts have none (WCAG 1.1.1), so they go."""
    return _TAG.sub(lambda tag: _PART_ROLE.sub("", tag[0]), text)


def _domain(chart: Chart) -> tuple[float, float]:
    """From 0 to 1 for shares, from 0 to a little beyond the largest finite ratio (at most 3) for ratios."""
    if chart.percent:
        return 0.0, 1.0
    ends = [end for mark in chart.marks for end in (mark.value, mark.upper) if end is not None]
    return 0.0, min(3.0, max([1.2, *(end * 1.05 for end in ends)]))


def _row(mark: Mark, number: int, high: float) -> dict[str, Any]:
    value, lower = (None if end is None else min(end, high) for end in (mark.value, mark.lower))
    upper = None if mark.value is None else min(high if mark.upper is None else mark.upper, high)
    room = WIDTH - 7.4 * len(mark.text) - 12  # what the number at the right leaves for the name at the left
    row = {"i": number, "label": mark.label, "text": mark.text, "state": mark.state, "room": room}
    return {**row, "value": value, "lower": lower, "upper": upper}


def config() -> dict[str, Any]:
    """What every picture of a report has in common."""
    return {
        "aria": False,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "grid": True,
            "gridColor": GREY,
            "gridOpacity": 0.22,
            "domainColor": GREY,
            "tickColor": GREY,
            "labelFontSize": 11,
        },
    }


def _y() -> dict[str, Any]:
    return {"field": "i", "type": "ordinal", "axis": None}


def _lines(chart: Chart, kind: str, thickness: float, high: float, x: dict[str, Any]) -> dict[str, Any]:
    """Short strokes beside every dot rather than one long line, so that no line crosses a name or a number."""
    places = [min(line.at, high) for line in chart.lines if line.kind == kind]
    values = [{"i": row, "value": at} for row in range(len(chart.marks)) for at in places]
    mark = {"type": "tick", "orient": "vertical", "size": 24, "thickness": thickness, "yOffset": 10}
    return {
        "data": {"values": values},
        "mark": {**mark, "color": INK, "opacity": 0.85},
        "encoding": {"y": _y(), "x": x},
    }


def _state(state: str, rows: list[dict[str, Any]], x: dict[str, Any]) -> dict[str, Any]:
    """The rule of the interval and the dot, for the rows of one state."""
    shape, colour, filled = _SHAPES[state]
    kept = [row for row in rows if row["state"] == state and row["value"] is not None]
    rule = {"type": "rule", "color": colour, "strokeWidth": 2.5, "yOffset": 10}
    point = {"type": "point", "shape": shape, "color": colour, "filled": filled, "size": 90, "yOffset": 10}
    return {
        "data": {"values": kept},
        "encoding": {"y": _y()},
        "layer": [
            {
                "mark": rule if filled else {**rule, "strokeDash": [3, 2], "strokeWidth": 1.75},
                "encoding": {"x": {**x, "field": "lower"}, "x2": {"field": "upper"}},
            },
            {"mark": {**point, "opacity": 1, "strokeWidth": 2}, "encoding": {"x": x}},
        ],
    }


def _text(rows: list[dict[str, Any]], field: str, *, align: str, at: int, weight: str) -> dict[str, Any]:
    limit: Any = {"expr": "datum.room"} if align == "left" else WIDTH
    mark = {"type": "text", "align": align, "dy": -9, "color": INK, "fontSize": 12, "limit": limit}
    encoding = {"y": _y(), "x": {"value": at}, "text": {"field": field, "type": "nominal"}}
    return {"data": {"values": rows}, "mark": {**mark, "fontWeight": weight}, "encoding": encoding}


def _spoken(chart: Chart) -> str:
    aside = {"aside": " (not compared)"}
    rows = "; ".join(f"{mark.label}: {mark.text}{aside.get(mark.state, '')}" for mark in chart.marks[:8])
    more = f"; and {len(chart.marks) - 8} more" if len(chart.marks) > 8 else ""
    return f"{chart.title}. {rows}{more}. The table below has every number."
