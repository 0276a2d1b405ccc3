"""The whole measurement on real engines: Fairlearn on the cells, AIF360 beside it, and the traps of both."""

from __future__ import annotations

import logging
import math
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audits.crosscheck
import audits.disaggregate
from audits.disaggregate import disaggregate
from audits.metrics import METRICS
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.record import from_json, measured, to_json
from audits.result import UNKNOWN, AuditResult, Cell, Cells, GroupEstimate, Verdict
from audits.run import audit, audit_cells
from governance.errors import ConfigurationError, DisagreementError, MeasurementError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the reference data is not at {SHARED}")

RATIO, DIFFERENCE = Comparison.RATIO, Comparison.DIFFERENCE
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race")),
    bounds=(Bound("selection_rate", RATIO, 0.8), Bound("equalized_odds", DIFFERENCE, 0.1)),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    intersections=(("sex", "race"),),
)
ONE = replace(PLAN, sensitive_features=(SensitiveFeature("race", "race"),), intersections=())


def table(**groups: tuple[int, int, int, int]) -> Cells:
    """Cells of one sensitive feature `race` from (true positives, false positives, true negatives, false negatives)."""
    kinds = ((True, True), (False, True), (False, False), (True, False))
    cells = tuple(
        Cell((level,), *kind, n) for level, counts in groups.items() for kind, n in zip(kinds, counts, strict=True) if n
    )
    return Cells(("race",), cells, sum(cell.n for cell in cells), "sha256:data", "by hand")


def estimate(result: AuditResult, metric: str, *group: str) -> GroupEstimate:
    return next(item for item in result.estimates if item.metric == metric and item.group == group)


def people(n: int, seed: int = 5) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    sex, race = generator.choice(["f", "m"], n), generator.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    hired = generator.random(n) < 0.4
    predicted = generator.random(n) < np.where(hired, 0.7, 0.2) * np.where(sex == "f", 0.6, 1.0)
    return pd.DataFrame({"sex": sex, "race": race, "hired": hired.astype(int), "predicted": predicted.astype(int)})


def test_an_audit_from_a_file_finds_what_was_planted(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    people(4000).to_parquet(path)
    result = audit(PLAN, path, model_digest="sha256:model")
    assert result.row_count == 4000
    assert measured(result) == {"sex": True, "race": True}
    adverse = result.with_verdict(Verdict.ADVERSE)
    assert ("sex",) in {item.features for item in adverse}
    assert all(item.bound is not None for item in adverse)
    assert {"fairlearn", "aif360", "scipy", "statsmodels", "duckdb", "python", "engine"} <= result.environment.keys()
    assert any("were confirmed by AIF360" in note for note in result.notes)
    assert from_json(to_json(result)) == result
    assert to_json(audit(PLAN, path, model_digest="sha256:model")) == to_json(result)


def test_a_data_frame_with_predictions_in_a_notebook() -> None:
    data = people(2000)
    by_column = audit(PLAN, data, data_digest="d")
    by_array = audit(PLAN, data.drop(columns="predicted"), predictions=data["predicted"].to_numpy(), data_digest="d")
    said = "Predictions were given, and measured in place of the column predicted."
    assert said in by_array.notes
    assert not any("NOT run" in note for note in by_array.notes)
    assert replace(by_array, notes=()) == replace(by_column, notes=())


def test_what_is_no_plan_and_a_column_that_stands_twice_are_refused_with_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"The plan is str, not an AuditPlan: read it with .*read_plan"):
        audit("plan.toml", people(100))  # type: ignore[arg-type]
    data = people(100)
    with pytest.raises(MeasurementError, match="the column 'sex' more than once"):
        audit(PLAN, pd.concat([data, data[["sex"]]], axis=1))


def test_a_reference_that_is_in_no_row_is_refused_with_the_closest_level() -> None:
    features = (SensitiveFeature("sex", "sex", reference="M"), *PLAN.sensitive_features[1:])
    with pytest.raises(MeasurementError, match=r"the reference 'M' .* is in no row\..* Found: f, m\."):
        audit(replace(PLAN, sensitive_features=features), people(100))
    listed = replace(features[0], reference="x", levels=("f", "m", "x"))  # nobody this time, which is no mistake
    result = audit(replace(PLAN, sensitive_features=(listed, *features[1:])), people(1000))
    assert measured(result)["race"]
    judged = {
        d.verdict for d in result.disparities if d.features == ("sex",) and d.bound and d.metric == "selection_rate"
    }
    assert judged == {Verdict.NOT_ESTIMABLE}


