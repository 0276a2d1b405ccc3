"""Charts of a report as inline SVG: one row for each group, drawn by hand, with no style and no script.

Every row writes its name and its number above its rule, so a chart reads at phone width and without colour. Text takes
the page's own colour (`currentColor`). The tables of the report are the text alternative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.drawing import AMBER, BLUE, GREY, INK, RED, line, mark, picture, short, ticks, word
from reports.view import Chart, Mark

WIDTH = 340
STEP = 46
LEFT, RIGHT, TOP, FOOT = 7, 15, 4, 24
"""Room around the rows: the last label of the axis is centred under its line."""
_RULE, _NAME = 33, 18
"""Within a row: where its rule lies, and the baseline of its name."""
_SHAPES = {  # state -> shape, colour, filled
    "counted": ("circle", BLUE, True),
    "aside": ("diamond", GREY, False),
    "together": ("diamond", GREY, False),
    "within": ("circle", BLUE, True),
    "adverse": ("square", RED, True),
    "watch": ("triangle", AMBER, True),
    "no indication": ("circle", BLUE, True),
    "insufficient evidence": ("diamond", GREY, False),
    "not estimable": ("diamond", GREY, False),
}


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values from `low` to `high` over the width of the chart; what is larger ends at the edge."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Where a value lies, in pixels."""
        return LEFT + (min(value, self.high) - self.low) / (self.high - self.low) * WIDTH


def svg(chart: Chart) -> str:
    """The chart as one <svg> element: role img, named by its <title>."""
    scale = _Scale(*domain(chart))
    height = TOP + STEP * len(chart.marks) + FOOT
    rows = (piece for at, item in enumerate(chart.marks) for piece in _row(chart, item, TOP + at * STEP, scale))
    return picture(chart.key, _spoken(chart), (LEFT + WIDTH + RIGHT, height), (*_axis(chart, scale), *rows))


def domain(chart: Chart) -> tuple[float, float]:
    """From 0 to 1 for shares, from 0 to a little beyond the largest finite ratio (at most 3) for ratios."""
    if chart.percent:
        return 0.0, 1.0
    ends = [end for mark in chart.marks for end in (mark.value, mark.upper) if end is not None]
    return 0.0, min(3.0, max([1.2, *(end * 1.05 for end in ends)]))


def _axis(chart: Chart, scale: _Scale) -> Iterator[str]:
    foot = TOP + STEP * len(chart.marks)
    for at in ticks(scale.low, scale.high, 5):
        x = scale.x(at)
        yield line((x, TOP), (x, foot), GREY, opacity=0.22)
        yield line((x, foot), (x, foot + 5), GREY)
        anchor = "start" if x == LEFT else "middle"
        yield word(
            (x - LEFT if x == LEFT else x, foot + 17), f"{at:.0%}" if chart.percent else f"{at:.1f}", anchor=anchor
        )
    yield line((LEFT, foot), (LEFT + WIDTH, foot), GREY)


def _row(chart: Chart, item: Mark, top: float, scale: _Scale) -> Iterator[str]:
    """The lines of the chart beside the dot (short, so that none crosses a name), the interval, the dot, the texts."""
    middle = top + _RULE
    for found in chart.lines:
        x, thick = scale.x(found.at), 3 if found.kind == "bound" else 1
        yield line((x, middle - 12), (x, middle + 12), INK, thick, opacity=0.85)
    if item.value is not None:
        shape, colour, filled = _SHAPES[item.state]
        upper = scale.high if item.upper is None else item.upper
        if item.lower is not None:
            ends = (scale.x(item.lower), middle), (scale.x(upper), middle)
            yield line(*ends, colour, 2.5 if filled else 1.75, dashed=not filled)
        yield mark(shape, (scale.x(item.value), middle), 75, colour, filled=filled)
    room = WIDTH - 7.4 * len(item.text) - 12  # what the number at the right leaves for the name at the left
    yield word((LEFT, top + _NAME), short(item.label, room, 12), 12)
    yield word((LEFT + WIDTH, top + _NAME), item.text, 12, anchor="end", bold=True)


def _spoken(chart: Chart) -> str:
    aside = {"aside": " (not compared)"}
    rows = "; ".join(f"{mark.label}: {mark.text}{aside.get(mark.state, '')}" for mark in chart.marks[:8])
    more = f"; and {len(chart.marks) - 8} more" if len(chart.marks) > 8 else ""
    return f"{chart.title}. {rows}{more}. The table below has every number."
