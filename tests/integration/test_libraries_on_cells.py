"""Metrics on the cells equal Fairlearn and AIF360 on the raw rows to 1e-12: random tables, weights included.

The cells come from the scan, the libraries get one row for each person and their own functions, so that nothing of
ours stands on both sides. Where a group has no denominator the libraries have no right number; there ours is None.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits.cells import read_cells
from audits.composite import composites
from audits.crosscheck import quiet_import
from audits.disaggregate import disaggregate
from audits.disparity import disparities
from audits.metrics import METRICS
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import Cells, GroupEstimate

TOLERANCE = 1e-12
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="1",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("sex", "sex"), SensitiveFeature("race", "race")),
    bounds=tuple(Bound(metric, comparison, 0.5) for metric in METRICS for comparison in Comparison),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    intersections=(("sex", "race"),),
    min_group_size=1,
    min_events=1,
    weight="weight",
    replicates=100,
)
UNWEIGHTED = replace(PLAN, weight=None)

ROWS = st.lists(
    st.tuples(st.sampled_from("fm"), st.sampled_from("abc"), st.booleans(), st.booleans(), st.floats(0.001, 1000)),
    max_size=60,
)
PLANS = st.sampled_from([PLAN, UNWEIGHTED])
BOTH = [("f", "a", True, True, 1.0), ("m", "b", False, False, 0.5)]
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def table(rows: list[tuple[str, str, bool, bool, float]]) -> pd.DataFrame:
    data = pd.DataFrame(rows + BOTH, columns=["sex", "race", "hired", "predicted", "weight"])
    return data.astype({"hired": int, "predicted": int})


def fairlearn_functions() -> dict[str, Any]:
    import fairlearn.metrics as fairlearn
    from sklearn.metrics import accuracy_score, precision_score

    def precision(positive: int) -> Any:
        def share(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
            return precision_score(y_true, y_pred, sample_weight=sample_weight, pos_label=positive, zero_division=0.0)

        return share

    def base_rate(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        return np.average(y_true, weights=sample_weight)

    return {
        "selection_rate": fairlearn.selection_rate,
        "true_positive_rate": fairlearn.true_positive_rate,
        "false_positive_rate": fairlearn.false_positive_rate,
        "false_negative_rate": fairlearn.false_negative_rate,
        "true_negative_rate": fairlearn.true_negative_rate,
        "positive_predictive_value": precision(1),
        "negative_predictive_value": precision(0),
        "accuracy": accuracy_score,
        "base_rate": base_rate,
    }


def frame(data: pd.DataFrame, features: tuple[str, ...], weights: np.ndarray) -> pd.DataFrame:
    from fairlearn.metrics import MetricFrame

    functions = fairlearn_functions()
    assert functions.keys() == METRICS.keys()
    found: pd.DataFrame = MetricFrame(
        metrics=functions,
        y_true=data["hired"],
        y_pred=data["predicted"],
        sensitive_features=data[list(features)],
        sample_params={name: {"sample_weight": weights} for name in functions},
    ).by_group
    return found


@given(plan=PLANS, rows=ROWS)
@FEW
def test_every_rate_is_fairlearns_on_the_rows(plan: AuditPlan, rows: list[tuple[str, str, bool, bool, float]]) -> None:
    data = table(rows)
    weights = data["weight"].to_numpy() if plan.weight else np.ones(len(data))
    found = disaggregate(read_cells(data, plan, data_digest="d"), plan)
    for features in plan.comparisons():
        library = frame(data, features, weights)
        for item in (item for item in found if item.features == features):
            said = library.loc[item.group if len(features) > 1 else item.group[0], item.metric]
            if item.value is None:
                # Nothing of nothing: 0.0 in a group with rows, NaN without.
                assert item.n == 0 and (said == 0.0 or math.isnan(said))
            else:
                assert item.value == pytest.approx(said, abs=TOLERANCE, rel=0)


def aif360_on_rows(data: pd.DataFrame, features: tuple[str, ...], group: Any, reference: Any, weights: Any) -> Any:
    """AIF360's metric of two groups, on the rows of these two."""
    with quiet_import():
        from aif360.datasets import BinaryLabelDataset
        from aif360.metrics import ClassificationMetric

    levels = list(data[list(features)].itertuples(index=False, name=None))
    of_group, of_reference = (np.array([row == wanted for row in levels]) for wanted in (group, reference))
    two = of_group | of_reference
    columns = pd.DataFrame(
        {"reference": of_reference[two].astype(float), "weight": weights[two], "hired": 0.0, "predicted": 0.0}
    )
    columns["hired"] = data["hired"].to_numpy(dtype=float)[two]
    columns["predicted"] = data["predicted"].to_numpy(dtype=float)[two]

    def dataset(label: str) -> Any:
        return BinaryLabelDataset(
            df=columns[["reference", "weight", label]].rename(columns={label: "label"}),
            label_names=["label"],
            protected_attribute_names=["reference"],
            instance_weights_name="weight",
        )

    return ClassificationMetric(dataset("hired"), dataset("predicted"), [{"reference": 0.0}], [{"reference": 1.0}])


