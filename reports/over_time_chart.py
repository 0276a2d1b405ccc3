"""The chart of one comparison over audits as inline SVG: small, without style or script, as the other charts are."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from audits.result import Verdict
from reports.charts import AMBER, BLUE, GREY, INK, RED, config, drawn, named
from reports.over_time import Trend, TrendPoint, spread

WIDTH, HEIGHT = 330, 170
_CROSS_AT = 8
"""A missing value is a cross at the top of the picture: a place on the paper, not a place on the axis."""
_COLOURS = {
    Verdict.ADVERSE.value: RED,
    Verdict.WATCH.value: AMBER,
    Verdict.NO_INDICATION.value: BLUE,
}


def trend_svg(trend: Trend) -> str:
    """The chart as one <svg> element: role img, named by its <title>."""
    text = drawn(json.dumps(trend_specification(trend), sort_keys=True))
    return named(text, escape(trend.key), escape(spoken(trend)))


def trend_specification(trend: Trend) -> dict[str, Any]:
    """The Vega-Lite specification. Audits stand side by side in their order, whatever the time between them."""
    low, high = domain(trend)
    rows = [_row(point, at, high) for at, point in enumerate(trend.points)]
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": {"domain": [low, high], "zero": False, "nice": False},
        "axis": {"title": None, "labelColor": INK, "tickCount": 5, "format": ".2f"},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": HEIGHT,
        "padding": {"left": 4, "right": 10, "top": 4, "bottom": 4},
        "background": "transparent",
        "config": config(),
        "layer": [
            *_bound(rows, y, 1),
            *(_bound(rows, y, -1) if trend.either_way else ()),
            _joined(rows, y),
            *(_points(rows, y, state, monitoring) for state in _states(rows) for monitoring in (False, True)),
            *_crosses(rows),
        ],
    }


def domain(trend: Trend) -> tuple[float, float]:
    """From 0, or from below where a value is, to a little beyond the largest finite number: at most 3 for ratios."""
    ends = spread(trend.points)
    if trend.either_way:
        ends += tuple(-point.bound for point in trend.points if point.bound is not None)
    least = 1.2 if trend.ratio else 0.2
    high = max([least, *(end * 1.1 for end in ends)])
    low = min([0.0, *(end * 1.1 for end in ends)])
    return low, min(3.0, high) if trend.ratio else high


def spoken(trend: Trend) -> str:
    """What the picture shows, for who does not see it: the newest audits first."""
    newest = [f"{_named(point)}: {_said(point)}" for point in reversed(trend.points[-6:])]
    more = f"; and {len(trend.points) - 6} earlier audits" if len(trend.points) > 6 else ""
    return f"{trend.title}, {trend.where}, over time. {'; '.join(newest)}{more}. The table below has every number."


def _named(point: TrendPoint) -> str:
    kind = "monitoring audit" if point.monitoring else "release audit"
    return f"{kind} of version {point.version} on {point.time:%Y-%m-%d}"


def _said(point: TrendPoint) -> str:
    if point.value is None:
        return point.why or point.state
    return f"{point.text}, {point.state}"


def _row(point: TrendPoint, at: int, high: float) -> dict[str, Any]:
    value, lower = (None if end is None else min(end, high) for end in (point.value, point.lower))
    upper = None if point.lower is None else min(high if point.upper is None else point.upper, high)
    return {
        "i": at,
        "label": f"{point.time:%Y-%m-%d}",
        "version": f"v{point.version}"[:12],
        "value": value,
        "lower": lower,
        "upper": upper,
        "bound": point.bound,
        "state": point.state,
        "monitoring": point.monitoring,
    }


def _x(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Places are numbers, so that equal dates and versions stay apart; the axis writes version and day under them."""
    shown = _labelled(len(rows))
    labels = json.dumps([[row["version"], row["label"][2:]] if at in shown else "" for at, row in enumerate(rows)])
    return {
        "field": "i",
        "type": "ordinal",
        "scale": {"domain": list(range(len(rows)))},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "labelColor": INK,
            "grid": False,
            "labelOverlap": False,
            "labelExpr": f"{labels}[datum.value]",
        },
    }


def _labelled(count: int) -> set[int]:
    """Which places get a label: at most five, the newest always."""
    step = max(1, -(-count // 5))
    return set(range(count - 1, -1, -step))


def _bound(rows: list[dict[str, Any]], y: dict[str, Any], sign: int) -> list[dict[str, Any]]:
    """A thick stroke at every audit that has the bound, joined to a line where it stays. `sign` -1: the other way."""
    kept = [{"i": row["i"], "bound": sign * row["bound"]} for row in rows if row["bound"] is not None]
    if not kept:
        return []
    where = {"x": _x(rows), "y": {**y, "field": "bound"}}
    line = {"type": "line", "interpolate": "step", "color": INK, "strokeWidth": 1.5, "opacity": 0.6}
    tick = {"type": "tick", "orient": "horizontal", "size": 18, "thickness": 3, "color": INK, "opacity": 0.8}
    return [{"data": {"values": kept}, "mark": mark, "encoding": where} for mark in (line, tick)]


def _joined(rows: list[dict[str, Any]], y: dict[str, Any]) -> dict[str, Any]:
    """A thin line from value to value; it breaks where one is missing."""
    values = [{"i": row["i"], "value": row["value"]} for row in rows]
    mark = {"type": "line", "color": GREY, "strokeWidth": 1, "invalid": "break-paths-show-domains"}
    return {"data": {"values": values}, "mark": mark, "encoding": {"x": _x(rows), "y": y}}


def _states(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["state"] for row in rows if row["value"] is not None))


def _points(rows: list[dict[str, Any]], y: dict[str, Any], state: str, monitoring: bool) -> dict[str, Any]:  # noqa: FBT001
    """Interval and point of every row of one verdict and purpose: filled where the verdict rests on enough rows."""
    kept = [x for x in rows if x["value"] is not None and (x["state"], x["monitoring"]) == (state, monitoring)]
    colour, sure = _COLOURS.get(state, GREY), state in _COLOURS
    rule = {"type": "rule", "color": colour, "strokeWidth": 2 if sure else 1.5}
    shape = "square" if monitoring else "circle"
    point = {"type": "point", "shape": shape, "color": colour, "filled": sure, "size": 70, "opacity": 1}
    ends = {"x": _x(rows), "y": {**y, "field": "lower"}, "y2": {"field": "upper"}}
    return {
        "data": {"values": kept},
        "layer": [
            {"mark": rule if sure else {**rule, "strokeDash": [3, 2]}, "encoding": ends},
            {"mark": {**point, "strokeWidth": 1.75}, "encoding": {"x": _x(rows), "y": y}},
        ],
    }


def _crosses(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [{"i": row["i"]} for row in rows if row["value"] is None]
    if not kept:
        return []
    mark = {"type": "text", "text": "×", "fontSize": 16, "color": INK, "baseline": "middle"}
    return [{"data": {"values": kept}, "mark": mark, "encoding": {"x": _x(rows), "y": {"value": _CROSS_AT}}}]
