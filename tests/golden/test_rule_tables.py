"""Rule packs against what the rules themselves print. Counts are facts and stand here, so that nothing is skipped.

LL144: the two worked examples of 6 RCNY 5-301. UGESP: the Questions and Answers of 1979, Ricci v. DeStefano (court
record), and the adverse impact ratios of Gill et al. 2020, where the favourable outcome is NOT being selected.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_examples import (
    RACES,
    SCORING_BOTH,
    SCORING_RACE,
    SCORING_SEX,
    SELECTION_BOTH,
    SELECTION_RACE,
    SELECTION_SEX,
    A,
    B,
    N,
    T,
    W,
)
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportions_ztest

from audits.impact import Category, decimals, percent
from audits.ll144 import impact_ratios
from audits.plan import MEDIAN, AuditPlan, Score, SensitiveFeature
from audits.result import UNKNOWN, Cell, Cells, RuleReport, RuleTable
from audits.rule_packs import AdverseImpactRule, ImpactRatioRule, load_pack
from audits.rule_reports import rule_reports
from audits.ugesp import GroupImpact, adverse_impact, small_fisher
from governance.errors import ConfigurationError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.needs_shared

PLAN = AuditPlan(
    model="hiring",
    label=None,
    favourable="1",
    prediction="selected",
    sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race")),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    rule_packs=("nyc-ll144",),
)
MEDIAN_PLAN = replace(PLAN, score=Score(0, 1, "score", MEDIAN))
ONE = replace(PLAN, sensitive_features=(SensitiveFeature("race", "race"),), rule_packs=("us-ugesp",))


def cells(features: tuple[str, ...], counts: dict[tuple[str, ...], tuple[int, int]]) -> Cells:
    """Cells of people from levels -> (persons, selected)."""
    found = tuple(
        Cell(levels, outcome=False, prediction=chosen, n=rows)
        for levels, (n, k) in counts.items()
        for chosen, rows in ((True, k), (False, n - k))
        if rows
    )
    return Cells(features, found, sum(cell.n for cell in found), "sha256:data", "by hand", labelled=False)


def both(table: dict[str, tuple[tuple[int, int, str], ...]]) -> Cells:
    rows = {(sex, race): row[:2] for sex, found in table.items() for race, row in zip(RACES, found, strict=True)}
    return cells(("sex", "race"), rows)


def ll144_rule() -> ImpactRatioRule:
    rule = load_pack("nyc-ll144").computes
    assert isinstance(rule, ImpactRatioRule)
    return rule


def ugesp_rule() -> AdverseImpactRule:
    rule = load_pack("us-ugesp").computes
    assert isinstance(rule, AdverseImpactRule)
    return rule


def report(counts: Cells, plan: AuditPlan) -> RuleReport:
    (found,) = rule_reports(counts, plan)
    return found


def column(table: RuleTable, name: str) -> dict[tuple[str, ...], str]:
    """Categories -> the text in this column."""
    at, first = table.columns.index(name), table.columns.index("persons")
    return {row[:first]: row[at] for row in table.rows}


def as_printed(value: Fraction | None, printed: str) -> str:
    assert value is not None
    return decimals(value, len(printed.partition(".")[2]))


@pytest.mark.parametrize(
    "table", [SELECTION_SEX, SELECTION_RACE, SCORING_SEX, SCORING_RACE], ids=["G1 sex", "G1 race", "G2 sex", "G2 race"]
)
def test_every_printed_ratio_of_one_feature(table: dict[str, tuple[int, int, str]]) -> None:
    impacts = impact_ratios([Category((name,), n, k) for name, (n, k, _) in table.items()], ll144_rule())
    for impact, (*_, printed) in zip(impacts, table.values(), strict=True):
        assert as_printed(impact.ratio, printed) == printed


@pytest.mark.parametrize(("table", "plan"), [(SELECTION_BOTH, PLAN), (SCORING_BOTH, MEDIAN_PLAN)], ids=["G1", "G2"])
def test_every_printed_ratio_of_both_features_in_the_report(
    table: dict[str, tuple[tuple[int, int, str], ...]], plan: AuditPlan
) -> None:
    sex, race, intersection = report(both(table), plan).tables
    ratios = column(intersection, "impact ratio")
    assert list(ratios) == [(name, sex_name) for sex_name in table for name in RACES]
    for sex_name, rows in table.items():
        for name, (*_, printed) in zip(RACES, rows, strict=True):
            assert f"{float(ratios[name, sex_name]):.{len(printed) - 2}f}" == printed
    expected = SELECTION_SEX if table is SELECTION_BOTH else SCORING_SEX
    assert column(sex, "persons") == {(name,): f"{n:,}" for name, (n, *_) in expected.items()}
    assert [f"{float(text):.2f}" for text in column(sex, "impact ratio").values()] == [
        f"{float(printed):.2f}" for *_, printed in expected.values()
    ]
    assert tuple(column(race, "persons")) == tuple((name,) for name in RACES)


def test_the_race_table_of_the_selection_example_does_not_add_up_to_its_sex_table() -> None:
    """A known flaw of the rule's own text: 2,584/1,254 against 2,571/1,222."""
    totals = [
        tuple(sum(row[at] for row in table.values()) for at in (0, 1)) for table in (SELECTION_SEX, SELECTION_RACE)
    ]
    assert totals == [(2571, 1222), (2584, 1254)]


