"""What a data scientist runs in a project: save small models in `saved/`, and register those that have a plan.

`python register_small.py SAVED ... -- REGISTERED=PLAN ...`: each model is named by what it does (see `KINDS`); PLAN is
a TOML file, or nothing for a version that carries no plan.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, Schema


class Answers(PythonModel):
    """Selects who has a skill of 5 or more; `kind` says how it goes wrong."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        skill = model_input["skill"].to_numpy()
        if self.kind == "fails" and (skill == 9.75).any():
            raise ValueError("a skill of 9.75 is more than I can take")
        if self.kind == "scores":
            return skill / 10
        if self.kind == "blanks":
            return np.where(skill > 9, np.nan, (skill >= 5).astype(float))
        return np.where(skill >= 5, "yes", "no").astype(object)


HOW = {
    "signature": ModelSignature(Schema([ColSpec("double", "skill")]), Schema([ColSpec("string")])),
    "pip_requirements": ["mlflow"],
}
saved, registered = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
for kind in saved:
    mlflow.pyfunc.save_model(f"saved/{kind}", python_model=Answers(kind), **HOW)
for item in registered:
    name, _, plan = item.partition("=")
    metadata = {"governance": {"plan": Path(plan).read_text(encoding="utf-8")}} if plan else None
    kind = name if name in ("fails", "scores", "blanks") else "sound"
    mlflow.pyfunc.log_model(
        name="model", python_model=Answers(kind), registered_model_name=name, metadata=metadata, **HOW
    )
