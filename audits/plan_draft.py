"""A first plan, drafted from the data's columns and the model's inputs: commented TOML that a person finishes.

Every guess is marked `CHECK`. What cannot be guessed is left as a placeholder that `read_plan` refuses by name, so a
plan that nobody finished measures nothing.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import date

from audits.levels import MAX_LEVELS, looks_unknown
from audits.plan_guess import (
    favourable_of,
    is_age,
    is_numeric,
    key_column,
    label_candidates,
    label_of,
    prediction_column,
    rank,
    sensitive_columns,
)
from audits.table import ColumnSummary
from audits.toml_table import PLACEHOLDER, is_sound
from governance.errors import ConfigurationError

_AGE_CUT = 40
_LISTED = 6
_HEAD = """\
# Audit plan for the model {model}, drafted on {today} from {source}.
# To finish it: read every line marked CHECK, and replace what stands as {placeholder} ...>.
# The plan is fixed before the audit runs; log it with the model, so that it is part of what is signed.
"""
_MODEL = """\
[model]
name = {model}
impact = "high"                 # CHECK: minimal, limited, high or prohibited; the policy always wins
# registrant = "data-scientist" # CHECK: who answers for the registration; this person cannot sign it off
"""
_AUDIT = """\
[audit]
decided_at = {today}         # CHECK: the day on which this plan was fixed
confidence = 0.95
min_group_size = 30             # smaller groups are shown, never compared
min_events = 5
"""
_BOUNDS = """\
[[bounds]]                      # CHECK: four fifths: no group selected at less than 80 % of the reference's rate
metric = "selection_rate"
comparison = "ratio"
bound = 0.8

