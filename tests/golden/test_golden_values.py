"""The rows of golden_values.csv that an audit of groups must reproduce, each with its source.

Counts are typed, so that nothing skips where the reference data is absent; where it is present the counts are counted
again from the files by the scan, and the expected values are compared with the table itself. G1, G2, G3 and G17 are in
test_rule_tables.py, G19 is with the scores.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.cells import read_cells
from audits.composite import composites
from audits.crosscheck import crosscheck
from audits.disaggregate import disaggregate
from audits.disparity import disparities
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import Cell, Cells, Disparity, Verdict

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
PLAN = AuditPlan(
    model="published",
    label="label",
    favourable="1",
    prediction="label",
    sensitive_features=(SensitiveFeature("group", "group"),),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
)
Counts = tuple[int, ...]

# (true positives, false positives, true negatives, false negatives) of "not Low" against two years, ProPublica.
COMPAS = {"African-American": (1369, 805, 990, 532), "Caucasian": (505, 349, 1139, 461)}
# (with the favourable value, rows)
GERMAN_FROM_25 = {"younger": (88, 149), "older": (612, 851)}
GERMAN_ABOVE_25 = {"younger": (110, 190), "older": (590, 810)}
GERMAN_SPLIT = {"younger": (63, 113), "older": (427, 587)}
ADULT_TRAIN = {"Female": (1158, 10_298), "Male": (6669, 21_357)}
RICCI = {
    "Captain": {"B": (3, 8), "H": (3, 8), "W": (16, 25)},
    "Lieutenant": {"B": (6, 19), "H": (3, 15), "W": (25, 43)},
}
# ProPublica's filter: rows, screened more than 30 days off, without that number.
COMPAS_ROWS = (7214, 735, 307)

EXPECTED = {
    "G5": (0.4485, 0.2345, 0.2799, 0.4772),
    "G8": (6172,),
    "G9": (0.2402002, 0.5916376, 0.2139250, 0.2056490, 0.5229872),
    "G10": (-0.169905,),
    "G10b": (0.821248, 0.794826),
    "G11": (0.36011001703880235,),
    "G13": (0.5859, 0.5859, 0.5432, 0.3440),
}


def confusion(groups: Mapping[str, Counts]) -> Cells:
    kinds = ((True, True), (False, True), (False, False), (True, False))
    return _cells(
        Cell((level,), *kind, n) for level, counts in groups.items() for kind, n in zip(kinds, counts, strict=True)
    )


def selected(groups: Mapping[str, Counts]) -> Cells:
    """From (selected, all) of each group; the label is the prediction."""
    return _cells(
        Cell((level,), chosen, chosen, n)
        for level, (k, total) in groups.items()
        for chosen, n in ((True, k), (False, total - k))
    )


def _cells(found: Any) -> Cells:
    cells = tuple(found)
    return Cells(("group",), cells, sum(cell.n for cell in cells), "sha256:data", "typed")


def rate(cells: Cells, metric: str, group: str) -> float | None:
    return next(e.value for e in disaggregate(cells, PLAN) if (e.metric, e.group) == (metric, (group,)))


def compared(cells: Cells, plan: AuditPlan = PLAN) -> tuple[Disparity, ...]:
    """All disparities, confirmed by AIF360."""
    found = disparities(disaggregate(cells, plan), plan)
    assert crosscheck(cells, plan, found) > 0
    return found


def worst(cells: Cells, name: str) -> float | None:
    return next(item.value for item in compared(cells) if item.name == name and not item.group)


def ratios(cells: Cells, reference: str) -> dict[str, float | None]:
    plan = replace(PLAN, sensitive_features=(SensitiveFeature("group", "group", reference=reference),))
    return {item.group[0]: item.value for item in compared(cells, plan) if item.name == "impact_ratio"}


def test_g5_propublica_compas_error_rates() -> None:
    """ProPublica's notebook, "Compas Analysis": false positive and false negative rates at "not Low"."""
    cells = confusion(COMPAS)
    found = [rate(cells, metric, g) for metric in ("false_positive_rate", "false_negative_rate") for g in COMPAS]
    assert found == pytest.approx(EXPECTED["G5"], abs=5e-5)


