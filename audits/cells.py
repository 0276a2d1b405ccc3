"""A table of rows -> the table of cells, in one scan: all that group rates depend on.

The scan groups by the sensitive columns, the label and the prediction as they stand; what a plan makes of the values
(levels, favourable or not) is decided on the few hundred groups that come back, in Python, where a person can read it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from audits.plan import AuditPlan, SensitiveFeature
from audits.predictions import Encoded, encoded
from audits.result import UNKNOWN, Cell, Cells
from audits.table import Source, Table, as_text, count_rows, engine, opened, quoted, table_digest
from governance.errors import ConfigurationError, MeasurementError

if TYPE_CHECKING:
    import numpy as np

Predictions: TypeAlias = "np.ndarray[Any, Any]"

MAX_LEVELS = 50
"""Levels of one sensitive feature: with more, it is a number without cuts or an identifier."""

MAX_GROUPS = 1_000
"""Groups of one comparison, empty intersections included."""

_MAX_RAW_GROUPS = 100_000
_SHOWN_VALUES = 5
_BOOLEANS = ("true", "false")


class RawGroup(NamedTuple):
    """`n` rows with the same sensitive values, label and prediction, as text; None is missing."""

    values: tuple[str | None, ...]
    label: str | None
    prediction: str | None
    n: int


@dataclass(frozen=True, slots=True)
class BinaryLabel:
    """The two values of the label as they stand in the table."""

    favourable: str
    other: str

    def selects(self, prediction: str) -> bool:
        """Is this prediction the favourable value?"""
        return prediction == self.favourable


def read_cells(
    table: Table, plan: AuditPlan, *, predictions: Predictions | None = None, data_digest: str | None = None
) -> Cells:
    """Count the rows of `table` by sensitive features x outcome x prediction.

    `predictions` has one value per row, in the table's order, from the label's two values; None: the column
    `plan.prediction` holds them (given both, the array is measured). `data_digest` None: computed from the table.

    Raises MeasurementError for a missing column, no rows, a label without exactly two values, a missing label or
    prediction, a prediction that is neither label value, a length that differs, more than MAX_LEVELS levels of a
    feature or MAX_GROUPS groups of a comparison; ConfigurationError where nothing predicts.
    """
    with opened(table) as source:
        rows = count_rows(source)
        if rows == 0:
            raise MeasurementError(f"{source.name} has no rows: there is nothing to measure.")
        groups = _scan(source, plan, None if predictions is None else encoded(predictions, rows))
    label = _binary_label(groups, plan, source.name)
    _check_predictions(groups, label, plan, source.name)
    cells = _cells(groups, plan, label)
    _refuse_too_many_levels(cells, plan)
    if (counted := sum(cell.n for cell in cells)) != rows:
        raise MeasurementError(f"{source.name}: {counted} of {rows} rows were counted; did the file change meanwhile?")
    names = tuple(feature.name for feature in plan.sensitive_features)
    return Cells(names, cells, rows, data_digest or table_digest(table), engine())


def levels_of(cells: Cells) -> dict[str, tuple[str, ...]]:
    """Sensitive feature -> the levels that were found, sorted, the unknown one last."""
    found: dict[str, tuple[str, ...]] = {}
    for position, name in enumerate(cells.features):
        levels = {cell.levels[position] for cell in cells.cells}
        found[name] = tuple(sorted(levels, key=lambda level: (level == UNKNOWN, level)))
    return found


def level_notes(cells: Cells, plan: AuditPlan) -> tuple[str, ...]:
    """What a reader must know of the levels: rows without one, and levels that the plan does not name."""
    return tuple(
        note
        for position, feature in enumerate(plan.sensitive_features)
        for note in _notes(feature, _level_sizes(cells, position), cells.row_count)
    )


def unknown_rows(cells: Cells) -> dict[str, int]:
    """Sensitive feature -> the rows without a level."""
    return {name: _level_sizes(cells, position)[UNKNOWN] for position, name in enumerate(cells.features)}


def _level_sizes(cells: Cells, position: int) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for cell in cells.cells:
        sizes[cell.levels[position]] += cell.n
    return sizes


def _notes(feature: SensitiveFeature, sizes: Counter[str], rows: int) -> Iterable[str]:
    if sizes[UNKNOWN]:
        yield f"{feature.name}: {sizes[UNKNOWN]} of {rows} rows have no value; shown as a group, never compared."
    named = set(feature.levels) or {name for name, _ in feature.merge}
    undeclared = sorted(sizes.keys() - named - {UNKNOWN}) if named else []
    if undeclared:
        shown = ", ".join(f"{level} ({sizes[level]} rows)" for level in undeclared)
        yield f"{feature.name}: levels that the plan does not name, measured as groups of their own: {shown}."


def _scan(source: Source, plan: AuditPlan, predictions: Encoded | None) -> list[RawGroup]:
    """The one GROUP BY. Parameters are bound in the order of their question marks: cuts first, then files."""
    columns, params = _feature_columns(source, plan)
    label = source.require(plan.label, "the label")
    relation, prediction = _with_predictions(source, plan, predictions)
    names = ", ".join([*columns, label, prediction])
    sql = f"SELECT {names}, count(*) FROM {relation} GROUP BY ALL LIMIT {_MAX_RAW_GROUPS + 1}"  # noqa: S608
    found = source.rows(sql, (*params, *source.params))
    if len(found) > _MAX_RAW_GROUPS:
        raise MeasurementError(_too_many_values(source, plan))
    texts = None if predictions is None else predictions.values
    return [
        RawGroup(
            values=tuple(map(as_text, row[:-3])),
            label=_decision(row[-3]),
            prediction=_decision(texts[row[-2]] if texts else row[-2]),
            n=row[-1],
        )
        for row in found
    ]


def _decision(value: object) -> str | None:
    """A label or prediction as text; True in a CSV file, true in Parquet and numpy's True are the same value."""
    text = as_text(value)
    return text.lower() if text is not None and text.lower() in _BOOLEANS else text


