"""The one pass over the rows, whatever engine makes it: what it is asked, and what it gives back.

An engine groups the rows by the columns of a `ScanSpec` as they stand and hands the groups to `settled`; what a plan
makes of the values (levels, text) is decided here, once for all engines, on the few groups that come back. Memory
grows with the number of groups, never with that of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from audits.levels import decision, level_namer
from audits.plan import AuditPlan, JoinedFile, Score, SensitiveFeature, Task
from audits.table import table_name
from governance.errors import MeasurementError

if TYPE_CHECKING:
    import pyarrow as pa

Progress: TypeAlias = Callable[[float], None]
"""Called now and then during a scan with the share that is done, from 0 to 1."""

MAX_RAW_GROUPS = 100_000
"""Groups of a scan (twenty times as many with bins): with more, a column is an identifier or a number without cuts."""

SUM_TOLERANCE = 1e-6
"""How far the probabilities of a row may be from 1 together."""

LEAST_WEIGHT = 1e-100
"""The smallest weight: squares of smaller ones, summed, are no longer told from 0."""

LOG_FLOOR = 2.0**-52
"""Scores are held this far from 0 and 1 before a logarithm, as in sklearn.metrics.log_loss for float64."""

_KEYS = ("label", "prediction", "bin")
POWERS = MappingProxyType({"p": 4, "y": 2, "r": 4, "a": 1})
"""Number of a regression -> the highest power of it that is summed: what means, errors and their variances need."""

MOMENTS = tuple(f"{name}{power}" for name, most in POWERS.items() for power in range(1, most + 1))
"""p1, ..., p4, y1, y2, r1, ..., r4, a1: see `Counted`."""

SUMS = ("w", "w2", "s", "s2", "lp", "lq", *MOMENTS, *(f"{name}_w2" for name in MOMENTS))
_HOW = {"n": "sum"} | dict.fromkeys(SUMS, "sum") | {"lo": "min", "hi": "max"}
_CHECKS = ("w_missing", "w_min", "rows", "unmatched", "target_bad")
_DIGITS = 14


@dataclass(frozen=True, slots=True)
class ScanSpec:
    """What to count. `features` are the sensitive ones, then the control features.

    `label` and `prediction` are columns, or None where there is none. A `score` with a cutoff makes the prediction
    where no column and no model does. `bins` > 0: the score's declared range is cut into so many bins of equal width,
    bin = min(bins - 1, floor((score - low) / (high - low) * bins)), computed in float64 in this order. Cutoff, cuts
    and the ends of the range are compared in the column's type: rounded to float32 where it is one. `joined` names
    the file with the columns that the data does not have. `moments`: the score is the prediction of a number, and
    `target` the column with the true one (None: unknown), within the same range; their powers are summed.
    """

    features: tuple[SensitiveFeature, ...]
    label: str | None
    prediction: str | None = None
    weight: str | None = None
    score: Score | None = None
    bins: int = 0
    joined: JoinedFile | None = None
    moments: bool = False
    target: str | None = None

    @property
    def shared(self) -> bool:
        """Does a row count in several groups, by probabilities?"""
        return any(feature.probabilities for feature in self.features)

    @property
    def weighted(self) -> bool:
        """Are there columns w and w2?"""
        return self.weight is not None or self.shared

    @property
    def logs(self) -> bool:
        """Are there columns of logarithms? Only where the score can be a probability."""
        return self.bins > 0 and self.score is not None and self.score.low >= 0 and self.score.high <= 1

    @property
    def summed(self) -> tuple[str, ...]:
        """Those of MOMENTS that are asked for."""
        if not self.moments or not self.bins:
            return ()
        return MOMENTS if self.target is not None else tuple(name for name in MOMENTS if name[0] == "p")


@dataclass(frozen=True, slots=True)
class Counted:
    """What a scan found: `table` has one row for each group that occurs, sorted by its keys.

    Columns of `table` (pyarrow):
    - f0 .. fk (string): the levels of `spec.features`, UNKNOWN where a row has none; never null
    - label, prediction (string, null where missing): only those that apply. `cut`: the prediction comes from the
      score, "true" at or above the cutoff (above the median), "false" below
    - bin (int64): with bins, 0 .. bins - 1
    - n (int64): rows, >= 1; with probabilities the rows whose probability is above 0
    - w, w2 (double): with weights or probabilities, sum and sum of squares of weight x probability
    - s, s2 (double): with bins, the sums of score and score^2, each times the row's weight; lp, lq where the range lies
      in [0, 1]: the sums of ln(score) and ln(1 - score), likewise, the score held `LOG_FLOOR` from 0 and 1
    - lo, hi (double): with bins, the smallest and the largest score
    - p1 .. p4, y1, y2, r1 .. r4, a1 (double): with `moments` and bins, the sums of the powers of p, y, r and a, each
      times the row's weight; with weights p1_w2 and so on, times its square. In units that lie in [-1, 1], so that
      sums do not lose their digits to an offset: p and y are prediction and outcome, from the middle of the range in
      halves of it; r is prediction - outcome in ranges, a its absolute value

    `rows` is the number of rows of the data: sum(n) but for probabilities. DuckDB adds whole numbers in fixed point
    (`exact_sums`), so that equal rows give equal bits, whatever their order and the threads. Sums of doubles are
    rounded to 14 significant digits: of engines that add doubles, such as Spark, most give the same then.
    """

    table: pa.Table
    spec: ScanSpec
    rows: int
    engine: str
    cut: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the columns with levels: f0 .. fk."""
        return tuple(f"f{position}" for position in range(len(self.spec.features)))


