"""From the values of a column to the levels of a feature: cut points, merged values, and the explicit unknown one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from audits.plan import SensitiveFeature
from audits.result import UNKNOWN
from audits.table import as_text

MAX_LEVELS = 50
"""Levels of one feature unless a plan says otherwise: with more, it is a number without cuts or an identifier."""

_BOOLEANS = ("true", "false")
_NOTHING_KNOWN = frozenset(
    (
        *(
            "",
            "?",
            "??",
            "???",
            "n a",
            "na",
            "nan",
            "null",
            "none",
            "nil",
            "unknown",
            "unk",
            "unkn",
            "missing",
            "blank",
        ),
        *("undisclosed", "unspecified", "undefined", "unreported", "unavailable", "declined", "refused", "withheld"),
        *("not known", "not specified", "not disclosed", "not reported", "not provided", "not available", "not stated"),
        *("not given", "not applicable", "not answered", "no answer", "no response", "no data", "not declared"),
        *("prefer not to say", "prefer not to answer", "prefer not to disclose", "prefer not to state", "not recorded"),
        *(
            "declined to answer",
            "declined to state",
            "decline to answer",
            "decline to state",
            "decline to self identify",
        ),
        *("declined to self identify", "i do not wish to answer", "do not wish to answer", "choose not to disclose"),
    )
)


def level_namer(feature: SensitiveFeature) -> Callable[[object], str]:
    """What turns a scanned value into its level.

    A scanned value is the column's own one; of a feature with cuts the position of the level (0 for the lowest); of a
    feature known by probabilities the position of the level, and one more for rows where nothing is known. Missing
    values (None, NaN, blank) are UNKNOWN, and so are those that the feature lists as `unknown`.
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


def looks_unknown(level: str) -> bool:
    """Does this text seem to say that nothing is known? For a person to check: "NA" may be a group as well."""
    return re.sub(r"[^0-9a-z?]+", " ", level.casefold()).strip() in _NOTHING_KNOWN


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
    merged |= dict.fromkeys(feature.unknown, UNKNOWN)
    if not feature.cuts:
        return merged
    labels = feature.labels or cut_labels(feature.cuts)
    return {str(position): merged.get(label, label) for position, label in enumerate(labels)}
