"""SQL for sums that are the same whichever thread comes first: whole numbers are added, in fixed point.

Sums of doubles depend on their order, and DuckDB's threads have none. Here every value is scaled by a power of two to
a whole number of at most 63 bits and added as such, in 128 bits: no order shows, and nothing is lost to the length of
a sum. Weights have no declared range: rows are grouped by the power of two near their weight as well, and the few
groups that differ in nothing else are put together afterwards, the smallest weights first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

_BITS = 62
_WINDOW = 8
_HALF = _WINDOW // 2
_LOWEST = -127  # 2**(8 * 127) is finite

WINDOW, SCALED = '"fairgate_window_"', '"fairgate_scaled_"'


class Aggregate(NamedTuple):
    """A column that has no order anyway: a count, or an end. `sql` aggregates rows, `how` groups of rows."""

    name: str
    sql: str
    how: Literal["sum", "min", "max"] = "sum"


class FixedSum(NamedTuple):
    """The sum of `value` (SQL, a double, never null or NaN) x weight**`power` over rows.

    |value| is at most 2**`bound`. A row's value is rounded to a multiple of 2**(bound - 62); with weights to at worst
    2**(bound - 54) x weight, or 2**(bound - 46) x weight**2; weights themselves are not rounded. The sum is exact, and
    multiplied by every number of `units`.
    """

    name: str
    value: str = "1e0"
    power: int = 0
    bound: int = 0
    units: tuple[float, ...] = ()


Total: TypeAlias = Aggregate | FixedSum


def grouped(relation: str, keys: Mapping[str, str], totals: Sequence[Total], weight: str = "") -> str:
    """A query of one row for each combination of `keys` (quoted name -> column) in `relation`, sorted by them.

    `weight` is SQL over a row; where it is empty, no total has a power. Rows whose weight is NaN, infinite or has a
    square that is, make the sums of their group NaN; weights that are null or not above 0 count as 0.
    """
    names = ", ".join(keys)
    columns = ", ".join(f"{column} AS {name}" for name, column in keys.items())
    inner = ", ".join(f"{_added(total)} AS {total.name}" for total in totals)
    if not weight:
        outer = ", ".join(f"{_value(total)} AS {total.name}" for total in totals)
        parts = f"(SELECT {columns}, {inner} FROM {relation} GROUP BY ALL)"  # noqa: S608
        return f"SELECT {names}, {outer} FROM {parts} ORDER BY {names}"  # noqa: S608
    outer = ", ".join(f"{_together(total)} AS {total.name}" for total in totals)
    parts = f"(SELECT {columns}, {WINDOW}, {inner} FROM {_scaled(relation, weight)} GROUP BY ALL)"  # noqa: S608
    return f"SELECT {names}, {outer} FROM {parts} GROUP BY ALL ORDER BY {names}"  # noqa: S608


def _scaled(relation: str, weight: str) -> str:
    """Every row with its window, and its weight scaled by the window's power of two: 1/16 to 16, exactly."""
    square = f"({weight}) * ({weight})"
    near = f"greatest(floor((log2({weight}) + {_HALF}) / {_WINDOW}), {_LOWEST})::INTEGER"
    # pow(2, 8 * 1000) is infinite, and 0 times that NaN: such a weight is refused.
    window = (
        f"CASE WHEN isnan({weight}) OR isinf({square}) THEN 1000 WHEN ({weight}) > 0 THEN {near} ELSE 0 END AS {WINDOW}"
    )
    scaled = (
        f"CASE WHEN ({weight}) > 0 AND {WINDOW} < 1000 THEN ({weight}) * pow(2e0, -{_WINDOW} * {WINDOW}) ELSE 0 END"
    )
    return f"(SELECT *, {scaled} AS {SCALED} FROM (SELECT *, {window} FROM {relation}))"  # noqa: S608


def _added(total: Total) -> str:
    """The aggregate over rows of one window."""
    if isinstance(total, Aggregate):
        return total.sql
    value = " * ".join([total.value, *[SCALED] * total.power])
    return f"sum(({value} * {2.0 ** _bits(total)!r})::BIGINT)"


def _together(total: Total) -> str:
    """The aggregate over windows."""
    if isinstance(total, FixedSum):
        scales = [f"pow(2e0, {_WINDOW} * {WINDOW})"] * total.power
        return f"sum({' * '.join([_value(total), *scales])} ORDER BY {WINDOW})"
    return f"sum({total.name})::BIGINT" if total.how == "sum" else f"{total.how}({total.name})"


def _value(total: Total) -> str:
    if isinstance(total, Aggregate):
        return total.name
    return " * ".join([f"{total.name}::DOUBLE", *(repr(unit) for unit in (2.0 ** -_bits(total), *total.units))])


def _bits(total: FixedSum) -> int:
    return _BITS - total.bound - _HALF * total.power
