"""Pieces of a picture as SVG text: presentation attributes only, so that it stands in a page without style or script.

Lengths are pixels of the picture's own. Texts are escaped here, so that whoever draws passes them as they are.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from html import escape

INK, BLUE, RED, AMBER, GREY = "currentColor", "#3b7ddd", "#d5453d", "#b7791f", "#8a8f98"
"""INK is the page's own colour of text; the others stand on light and dark alike."""

EM = 0.62
"""The width of a letter as a share of the size of its font: a little more than the usual, so that names have room."""


def picture(key: str, spoken: str, size: tuple[float, float], pieces: Iterable[str]) -> str:
    """One <svg> element of this width and height: role img, named by its <title>. Ids begin with `key`."""
    width, height, name = number(size[0]), number(size[1]), escape(key)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-title" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif">'
        f'<title id="{name}-title">{escape(spoken)}</title>{"".join(pieces)}</svg>'
    )


def number(value: float) -> str:
    """A length with at most two digits after the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-0", "0", 1 if abs(value) < 0.005 else 0)


def line(
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    width: float = 1,
    *,
    opacity: float = 1,
    dashed: bool = False,
) -> str:
    """A straight line."""
    ends = f'x1="{number(start[0])}" y1="{number(start[1])}" x2="{number(end[0])}" y2="{number(end[1])}"'
    dash = ' stroke-dasharray="3 2"' if dashed else ""
    return f'<line {ends} stroke="{colour}" stroke-width="{number(width)}"{_seen(opacity, "stroke")}{dash}/>'


def joined(points: Iterable[tuple[float, float] | None], colour: str, width: float = 1, *, opacity: float = 1) -> str:
    """A line through the points; it breaks where one is None. Empty where no two stand together."""
    steps, pen, drawn = list[str](), False, False
    for point in points:
        if point is not None:
            steps.append(f"{'L' if pen else 'M'}{number(point[0])} {number(point[1])}")
            drawn |= pen
        pen = point is not None
    path = "".join(steps)
    if not drawn:
        return ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{number(width)}"{_seen(opacity, "stroke")}/>'


def word(
    at: tuple[float, float],
    text: str,
    size: float = 11,
    *,
    anchor: str = "start",
    bold: bool = False,
    turned: bool = False,
) -> str:
    """A text in the page's own colour, `at` its baseline. `turned`: it reads upwards."""
    place = f'x="{number(at[0])}" y="{number(at[1])}"'
    turn = f' transform="rotate(-90 {number(at[0])} {number(at[1])})"' if turned else ""
    weight = ' font-weight="bold"' if bold else ""
    shown = f'<text {place} font-size="{number(size)}" text-anchor="{anchor}" fill="{INK}"{weight}{turn}>'
    return f"{shown}{escape(text)}</text>"


def mark(shape: str, at: tuple[float, float], area: float, colour: str, *, filled: bool, width: float = 2) -> str:
    """A circle, square, diamond or triangle of this area around a point; what is not filled is an outline."""
    x, y = at
    half = math.sqrt(area) / 2
    if shape == "circle":
        radius = number(math.sqrt(area / math.pi))
        ends = f"{number(x - math.sqrt(area / math.pi))} {number(y)}"
        across = number(2 * math.sqrt(area / math.pi))
        path = f"M{ends}a{radius} {radius} 0 1 0 {across} 0a{radius} {radius} 0 1 0 -{across} 0Z"
    else:
        corners = {
            "square": ((-half, -half), (half, -half), (half, half), (-half, half)),
            "diamond": ((0, -half * 1.35), (half * 1.1, 0), (0, half * 1.35), (-half * 1.1, 0)),
            "triangle": ((0, -half * 1.3), (half * 1.3, half * 1.1), (-half * 1.3, half * 1.1)),
        }[shape]
        path = "M" + "L".join(f"{number(x + dx)} {number(y + dy)}" for dx, dy in corners) + "Z"
    look = f'fill="{colour}"' if filled else f'fill="none" stroke="{colour}" stroke-width="{number(width)}"'
    return f'<path d="{path}" {look}/>'


def ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Round numbers from `low` to `high`, both included where they are round: `most` of them, or a few less or more.

    Their step is 1, 2 or 5 times a power of ten. `low` must be less than `high`.
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(nice for nice in (1, 2, 5, 10) if nice * power >= rough * 0.75)
    first = math.ceil(low / step - 1e-9)
    return tuple(at * step for at in range(first, math.floor(high / step + 1e-9) + 1))


def short(text: str, width: float, size: float) -> str:
    """`text`, cut with an ellipsis where it may be wider than `width` in a font of this size."""
    room, kept = width / (size * EM), ""
    if _wide(text) <= room:
        return text
    for letter in text:
        if _wide(kept + letter) + 1 > room:
            break
        kept += letter
    return f"{kept.rstrip()}…"


def _wide(text: str) -> int:
    """How many usual letters a text is as wide as."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _seen(opacity: float, what: str) -> str:
    return "" if opacity == 1 else f' {what}-opacity="{number(opacity)}"'
