"""What a data scientist runs in a project: `python train_german.py save`, later `... register`.

German Credit: a gradient-boosted pipeline on the coded columns, answering with the label's own values 1 and 2. It sees
neither age nor personal status. `save` writes the folder `saved` and `data/decisions.csv`, the data with the model's
decisions in the column `decision` and the label again in `as_labelled`.
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

NUMBERS = ["month", "credit_amount", "investment_as_income_percentage", "number_of_credits"]
CATEGORIES = ["status", "credit_history", "purpose", "savings", "employment", "property", "housing"]

(verb,) = sys.argv[1:]
data = pd.read_csv("data/german.csv")
inputs = data[[*NUMBERS, *CATEGORIES]].astype({**dict.fromkeys(NUMBERS, float), **dict.fromkeys(CATEGORIES, object)})
codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
columns = ColumnTransformer([("numbers", "passthrough", NUMBERS), ("categories", codes, CATEGORIES)])
model = Pipeline([("columns", columns), ("model", HistGradientBoostingClassifier(max_iter=20, random_state=0))])
model.fit(inputs, data["credit"])
predicted = model.predict(inputs)
how = {
    "serialization_format": "cloudpickle",
    "signature": infer_signature(inputs, predicted),
    "pip_requirements": ["scikit-learn"],
}
if verb == "save":
    mlflow.sklearn.save_model(model, "saved", **how)
    data.assign(decision=predicted, as_labelled=data["credit"]).to_csv("data/decisions.csv", index=False)
else:
    plan = {"governance": {"plan": Path("plan.toml").read_text(encoding="utf-8")}}
    mlflow.sklearn.log_model(model, name="model", registered_model_name="german", metadata=plan, **how)
