"""Sensitive features from a file of their own, joined by key: neither the model nor its training data need them.

The joined file is held in memory by the join (its key and the columns that are used); the data is streamed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from audits.plan import JoinedFile
from audits.table import Source, quoted
from governance.errors import MeasurementError

_MATCHED = "fairgate_matched"


def joined_source(data: Source, other: Source, joined: JoinedFile, used: Collection[str]) -> Source:
    """`data` with the `used` columns of `other`, found by key, on one connection.

    Every row of `data` stays. The last column is true where a row found its row in the joined file, null elsewhere.

    Raises MeasurementError for a key that is missing in a file, empty or of two kinds, for a key that stands twice in
    the joined file, and for a used column that is in both.
    """
    for side in (data, other):
        for column in joined.key:
            side.require(column, "the key of [sensitive_data]")
    _check_kinds(data, other, joined)
    for column in used:
        if column in data.columns and column in other.columns and column not in joined.key:
            raise MeasurementError(
                f"The column {column!r} is in {data.name} and in {other.name}: which one is meant? Rename or remove one"
                " of them."
            )
    _check_keys(other, joined)
    return _left_join(data, other, joined, [name for name in other.columns if name in used and name not in joined.key])


def _left_join(data: Source, other: Source, joined: JoinedFile, taken: list[str]) -> Source:
    matched = _MATCHED
    while matched in data.columns or matched in taken:
        matched += "_"
    on = " AND ".join(f"d.{quoted(column)} = o.{quoted(column)}" for column in joined.key)
    names = ", ".join(["d.*", *(f"o.{quoted(column)}" for column in taken), f"o.{quoted(matched)}"])
    right = f"(SELECT *, TRUE AS {quoted(matched)} FROM {other.relation})"  # noqa: S608
    return replace(
        data,
        relation=f"(SELECT {names} FROM {data.relation} AS d LEFT JOIN {right} AS o ON {on})",  # noqa: S608
        params=(*data.params, *other.params),
        columns={**data.columns, **{column: other.columns[column] for column in taken}, matched: "BOOLEAN"},
    )


def _check_kinds(data: Source, other: Source, joined: JoinedFile) -> None:
    """1 and "001" are no equal keys, and guessing would lose or mix up people."""
    for column in joined.key:
        kinds = (data.columns[column], other.columns[column])
        if kinds[0] != kinds[1] and not (data.is_number(column) and other.is_number(column)):
            raise MeasurementError(
                f"The key {column!r} is {kinds[0]} in {data.name} and {kinds[1]} in {other.name}: write it as the same"
                " type in both."
            )


def _check_keys(other: Source, joined: JoinedFile) -> None:
    names = ", ".join(map(quoted, joined.key))
    missing = " OR ".join(f"{quoted(column)} IS NULL" for column in joined.key)
    called = " + ".join(map(repr, joined.key))
    empty = other.rows(f"SELECT count(*) FROM {other.relation} WHERE {missing}", other.params)[0][0]  # noqa: S608
    if empty:
        raise MeasurementError(f"{other.name}: the key {called} is missing in {empty} rows: complete or remove them.")
    grouped = f"SELECT count(*) AS n FROM {other.relation} GROUP BY {names} HAVING count(*) > 1"  # noqa: S608
    twice = other.rows(f"SELECT count(*) FROM ({grouped})", other.params)[0][0]  # noqa: S608
    if twice:
        raise MeasurementError(
            f"{other.name}: {twice} values of the key {called} stand more than once, so a row of the data would find"
            " several: keep one row for each."
        )