def test_g8_propublica_compas_filter() -> None:
    """ProPublica's notebook: 6,172 rows are screened within 30 days; a missing number of days is not within."""
    rows, off, missing = COMPAS_ROWS
    assert (rows - off - missing,) == EXPECTED["G8"]


def test_g9_fairlearn_on_compas() -> None:
    """fairlearn 0.15.0: demographic parity and equalized odds, worst case and mean (aif360 average_abs_odds)."""
    cells = confusion(COMPAS)
    mean = next(item.value for item in composites(cells, PLAN) if item.metric == "equalized_odds_mean_difference")
    found = [
        worst(cells, "demographic_parity_difference"),
        worst(cells, "demographic_parity_ratio"),
        worst(cells, "equalized_odds_difference"),
        mean,
        worst(cells, "equalized_odds_ratio"),
    ]
    assert found == pytest.approx(EXPECTED["G9"], abs=1e-6)


def test_g10_aif360_tutorial_on_german_credit() -> None:
    """AIF360, tutorial_credit_scoring: mean difference of the 700 training rows, age >= 25 as reference."""
    plan = replace(PLAN, sensitive_features=(SensitiveFeature("group", "group", reference="older"),))
    found = [d.value for d in compared(selected(GERMAN_SPLIT), plan) if d.name == "selection_rate_difference"]
    assert found == pytest.approx(EXPECTED["G10"], abs=1e-6)


def test_g10b_german_credit_passes_or_fails_by_the_side_on_which_25_lies() -> None:
    """Recomputed from the file: `age >= 25` passes four fifths, `age > 25` does not."""
    cells = [selected(counts) for counts in (GERMAN_FROM_25, GERMAN_ABOVE_25)]
    assert [ratios(item, "older")["younger"] for item in cells] == pytest.approx(EXPECTED["G10b"], abs=1e-6)
    verdicts = [[d.verdict for d in compared(item) if d.name == "impact_ratio"] for item in cells]
    assert verdicts == [[Verdict.WATCH], [Verdict.ADVERSE]]


def test_g11_aif360_on_adult() -> None:
    """AIF360, monthly_bee_datasets_metrics: impact ratio of women in the training rows, to 12 digits."""
    assert ratios(selected(ADULT_TRAIN), "Male")["Female"] == pytest.approx(EXPECTED["G11"][0], abs=1e-12)


def test_g13_ricci_promotion_exams() -> None:
    """Ricci v. DeStefano, 557 U.S. 557 (2009), court record: pass rates against those of white candidates."""
    found = [ratios(selected(RICCI[rank]), "W")[group] for rank in RICCI for group in ("B", "H")]
    assert found == pytest.approx(EXPECTED["G13"], abs=5e-5)


# --- with the files of ../shared/data ---------------------------------------------------------------------------------


def counted(table: Any, column: str, **plan: Any) -> dict[str, Counts]:
    """(selected, all) of every group, by the scan."""
    feature = plan.pop("feature", SensitiveFeature("group", column))
    cells = read_cells(table, replace(PLAN, sensitive_features=(feature,), **plan), data_digest="d")
    groups = {cell.levels[0] for cell in cells.cells}
    return {
        level: (
            sum(c.n for c in cells.cells if c.levels == (level,) and c.prediction),
            sum(c.n for c in cells.cells if c.levels == (level,)),
        )
        for level in groups
    }


def compas() -> pd.DataFrame:
    data = pd.read_csv(SHARED / "compas" / "compas-two-years-min.csv")
    return data.assign(flagged=(data["score_text"] != "Low").astype(int))