def _feature_columns(source: Source, plan: AuditPlan) -> tuple[list[str], list[float]]:
    columns, params = [], []
    for feature in plan.sensitive_features:
        column = source.require(feature.column, f"the sensitive feature {feature.name!r}")
        if feature.cuts:
            _check_cuts(source, feature)
            whens = " ".join(f"WHEN {column} < ? THEN {position}" for position in range(len(feature.cuts)))
            missing = f"WHEN {column} IS NULL OR isnan({column}::DOUBLE) THEN NULL"
            column = f"CASE {missing} {whens} ELSE {len(feature.cuts)} END"
            params += list(feature.cuts)
        columns.append(column)
    return columns, params


def _check_cuts(source: Source, feature: SensitiveFeature) -> None:
    if not source.is_number(feature.column):
        kind = source.columns[feature.column]
        raise MeasurementError(
            f"{source.name}: column {feature.column!r} is {kind}, but the plan cuts sensitive feature"
            f" {feature.name!r} at {', '.join(map(str, feature.cuts))}: give a numeric column, or merge values."
        )
    if list(feature.cuts) != sorted(set(feature.cuts)) or len(feature.labels) not in (0, len(feature.cuts) + 1):
        raise ConfigurationError(
            f"Sensitive feature {feature.name!r}: cuts must ascend, and {len(feature.cuts)} cuts make"
            f" {len(feature.cuts) + 1} levels, so give that many labels or none."
        )


def _with_predictions(source: Source, plan: AuditPlan, predictions: Encoded | None) -> tuple[str, str]:
    """(relation, prediction expression). The array is joined by position: both sides keep their row order."""
    if predictions is None:
        if plan.prediction is None:
            raise ConfigurationError(
                "Nothing predicts: the plan names no prediction column, and no model was scored. Add `prediction` to"
                " the plan, or give a model."
            )
        return source.relation, source.require(plan.prediction, "the prediction")
    name = "fairgate_prediction"
    while name in source.columns:
        name += "_"
    source.connection.register("fairgate_predictions", predictions.table(name))
    return f"{source.relation} POSITIONAL JOIN fairgate_predictions", quoted(name)


def _too_many_values(source: Source, plan: AuditPlan) -> str:
    """Which column is to blame when the scan finds more groups than any audit has."""
    wanted = {plan.label: "label"} | ({plan.prediction: "prediction"} if plan.prediction else {})
    wanted |= {feature.column: "sensitive" for feature in plan.sensitive_features if not feature.cuts}
    counts = ", ".join(f"count(DISTINCT {quoted(column)})" for column in wanted)
    found = source.rows(f"SELECT {counts} FROM {source.relation}", source.params)[0]  # noqa: S608
    shown = ", ".join(f"{kind} column {column!r}: {n}" for (column, kind), n in zip(wanted.items(), found, strict=True))
    return (
        f"{source.name} has more than {_MAX_RAW_GROUPS} combinations of values (distinct values of {shown}). A label"
        f" and a prediction need exactly two values, a sensitive feature at most {MAX_LEVELS} levels: give cuts or"
        " merge values."
    )


