"""What one row adds to its group, as Narwhals expressions: the same on every engine that Narwhals speaks to.

The counterpart of `scan_sql` for engines other than DuckDB; `scan.settled` says what the columns mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, mul
from typing import Any, TypeAlias

from audits.plan import MEDIAN, Score, SensitiveFeature
from audits.scan import LOG_FLOOR, SUM_TOLERANCE, ScanSpec, in_type
from audits.scan_sql import is_score_cut

Expr: TypeAlias = Any
"""A narwhals.Expr."""

MATCHED = "fairgate_matched"
"""The column that is true where a row found its row in the joined file, null elsewhere."""

ONCE = ("rows", "w_missing", "unmatched", "target_bad")
"""Counts in which a row counts once, whatever the number of its levels."""


@dataclass(frozen=True, slots=True)
class _Names:
    """`short` maps the plan's columns to the frame's; `floats` are those of the frame that can hold NaN, `singles`
    those of float32."""

    short: Mapping[str, str]
    floats: frozenset[str]
    singles: frozenset[str]

    def value(self, column: str) -> Expr:
        """The column as it stands."""
        import narwhals as nw

        return nw.col(self.short[column])

    def number(self, column: str) -> Expr:
        """The column as float64."""
        import narwhals as nw

        return self.value(column).cast(nw.Float64)

    def known(self, column: str) -> Expr:
        """The column as float64, null where it is NaN."""
        import narwhals as nw

        number = self.number(column)
        return nw.when(~number.is_nan()).then(number) if self.short[column] in self.floats else number

    def held(self, column: str, number: float) -> float:
        """A number of the plan as the column holds it."""
        return in_type(number, single=self.short[column] in self.singles)


def row_columns(
    spec: ScanSpec,
    short: Mapping[str, str],
    floats: frozenset[str],
    median: float | None,
    singles: frozenset[str] = frozenset(),
) -> dict[str, Expr]:
    """Column of the group-by -> expression over one row (expanded: over one row and level, in columns l0, l1, ...).

    `short` maps the columns of `spec` to those of the frame, `floats` are the frame's that can hold NaN, `singles`
    those of float32, `median` is needed where the cutoff is the median.
    """
    names = _Names(short, floats, singles)
    shared = [position for position, feature in enumerate(spec.features) if feature.probabilities]
    found = {f"f{position}": _level(names, feature, position) for position, feature in enumerate(spec.features)}
    if spec.label is not None:
        found["label"] = names.value(spec.label)
    found |= _prediction(names, spec, median)
    share = reduce(mul, (_probability(names, spec.features[position], position) for position in shared), _one())
    found["n"] = _count(share > 0) if shared else _count(None)
    once = _first(shared)
    if shared:
        found["rows"] = _count(once)
    if spec.joined is not None:
        found["unmatched"] = _count(_both(_column(MATCHED).is_null(), once))
    weight = _weight(names, spec, share if shared else None)
    if weight is not None:
        found |= {"w": weight, "w2": weight * weight}
    if spec.weight is not None:
        given = names.number(spec.weight)
        found |= {"w_missing": _count(_both(given.is_null(), once)), "w_min": given}
    if spec.bins and spec.score is not None and spec.score.column is not None:
        score = names.number(spec.score.column)
        found |= _score_sums(score, spec, weight, share if shared else None)
        found |= _moments(names, spec, spec.score, score, weight)
        if spec.summed and spec.target is not None:
            low, high = (names.held(spec.target, end) for end in (spec.score.low, spec.score.high))
            known = (target := names.number(spec.target)).is_between(low, high)
            found["target_bad"] = _count(_both(target.is_null() | target.is_nan() | ~known, once))
    return found


def _level(names: _Names, feature: SensitiveFeature, position: int) -> Expr:
    import narwhals as nw

    if feature.probabilities:
        return _shared_level(names, feature, position)
    if not feature.cuts:
        return names.value(feature.column)
    number = names.known(feature.column)
    cut = nw.lit(len(feature.cuts))
    for place, end in reversed(list(enumerate(feature.cuts))):
        cut = nw.when(number < names.held(feature.column, end)).then(nw.lit(place)).otherwise(cut)
    return nw.when(~number.is_null()).then(cut)


def _shared_level(names: _Names, feature: SensitiveFeature, position: int) -> Expr:
    """The level that the expanded row stands for, -1 where its columns hold no probabilities."""
    import narwhals as nw

    known = [names.known(column) for _, column in feature.probabilities]
    each = _all([(item >= 0) & (item <= 1) for item in known])
    whole = (reduce(lambda left, right: left + right, known) - 1).abs() <= SUM_TOLERANCE
    nothing = _all([item.is_null() for item in known])
    level = _column(f"l{position}")
    # Null where one is missing and others are not: such a row is none of both, as in SQL.
    good = nw.when(nothing).then(nw.lit(value=True)).otherwise(each & whole)
    return nw.when(good).then(level).otherwise(nw.lit(-1))


def _probability(names: _Names, feature: SensitiveFeature, position: int) -> Expr:
    import narwhals as nw

    known = [names.known(column) for _, column in feature.probabilities]
    nothing = _all([item.is_null() for item in known])
    found = nw.when(nothing).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
    for place, item in enumerate(known):
        found = nw.when(_column(f"l{position}") == place).then(item.fill_null(0.0)).otherwise(found)
    return found


def _prediction(names: _Names, spec: ScanSpec, median: float | None) -> dict[str, Expr]:
    import narwhals as nw

    found: dict[str, Expr] = {}
    if spec.prediction is not None:
        found["prediction"] = names.value(spec.prediction)
    if spec.score is None or spec.score.column is None:
        return found
    score = names.number(spec.score.column)
    declared = _declared(names, spec.score, spec.score.column)
    within = (score >= declared.low) & (score <= declared.high)
    if is_score_cut(spec):
        selected = score > median if declared.cutoff == MEDIAN else score >= declared.cutoff
        found["prediction"] = nw.when(within).then(selected)
    if spec.bins:
        place = nw.min_horizontal(nw.lit(float(spec.bins - 1)), _bin(score, declared, spec.bins)).cast(nw.Int64)
        found["bin"] = nw.when(within).then(place).otherwise(nw.lit(-1))
    return found


def _declared(names: _Names, score: Score, column: str) -> Score:
    cutoff = names.held(column, score.cutoff) if isinstance(score.cutoff, int | float) else score.cutoff
    return replace(score, low=names.held(column, score.low), high=names.held(column, score.high), cutoff=cutoff)


def _bin(score: Expr, declared: Score, bins: int) -> Expr:
    return ((score - declared.low) / (declared.high - declared.low) * float(bins)).floor()


def _weight(names: _Names, spec: ScanSpec, share: Expr | None) -> Expr | None:
    if spec.weight is None:
        return share
    weight = names.number(spec.weight)
    return weight if share is None else weight * share


def _score_sums(score: Expr, spec: ScanSpec, weight: Expr | None, share: Expr | None) -> dict[str, Expr]:
    import narwhals as nw

    def weighed(value: Expr) -> Expr:
        return value if weight is None else value * weight

    counted = score if share is None else nw.when(share > 0).then(score)
    found = {"s": weighed(score), "s2": weighed(score * score), "lo": counted, "hi": counted}
    if spec.logs:
        held = nw.min_horizontal(nw.max_horizontal(score, nw.lit(LOG_FLOOR)), nw.lit(1 - LOG_FLOOR))
        found |= {"lp": weighed(held.log()), "lq": weighed((1 - held).log())}
    return found


def _moments(names: _Names, spec: ScanSpec, declared: Score, score: Expr, weight: Expr | None) -> dict[str, Expr]:
    center, half = (declared.low + declared.high) / 2, (declared.high - declared.low) / 2
    numbers = {"p": (score - center) / half}
    if spec.target is not None:
        target = names.number(spec.target)
        residual = (score - target) / (2 * half)
        numbers |= {"y": (target - center) / half, "r": residual, "a": residual.abs()}
    found: dict[str, Expr] = {}
    for name in spec.summed:
        power = reduce(mul, [numbers[name[0]]] * int(name[1]))
        found[name] = power if weight is None else power * weight
        if weight is not None:
            found[f"{name}_w2"] = power * weight * weight
    return found


def _first(shared: Sequence[int]) -> Expr | None:
    """Is it the first of the rows that an expanded one became? None where nothing is expanded."""
    return _all([_column(f"l{position}") == 0 for position in shared]) if shared else None


def _count(condition: Expr | None) -> Expr:
    """1 where the row counts, else 0."""
    import narwhals as nw

    return nw.lit(1) if condition is None else nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0))


def _both(left: Expr, right: Expr | None) -> Expr:
    return left if right is None else left & right


def _all(conditions: Sequence[Expr]) -> Expr:
    return reduce(and_, conditions)


def _column(name: str) -> Expr:
    import narwhals as nw

    return nw.col(name)


def _one() -> Expr:
    import narwhals as nw

    return nw.lit(1.0)
