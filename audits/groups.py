"""The groups of one comparison: their sizes and the counts behind every metric, from the cells. Exact integers."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

from audits.cells import levels_of
from audits.metrics import METRICS
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cells

Row = tuple[bool, bool, int]
"""(outcome, prediction, number of rows)."""


@dataclass(frozen=True, slots=True)
class Group:
    """One combination of levels: its rows by outcome and prediction; empty combinations have none."""

    features: tuple[str, ...]
    levels: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(n for *_, n in self.rows)

    def count(self, metric: str) -> tuple[int, int]:
        """(events, n) of a metric of METRICS."""
        return METRICS[metric].count(self.rows)

    def set_aside(self, minimum: int) -> str | None:
        """Why this group takes no part in comparisons (unknown, or fewer than `minimum` rows); None where it does."""
        if UNKNOWN in self.levels:
            return "the sensitive value is unknown"
        if not self.size:
            return "no rows in this group"
        return f"{self.size} rows, the plan asks for {minimum}" if self.size < minimum else None


def groups_of(cells: Cells, plan: AuditPlan, features: tuple[str, ...]) -> tuple[Group, ...]:
    """Every combination of known levels, also those without a row, then the found combinations with an unknown level.

    A level is known when it was found or when the plan lists it.
    """
    rows = _rows_by_levels(cells, features)
    known = _known_levels(cells, plan)
    combinations = list(itertools.product(*(known[name] for name in features)))
    unknown = sorted(levels for levels in rows if UNKNOWN in levels)
    return tuple(Group(features, levels, tuple(rows.get(levels, ()))) for levels in combinations + unknown)


def _rows_by_levels(cells: Cells, features: tuple[str, ...]) -> dict[tuple[str, ...], list[Row]]:
    positions = [cells.features.index(name) for name in features]
    rows: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for cell in cells.cells:
        rows[tuple(cell.levels[position] for position in positions)].append((cell.outcome, cell.prediction, cell.n))
    return rows


def _known_levels(cells: Cells, plan: AuditPlan) -> dict[str, list[str]]:
    """Sensitive feature -> its levels: the plan's, in the plan's order, then what else was found."""
    found = levels_of(cells)
    declared = {feature.name: feature.levels for feature in plan.sensitive_features}
    return {
        name: [level for level in dict.fromkeys((*declared[name], *levels)) if level != UNKNOWN]
        for name, levels in found.items()
    }
