"""A table of rows -> the table of cells, in one scan: all that group rates depend on."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from audits.decisions import Decision, decision_of
from audits.plan import AuditPlan, SensitiveFeature
from audits.plan_features import why_not_alone
from audits.predictions import Predictions, answered
from audits.result import UNKNOWN, Cell, Cells
from audits.scan import Counted, Progress, scan_spec, summed
from audits.scan_duckdb import scan
from audits.spark_scan import scan_spark
from audits.table import Table, count_rows, is_spark, opened, table_digest, table_name
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import pyarrow as pa


def read_cells(
    table: Table,
    plan: AuditPlan,
    *,
    predictions: Predictions | None = None,
    data_digest: str | None = None,
    progress: Progress | None = None,
) -> Cells:
    """Count the rows of `table` by sensitive and control features x outcome x prediction.

    `predictions` has one value per row, in the table's order: a value of the label, or a score where the plan says
    that the model answers one. None: the column `plan.prediction` holds them, or the plan's score makes them (given
    both, `predictions` is measured). `data_digest` None: computed from the table. `progress` is called now and then
    with the share of the scan that is done.

    Raises MeasurementError for data that cannot be measured: no rows; a missing column; a label without exactly two
    values (MULTICLASS: without 2 to 50); a missing label, prediction, score or weight; a score out of its range; a
    weight that is not above 0; probabilities that are none; a joined file with keys that are missing or stand twice,
    or that lacks rows of the data; a feature without any value, with more than `plan.max_levels` levels; more than
    `plan.max_groups` groups of a comparison; probabilities beside other features or a search.
    ConfigurationError where nothing predicts.
    """
    counted = read_counted(table, plan, predictions=predictions, progress=progress)
    return cells_of(counted, plan, data_digest=data_digest or table_digest(table), name=table_name(table))


def class_cells(
    table: Table,
    plan: AuditPlan,
    *,
    predictions: Predictions | None = None,
    data_digest: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Cells]:
    """For every class of label and prediction, sorted: the cells of this class against the rest, all from one scan.

    Raises what `read_cells` raises.
    """
    counted = read_counted(table, plan, predictions=predictions, progress=progress)
    return cells_of_classes(counted, plan, data_digest=data_digest or table_digest(table), name=table_name(table))


def read_counted(
    table: Table,
    plan: AuditPlan,
    *,
    predictions: Predictions | None = None,
    bins: int = 0,
    progress: Progress | None = None,
) -> Counted:
    """The scan itself: what `cells_of` and `cells_of_classes` are made from, and with `bins` the histograms of scores.

    Raises MeasurementError and ConfigurationError as `read_cells` does for what can be seen without looking at values.
    """
    if reason := why_not_alone(plan):
        raise MeasurementError(f"The plan cannot be measured: {reason}.")
    if is_spark(table):
        return scan_spark(table, scan_spec(plan, bins=bins), predictions)
    with opened(table) as source:
        # A model's answers are joined by position: they must be as many as the rows.
        given = None if predictions is None else answered(predictions, _some_rows(count_rows(source), table), plan)
        return scan(source, scan_spec(plan, bins=bins), given, progress=progress)


def cells_of(counted: Counted, plan: AuditPlan, *, data_digest: str, name: str) -> Cells:
    """The cells of a scan. Raises MeasurementError and ConfigurationError as `read_cells` does."""
    decision = decision_of(counted, plan, name)
    _refuse_levels(counted, plan, name)
    return _cells(counted, plan, _decided(counted, decision.favourable, decision), data_digest)


def cells_of_classes(counted: Counted, plan: AuditPlan, *, data_digest: str, name: str) -> dict[str, Cells]:
    """Class -> the cells of this class against the rest, in which the class is the favourable outcome."""
    decision, known = decision_of(counted, plan, name), counted.spec.label is not None
    _refuse_levels(counted, plan, name)
    decided = {
        value: _decided(counted, value if known else None, Decision(value, value, ())) for value in decision.classes
    }
    return {value: _cells(counted, plan, table, data_digest) for value, table in decided.items()}


def level_cells(counted: Counted, plan: AuditPlan, *, data_digest: str, name: str) -> Cells:
    """The rows by their levels alone, where nothing is decided: outcome and prediction are False throughout.

    Raises MeasurementError for levels, as `read_cells` does.
    """
    import pyarrow as pa

    _refuse_levels(counted, plan, name)
    nothing = pa.nulls(counted.table.num_rows, pa.int8()).fill_null(0)
    table = counted.table.append_column("outcome", nothing).append_column("selected", nothing)
    return _cells(counted, plan, summed(table, [*counted.levels, "outcome", "selected"]), data_digest)


def levels_of(cells: Cells) -> dict[str, tuple[str, ...]]:
    """Sensitive and control feature -> the levels that were found, sorted, the unknown one last."""
    found: dict[str, tuple[str, ...]] = {}
    for position, name in enumerate((*cells.features, *cells.controls)):
        levels = {cell.levels[position] for cell in cells.cells}
        found[name] = tuple(sorted(levels, key=lambda level: (level == UNKNOWN, level)))
    return found


def level_notes(cells: Cells, plan: AuditPlan) -> tuple[str, ...]:
    """What a reader must know of the levels: rows without one, and levels that the plan does not name."""
    return tuple(
        note
        for position, feature in enumerate((*plan.sensitive_features, *plan.control_features))
        for note in _notes(feature, _level_sizes(cells, position), cells.row_count)
    )


def unknown_rows(cells: Cells) -> dict[str, int]:
    """Sensitive feature -> the rows without a level."""
    return {name: _level_sizes(cells, position)[UNKNOWN] for position, name in enumerate(cells.features)}


def _some_rows(rows: int, table: Table) -> int:
    if rows == 0:
        raise MeasurementError(f"{table_name(table)} has no rows: there is nothing to measure.")
    return rows


def _level_sizes(cells: Cells, position: int) -> Counter[str]:
    """Rows of each level; with probabilities those with a probability above 0 (of unknown ones: all others are 0)."""
    sizes: Counter[str] = Counter()
    for cell in cells.cells:
        sizes[cell.levels[position]] += cell.n
    return sizes


def _notes(feature: SensitiveFeature, sizes: Counter[str], rows: int) -> Iterable[str]:
    if feature.probabilities:
        yield (
            f"{feature.name} is known by probabilities only: every row counts in each level with its probability. This"
            " is a sensitivity analysis, not a measurement of known groups."
        )
    if sizes[UNKNOWN]:
        what = (
            f"no value, or one that is declared unknown ({', '.join(feature.unknown)})"
            if feature.unknown
            else "no value"
        )
        yield f"{feature.name}: {sizes[UNKNOWN]} of {rows} rows have {what}; shown as a group, never compared."
    named = set(feature.levels) or {name for name, _ in (*feature.merge, *feature.probabilities)}
    undeclared = sorted(sizes.keys() - named - {UNKNOWN}) if named else []
    if undeclared:
        shown = ", ".join(f"{level} ({sizes[level]} rows)" for level in undeclared)
        yield f"{feature.name}: levels that the plan does not name, measured as groups of their own: {shown}."


def _decided(counted: Counted, favourable: str | None, decision: Decision) -> pa.Table:
    """The scan's table with 0 or 1 for outcome and selected in place of label and prediction, equal rows summed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = counted.table
    selected = pc.equal(table["prediction"], decision.selects).cast(pa.int8())
    none = pa.nulls(table.num_rows, pa.int8()).fill_null(0)
    outcome = none if favourable is None else pc.equal(table["label"], favourable).cast(pa.int8())
    keys = [*counted.levels, "outcome", "selected"]
    return summed(table.append_column("outcome", outcome).append_column("selected", selected), keys)


