"""What a draft of a plan can guess from column names and values. Every guess is for a person to check."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from audits.table import ColumnSummary

_SENSITIVE = re.compile(
    r"(^|_)(sex|gender|race|ethnic\w*|relig\w*|disab\w*|marital|married|personal_status|national\w*|citizen\w*"
    r"|native|origin|foreign\w*|pregnan\w*|orientation|veteran|caste|age)(_|$)"
)
_AGE = re.compile(r"(^|_)age(_|$)")
_LABEL = re.compile(
    r"(^|_)(label|target|outcome|class|y|y_true|hired|approved|accepted|admitted|granted|credit|default|income|decision"
    r"|result|promoted|recid\w*)(_|$)"
)
_PREDICTION = re.compile(r"(^|_)(pred|predict\w*|y_pred|y_hat|yhat|recommend\w*)(_|$)")
_KEY = re.compile(r"(^|_)(id|uuid|guid|key|number|no|nr)(_|$)")
_FAVOURABLE = re.compile(
    r">.*|y|yes|t|true|good|hired?|approved?|accept(ed)?|admit(ted)?|granted|pass(ed)?|selected|positive"
    r"|favou?rable|(re)?paid|promoted"
)
_HARMFUL = re.compile(r"(^|_)(default\w*|recid\w*|fraud\w*|churn\w*|risk\w*|reject\w*|bad|denied|fail\w*)(_|$)")
_RANKED = (re.compile(r"(^|_)(sex|gender)(_|$)"), re.compile(r"(^|_)(race|ethnic\w*)(_|$)"))
_NUMERIC = ("INT", "FLOAT", "DOUBLE", "DECIMAL")


def words_of(name: str) -> str:
    """`MaritalStatus`, `marital-status` and `marital.status` as marital_status."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^0-9a-z]+", "_", apart.lower())


def is_numeric(column: ColumnSummary) -> bool:
    """Does the column hold numbers?"""
    return any(kind in column.type.upper() for kind in _NUMERIC)


def is_age(column: ColumnSummary) -> bool:
    """An age in numbers, to be cut into levels."""
    return bool(_AGE.search(words_of(column.name))) and is_numeric(column) and not column.values


def sensitive_columns(columns: Sequence[ColumnSummary]) -> tuple[ColumnSummary, ...]:
    """The columns whose names suggest a sensitive feature."""
    return tuple(column for column in columns if _SENSITIVE.search(words_of(column.name)))


def prediction_column(columns: Sequence[ColumnSummary]) -> ColumnSummary | None:
    """A two-valued column that seems to hold predictions already."""
    return next((item for item in columns if item.distinct == 2 and _PREDICTION.search(words_of(item.name))), None)


def label_candidates(columns: Sequence[ColumnSummary], inputs: Collection[str]) -> tuple[ColumnSummary, ...]:
    """Two-valued columns that may be the true outcome: not an input, not sensitive, not a prediction, never missing."""
    aside = {column.name for column in sensitive_columns(columns)}
    found = [column for column in columns if column.distinct == 2 and not column.nulls]
    found = [column for column in found if column.name not in aside and column.name not in inputs]
    return tuple(column for column in found if not _PREDICTION.search(words_of(column.name)))


def label_of(candidates: Sequence[ColumnSummary]) -> ColumnSummary | None:
    """The only candidate, or the only one whose name says so; None where that leaves a choice."""
    named = [column for column in candidates if _LABEL.search(words_of(column.name))]
    for choice in (named, candidates):
        if len(choice) == 1:
            return choice[0]
    return None


def favourable_of(label: ColumnSummary) -> str | None:
    """The value that reads as the good outcome; None where none or both do, or a yes would be bad (default, fraud)."""
    if _HARMFUL.search(words_of(label.name)):
        return None
    if set(label.values) == {"0", "1"}:
        return "1"
    good = [value for value in label.values if _FAVOURABLE.fullmatch(value.strip().lower())]
    return good[0] if len(good) == 1 else None


def rank(feature: ColumnSummary) -> int:
    """Sex first, then race: the intersection that rules name."""
    return next((place for place, name in enumerate(_RANKED) if name.search(words_of(feature.name))), len(_RANKED))


def key_column(columns: Sequence[ColumnSummary]) -> ColumnSummary | None:
    """A column named like a key that has as many values as any column has rows, so none twice as far as one can see."""
    rows = max((column.distinct + column.nulls for column in columns), default=0)
    named = [column for column in columns if _KEY.search(words_of(column.name))]
    return next((column for column in named if not column.nulls and column.distinct == rows > 2), None)
