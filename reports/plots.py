"""Plots over an axis of scores as inline SVG: small, one group each, without style or script, as the charts are."""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape
from typing import Any

from reports.charts import BLUE, GREY, INK, config, drawn, named
from reports.view import Plot, Point

SIDE = 200
"""Width and height of the area of a plot, in pixels of its own."""


@lru_cache(maxsize=512)
def plot_svg(plot: Plot) -> str:
    """The plot as one <svg> element: role img, named by its <title>."""
    return named(drawn(json.dumps(plot_specification(plot), sort_keys=True)), escape(plot.key), escape(_spoken(plot)))


def plot_specification(plot: Plot) -> dict[str, Any]:
    """The Vega-Lite specification: the diagonal, the horizontal lines, the intervals, the points."""
    x, y = _axis(plot, 0), _axis(plot, 1)
    rows = [_row(point, plot.y[1]) for point in plot.points]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": SIDE + 20,
        "height": SIDE,
        "padding": {"left": 4, "right": 16, "top": 6, "bottom": 4},
        "background": "transparent",
        "config": config(),
        "layer": [*_diagonal(plot, x, y), *_lines(plot, y), *_points(plot, rows, x, y)],
    }


def _row(point: Point, high: float) -> dict[str, Any]:
    ends = {"y": min(point.y, high), "lower": min(point.lower, high), "upper": min(point.upper, high)}
    return {"x": point.x, **ends, "counted": point.counted}


def _axis(plot: Plot, at: int) -> dict[str, Any]:
    ends = (plot.x, plot.y)[at]
    axis = {
        "title": plot.axes[at],
        "titleColor": INK,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "tickCount": 4,
        "labelFlush": False,
        "format": ".0%" if plot.percent else "~r",
    }
    scale = {"domain": list(ends), "zero": False, "nice": False}
    return {"field": "xy"[at], "type": "quantitative", "scale": scale, "axis": axis}


def _diagonal(plot: Plot, x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    if not plot.diagonal:
        return []
    ends = [{"x": end, "y": end} for end in plot.x]
    mark = {"type": "line", "color": INK, "strokeWidth": 1, "opacity": 0.7}
    return [{"data": {"values": ends}, "mark": mark, "encoding": {"x": x, "y": y}}]


def _lines(plot: Plot, y: dict[str, Any]) -> list[dict[str, Any]]:
    shown = [line for line in plot.lines if line.at <= plot.y[1]]
    return [
        {
            "data": {"values": [{"y": line.at}]},
            "mark": {"type": "rule", "color": INK, "strokeWidth": 3 if line.kind == "bound" else 1, "opacity": 0.7},
            "encoding": {"y": y},
        }
        for line in shown
    ]


def _points(plot: Plot, rows: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """The line, then the interval and the point of every row: filled where counted, else hollow with a dashed rule."""
    line = {"type": "line", "color": BLUE, "strokeWidth": 1, "opacity": 0.6}
    layers: list[dict[str, Any]] = []
    if plot.joined:
        layers.append({"data": {"values": rows}, "mark": line, "encoding": {"x": x, "y": y}})
    ends = {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}}
    for counted in (True, False):
        kept = [row for row in rows if row["counted"] is counted]
        if kept:
            rule, point = _marks(counted)
            both = [{"mark": rule, "encoding": ends}, {"mark": point, "encoding": {"x": x, "y": y}}]
            layers.append({"data": {"values": kept}, "layer": both})
    return layers


def _marks(counted: bool) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: FBT001 (private, one caller)
    if counted:
        return (
            {"type": "rule", "color": BLUE, "strokeWidth": 2},
            {"type": "point", "shape": "circle", "color": BLUE, "filled": True, "size": 40, "opacity": 1},
        )
    return (
        {"type": "rule", "color": GREY, "strokeWidth": 1.5, "strokeDash": [3, 2]},
        {"type": "point", "shape": "diamond", "color": GREY, "filled": False, "size": 40, "opacity": 1},
    )


def _spoken(plot: Plot) -> str:
    return f"{plot.title}: {plot.axes[1]} by {plot.axes[0]}. {plot.spoken}. The table has every number."