def scan_spec(plan: AuditPlan, *, bins: int = 0) -> ScanSpec:
    """What `plan` asks of a scan, with so many bins of its score.

    A regression's label and prediction are numbers, no keys: its prediction is the score.
    """
    numbers = plan.task is Task.REGRESSION
    score = plan.score
    if numbers and score is not None and score.column is None:
        score = replace(score, column=plan.prediction)
    return ScanSpec(
        features=(*plan.sensitive_features, *plan.control_features),
        label=None if numbers else plan.label,
        prediction=None if numbers else plan.prediction,
        weight=plan.weight,
        score=score,
        bins=bins,
        joined=plan.sensitive_data,
        moments=numbers,
        target=plan.label if numbers else None,
    )


def most_groups(spec: ScanSpec) -> int:
    """How many groups an engine hands over at most; it stops at one more."""
    return MAX_RAW_GROUPS * (20 if spec.bins else 1)


def settled(
    raw: pa.Table,
    spec: ScanSpec,
    *,
    name: str,
    engine: str,
    values: Sequence[str | None] | None = None,
    cut: bool = False,
) -> Counted:
    """The groups of an engine as `Counted`: values become levels and texts, groups that are then equal become one.

    `raw` has the columns of `Counted.table` with f0 .. fk as the column's own values (with cuts: the level's position,
    null where missing; with probabilities: the position of the level, the number of levels where all are missing, -1
    where they are no probabilities), label and prediction as they stand (`values`: prediction is a position in it),
    bin -1 (without bins: prediction null) where a score is missing or out of range. Further columns, for checks:
    with weights w_missing (rows whose weight is null) and w_min; with a joined file unmatched (rows without a match);
    with probabilities rows: these three count a row once, whatever the number of its levels. Groups that become one
    are added in the order of `raw`: an engine that sorts it gives equal bits. `name` is what messages call the data.

    Raises MeasurementError for no rows, weights that are missing, not finite or not above 0, probabilities that are
    none, scores that are missing or out of range, rows without a match in the joined file.
    """
    import pyarrow.compute as pc

    _check(raw, spec, name, cut=cut)
    rows = int(pc.sum(raw["rows" if spec.shared else "n"]).as_py())
    kept = raw.filter(pc.greater(raw["n"], 0)).drop_columns([item for item in _CHECKS if item in raw.column_names])
    for position, feature in enumerate(spec.features):
        kept = _replaced(kept, f"f{position}", level_namer(feature))
    if "label" in kept.column_names:
        kept = _replaced(kept, "label", decision)
    if "prediction" in kept.column_names:
        kept = _replaced(kept, "prediction", decision if values is None else _looked_up(values))
    return Counted(summed(kept), spec, rows, engine, cut)


def summed(table: pa.Table, keys: Sequence[str] | None = None) -> pa.Table:
    """Rows with equal keys (None: f0 .. fk, label, prediction and bin) become one, sorted by them.

    n and the other sums are added up, lo and hi are the ends of all; what is neither key nor one of these is left out.
    """
    import pyarrow as pa

    by = keys_of(table.column_names) if keys is None else list(keys)
    how = {name: rule for name, rule in _HOW.items() if name in table.column_names}
    grouped = table.group_by(by, use_threads=False).aggregate(list(how.items()))
    named = {f"{name}_{rule}": name for name, rule in how.items()}
    found = grouped.rename_columns([named.get(name, name) for name in grouped.column_names])
    found = found.select([*by, *how]).sort_by([(name, "ascending") for name in by])
    for name in SUMS:
        if name in how:
            column = pa.array(significant(found[name].to_numpy()), pa.float64())
            found = found.set_column(found.column_names.index(name), name, column)
    return found


def keys_of(names: Iterable[str]) -> list[str]:
    """Those of the column names that are keys of a scan: f0 .. fk, label, prediction, bin."""
    return [name for name in names if (name[0] == "f" and name[1:].isdigit()) or name in _KEYS]


