"""Read an audit plan from TOML: strict keys, strict types, and a sentence with the way out for every mistake."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from audits.levels import MAX_LEVELS, cut_labels
from audits.metrics import BOUND_METRICS
from audits.plan import AuditPlan, Bound, Comparison, Quality, SensitiveFeature
from audits.result import UNKNOWN
from audits.toml_table import TomlTable, is_number, load_toml, one_of, shown
from governance.digests import digest_bytes

IMPACTS = ("minimal", "limited", "high", "prohibited")
"""What a plan can declare; the policy decides what each means, and always wins."""

_MODEL = ("name", "impact", "registrant")
_DATA = ("source", "label", "favourable", "newer", "prediction", "key")
_FEATURE = ("name", "column", "reference", "levels", "cuts", "labels", "merge")
_AUDIT = ("decided_at", "confidence", "min_group_size", "min_events", "intersections")
_BOUND = ("metric", "comparison", "bound")
_QUALITY = ("min_rows", "max_null_share", "nullable", "ranges", "categories")
_LEVELS = "a list of distinct levels that is not empty"
_COLUMNS = 'a list of column names, such as ["comment"]'
_RANGE = "[lowest, highest] or a table with min, max or both, such as { min = 0 }"


def read_plan(data: bytes, *, name: str = "plan.toml") -> AuditPlan:
    """The plan in these TOML bytes; its digest is theirs. `name` is what messages call the file.

    Raises ConfigurationError for unknown or missing keys, wrong types, impossible values and placeholders.
    """
    top = ("model", "data", "sensitive_features", "audit", "bounds", "quality")
    document = TomlTable(name, "the file", load_toml(data, name), top)
    model = TomlTable(name, "[model]", document.content.get("model"), _MODEL)
    outcome = TomlTable(name, "[data]", document.content.get("data"), _DATA)
    rules = TomlTable(name, "[audit]", document.content.get("audit"), _AUDIT)
    label = outcome.text("label", "the column that holds the true outcome")
    features = _features(document, label)
    return AuditPlan(
        model=model.text("name", "the name of the registered model"),
        label=label,
        favourable=outcome.scalar("favourable", "the value of the label that is the good outcome for a person"),
        sensitive_features=features,
        bounds=_bounds(document),
        decided_at=rules.day("decided_at", "the date on which the plan was fixed, without quotes: 2026-11-01"),
        digest=digest_bytes(data),
        source=outcome.optional_text("source", "the data file, such as data/applicants.parquet"),
        newer=outcome.optional_text("newer", "a pattern of newer files, such as data/incoming/*.parquet"),
        registrant=model.optional_text("registrant", "the id of the person who answers for the registration"),
        impact=model.word("impact", IMPACTS, "high"),
        prediction=_prediction(outcome, label),
        key=outcome.texts("key", 'the columns that identify a row, such as ["applicant_id"]'),
        intersections=_intersections(rules, [feature.name for feature in features]),
        confidence=rules.number("confidence", 0.95, "a number between 0.5 and 1, such as 0.95", lambda v: 0.5 < v < 1),
        min_group_size=rules.whole("min_group_size", 30),
        min_events=rules.whole("min_events", 5),
        quality=_quality(TomlTable(name, "[quality]", document.content.get("quality", {}), _QUALITY)),
    )


def _prediction(outcome: TomlTable, label: str) -> str | None:
    column = outcome.optional_text("prediction", "the column that already holds predictions")
    if column == label:
        raise outcome.wrong("prediction", column, "another column than the label: the outcome does not predict itself")
    return column


def _features(document: TomlTable, label: str) -> tuple[SensitiveFeature, ...]:
    tables = _listed(document, "sensitive_features", _FEATURE, 'name = "sex"')
    features = tuple(map(_feature, tables))
    for table, feature in zip(tables, features, strict=True):
        if feature.column == label:
            raise table.wrong("column", label, "another column than the label")
    document.distinct("[[sensitive_features]] name", [feature.name for feature in features])
    return features


def _feature(table: TomlTable) -> SensitiveFeature:
    name = table.text("name", "what the feature is called in reports, such as sex")
    table.where += f" ({shown(name)})"
    cuts = _cuts(table)
    merge = _merge(table)
    if cuts and merge:
        raise table.error(
            f"{table.where} has both cuts and merge; leave out the cuts between levels that belong together"
        )
    feature = SensitiveFeature(
        name=name,
        column=table.optional_text("column", "the column of the data") or name,
        cuts=cuts,
        labels=_labels(table, cuts),
        merge=merge,
        levels=table.scalars("levels", _LEVELS),
        reference=table.optional_scalar("reference", "the level that the others are compared with"),
    )
    _check_levels(table, feature)
    return feature


def _cuts(table: TomlTable) -> tuple[float, ...]:
    if "cuts" not in table.content:
        return ()
    wanted = "a list of rising numbers, each the lower end of a level, such as [25, 40]"
    cuts = table.listed("cuts", wanted)
    if not all(map(is_number, cuts)) or any(low >= high for low, high in pairwise(map(float, cuts))):
        raise table.wrong("cuts", cuts, wanted)
    return tuple(map(float, cuts))


def _labels(table: TomlTable, cuts: tuple[float, ...]) -> tuple[str, ...]:
    labels = table.texts("labels", 'a list of names of the levels, such as ["under 25", "25 and over"]')
    if labels and len(labels) != len(cuts) + 1:
        wanted = f"{len(cuts) + 1} labels, one more than the {len(cuts)} cuts" if cuts else "cuts too, or no labels"
        raise table.wrong("labels", list(labels), wanted)
    return labels


def _merge(table: TomlTable) -> tuple[tuple[str, tuple[str, ...]], ...]:
    named = table.table("merge")
    if not named and "merge" in table.content:
        raise table.wrong("merge", {}, 'a table such as { female = ["A92"] }, or no merge')
    below = TomlTable(table.file, f"{table.where} merge", named, tuple(named))
    merged = tuple((level, below.scalars(level, "a list of values of the column")) for level in named)
    below.distinct("values", [value for _, values in merged for value in values])
    return merged


def _check_levels(table: TomlTable, feature: SensitiveFeature) -> None:
    """What the plan says of levels must fit together: a reference that cannot occur would compare nothing."""
    made = [level for level, _ in feature.merge] or list(
        feature.labels or (cut_labels(feature.cuts) if feature.cuts else ())
    )
    if UNKNOWN in (*made, *feature.levels):
        raise table.error(
            f"{table.where} names the level {UNKNOWN!r}, kept for rows without a value; choose another name"
        )
    if max(len(made), len(feature.levels)) > MAX_LEVELS:
        raise table.error(f"{table.where} names more than {MAX_LEVELS} levels, too many to compare; merge some of them")
    if feature.levels:
        _check_listed(table, feature, made)
    known = feature.levels or tuple(made)
    if feature.reference is not None and known and feature.reference not in known:
        raise table.wrong("reference", feature.reference, one_of(feature.reference, known))


def _check_listed(table: TomlTable, feature: SensitiveFeature, made: Collection[str]) -> None:
    gone = {value for level, values in feature.merge for value in values} - set(made)
    for level in feature.levels:
        if level in gone or (feature.cuts and level not in made):
            raise table.wrong("levels", level, f"levels as they are after cuts and merge: {', '.join(made)}")
    if missing := [level for level in made if level not in feature.levels]:
        raise table.wrong("levels", list(feature.levels), f"{shown(repr(missing[0]))} too, which cuts or merge make")


def _bounds(document: TomlTable) -> tuple[Bound, ...]:
    tables = _listed(document, "bounds", _BOUND, 'metric = "selection_rate", comparison = "ratio", bound = 0.8')
    bounds = tuple(map(_bound, tables))
    document.distinct("[[bounds]]", [f"{bound.metric} {bound.comparison}" for bound in bounds])
    return bounds


def _bound(table: TomlTable) -> Bound:
    metric = table.word("metric", BOUND_METRICS)
    comparison = Comparison(table.word("comparison", [word.value for word in Comparison]))
    if comparison is Comparison.RATIO:
        limit = table.number("bound", None, "a ratio above 0 and at most 1, such as 0.8", lambda v: 0 < v <= 1)
    else:
        limit = table.number("bound", None, "a difference from 0 to 1, such as 0.1", lambda v: 0 <= v <= 1)
    return Bound(metric, comparison, limit)


def _intersections(rules: TomlTable, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    if rules.content.get("intersections", []) != []:
        return tuple(_each_intersection(rules, names))
    return ()


def _each_intersection(rules: TomlTable, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    wanted = 'lists of two or more sensitive features, such as [["sex", "race"]]'
    seen: set[frozenset[str]] = set()
    for group in rules.listed("intersections", wanted):
        if not isinstance(group, list) or len(group) < 2 or not all(isinstance(item, str) for item in group):
            raise rules.wrong("intersections", group, wanted)
        for item in group:
            if item not in names:
                raise rules.wrong("intersections", item, one_of(item, names))
        rules.distinct("intersections", group)
        if frozenset(group) in seen:
            raise rules.error(f"{rules.where} intersections has {shown(repr(group))} twice; write it once")
        seen.add(frozenset(group))
        yield tuple(group)


def _quality(table: TomlTable) -> Quality:
    categories = table.table("categories")
    below = TomlTable(table.file, f"{table.where} categories", categories, tuple(categories))
    return Quality(
        min_rows=table.whole("min_rows", 100),
        max_null_share=table.number(
            "max_null_share", 0.0, "a share from 0 to below 1, such as 0.05", lambda v: 0 <= v < 1
        ),
        nullable=table.texts("nullable", _COLUMNS) if table.content.get("nullable") != [] else (),
        ranges=tuple((column, *_range(table, column, ends)) for column, ends in table.table("ranges").items()),
        categories=tuple((column, below.scalars(column, "a list of the known values")) for column in categories),
    )


def _range(table: TomlTable, column: str, value: Any) -> tuple[float | None, float | None]:
    match value:
        case [low, high]:
            pass
        case Mapping() if value and not value.keys() - {"min", "max"}:
            low, high = value.get("min", -math.inf), value.get("max", math.inf)
        case _:
            raise table.wrong(f"ranges {shown(column)}", value, _RANGE)
    if not all(is_number(end) or _is_open(end) for end in (low, high)) or not low <= high or math.inf in (low, -high):
        raise table.wrong(f"ranges {shown(column)}", value, _RANGE)
    ends = (_end(low), _end(high))
    if ends == (None, None):
        raise table.wrong(f"ranges {shown(column)}", value, f"{_RANGE}: one end at least must be a number")
    return ends


def _is_open(end: Any) -> bool:
    return type(end) is float and math.isinf(end)


def _end(value: float) -> float | None:
    return None if math.isinf(value) else float(value)


def _listed(document: TomlTable, key: str, keys: Sequence[str], example: str) -> list[TomlTable]:
    value = document.content.get(key)
    if not isinstance(value, list) or not value:
        state = "is missing" if value is None else f"is {shown(repr(value))}"
        raise document.error(f"[[{key}]] {state}; add at least one table [[{key}]] with {example}")
    return [TomlTable(document.file, f"[[{key}]] {number}", item, keys) for number, item in enumerate(value, start=1)]