def test_predictions_and_a_model_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        audit(PLAN, tmp_path / "x.parquet", model=tmp_path, predictions=np.array([1]))


def test_a_model_is_scored_on_the_table_that_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = people(500)
    asked = []

    def score(model: Path, table: object, plan: AuditPlan) -> np.ndarray:
        asked.append((model, table is data, plan))
        return data["predicted"].to_numpy()

    monkeypatch.setattr("audits.scoring.score", score)
    result = audit(replace(PLAN, prediction=None), data, model=tmp_path, data_digest="d")
    assert asked == [(tmp_path, True, replace(PLAN, prediction=None))]
    read = audit(PLAN, data, data_digest="d")
    assert result == replace(read, notes=tuple(note for note in read.notes if "The model was NOT run" not in note))
    assert len(read.notes) == len(result.notes) + 1


@given(
    st.lists(st.tuples(st.sampled_from("fm"), st.sampled_from("abc"), st.booleans(), st.booleans()), min_size=1),
    st.integers(1, 5),
)
@settings(max_examples=25, deadline=None)
def test_the_way_over_the_cells_equals_metricframe_on_the_rows(
    rows: list[tuple[str, str, bool, bool]], times: int
) -> None:
    from fairlearn.metrics import MetricFrame

    both = [("f", "a", True, True), ("m", "b", False, False)]
    data = pd.DataFrame((rows + both) * times, columns=["sex", "race", "hired", "predicted"])
    data = data.astype({"hired": int, "predicted": int})
    estimates = audit(PLAN, data).estimates
    for features in PLAN.comparisons():
        frame = MetricFrame(
            metrics=audits.disaggregate._functions() | {"count": lambda y_true, y_pred, sample_weight: len(y_true)},
            y_true=data["hired"],
            y_pred=data["predicted"],
            sensitive_features=data[list(features)],
            sample_params={name: {"sample_weight": np.ones(len(data))} for name in (*METRICS, "count")},
        ).by_group
        for item in (item for item in estimates if item.features == features):
            group = item.group if len(features) > 1 else item.group[0]
            if item.value is not None:
                assert item.value == pytest.approx(frame.loc[group, item.metric], abs=1e-12)
            # What Fairlearn leaves out as NaN is here an empty group.
            size = frame.loc[group, "count"]
            assert item.size == (0 if math.isnan(size) else size)


def test_trap_1_a_group_without_positives_has_no_true_positive_rate_where_fairlearn_says_zero() -> None:
    cells = table(a=(30, 10, 50, 10), b=(0, 20, 80, 0), c=(0, 0, 50, 50))
    rates = audits.disaggregate.fairlearn_rates(audits.disaggregate.groups_of(cells, ONE, ("race",)))
    assert rates[("b",), "true_positive_rate"] == 0.0
    result = audit_cells(ONE, cells)
    assert estimate(result, "true_positive_rate", "b").value is None
    assert estimate(result, "true_positive_rate", "b").reason == "no favourable outcomes in this group"
    assert estimate(result, "positive_predictive_value", "c").reason == "nobody selected in this group"
    found = [d for d in result.disparities if d.group == ("b",) and d.metric == "true_positive_rate"]
    assert [(d.value, d.verdict) for d in found] == [(None, Verdict.NOT_ESTIMABLE)]


def test_trap_1_no_negatives_no_false_positive_rate() -> None:
    result = audit_cells(ONE, table(a=(30, 10, 50, 10), b=(40, 0, 0, 60)))
    assert estimate(result, "false_positive_rate", "b").reason == "no unfavourable outcomes in this group"
    worst = next(d for d in result.disparities if d.name == "equalized_odds_difference")
    assert (worst.value, worst.verdict) == (None, Verdict.NOT_ESTIMABLE)