# [[bounds]]                    # largest gap in true and false positive rates between any two groups
# metric = "equalized_odds"
# comparison = "difference"
# bound = 0.1
"""


def draft_plan(
    model: str,
    columns: Sequence[ColumnSummary],
    *,
    signature_inputs: Sequence[str] = (),
    source: str,
    today: date,
    label: str | None = None,
) -> str:
    """A plan in TOML. `columns` come from `audits.table.columns_summary`, `label` is its column where it is known.

    Raises ConfigurationError where `label` is no column of the data.
    """
    usable = [column for column in columns if is_sound(column.name)]
    outcome = _label(usable, signature_inputs, label)
    others = [column for column in usable if outcome is None or column.name != outcome.name]
    features = sensitive_columns(others)
    taken = [column for column in others if column.name in signature_inputs] if signature_inputs else others
    parts = [
        _HEAD.format(model=_quoted(model), today=today, source=_quoted(source), placeholder=PLACEHOLDER),
        _MODEL.format(model=_quoted(model)),
        "\n".join(_data(source, outcome, usable, signature_inputs)),
        *("\n".join(_feature(column)) for column in features),
        *([] if any(_is_usable(column) for column in features) else [_no_feature()]),
        _AUDIT.format(today=today) + _intersections(features),
        _BOUNDS,
        "\n".join(_quality(taken, features, {*_names(features), *_names(_key(others))})),
    ]
    return "\n".join(part if part.endswith("\n") else part + "\n" for part in parts)


def _label(columns: Sequence[ColumnSummary], inputs: Sequence[str], label: str | None) -> ColumnSummary | None:
    if label is None:
        return label_of(label_candidates(columns, inputs))
    found = next((column for column in columns if column.name == label), None)
    if found is None:
        close = difflib.get_close_matches(label, _names(columns), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(_names(columns))}"
        raise ConfigurationError(f"--label {label!r} is no column of the data; {hint}")
    return found


def _data(
    source: str, label: ColumnSummary | None, columns: Sequence[ColumnSummary], inputs: Sequence[str]
) -> Iterator[str]:
    yield "[data]"
    yield f"source = {_quoted(source)}"
    yield '# newer = "data/incoming/*.parquet"  # CHECK: the scheduled audit reads the last of these, by name'
    yield '# owner = "data-owner"  # CHECK: who answers for the data; this person cannot sign the release off'
    if label is None:
        candidates = _names(label_candidates(columns, inputs))[:_LISTED]
        hint = f"one of {', '.join(candidates)}" if candidates else "the column with the true outcome"
        yield f"label = {_blank(hint)}  # CHECK: no single two-valued column stands out"
        yield f"favourable = {_blank('the value that is the good outcome for a person')}"
    else:
        yield f"label = {_quoted(label.name)}  # CHECK: the true outcome; found {_found(label)}"
        yield _favourable(label)
    if prediction := prediction_column(columns):
        yield f"# prediction = {_quoted(prediction.name)}  # CHECK: to audit these predictions instead of the model's"
    for key in _key(columns):
        yield f"key = [{_quoted(key.name)}]  # CHECK: no value of it may stand twice"


def _favourable(label: ColumnSummary) -> str:
    value = favourable_of(label)
    if value is None:
        hint = " or ".join(label.values[:_LISTED]) or "a value of the label"
        return f"favourable = {_blank(hint)}  # CHECK: which value is the good outcome for a person"
    return f"favourable = {_quoted(value)}  # CHECK: the good outcome for a person"


def _key(columns: Sequence[ColumnSummary]) -> list[ColumnSummary]:
    key = key_column(columns)
    return [key] if key else []


def _feature(column: ColumnSummary) -> Iterator[str]:
    """A sensitive feature; commented out where its values are too many to compare."""
    mark = "" if _is_usable(column) else "# "
    yield f"{mark}[[sensitive_features]]  # CHECK: guessed from the column's name"
    yield f"{mark}name = {_quoted(column.name)}"
    if is_age(column):
        yield from _age(column)
    elif not _is_usable(column):
        yield f"# CHECK: {column.distinct} different values cannot be compared: give cuts and labels, or merge values"
    elif column.values and all(map(is_sound, column.values)):
        nothing = [value for value in column.values if looks_unknown(value)]
        known = [value for value in column.values if value not in nothing] or column.values
        yield f"levels = {_list(column.values)}  # CHECK: as found"
        if nothing:
            yield f"# unknown = {_list(nothing)}  # CHECK: do they say that nothing is known? Such rows are"
            yield "# counted and never compared: then uncomment the line above, and take its values out of levels"
        yield f"# reference = {_quoted(known[-1])}  # without it: the group with the highest rate"
    else:
        yield f"# CHECK: {column.distinct} different values; small groups are not compared: merge what belongs together"
        yield '# merge = { one = ["a", "b"], other = ["c"] }'
    if column.nulls:
        yield f"# CHECK: {column.nulls} rows have no value; they are counted as unknown, and never compared"


def _is_usable(column: ColumnSummary) -> bool:
    return is_age(column) or 2 <= column.distinct <= MAX_LEVELS


def _age(column: ColumnSummary) -> Iterator[str]:
    low, high = column.minimum, column.maximum
    if low is not None and high is not None and low < _AGE_CUT <= high:
        yield f"cuts = [{_AGE_CUT}]  # CHECK: lower ends of the levels; found {low:g} to {high:g}"
        yield f'labels = ["under {_AGE_CUT}", "{_AGE_CUT} and over"]'
    else:
        yield f"cuts = {_blank('[25, 60], the lower ends of the levels')}  # CHECK: found {low} to {high}"


def _no_feature() -> str:
    return (
        "[[sensitive_features]]  # CHECK: no column's name suggests one\n"
        f"name = {_blank('a column such as sex, ethnicity or age')}\n"
        '# column = "sex"               # where the column is called otherwise\n'
    )


def _intersections(features: Sequence[ColumnSummary]) -> str:
    names = [column.name for column in sorted(filter(_is_usable, features), key=rank)]
    if len(names) < 2:
        return ""
    return f"intersections = [{_list(names[:2])}]  # CHECK: groups of people by two features at once\n"


def _quality(taken: Sequence[ColumnSummary], features: Sequence[ColumnSummary], aside: set[str]) -> Iterator[str]:
    yield "[quality]                       # what the data must satisfy before it is measured"
    yield "min_rows = 100"
    yield "max_null_share = 0.0"
    if nullable := [column.name for column in dict.fromkeys((*taken, *features)) if column.nulls]:
        yield f"nullable = {_list(nullable)}  # CHECK: columns that have missing values now, and may have"
    plain = [column for column in taken if column.name not in aside]
    ranges = [(column.name, column.minimum, column.maximum) for column in plain if is_numeric(column)]
    if found := [(name, low, high) for name, low, high in ranges if low is not None and high is not None]:
        yield "\n[quality.ranges]                # CHECK: found now; uncomment with the range that is possible"
        yield from (f"# {_quoted(name)} = [{_number(low)}, {_number(high)}]" for name, low, high in found)
    known = [column for column in plain if column.type == "VARCHAR" and column.values]
    if listed := [column for column in known if all(map(is_sound, column.values))]:
        yield "\n[quality.categories]            # CHECK: found now; any other value stops the audit"
        yield from (f"{_quoted(column.name)} = {_list(column.values)}" for column in listed)


def _found(column: ColumnSummary) -> str:
    return " and ".join(map(_quoted, column.values[:_LISTED])) or f"{column.distinct} values"


def _names(columns: Sequence[ColumnSummary]) -> list[str]:
    return [column.name for column in columns]


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def _blank(hint: str) -> str:
    return _quoted(f"{PLACEHOLDER}: {hint[:300]}>")


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    """A TOML string on one line, safe in a comment too: control characters and lone surrogates are escaped away."""
    plain = text.encode("utf-8", "replace").decode("utf-8")
    escaped = json.dumps(plain, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", escaped)
