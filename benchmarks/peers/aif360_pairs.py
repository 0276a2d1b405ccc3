"""AIF360's ClassificationMetric: every group of one feature against the largest one, 14 measures for each pair."""

from __future__ import annotations

from typing import Any

PAIRS = [("sex", "male", ("female",)), ("race", "white", None), ("age_band", "25-34", None)]
RATES = {
    "selection_rate": "selection_rate",
    "true_positive_rate": "true_positive_rate",
    "false_positive_rate": "false_positive_rate",
    "true_negative_rate": "true_negative_rate",
    "false_negative_rate": "false_negative_rate",
    "positive_predictive_value": "positive_predictive_value",
    "accuracy": "accuracy",
}
BETWEEN = (
    "statistical_parity_difference",
    "disparate_impact",
    "equal_opportunity_difference",
    "average_odds_difference",
    "average_abs_odds_difference",
    "error_rate_ratio",
    "theil_index",
)


def load(path: str) -> Any:
    """A data frame of the five columns as AIF360 takes them: numbers."""
    import pandas as pd

    data = pd.read_parquet(path, columns=["sex", "race", "age_band", "hired", "predicted"])
    for column in ("hired", "predicted"):
        data[column] = (data[column] == "yes").astype(float)
    return data


def all_pairs(data: Any) -> dict[str, dict[str, float]]:
    """Eleven pairs."""
    found: dict[str, dict[str, float]] = {}
    for feature, reference, groups in PAIRS:
        for group in groups or sorted(set(data[feature].unique()) - {reference}):
            found |= _pair(data, feature, reference, str(group))
    return found


def one_pair(data: Any) -> dict[str, dict[str, float]]:
    """Women against men: at 1e7 rows all eleven take minutes."""
    return _pair(data, "sex", "male", "female")


def _pair(data: Any, feature: str, reference: str, group: str) -> dict[str, dict[str, float]]:
    from aif360.datasets import BinaryLabelDataset
    from aif360.metrics import ClassificationMetric

    two = data.loc[data[feature].isin([reference, group]), [feature, "hired", "predicted"]].copy()
    two[feature] = (two[feature] == reference).astype(float)
    names = {"label_names": ["hired"], "protected_attribute_names": [feature]}
    truth = BinaryLabelDataset(df=two[[feature, "hired"]], **names)
    answer = truth.copy()
    answer.labels = two[["predicted"]].to_numpy()
    metric = ClassificationMetric(
        truth, answer, unprivileged_groups=[{feature: 0.0}], privileged_groups=[{feature: 1.0}]
    )
    for name in BETWEEN:
        getattr(metric, name)()
    return {
        f"{feature}={level}": {ours: float(getattr(metric, theirs)(privileged=first)) for ours, theirs in RATES.items()}
        for level, first in ((reference, True), (group, False))
    }


WORK = {"aif360": (load, all_pairs), "aif360, one pair": (load, one_pair)}
