"""The SQL of a scan: expressions over quoted names, their values bound as parameters in the order they appear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from audits.exact_sums import Aggregate, FixedSum, Total, grouped
from audits.plan import MEDIAN, Score, SensitiveFeature
from audits.scan import LOG_FLOOR, SUM_TOLERANCE, ScanSpec, in_type, keys_of, most_groups
from audits.table import Source, quoted
from governance.errors import ConfigurationError, MeasurementError


class Expression(NamedTuple):
    """SQL text, and the values of its question marks in order."""

    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """What the groups are made of, one expression per column of the inner query.

    `levels` maps the position of a feature known by probabilities to the number of its levels (unknown included).
    """

    columns: dict[str, Expression]
    levels: dict[int, int]


def scan_sql(source: Source, spec: ScanSpec, *, median: float | None = None) -> Expression:
    """The one GROUP BY over `source`. `spec` names columns only; `median` is needed where the cutoff is the median.

    Raises MeasurementError for a column that is missing or of another type than needed, ConfigurationError for cuts
    and labels that make no levels.
    """
    rows = _rows(source, spec, median)
    keys = keys_of(rows.columns)
    params = tuple(value for expression in rows.columns.values() for value in expression.params)
    inner = ", ".join(f"{expression.sql} AS {_inner(name)}" for name, expression in rows.columns.items())
    expanded = "".join(f" CROSS JOIN range({n}) AS {_levels(i)}({_level(i)})" for i, n in rows.levels.items())
    relation = f"(SELECT {inner} FROM {source.relation}{expanded})"  # noqa: S608
    named = {quoted(name): _inner(name) for name in keys}
    query = grouped(relation, named, _totals(spec, rows), _weight(spec, rows))
    return Expression(f"{query} LIMIT {most_groups(spec) + 1}", (*params, *source.params))


def is_score_cut(spec: ScanSpec) -> bool:
    """Does the score make the prediction?"""
    return spec.prediction is None and spec.score is not None and spec.score.cutoff is not None


def number_column(source: Source, column: str, field: str) -> str:
    """The quoted name of a column that must exist and hold numbers. Raises MeasurementError."""
    name = source.require(column, field)
    if not source.is_number(column):
        raise MeasurementError(
            f"{source.name}: column {column!r} is {source.columns[column]}, but it is needed as {field}, a number:"
            " write numbers only (text among them makes the whole column text), or name another column."
        )
    return name


def _rows(source: Source, spec: ScanSpec, median: float | None) -> Rows:
    columns: dict[str, Expression] = {}
    levels: dict[int, int] = {}
    for position, feature in enumerate(spec.features):
        columns[f"f{position}"] = feature_sql(source, feature, position)
        if feature.probabilities:
            levels[position] = len(feature.probabilities) + 1
            columns[f"p{position}_"] = Expression(_probability(source, feature, position))
    if spec.label is not None:
        columns["label"] = Expression(source.require(spec.label, "the label"))
    columns |= _prediction(source, spec, median)
    if spec.weight is not None:
        columns["weight_"] = Expression(f"{number_column(source, spec.weight, 'the weight')}::DOUBLE")
    if spec.joined is not None:
        columns["matched_"] = Expression(quoted(list(source.columns)[-1]))  # joined_source puts it last
    for position in levels:
        columns[f"first{position}_"] = Expression(_level(position))
    return Rows(columns, levels)


def _prediction(source: Source, spec: ScanSpec, median: float | None) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    if spec.prediction is not None:
        found["prediction"] = Expression(source.require(spec.prediction, "the prediction"))
    if spec.score is None or spec.score.column is None or not (spec.bins or is_score_cut(spec)):
        return found
    score = f"{number_column(source, spec.score.column, 'the score')}::DOUBLE"
    declared = declared_in(source, spec.score)
    if is_score_cut(spec):
        found["prediction"] = _cut(score, declared, median)
    if spec.bins:
        found["bin"] = _bin(score, declared, spec.bins)
        found["score_"] = Expression(score)
        found |= _numbers(source, spec, spec.score, score)
    return found


def _numbers(source: Source, spec: ScanSpec, declared: Score, score: str) -> dict[str, Expression]:
    """p, y, r and a of `Counted`, held within [-1, 1] (what lies beyond is refused); is the outcome within range?"""
    if not spec.summed:
        return {}
    center, half = (declared.low + declared.high) / 2, (declared.high - declared.low) / 2
    found = {"p_": Expression(_held(f"({score} - ?) / ?"), (center, half))}
    if spec.target is None:
        return found
    target = f"{number_column(source, spec.target, 'the label of a regression')}::DOUBLE"
    residual = _held(f"({score} - {target}) / ?")
    return found | {
        "y_": Expression(_held(f"({target} - ?) / ?"), (center, half)),
        "r_": Expression(residual, (2 * half,)),
        "a_": Expression(f"abs({residual})", (2 * half,)),
        "known_": Expression(f"coalesce({_within(target)}, FALSE)", _ends(source, spec.target, declared)),
    }


def declared_in(source: Source, score: Score) -> Score:
    """The score with its range and cutoff as its column holds them (float32: rounded)."""
    if score.column is None or not is_single(source, score.column):
        return score
    low, high = _ends(source, score.column, score)
    cutoff = in_type(score.cutoff, single=True) if isinstance(score.cutoff, int | float) else score.cutoff
    return replace(score, low=low, high=high, cutoff=cutoff)


def is_single(source: Source, column: str) -> bool:
    """Does the column hold float32?"""
    return source.columns[column] == "FLOAT"


def _ends(source: Source, column: str, declared: Score) -> tuple[float, float]:
    single = is_single(source, column)
    return in_type(declared.low, single=single), in_type(declared.high, single=single)


def _held(number: str) -> str:
    return f"least(greatest({number}, -1), 1)"


def _cut(score: str, declared: Score, median: float | None) -> Expression:
    if declared.cutoff == MEDIAN:
        return Expression(f"CASE WHEN {_within(score)} THEN {score} > ? END", (declared.low, declared.high, median))
    return Expression(
        f"CASE WHEN {_within(score)} THEN {score} >= ? END", (declared.low, declared.high, declared.cutoff)
    )


def _bin(score: str, declared: Score, bins: int) -> Expression:
    low, high = declared.low, declared.high
    position = f"least(?, floor(({score} - ?) / ? * ?))::BIGINT"
    return Expression(
        f"CASE WHEN {_within(score)} THEN {position} ELSE -1 END",
        (low, high, float(bins - 1), low, high - low, float(bins)),
    )


def _within(score: str) -> str:
    """Not for NaN, which DuckDB sorts above every number."""
    return f"{score} >= ? AND {score} <= ?"


def feature_sql(source: Source, feature: SensitiveFeature, position: int) -> Expression:
    """What a row's level is read from: the column's own value, with cuts the level's position, null where missing."""
    if feature.probabilities:
        known = [_filled(source, feature, column) for _, column in feature.probabilities]
        each = " AND ".join(f"{name} BETWEEN 0 AND 1" for name in known)
        whole = f"abs({' + '.join(known)} - 1) <= {SUM_TOLERANCE}"
        nothing = " AND ".join(f"{name} IS NULL" for name in known)
        return Expression(f"CASE WHEN ({nothing}) OR ({each} AND {whole}) THEN {_level(position)} ELSE -1 END")
    column = source.require(feature.column, f"the sensitive feature {feature.name!r}")
    if not feature.cuts:
        return Expression(column)
    _check_cuts(source, feature)
    cuts = tuple(in_type(cut, single=is_single(source, feature.column)) for cut in feature.cuts)
    whens = " ".join(f"WHEN {column} < ? THEN {number}" for number in range(len(cuts)))
    missing = f"WHEN {column} IS NULL OR isnan({column}::DOUBLE) THEN NULL"
    return Expression(f"CASE {missing} {whens} ELSE {len(feature.cuts)} END", cuts)


