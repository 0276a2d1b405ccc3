"""A bound that holds either way says so and is drawn on both sides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audits.plan import Comparison
from reports.over_time import Trend, TrendPoint
from reports.over_time_chart import domain, trend_specification
from reports.words import bound_text


def test_a_bound_on_a_difference_holds_either_way() -> None:
    assert bound_text(Comparison.DIFFERENCE, 0.1) == "at most 0.1 either way"
    assert bound_text(Comparison.RATIO, 0.8) == "at least 0.8"


def _trend(*, either_way: bool) -> Trend:
    when = datetime(2026, 10, 5, tzinfo=UTC)
    point = TrendPoint(
        *(3, when, "then", "1", True, -0.37, -0.4, -0.34, 0.1, "adverse", "-0.37", "", "at most 0.1 either way", "")
    )
    return Trend("trend-0", "True positive rate difference", "a against b", False, (point,), True, either_way)


@pytest.mark.parametrize(("either_way", "drawn"), [(True, {0.1, -0.1}), (False, {0.1})])
def test_the_chart_over_time_draws_the_bound_on_both_sides(either_way: bool, drawn: set[float]) -> None:
    trend = _trend(either_way=either_way)
    layers = trend_specification(trend)["layer"]
    bounds = {
        row["bound"]
        for layer in layers
        for row in layer.get("data", {}).get("values", ())
        if set(row) == {"i", "bound"}
    }
    assert bounds == drawn


def test_the_axis_has_room_for_both_lines() -> None:
    from dataclasses import replace

    small = replace(_trend(either_way=True).points[0], value=0.02, lower=0.01, upper=0.03)
    low, high = domain(replace(_trend(either_way=True), points=(small,)))
    assert low < -0.1
    assert high > 0.1
