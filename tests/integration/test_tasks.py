"""Every task from a plan file to the record: what is bounded is judged, and what is not measured is never passed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from audits.measured import Measured
from audits.plan import Bound, Comparison
from audits.plan_file import read_plan
from audits.record import from_json, to_json
from audits.result import AuditResult, Cells, Disparity, Verdict
from audits.run import audit, audit_cells
from governance.errors import MeasurementError

PLAN = """
[model]
name = "m"

[data]
{data}

[[sensitive_features]]
name = "sex"
reference = "m"

[audit]
decided_at = 2026-01-05

[[bounds]]
metric = "{metric}"
comparison = "{comparison}"
bound = {bound}
"""
ROWS = 3_000


def people() -> pd.DataFrame:
    """Women's numbers are 10 lower, their ranks worse, and their classes more often wrong."""
    generator = np.random.default_rng(5)
    sex = generator.choice(["f", "m"], ROWS)
    pay = generator.uniform(20, 60, ROWS)
    was = generator.choice(["a", "b", "c"], ROWS)
    wrong = generator.random(ROWS) < np.where(sex == "f", 0.5, 0.1)
    merit = generator.normal(0, 1, ROWS) - 2.0 * (sex == "f")
    query = np.arange(ROWS) // 50
    rank = pd.Series(-merit).groupby(query).rank(method="first").astype(int)
    return pd.DataFrame(
        {
            "sex": sex,
            "pay": pay,
            "offer": pay - 10.0 * (sex == "f") + generator.normal(0, 3, ROWS),
            "was": was,
            "said": np.where(wrong, "c", was),
            "rank": rank,
            "job": query,
        }
    )


def measured(data: str, metric: str, comparison: str, bound: float) -> AuditResult:
    text = PLAN.format(data=data, metric=metric, comparison=comparison, bound=bound)
    result = audit(read_plan(text.encode()), people())
    assert from_json(to_json(result)) == result
    return result


def judged(result: AuditResult) -> list[Disparity]:
    return [item for item in result.disparities if item.bound is not None]


REGRESSION = 'task = "regression"\nlabel = "pay"\nprediction = "offer"\nscore_range = [-50, 150]'
CLASSES = 'task = "multiclass"\nlabel = "was"\nprediction = "said"\nfavourable = "a"'
RANKING = 'task = "ranking"\nrank = "rank"\nquery = ["job"]\ntop = [5]'


@pytest.mark.parametrize(
    ("data", "metric", "comparison", "crossed", "kept"),
    [
        (REGRESSION, "mean_residual", "difference", 5.0, 15.0),
        (REGRESSION, "standardized_mean_difference", "difference", 0.2, 2.0),
        (CLASSES, "multiclass_accuracy", "difference", 0.1, 0.9),
        (CLASSES, "true_positive_rate", "difference", 0.1, 0.9),
        (RANKING, "exposure", "ratio", 0.9, 0.1),
        (RANKING, "top_k", "ratio", 0.8, 0.001),
    ],
)
def test_a_bound_of_every_task_is_judged(data: str, metric: str, comparison: str, crossed: float, kept: float) -> None:
    adverse = judged(measured(data, metric, comparison, crossed))
    assert [item.verdict for item in adverse] == [Verdict.ADVERSE], adverse
    watched = judged(measured(data, metric, comparison, kept))
    assert [item.verdict for item in watched] == [Verdict.WATCH], watched
    assert {item.features for item in adverse} == {("sex",)}


def test_several_classes_are_shown_each_and_only_the_favourable_one_is_bounded() -> None:
    result = measured(CLASSES, "selection_rate", "ratio", 0.8)
    assert {item.at for item in result.disparities} == {None, "class = b", "class = c"}
    assert all(item.bound is None for item in result.disparities if item.at)
    shown = {item.at for item in result.quantities if item.metric == "selection_rate"}
    assert shown == {"class = a", "class = b", "class = c"}


def test_a_bound_that_a_task_does_not_measure_is_not_met() -> None:
    text = PLAN.format(data=REGRESSION, metric="mean_residual", comparison="difference", bound=5.0)
    plan = read_plan(text.encode())
    rates = replace(plan, bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),))
    assert {item.verdict for item in judged(audit(rates, people()))} == {Verdict.NOT_ESTIMABLE}


def test_a_bound_of_which_nothing_was_said_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Measured(row_count=2, engine="none", features=("sex",), unknown={}, disparities=())
    monkeypatch.setattr("audits.run.measure_cells", lambda *_: silent)
    plan = read_plan(PLAN.format(data=CLASSES, metric="accuracy", comparison="difference", bound=0.1).encode())
    with pytest.raises(MeasurementError, match="Nothing was concluded of the bound on accuracy difference for sex"):
        audit_cells(plan, Cells(("sex",), (), 2, "sha256:data", "none"))
