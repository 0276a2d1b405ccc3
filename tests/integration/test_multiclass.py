"""Several classes: every class against the rest and the accuracy over all, against scikit-learn on the raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, multilabel_confusion_matrix

from audits.cells import class_cells, read_cells
from audits.disaggregate import disaggregate
from audits.disparity import disparities
from audits.family import concluded
from audits.multiclass import class_compared, class_disparities, class_quantities
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature, Task
from audits.result import UNKNOWN, Cells, Quantity, Verdict
from governance.errors import MeasurementError

CLASSES = ("credit", "offer", "refused")
PLAN = AuditPlan(
    model="credit",
    label="was",
    favourable="credit",
    prediction="said",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="m"), SensitiveFeature("race", "race")),
    intersections=(("sex", "race"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    task=Task.MULTICLASS,
)
ACCURATE = Bound("multiclass_accuracy", Comparison.DIFFERENCE, 0.1)


def people(n: int = 600, seed: int = 1, *, harm: float = 0.3) -> pd.DataFrame:
    """Of women the share `harm` of the predictions is drawn anew."""
    generator = np.random.default_rng(seed)
    sex, race = generator.choice(["f", "m"], n), generator.choice(["a", "b", None], n, p=[0.6, 0.35, 0.05])
    was = generator.choice(CLASSES, n, p=[0.5, 0.2, 0.3])
    wrong = generator.random(n) < np.where(sex == "f", harm, 0.1)
    said = np.where(wrong, generator.choice(CLASSES, n), was)
    data = pd.DataFrame({"sex": sex, "race": race, "was": was, "said": said, "w": generator.uniform(0.2, 4, n)})
    data.loc[: len(CLASSES) - 1, "was"] = CLASSES
    data.loc[: len(CLASSES) - 1, ["sex", "race"]] = ["f", "a"]
    return data


def classes(data: pd.DataFrame, plan: AuditPlan = PLAN) -> Mapping[str, Cells]:
    return class_cells(data, plan)


def rates(own: pd.DataFrame, name: str, weights: Any) -> dict[str, float]:
    """The metrics of one class by scikit-learn's confusion matrix of this class; NaN without a denominator."""
    (matrix,) = multilabel_confusion_matrix(own["was"], own["said"], labels=[name], sample_weight=weights)
    (tn, fp), (fn, tp) = matrix
    with np.errstate(invalid="ignore"):
        return {
            "selection_rate": (tp + fp) / matrix.sum(),
            "base_rate": (tp + fn) / matrix.sum(),
            "true_positive_rate": tp / (tp + fn),
            "false_positive_rate": fp / (fp + tn),
            "false_negative_rate": fn / (tp + fn),
            "true_negative_rate": tn / (fp + tn),
            "positive_predictive_value": tp / (tp + fp),
            "negative_predictive_value": tn / (tn + fn),
            "accuracy": (tp + tn) / matrix.sum(),
        }


def of_group(data: pd.DataFrame, item: Quantity) -> pd.DataFrame:
    own = data
    for feature, level in zip(item.features, item.group, strict=True):
        own = own[own[feature].isna() if level == UNKNOWN else own[feature] == level]
    return own


@given(st.integers(5, 150), st.integers(0, 10_000), st.booleans())
@settings(deadline=None, max_examples=20)
def test_every_class_against_the_rest_is_that_of_scikit_learn(n: int, seed: int, weighted: bool) -> None:
    data = people(n, seed)
    # In few rows the reference may be missing.
    features = (replace(PLAN.sensitive_features[0], reference=None), PLAN.sensitive_features[1])
    plan = replace(PLAN, sensitive_features=features, weight="w" if weighted else None)
    found = class_quantities(classes(data, plan), plan)
    seen = set()
    for item in found:
        own = of_group(data, item)
        assert item.n <= len(own)
        weights = own["w"] if weighted else None
        if item.metric == "multiclass_accuracy":
            truth = accuracy_score(own["was"], own["said"], sample_weight=weights) if len(own) else np.nan
        else:
            name = (item.at or "").removeprefix("class = ")
            seen.add((name, item.metric, item.features))
            truth = rates(own, name, weights)[item.metric] if len(own) else np.nan
        assert (item.value is None) == bool(np.isnan(truth))
        if item.value is not None:
            assert item.value == pytest.approx(truth, abs=1e-12)
            assert item.interval is not None and item.interval.upper is not None
            assert item.interval.lower <= item.value + 1e-12 and item.value <= item.interval.upper + 1e-12
    assert len(seen) == 3 * (9 + 9 + 4)


