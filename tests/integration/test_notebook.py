"""`audit(...)` in a notebook: a plan and a data frame with predictions, no registry, no ledger, no file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import Verdict
from audits.run import audit
from governance.errors import MeasurementError

PLAN = AuditPlan(
    model="notebook",
    label="hired",
    favourable="yes",
    prediction="predicted",
    sensitive_features=(SensitiveFeature("sex", "sex", reference="male"),),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8),),
    decided_at=date(2026, 11, 1),
    digest="sha256:" + "0" * 64,
)


@pytest.fixture
def frame() -> pd.DataFrame:
    """400 women and 400 men, half of each hired; 120 women and 240 men are predicted to be."""
    selected = {"female": 120, "male": 240}
    rows = [
        {"sex": sex, "hired": "yes" if n % 2 else "no", "predicted": "yes" if n < selected[sex] else "no"}
        for sex in selected
        for n in range(400)
    ]
    return pd.DataFrame(rows)


def test_a_data_frame_with_predictions_is_audited(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = frame.copy()
    result = audit(PLAN, frame)
    (adverse,) = result.with_verdict(Verdict.ADVERSE)
    assert adverse.value == pytest.approx(0.5, abs=1e-12)
    assert adverse.where() == "sex=female against sex=male"
    assert adverse.interval is not None
    assert adverse.interval.lower < 0.5 < (adverse.interval.upper or 0) < 0.8
    assert result.row_count == 800
    assert list(tmp_path.iterdir()) == []
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("kind", ["array", "series", "list"])
def test_predictions_may_stand_beside_the_frame(frame: pd.DataFrame, kind: str) -> None:
    beside = {"array": lambda x: x.to_numpy(), "series": lambda x: x, "list": list}[kind](frame["predicted"])
    without = replace(PLAN, prediction=None)
    result = audit(without, frame.drop(columns="predicted"), predictions=beside)
    assert result.disparities == audit(PLAN, frame).disparities


@pytest.mark.parametrize(
    "how", [{"sex": "category", "hired": "category"}, {"sex": "string"}, {"sex": object, "predicted": object}]
)
def test_the_column_types_of_pandas_do_not_matter(frame: pd.DataFrame, how: dict[str, object]) -> None:
    assert audit(PLAN, frame.astype(how)).disparities == audit(PLAN, frame).disparities


def test_numbers_and_truth_values_are_the_words_of_the_plan(frame: pd.DataFrame) -> None:
    ones = frame.assign(
        hired=frame["hired"].eq("yes").astype(int), predicted=frame["predicted"].eq("yes").astype(float)
    )
    assert audit(replace(PLAN, favourable="1"), ones).disparities == audit(PLAN, frame).disparities
    truths = frame.assign(hired=frame["hired"].eq("yes"), predicted=frame["predicted"].eq("yes"))
    assert audit(replace(PLAN, favourable="true"), truths).disparities == audit(PLAN, frame).disparities


def test_a_shuffled_frame_gives_the_same_numbers_under_another_digest(frame: pd.DataFrame) -> None:
    shuffled = frame.sample(frac=1, random_state=0)
    one, other = audit(PLAN, frame), audit(PLAN, shuffled)
    assert one.disparities == other.disparities
    assert one.data_digest != other.data_digest
    assert one == audit(PLAN, frame.copy())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda frame: frame.drop(columns="sex"), r"sex"),
        (lambda frame: frame.head(0), r"no rows|empty"),
        (lambda frame: frame.assign(predicted=None), r"missing|no value"),
        (lambda frame: frame.assign(predicted=[n / 800 for n in range(800)]), r"none of the label"),
        (lambda frame: frame.assign(hired=["yes", "no", "maybe", "no"] * 200), r"3 values .* needs exactly two"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_sentence(
    frame: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    with pytest.raises(MeasurementError, match=says):
        audit(PLAN, change(frame))