@needs_shared
@pytest.mark.parametrize("name", ["selection", "scoring"])
def test_the_numbers_typed_here_are_those_of_the_files(name: str) -> None:
    """So that a slip of the typist is not taken for the rule."""
    sexes, races, together = (
        (SELECTION_SEX, SELECTION_RACE, SELECTION_BOTH)
        if name == "selection"
        else (SCORING_SEX, SCORING_RACE, SCORING_BOTH)
    )
    typed = [*sexes.values(), *races.values(), *(row for rows in together.values() for row in rows)]
    with (SHARED / "ll144_rule_tables" / f"{name}_example.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(str(n), printed) for n, _, printed in typed] == [
        (row["applicants"], row["printed_impact_ratio"]) for row in rows
    ]
    if name == "selection":
        assert [str(k) for _, k, _ in typed] == [row["selected"] for row in rows]
    else:
        rates = [float(row["printed_scoring_rate"].rstrip("%")) / 100 for row in rows]
        assert [k for _, k, _ in typed] == [round(rate * n) for rate, (n, *_) in zip(rates, typed, strict=True)]


def test_the_scoring_rate_says_that_it_is_one() -> None:
    sex = report(both(SCORING_BOTH), MEDIAN_PLAN).tables[0]
    assert sex.columns == ("sex", "persons", "above the median", "scoring rate", "impact ratio")
    assert any("strictly above the median of the full sample (168 persons" in note for note in sex.notes)
    assert report(both(SCORING_BOTH), PLAN).tables[0].columns[2:4] == ("selected", "selection rate")


def test_a_tool_that_classifies_has_three_tables_for_every_class() -> None:
    classes = {"invite": both(SELECTION_BOTH), "reject": both(SCORING_BOTH)}
    (found,) = rule_reports(both(SELECTION_BOTH), PLAN, class_cells=classes)
    assert [table.title for table in found.tables] == [
        f"class {name}: {title}" for name in classes for title in ("sex", "race/ethnicity", "sex x race/ethnicity")
    ]
    assert found.tables[3:] == tuple(
        replace(table, title=f"class reject: {table.title}") for table in report(both(SCORING_BOTH), PLAN).tables
    )


def test_unknown_categories_are_left_out_and_counted() -> None:
    counts = {("m", "White"): (50, 25), ("f", UNKNOWN): (30, 10), (UNKNOWN, "White"): (7, 7), ("f", "Asian"): (20, 5)}
    sex, race, together = report(cells(("sex", "race"), counts), PLAN).tables
    assert column(sex, "persons") == {("Male",): "50", ("Female",): "50"}
    assert column(sex, "impact ratio") == {("Male",): "1.000", ("Female",): "0.600"}
    assert "7 persons of unknown sex are not in this table." in sex.notes
    assert "30 persons of unknown race/ethnicity are not in this table." in race.notes
    assert "37 persons of unknown race/ethnicity or sex are not in this table." in together.notes
    assert column(race, "persons")[T,] == "0"
    assert column(race, "impact ratio")[T,] == column(race, "selection rate")[T,] == "–"


def test_a_level_that_the_rule_does_not_know_is_shown_and_said() -> None:
    counts = {("X", "black"): (50, 25), ("f", "African American"): (30, 10), ("f", "klingon"): (9, 9)}
    sex, race, _ = report(cells(("sex", "race"), counts), PLAN).tables
    assert column(sex, "persons")["X",] == "50"
    assert "No category of the rule, shown as they stand and never the highest: sex X." in sex.notes
    # X has the highest rate of all and is compared with the rule's highest category, which is Female (19 of 39).
    assert column(sex, "impact ratio") == {("Male",): "–", ("Female",): "1.000", ("X",): "1.026"}
    assert column(race, "impact ratio")[B,] == "1.000"  # 35 of 80; of the level that is no category, 9 of 9
    assert column(race, "impact ratio")["klingon",] == "2.286"
    assert column(race, "persons")[B,] == "80"
    assert f"{B} unites the levels African American, black." in race.notes