def _probability(source: Source, feature: SensitiveFeature, position: int) -> str:
    """The probability of the level that the expanded row stands for; 1 for unknown where nothing is known."""
    known = [_filled(source, feature, column) for _, column in feature.probabilities]
    whens = " ".join(f"WHEN {number} THEN coalesce({name}, 0)" for number, name in enumerate(known))
    return f"CASE {_level(position)} {whens} ELSE (coalesce({', '.join(known)}) IS NULL)::DOUBLE END"


def _filled(source: Source, feature: SensitiveFeature, column: str) -> str:
    """A probability, null where it is NaN."""
    name = number_column(source, column, f"a probability of the sensitive feature {feature.name!r}")
    return f"(CASE WHEN isnan({name}::DOUBLE) THEN NULL ELSE {name}::DOUBLE END)"


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


def _weight(spec: ScanSpec, rows: Rows) -> str:
    """What a row counts: its weight x the probabilities of its levels; empty where that is 1."""
    factors = [_inner("weight_")] if spec.weight else []
    return " * ".join([*factors, *(_inner(f"p{position}_") for position in rows.levels)])


def _totals(spec: ScanSpec, rows: Rows) -> list[Total]:
    once = " AND ".join(f"{_inner(f'first{position}_')} = 0" for position in rows.levels)
    share = " * ".join(_inner(f"p{position}_") for position in rows.levels)
    counted = f" FILTER ({share} > 0)" if share else ""
    found: list[Total] = [Aggregate("n", f"count(*){counted}")]
    if share:
        found.append(Aggregate("rows", f"count(*) FILTER ({once})"))
    if spec.weighted:
        found += [FixedSum("w", power=1), FixedSum("w2", power=2)]
    if spec.weight:
        found.append(Aggregate("w_missing", _once(_inner("weight_"), once)))
        found.append(Aggregate("w_min", f"min({_inner('weight_')})", "min"))
    if spec.joined is not None:
        found.append(Aggregate("unmatched", _once(_inner("matched_"), once)))
    if "known_" in rows.columns:
        first = f" AND {once}" if once else ""
        found.append(Aggregate("target_bad", f"count(*) FILTER (NOT {_inner('known_')}{first})"))
    return [*found, *_score_totals(spec, counted)]