def _binary_label(groups: Sequence[RawGroup], plan: AuditPlan, name: str) -> BinaryLabel:
    if missing := sum(group.n for group in groups if group.label is None):
        raise MeasurementError(
            f"{name}: the label {plan.label!r} is missing in {missing} rows. Remove these rows, or complete them."
        )
    values = sorted({group.label for group in groups if group.label is not None})
    if len(values) != 2:
        raise MeasurementError(
            f"{name}: the label {plan.label!r} has {len(values)} values ({_shown(values)}); an audit of a binary"
            " decision needs exactly two. Remove or join values before the audit."
        )
    favourable = [value for value in values if _same(value, plan.favourable)]
    if len(favourable) != 1:
        raise MeasurementError(
            f"{name}: the label {plan.label!r} has the values {_shown(values)}, but the plan's favourable value is"
            f" {plan.favourable!r}: name one of them."
        )
    return BinaryLabel(favourable[0], values[1 - values.index(favourable[0])])


def _check_predictions(groups: Sequence[RawGroup], label: BinaryLabel, plan: AuditPlan, name: str) -> None:
    if missing := sum(group.n for group in groups if group.prediction is None):
        raise MeasurementError(
            f"{name}: the prediction is missing (null or NaN) in {missing} rows. The model must answer on every row."
        )
    strange = sorted({group.prediction for group in groups if group.prediction} - {label.favourable, label.other})
    if strange:
        raise MeasurementError(
            f"{name}: {len(strange)} predicted values are none of the label {plan.label!r} (predicted:"
            f" {_shown(strange)}; label: {label.favourable}, {label.other}). The model must predict the label's own"
            " values: map its classes, or cut its scores at the value in use, before the audit."
        )


def _cells(groups: Sequence[RawGroup], plan: AuditPlan, label: BinaryLabel) -> tuple[Cell, ...]:
    counts: Counter[tuple[tuple[str, ...], bool, bool]] = Counter()
    names = [_level_names(feature) for feature in plan.sensitive_features]
    for group in groups:
        levels = tuple(_level(value, known) for value, known in zip(group.values, names, strict=True))
        selected = group.prediction is not None and label.selects(group.prediction)
        counts[levels, group.label == label.favourable, selected] += group.n
    return tuple(Cell(*key, n) for key, n in sorted(counts.items()))


def _level(value: str | None, names: dict[str, str]) -> str:
    return UNKNOWN if value is None else names.get(value, value)


def _level_names(feature: SensitiveFeature) -> dict[str, str]:
    """Value of the scan -> level: positions of cuts become labels, merged values their level."""
    merged = {value: name for name, values in feature.merge for value in values}
    if not feature.cuts:
        return merged
    labels = feature.labels or cut_labels(feature.cuts)
    return {str(position): merged.get(label, label) for position, label in enumerate(labels)}


def cut_labels(cuts: Sequence[float]) -> tuple[str, ...]:
    """Names for levels without labels; lower ends belong to the level: (25, 40) -> "<25", "25-<40", ">=40"."""
    texts = [as_text(float(cut)) or "" for cut in cuts]
    middle = [f"{low}-<{high}" for low, high in pairwise(texts)]
    return (f"<{texts[0]}", *middle, f">={texts[-1]}")


def _refuse_too_many_levels(cells: tuple[Cell, ...], plan: AuditPlan) -> None:
    features = plan.sensitive_features
    sizes = {f.name: len({cell.levels[position] for cell in cells} - {UNKNOWN}) for position, f in enumerate(features)}
    for feature in features:
        if sizes[feature.name] > MAX_LEVELS:
            raise MeasurementError(
                f"Sensitive feature {feature.name!r} (column {feature.column!r}) has {sizes[feature.name]} levels, at"
                f" most {MAX_LEVELS} can be compared: give cuts for a number, or merge values."
            )
    for names in plan.intersections:
        groups = math.prod(sizes[name] for name in names)
        if groups > MAX_GROUPS:
            raise MeasurementError(
                f"The intersection {' x '.join(names)} has {groups} groups, at most {MAX_GROUPS} can be compared:"
                " merge values, or take fewer features together."
            )


def _same(value: str, declared: str) -> bool:
    """Does the plan mean this value? 1.0 is 1, and True is true; other text must be equal."""
    if value == declared or (value in _BOOLEANS and value == declared.lower()):
        return True
    try:
        return float(value) == float(declared)
    except ValueError:
        return False


def _shown(values: Sequence[str]) -> str:
    rest = f", and {len(values) - _SHOWN_VALUES} more" if len(values) > _SHOWN_VALUES else ""
    return ", ".join(values[:_SHOWN_VALUES]) + rest