SMALL = cells(("sex", "race"), {("m", W): (1000, 300), ("f", B): (1000, 290), ("f", A): (1000, 280), ("m", N): (5, 4)})


def test_small_categories_stay_in_the_ratios_and_are_named_where_all_depends_on_them() -> None:
    race = report(SMALL, PLAN).tables[1]
    assert column(race, "impact ratio")[W,] == "0.375"
    assert any("category below 2 % of the persons (Native American or Alaska Native: 4 of 5)" in n for n in race.notes)


def test_small_categories_are_left_out_with_the_justification_and_their_rate() -> None:
    race = report(SMALL, replace(PLAN, rule_packs=("nyc-ll144-small-left-out",))).tables[1]
    ratios = column(race, "impact ratio")
    assert (ratios[W,], ratios[B,], ratios[A,], ratios[N,]) == ("1.000", "0.967", "0.933", "left out")
    assert (column(race, "persons")[N,], column(race, "selection rate")[N,]) == ("5", "80.0%")
    (note,) = [note for note in race.notes if note.startswith("Left out of the ratios")]
    assert N in note
    assert "6 RCNY 5-301(d)" in note


def test_there_is_no_verdict_and_no_threshold_in_the_tables_of_local_law_144() -> None:
    found = report(both(SELECTION_BOTH), PLAN)
    words = " ".join(
        text for table in found.tables for row in (table.columns, *table.rows, table.notes) for text in row
    )
    for word in ("four fifths", "0.80 ", "adverse", "pass", "significant"):
        assert word not in words
    assert any("no pass threshold" in note for note in found.notes)


def test_nobody_selected_has_no_ratio() -> None:
    sex = report(cells(("sex", "race"), {("m", W): (50, 0), ("f", W): (40, 0)}), PLAN).tables[0]
    assert set(column(sex, "impact ratio").values()) == {"–"}
    assert any("Nobody was selected" in note for note in sex.notes)


@pytest.mark.parametrize("pack", ["us-ugesp", "nyc-ll144"])
def test_a_rule_counts_people_and_refuses_weights_and_probabilities(pack: str) -> None:
    plan = replace(PLAN, rule_packs=(pack,))
    with pytest.raises(ConfigurationError, match="counts people, and here rows are weighted: take the weight out"):
        rule_reports(replace(SMALL, weighted=True), plan)
    with pytest.raises(ConfigurationError, match="several groups by probability: take the probabilities out"):
        rule_reports(replace(SMALL, shared=True), plan)


def test_weighted_classes_are_refused_too() -> None:
    with pytest.raises(ConfigurationError, match="counts people"):
        rule_reports(SMALL, PLAN, class_cells={"invite": replace(SMALL, weighted=True)})


def test_a_plan_without_the_features_that_the_rule_needs_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="needs race/ethnicity: name a sensitive feature of the plan race_ethn"
    ):
        rule_reports(cells(("sex",), {("m",): (5, 1)}), PLAN)
    with pytest.raises(ConfigurationError, match="both race and ethnicity are sensitive features"):
        rule_reports(cells(("sex", "race", "ethnicity"), {("m", "a", "b"): (5, 1)}), PLAN)


def test_a_report_names_the_pack_its_file_and_whether_it_was_in_force() -> None:
    pack = load_pack("nyc-ll144")
    found = report(SMALL, PLAN)
    assert (found.pack, found.version, found.digest, found.status) == (pack.id, pack.version, pack.digest, "in force")
    assert found.notes[0].startswith("On 2026-01-01, when the plan was decided, the rule was in force since 2023-07-05")
    early = report(SMALL, replace(PLAN, decided_at=date(2023, 7, 4)))
    assert "not yet in force" in early.notes[0]


def test_a_rule_that_computes_nothing_lists_what_it_asks_for() -> None:
    found = rule_reports(SMALL, replace(PLAN, rule_packs=("eu-ai-act", "us-sr-11-7")))
    assert [item.status for item in found] == ["in force", "repealed"]
    assert ("Art 4, 5", "AI literacy of the staff; no prohibited practice.", "2025-02-02") in found[0].tables[0].rows
    assert rule_reports(SMALL, replace(PLAN, rule_packs=())) == ()


