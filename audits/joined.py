"""Sensitive features from a file of their own, joined by key: neither the model nor its training data need them.

The joined file is held in memory by the join (its key and the columns that are used); the data is streamed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from audits.plan import JoinedFile
from audits.table import Source, quoted, table_name
from governance.errors import MeasurementError

_MATCHED = "fairgate_matched"
_FLOATS = ("FLOAT", "DOUBLE")
_WIDEST = "UHUGEINT"
_WHOLE_UP_TO = {"FLOAT": 2**24, "DOUBLE": 2**53}
"""Below it every whole number has a value of its own in the type."""


def joined_source(data: Source, other: Source, joined: JoinedFile, used: Collection[str]) -> Source:
    """`data` with the `used` columns of `other`, found by key, on one connection.

    Every row of `data` stays. The last column is true where a row found its row in the joined file, null elsewhere.

    Raises MeasurementError for a key that is missing in a file, empty or of two kinds, for a key that stands twice in
    the joined file, and for a used column that is in both. With these checks no row of `data` is found twice.
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


def check_rows(data: str, joined: JoinedFile, before: int, after: int) -> None:
    """Raise MeasurementError where the rows of `data` (its name) are not as many `after` the join as `before`."""
    if before != after:
        raise MeasurementError(
            f"{data} has {before} rows, but {after} after the join with {table_name(joined.source)} by"
            f" {' + '.join(map(repr, joined.key))}: a file was changed meanwhile, or keys that differ count as equal."
            " Write the key as text in both, and audit again."
        )


def _check_kinds(data: Source, other: Source, joined: JoinedFile) -> None:
    """1 and "001" are no equal keys, and guessing would lose or mix up people."""
    for column in joined.key:
        kinds = (data.columns[column], other.columns[column])
        if not _comparable(data, other, column):
            raise MeasurementError(
                f"The key {column!r} is {kinds[0]} in {data.name} and {kinds[1]} in {other.name}: write it as the same"
                " type in both."
            )
        if (kinds[0] in _FLOATS) != (kinds[1] in _FLOATS):
            limit = min(_WHOLE_UP_TO[kind] for kind in kinds if kind in _FLOATS)
            _check_whole(data, column, kinds, limit)
            _check_whole(other, column, kinds, limit)


def _comparable(data: Source, other: Source, column: str) -> bool:
    """Can two keys of these types be compared without becoming equal by rounding (whole numbers and floats: small
    ones)? DuckDB compares DECIMAL and float, and the widest whole numbers and others, as floats."""
    mine, theirs = data.columns[column], other.columns[column]
    if mine == theirs:
        return True
    if not (data.is_number(column) and other.is_number(column)) or _WIDEST in (mine, theirs):
        return False
    decimal = any(kind.startswith("DECIMAL") for kind in (mine, theirs))
    return not (decimal and (mine in _FLOATS or theirs in _FLOATS))


def _check_whole(side: Source, column: str, kinds: tuple[str, str], limit: int) -> None:
    """Neighbouring whole numbers from `limit` on are one float: one person would be taken for another."""
    large = f"abs({quoted(column)}::DOUBLE) BETWEEN {limit} AND 'infinity'::DOUBLE"
    bare = side.only((column,))
    found = bare.rows(f"SELECT count(*) FROM {bare.relation} WHERE {large}", bare.params)[0][0]  # noqa: S608
    if found:
        raise MeasurementError(
            f"The key {column!r} is {kinds[0]} in the data and {kinds[1]} in the joined file, and {found} values in"
            f" {side.name} are {limit} or more, where such numbers cannot be told apart: write it as whole numbers, or"
            " as text, in both."
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
