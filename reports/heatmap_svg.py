"""A heat map as inline SVG, drawn by hand: no style, no script, cells that bring their own colours on any page.

One hue from light to dark: its order is that of luminance, which every reader sees, on paper too. The ink of a cell is
black or white, whichever contrasts more (at least 4.5 to 1 on every step); what is not compared is hatched, and says
in words what it is. Text outside the cells takes the page's own colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from html import escape

from reports.charts import INK
from reports.heatmap import HeatCell, HeatMap

STEPS = ("#e6f0fa", "#c3dcf2", "#98c2e8", "#6ba5d9", "#4487c4", "#276aa8", "#134d87", "#082f5e")
"""The scale, from a rate of 0 to the highest."""
INKS = ("#10151b", "#ffffff")
PLAIN, HATCH, EDGE = "#eff1f3", "#aab1ba", "#767f8a"

WIDTH, HEIGHT, GAP = 82, 56, 3
LEFT, TOP, FOOT = 104, 46, 40
_NAME, _LINE, _STEP = 11, 13, 16


@lru_cache(maxsize=256)
def heat_svg(chart: HeatMap) -> str:
    """The map as one <svg> element: role img, named by its <title>."""
    width = LEFT + max(len(chart.columns) * WIDTH, len(STEPS) * _STEP + 50)
    height = TOP + len(chart.rows) * HEIGHT + FOOT
    drawn = "".join((*_heads(chart), *(piece for cell in chart.cells for piece in _cell(cell, chart)), *_scale(chart)))
    key = escape(chart.key)
    return (
        f'<svg class="heat" role="img" aria-labelledby="{key}-title" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{key}-title">{escape(spoken(chart))}</title>{drawn}</svg>'
    )


def step_of(value: float, high: float) -> int:
    """Which colour a rate gets: STEPS are equal shares of the way from 0 to `high`."""
    return min(len(STEPS) - 1, max(0, int(value / high * len(STEPS))))


def ink_on(colour: str) -> str:
    """The ink with the higher contrast on a colour `#rrggbb` (WCAG 2.2, relative luminance)."""
    return max(INKS, key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours `#rrggbb`, from 1 to 21 (WCAG 2.2, 1.4.3)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def spoken(chart: HeatMap) -> str:
    """The map in words: its first cells, and where the rest is."""
    said = [
        f"{chart.rows[cell.row]}, {chart.columns[cell.column]}: {' '.join(cell.lines[:2])}"
        f"{f', {cell.lines[2]}' if len(cell.lines) > 2 else ''}"
        for cell in chart.cells[:12]
    ]
    more = f"; and {len(chart.cells) - 12} more" if len(chart.cells) > 12 else ""
    by = f"by {chart.features[0]} and {chart.features[1]}"
    return f"{chart.title}, {by}. {'; '.join(said)}{more}. The table below has every number."


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _heads(chart: HeatMap) -> Iterator[str]:
    for at, name in enumerate(chart.columns):
        middle = LEFT + at * WIDTH + (WIDTH - GAP) / 2
        lines = wrapped(name, 13, 3)
        for place, line in enumerate(lines):
            yield _text(line, middle, TOP - 8 - (len(lines) - 1 - place) * _LINE, INK, anchor="middle")
    for at, name in enumerate(chart.rows):
        lines = wrapped(name, 16, 3)
        top = TOP + at * HEIGHT + (HEIGHT - GAP) / 2 + 4 - (len(lines) - 1) * _LINE / 2
        for place, line in enumerate(lines):
            yield _text(line, LEFT - 8, top + place * _LINE, INK, anchor="end")


def _cell(cell: HeatCell, chart: HeatMap) -> Iterator[str]:
    x, y, width, height = LEFT + cell.column * WIDTH, TOP + cell.row * HEIGHT, WIDTH - GAP, HEIGHT - GAP
    colour = PLAIN if cell.value is None else STEPS[step_of(cell.value, chart.high)]
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}" stroke="{EDGE}"/>'
    if cell.value is None:
        yield f'<path d="{hatched(x, y, width, height)}" stroke="{HATCH}" stroke-width="1.5" fill="none"/>'
        tall = 15 * len(cell.lines) + 4  # no line crosses a number
        yield f'<rect x="{x + 9}" y="{y + (height - tall) / 2:g}" width="{width - 18}" height="{tall}" fill="{PLAIN}"/>'
    ink, middle = ink_on(colour), x + width / 2
    top = y + height / 2 + 4.5 - (len(cell.lines) - 1) * 15 / 2
    for at, line in enumerate(cell.lines):
        size, weight = (14, "600") if not at else (_NAME, "600" if at == 2 else "400")
        yield _text(line, middle, top + at * 15, ink, anchor="middle", size=size, weight=weight)


def hatched(x: float, y: float, width: float, height: float, apart: int = 9) -> str:
    """The path data of diagonal lines within a rectangle."""
    lines = []
    for shift in range(apart, int(width + height), apart):
        start = (x + min(shift, width), y + max(0, shift - width))
        end = (x + max(0, shift - height), y + min(shift, height))
        lines.append(f"M{start[0]:g} {start[1]:g}L{end[0]:g} {end[1]:g}")
    return "".join(lines)


def _scale(chart: HeatMap) -> Iterator[str]:
    """The legend: the steps of the colour, with both ends."""
    y, width = TOP + len(chart.rows) * HEIGHT + 14, _STEP
    yield _text("0%", LEFT - 8, y + 11, INK, anchor="end")
    for at, colour in enumerate(STEPS):
        yield f'<rect x="{LEFT + at * width}" y="{y}" width="{width}" height="14" fill="{colour}" stroke="{EDGE}"/>'
    yield _text(f"{chart.high:.0%}", LEFT + len(STEPS) * width + 8, y + 11, INK, anchor="start")


def _text(text: str, x: float, y: float, ink: str, *, anchor: str, size: int = _NAME, weight: str = "400") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{ink}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def wrapped(name: str, width: int, most: int) -> tuple[str, ...]:
    """A name on at most `most` lines of `width` characters, broken after spaces and hyphens where it has some."""
    lines = [""]
    for word in name.replace("-", "- ").split():
        glued = lines[-1] + ("" if not lines[-1] or lines[-1].endswith("-") else " ") + word
        if len(glued) <= width:
            lines[-1] = glued
            continue
        pieces = [word[at : at + width] for at in range(0, len(word), width)]
        lines = [*lines, *pieces] if lines[-1] else pieces
    return tuple(lines) if len(lines) <= most else (*lines[: most - 1], lines[most - 1][: width - 1] + "…")
