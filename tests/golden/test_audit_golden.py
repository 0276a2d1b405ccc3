"""Published numbers that an audit must give again. What needs only counts is typed in and never skips."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import AuditResult, Cell, Cells, Verdict
from audits.run import audit_cells

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
missing_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the reference data is not at {SHARED}")

RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE
PLAN = AuditPlan(
    model="published",
    label="label",
    favourable="1",
    prediction="label",
    sensitive_features=(SensitiveFeature("group", "group"),),
    bounds=(Bound("selection_rate", RATIO, 0.8),),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)
ANY_SIZE = replace(PLAN, min_group_size=1, min_events=1)


def selected(counts: Mapping[tuple[str, ...], tuple[int, int]], features: tuple[str, ...] = ("group",)) -> Cells:
    """Cells from (selected, all) of each group; the outcome plays no part."""
    cells = [
        Cell(levels, outcome=False, prediction=prediction, n=n)
        for levels, (k, total) in counts.items()
        for prediction, n in ((True, k), (False, total - k))
    ]
    return Cells(features, tuple(cells), sum(cell.n for cell in cells), "sha256:data", "typed")


def one_feature(counts: Mapping[str, tuple[int, int]]) -> Cells:
    return selected({(level,): value for level, value in counts.items()})


def values(result: AuditResult, name: str, features: tuple[str, ...] = ("group",)) -> dict[tuple[str, ...], float]:
    """Group -> value of one kind of disparity."""
    found = [d for d in result.disparities if d.name == name and d.features == features]
    return {d.group: d.value for d in found if d.value is not None}


def test_ugesp_questions_and_answers() -> None:
    """EEOC 1979: 45 % against 60 % indicates adverse impact; 48 % is exactly four fifths and does not."""
    rates = {"White": (6000, 10_000), "American Indian": (4500, 10_000), "Hispanic": (4800, 10_000)}
    result = audit_cells(PLAN, one_feature(rates | {"Black": (5100, 10_000)}))
    assert values(result, "impact_ratio") == {("American Indian",): 0.75, ("Hispanic",): 0.8, ("Black",): 0.85}
    assert [d.group for d in result.with_verdict(Verdict.ADVERSE)] == [("American Indian",)]
    # The intervals of 10,000 exclude 1 for the two others: worth watching, no bound crossed.
    assert {d.group for d in result.with_verdict(Verdict.WATCH)} == {("Hispanic",), ("Black",)}


# 6 RCNY 5-301(b), the printed selection example: race and ethnicity, sex -> (selected, applicants, printed ratio).
LL144_MALE = {
    "Hispanic or Latino": (90, 205, 0.841),
    "White": (215, 412, 1.000),
    "Black or African American": (95, 226, 0.806),
    "Native Hawaiian or Pacific Islander": (37, 87, 0.815),
    "Asian": (167, 321, 0.997),
    "Native American or Alaska Native": (11, 24, 0.878),
    "Two or More Races": (52, 115, 0.866),
}
LL144_FEMALE = {
    "Hispanic or Latino": (82, 190, 0.827),
    "White": (197, 385, 0.981),
    "Black or African American": (75, 164, 0.876),
    "Native Hawaiian or Pacific Islander": (15, 32, 0.898),
    "Asian": (135, 295, 0.877),
    "Native American or Alaska Native": (7, 17, 0.789),
    "Two or More Races": (44, 98, 0.860),
}
LL144 = {
    (race, sex): row for sex, rows in (("Male", LL144_MALE), ("Female", LL144_FEMALE)) for race, row in rows.items()
}


def test_the_selection_example_of_new_york_local_law_144() -> None:
    features = (SensitiveFeature("race", "race"), SensitiveFeature("sex", "sex"))
    plan = replace(ANY_SIZE, sensitive_features=features, intersections=(("race", "sex"),))
    cells = selected({group: (k, n) for group, (k, n, _) in LL144.items()}, ("race", "sex"))
    result = audit_cells(plan, cells)
    assert result.row_count == 2571
    by_sex = values(result, "impact_ratio", ("sex",))
    assert by_sex == {("Female",): pytest.approx(0.979, abs=5e-4)}
    crossed = values(result, "impact_ratio", ("race", "sex"))
    assert crossed | {("White", "Male"): 1.0} == {
        group: pytest.approx(printed, abs=1.1e-3) for group, (_, _, printed) in LL144.items()
    }


def test_with_the_usual_minimum_the_small_categories_of_that_example_are_insufficient_evidence() -> None:
    features = (SensitiveFeature("race", "race"), SensitiveFeature("sex", "sex"))
    plan = replace(PLAN, sensitive_features=features, intersections=(("race", "sex"),))
    result = audit_cells(plan, selected({group: (k, n) for group, (k, n, _) in LL144.items()}, ("race", "sex")))
    native = "Native American or Alaska Native"
    assert {d.group for d in result.with_verdict(Verdict.INSUFFICIENT)} == {(native, "Male"), (native, "Female")}
    assert result.with_verdict(Verdict.ADVERSE) == ()


# --- with the files of ../shared/data ---------------------------------------------------------------------------------


@missing_shared
@pytest.mark.needs_shared
def test_g17_the_hmda_table_where_not_being_selected_is_favourable() -> None:

    table = pd.read_csv(SHARED / "published_tables" / "gill2020_hmda_air.csv")
    for row in table.itertuples():
        counts = {str(row.group): (row.favorable, row.n), str(row.control): (row.control_favorable, row.control_n)}
        result = audit_cells(PLAN, one_feature(counts))  # type: ignore[arg-type]
        assert values(result, "impact_ratio") == {(row.group,): pytest.approx(row.printed_AIR, abs=1e-9)}


@missing_shared
@pytest.mark.needs_shared
def test_g1_the_printed_table_of_the_rule_is_the_one_typed_above() -> None:
    with (SHARED / "ll144_rule_tables" / "selection_example.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["table"] == "intersectional"]
    printed = {
        (row["race_ethnicity"], row["sex"]): (
            int(row["selected"]),
            int(row["applicants"]),
            float(row["printed_impact_ratio"]),
        )
        for row in rows
    }
    assert printed == LL144