@pytest.mark.needs_shared
@pytest.mark.parametrize("identifier", EXPECTED)
def test_what_is_typed_here_is_what_the_table_says(identifier: str) -> None:
    with (SHARED / "golden_values.csv").open(newline="") as stream:
        row = next(row for row in csv.DictReader(stream) if row["id"] == identifier)
    assert tuple(float(value) for value in row["expected"].replace("/", ";").split(";")) == EXPECTED[identifier]


@pytest.mark.needs_shared
def test_every_row_of_the_table_has_a_test_that_names_it() -> None:
    with (SHARED / "golden_values.csv").open(newline="") as stream:
        identifiers = {row["id"] for row in csv.DictReader(stream)}
    own = Path(__file__).read_text(encoding="utf-8")
    others = "\n".join(
        path.read_text(encoding="utf-8")
        for path in Path(__file__).parents[1].rglob("test_*.py")
        if path != Path(__file__)
    )
    assert {name for name in EXPECTED if f"def test_{name.lower()}_" not in own} == set()
    assert {name for name in identifiers - EXPECTED.keys() if not re.search(rf"\b{name}\b", others)} == set()


@pytest.mark.needs_shared
def test_g5_and_g9_the_counts_of_compas_are_those_of_the_file() -> None:
    data = compas()
    data = data[data["race"].isin(list(COMPAS))]
    plan = replace(
        PLAN, label="two_year_recid", prediction="flagged", sensitive_features=(SensitiveFeature("group", "race"),)
    )
    found = read_cells(data, plan, data_digest="d")
    assert set(found.cells) == set(confusion(COMPAS).cells)


@pytest.mark.needs_shared
def test_g8_the_rows_of_compas_are_those_of_the_file() -> None:
    data = compas()
    days = data["days_b_screening_arrest"]
    assert (len(data), int((days.abs() > 30).sum()), int(days.isna().sum())) == COMPAS_ROWS
    kept = data[days.between(-30, 30) & (data["is_recid"] != -1) & (data["c_charge_degree"] != "O")]
    plan = replace(
        PLAN, label="two_year_recid", prediction="flagged", sensitive_features=(SensitiveFeature("group", "race"),)
    )
    assert (read_cells(kept, plan, data_digest="d").row_count,) == EXPECTED["G8"]


@pytest.mark.needs_shared
def test_g10_the_counts_of_german_credit_are_those_of_the_file() -> None:
    data = pd.read_csv(SHARED / "german" / "german_raw.csv")

    def by_age(rows: pd.DataFrame, cut: int) -> dict[str, Counts]:
        feature = SensitiveFeature("group", "age", cuts=(cut,), labels=("younger", "older"))
        return counted(rows, "age", feature=feature, label="credit", prediction="credit")

    assert by_age(data, 25) == GERMAN_FROM_25
    assert by_age(data, 26) == GERMAN_ABOVE_25
    # The split of the tutorial: legacy random numbers, seed 0, 700 of a permutation.
    order = np.random.RandomState(0).choice(len(data), len(data), replace=False)
    assert by_age(data.iloc[order[:700]], 25) == GERMAN_SPLIT


@pytest.mark.needs_shared
def test_g11_the_counts_of_adult_are_those_of_the_file() -> None:
    from sklearn.model_selection import train_test_split

    data = pd.read_parquet(SHARED / "adult" / "adult.parquet").dropna()
    train, _ = train_test_split(data, train_size=0.7, random_state=1234567)
    train = train[["sex", "class"]].astype(str)
    assert counted(train, "sex", label="class", prediction="class", favourable=">50K") == ADULT_TRAIN


@pytest.mark.needs_shared
def test_g13_the_counts_of_ricci_are_those_of_the_file() -> None:
    data = pd.read_csv(SHARED / "ricci" / "ricci.csv")
    data["passed"] = (data["Combine"] >= 70).astype(int)
    for rank, counts in RICCI.items():
        part = data[data["Position"] == rank]
        assert counted(part, "Race", label="passed", prediction="passed") == counts