# --- 29 CFR 1607.4 -----------------------------------------------------------------------------------------------


def impacts(**counts: tuple[int, int]) -> dict[str, GroupImpact]:
    """Group -> its impact, from (persons, selected)."""
    found = adverse_impact([Category((name,), *row) for name, row in counts.items()], ugesp_rule())
    return {item.group.name: item for item in found}


def test_the_example_of_the_questions_and_answers_of_1979() -> None:
    """G3. 48 % of 60 % is exactly four fifths, and no flag."""
    found = impacts(White=(100, 60), American_Indian=(100, 45), Hispanic=(100, 48), Black=(100, 51))
    assert {name: (item.ratio, item.below) for name, item in found.items()} == {
        "White": (1, False),
        "American_Indian": (Fraction(3, 4), True),
        "Hispanic": (Fraction(4, 5), False),
        "Black": (Fraction(17, 20), False),
    }


RICCI = {
    "Captain": {"W": (25, 16), "B": (8, 3), "H": (8, 3)},
    "Lieutenant": {"W": (43, 25), "B": (19, 6), "H": (15, 3)},
}


@pytest.mark.parametrize(
    ("position", "race", "ratio"),
    [("Captain", "B", 0.5859), ("Captain", "H", 0.5859), ("Lieutenant", "B", 0.5432), ("Lieutenant", "H", 0.3440)],
)
def test_ricci_pass_ratios(position: str, race: str, ratio: float) -> None:
    """G13, passes of the 2003 examinations (Combine >= 70)."""
    item = impacts(**RICCI[position])[race]
    assert float(item.ratio or 0) == pytest.approx(ratio, abs=5e-5)
    assert item.below


def test_ricci_lieutenant_hispanic_in_every_number() -> None:
    item = impacts(**RICCI["Lieutenant"])["H"]
    assert item.fisher_p is None  # the smallest expected count is 15 * 34 / 77 = 6.6
    p = small_fisher(item.group, Category(("W",), 43, 25), below_expected=10)
    assert p == pytest.approx(0.0159, abs=5e-5)
    z, _ = proportions_ztest([3, 25], [15, 43])
    assert item.deviations == pytest.approx(z, abs=1e-12)
    assert item.deviations == pytest.approx(-2.546, abs=2e-3)
    assert item.shortfall == Fraction(15 * 25, 43) - 3
    assert item.moved == "stays below"
    assert impacts(**RICCI["Captain"])["B"].fisher_p == pytest.approx(fisher_exact([[3, 5], [16, 9]]).pvalue)


