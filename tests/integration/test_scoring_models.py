"""Scoring real models, saved with MLflow and run in the real child. Each test costs one start of MLflow (2 to 3 s)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audits.plan import AuditPlan, Score, Task
from audits.scoring import Limits, score
from governance.errors import MeasurementError

PLAN = AuditPlan("hiring", "hired", "yes", (), (), date(2026, 1, 1), "sha256:0")
CLASSES = replace(PLAN, task=Task.MULTICLASS)
SCORED = replace(PLAN, label=None, score=Score(0.0, 2_000.0, cutoff=1_000.0))

# A model whose behaviour the column `mode` chooses: one folder serves every test.
MOODY = """
import json, os, resource, sys
import numpy as np, pandas as pd
import mlflow

class Moody(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        mode, n = model_input["mode"].iloc[0], len(model_input)
        if mode == "look":
            limits = [resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_CORE, resource.RLIMIT_AS)]
            seen = {"env": sorted(os.environ), "columns": list(model_input), "limits": limits,
                    "rooms": bool(sys.modules.get("audits")), "types": [str(kind) for kind in model_input.dtypes]}
            return [json.dumps(seen)] * n
        if mode == "row" and (model_input["x"] == 1234).any():
            raise KeyError("no such department")
        if mode == "nan":
            return np.where(model_input["x"] == 1234, np.nan, 1.0)
        if mode == "short":
            return np.ones(n - 1)
        if mode == "hungry":
            return np.ones((1 << 30, 64))[:n, 0]
        if mode == "quit":
            os._exit(0)
        if mode == "number":
            return model_input["x"] / 2
        return (model_input["x"] > 1000).to_numpy()

mlflow.models.set_model(Moody())
"""

# Models are made in a process of their own: these tests then prove that scoring never imports MLflow here.
MAKE = """
import sys
from pathlib import Path
import mlflow, pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

