"""What Fairgate does in the benchmarks, and what the engine alone does with the same columns. Run by harness.py."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from audits.plan import AuditPlan, Bound, Comparison, Score, SensitiveFeature

FEATURES = ("sex", "race", "age_band")
REFERENCE = {"sex": "male", "race": "white", "age_band": "25-34"}
MODEL = "model"  # a folder beside the data, made by benchmarks/model.py
COLUMNS = (*FEATURES, "hired", "predicted")
Values = dict[str, dict[str, float]]

PLAN = AuditPlan(
    model="hiring",
    label="hired",
    favourable="yes",
    prediction="predicted",
    sensitive_features=tuple(SensitiveFeature(name, name) for name in FEATURES),
    bounds=(Bound("selection_rate", Comparison.RATIO, 0.8), Bound("equalized_odds", Comparison.DIFFERENCE, 0.1)),
    decided_at=date(2026, 1, 1),
    digest="sha256:benchmark",
    intersections=(*itertools.combinations(FEATURES, 2), FEATURES),
    replicates=1_000,
)
SCORES = replace(
    PLAN,
    sensitive_features=tuple(SensitiveFeature(name, name, reference=REFERENCE[name]) for name in FEATURES),
    intersections=(),
    bounds=(),
    score=Score(0.0, 1.0, column="score"),
)
SCORED = replace(PLAN, prediction=None)


def cells(path: str) -> Values:
    """The scan of `core` alone."""
    from audits.cells import read_cells

    read_cells(path, PLAN, data_digest="none: only the work is measured")
    return {}


def core(path: str) -> Values:
    """One scan, every rate in 143 groups with its interval, the disparities, and 1,000 bootstrap replicates of all."""
    from audits.bootstrap import bootstrap
    from audits.cell_sums import rates_of
    from audits.cells import read_cells
    from audits.disaggregate import estimate_of
    from audits.disparity import disparities
    from audits.groups import groups_of
    from audits.metrics import METRICS

    table = read_cells(path, PLAN, data_digest="none: only the work is measured")
    groups = [(features, groups_of(table, PLAN, features)) for features in PLAN.comparisons()]
    estimates = [estimate_of(group, metric, PLAN) for _, here in groups for metric in METRICS for group in here]
    disparities(estimates, PLAN)
    _, statistic = rates_of(table, PLAN)
    drawn = bootstrap(table, statistic, replicates=PLAN.replicates, seed=PLAN.seed, confidence=PLAN.confidence)
    assert len(drawn) == len(estimates)
    return _rates(estimates)


def whole(path: str) -> Values:
    """`audit`: the file's digest, scan, rates confirmed by Fairlearn, disparities confirmed by AIF360, verdicts."""
    from audits.run import audit

    return _rates(audit(PLAN, path).estimates)


def digest(path: str) -> Values:
    """The part of an audit that is no measuring: SHA-256 of the file."""
    from audits.table import table_digest

    table_digest(path)
    return {}


def group_by(path: str) -> Values:
    """DuckDB's own GROUP BY of the same columns."""
    _query(path, f"SELECT {', '.join(COLUMNS)}, count(*) FROM read_parquet(?) GROUP BY ALL")
    return {}


def touch(path: str) -> Values:
    """DuckDB looks at every value of the columns, and groups nothing."""
    _query(path, f"SELECT {', '.join(f'sum(length({name}))' for name in COLUMNS)} FROM read_parquet(?)")
    return {}


def decode(path: str) -> Values:
    """The columns decoded by pyarrow, batch by batch, and thrown away."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, read_dictionary=COLUMNS)
    for _ in file.iter_batches(batch_size=1 << 17, columns=list(COLUMNS), use_threads=True):
        pass
    return {}


def histograms(path: str) -> Values:
    """The scan to histograms of scores, with the exact median."""
    from audits.score_cells import read_score_cells

    read_score_cells(path, SCORES)
    return {}


def scores(path: str) -> Values:
    """The same, and every measure of it with intervals: also those that the loop does not have."""
    from audits.score_cells import read_score_cells
    from audits.scores import score_quantities

    names = {"kolmogorov_smirnov": "ks", "brier_score": "brier"}
    found: Values = {}
    for item in score_quantities(read_score_cells(path, SCORES), SCORES):
        whole = item.at is None or item.metric == "scoring_rate"
        first = not item.against or item.metric in ("kolmogorov_smirnov", "wasserstein")
        if whole and first and item.value is not None and len(item.features) == 1:
            values = found.setdefault(_key(item.features, item.group), {})
            name = names.get(item.metric, item.metric)
            values |= {name: item.value, f"{name} error": item.error}
    return found


def scored_audit(path: str) -> Values:
    """An audit whose predictions a registered model makes in the child process."""
    from audits.run import audit

    return _rates(audit(SCORED, path, model=Path(path).parent / MODEL).estimates)


def score_only(path: str) -> Values:
    """Only the scoring of it."""
    from audits.scoring import score

    score(Path(path).parent / MODEL, path, SCORED)
    return {}


def load_inputs(path: str) -> Any:
    """The model and its columns, in memory."""
    import mlflow
    import pandas as pd

    model = mlflow.sklearn.load_model(str(Path(path).parent / MODEL))
    return model, pd.read_parquet(path, columns=list(model.feature_names_in_))


def predict(loaded: Any) -> Values:
    """`model.predict` alone."""
    model, inputs = loaded
    model.predict(inputs)
    return {}


def _query(path: str, sql: str) -> None:
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(sql, [path]).fetchall()
    finally:
        connection.close()


def _rates(estimates: Any) -> Values:
    found: Values = {}
    for item in estimates:
        found.setdefault(_key(item.features, item.group), {})[item.metric] = item.value
    return found


def _key(features: tuple[str, ...], group: tuple[str, ...]) -> str:
    return ",".join(f"{feature}={level}" for feature, level in zip(features, group, strict=True))


def _path(path: str) -> str:
    return path


WORK: dict[str, tuple[Callable[[str], Any], Callable[[Any], Values]]] = {
    "cells": (_path, cells),
    "core": (_path, core),
    "audit": (_path, whole),
    "digest": (_path, digest),
    "group by": (_path, group_by),
    "touch": (_path, touch),
    "decode": (_path, decode),
    "histograms": (_path, histograms),
    "scores": (_path, scores),
    "scored audit": (_path, scored_audit),
    "score only": (_path, score_only),
    "predict": (load_inputs, predict),
}