@needs_shared
def test_ricci_counts_are_those_of_the_file() -> None:
    with (SHARED / "ricci" / "ricci.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for position, races in RICCI.items():
        for race, (n, passed) in races.items():
            here = [float(row["Combine"]) >= 70 for row in rows if (row["Position"], row["Race"]) == (position, race)]
            assert (len(here), sum(here)) == (n, passed)


@pytest.mark.parametrize(
    ("group", "control", "printed"),
    [
        ((2608, 1657), (28361, 23218), 0.7760892259126223),
        ((8301, 6175), (13166, 10328), 0.9482965478480982),
        ((2608, 1612), (28361, 23587), 0.7432009963895574),
        ((8301, 6458), (13166, 10723), 0.9552238812677306),
    ],
)
def test_adverse_impact_ratios_of_gill_and_others_2020(
    group: tuple[int, int], control: tuple[int, int], printed: float
) -> None:
    """G17. The favourable outcome is not being selected (no high-priced loan): the cells count who had it."""
    item = impacts(group=group, control=control)["group"]
    assert float(item.ratio or 0) == pytest.approx(printed, abs=1e-9)
    assert item.below == (printed < 0.8)


def test_a_group_below_two_per_cent_is_never_the_reference() -> None:
    found = impacts(White=(1000, 300), Black=(1000, 290), Asian=(1000, 280), Other=(5, 4))
    assert [round(float(found[name].ratio or 0), 3) for name in ("White", "Black", "Asian")] == [1.0, 0.967, 0.933]
    assert not any(item.below for item in found.values())
    assert (found["Other"].compared, found["Other"].ratio, found["Other"].below) == (False, None, None)
    exactly = impacts(White=(980, 300), Other=(20, 10))
    assert exactly["Other"].compared


@pytest.mark.parametrize(
    ("counts", "moved"),
    [
        ({"a": (10, 5), "b": (10, 3)}, "no more below"),
        ({"a": (10, 4), "b": (10, 3)}, "no more below, and then the higher rate"),
        ({"a": (1000, 500), "b": (1000, 300)}, "stays below"),
        ({"a": (1000, 500), "b": (1000, 490)}, "stays above"),
        ({"a": (10, 5), "b": (10, 4)}, "falls below"),
        ({"a": (4, 4), "b": (5, 5)}, "no selection to move"),
        ({"a": (10, 1), "b": (10, 0)}, "no more below, and then the higher rate"),
    ],
)
def test_one_selection_more_or_less(counts: dict[str, tuple[int, int]], moved: str) -> None:
    found = impacts(**counts)
    (item,) = [item for item in found.values() if item.moved is not None]
    assert item.moved == moved


def test_one_group_alone_is_compared_with_nobody() -> None:
    for found in (impacts(a=(100, 50)), impacts(a=(1000, 50), b=(1, 1)), impacts(a=(100, 0), b=(100, 0)), impacts()):
        assert all(item.ratio is None and item.below is None for item in found.values())


def test_the_table_of_a_feature_says_what_it_leaves_out() -> None:
    counts = {("White",): (1000, 600), ("Black",): (800, 300), ("Other",): (3, 2), (UNKNOWN,): (11, 4)}
    (table,) = report(cells(("race",), counts), ONE).tables
    assert column(table, "ratio to the highest rate") == {("Black",): "0.6250", ("Other",): "–", ("White",): "1.0000"}
    assert column(table, "below 0.8 of it") == {("Black",): "yes", ("Other",): "–", ("White",): "no"}
    assert column(table, "shortfall")["Black",] == "180.0"
    assert column(table, "standard deviations")["Black",].endswith(" *")
    assert table.notes[:2] == (
        "11 persons of unknown race are not in this table.",
        "Below 0.02 of the persons, and therefore not compared: Other.",
    )


def test_a_ratio_is_never_rounded_onto_four_fifths_and_a_feature_by_analogy_is_said() -> None:
    plan = replace(ONE, sensitive_features=(SensitiveFeature("age", "age"),))
    counts = {("young",): (100_000, 50_000), ("old",): (100_000, 39_999)}
    (table,) = report(cells(("age",), counts), plan).tables
    assert column(table, "ratio to the highest rate")["old",] == "0.79998"
    assert column(table, "below 0.8 of it")["old",] == "yes"
    assert table.notes[0] == "The rule does not name age: computed by analogy."


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_ratios_and_flags_against_integers(drawn: list[tuple[int, float]]) -> None:
    counts = [(n, round(n * share)) for n, share in drawn]
    found = adverse_impact([Category((str(at),), *row) for at, row in enumerate(counts)], ugesp_rule())
    total = sum(n for n, _ in counts)
    large = [(n, k) for n, k in counts if n and 50 * n >= total]
    best = max(large, key=lambda row: Fraction(row[1], row[0]), default=(1, 0))
    for (n, k), item in zip(counts, found, strict=True):
        assert item.compared == ((n, k) in large)
        if item.ratio is not None:
            assert item.ratio == Fraction(k * best[0], n * best[1])
            assert item.below == (5 * k * best[0] < 4 * best[1] * n)
        else:
            assert not item.compared or best[1] == 0 or len(large) < 2


@given(st.tuples(st.integers(1, 400), st.integers(1, 400)), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_fisher_is_asked_where_an_expected_count_is_small(sizes: tuple[int, int], one: float, other: float) -> None:
    ks = tuple(round(n * share) for n, share in zip(sizes, (one, other), strict=True))
    a, b = (Category((str(at),), n, k) for at, (n, k) in enumerate(zip(sizes, ks, strict=True)))
    observed = np.array([[k, n - k] for n, k in zip(sizes, ks, strict=True)])
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    p = small_fisher(a, b, 5)
    assert (p is not None) == bool(expected.min() < 5)
    if p is not None:
        assert p == pytest.approx(fisher_exact(observed).pvalue)


def test_percentages_never_round_to_all_or_nobody() -> None:
    assert percent(Fraction(1, 3)) == "33.3%"
    assert percent(Fraction(99_999, 100_000)) == "99.999%"
    assert percent(Fraction(1, 100_000)) == "0.001%"
    assert percent(Fraction(0)) == "0.0%"
    assert percent(None) == "–"
