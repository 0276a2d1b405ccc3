"""A plain pandas groupby to the table of cells, and the rates of 70 intersections from it by hand."""

from __future__ import annotations

from typing import Any

FEATURES = ["sex", "race", "age_band"]


def load(path: str) -> Any:
    """A data frame of the five columns, texts as categories (read so from the file's dictionaries)."""
    import pyarrow.parquet as pq

    columns = [*FEATURES, "hired", "predicted"]
    return pq.read_table(path, columns=columns, read_dictionary=columns).to_pandas()


def compute(data: Any) -> dict[str, dict[str, float]]:
    """Seven rates of every intersection."""
    cells = data.groupby([*FEATURES, "hired", "predicted"], observed=True).size().unstack(["hired", "predicted"])
    cells = cells.fillna(0)
    tn, fp, fn, tp = (cells[key] for key in (("no", "no"), ("no", "yes"), ("yes", "no"), ("yes", "yes")))
    rates = {
        "selection_rate": (fp + tp) / (tn + fp + fn + tp),
        "true_positive_rate": tp / (tp + fn),
        "false_positive_rate": fp / (fp + tn),
        "true_negative_rate": tn / (fp + tn),
        "false_negative_rate": fn / (tp + fn),
        "positive_predictive_value": tp / (tp + fp),
        "accuracy": (tn + tp) / (tn + fp + fn + tp),
    }
    return {
        ",".join(f"{feature}={level}" for feature, level in zip(FEATURES, levels, strict=True)): {
            metric: float(values[levels]) for metric, values in rates.items()
        }
        for levels in cells.index
    }


WORK = {"pandas": (load, compute)}
