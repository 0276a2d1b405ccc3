"""A table of rows -> scores in bins by sensitive features and outcome, in one scan: all that score measures need."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from audits.cells import read_counted
from audits.decisions import decision_of
from audits.histogram import Array, Histogram
from audits.plan import MEDIAN, AuditPlan
from audits.predictions import Predictions, answers_scores
from audits.result import UNKNOWN
from audits.scan import SUMS, Counted, Progress
from audits.table import Table, table_name
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

BINS = 1024
"""Bins of the declared range; a power of two, so that the ends of the bins of 0 to 1 are exact."""

_SUMS = ("n", "w", "w2", "s", "s2", "lp", "lq")


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCells:
    """What the scan found, one entry for each (levels, outcome, above the median, bin) that occurs.

    `levels` maps sensitive feature -> its levels, sorted, the unknown one last; `codes` (features, entries) are
    positions in them. `outcome`, `above` (is the score strictly above the median of the full sample?) and `bin` are
    (entries,); `columns` has the sums n, w, w2, s, s2, lo, hi, lp, lq. `logs`: are lp and lq there?
    `median` is None where probabilities and weights together hide it. `rows_per_weight`: where groups are known by
    probabilities only, the rows that a weight of 1 stands for; None elsewhere. w2 is then at least w over this, so that
    no group counts for more rows than it has people.
    """

    levels: Mapping[str, tuple[str, ...]]
    codes: Array
    outcome: Array
    above: Array
    bin: Array
    columns: Mapping[str, Array]
    low: float
    high: float
    bins: int
    row_count: int
    median: float | None
    labelled: bool
    weighted: bool
    logs: bool
    rows_per_weight: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The groups of one comparison: `groups` in order, and their histograms (groups, outcome, bins).

    `above` has the sums n, w and w2 of the rows above the median, (groups, outcome).
    """

    features: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    histogram: Histogram
    above: Mapping[str, Array]


def read_score_cells(
    table: Table, plan: AuditPlan, *, predictions: Predictions | None = None, progress: Progress | None = None
) -> ScoreCells:
    """Histograms of the plan's score by sensitive features and outcome, in one scan (two short ones for the median).

    The scores come from the column `plan.score.column`, or where it is None from `predictions` (one score per row, in
    the table's order). Decisions play no part: a cutoff or a column of predictions is not looked at.

    Raises ConfigurationError where the plan declares no score, MeasurementError for a score that is missing, not
    finite or out of its range, and what else `audits.cells.read_cells` raises of label, weights and features.
    """
    if plan.score is None:
        raise ConfigurationError("The plan declares no score: add score and score_range under [data].")
    by_score = replace(plan, prediction=None, control_features=(), score=replace(plan.score, cutoff=MEDIAN))
    given = predictions if answers_scores(plan) else None
    counted = read_counted(table, by_score, predictions=given, bins=BINS, progress=progress)
    return score_cells(counted, by_score, table_name(table))


def score_cells(counted: Counted, plan: AuditPlan, name: str) -> ScoreCells:
    """The entries of a scan with bins that was cut at the median; `name` is what messages call the data.

    Raises MeasurementError as `audits.decisions.decision_of` does: a label that is missing, or not the plan's.
    """
    table = counted.table
    favourable = decision_of(counted, plan, name).favourable
    decided, decisions = _encoded(table["prediction"])
    above = np.array([value == "true" for value in decided])[decisions]
    cells = number_cells(counted)
    return replace(
        cells,
        outcome=_outcomes(table, favourable),
        above=above,
        median=_median(cells.columns, above, counted),
        labelled=plan.label is not None,
        logs=counted.spec.logs,
    )


def number_cells(counted: Counted) -> ScoreCells:
    """The entries of a scan with bins whose numbers decide nothing: no outcome, nobody above a median, no logs."""
    table, score = counted.table, counted.spec.score
    assert score is not None  # noqa: S101 - a scan with bins has a score
    names = [feature.name for feature in counted.spec.features]
    encoded = [_codes(table[column]) for column in counted.levels]
    columns = _columns(table)
    rows_per_weight = counted.rows / float(columns["w"].sum()) if counted.spec.shared else None
    if rows_per_weight is not None:
        columns["w2"] = np.maximum(columns["w2"], columns["w"] / rows_per_weight)
    return ScoreCells(
        levels={name: levels for name, (levels, _) in zip(names, encoded, strict=True)},
        codes=np.array([codes for _, codes in encoded]),
        outcome=np.zeros(table.num_rows, dtype=int),
        above=np.zeros(table.num_rows, dtype=bool),
        bin=table["bin"].to_numpy(),
        columns=columns,
        low=score.low,
        high=score.high,
        bins=counted.spec.bins,
        row_count=counted.rows,
        median=None,
        labelled=False,
        weighted=counted.spec.weighted,
        logs=False,
        rows_per_weight=rows_per_weight,
    )


