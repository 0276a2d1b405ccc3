"""From a plan to the suite of its data: weights, scores, ranks, probabilities, controls, classes and a joined file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audits.plan import AuditPlan, JoinedFile, Quality, Ranking, Score, SensitiveFeature, Task
from expectations.result import DataValidation, Outcome
from expectations.run import validate
from flows.settings import Settings
from flows.sources import joined_plan, spec_of
from governance.errors import ConfigurationError, MeasurementError

ROWS = 240
PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="yes",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("sex", "sex"),),
    bounds=(),
    decided_at=date(2026, 1, 1),
    digest="sha256:plan",
    weight="w",
    score=Score(0, 1, "score", None),
    control_features=(SensitiveFeature("years", "years", cuts=(5,)),),
    quality=Quality(min_rows=100),
)
SHARES = SensitiveFeature("origin", "origin", probabilities=(("here", "p_here"), ("abroad", "p_abroad")))


def table() -> pd.DataFrame:
    number = np.arange(ROWS)
    return pd.DataFrame(
        {
            "id": number,
            "sex": np.where(number % 2 == 0, "female", "male"),
            "hired": np.where(number % 5 < 2, "yes", "no"),
            "predicted": np.where(number % 3 < 1, "yes", "no"),
            "w": 0.5 + number % 7,
            "score": number / ROWS,
            "years": (number % 11).astype(float),
            "p_here": 0.25,
            "p_abroad": 0.75,
            "place": number + 1,
            "wage": 1000.0 + number,
            "vacancy": "one",
        }
    )


def check(tmp_path: Path, plan: AuditPlan, change: Callable[[pd.DataFrame], object] | None = None) -> DataValidation:
    data = table()
    if change:
        change(data)
    data.to_parquet(tmp_path / "data.parquet")
    return validate(tmp_path / "data.parquet", spec_of(plan, ()), quarantine=tmp_path / "quarantine.csv")


def failed(result: DataValidation) -> set[tuple[str, str | None]]:
    assert result.errors == ()
    return {(item.expectation, item.column) for item in result.failed}


def at(column: str, value: object) -> Callable[[pd.DataFrame], object]:
    def change(data: pd.DataFrame) -> None:
        data.loc[3, column] = value

    return change


RANKED = replace(PLAN, task=Task.RANKING, ranking=Ranking("place", ("vacancy",)), score=None)
NUMBERS = replace(PLAN, task=Task.REGRESSION, label="wage", prediction="score", score=Score(0, 2000))
UNLABELLED = replace(PLAN, label=None)
CLASSES = replace(PLAN, task=Task.MULTICLASS, label="years", prediction="years", favourable="3", control_features=())


@pytest.mark.parametrize("plan", [PLAN, RANKED, NUMBERS, UNLABELLED, CLASSES], ids=lambda plan: str(plan.task))
def test_data_as_the_plan_wants_it_passes(tmp_path: Path, plan: AuditPlan) -> None:
    for checked in (plan, replace(plan, sensitive_features=(SHARES,), control_features=())):
        result = check(tmp_path, checked)
        assert (result.outcome, result.failed, result.errors) == (Outcome.PASS, (), ())


@pytest.mark.parametrize(
    ("plan", "column", "value", "name"),
    [
        (PLAN, "w", 0.0, "weights"),
        (PLAN, "w", -1.0, "weights"),
        (PLAN, "w", np.inf, "weights"),
        (PLAN, "w", None, "no nulls"),
        (PLAN, "score", 1.5, "range"),
        (PLAN, "score", None, "no nulls"),
        (RANKED, "place", 0, "range"),
        (RANKED, "vacancy", None, "no nulls"),
        (NUMBERS, "score", -7.0, "range"),
        (NUMBERS, "wage", 3000.0, "range"),
        (NUMBERS, "wage", None, "no nulls"),
        (UNLABELLED, "w", 0.0, "weights"),
        (replace(PLAN, sensitive_features=(SHARES,)), "p_here", 1.25, "range"),
    ],
)
def test_what_would_spoil_the_measurement_blocks(
    tmp_path: Path, plan: AuditPlan, column: str, value: object, name: str
) -> None:
    result = check(tmp_path, plan, at(column, value))
    assert failed(result) == {(name, column)}
    assert result.outcome is Outcome.BLOCK
    assert result.quarantined == 1


@pytest.mark.parametrize("column", ["w", "score", "years"])
def test_text_where_numbers_are_needed_blocks(tmp_path: Path, column: str) -> None:
    def change(data: pd.DataFrame) -> None:
        data[column] = "a lot"

    assert failed(check(tmp_path, PLAN, change)) == {("numbers", column)}


def test_a_stratum_may_be_unknown_with_a_sign_off_and_of_any_size(tmp_path: Path) -> None:
    result = check(tmp_path, PLAN, at("years", None))
    assert failed(result) == {("no nulls", "years")}
    assert result.outcome is Outcome.NEEDS_SIGN_OFF
    assert check(tmp_path, PLAN, lambda data: data.update({"years": [0.0] * ROWS})).outcome is Outcome.PASS


def test_classes_may_be_many_and_not_one(tmp_path: Path) -> None:
    assert failed(check(tmp_path, CLASSES, lambda data: data.update({"years": [3.0] * ROWS}))) == {
        ("label values", "years")
    }


def test_without_a_label_groups_need_rows_only(tmp_path: Path) -> None:
    small = replace(UNLABELLED, sensitive_features=(SensitiveFeature("sex", "sex", levels=("female", "male", "x")),))
    assert failed(check(tmp_path, small)) == {("enough rows per group", "sex")}


def test_what_the_joined_file_holds_is_not_asked_of_the_data(tmp_path: Path) -> None:
    plan = replace(PLAN, sensitive_data=JoinedFile("people.csv", ("id",)))
    spec = spec_of(plan, (), ("id", "hired", "predicted", "w", "score", "years"))
    assert ([group.name for group in spec.groups], [group.name for group in spec.controls]) == ([], ["years"])
    assert "sex" not in spec.columns
    table().drop(columns="sex").to_parquet(tmp_path / "data.parquet")
    assert validate(tmp_path / "data.parquet", spec).outcome is Outcome.PASS


def test_the_joined_file_is_looked_up_like_data(tmp_path: Path) -> None:
    settings = Settings(
        project=tmp_path,
        home=tmp_path / "home",
        registry_uri="",
        tracking_uri="",
        ledger_url="",
        accounts_url="",
        policy=None,
        environment="test",
        data_roots=(tmp_path / "data",),
    )
    plan = replace(PLAN, sensitive_data=JoinedFile("data/people.csv", ("id",)))
    with pytest.raises(MeasurementError, match=r"no data file data/people\.csv .*correct \[sensitive_data\] source"):
        joined_plan(settings, plan)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "people.csv").write_text("id,sex\n1,f\n")
    found = joined_plan(settings, plan).sensitive_data
    assert found == JoinedFile(str(tmp_path / "data" / "people.csv"), ("id",))
    assert joined_plan(settings, PLAN) is PLAN
    with pytest.raises(ConfigurationError, match="outside the data folders"):
        joined_plan(settings, replace(PLAN, sensitive_data=JoinedFile("../people.csv", ("id",))))
