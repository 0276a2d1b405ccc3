"""How many rows, and how many favourable labels, each level of a sensitive feature has. Counting only, on pandas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from expectations.result import GroupColumn
from expectations.text import forms, same

if TYPE_CHECKING:
    import pandas as pd

Sizes: TypeAlias = dict[str, tuple[int, int]]
"""Level -> (rows, rows with the favourable label)."""

_SHOWN = 4


def group_sizes(column: pd.Series, favourable: Any, feature: GroupColumn) -> Sizes:
    """Count the rows and the favourable labels of every level that occurs, the smallest level first.

    `column` holds the feature's values (numbers where it has cuts), `favourable` one boolean per row. Rows without a
    value, or with one that is declared unknown, belong to no level.
    """
    import numpy as np
    import pandas as pd

    present = column.notna().to_numpy() & ~column.isin(forms(feature.unknown)).to_numpy()
    values = column[present].reset_index(drop=True)
    if feature.cuts:
        # Lower ends belong to the level, as in the audit.
        values = pd.Series(np.searchsorted(feature.cuts, values.to_numpy(dtype=float), side="right"))
    counted = pd.Series(favourable[present]).groupby(values).agg(["size", "sum"])
    sizes: Counter[str] = Counter()
    events: Counter[str] = Counter()
    for value, rows, good in counted.itertuples():
        level = _level(value, feature)
        sizes[level] += int(rows)
        events[level] += int(good)
    return {level: (n, events[level]) for level, n in sorted(sizes.items(), key=lambda item: item[1])}


def is_favourable(label: pd.Series[str], favourable: str) -> Any:
    """Row by row, as a boolean array: is the label the favourable value (1.0 is 1, True is true)?"""
    wanted = [value for value in label.dropna().unique().tolist() if same(value, favourable)]
    return label.isin(wanted).to_numpy(dtype=bool)


def declared_levels(feature: GroupColumn) -> tuple[str, ...]:
    """The levels that the plan names, after cuts and merges; () where it names none."""
    if feature.levels:
        return feature.levels
    if feature.cuts:
        return feature.labels or cut_labels(feature.cuts)
    return tuple(level for level, _ in feature.merge)


def known_values(feature: GroupColumn) -> tuple[str, ...]:
    """The values of the column that make a declared level, or are declared unknown; () where no levels are listed."""
    if not feature.levels or feature.cuts:
        return ()
    return (*(value for _, values in feature.merge for value in values), *feature.levels, *feature.unknown)


def cut_labels(cuts: Sequence[float]) -> tuple[str, ...]:
    """Names for levels without labels, as in the audit: (25, 40) -> "<25", "25-<40", ">=40"."""
    texts = [str(int(cut)) if float(cut).is_integer() else str(float(cut)) for cut in cuts]
    middle = [f"{low}-<{high}" for low, high in pairwise(texts)]
    return (f"<{texts[0]}", *middle, f">={texts[-1]}")


def too_small(sizes: Mapping[str, int], declared: Sequence[str], minimum: int) -> dict[str, int]:
    """The levels below `minimum`, smallest first. A declared level that does not occur has 0."""
    counted = {**dict.fromkeys(declared, 0), **sizes}
    return dict(sorted(((level, n) for level, n in counted.items() if n < minimum), key=lambda item: item[1]))


def in_words(small: Mapping[str, int], declared: Sequence[str], unit: str) -> str:
    """The small groups in words. Levels that the plan names are named; others are values of the data and are not."""
    named = [f"{level} has {n} {unit}" for level, n in small.items() if level in declared]
    others = [n for level, n in small.items() if level not in declared]
    parts = named[:_SHOWN] + ([f"{len(named) - _SHOWN} more declared groups are small"] if len(named) > _SHOWN else [])
    if others:
        parts.append(f"{len(others)} groups that the plan does not name have {min(others)} to {max(others)} {unit}")
    return "; ".join(parts)


def _level(value: Any, feature: GroupColumn) -> str:
    """The level of one value; of one position between the cuts, where there are cuts."""
    text = (feature.labels or cut_labels(feature.cuts))[value] if feature.cuts else str(value)
    return next((level for level, values in feature.merge if text in values), text)
