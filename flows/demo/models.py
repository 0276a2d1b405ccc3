"""What the demo's data scientist runs, with plain MLflow: `python -m flows.demo.models v1`, later `... v2`.

Run in the project's folder, with data below `data/` and the audit plan in `plan.toml`; the plan is logged with the
model, so that it is inside the model's digest. v1 learns from everything in the file, v2 leaves the career gap out
and weighs the past decisions with AIF360's Reweighing. Neither sees sex or ethnicity.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.demo.data import LABEL, TRAINING

if TYPE_CHECKING:
    import pandas as pd

MODEL = "hiring"
PLAN = "plan.toml"
CATEGORIES = ["qualification", "department"]
NUMBERS = {
    "v1": ["years_experience", "assessment", "career_gap_years"],
    "v2": ["years_experience", "assessment"],
}
# No telemetry, no progress bars, no talk of git: one line for each step is enough.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


def train(recipe: str, table: pd.DataFrame) -> Any:
    """A scikit-learn pipeline fitted on the past decisions in `table`; recipe: v1 or v2. Predicts "yes" or "no"."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = NUMBERS[recipe]
    columns = [("numbers", StandardScaler(), numbers), ("categories", OneHotEncoder(), CATEGORIES)]
    pipeline = Pipeline([("columns", ColumnTransformer(columns)), ("model", LogisticRegression(max_iter=1000))])
    weights = reweighed(table) if recipe == "v2" else None
    return pipeline.fit(table[[*numbers, *CATEGORIES]], table[LABEL], model__sample_weight=weights)


def reweighed(table: pd.DataFrame) -> Any:
    """One weight for each row by Kamiran and Calders: P(sex) P(hired) / P(sex, hired), from AIF360."""
    with _no_talk_of_optional_engines():
        from aif360.algorithms.preprocessing import Reweighing
        from aif360.datasets import BinaryLabelDataset
    coded = table[["sex", LABEL]].assign(
        sex=(table["sex"] == "male").astype(float), hired=(table[LABEL] == "yes").astype(float)
    )
    data = BinaryLabelDataset(df=coded, label_names=[LABEL], protected_attribute_names=["sex"])
    scheme = Reweighing(unprivileged_groups=[{"sex": 0.0}], privileged_groups=[{"sex": 1.0}])
    return scheme.fit_transform(data).instance_weights


def register(recipe: str, project: Path) -> str:
    """Train on `project`/data, log the model with the plan, register it as `hiring`; returns the version."""
    import pandas as pd

    table = pd.read_parquet(project / "data" / TRAINING)
    model = train(recipe, table)
    with quiet():
        info = _log(recipe, project, table, model)
    return str(info.registered_model_version)


def _log(recipe: str, project: Path, table: pd.DataFrame, model: Any) -> Any:
    import mlflow

    inputs = table[[*NUMBERS[recipe], *CATEGORIES]]
    mlflow.set_experiment(MODEL)
    with mlflow.start_run(run_name=f"{MODEL} {recipe}"):
        mlflow.log_params({"recipe": recipe, "rows": len(table), "inputs": ", ".join(inputs.columns)})
        return mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=MODEL,
            signature=mlflow.models.infer_signature(inputs, model.predict(inputs)),
            metadata={"governance": {"plan": (project / PLAN).read_text(encoding="utf-8")}},
            pip_requirements=_requirements(),
        )


def _requirements() -> list[str]:
    """Said, not inferred: inference would load the model in another process first."""
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("mlflow", "pandas", "scikit-learn", "skops")]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """MLflow says on stderr what our one line says, and warns of its own type hints when it is imported.

    Its errors are raised, so they get through.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType", category=UserWarning)
        yield


@contextlib.contextmanager
def _no_talk_of_optional_engines() -> Iterator[None]:
    """AIF360 logs, on import, that TensorFlow and other things are missing, which are not needed here."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


def main(arguments: list[str]) -> None:
    """Register the version named by the only argument, v1 or v2, in the current folder."""
    if len(arguments) != 1 or arguments[0] not in NUMBERS:
        raise SystemExit("usage: python -m flows.demo.models v1|v2")
    version = register(arguments[0], Path.cwd())
    sys.stdout.write(f"registered {MODEL} version {version}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
