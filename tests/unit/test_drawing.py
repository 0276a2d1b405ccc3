"""Charts that are drawn by hand: every mark lies where its number says, nothing is drawn that has no number."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from reports.charts import LEFT, TOP, WIDTH, svg
from reports.drawing import joined, mark, number, short, ticks, word
from reports.plots import HEIGHT, plot_svg
from reports.plots import LEFT as PLOT_LEFT
from reports.plots import TOP as PLOT_TOP
from reports.plots import WIDTH as PLOT_WIDTH
from reports.view import Chart, Line, Mark, Plot, Point

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = ("circle", "square", "diamond", "triangle")


def _chart(*marks: Mark, percent: bool = True, lines: tuple[Line, ...] = ()) -> Chart:
    return Chart("chart-1", "Selection rate", "", marks, lines, percent, primary=True)


def _middle(path: str) -> tuple[float, float]:
    """The centre of a shape: half-way between the ends of its corners."""
    numbers = [float(x) for x in re.findall(r"-?[\d.]+", path)]
    if "a" in path:
        return numbers[0] + numbers[2], numbers[1]
    across, down = numbers[::2], numbers[1::2]
    return (min(across) + max(across)) / 2, (min(down) + max(down)) / 2


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 1, 5, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 1.2, 5, (0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)),
        (0, 3, 5, (0, 0.5, 1, 1.5, 2, 2.5, 3)),
        (-0.3, 0.2, 5, (-0.3, -0.2, -0.1, 0, 0.1, 0.2)),
        (0, 850, 4, (0, 200, 400, 600, 800)),
        (1e-6, 4e-6, 4, (1e-6, 2e-6, 3e-6, 4e-6)),
    ],
)
def test_ticks_are_round_and_within_the_axis(low: float, high: float, most: int, expected: tuple[float, ...]) -> None:
    assert ticks(low, high, most) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-0.001, "0"), (10, "10"), (1.5, "1.5"), (-2.346, "-2.35"), (100, "100")]
)
def test_a_length_has_no_digit_too_many(value: float, text: str) -> None:
    assert number(value) == text


def test_a_mark_lies_where_its_value_is_and_its_rule_from_end_to_end() -> None:
    chart = _chart(Mark("a", "25%", 0.25, 0.1, 0.4, "counted"), Mark("b", "75%", 0.75, 0.7, None, "aside"))
    found = ElementTree.fromstring(svg(chart))
    middles = [_middle(item.attrib["d"])[0] for item in found.iter(f"{SVG}path")]
    assert middles == pytest.approx([LEFT + 0.25 * WIDTH, LEFT + 0.75 * WIDTH], abs=0.02)
    rules = [x for x in found.iter(f"{SVG}line") if x.attrib["stroke-width"] in ("2.5", "1.75")]
    ends = [(float(x.attrib["x1"]), float(x.attrib["x2"])) for x in rules]
    assert ends == [
        pytest.approx((LEFT + 0.1 * WIDTH, LEFT + 0.4 * WIDTH)),
        pytest.approx((LEFT + 0.7 * WIDTH, LEFT + WIDTH)),
    ]
    assert [x.attrib.get("stroke-dasharray") for x in rules] == [None, "3 2"]


def test_bounds_stand_in_every_row_and_a_row_without_a_number_has_no_mark() -> None:
    lines = (Line(0.8, "bound"), Line(1.0, "reference"))
    chart = _chart(
        Mark("a", "–", None, None, None, "not estimable"),
        Mark("b", "0.9", 0.9, 0.8, 1.0, "watch"),
        percent=False,
        lines=lines,
    )
    found = ElementTree.fromstring(svg(chart))
    strokes = [x for x in found.iter(f"{SVG}line") if x.attrib.get("stroke-opacity") == "0.85"]
    assert [x.attrib["stroke-width"] for x in strokes] == ["3", "1", "3", "1"]
    assert [float(x.attrib["x1"]) for x in strokes[::2]] == pytest.approx([LEFT + 0.8 / 1.2 * WIDTH] * 2, abs=0.01)
    shapes = list(found.iter(f"{SVG}path"))
    assert len(shapes) == 1
    assert _middle(shapes[0].attrib["d"])[1] > TOP + 46


def test_a_plot_has_a_point_for_every_row_and_clips_at_its_edge() -> None:
    points = (Point(0.0, 0.0, 0.0, 0.1), Point(0.5, 0.5, 0.4, 0.6), Point(1.0, 2.0, 0.9, 3.0, counted=False))
    plot = Plot(
        "p",
        "Calibration",
        points,
        (0, 1),
        (0, 1),
        ("score", "came true"),
        (Line(0.8, "bound"), Line(1.5, "bound")),
        "x",
        True,
        True,
        True,
    )
    text = plot_svg(plot)
    shapes = [_middle(x) for x in re.findall(r'<path d="(M[^"]*Z)"', text)]
    corners = [
        (PLOT_LEFT, PLOT_TOP + HEIGHT),
        (PLOT_LEFT + PLOT_WIDTH / 2, PLOT_TOP + HEIGHT / 2),
        (PLOT_LEFT + PLOT_WIDTH, PLOT_TOP),
    ]
    assert shapes == [pytest.approx(corner, abs=0.02) for corner in corners]
    assert text.count('stroke-width="3"') == 1, "the bound beyond the axis is not drawn"
    assert text.count('stroke-dasharray="3 2"') == 1


def test_a_line_breaks_where_a_value_is_missing() -> None:
    assert joined([(0, 0), (1, 1), None, (3, 3), (4, 4)], "#000000").count("M") == 2
    assert joined([(0, 0), None, (3, 3)], "#000000") == ""


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_filled_or_an_outline(shape: str) -> None:
    assert 'fill="#3b7ddd"' in mark(shape, (5, 5), 75, "#3b7ddd", filled=True)
    assert 'fill="none" stroke="#3b7ddd"' in mark(shape, (5, 5), 75, "#3b7ddd", filled=False)


def test_a_long_name_is_cut_and_a_short_one_is_whole() -> None:
    assert short("female", 200, 12) == "female"
    cut = short("x" * 1000, 200, 12)
    assert cut.endswith("…")
    assert len(cut) * 12 * 0.62 <= 200
    assert len(short("漢" * 100, 200, 12)) < len(cut)


def test_texts_are_escaped() -> None:
    assert "<b>" not in word((0, 0), "<b>&")
    found = ElementTree.fromstring(svg(_chart(Mark('</title>"<script>', "1%", 0.01, 0, 0.02, "counted"))))
    assert not list(found.iter(f"{SVG}script"))
