"""From the values of a column to the levels of a feature: cut points, merged values, and the explicit unknown one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from audits.plan import SensitiveFeature
from audits.result import UNKNOWN
from audits.table import as_text

MAX_LEVELS = 50
"""Levels of one feature unless a plan says otherwise: with more, it is a number without cuts or an identifier."""

_BOOLEANS = ("true", "false")


def level_namer(feature: SensitiveFeature) -> Callable[[object], str]:
    """What turns a scanned value into its level.

    A scanned value is the column's own one; of a feature with cuts the position of the level (0 for the lowest); of a
    feature known by probabilities the position of the level, and one more for rows where nothing is known. Missing
    values (None, NaN, blank) are UNKNOWN.
    """
    names = _names(feature)

    def level(value: object) -> str:
        text = as_text(value)
        return UNKNOWN if text is None else names.get(text, text)

    return level


def cut_labels(cuts: Sequence[float]) -> tuple[str, ...]:
    """Names for levels without labels; lower ends belong to the level: (25, 40) -> "<25", "25-<40", ">=40"."""
    texts = [as_text(float(cut)) or "" for cut in cuts]
    middle = [f"{low}-<{high}" for low, high in pairwise(texts)]
    return (f"<{texts[0]}", *middle, f">={texts[-1]}")


def decision(value: object) -> str | None:
    """A label or prediction as text; True in a CSV file, true in Parquet and numpy's True are the same value."""
    text = as_text(value)
    return text.lower() if text is not None and text.lower() in _BOOLEANS else text


def same_value(value: str, declared: str) -> bool:
    """Does the plan mean this value? 1.0 is 1, and True is true; other text must be equal."""
    if value == declared or (value in _BOOLEANS and value == declared.lower()):
        return True
    try:
        return float(value) == float(declared)
    except ValueError:
        return False


def _names(feature: SensitiveFeature) -> dict[str, str]:
    """Scanned value as text -> level."""
    if feature.probabilities:
        levels = (*(level for level, _ in feature.probabilities), UNKNOWN)
        return {str(position): level for position, level in enumerate(levels)}
    merged = {value: name for name, values in feature.merge for value in values}
    if not feature.cuts:
        return merged
    labels = feature.labels or cut_labels(feature.cuts)
    return {str(position): merged.get(label, label) for position, label in enumerate(labels)}
