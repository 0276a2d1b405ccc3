"""What a data scientist runs in a project: `python train_adult.py save DATA`, later `... register DATA`.

UCI Adult, a gradient-boosted pipeline that sees neither sex nor race. `save` writes the folder `saved` and the
predictions on every row as `predictions.parquet`, for whoever wants to count on their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

NUMBERS = ["age", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
CATEGORIES = ["workclass", "occupation", "marital-status"]

verb, source = sys.argv[1:]
data = pd.read_parquet(source)
inputs = data[[*NUMBERS, *CATEGORIES]].astype(dict.fromkeys(CATEGORIES, object))
codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
columns = ColumnTransformer([("numbers", "passthrough", NUMBERS), ("categories", codes, CATEGORIES)])
model = Pipeline([("columns", columns), ("model", HistGradientBoostingClassifier(max_iter=30, random_state=0))])
model.fit(inputs, data["class"].astype(str))
predicted = model.predict(inputs)
how = {
    "serialization_format": "cloudpickle",  # skops refuses this estimator without a list of trusted types
    "signature": infer_signature(inputs, predicted),
    "pip_requirements": ["scikit-learn"],
}
if verb == "save":
    mlflow.sklearn.save_model(model, "saved", **how)
    pd.DataFrame({"predicted": predicted}).to_parquet("predictions.parquet")
else:
    plan = {"governance": {"plan": Path("plan.toml").read_text(encoding="utf-8")}}
    mlflow.sklearn.log_model(model, name="model", registered_model_name="adult", metadata=plan, **how)
