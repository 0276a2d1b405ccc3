"""Published numbers that an audit must give again. What needs only counts is typed in and never skips."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from audits.crosscheck import classification_metric
from audits.groups import groups_of
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import AuditResult, Cell, Cells, Verdict
from audits.run import audit, audit_cells

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

# ProPublica's confusion counts at "not Low": (true positives, false positives, true negatives, false negatives).
COMPAS = {"African-American": (1369, 805, 990, 532), "Caucasian": (505, 349, 1139, 461)}


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


def confusion(groups: Mapping[str, tuple[int, int, int, int]], *, favourable_is_flagged: bool = True) -> Cells:
    kinds = ((True, True), (False, True), (False, False), (True, False))
    cells = tuple(
        Cell((level,), outcome is favourable_is_flagged, prediction is favourable_is_flagged, n)
        for level, counts in groups.items()
        for (outcome, prediction), n in zip(kinds, counts, strict=True)
    )
    return Cells(("group",), cells, sum(cell.n for cell in cells), "sha256:data", "typed")


def values(result: AuditResult, name: str, features: tuple[str, ...] = ("group",)) -> dict[tuple[str, ...], float]:
    """Group -> value of one kind of disparity."""
    found = [d for d in result.disparities if d.name == name and d.features == features]
    return {d.group: d.value for d in found if d.value is not None}


def rate(result: AuditResult, metric: str, group: str) -> float:
    return next(e.value for e in result.estimates if (e.metric, e.group) == (metric, (group,)) and e.value is not None)


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


def test_a_five_person_group_neither_becomes_the_reference_nor_flags_the_others() -> None:
    counts = {"White": (300, 1000), "Black": (290, 1000), "Asian": (280, 1000), "Other": (4, 5)}
    result = audit_cells(PLAN, one_feature(counts))
    ratios = {group: round(value, 3) for group, value in values(result, "impact_ratio").items()}
    assert (ratios["Black",], ratios["Asian",]) == (0.967, 0.933)
    assert {d.reference for d in result.disparities if d.reference} == {("White",)}
    assert result.with_verdict(Verdict.ADVERSE) == result.with_verdict(Verdict.WATCH) == ()


def test_german_credit_cut_at_25_is_decided_by_which_side_25_belongs_to() -> None:
    at_least = audit_cells(PLAN, one_feature({"<25": (88, 149), ">=25": (612, 851)}))
    above = audit_cells(PLAN, one_feature({"<=25": (110, 190), ">25": (590, 810)}))
    assert values(at_least, "impact_ratio") == {("<25",): pytest.approx(0.821248, abs=1e-6)}
    assert values(above, "impact_ratio") == {("<=25",): pytest.approx(0.794826, abs=1e-6)}
    assert [d.verdict for d in at_least.disparities if d.bound] == [Verdict.WATCH]
    assert [d.verdict for d in above.disparities if d.bound] == [Verdict.ADVERSE]


def check_compas(result: AuditResult) -> None:
    assert rate(result, "false_positive_rate", "African-American") == pytest.approx(0.4485, abs=5e-5)
    assert rate(result, "false_positive_rate", "Caucasian") == pytest.approx(0.2345, abs=5e-5)
    assert 1 - rate(result, "true_positive_rate", "African-American") == pytest.approx(0.2799, abs=5e-5)
    assert 1 - rate(result, "true_positive_rate", "Caucasian") == pytest.approx(0.4772, abs=5e-5)
    assert values(result, "demographic_parity_difference") == {(): pytest.approx(0.2402002, abs=1e-6)}
    assert values(result, "demographic_parity_ratio") == {(): pytest.approx(0.5916376, abs=1e-6)}
    assert values(result, "equalized_odds_difference") == {(): pytest.approx(0.2139250, abs=1e-6)}
    assert values(result, "equalized_odds_ratio") == {(): pytest.approx(0.5229872, abs=1e-6)}


def test_compas_from_propublicas_confusion_counts() -> None:
    result = audit_cells(PLAN, confusion(COMPAS))
    check_compas(result)
    gaps = [
        rate(result, metric, "African-American") - rate(result, metric, "Caucasian")
        for metric in ("true_positive_rate", "false_positive_rate")
    ]
    assert sum(gaps) / 2 == pytest.approx(0.2056490, abs=1e-6)


def test_trap_6_which_odds_difference_of_the_libraries_is_ours() -> None:
    cells = confusion(COMPAS)
    african, caucasian = groups_of(cells, PLAN, ("group",))
    library = classification_metric(african, caucasian)
    assert abs(library.equalized_odds_difference()) == pytest.approx(0.2139250, abs=1e-6)
    assert library.average_abs_odds_difference() == pytest.approx(0.2056490, abs=1e-6)
    # A signed mean of two gaps in opposite directions cancels to nothing; the worst case does not.
    opposite = {"a": (80, 20, 80, 20), "b": (60, 40, 60, 40)}
    a, b = groups_of(confusion(opposite), PLAN, ("group",))
    assert classification_metric(a, b).average_odds_difference() == pytest.approx(0.0)
    worst = values(audit_cells(PLAN, confusion(opposite)), "equalized_odds_difference")
    assert worst == {(): pytest.approx(0.2)}


@pytest.mark.parametrize(
    ("flagged_is_good", "reference", "ratio"),
    [(True, "African-American", 0.5916), (False, "Caucasian", 0.6316), (True, "Caucasian", 1.6902)],
)
def test_one_confusion_table_has_three_impact_ratios_by_direction_alone(
    flagged_is_good: bool, reference: str, ratio: float
) -> None:
    plan = replace(PLAN, sensitive_features=(SensitiveFeature("group", "group", reference=reference),))
    result = audit_cells(plan, confusion(COMPAS, favourable_is_flagged=flagged_is_good))
    assert list(values(result, "impact_ratio").values()) == [pytest.approx(ratio, abs=5e-5)]
    # Whoever is declared as the reference, the disparity does not go away.
    assert [d.verdict for d in result.disparities if d.bound] == [Verdict.ADVERSE]


def test_three_of_twenty_against_one_of_ten() -> None:
    found = audit_cells(PLAN, one_feature({"a": (3, 20), "b": (1, 10)})).with_verdict(Verdict.INSUFFICIENT)
    assert [round(d.value or 0, 3) for d in found] == [0.667]
    interval = found[0].interval
    assert interval is not None
    assert (interval.lower, interval.upper) == pytest.approx((0.100, 3.961), abs=5e-4)


# --- with the files of ../shared/data ---------------------------------------------------------------------------------


def compas(races: tuple[str, ...] = ("African-American", "Caucasian")) -> pd.DataFrame:
    data = pd.read_csv(SHARED / "compas" / "compas-two-years-min.csv")
    data["flagged"] = (data["score_text"] != "Low").astype(int)
    return data[data["race"].isin(races)]


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


@missing_shared
@pytest.mark.needs_shared
def test_trap_7_ties_are_on_the_side_that_is_said() -> None:
    """The scoring rate is strictly above the median of the full sample; a cut keeps its lower end, so cut above it."""
    data = compas(tuple(pd.read_csv(SHARED / "compas" / "compas-two-years-min.csv")["race"].unique()))
    median = float(data["decile_score"].median())
    plan = replace(PLAN, label="above", prediction="above", sensitive_features=(SensitiveFeature("group", "race"),))
    for above, expected in (
        (data["decile_score"] > median, (0.588, 0.348)),
        (data["decile_score"] >= median, (0.692, 0.464)),
    ):
        result = audit(plan, data.assign(above=above.astype(int)))
        found = [rate(result, "selection_rate", group) for group in ("African-American", "Caucasian")]
        assert found == pytest.approx(expected, abs=5e-4)
