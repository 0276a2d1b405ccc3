"""Rates and impact ratios as rules define them: counts of people in, exact fractions out.

impact ratio = rate of a category / highest rate of the categories that are compared (29 CFR 1607.4 D, 6 RCNY 5-300).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from audits.result import UNKNOWN, Cells
from audits.rule_packs import RulePack
from governance.errors import ConfigurationError

NOTHING = "–"
"""Printed where there is no number; a note of the table says why."""


@dataclass(frozen=True, slots=True)
class Category:
    """`selected` of `n` persons of one category, 0 <= selected <= n."""

    levels: tuple[str, ...]
    n: int
    selected: int

    @property
    def rate(self) -> Fraction | None:
        """selected / n; None without persons."""
        return Fraction(self.selected, self.n) if self.n else None

    @property
    def name(self) -> str:
        """`White, Male`."""
        return ", ".join(self.levels)


def refuse_weights(cells: Cells, pack: RulePack) -> None:
    """Raises ConfigurationError where the cells do not hold whole persons, each in one category."""
    if not (cells.weighted or cells.shared):
        return
    what = "people are in several groups by probability" if cells.shared else "rows are weighted"
    way_out = "the probabilities" if cells.shared else "the weight"
    raise ConfigurationError(
        f"rule pack {pack.id} counts people, and here {what}: take {way_out} out of the plan, or the pack out of"
        " [audit] rule_packs"
    )


def categories_of(
    cells: Cells, features: Sequence[str], canonical: Callable[[str, str], str] = lambda _, level: level
) -> tuple[dict[tuple[str, ...], Category], int]:
    """The persons of every combination of levels that was found, and how many persons had an unknown level.

    `canonical(feature, level)` names the category of a level. Raises ValueError for a feature that the cells lack.
    """
    positions = [cells.features.index(name) for name in features]
    counts: Counter[tuple[str, ...]] = Counter()
    selected: Counter[tuple[str, ...]] = Counter()
    unknown = 0
    for cell in cells.cells:
        levels = tuple(cell.levels[position] for position in positions)
        if UNKNOWN in levels:
            unknown += cell.n
            continue
        key = tuple(canonical(feature, level) for feature, level in zip(features, levels, strict=True))
        counts[key] += cell.n
        selected[key] += cell.n if cell.prediction else 0
    return {key: Category(key, counts[key], selected[key]) for key in sorted(counts)}, unknown


def large_enough(category: Category, total: int, minimum_share: Fraction) -> bool:
    """Is the category at least this share of the persons in the table, on exact numbers?"""
    return category.n > 0 and category.n >= minimum_share * total


def highest(categories: Iterable[Category]) -> Category | None:
    """The category with the highest rate, of equal ones the larger; None where none has persons."""
    rated = [item for item in categories if item.n]
    return max(rated, key=lambda item: (Fraction(item.selected, item.n), item.n), default=None)


def impact_ratio(category: Category, top: Category | None) -> Fraction | None:
    """rate / highest rate; None where either has no persons, or nobody was selected at all."""
    if category.rate is None or top is None or not top.rate:
        return None
    return category.rate / top.rate


def percent(value: Fraction | None) -> str:
    """`47.0%`, with more places where rounding would say all, or nobody; a dash without a value."""
    return NOTHING if value is None else f"{decimals(value * 100, 1, (Fraction(0), Fraction(100)))}%"


def decimals(value: Fraction, digits: int, landmarks: Sequence[Fraction] = ()) -> str:
    """`value` with so many places, and as many more as it takes to stay on its side of every landmark."""
    for places in range(digits, digits + 12):
        short = round(value, places)
        if all((short < mark, short > mark) == (value < mark, value > mark) for mark in landmarks):
            break
    return f"{float(short):,.{places}f}"