folder = Path(sys.argv[1])
taken = Schema([ColSpec("string", "mode"), ColSpec("double", "x"), ColSpec("string", "note", required=False)])
signature = ModelSignature(inputs=taken)
mlflow.pyfunc.save_model(
    folder / "moody", python_model=folder / "moody.py", signature=signature, pip_requirements=[]
)
frame = pd.read_parquet(folder / "train.parquet")
X = frame[["department", "experience", "grade"]].astype({"department": str, "experience": "float64"})
X["grade"] = X["grade"].astype("float64")
model = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["department"]), remainder="passthrough"), LogisticRegression()
).fit(X, frame["hired"])
mlflow.sklearn.save_model(model, folder / "hiring", signature=infer_signature(X, model.predict(X)), pip_requirements=[])
mlflow.sklearn.save_model(
    model, folder / "scores", signature=infer_signature(X), pyfunc_predict_fn="predict_proba", pip_requirements=[]
)
frame["expected"] = model.predict(X)
frame.to_parquet(folder / "expected.parquet")
"""


def applicants() -> pd.DataFrame:
    """Columns as a data file has them: categories, narrow and whole numbers, and columns that no model takes."""
    n = 400
    return pd.DataFrame(
        {
            "applicant_id": range(n),
            "sex": ["female", "male"] * (n // 2),
            "grade": pd.Series([position * 7 % 11 for position in range(n)], dtype="int64"),
            "department": pd.Series(["it", "sales", "it", "hr"] * (n // 4), dtype="category"),
            "experience": pd.Series([position * 13 % 17 for position in range(n)], dtype="float32"),
            "hired": ["yes" if position * 13 % 17 + position * 7 % 11 > 12 else "no" for position in range(n)],
        }
    )


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "moody.py").write_text(MOODY)
    (folder / "make.py").write_text(MAKE)
    applicants().to_parquet(folder / "train.parquet")
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, str(folder / "make.py"), str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return folder


def moody(folder: Path, mode: str, rows: int = 2_000) -> Path:
    """A data file of so many rows that puts the model into this mode."""
    path = folder / f"{mode}.parquet"
    pd.DataFrame({"hired": "no", "x": range(rows), "mode": mode, "sex": "female"}).to_parquet(path)
    return path


def test_a_saved_pipeline_predicts_here_as_there(models: Path, tmp_path: Path) -> None:
    expected = pd.read_parquet(models / "expected.parquet")["expected"]
    found = score(models / "hiring", models / "train.parquet", PLAN, limits=Limits(batch_rows=150))
    assert np.asarray(found).tolist() == expected.tolist()
    assert set(found.values) == {"yes", "no"}
    applicants().to_csv(tmp_path / "applicants.csv", index=False)
    assert np.asarray(score(models / "hiring", tmp_path / "applicants.csv", PLAN)).tolist() == expected.tolist()


def test_truth_values_come_back_as_such(models: Path, tmp_path: Path) -> None:
    found = np.asarray(score(models / "moody", moody(tmp_path, "plain"), PLAN))
    assert Counter(found) == {"true": 999, "false": 1_001}


def test_a_model_s_scores_come_back_whole_in_batches_of_any_size(models: Path, tmp_path: Path) -> None:
    found = score(models / "moody", moody(tmp_path, "number"), SCORED, limits=Limits(batch_rows=333))
    assert np.array_equal(np.asarray(found), np.arange(2_000) / 2)
    low = replace(SCORED, score=Score(0.0, 999.0))
    with pytest.raises(MeasurementError, match=r"1 of 2000 scores are outside the declared range 0 to 999 .* row 1999"):
        score(models / "moody", moody(tmp_path, "number"), low)


def test_the_model_sees_its_columns_and_an_empty_environment(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAIRGATE_SECRET", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sqlite:///secret.db")
    before = sorted(path.name for path in (models / "moody").rglob("*"))
    seen = json.loads(score(models / "moody", moody(tmp_path, "look", 3), CLASSES).values[0])
    assert seen["columns"] == ["mode", "x"]
    assert seen["types"][1] == "float64"
    assert seen["rooms"] is False
    assert seen["limits"] == [0, 8 << 30]
    allowed = {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "DO_NOT_TRACK", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}
    assert {
        name for name in seen["env"] if not name.startswith(("MLFLOW_DISABLE", "MALLOC", "OMP_WAIT", "JOBLIB"))
    } <= allowed
    assert sorted(path.name for path in (models / "moody").rglob("*")) == before


FAILURES = [
    ("row", Limits(batch_rows=500), r"model failed on row 1234 \(counted from 0\): KeyError: 'no such department'"),
    ("nan", Limits(), r"1 of 2000 predictions are missing \(NaN or None\), the first on row 1234"),
    ("short", Limits(), "returned 1999 predictions for 2000 rows"),
    (
        "hungry",
        Limits(memory_bytes=2 << 30),
        r"needs more memory than scoring allows \(MemoryError: Unable to allocate",
    ),
    ("quit", Limits(), "no readable answer"),
]


@pytest.mark.parametrize(("mode", "limits", "says"), FAILURES, ids=[mode for mode, *_ in FAILURES])
def test_a_model_that_fails_is_said_to(models: Path, tmp_path: Path, mode: str, limits: Limits, says: str) -> None:
    with pytest.raises(MeasurementError, match=says):
        score(models / "moody", moody(tmp_path, mode), PLAN, limits=limits)


def test_probabilities_are_no_decisions(models: Path) -> None:
    with pytest.raises(MeasurementError, match=r"returned 2 columns per row \(as predict_proba does\); an audit needs"):
        score(models / "scores", models / "train.parquet", PLAN)


def test_a_column_of_another_type_is_refused_by_name(models: Path, tmp_path: Path) -> None:
    applicants().assign(experience="long").to_parquet(tmp_path / "data.parquet")
    with pytest.raises(
        MeasurementError, match=r"every row tried .*: Incompatible input types for column experience.*Parquet"
    ):
        score(models / "hiring", tmp_path / "data.parquet", PLAN)


def test_a_model_that_cannot_be_loaded_says_why(models: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in (models / "moody").iterdir():
        if path.is_file():
            (broken / path.name).write_bytes(path.read_bytes())
    (broken / "moody.py").write_text("import a_module_of_its_own\n")
    with pytest.raises(MeasurementError, match=r"cannot be loaded \(.*a_module_of_its_own.*see code_paths"):
        score(broken, moody(tmp_path, "plain", 3), PLAN)


def test_scoring_imports_no_mlflow_here() -> None:
    lines = "import sys, audits.scoring, audits.scoring_child, audits.answer, audits.plan_file, audits.plan_draft\n"
    heavy = "{'mlflow', 'pandas', 'numpy', 'pyarrow', 'duckdb', 'sklearn', 'yaml'}"
    done = subprocess.run([sys.executable, "-c", f"{lines}assert not {heavy} & set(sys.modules)"], check=False)
    assert done.returncode == 0
