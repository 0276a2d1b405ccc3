"""The coverage of three methods by number of groups and world, as a plain SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.coverage.worst_cases import Row

_LEFT, _WIDTH, _STEP = 250, 520, 17
_SERIES = (("bootstrap", "#c0392b", "percentile bootstrap"), ("bonferroni", "#888888", "Bonferroni-Wilson"))
_OURS = ("coverage", "#1f5fa8", "Fairgate")


def chart(rows: Mapping[tuple[str, int, str], Row], folder: Path) -> None:
    """Writes coverage.svg: one line per world, one dot per method, the stated 95 % as a vertical line."""
    height = 60 + _STEP * len(rows)
    marks = [_axis(height), _legend()]
    for position, ((metric, groups, shape), row) in enumerate(rows.items()):
        y = 55 + _STEP * position
        marks.append(f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{metric}, {groups} groups, {shape}</text>')
        marks += [
            f'<circle cx="{_place(getattr(row, name)):.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
            for name, colour, _ in (*_SERIES, _OURS)
        ]
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 40}" height="{height}" '
        'font-family="sans-serif" font-size="11" role="img" aria-label="Coverage of intervals for worst-case gaps">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(marks) + "\n</svg>\n"
    )
    (folder / "coverage.svg").write_text(text, encoding="utf-8")


def _place(percent: float) -> float:
    return _LEFT + _WIDTH * percent / 100


def _axis(height: int) -> str:
    ticks = [
        f'<line x1="{_place(t)}" y1="40" x2="{_place(t)}" y2="{height - 5}" stroke="{"#333" if t == 95 else "#ddd"}"/>'
        f'<text x="{_place(t)}" y="34" text-anchor="middle">{t}</text>'
        for t in (0, 20, 40, 60, 80, 95)
    ]
    return "\n".join(ticks)


def _legend() -> str:
    marks = []
    for position, (_, colour, name) in enumerate((_OURS, *_SERIES)):
        x = _LEFT + 170 * position
        marks.append(f'<circle cx="{x}" cy="12" r="5" fill="{colour}"/><text x="{x + 10}" y="16">{name}</text>')
    return "\n".join(marks)
