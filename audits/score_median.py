"""The exact median of a column of scores, in memory that does not grow with the rows.

A histogram finds the bin in which the middle lies, a second look counts the values in that bin. Where the bin still
holds very many different values it is cut again.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits.table import Source
from governance.errors import MeasurementError

BINS = 2**12
"""Bins of one look: enough that the next one counts few values, few enough that they are fetched at once."""

COUNTED_AT_ONCE = 250_000
"""Rows of a bin whose values are counted one by one."""


@dataclass(frozen=True, slots=True)
class Part:
    """`n` rows with values from `low` to `high`, both of which occur."""

    low: float
    high: float
    n: int


def median_of(source: Source, column: str, low: float, high: float) -> float:
    """The median of a numeric column with values in [low, high], missing values refused; the mean of the middle two.

    Raises MeasurementError for a column that is missing or no number, no rows, a value that is missing (also NaN) or
    outside of [low, high].
    """
    name = source.require(column, "the score")
    if not source.is_number(column):
        raise MeasurementError(f"{source.name}: column {column!r} is {source.columns[column]}, a score is a number.")
    score = f"{name}::DOUBLE"
    rows, good = source.rows(
        f"SELECT count(*), count(*) FILTER (WHERE {score} >= ? AND {score} <= ?) FROM {source.relation}",  # noqa: S608
        (low, high, *source.params),
    )[0]
    if rows == 0:
        raise MeasurementError(f"{source.name} has no rows: there is no median.")
    if rows > good:
        raise MeasurementError(
            f"{source.name}: the score {column!r} is missing, not finite or outside the declared range {low:g} to"
            f" {high:g} in {rows - good} rows: correct the scores, or [data] score_range in the plan."
        )
    first = _value_at(source, score, Part(low, high, rows), (rows - 1) // 2)
    return first if rows % 2 else (first + _next_to(source, score, first, rows // 2)) / 2


def _next_to(source: Source, score: str, value: float, rank: int) -> float:
    """The value with `rank` smaller or equal ones before it, when `value` is the one before that."""
    query = (
        f"SELECT count(*) FILTER (WHERE {score} <= ?), min({score}) FILTER (WHERE {score} > ?) FROM {source.relation}"  # noqa: S608
    )
    below, above = source.rows(query, (value, value, *source.params))[0]
    return value if below > rank else float(above)


def _value_at(source: Source, score: str, part: Part, rank: int) -> float:
    """The value with so many smaller or equal ones before it in `part`."""
    while part.low < part.high:
        finest = part.n <= COUNTED_AT_ONCE
        parts = _values(source, score, part) if finest else _bins(source, score, part)
        for found in parts:
            if rank < found.n:
                break
            rank -= found.n
        part = found
    return part.low


def _values(source: Source, score: str, part: Part) -> list[Part]:
    query = (
        f"SELECT {score}, count(*) FROM {source.relation} WHERE {score} >= ? AND {score} <= ?"  # noqa: S608
        " GROUP BY 1 ORDER BY 1"
    )
    return [Part(value, value, n) for value, n in source.rows(query, (*source.params, part.low, part.high))]


def _bins(source: Source, score: str, part: Part) -> list[Part]:
    query = (
        f"SELECT min({score}), max({score}), count(*) FROM {source.relation}"  # noqa: S608
        f" WHERE {score} >= ? AND {score} <= ? GROUP BY least(?, floor(({score} - ?) / ? * ?)) ORDER BY 1"
    )
    bounds = (part.low, part.high, BINS - 1.0, part.low, part.high - part.low, float(BINS))
    return [Part(*row) for row in source.rows(query, (*source.params, *bounds))]
