"""The chart of one comparison over audits as inline SVG: small, without style or script, as the other charts are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from audits.result import Verdict
from reports.drawing import AMBER, BLUE, GREY, INK, RED, joined, line, mark, picture, short, ticks, word
from reports.over_time import Trend, TrendPoint, spread

WIDTH, HEIGHT = 330, 170
LEFT, RIGHT, TOP, FOOT = 40, 10, 6, 36
_CROSS_AT = 8
"""A missing value is a cross at the top of the picture: a place on the paper, not a place on the axis."""
_COLOURS = {
    Verdict.ADVERSE.value: RED,
    Verdict.WATCH.value: AMBER,
    Verdict.NO_INDICATION.value: BLUE,
}


@dataclass(frozen=True, slots=True)
class _Area:
    """Where audits and values lie, in pixels. Audits stand side by side in their order, whatever the time between."""

    low: float
    high: float
    count: int

    @property
    def step(self) -> float:
        """From one audit to the next."""
        return WIDTH / self.count

    def x(self, at: int) -> float:
        """The middle of an audit's place."""
        return LEFT + (at + 0.5) * self.step

    def y(self, value: float) -> float:
        """From the top; what is higher than the axis ends at its edge."""
        return TOP + HEIGHT - (min(value, self.high) - self.low) / (self.high - self.low) * HEIGHT


def trend_svg(trend: Trend) -> str:
    """The chart as one <svg> element: role img, named by its <title>."""
    area = _Area(*domain(trend), max(1, len(trend.points)))
    values = [(area.x(at), area.y(x.value)) if x.value is not None else None for at, x in enumerate(trend.points)]
    points = (piece for at, point in enumerate(trend.points) for piece in _point(point, area.x(at), area))
    pieces = (*_axes(trend, area), *_bounds(trend, area), joined(values, GREY), *points)
    return picture(trend.key, spoken(trend), (LEFT + WIDTH + RIGHT, TOP + HEIGHT + FOOT), pieces)


def domain(trend: Trend) -> tuple[float, float]:
    """From 0, or from below where a value is, to a little beyond the largest finite number: at most 3 for ratios."""
    ends = spread(trend.points)
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


def _axes(trend: Trend, area: _Area) -> Iterator[str]:
    foot, right = TOP + HEIGHT, LEFT + WIDTH
    for value in ticks(area.low, area.high, 5):
        y = area.y(value)
        yield line((LEFT, y), (right, y), GREY, opacity=0.22)
        yield line((LEFT - 5, y), (LEFT, y), GREY)
        yield word((LEFT - 8, y + 4), f"{value:.2f}", anchor="end")
    yield line((LEFT, TOP), (LEFT, foot), GREY)
    yield line((LEFT, foot), (right, foot), GREY)
    for at in sorted(_labelled(len(trend.points))):
        point, x = trend.points[at], area.x(at)
        yield line((x, foot), (x, foot + 5), GREY)
        yield word((x, foot + 17), short(f"v{point.version}", 5 * 11, 11), anchor="middle")
        yield word((x, foot + 30), f"{point.time:%y-%m-%d}", anchor="middle")


def _labelled(count: int) -> set[int]:
    """Which places get a label: at most five, the newest always."""
    step = max(1, -(-count // 5))
    return set(range(count - 1, -1, -step))


def _bounds(trend: Trend, area: _Area) -> Iterator[str]:
    """A thick stroke at every audit that has the bound, joined to a line where it stays."""
    found = [(at, area.y(point.bound)) for at, point in enumerate(trend.points) if point.bound is not None]
    for at, y in found:
        yield line((area.x(at) - 9, y), (area.x(at) + 9, y), INK, 3, opacity=0.8)
    for (at, y), (then, after) in itertools.pairwise(found):
        turn = (area.x(at) + area.x(then)) / 2
        yield joined(((area.x(at), y), (turn, y), (turn, after), (area.x(then), after)), INK, 1.5, opacity=0.6)


def _point(point: TrendPoint, x: float, area: _Area) -> Iterator[str]:
    """Interval and value of an audit: filled where the verdict rests on enough rows; a cross where there is none."""
    if point.value is None:
        yield word((x, TOP + _CROSS_AT + 5), "×", 16, anchor="middle")
        return
    colour, sure = _COLOURS.get(point.state, GREY), point.state in _COLOURS
    if point.lower is not None:
        upper = area.high if point.upper is None else point.upper
        yield line((x, area.y(point.lower)), (x, area.y(upper)), colour, 2 if sure else 1.5, dashed=not sure)
    shape = "square" if point.monitoring else "circle"
    yield mark(shape, (x, area.y(point.value)), 58, colour, filled=sure, width=1.75)
