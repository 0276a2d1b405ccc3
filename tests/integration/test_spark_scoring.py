"""A model that is trusted, scored by the workers of a real Spark: the same cells as from the isolated child."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from spark_local import PANDAS_WARNING, absent, spark

from audits.cells import read_cells
from audits.pinned import pinned
from audits.plan import AuditPlan, Score, SensitiveFeature
from audits.scoring import score
from audits.spark_scoring import score_on_spark
from audits.spark_source import SparkTable
from governance.errors import MeasurementError

__all__ = ["spark"]

pytestmark = [
    pytest.mark.skipif(absent() is not None, reason=absent() or ""),
    pytest.mark.filterwarnings(PANDAS_WARNING),
    pytest.mark.slow,
]

SEX = SensitiveFeature("sex", "sex")

MODEL = """
import sys
import mlflow, numpy as np, pandas as pd
from mlflow.models import ModelSignature, infer_signature
from sklearn.linear_model import LogisticRegression

X = pd.DataFrame({"experience": [0.0, 1.0, 0.0, 9.0], "points": [0.1, 0.9, 0.3, 0.7]})
for name, y in (("number", [0, 1, 0, 1]), ("text", ["no", "yes", "no", "yes"])):
    model = LogisticRegression().fit(X, y)
    mlflow.sklearn.save_model(model, f"{sys.argv[1]}/{name}", signature=infer_signature(X, model.predict(X)),
                              pip_requirements=[])

class Score(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["points"].to_numpy()

mlflow.pyfunc.save_model(f"{sys.argv[1]}/score", python_model=Score(), signature=infer_signature(X, np.ones(4)),
                         pip_requirements=[])
mlflow.sklearn.save_model(model, f"{sys.argv[1]}/silent", signature=ModelSignature(infer_signature(X).inputs),
                          pip_requirements=[])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random, rows = np.random.default_rng(7), 3_000
    frame = pd.DataFrame(
        {
            "sex": random.choice(["f", "m"], rows),
            "experience": random.integers(0, 10, rows),  # whole numbers, where the signature says double
            "points": random.random(rows),
            "known": random.integers(0, 2, rows),
            "hired": random.choice(["yes", "no"], rows),
        }
    )
    folder = tmp_path_factory.mktemp("rows") / "people.parquet"
    folder.mkdir()
    frame.iloc[:1_000].to_parquet(folder / "part-0.parquet")
    frame.iloc[1_000:].to_parquet(folder / "part-1.parquet")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, "-W", "ignore", "-c", MODEL, str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("number", {"label": "known", "favourable": "1"}),
        ("text", {}),
        ("score", {"score": Score(0.0, 1.0, None, 0.5), "label": None, "favourable": "true"}),
    ],
)
def test_a_trusted_model_is_scored_by_the_workers_like_in_the_child(
    spark: Any, data: Path, models: Path, model: str, changes: dict[str, Any]
) -> None:
    plan = replace(AuditPlan("hiring", "hired", "yes", (SEX,), (), date(2026, 1, 1), "sha256:0"), **changes)
    answers = score_on_spark(models / model, f"spark:{data}", plan)
    by_spark = read_cells(f"spark:{data}", plan, predictions=answers, data_digest="sha256:1")
    with pinned(f"spark:{data}", ["sex", "hired", "known", "experience", "points"]) as path:
        by_child = read_cells(path, plan, predictions=score(models / model, path, plan), data_digest="sha256:1")
    assert by_spark.cells == by_child.cells
    assert len({cell.prediction for cell in by_spark.cells}) == 2


def test_a_model_that_does_not_say_what_it_answers_is_not_scored(spark: Any, data: Path, models: Path) -> None:
    plan = AuditPlan("hiring", "hired", "yes", (SEX,), (), date(2026, 1, 1), "sha256:0")
    with pytest.raises(MeasurementError, match="does not say what it answers"):
        score_on_spark(models / "silent", f"spark:{data}", plan)
    bare = SparkTable(spark.read.parquet(str(data)).drop("points"), "people")
    with pytest.raises(MeasurementError, match="people lacks 'points', which the model takes"):
        score_on_spark(models / "text", bare, plan)
