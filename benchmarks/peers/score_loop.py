"""scikit-learn and scipy on the rows, group by group: what the score histograms replace."""

from __future__ import annotations

from typing import Any

FEATURES = ["sex", "race", "age_band"]
REFERENCE = {"sex": "male", "race": "white", "age_band": "25-34"}


def load(path: str) -> Any:
    """A data frame of the features, the outcome and the score."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=[*FEATURES, "hired", "score"], read_dictionary=[*FEATURES, "hired"])
    return table.to_pandas()


def compute(data: Any) -> dict[str, dict[str, float]]:
    """AUC, Brier, log loss, mean and scoring rate in 14 groups; KS and Wasserstein of 11 pairs."""
    median = float(data["score"].median())
    found = {}
    for feature in FEATURES:
        scores = {level: _columns(part) for level, part in data.groupby(feature, observed=True)}
        reference = scores[REFERENCE[feature]][1]
        for level, (truth, score) in scores.items():
            found[f"{feature}={level}"] = _measures(truth, score, median) | (
                _distances(score, reference) if level != REFERENCE[feature] else {}
            )
    return found


def _columns(part: Any) -> tuple[Any, Any]:
    return (part["hired"] == "yes").to_numpy(), part["score"].to_numpy()


def _measures(truth: Any, score: Any, median: float) -> dict[str, float]:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    return {
        "auc": float(roc_auc_score(truth, score)),
        "brier": float(brier_score_loss(truth, score)),
        "log_loss": float(log_loss(truth, score)),
        "mean_score": float(score.mean()),
        "scoring_rate": float((score > median).mean()),
    }


def _distances(score: Any, reference: Any) -> dict[str, float]:
    from scipy.stats import ks_2samp, wasserstein_distance

    return {
        "ks": float(ks_2samp(score, reference, method="asymp").statistic),
        "wasserstein": float(wasserstein_distance(score, reference)),
    }


WORK = {"scikit-learn loop": (load, compute)}
