"""The multi-dimensional subset scan of AIF360 on the cells: which union of levels is selected least."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audits.crosscheck import quiet_import
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cell, Cells

MAX_ROWS = 50_000
"""AIF360's scan takes rows and no weights: so many are made from the cells at most."""

RESTARTS = 10
"""Random restarts of the scan."""

PENALTY = 1.0
"""Taken off the score for each level in the subset: without it every level that helps a little is added."""


@dataclass(frozen=True, slots=True)
class Subset:
    """(feature, levels) of the subset with the highest `score` (a log-likelihood ratio); () where there is none."""

    levels: tuple[tuple[str, tuple[str, ...]], ...]
    score: float | None
    method: str


def scan_subsets(cells: Cells, plan: AuditPlan) -> Subset:
    """The subset of the sensitive features' levels whose selection falls furthest below that of the sample.

    Bernoulli scan statistic (Zhang and Neill 2016); the restarts start from `plan.seed`. Not run with weights, which
    it does not take. With more than MAX_ROWS rows it scans a proportional table of so many: the score is then that of
    the smaller table, and the method says so. Rows of unknown level are left out: they are nobody's subgroup.
    """
    if cells.weighted or cells.shared:
        return Subset((), None, "no subset scan: aif360 bias_scan takes no weights")
    known = [cell for cell in cells.cells if UNKNOWN not in cell.levels[: len(cells.features)]]
    count = sum(cell.n for cell in known)
    share = min(1.0, MAX_ROWS / max(count, 1))
    rows = _rows(known, cells.features, share)
    scaled = "" if share == 1 else f" on {len(rows)} rows in proportion to the {count}"
    scaled += f", without the {cells.row_count - count} rows of unknown level" if count < cells.row_count else ""
    method = f"aif360 bias_scan (Bernoulli, penalty {PENALTY:g}, {RESTARTS} restarts){scaled}"
    if rows["selected"].nunique() < 2:
        return Subset((), None, f"{method}: not run, all rows have the same prediction")
    levels, score = _scan(rows, list(cells.features), plan.seed)
    found = tuple((name, tuple(map(str, levels[name]))) for name in cells.features if name in levels)
    return Subset(found, float(score), method) if found and score > 0 else Subset((), None, f"{method}: found nothing")


def _rows(cells: Sequence[Cell], features: Sequence[str], share: float) -> Any:
    """A data frame of rows: each cell as often as its share of the rows says."""
    import numpy as np
    import pandas as pd

    table = pd.DataFrame([cell.levels[: len(features)] for cell in cells], columns=list(features))
    table["selected"] = [int(cell.prediction) for cell in cells]
    counts = np.array([cell.n for cell in cells], dtype=float)
    # Rounding the running total keeps the whole right, however many small cells there are.
    times = np.diff(np.rint(np.cumsum(counts) * share), prepend=0).astype(int)
    return table.loc[table.index.repeat(times)].reset_index(drop=True)


def _scan(rows: Any, features: list[str], seed: int) -> tuple[Mapping[str, list[object]], float]:
    import numpy as np

    with quiet_import():
        from aif360.detectors import bias_scan

    # AIF360 draws its restarts from the generators of the process: they are put back as they were.
    kept, state = np.random.get_state(), random.getstate()
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        found: tuple[Mapping[str, list[object]], float] = bias_scan(
            rows[features],
            rows["selected"],
            favorable_value="high",
            overpredicted=True,
            scoring="Bernoulli",
            num_iters=RESTARTS,
            penalty=PENALTY,
        )
    finally:
        np.random.set_state(kept)
        random.setstate(state)
    return found