def _columns(table: pa.Table) -> dict[str, Array]:
    found = {name: table[name].to_numpy() for name in ("n", *SUMS, "lo", "hi") if name in table.column_names}
    n = found["n"].astype(float)
    return {"w": n, "w2": n, "lp": 0 * n, "lq": 0 * n} | found


def _codes(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Array]:
    found, codes = _encoded(column)
    order = sorted(range(len(found)), key=lambda place: (found[place] == UNKNOWN, found[place]))
    return tuple(found[place] for place in order), np.argsort(order)[codes]


def _encoded(column: pa.ChunkedArray) -> tuple[list[Any], Array]:
    """(the values that occur, the position of each entry's value among them); no value is null."""
    import pyarrow as pa

    whole = pa.concat_arrays(column.chunks).dictionary_encode()
    return whole.dictionary.to_pylist(), whole.indices.to_numpy()


def _outcomes(table: pa.Table, favourable: str | None) -> Array:
    if favourable is None:
        return np.zeros(table.num_rows, dtype=int)
    found, codes = _encoded(table["label"])
    return np.array([label == favourable for label in found], dtype=int)[codes]


def _median(columns: Mapping[str, Array], above: Array, counted: Counted) -> float | None:
    """The median that the scan cut at: the largest score not above it, or halfway to the smallest one above it."""
    rows = columns["n"]
    if counted.spec.shared:
        if counted.spec.weight is not None:
            return None
        rows = columns["w"]
    below = float(rows[~above].sum())
    largest = float(columns["hi"][~above].max())
    if not above.any() or below * 2 > counted.rows + 0.5:
        return largest
    return (largest + float(columns["lo"][above].min())) / 2


def scored(cells: ScoreCells, plan: AuditPlan, features: tuple[str, ...]) -> Scored:
    """The groups of one comparison: every combination of known levels (found, or listed by the plan), also without
    rows, then the found combinations with an unknown level. No features: the whole sample as one group."""
    groups, place = placed(cells, plan, features)
    cell = place * 2 + cells.outcome
    shape = (len(groups), 2)
    above = {
        name: np.bincount(cell, np.where(cells.above, cells.columns[name], 0), 2 * len(groups)).reshape(shape)
        for name in ("n", "w", "w2")
    }
    return Scored(features, groups, _histogram(cells, cell, len(groups)), above)


def placed(cells: ScoreCells, plan: AuditPlan, features: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], Array]:
    """(the groups of a comparison in the order of `scored`, the position of each entry's group among them)."""
    names = list(cells.levels)
    declared = {feature.name: feature.levels for feature in plan.sensitive_features}
    known = [[*dict.fromkeys((*declared[name], *cells.levels[name]))] for name in features]
    groups = list(itertools.product(*([level for level in levels if level != UNKNOWN] for levels in known)))
    found, entry = _combinations(cells, [names.index(name) for name in features])
    groups += sorted(levels for levels in found if UNKNOWN in levels)
    position = {group: number for number, group in enumerate(groups)}
    return tuple(groups), np.array([position[levels] for levels in found])[entry]


def _combinations(cells: ScoreCells, features: list[int]) -> tuple[list[tuple[str, ...]], Array]:
    """(the combinations of levels that occur, the position of each entry's combination among them)."""
    levels = [list(cells.levels.values())[feature] for feature in features]
    number = np.zeros(len(cells.bin), dtype=np.int64)
    for feature, names in zip(features, levels, strict=True):
        number = number * len(names) + cells.codes[feature]
    found, first, entry = np.unique(number, return_index=True, return_inverse=True)
    codes = cells.codes[features][:, first].T if features else np.empty((len(found), 0), dtype=int)
    return [tuple(names[code] for names, code in zip(levels, row, strict=True)) for row in codes], entry


def _histogram(cells: ScoreCells, cell: Array, groups: int) -> Histogram:
    flat, size, shape = cell * cells.bins + cells.bin, groups * 2 * cells.bins, (groups, 2, cells.bins)
    sums = {name: np.bincount(flat, cells.columns[name], size).reshape(shape) for name in _SUMS}
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, flat, cells.columns["lo"])
    np.maximum.at(high, flat, cells.columns["hi"])
    return Histogram(**(sums | {"n": sums["n"].astype(np.int64)}), lo=low.reshape(shape), hi=high.reshape(shape))