def _cells(counted: Counted, plan: AuditPlan, decided: pa.Table, data_digest: str) -> Cells:
    spec = counted.spec
    return Cells(
        features=tuple(feature.name for feature in plan.sensitive_features),
        cells=tuple(_each_cell(decided, len(spec.features), weighted=spec.weighted)),
        row_count=counted.rows,
        data_digest=data_digest,
        engine=counted.engine,
        controls=tuple(feature.name for feature in plan.control_features),
        weighted=spec.weighted,
        shared=spec.shared,
        labelled=spec.label is not None,
        sensitive_data_digest=None if plan.sensitive_data is None else table_digest(plan.sensitive_data.source),
    )


def _each_cell(decided: pa.Table, features: int, *, weighted: bool) -> Iterator[Cell]:
    columns: Mapping[str, list[Any]] = decided.to_pydict()
    levels = list(zip(*(columns[f"f{position}"] for position in range(features)), strict=True))
    for number, level in enumerate(levels):
        weights = (columns["w"][number], columns["w2"][number]) if weighted else (None, None)
        outcome, selected = bool(columns["outcome"][number]), bool(columns["selected"][number])
        yield Cell(level, outcome, selected, columns["n"][number], *weights)


def _refuse_levels(counted: Counted, plan: AuditPlan, name: str) -> None:
    features = (*plan.sensitive_features, *plan.control_features)
    sizes = {
        feature.name: len(set(counted.table[f"f{position}"].unique().to_pylist()) - {UNKNOWN})
        for position, feature in enumerate(features)
    }
    for position, feature in enumerate(features):
        _refuse_feature(feature, sizes[feature.name], plan, name)
        _refuse_reference(feature, counted.table[f"f{position}"].unique().to_pylist(), name)
    for names in plan.intersections:
        groups = math.prod(sizes[item] for item in names)
        if groups > plan.max_groups:
            raise MeasurementError(
                f"The intersection {' x '.join(names)} has {groups} groups, at most {plan.max_groups} can be compared:"
                " merge values, take fewer features together, or raise [audit] max_groups."
            )


def _refuse_reference(feature: SensitiveFeature, found: list[str], name: str) -> None:
    """A reference that occurs nowhere compares nothing; one that the plan lists as a level may be absent this time."""
    known = {*feature.levels, *feature.labels, *(level for level, _ in feature.merge), *found} - {UNKNOWN}
    if feature.reference is None or feature.reference in known or feature.probabilities:
        return
    close = difflib.get_close_matches(feature.reference, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise MeasurementError(
        f"{name}: the reference {feature.reference!r} of sensitive feature {feature.name!r} is in no row.{hint} Found:"
        f" {', '.join(sorted(known))}."
    )


def _refuse_feature(feature: SensitiveFeature, levels: int, plan: AuditPlan, name: str) -> None:
    kind = "Control" if feature in plan.control_features else "Sensitive"
    called = f"{kind} feature {feature.name!r} (column {feature.column!r})"
    if levels == 0:
        raise MeasurementError(
            f"{name}: {called} has no value in any row: nobody is in a known group. Complete the column, or take the"
            " feature out of the plan."
        )
    if levels > plan.max_levels:
        raise MeasurementError(
            f"{called} has {levels} levels, at most {plan.max_levels} can be compared: give cuts for a number, merge"
            " values, or raise [audit] max_levels."
        )