def significant(numbers: Any) -> Any:
    """float64 numbers rounded to 14 significant digits."""
    import numpy as np

    with np.errstate(divide="ignore"):
        exponent = np.where(numbers == 0, 0, np.floor(np.log10(np.abs(numbers))))
    scale = 10.0 ** np.clip(_DIGITS - 1 - exponent, -300, 300)
    return np.round(numbers * scale) / scale


def in_type(number: float, *, single: bool) -> float:
    """A number of a plan as a column holds it: `single`, in float32, so that the 0.7 of a column is the plan's 0.7."""
    import numpy as np

    if not single or abs(number) > float(np.finfo(np.float32).max):
        return number
    return float(np.float32(number))


def _replaced(table: pa.Table, name: str, as_text: Callable[[object], str | None]) -> pa.Table:
    """The column as text. Each distinct value is looked at once, however many groups have it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table[name].combine_chunks()
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = pa.array([as_text(value) for value in encoded.dictionary.to_pylist()], pa.string())
    found = pc.take(texts, encoded.indices)
    if (missing := as_text(None)) is not None:
        found = found.fill_null(missing)
    return table.set_column(table.column_names.index(name), name, found)


def _looked_up(values: Sequence[str | None]) -> Callable[[object], str | None]:
    return lambda code: decision(values[code]) if isinstance(code, int) and code >= 0 else None


def _check(raw: pa.Table, spec: ScanSpec, name: str, *, cut: bool) -> None:
    import pyarrow.compute as pc

    if raw.num_rows == 0 or not pc.sum(raw["n"]).as_py():
        raise MeasurementError(f"{name} has no rows: there is nothing to measure.")
    if spec.joined is not None:
        _check_join(raw, spec.joined, name)
    if spec.weight is not None:
        _check_weights(raw, spec.weight, name)
    _check_probabilities(raw, spec, name)
    if spec.score is not None and (spec.bins or cut):
        bad = pc.equal(raw["bin"], -1) if spec.bins else pc.is_null(raw["prediction"])
        _check_scores(raw.filter(bad), spec.score, name)
    if spec.summed and spec.target is not None:
        _check_target(raw, spec, name)


def _check_join(raw: pa.Table, joined: JoinedFile, name: str) -> None:
    import pyarrow.compute as pc

    if lost := pc.sum(raw["unmatched"]).as_py():
        key = " + ".join(map(repr, joined.key))
        raise MeasurementError(
            f"{name}: {lost} rows find no row in {table_name(joined.source)} by {key}. A join that loses rows would"
            " measure other people than were decided about: complete the file, or take these rows out of the data."
        )


def _check_weights(raw: pa.Table, weight: str, name: str) -> None:
    import pyarrow.compute as pc

    problem = None
    if missing := pc.sum(raw["w_missing"]).as_py():
        problem = f"is missing in {missing} rows"
    elif not pc.all(pc.is_finite(raw["w2"])).as_py():
        problem = "is NaN or infinite (or so large that its square is) in some row"
    elif (least := pc.min(raw["w_min"]).as_py()) <= 0:
        problem = f"is {least:g} in some row"
    elif least < LEAST_WEIGHT:
        problem = f"is {least:g} in some row, so small that its square is lost"
    if problem:
        raise MeasurementError(
            f"{name}: the weight {weight!r} {problem}; every weight must be a finite number above 0: correct the"
            " column, or take these rows out."
        )


def _check_probabilities(raw: pa.Table, spec: ScanSpec, name: str) -> None:
    import pyarrow.compute as pc

    for position, feature in enumerate(spec.features):
        if feature.probabilities and pc.any(pc.equal(raw[f"f{position}"], -1)).as_py():
            columns = ", ".join(column for _, column in feature.probabilities)
            raise MeasurementError(
                f"{name}: the probabilities of sensitive feature {feature.name!r} (columns {columns}) are outside 0 to"
                f" 1, incomplete, or do not sum to 1 within {SUM_TOLERANCE:g} in some row: correct them, or leave all"
                " of them empty where nothing is known."
            )


def _check_scores(bad: pa.Table, score: Score, name: str) -> None:
    import pyarrow.compute as pc

    if bad.num_rows:
        called = f"the score {score.column!r}" if score.column else "the model's score"
        raise MeasurementError(
            f"{name}: {called} is missing, not finite or outside the declared range {score.low:g} to {score.high:g} in"
            f" {pc.sum(bad['n']).as_py()} rows: correct the scores, or [data] score_range in the plan."
        )


def _check_target(raw: pa.Table, spec: ScanSpec, name: str) -> None:
    import pyarrow.compute as pc

    if spec.score is not None and (bad := pc.sum(raw["target_bad"]).as_py()):
        raise MeasurementError(
            f"{name}: the label {spec.target!r} is missing, not finite or outside the declared range"
            f" {spec.score.low:g} to {spec.score.high:g} in {bad} rows: correct the outcomes, or [data] score_range in"
            " the plan, which holds for the outcome as for the prediction."
        )