def test_trap_2_missing_sensitive_values_are_a_group_that_is_never_compared() -> None:
    data = people(1000)
    data.loc[:299, "race"] = None
    result = audit(PLAN, data)
    assert result.unknown == {"sex": 0, "race": 300}
    shown = estimate(result, "selection_rate", UNKNOWN)
    assert (shown.size, shown.counted, shown.reason) == (300, False, "the sensitive value is unknown")
    assert shown.value is not None
    assert all(UNKNOWN not in d.group + d.reference for d in result.disparities)
    assert "race: 300 of 1000 rows have no value; shown as a group, never compared." in result.notes


def test_trap_2_all_values_missing_is_refused() -> None:
    data = people(1000)
    data["race"] = pd.Series([None] * 1000, dtype="str")
    with pytest.raises(MeasurementError, match=r"'race'.* has no value in any row"):
        audit(PLAN, data)


def test_trap_3_nobody_selected_never_passes() -> None:
    result = audit_cells(ONE, table(a=(0, 0, 500, 500), b=(0, 0, 300, 700)))
    ratios = [d for d in result.disparities if d.comparison is RATIO and d.metric != "equalized_odds"]
    assert {(d.value, d.verdict) for d in ratios} == {(None, Verdict.NOT_ESTIMABLE)}


def test_trap_4_empty_and_tiny_intersections_are_shown_and_drive_nothing() -> None:
    data = pd.concat([people(5000).query("not (sex == 'f' and race == 'c')")])
    data = data[~((data["sex"] == "m") & (data["race"] == "c"))]
    one = pd.DataFrame({"sex": ["m"], "race": ["c"], "hired": [1], "predicted": [1]})
    result = audit(PLAN, pd.concat([data, one]))
    empty = estimate(result, "selection_rate", "f", "c")
    assert (empty.size, empty.value, empty.counted, empty.reason) == (0, None, False, "no rows in this group")
    tiny = estimate(result, "selection_rate", "m", "c")
    assert (tiny.size, tiny.value, tiny.counted) == (1, 1.0, False)
    assert all(d.reference != ("m", "c") for d in result.disparities)
    assert all(d.group != ("f", "c") for d in result.disparities)
    parity = next(
        d for d in result.disparities if d.name == "demographic_parity_difference" and d.features == ("race",)
    )
    assert parity.value is not None and parity.value < 0.1
    assert "left out: race=c (1 rows, the plan asks for 30)" in parity.reason


def test_trap_12_where_both_libraries_are_wrong_nothing_is_reported() -> None:
    cells = table(a=(30, 10, 50, 10), b=(0, 20, 80, 0))
    a, b = (audits.disaggregate.groups_of(cells, ONE, ("race",))[i] for i in (0, 1))
    metric = audits.crosscheck.classification_metric(b, a)
    said = audits.crosscheck.aif360_value(metric, "true_positive_rate", DIFFERENCE)
    assert said == -0.75 or math.isnan(said)
    found = audit_cells(ONE, cells).disparities
    assert all(d.value is None for d in found if d.metric in ("true_positive_rate", "equalized_odds"))


def test_trap_12_other_groups_do_not_leak_into_a_pair() -> None:
    """AIF360 would compare a with b and c together."""
    result = audit_cells(ONE, table(a=(300, 100, 500, 100), b=(100, 100, 700, 100), c=(10, 0, 900, 90)))
    ratio = next(d for d in result.disparities if d.name == "impact_ratio" and d.group == ("b",))
    assert ratio.value == 0.5


def test_every_pair_with_a_value_is_confirmed() -> None:
    data = people(3000)
    result = audit(PLAN, data)
    pairs = [d for d in result.disparities if d.group and d.value is not None]
    odds = [q for q in result.quantities if "odds" in q.metric and q.against and q.value is not None]
    assert (
        f"{len(pairs) + len(odds)} comparisons of two groups were confirmed by AIF360, every rate by Fairlearn."
        in result.notes
    )
    assert len(pairs) > 20


