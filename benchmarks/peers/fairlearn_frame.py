"""Fairlearn's MetricFrame on the rows: eight metrics in 70 intersections, point estimates only."""

from __future__ import annotations

from typing import Any

FEATURES = ["sex", "race", "age_band"]


def load(path: str) -> Any:
    """A data frame of the five columns."""
    import pandas as pd

    return pd.read_parquet(path, columns=[*FEATURES, "hired", "predicted"])


def compute(data: Any) -> dict[str, dict[str, float]]:
    """The rates of every intersection."""
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score, precision_score

    frame = metrics.MetricFrame(
        metrics={
            "count": metrics.count,
            "selection_rate": metrics.selection_rate,
            "true_positive_rate": metrics.true_positive_rate,
            "false_positive_rate": metrics.false_positive_rate,
            "true_negative_rate": metrics.true_negative_rate,
            "false_negative_rate": metrics.false_negative_rate,
            "positive_predictive_value": lambda y_true, y_pred: precision_score(y_true, y_pred, zero_division=0.0),
            "accuracy": accuracy_score,
        },
        y_true=(data["hired"] == "yes").astype(int),
        y_pred=(data["predicted"] == "yes").astype(int),
        sensitive_features=data[FEATURES],
    )
    found = {}
    for levels, row in frame.by_group.dropna().iterrows():
        key = ",".join(f"{feature}={level}" for feature, level in zip(FEATURES, levels, strict=True))
        found[key] = {metric: float(value) for metric, value in row.items()}
    return found


WORK = {"fairlearn": (load, compute)}