@given(plan=PLANS, rows=ROWS)
@FEW
def test_every_comparison_of_two_groups_is_aif360s_on_the_rows(
    plan: AuditPlan, rows: list[tuple[str, str, bool, bool, float]]
) -> None:
    data = table(rows)
    weights = data["weight"].to_numpy() if plan.weight else np.ones(len(data))
    cells = read_cells(data, plan, data_digest="d")
    found = [d for d in disparities(disaggregate(cells, plan), plan) if d.group and d.value is not None]
    odds = [q for q in composites(cells, plan) if q.metric.startswith("average") and q.value is not None]
    pairs = [(d.features, d.group, d.reference) for d in found] + [(q.features, q.group, q.against) for q in odds]
    library = {pair: aif360_on_rows(data, *pair, weights) for pair in set(pairs)}
    with np.errstate(divide="ignore", invalid="ignore"):
        for item in found:
            two = library[item.features, item.group, item.reference]
            compare = two.ratio if item.comparison is Comparison.RATIO else two.difference
            # A ratio may be 10^6 with these weights: relative to it.
            assert item.value == pytest.approx(compare(getattr(two, item.metric)), abs=TOLERANCE, rel=TOLERANCE)
        for mean in odds:
            two = library[mean.features, mean.group, mean.against]
            name = mean.metric.replace("absolute", "abs")
            assert mean.value == pytest.approx(getattr(two, name)(), abs=TOLERANCE, rel=0)


@given(rows=ROWS)
@FEW
def test_inequality_is_aif360s_on_the_rows_which_takes_no_weights(
    rows: list[tuple[str, str, bool, bool, float]],
) -> None:
    data = table(rows)
    cells = read_cells(data, UNWEIGHTED, data_digest="d")
    found = {(q.metric, q.features): q.value for q in composites(cells, UNWEIGHTED)}
    levels = {feature: sorted(set(data[feature])) for feature in ("sex", "race")}
    library = aif360_on_rows(data.assign(all="x"), ("all",), ("x",), ("none",), np.ones(len(data)))
    assert found["generalized_entropy_index", ()] == pytest.approx(library.generalized_entropy_index(2), abs=TOLERANCE)
    assert found["theil_index", ()] == pytest.approx(library.theil_index(), abs=TOLERANCE)
    benefits = 1 + data["predicted"] - data["hired"]
    for feature, names in levels.items():
        means = np.array([benefits[data[feature] == level].mean() for level in names])[
            data[feature].map(names.index).to_numpy()
        ]
        relative = means / means.mean()
        expected = {
            "generalized_entropy": np.mean(relative**2 - 1) / 2,
            "theil": np.mean(np.where(relative > 0, relative * np.log(np.maximum(relative, 1e-300)), 0.0)),
        }
        for name, value in expected.items():
            assert found[f"between_group_{name}_index", (feature,)] == pytest.approx(value, abs=TOLERANCE)


@given(rows=ROWS, times=st.integers(2, 9))
@FEW
def test_weights_that_are_counts_give_what_so_many_rows_give(
    rows: list[tuple[str, str, bool, bool, float]], times: int
) -> None:
    data = table(rows)
    data["weight"] = [1.0 + at % times for at in range(len(data))]
    repeated = data.loc[data.index.repeat(data["weight"].astype(int))]
    weighted, counted = estimates(data, PLAN), estimates(repeated, UNWEIGHTED)
    assert weighted.keys() == counted.keys()
    for key, item in weighted.items():
        if item.value is None:
            assert counted[key].value is None
        else:
            assert item.value == pytest.approx(counted[key].value, abs=TOLERANCE)
            assert item.weight == pytest.approx(counted[key].n)
            # Fewer people were asked than the weights say.
            assert item.effective_n is not None and item.effective_n <= item.n <= counted[key].n


def estimates(data: pd.DataFrame, plan: AuditPlan) -> dict[Any, GroupEstimate]:
    cells: Cells = read_cells(data, plan, data_digest="d")
    return {(item.metric, item.features, item.group): item for item in disaggregate(cells, plan)}
