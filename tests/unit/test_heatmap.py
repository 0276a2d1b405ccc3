"""Heat maps of intersections: every cell is the record's, every colour has its ink, what is not compared is words."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
import report_factory as factory
from hostile import PAYLOADS, SVG_TAGS, Shape

from audits.result import SUPPRESSED, AuditResult, GroupEstimate
from reports.heatmap import MAX_COLUMNS, HeatCell, HeatMap, heat_maps
from reports.heatmap_svg import EDGE, HATCH, INKS, PLAIN, STEPS, contrast, hatched, heat_svg, ink_on, step_of, wrapped

BOTH = ("sex", "age_band")
ORDER = {"age_band": ("under 40", "40 to 54", "55 and over")}
PAPERS = ("#ffffff", "#14171b")


def _maps(audit: AuditResult | None = None, metrics: tuple[str, ...] = ("selection_rate",)) -> tuple[HeatMap, ...]:
    return heat_maps(audit or factory.audit_of("1"), BOTH, metrics, "panel-2", ORDER)


def _at(found: HeatMap, row: str, column: str) -> HeatCell:
    place = found.rows.index(row), found.columns.index(column)
    return next(cell for cell in found.cells if (cell.row, cell.column) == place)


def _of(audit: AuditResult, *group: str) -> GroupEstimate:
    fits = (x for x in audit.estimates if (x.features, x.group, x.metric) == (BOTH, group, "selection_rate"))
    return next(fits)


def _with(audit: AuditResult, item: GroupEstimate, **changes: object) -> AuditResult:
    changed = replace(item, **changes)  # type: ignore[arg-type]
    return replace(audit, estimates=tuple(changed if x is item else x for x in audit.estimates))


def test_every_cell_prints_the_rate_and_n_of_the_record() -> None:
    audit = factory.audit_of("1")
    (found,) = _maps(audit)
    for item in (x for x in audit.estimates if x.features == BOTH and x.metric == "selection_rate"):
        sex, age = item.group
        cell = _at(found, age, sex)
        assert cell.lines[:2] == (f"{(item.value or 0) * 100:.1f}%", f"of {item.n:,}")
        assert (cell.value is None) == (not item.counted)
        assert (cell.state == "aside") == (not item.counted)


def test_levels_stand_as_the_plan_lists_them_and_others_after_them() -> None:
    (found,) = _maps()
    assert found.rows == ("under 40", "40 to 54", "55 and over", "(unknown)")
    assert found.features == ("age_band", "sex")


def test_a_cell_says_its_most_serious_verdict_the_reference_and_why_it_is_not_compared() -> None:
    (found,) = _maps()
    assert _at(found, "under 40", "female").lines[2] == "adverse"
    assert _at(found, "40 to 54", "male").lines[2] == "reference"
    assert _at(found, "55 and over", "male").lines[2:] == ()
    assert _at(found, "55 and over", "nonbinary").lines[2] == "too few"
    assert _at(found, "(unknown)", "male").lines[2] == "unknown"
    assert _at(found, "(unknown)", "nonbinary").lines == ("nobody",)


def test_a_suppressed_cell_has_neither_number_nor_colour() -> None:
    audit = factory.audit_of("1")
    hidden = _with(audit, _of(audit, "female", "under 40"), n=-1, events=-1, value=None, reason=SUPPRESSED)
    cell = _at(_maps(hidden)[0], "under 40", "female")
    assert (cell.lines, cell.value, cell.state) == (("suppressed",), None, "hidden")
    assert "-1" not in heat_svg(_maps(hidden)[0])


def test_a_group_without_a_value_says_so_with_its_n() -> None:
    audit = factory.audit_of("1")
    bare = _with(audit, _of(audit, "female", "under 40"), value=None, n=0, reason="no outcomes")
    assert _at(_maps(bare)[0], "under 40", "female").lines == ("no value", "of 0")


def test_the_scale_ends_at_the_highest_compared_rate_rounded_up() -> None:
    audit = factory.audit_of("1")
    top = max(
        x.value or 0 for x in audit.estimates if x.features == BOTH and x.counted and x.metric == "selection_rate"
    )
    (found,) = _maps(audit)
    assert top <= found.high < top + 0.1
    assert found.high == pytest.approx(round(found.high, 1))


def test_other_rates_are_drawn_beside_and_of_three_features_each_level_of_the_smallest_has_a_map() -> None:
    assert [x.primary for x in _maps(metrics=("selection_rate", "true_positive_rate"))] == [True, True]
    audit = factory.audit_of("1")
    deeper = tuple(
        replace(x, features=("region", *BOTH), group=(region, *x.group))
        for x in audit.estimates
        if x.features == BOTH
        for region in ("north", "south")
    )
    metrics = ("selection_rate", "true_positive_rate")
    found = heat_maps(replace(audit, estimates=deeper), ("region", *BOTH), metrics, "p", ORDER)
    assert [x.title for x in found[:2]] == ["Selection rate, region=north", "Selection rate, region=south"]
    assert [x.primary for x in found] == [True, True, False, False]
    assert len({x.key for x in found}) == 4


def test_too_many_levels_make_no_picture() -> None:
    audit = factory.audit_of("1")
    base = _of(audit, "male", "under 40")
    wide = tuple(
        replace(base, group=(f"s{a}", f"t{b}")) for a in range(MAX_COLUMNS + 1) for b in range(MAX_COLUMNS + 1)
    )
    assert _maps(replace(audit, estimates=wide)) == ()


# --- as a picture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [*STEPS, PLAIN])
def test_the_ink_of_every_colour_can_be_read(colour: str) -> None:
    assert contrast(ink_on(colour), colour) >= 4.5
    assert ink_on(colour) in INKS


def test_the_scale_gets_darker_with_every_step_and_cells_have_an_edge_on_any_page() -> None:
    light = [contrast(colour, "#000000") for colour in STEPS]
    assert light == sorted(light, reverse=True)
    assert all(one / other > 1.2 for one, other in pairwise(light))
    assert all(contrast(EDGE, paper) >= 3 for paper in PAPERS)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("value", "step"), [(0.0, 0), (0.124, 0), (0.126, 1), (0.999, 7), (1.0, 7), (1.4, 7)])
def test_steps_are_equal_shares(value: float, step: int) -> None:
    assert step_of(value, 1.0) == step


def test_only_what_is_not_compared_is_hatched() -> None:
    (found,) = _maps()
    drawn = heat_svg(found)
    assert drawn.count(f'stroke="{HATCH}"') == sum(cell.value is None for cell in found.cells)
    assert 'role="img"' in drawn
    assert "style=" not in drawn
    named = re.search(r'aria-labelledby="([^"]+)"', drawn)
    assert named
    assert f'<title id="{named[1]}">' in drawn
    assert "Selection rate, by age_band and sex. under 40, female: 31.0% of 1,210, adverse;" in drawn
    assert "The table below has every number." in drawn


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_levels_are_text(payload: str) -> None:
    (found,) = _maps(factory.renamed(factory.audit_of("1"), "female", payload))
    plain = Shape(heat_svg(_maps(factory.renamed(factory.audit_of("1"), "female", "x"))[0]))
    shape = Shape(heat_svg(found))
    assert {tag for tag, _ in shape.inside} <= SVG_TAGS
    assert [x for x in shape.inside if x[0] != "text"] == [x for x in plain.inside if x[0] != "text"]
    assert not re.search(r"[\x00-\x09\u202e]", heat_svg(found))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("White", ("White",)),
        ("Amer-Indian-Eskimo", ("Amer-Indian-", "Eskimo")),
        ("40 to 54", ("40 to 54",)),
        ("x" * 40, ("x" * 13, "x" * 13, "x" * 12 + "…")),
        ("one two three four five six", ("one two three", "four five six")),
        ("", ("",)),
    ],
)
def test_names_are_broken_into_few_lines(name: str, lines: tuple[str, ...]) -> None:
    assert wrapped(name, 13, 3) == lines


def test_hatching_stays_within_its_cell() -> None:
    numbers = [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.]+)", hatched(10, 20, 79, 53))]
    assert numbers
    assert all(10 <= x <= 89 and 20 <= y <= 73 for x, y in numbers)
