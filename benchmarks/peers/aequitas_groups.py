"""aequitas: the cross table of 14 groups (sex, race and age band one by one)."""

from __future__ import annotations

from typing import Any

FEATURES = ["sex", "race", "age_band"]
RATES = {
    "selection_rate": "pprev",
    "true_positive_rate": "tpr",
    "false_positive_rate": "fpr",
    "true_negative_rate": "tnr",
    "false_negative_rate": "fnr",
    "positive_predictive_value": "precision",
}


def load(path: str) -> Any:
    """A data frame with the columns that aequitas asks for."""
    import pandas as pd

    data = pd.read_parquet(path, columns=[*FEATURES, "hired", "predicted"])
    data["label_value"] = (data.pop("hired") == "yes").astype(int)
    data["score"] = (data.pop("predicted") == "yes").astype(int)
    return data


def compute(data: Any) -> dict[str, dict[str, float]]:
    """Its rates by group."""
    from aequitas.group import Group

    table, _ = Group().get_crosstabs(data, attr_cols=FEATURES)
    return {
        f"{row['attribute_name']}={row['attribute_value']}": {
            ours: float(row[theirs]) for ours, theirs in RATES.items()
        }
        for _, row in table.iterrows()
    }


WORK = {"aequitas": (load, compute)}