def test_shares_of_the_classes_add_up_to_one() -> None:
    found = class_quantities(classes(people()), PLAN)
    for metric in ("selection_rate", "base_rate"):
        shares: dict[tuple[Any, ...], float] = {}
        for item in found:
            if item.metric == metric:
                place = (item.features, item.group)
                shares[place] = shares.get(place, 0.0) + (item.value or 0.0)
        assert list(shares.values()) == pytest.approx([1.0] * len(shares))
        assert len(shares) == 2 + 3 + 6


def test_the_other_classes_are_compared_without_bounds_and_named() -> None:
    data = people()
    plan = replace(PLAN, bounds=(Bound("selection_rate", Comparison.RATIO, 0.99),))
    found = class_disparities(classes(data, plan), plan)
    assert {item.at for item in found} == {"class = offer", "class = refused"}
    assert all(item.bound is None and item.adjusted_p is None and item.group for item in found)
    assert not any(item.verdict is Verdict.ADVERSE for item in found)
    assert not any(UNKNOWN in (*item.group, *item.reference) for item in found)
    # A class by itself is a binary audit of this class.
    as_binary = data.assign(was=data["was"] == "refused", said=data["said"] == "refused")
    binary = replace(plan, task=Task.BINARY, favourable="true", bounds=())
    pairs = [item for item in disparities(disaggregate(read_cells(as_binary, binary), binary), binary) if item.group]
    mine = [replace(item, at=None) for item in found if item.at == "class = refused"]
    numbers = {(d.name, d.features, d.group, d.reference): (d.value, d.interval, d.p) for d in pairs}
    assert {(d.name, d.features, d.group, d.reference): (d.value, d.interval, d.p) for d in mine} == numbers
    assert "sex=f against sex=m, class = offer" in found[0].reason


def test_a_bound_on_the_accuracy_over_all_classes_is_judged() -> None:
    plan = replace(PLAN, bounds=(ACCURATE,), intersections=())
    found = concluded(class_compared(classes(people(3_000, harm=0.6), plan), plan), plan)
    assert [(item.features, item.group, item.verdict) for item in found] == [
        (("sex",), ("f",), Verdict.ADVERSE),
        (("race",), ("a",), Verdict.NO_INDICATION),
    ]
    assert found[0].name == "multiclass_accuracy_difference"
    data = people(3_000, harm=0.6)
    right = (data["was"] == data["said"]).groupby(data["sex"]).mean()
    assert found[0].value == pytest.approx(right["f"] - right["m"])


def test_the_accuracy_bound_is_left_to_this_module() -> None:
    plan = replace(PLAN, bounds=(ACCURATE,))
    assert all(item.bound is None for item in disparities(disaggregate(read_cells(people(), plan), plan), plan))


def test_without_a_label_only_shares_of_predictions_are_known() -> None:
    plan = replace(PLAN, label=None, bounds=(ACCURATE,))
    found = class_quantities(classes(people(), plan), plan)
    known = {item.metric for item in found if item.value is not None}
    assert known == {"selection_rate"}
    assert all(item.reason for item in found if item.value is None)
    (*_, last) = concluded(class_compared(classes(people(), plan), plan), plan)
    assert last.verdict is Verdict.NOT_ESTIMABLE
    assert "names no label" in last.reason


def test_more_than_fifty_classes_are_refused() -> None:
    data = people().assign(was=lambda d: np.arange(len(d)) % 51, said="1")
    with pytest.raises(MeasurementError, match=r"has 51 values .*; an audit of classes takes 2 to 50"):
        classes(data, replace(PLAN, favourable="1"))
