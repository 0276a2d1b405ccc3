"""The groups of one comparison: their sizes and the counts behind every metric, from the cells. Exact integers."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass, replace

from audits.cells import levels_of
from audits.metrics import METRICS, NO_LABEL
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cell, Cells
from audits.share import Row, Share, kish, too_few

NOTHING = Share(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """One combination of levels: its rows by outcome and prediction; empty combinations have none.

    `weighted`: the rows carry weights. `labelled` is False where no outcome is known. `rows_per_weight`: where
    membership is known by probabilities only, the rows that a weight of 1 stands for; None elsewhere.
    """

    features: tuple[str, ...]
    levels: tuple[str, ...]
    rows: tuple[Row, ...]
    weighted: bool = False
    labelled: bool = True
    rows_per_weight: float | None = None

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(row.n for row in self.rows)

    def share(self, metric: str) -> Share:
        """A metric of METRICS; nothing of nothing where it needs an outcome and none is known."""
        return NOTHING if self._unknowable(metric) else self.limited(METRICS[metric].share(self.rows))

    def limited(self, share: Share) -> Share:
        """A share of rows of this group, worth no more rows than people are to be expected among them."""
        if self.rows_per_weight is None:
            return share
        return replace(share, people=self.rows_per_weight * share.weight)

    def count(self, metric: str) -> tuple[int, int]:
        """(events, n) of a metric of METRICS."""
        share = self.share(metric)
        return share.events, share.n

    def why_empty(self, metric: str) -> str:
        """Why a metric without a denominator has no value here."""
        return NO_LABEL if self._unknowable(metric) else METRICS[metric].empty

    def set_aside(self, minimum: int) -> str | None:
        """Why this group takes no part in comparisons (unknown, or fewer than `minimum` rows); None where it does.

        With weights it is not the rows but the equally weighted rows that they are worth, by Kish.
        """
        if UNKNOWN in self.levels:
            return "the sensitive value is unknown"
        if not self.size:
            return "no rows in this group"
        return too_few(self.size, self._worth(), minimum)

    def _worth(self) -> float:
        if not self.weighted:
            return self.size
        weight = math.fsum(row.w for row in self.rows)
        most = self.size if self.rows_per_weight is None else min(self.size, self.rows_per_weight * weight)
        return kish(weight, math.fsum(row.w2 for row in self.rows), most)

    def _unknowable(self, metric: str) -> bool:
        return not self.labelled and METRICS[metric].needs_outcome


def groups_of(cells: Cells, plan: AuditPlan, features: tuple[str, ...]) -> tuple[Group, ...]:
    """Every combination of known levels, also those without a row, then the found combinations with an unknown level.

    A level is known when it was found or when the plan lists it. The levels of control features are added up.
    """
    rows = _rows_by_levels(cells, features)
    known = _known_levels(cells, plan)
    combinations = list(itertools.product(*(known[name] for name in features)))
    unknown = sorted(levels for levels in rows if UNKNOWN in levels)
    per_weight = cells.row_count / math.fsum(cell.weight for cell in cells.cells) if cells.shared else None
    return tuple(
        Group(features, levels, rows.get(levels, ()), cells.weighted or cells.shared, cells.labelled, per_weight)
        for levels in combinations + unknown
    )


def _rows_by_levels(cells: Cells, features: tuple[str, ...]) -> dict[tuple[str, ...], tuple[Row, ...]]:
    """Levels -> their rows by kind: at most four, whatever else tells the cells apart."""
    positions = [cells.features.index(name) for name in features]
    found: dict[tuple[str, ...], dict[tuple[bool, bool], list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells.cells:
        found[tuple(cell.levels[position] for position in positions)][cell.outcome, cell.prediction].append(cell)
    return {
        levels: tuple(_added_up(kind, cells_of) for kind, cells_of in sorted(kinds.items()))
        for levels, kinds in found.items()
    }


def _added_up(kind: tuple[bool, bool], cells: list[Cell]) -> Row:
    return Row(
        *kind,
        n=sum(cell.n for cell in cells),
        w=math.fsum(cell.weight for cell in cells),
        w2=math.fsum(cell.squares for cell in cells),
    )


def _known_levels(cells: Cells, plan: AuditPlan) -> dict[str, list[str]]:
    """Sensitive feature -> its levels: the plan's, in the plan's order, then what else was found."""
    found = levels_of(cells)
    return {
        feature.name: [level for level in dict.fromkeys((*feature.levels, *found[feature.name])) if level != UNKNOWN]
        for feature in plan.sensitive_features
    }
