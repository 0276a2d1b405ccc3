"""Predicted numbers in groups: against numpy and scipy on the raw rows, at any offset, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, t, ttest_ind, wasserstein_distance

from audits.plan import AuditPlan, Bound, Comparison, Family, Score, SensitiveFeature, Task
from audits.regression import measure_regression
from audits.result import UNKNOWN, Disparity, Quantity, Verdict
from audits.task_metrics import NEEDS_OUTCOME, REGRESSION_METRICS
from governance.errors import ConfigurationError, MeasurementError

Array: TypeAlias = "np.ndarray[Any, Any]"

DIFFERENCE = Comparison.DIFFERENCE
PLAN = AuditPlan(
    model="wages",
    label="wage",
    favourable="higher",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="m"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    task=Task.REGRESSION,
    prediction="predicted",
    score=Score(0, 100),
    replicates=200,
)
GROUPS = ("f", "m")


def people(n: int = 400, seed: int = 1, *, gap: float = 3.0, shift: float = 0.0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    sex = np.array([*"ffmm", *generator.choice(["f", "m"], n - 4)])
    wage = generator.normal(50, 10, n).clip(0, 100)
    predicted = (wage + generator.normal(0, 5, n) - gap * (sex == "f")).clip(0, 100)
    race = generator.choice(["a", "b", "c"], n, p=[0.6, 0.35, 0.05])
    return pd.DataFrame({"sex": sex, "race": race, "wage": wage + shift, "predicted": predicted + shift})


def quantities(data: pd.DataFrame, plan: AuditPlan = PLAN, **given: Any) -> tuple[Quantity, ...]:
    return measure_regression(plan, data, data_digest="sha256:data", **given).quantities


def one(found: Sequence[Quantity], metric: str, *group: str, against: Sequence[str] = ()) -> Quantity:
    matches = [q for q in found if (q.metric, q.group, q.against) == (metric, group, tuple(against))]
    assert len(matches) == 1
    return matches[0]


def ends(item: Quantity) -> tuple[float, float]:
    assert item.interval is not None and item.interval.upper is not None
    return item.interval.lower, item.interval.upper


def sides(data: pd.DataFrame, column: str) -> tuple[Array, Array]:
    return tuple(data.loc[data["sex"] == level, column].to_numpy() for level in GROUPS)  # type: ignore[return-value]


def with_errors(data: pd.DataFrame) -> pd.DataFrame:
    residual = data["predicted"] - data["wage"]
    return data.assign(residual=residual, absolute=residual.abs(), square=residual**2)


MEANS = {
    "mean_prediction": "predicted",
    "mean_outcome": "wage",
    "mean_absolute_error": "absolute",
    "mean_residual": "residual",
}
TABLES = st.builds(
    people, st.integers(8, 150), st.integers(0, 10_000), gap=st.sampled_from([0.0, 2.0, 30.0]), shift=st.just(0.0)
)


# --- against libraries ------------------------------------------------------------------------------------------------


@given(TABLES)
@settings(deadline=None, max_examples=25)
def test_means_and_their_differences_are_those_of_the_raw_rows(data: pd.DataFrame) -> None:
    found, raw = quantities(data), with_errors(data)
    for metric, column in MEANS.items():
        for level, values in zip(GROUPS, sides(raw, column), strict=True):
            item = one(found, metric, level)
            assert item.value == pytest.approx(values.mean(), abs=1e-9)
            assert item.n == len(values)
        f, m = sides(raw, column)
        name = f"{metric}_difference"
        pairs = [q for q in found if q.metric == name]
        assert [(q.group, q.against) for q in pairs] == [(("f",), ("m",))]
        assert pairs[0].value == pytest.approx(f.mean() - m.mean(), abs=1e-9)
        welch = ttest_ind(f, m, equal_var=False)
        assert pairs[0].p == pytest.approx(welch.pvalue, rel=1e-6, abs=1e-12)
        assert ends(pairs[0]) == pytest.approx(tuple(welch.confidence_interval(0.95)), abs=1e-7)


@given(TABLES)
@settings(deadline=None, max_examples=25)
def test_errors_and_standardised_differences_are_those_of_the_raw_rows(data: pd.DataFrame) -> None:
    found, raw = quantities(data), with_errors(data)
    for level, squares in zip(GROUPS, sides(raw, "square"), strict=True):
        assert one(found, "root_mean_squared_error", level).value == pytest.approx(np.sqrt(squares.mean()), abs=1e-9)
    for metric, column in (
        ("standardized_mean_difference", "predicted"),
        ("residual_standardized_mean_difference", "residual"),
    ):
        f, m = sides(raw, column)
        item = one(found, metric, "f", against=("m",))
        assert item.value == pytest.approx((f.mean() - m.mean()) / raw[column].std(ddof=0), rel=1e-8, abs=1e-9)
        assert item.at is not None
        assert float(item.at.rsplit(" ", 1)[1]) == pytest.approx(raw[column].std(ddof=0), rel=1e-5)


@given(TABLES)
@settings(deadline=None, max_examples=25)
def test_distances_are_those_of_scipy_within_their_certified_error(data: pd.DataFrame) -> None:
    found = quantities(data)
    f, m = sides(data, "predicted")
    for metric, truth in (
        ("kolmogorov_smirnov", ks_2samp(f, m).statistic),
        ("wasserstein_distance", wasserstein_distance(f, m)),
    ):
        item = one(found, metric, "f", against=("m",))
        assert item.value is not None
        assert item.value - 1e-9 <= truth <= item.value + item.error + 1e-9


def test_an_offset_of_a_thousand_million_costs_no_digits() -> None:
    data = people(2_000, shift=1e9)
    plan = replace(PLAN, score=Score(1e9 - 1_000, 1e9 + 1_000))
    found, raw = quantities(data, plan), with_errors(data)
    f, m = sides(raw, "predicted")
    welch = ttest_ind(f - 1e9, m - 1e9, equal_var=False)
    item = one(found, "mean_prediction_difference", "f", against=("m",))
    assert ends(item) == pytest.approx(tuple(welch.confidence_interval(0.95)), abs=1e-6)
    assert item.p == pytest.approx(welch.pvalue, rel=1e-6)
    deviation = (data["predicted"] - 1e9).std(ddof=0)
    smd = one(found, "standardized_mean_difference", "f", against=("m",))
    assert smd.value == pytest.approx((f.mean() - m.mean()) / deviation, rel=1e-6)
    rmse = np.sqrt(((data["predicted"] - data["wage"]) ** 2).mean())
    assert one(found, "root_mean_squared_error").value == pytest.approx(rmse, rel=1e-9)


def test_intervals_of_one_group_are_those_of_student_and_of_the_delta_method() -> None:
    data = with_errors(people())
    found = quantities(data)
    for level, values, squares in zip(GROUPS, sides(data, "residual"), sides(data, "square"), strict=True):
        expected = t.interval(0.95, len(values) - 1, values.mean(), values.std(ddof=1) / np.sqrt(len(values)))
        assert ends(one(found, "mean_residual", level)) == pytest.approx(expected, rel=1e-8)
        root = np.sqrt(squares.mean())
        spread = squares.std(ddof=1) / np.sqrt(len(squares)) / (2 * root)
        expected = t.interval(0.95, len(values) - 1, root, spread)
        assert ends(one(found, "root_mean_squared_error", level)) == pytest.approx(expected, rel=1e-8)


# --- weights, probabilities, levels -----------------------------------------------------------------------------------


@given(TABLES, st.integers(1, 4))
@settings(deadline=None, max_examples=15)
def test_weights_give_the_weighted_means_and_equal_weights_change_nothing(data: pd.DataFrame, weight: int) -> None:
    plan = replace(PLAN, weight="w")
    equal, plain = quantities(data.assign(w=weight / 2), plan), quantities(data)
    assert len(equal) == len(plain)
    for item, other in zip(equal, plain, strict=True):
        assert item.value == pytest.approx(other.value, rel=1e-9, abs=1e-9)
        if item.interval and other.interval and "bootstrap" not in item.interval.method:
            assert ends(item) == pytest.approx(ends(other), rel=1e-7, abs=1e-9)
    w = np.random.default_rng(weight).uniform(0.2, 4, len(data))
    raw = with_errors(data).assign(w=w)
    found = quantities(raw, plan)
    for metric, column in MEANS.items():
        for level in GROUPS:
            own = raw[raw["sex"] == level]
            item = one(found, metric, level)
            middle = np.average(own[column], weights=own["w"])
            assert item.value == pytest.approx(middle, abs=1e-9)
            rows = own["w"].sum() ** 2 / (own["w"] ** 2).sum()
            assert item.effective_n == pytest.approx(rows, rel=1e-9)
            spread = np.sqrt((own["w"] ** 2 * (own[column] - middle) ** 2).sum() * rows / (rows - 1)) / own["w"].sum()
            low, high = t.interval(0.95, rows - 1, middle, spread)
            assert ends(item) == pytest.approx((max(low, *bottom(metric)), min(high, *top(metric))), rel=1e-6, abs=1e-6)


def bottom(metric: str) -> tuple[float]:
    return (-np.inf,) if metric == "mean_residual" else (0.0,)


def top(metric: str) -> tuple[float]:
    return (np.inf,) if metric in ("mean_residual", "mean_absolute_error") else (100.0,)


def test_groups_known_by_probabilities_have_means_and_no_test() -> None:
    data = people().assign(p_f=lambda d: np.where(d["sex"] == "f", 0.9, 0.2)).assign(p_m=lambda d: 1 - d["p_f"])
    sex = SensitiveFeature("sex", "", probabilities=(("f", "p_f"), ("m", "p_m")))
    found = quantities(data, replace(PLAN, sensitive_features=(sex,)))
    f = one(found, "mean_prediction", "f")
    assert f.value == pytest.approx(np.average(data["predicted"], weights=data["p_f"]), rel=1e-10)
    assert f.n == round(data["p_f"].sum())
    pair = next(q for q in found if q.metric == "mean_prediction_difference")
    assert (pair.interval, pair.p) == (None, None)
    assert pair.reason is not None and "several groups by probability" in pair.reason


def test_unknown_and_small_groups_are_shown_and_not_compared() -> None:
    data = people(400).assign(race=lambda d: np.where(np.arange(len(d)) < 10, None, d["race"]))
    plan = replace(PLAN, sensitive_features=(SensitiveFeature("race", "race"),), bounds=(RESIDUAL,))
    measured = measure_regression(plan, data, data_digest="sha256:data")
    assert measured.unknown == {"race": 10}
    unknown = one(measured.quantities, "mean_residual", UNKNOWN)
    assert (unknown.counted, unknown.reason, unknown.n) == (False, "the sensitive value is unknown", 10)
    assert not any(UNKNOWN in (*q.group, *q.against) for q in measured.quantities if q.against)
    small = next(d for d in measured.disparities if "c" in (*d.group, *d.reference))
    assert small.verdict is Verdict.INSUFFICIENT
    assert "rows, the plan asks for 30" in small.reason


# --- bounds -----------------------------------------------------------------------------------------------------------

RESIDUAL = Bound("mean_residual", DIFFERENCE, 1.5)


def verdicts(data: pd.DataFrame, *bounds: Bound, **changes: Any) -> tuple[Disparity, ...]:
    plan = replace(PLAN, bounds=bounds, **changes)
    return measure_regression(plan, data, data_digest="sha256:data").disparities


def test_a_bound_is_judged_and_its_reason_names_the_numbers() -> None:
    (found,) = verdicts(people(600), RESIDUAL)
    assert found.verdict is Verdict.ADVERSE
    assert re.match(r"mean_residual difference -\d\.\d+ \(.* to .*\), sex=f against sex=m; bound 1.5", found.reason)
    assert (found.name, found.group, found.reference) == ("mean_residual_difference", ("f",), ("m",))
    (none,) = verdicts(people(600, gap=0.0), RESIDUAL)
    assert none.verdict is Verdict.NO_INDICATION
    assert none.detectable is not None and "would have been seen with 80% power" in none.reason


def test_every_metric_can_be_bounded_and_the_family_counts_them_together() -> None:
    bounds = [Bound(metric, DIFFERENCE, 0.1) for metric in REGRESSION_METRICS]
    found = verdicts(people(600), *bounds)
    assert [item.metric for item in found] == list(REGRESSION_METRICS)
    assert all(item.adjusted_p is not None and item.p is not None for item in found)
    assert all(item.adjusted_p >= item.p for item in found)  # type: ignore[operator]
    alone = verdicts(people(600), *bounds, family=Family.NONE)
    assert all(item.adjusted_p is None for item in alone)


def test_false_alarms_are_as_rare_as_the_plan_says() -> None:
    bounds = (Bound("mean_residual", DIFFERENCE, 0), Bound("mean_absolute_error", DIFFERENCE, 0))
    adverse = [
        any(item.verdict is Verdict.ADVERSE for item in verdicts(people(120, seed, gap=0.0), *bounds, replicates=100))
        for seed in range(80)
    ]
    assert sum(adverse) <= 11  # 4 are expected; at 5 % more than 11 have a chance below 0.1 %


def test_without_an_outcome_only_predictions_are_measured() -> None:
    bounds = tuple(Bound(metric, DIFFERENCE, 0.1) for metric in ("mean_absolute_error", "mean_prediction"))
    found = verdicts(people().drop(columns="wage"), *bounds, label=None)
    assert [item.verdict is Verdict.NOT_ESTIMABLE for item in found] == [True, False]
    assert "names no label" in found[0].reason
    metrics = {q.metric for q in quantities(people(), replace(PLAN, label=None)) if q.value is not None}
    assert not any(metric.startswith(name) for metric in metrics for name in NEEDS_OUTCOME)


def test_one_group_alone_gives_no_verdict() -> None:
    (found,) = verdicts(people().assign(sex="m"), RESIDUAL)
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "only one group: there is nothing to compare it with" in found.reason


def test_a_ratio_of_numbers_is_not_made() -> None:
    (found,) = verdicts(people(), Bound("mean_prediction", Comparison.RATIO, 0.8))
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "compared by difference only" in found.reason


def test_a_bound_on_a_rate_is_never_met_by_silence() -> None:
    (found,) = verdicts(people(), Bound("selection_rate", Comparison.RATIO, 0.8))
    assert found.verdict is Verdict.NOT_ESTIMABLE
    assert "selection_rate is no measure of a regression" in found.reason


def test_a_constant_prediction_has_no_interval_and_no_distance_from_itself() -> None:
    data = people().assign(predicted=40.0)
    found = quantities(data, replace(PLAN, bounds=()))
    pair = one(found, "mean_prediction_difference", "f", against=("m",))
    assert (pair.value, pair.interval) == (0.0, None)
    smd = one(found, "standardized_mean_difference", "f", against=("m",))
    assert smd.value is None and smd.reason is not None and "all predictions are equal" in smd.reason
    (verdict,) = verdicts(data, Bound("standardized_mean_difference", DIFFERENCE, 0.1))
    assert verdict.verdict is Verdict.NOT_ESTIMABLE


# --- where predictions come from, what is refused ---------------------------------------------------------------------


def test_predictions_of_a_model_are_those_of_a_column() -> None:
    data = people()
    by_model = quantities(data.drop(columns="predicted"), replace(PLAN, prediction=None), predictions=data["predicted"])
    assert by_model == quantities(data)
    assert quantities(data, replace(PLAN, prediction=None, score=Score(0, 100, "predicted"))) == by_model


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wage": "high"}, r"column 'wage' is VARCHAR, but it is needed as the label of a regression, a number"),
        ({"predicted": "high"}, r"column 'predicted' is VARCHAR, but it is needed as the score, a number"),
        ({"wage": np.nan}, r"the label 'wage' is missing, not finite or outside the declared range 0 to 100 in 400"),
        ({"wage": np.inf}, r"the label 'wage' is missing, not finite or outside the declared range 0 to 100 in 400"),
        ({"wage": 101.0}, r"the label 'wage' .* outside the declared range 0 to 100 in 400 rows"),
        ({"wage": -1e300}, r"the label 'wage' .* outside the declared range 0 to 100 in 400 rows"),
        ({"predicted": np.nan}, r"the score 'predicted' is missing, not finite or outside the declared range"),
        ({"predicted": -np.inf}, r"the score 'predicted' is missing, not finite or outside the declared range"),
        ({"predicted": 1e300}, r"the score 'predicted' .* outside the declared range 0 to 100 in 400 rows"),
        ({"sex": None}, r"Sensitive feature 'sex' .* has no value in any row"),
    ],
)
def test_bad_numbers_are_refused_with_one_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(MeasurementError, match=said):
        quantities(people().assign(**change))


def test_one_bad_outcome_among_many_is_counted() -> None:
    data = people().assign(wage=lambda d: np.where(np.arange(len(d)) == 7, np.nan, d["wage"]))
    with pytest.raises(MeasurementError, match=r"the label 'wage' .* in 1 rows"):
        quantities(data)


def test_a_plan_without_a_range_or_a_prediction_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="declares no range of the predicted numbers"):
        quantities(people(), replace(PLAN, score=None))
    with pytest.raises(ConfigurationError, match="Nothing predicts"):
        quantities(people(), replace(PLAN, prediction=None))
    with pytest.raises(MeasurementError, match="no rows"):
        quantities(people().iloc[:0])
