"""What is published of numbers, orders and classes: small groups are masked, and counts that nobody checked are too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from audits.cells import class_cells
from audits.measured import Measured
from audits.multiclass import class_disparities, class_quantities
from audits.plan import AuditPlan, Bound, Comparison, Ranking, Score, SensitiveFeature, Task
from audits.ranking import measure_ranking
from audits.regression import measure_regression
from audits.result import AuditResult
from audits.suppression import published

PLAN = AuditPlan(
    model="hiring",
    label="y",
    favourable="a",
    sensitive_features=(SensitiveFeature("race", "race", reference="a"),),
    bounds=(Bound("mean_residual", Comparison.DIFFERENCE, 1),),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    task=Task.REGRESSION,
    prediction="p",
    score=Score(0, 100),
    replicates=100,
)
ORDER = replace(
    PLAN,
    task=Task.RANKING,
    label=None,
    prediction=None,
    score=Score(0, 100, "p"),
    ranking=Ranking(None, ("v",), (2,)),
    bounds=(Bound("top_k", Comparison.RATIO, 0.8), Bound("exposure", Comparison.RATIO, 0.8)),
)


def people(small: int) -> pd.DataFrame:
    generator = np.random.default_rng(2)
    n = 400
    race = np.where(np.arange(n) < small, "c", generator.choice(["a", "b"], n))
    numbers = generator.uniform(0, 100, (2, n))
    return pd.DataFrame({"race": race, "y": numbers[0], "p": numbers[1], "v": np.arange(n) % 40})


def result(measured: Measured) -> AuditResult:
    return AuditResult(
        plan_digest="sha256:plan",
        data_digest="sha256:data",
        model_digest=None,
        row_count=measured.row_count,
        features=measured.features,
        unknown=measured.unknown,
        estimates=measured.estimates,
        disparities=measured.disparities,
        environment={},
        confidence=0.95,
        min_group_size=30,
        min_events=5,
        quantities=measured.quantities,
        suppress_below=11,
    )


@pytest.mark.parametrize(("measure", "plan"), [(measure_regression, PLAN), (measure_ranking, ORDER)])
def test_a_small_group_is_masked_and_one_that_would_give_it_away(
    measure: Callable[..., Measured], plan: AuditPlan
) -> None:
    shown = published(result(measure(plan, people(5), data_digest="sha256:data")))
    masked = {item.group for item in shown.quantities if item.suppressed and item.group and item.at is None}
    assert ("c",) in masked and len(masked) > 1
    assert not any(0 < item.n < 11 for item in shown.quantities)
    assert all(item.suppressed for item in shown.disparities if "c" in item.group)
    large = published(result(measure(plan, people(40), data_digest="sha256:data")))
    assert not any(item.suppressed for item in large.quantities if item.at is None)


def test_counts_by_place_are_not_published_where_small_counts_are_masked() -> None:
    shown = published(result(measure_ranking(ORDER, people(40), data_digest="sha256:data")))
    by_place = [item for item in shown.quantities if (item.at or "").startswith("k = ")]
    assert by_place and all(item.suppressed for item in by_place)
    bounded = {item.metric: item.suppressed for item in shown.disparities}
    assert bounded == {"top_k": True, "exposure": False}


def test_counts_by_class_are_not_published_where_small_counts_are_masked() -> None:
    data = people(40).assign(y=lambda d: np.where(d["y"] < 50, "a", "b"), p=lambda d: np.where(d["p"] < 50, "a", "b"))
    plan = replace(PLAN, task=Task.MULTICLASS, score=None, bounds=())
    classes = class_cells(data, plan)
    measured = Measured(
        row_count=400,
        engine="duckdb",
        features=("race",),
        unknown={"race": 0},
        disparities=class_disparities(classes, plan),
        quantities=class_quantities(classes, plan),
    )
    shown = published(result(measured))
    assert shown.disparities and all(item.suppressed for item in shown.disparities)
    assert all(item.suppressed for item in shown.quantities if item.at)
    assert not any(item.suppressed for item in shown.quantities if not item.at)
