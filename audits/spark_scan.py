"""The scan by Apache Spark: the same groups as by DuckDB, counted where the rows are.

Expressions are Narwhals', which say the same on any engine; only what comes back, one row for each group, leaves Spark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from audits.joined import check_rows, joined_source
from audits.plan import MEDIAN, Score
from audits.row_expressions import MATCHED, ONCE, row_columns
from audits.scan import SUMS, Counted, ScanSpec, keys_of, most_groups, settled
from audits.scan_sql import declared_in, is_score_cut, scan_sql
from audits.score_median import median_of
from audits.source_uri import table_address
from audits.spark_source import (
    SparkAnswers,
    SparkRows,
    SparkTable,
    collected,
    column_of,
    in_spark,
    spark_engine,
    spark_table,
)
from audits.table import Source, opened, opened_beside, quoted, table_name
from governance.errors import ConfigurationError, MeasurementError


def scan_spark(table: SparkTable | str, spec: ScanSpec, predictions: object = None) -> Counted:
    """Count the rows of `table` as `spec` says; equal to `scan_duckdb.scan` of the same rows.

    `table` may be an address spark:... `predictions` are a model's `SparkAnswers`; they win over a column.

    Raises what `scan_duckdb.scan` raises, and MeasurementError for predictions that did not come from Spark: its rows
    have no order by which they could be joined.
    """
    if predictions is not None:
        return _scan(*_answered(table, spec, predictions))
    return _scan(spark_table(table_address(table)) if isinstance(table, str) else table, spec)


def _answered(table: SparkTable | str, spec: ScanSpec, predictions: object) -> tuple[SparkTable, ScanSpec]:
    if not isinstance(predictions, SparkAnswers):
        raise MeasurementError(
            f"{table_name(table)}: predictions cannot be joined to rows of Spark, which have no order. Write them into"
            " a column and name it in [data] prediction, or score where the rows are."
        )
    if spec.score is not None and spec.score.column is None:
        return predictions.table, replace(spec, score=replace(spec.score, column=predictions.column))
    return predictions.table, replace(spec, prediction=predictions.column)


def _scan(table: SparkTable, spec: ScanSpec) -> Counted:
    import narwhals as nw

    _refuse_nowhere(spec)
    with opened(table) as data:
        source, joined = _joined(data, spec)
        scan_sql(source, spec, median=0.0)  # for its checks of columns and types; the statement is not run
        frame, names = _needed(table, spec, source, joined)
        declared = None if spec.score is None or spec.score.column is None else declared_in(source, spec.score)
    by_median = is_score_cut(spec) and spec.score is not None and spec.score.cutoff == MEDIAN
    median = _median(SparkTable(frame, table.name), declared, names) if by_median and declared is not None else None
    rows = nw.from_native(_expanded(frame, spec))
    raw = _grouped(rows, spec, row_columns(spec, names, _floats(rows), median, _singles(rows)))
    if raw.num_rows > most_groups(spec):
        raise MeasurementError(
            f"{table.name} has more than {most_groups(spec)} combinations of values. A label and a prediction need"
            " exactly two values (or a class each), a sensitive feature few levels: give cuts or merge values."
        )
    found = settled(raw, spec, name=table.name, engine=spark_engine(), cut=is_score_cut(spec))
    if spec.joined is not None:
        check_rows(table.name, spec.joined, table.frame.count(), found.rows)
    return found


def _refuse_nowhere(spec: ScanSpec) -> None:
    if is_score_cut(spec) and spec.score is not None and spec.score.column is None:
        raise ConfigurationError(
            "The score decides, but the plan names no column of scores, and no model was scored. Add `score` to the"
            " plan, or give a model."
        )


def used_columns(spec: ScanSpec) -> tuple[str, ...]:
    """The columns that a scan reads, in a fixed order."""
    found = [feature.column for feature in spec.features if not feature.probabilities]
    found += [column for feature in spec.features for _, column in feature.probabilities]
    found += [spec.label or "", spec.prediction or "", spec.weight or "", spec.target or ""]
    found += [spec.score.column or ""] if spec.score is not None else []
    return tuple(dict.fromkeys(name for name in found if name))


def _joined(source: Source, spec: ScanSpec) -> tuple[Source, Any]:
    """(the columns after the join, the joined file's rows as Arrow, or None). Keys are checked, rows not yet joined."""
    if spec.joined is None:
        return source, None
    other = opened_beside(source, spec.joined.source)
    found = joined_source(source, other, spec.joined, set(used_columns(spec)))
    taken = [name for name in found.columns if name in other.columns and name not in source.columns]
    wanted = ", ".join(map(quoted, (*spec.joined.key, *taken)))
    query = f"SELECT {wanted} FROM {other.relation}"  # noqa: S608
    return found, source.connection.sql(query, params=list(other.params)).to_arrow_table()


def _needed(table: SparkTable, spec: ScanSpec, source: Source, joined: Any) -> tuple[Any, Mapping[str, str]]:
    """(a frame of the used columns only, called c0, c1, ..., column -> its name there)."""
    names = {name: f"c{position}" for position, name in enumerate(used_columns(spec)) if name in source.columns}
    frame = table.frame
    if spec.joined is not None:
        here = set(frame.columns)
        keys = {name: f"k{position}" for position, name in enumerate(spec.joined.key)}
        mine = [column_of(name).alias(names[name]) for name in names if name in here]
        frame = frame.select(*mine, *(column_of(name).alias(keys[name]) for name in keys))
        other = in_spark(joined.append_column(MATCHED, [[True] * joined.num_rows]), table)
        others = [column_of(name).alias(names[name]) for name in joined.column_names if name not in here]
        other = other.select(*(column_of(name).alias(keys[name]) for name in keys), *others, column_of(MATCHED))
        return frame.join(other, list(keys.values()), "left"), names
    return frame.select(*(column_of(name).alias(short) for name, short in names.items())), names


def _expanded(frame: Any, spec: ScanSpec) -> Any:
    """Every row once for each level of a feature known by probabilities, and once for unknown."""
    for position, feature in enumerate(spec.features):
        if feature.probabilities:
            levels = frame.sparkSession.range(len(feature.probabilities) + 1).withColumnRenamed("id", f"l{position}")
            frame = frame.crossJoin(levels)
    return frame


def _floats(frame: Any) -> frozenset[str]:
    """The columns that can hold NaN."""
    return frozenset(name for name, kind in frame.collect_schema().items() if kind.is_float())


def _singles(frame: Any) -> frozenset[str]:
    """The columns of float32."""
    import narwhals as nw

    return frozenset(name for name, kind in frame.collect_schema().items() if kind == nw.Float32)


def _median(table: SparkTable, score: Score, names: Mapping[str, str]) -> float:
    """The exact median of the full sample, by the same looks at the rows as on DuckDB: Spark understands their SQL."""
    assert score.column is not None  # noqa: S101
    rows = cast("Source", SparkRows(table, names))
    return median_of(rows, score.column, score.low, score.high)


def _grouped(frame: Any, spec: ScanSpec, columns: Mapping[str, Any]) -> Any:
    """The one group-by, as `scan.settled` takes it."""
    import narwhals as nw

    def total(name: str) -> Any:
        return nw.col(name).sum().alias(name)

    wanted = [total(name) for name in ("n", *ONCE, *SUMS) if name in columns]
    wanted += [nw.col(name).min().alias(name) for name in ("w_min", "lo") if name in columns]
    wanted += [nw.col(name).max().alias(name) for name in ("hi",) if name in columns]
    inner = frame.select(*(expression.alias(name) for name, expression in columns.items()))
    return collected(inner.group_by(keys_of(columns)).agg(*wanted).head(most_groups(spec) + 1).to_native())
