"""Weights of cells -> sums by group and kind, and the rates of every group: for thousands of weightings at once.

A table of cells with other weights is another sample. All that a rate needs is the sum of the weights in each group by
kind of row, which is one sparse matrix product for all groups of all comparisons and all weightings together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from audits.groups import Group, groups_of
from audits.metrics import METRICS
from audits.plan import AuditPlan
from audits.result import Cells

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

Statistic: TypeAlias = "Callable[[Array], Array]"
"""Weights (weightings, cells) -> values (weightings, values); NaN where a value cannot be computed."""

Sums: TypeAlias = "Callable[[Array], Array]"
"""Weights (weightings, cells) -> sums (weightings, groups, 4), the kinds in the order of KINDS."""

KINDS = ((False, False), (False, True), (True, False), (True, True))
"""(outcome, prediction): true negatives, false positives, false negatives, true positives."""

RateName = tuple[tuple[str, ...], tuple[str, ...], str]
"""(features, group, metric)."""


def sums_of(cells: Cells, groups: Sequence[Group]) -> Sums:
    """The function that adds up weights of `cells` by `groups` (of any comparisons) and kind of row."""
    import numpy as np
    from scipy.sparse import csr_array

    column = {(group.features, group.levels): position for position, group in enumerate(groups)}
    rows, columns = [], []
    for features in dict.fromkeys(group.features for group in groups):
        positions = [cells.features.index(name) for name in features]
        for row, cell in enumerate(cells.cells):
            group = column.get((features, tuple(cell.levels[position] for position in positions)))
            if group is not None:
                rows.append(4 * group + 2 * cell.outcome + cell.prediction)
                columns.append(row)
    shape = (4 * len(groups), len(cells.cells))
    membership = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)

    def sums(weights: Array) -> Array:
        found = membership @ weights.T
        return np.ascontiguousarray(found.T).reshape(len(weights), len(groups), 4)

    return sums


def rates_of(cells: Cells, plan: AuditPlan) -> tuple[tuple[RateName, ...], Statistic]:
    """(names, statistic) of every rate of METRICS in every group of the plan, in the order of `disaggregate`."""
    import numpy as np

    names: list[RateName] = []
    groups: list[Group] = []
    for features in plan.comparisons():
        here = groups_of(cells, plan, features)
        groups += here
        names += [(features, group.levels, metric) for metric in METRICS for group in here]
    place = {(group.features, group.levels): position for position, group in enumerate(groups)}
    metric_at = {metric: position for position, metric in enumerate(METRICS)}
    order = np.array(
        [len(METRICS) * place[features, levels] + metric_at[m] for features, levels, m in names], dtype=int
    )
    sums = sums_of(cells, groups)

    def statistic(weights: Array) -> Array:
        return rates_from(sums(weights)).reshape(len(weights), -1)[:, order]

    return tuple(names), statistic


def rates_from(sums: Array) -> Array:
    """Sums (..., groups, 4) -> rates (..., groups, metrics), in the order of METRICS; NaN without a denominator."""
    import numpy as np

    among, event = (np.array(condition, dtype=float) for condition in zip(*map(_conditions, METRICS), strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums @ event.T / (sums @ among.T))


def _conditions(name: str) -> tuple[list[bool], list[bool]]:
    """(among, event and among) of a metric over KINDS."""
    metric = METRICS[name]
    among = [metric.among(*kind) for kind in KINDS]
    return among, [inside and metric.event(*kind) for inside, kind in zip(among, KINDS, strict=True)]