def _score_totals(spec: ScanSpec, counted: str) -> list[Total]:
    if not spec.bins or spec.score is None:
        return []
    power = int(spec.weighted)
    unit = _unit(spec.score)
    score = f"(least(greatest({_inner('score_')}, {-unit!r}), {unit!r}) * {1 / unit!r})"
    found: list[Total] = [
        FixedSum("s", score, power, units=(unit,)),
        FixedSum("s2", f"{score} * {score}", power, units=(unit, unit)),
        # 0 is added so that of -0 and 0, which are equal, not the first one is taken.
        Aggregate("lo", f"min({_inner('score_')} + 0e0){counted}", "min"),
        Aggregate("hi", f"max({_inner('score_')} + 0e0){counted}", "max"),
    ]
    if spec.logs:
        held = f"least(greatest({_inner('score_')}, {LOG_FLOOR!r}), {1 - LOG_FLOOR!r})"
        found += [FixedSum("lp", f"ln({held})", power, 6), FixedSum("lq", f"ln(1 - {held})", power, 6)]
    for name in spec.summed:
        number = " * ".join([_inner(f"{name[0]}_")] * int(name[1]))
        found.append(FixedSum(name, number, power))
        if spec.weighted:
            found.append(FixedSum(f"{name}_w2", number, 2))
    return found


def _unit(score: Score) -> float:
    """A power of two that no score exceeds (of ranges that end below 1e301); its inverse is a double, too."""
    exponent = math.frexp(max(abs(score.low), abs(score.high)))[1]
    return 2.0 ** min(max(exponent, -1000), 1000)


def _once(column: str, once: str) -> str:
    """How many rows have no value, each counted once."""
    return f"count(*) FILTER ({column} IS NULL{f' AND {once}' if once else ''})"


def _inner(name: str) -> str:
    return quoted(f"fairgate_{name}")


def _levels(position: int) -> str:
    return quoted(f"fairgate_levels{position}")


def _level(position: int) -> str:
    return quoted(f"fairgate_level{position}")


def distinct_sql(source: Source, columns: Sequence[str]) -> str:
    """How many values each column has: asked only to say which one is to blame for too many groups."""
    counts = ", ".join(f"count(DISTINCT {quoted(column)})" for column in columns)
    return f"SELECT {counts} FROM {source.relation}"  # noqa: S608
