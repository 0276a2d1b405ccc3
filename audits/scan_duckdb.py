"""The scan by DuckDB: streaming, out of core, on every processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import Any, TypeVar

from audits.joined import check_rows, joined_source
from audits.plan import MEDIAN
from audits.predictions import Encoded, Scores
from audits.scan import MAX_RAW_GROUPS, Counted, Progress, ScanSpec, most_groups, settled
from audits.scan_sql import declared_in, distinct_sql, is_score_cut, scan_sql
from audits.score_median import median_of
from audits.table import Source, count_rows, engine, opened_beside
from governance.errors import ConfigurationError, MeasurementError

_LOOK_EVERY = 0.2

T = TypeVar("T")


def scan(
    source: Source, spec: ScanSpec, predictions: Encoded | Scores | None = None, *, progress: Progress | None = None
) -> Counted:
    """Count the rows of `source` as `spec` says; `predictions` has one per row, in the source's order, and wins over a
    column. `progress` is told now and then the share that is done.

    Raises what `settled` raises, and MeasurementError for a column that is missing or no number where one is needed,
    keys of a joined file that are missing, not unique or ambiguous, a join that changes the number of rows, more than
    MAX_RAW_GROUPS groups; ConfigurationError where the score that decides is nowhere.
    """
    rows, spec = rows_of(source, spec, predictions)
    values = predictions.values if isinstance(predictions, Encoded) else None
    found = _scan(rows, spec, values, progress)
    if spec.joined is not None:
        check_rows(source.name, spec.joined, count_rows(source), found.rows)
    return found


def rows_of(
    source: Source, spec: ScanSpec, predictions: Encoded | Scores | None = None, *, also: Sequence[str] = ()
) -> tuple[Source, ScanSpec]:
    """The rows with the columns that `spec` names (and `also`), those of the joined file and what a model answered.

    The spec that comes back names the column of the answers. Raises what `joined_source` raises.
    """
    columns = [*_used(spec), *also, *(spec.joined.key if spec.joined else ())]
    rows = source.only([column for column in columns if column in source.columns])
    if predictions is not None:
        rows, spec = _answered(rows, spec, predictions)
    if spec.joined is not None:
        rows = joined_source(rows, opened_beside(source, spec.joined.source), spec.joined, {*_used(spec), *also})
    return rows, spec


def _scan(source: Source, spec: ScanSpec, values: tuple[str | None, ...] | None, progress: Progress | None) -> Counted:
    cut = is_score_cut(spec)
    if cut and spec.score is not None and spec.score.column is None:
        raise ConfigurationError(
            "The score decides, but the plan names no column of scores, and no model was scored. Add `score` to the"
            " plan, or give a model."
        )
    median = _median(source, spec) if cut and spec.score is not None and spec.score.cutoff == MEDIAN else None
    query = scan_sql(source, spec, median=median)
    raw = _watched(source.connection, lambda: _fetched(source.connection, query.sql, query.params), progress)
    if raw.num_rows > most_groups(spec):
        raise MeasurementError(_too_many_values(source, spec))
    return settled(raw, spec, name=source.name, engine=engine(), values=values, cut=cut)


def _answered(source: Source, spec: ScanSpec, predictions: Encoded | Scores) -> tuple[Source, ScanSpec]:
    """The rows with what the model answered, joined by position: both sides keep their row order."""
    name = "fairgate_answer"
    while name in source.columns:
        name += "_"
    source.connection.register("fairgate_answers", predictions.table(name))
    # Directly on the reader: with a query between them DuckDB would hold one side in memory.
    relation = f"(SELECT * FROM {source.relation} POSITIONAL JOIN fairgate_answers)"  # noqa: S608
    decided = isinstance(predictions, Encoded)
    found = replace(source, relation=relation, columns={**source.columns, name: "INTEGER" if decided else "DOUBLE"})
    if decided:
        return found, replace(spec, prediction=name)
    if spec.score is None:
        raise ConfigurationError("The model answers scores, but the plan declares none: add [data] score_range.")
    return found, replace(spec, score=replace(spec.score, column=name))


def _used(spec: ScanSpec) -> tuple[str, ...]:
    """The columns that the scan reads."""
    features = [feature.column for feature in spec.features if not feature.probabilities]
    shares = [column for feature in spec.features for _, column in feature.probabilities]
    score = spec.score.column if spec.score else None
    names = (*features, *shares, spec.label, spec.prediction, spec.weight, score, spec.target)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _median(source: Source, spec: ScanSpec) -> float:
    """The median of the full sample, rows of unknown groups included."""
    assert spec.score is not None and spec.score.column is not None  # noqa: S101
    declared = declared_in(source, spec.score)
    return median_of(source, spec.score.column, declared.low, declared.high)


def _fetched(connection: Any, sql: str, params: tuple[Any, ...]) -> Any:
    return connection.sql(sql, params=list(params)).to_arrow_table()


def _watched(connection: Any, run: Callable[[], T], progress: Progress | None) -> T:
    """What `run` returns. It runs in a second thread, so that `progress` is called (and may raise) in this one."""
    if progress is None:
        return run()
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(run)
        try:
            while True:
                try:
                    found = running.result(timeout=_LOOK_EVERY)
                except NotYet:
                    progress(min(max(connection.query_progress() / 100, 0.0), 1.0))
                else:
                    progress(1.0)
                    return found
        except BaseException:
            connection.interrupt()
            raise


def _too_many_values(source: Source, spec: ScanSpec) -> str:
    """Which column is to blame when the scan finds more groups than any audit has."""
    wanted = {spec.label: "label"} if spec.label else {}
    wanted |= {spec.prediction: "prediction"} if spec.prediction else {}
    wanted |= {item.column: "sensitive" for item in spec.features if not item.cuts and not item.probabilities}
    found = source.rows(distinct_sql(source, list(wanted)), source.params)[0]
    shown = ", ".join(f"{kind} column {column!r}: {n}" for (column, kind), n in zip(wanted.items(), found, strict=True))
    return (
        f"{source.name} has more than {MAX_RAW_GROUPS} combinations of values (distinct values of {shown}). A label"
        " and a prediction need exactly two values (or a class each), a sensitive feature few levels: give cuts or"
        " merge values."
    )