@pytest.mark.parametrize("metric", METRICS)
def test_a_rate_of_fairlearn_that_moves_is_a_disagreement(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = audits.disaggregate.fairlearn_rates
    key = (("b",), metric)
    monkeypatch.setattr(audits.disaggregate, "fairlearn_rates", lambda groups: {**genuine(groups), key: 0.123456})
    with pytest.raises(DisagreementError, match=f"{metric} of race=b: Fairlearn gives 0.123456, the counts give"):
        audit_cells(ONE, table(a=(300, 100, 500, 100), b=(100, 100, 700, 100)))


def test_a_nan_of_fairlearn_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = table(a=(30, 10, 50, 10), b=(10, 10, 70, 10))
    monkeypatch.setattr(audits.disaggregate, "fairlearn_rates", lambda groups: {})
    with pytest.raises(DisagreementError, match="Fairlearn gives None"):
        disaggregate(cells, ONE)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("comparison", Comparison)
@pytest.mark.parametrize("wrong", [1e-6, float("nan")])
def test_a_number_of_aif360_that_moves_is_a_disagreement(
    metric: str, comparison: Comparison, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = audits.crosscheck.aif360_value

    def moved(library: object, name: str, kind: Comparison) -> float:
        return genuine(library, name, kind) + (wrong if (name, kind) == (metric, comparison) else 0.0)

    monkeypatch.setattr(audits.crosscheck, "aif360_value", moved)
    plan = replace(ONE, bounds=(Bound(metric, comparison, 0.5),))
    with pytest.raises(DisagreementError, match=f"{metric} {comparison}, race=[ab] against race=[ab]: AIF360 gives"):
        audit_cells(plan, table(a=(300, 100, 500, 100), b=(100, 100, 700, 150)))


def test_importing_aif360_says_nothing_and_leaves_logging_alone() -> None:
    code = (
        "import logging, pandas, audits.crosscheck as c\n"
        "with c.quiet_import():\n    import aif360.metrics\n"
        "assert not logging.getLogger().handlers and not logging.getLogger().filters\n"
        "logging.getLogger().warning('still heard')"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("", "still heard\n")
    assert not any(getattr(f, "__name__", "") == "_not_a_missing_extra" for f in logging.getLogger().filters)


def test_the_measuring_rooms_import_no_engine_before_they_measure() -> None:
    engines = ("fairlearn", "aif360", "duckdb", "pandas", "numpy", "scipy", "sklearn", "statsmodels", "pyarrow")
    code = f"import sys, audits.run, audits.record; print([name for name in {engines} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@needs_shared
@pytest.mark.needs_shared
def test_adult_sex_and_race_with_a_planted_group_of_five() -> None:
    data = pd.read_parquet(SHARED / "adult" / "adult.parquet")[["sex", "race", "class"]]
    generator = np.random.default_rng(11)
    # A model that is right four times of five, and always selects the planted group.
    right = generator.random(len(data)) < 0.8
    other = data["class"].map({"<=50K": ">50K", ">50K": "<=50K"})
    data["predicted"] = data["class"].where(right, other)
    planted = pd.DataFrame({"sex": "Female", "race": "Planted", "class": "<=50K", "predicted": [">50K"] * 5})
    plan = replace(PLAN, label="class", favourable=">50K")
    result = audit(plan, pd.concat([data, planted], ignore_index=True))
    assert result.row_count == 48_847
    plain = audit(plan, data)
    assert all("Planted" not in d.reference for d in result.disparities)
    flags = (Verdict.ADVERSE, Verdict.WATCH)
    assert all("Planted" not in d.group for verdict in flags for d in result.with_verdict(verdict))
    # The planted group changes no verdict of anybody else, and no reference.
    ours = {
        (d.name, d.group): (d.verdict, d.reference) for d in plain.disparities if d.features == ("race",) and d.group
    }
    theirs = {(d.name, d.group): (d.verdict, d.reference) for d in result.disparities if d.features == ("race",)}
    assert ours.items() <= theirs.items()
    absent = estimate(result, "selection_rate", "Male", "Planted")
    assert (absent.size, absent.reason) == (0, "no rows in this group")
    smallest = estimate(result, "base_rate", "Female", "Other")
    assert (smallest.events, smallest.n) == (11, 155)
    few = [d for d in result.disparities if d.metric == "true_positive_rate" and d.group == ("Female", "Other")]
    assert few and all(d.verdict is Verdict.INSUFFICIENT for d in few)
