"""Plots over an axis of scores as inline SVG: small, one group each, without style or script, as the charts are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.drawing import BLUE, GREY, INK, joined, line, mark, picture, ticks, word
from reports.view import Plot, Point

WIDTH, HEIGHT = 220, 200
"""The area of a plot, in pixels of its own."""
LEFT, RIGHT, TOP, FOOT = 48, 18, 8, 42


@dataclass(frozen=True, slots=True)
class _Area:
    """Where values of a plot lie, in pixels; what is higher than the axis ends at its edge."""

    plot: Plot

    def x(self, value: float) -> float:
        """From the left edge of the picture."""
        low, high = self.plot.x
        return LEFT + (value - low) / (high - low) * WIDTH

    def y(self, value: float) -> float:
        """From the top edge of the picture."""
        low, high = self.plot.y
        return TOP + HEIGHT - (min(value, high) - low) / (high - low) * HEIGHT


def plot_svg(plot: Plot) -> str:
    """The plot as one <svg> element: role img, named by its <title>."""
    area = _Area(plot)
    points = [piece for point in plot.points for piece in _point(point, area)]
    through = joined(((area.x(x.x), area.y(x.y)) for x in plot.points), BLUE, opacity=0.6) if plot.joined else ""
    pieces = (*_axes(plot, area), *_lines(plot, area), through, *points)
    return picture(plot.key, _spoken(plot), (LEFT + WIDTH + RIGHT, TOP + HEIGHT + FOOT), pieces)


def _axes(plot: Plot, area: _Area) -> Iterator[str]:
    foot, right = TOP + HEIGHT, LEFT + WIDTH
    for at in ticks(*plot.x, 4):
        x = area.x(at)
        yield line((x, TOP), (x, foot), GREY, opacity=0.22)
        yield line((x, foot), (x, foot + 5), GREY)
        yield word((x, foot + 17), _written(plot, at), anchor="middle")
    for at in ticks(*plot.y, 4):
        y = area.y(at)
        yield line((LEFT, y), (right, y), GREY, opacity=0.22)
        yield line((LEFT - 5, y), (LEFT, y), GREY)
        yield word((LEFT - 8, y + 4), _written(plot, at), anchor="end")
    yield line((LEFT, foot), (right, foot), GREY)
    yield line((LEFT, TOP), (LEFT, foot), GREY)
    yield word((LEFT + WIDTH / 2, foot + 35), plot.axes[0], anchor="middle")
    yield word((11, TOP + HEIGHT / 2), plot.axes[1], anchor="middle", turned=True)


def _written(plot: Plot, value: float) -> str:
    return f"{value:.0%}" if plot.percent else f"{value:.6g}"


def _lines(plot: Plot, area: _Area) -> Iterator[str]:
    """The diagonal within both axes, and the horizontal lines."""
    if plot.diagonal:
        low, high = max(plot.x[0], plot.y[0]), min(plot.x[1], plot.y[1])
        yield line((area.x(low), area.y(low)), (area.x(high), area.y(high)), INK, opacity=0.7)
    for item in plot.lines:
        if item.at <= plot.y[1]:
            y = area.y(item.at)
            yield line((LEFT, y), (LEFT + WIDTH, y), INK, 3 if item.kind == "bound" else 1, opacity=0.7)


def _point(point: Point, area: _Area) -> Iterator[str]:
    """The interval and the point: filled where counted, else hollow with a dashed rule."""
    x, colour, width = area.x(point.x), BLUE if point.counted else GREY, 2 if point.counted else 1.5
    yield line((x, area.y(point.lower)), (x, area.y(point.upper)), colour, width, dashed=not point.counted)
    shape = "circle" if point.counted else "diamond"
    yield mark(shape, (x, area.y(point.y)), 36, colour, filled=point.counted, width=1.5)


def _spoken(plot: Plot) -> str:
    return f"{plot.title}: {plot.axes[1]} by {plot.axes[0]}. {plot.spoken}. The table has every number."
