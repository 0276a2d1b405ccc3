"""The sensitive and control features of a plan: columns, levels, cuts, merges and probabilities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise

from audits.levels import cut_labels
from audits.plan import AuditPlan, SensitiveFeature
from audits.result import UNKNOWN
from audits.toml_table import TomlTable, is_number, one_of, shown

_CONTROL = ("name", "column", "levels", "cuts", "labels", "merge", "unknown")
_SENSITIVE = (*_CONTROL, "reference", "probabilities")
_LEVELS = "a list of distinct levels that is not empty"
_PROBABILITIES = 'a table of levels and columns, such as { female = "p_female", male = "p_male" }'


def read_features(
    document: TomlTable, roles: Mapping[str, str], most: int
) -> tuple[tuple[SensitiveFeature, ...], tuple[SensitiveFeature, ...]]:
    """(sensitive, control) features. `roles` maps a column to what it already is; `most` levels a feature may name.

    Raises ConfigurationError for what is missing, wrong or contradicts itself.
    """
    tables = document.tables("sensitive_features", _SENSITIVE, 'name = "sex"')
    more = []
    if "control_features" in document.content:
        more = document.tables("control_features", _CONTROL, 'name = "region"')
    found = [_feature(table, roles, most) for table in (*tables, *more)]
    document.distinct("[[sensitive_features]] and [[control_features]] name", [feature.name for feature in found])
    sensitive, controls = tuple(found[: len(tables)]), tuple(found[len(tables) :])
    used = {column for feature in sensitive for column in columns_of(feature)}
    for table, feature in zip(more, controls, strict=True):
        if feature.column in used:
            raise table.wrong("column", feature.column, "another column than a sensitive feature's")
    return sensitive, controls


def columns_of(feature: SensitiveFeature) -> tuple[str, ...]:
    """The columns that the feature is read from."""
    return tuple(column for _, column in feature.probabilities) or (feature.column,)


def why_not_alone(plan: AuditPlan) -> str | None:
    """Why a plan with membership by probabilities cannot be measured; None where it can.

    Each row is then in every level: beside another feature it would be counted once for each of them there too.
    """
    features = (*plan.sensitive_features, *plan.control_features)
    shared = [feature.name for feature in features if feature.probabilities]
    if not shared:
        return None
    beside = [shown(repr(feature.name)) for feature in features if feature.name != shared[0]]
    beside += ["intersections"] * bool(plan.intersections) + ["a search"] * bool(plan.search_depth)
    if not beside:
        return None
    return (
        f"feature {shown(repr(shared[0]))} is known by probabilities, and beside {', '.join(beside)} a row would be"
        " counted several times; write one plan for each feature with probabilities, without another sensitive or"
        " control feature, intersections or search_depth"
    )


def _feature(table: TomlTable, roles: Mapping[str, str], most: int) -> SensitiveFeature:
    name = table.text("name", "what the feature is called in reports, such as sex")
    table.where += f" ({shown(name)})"
    cuts, merge = _cuts(table), _merge(table)
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
        probabilities=_probabilities(table),
        unknown=_unknown(table),
    )
    for column in columns_of(feature):
        if column in roles:
            key = "probabilities" if feature.probabilities else "column"
            raise table.wrong(key, column, f"another column than the {roles[column]}")
    _check_levels(table, feature, most)
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


def _unknown(table: TomlTable) -> tuple[str, ...]:
    """Values that say that nothing is known."""
    unknown = table.scalars("unknown", 'a list of values such as ["?", "Unknown"]')
    if unknown and "cuts" in table.content:
        raise table.error(
            f"{table.where} has both cuts and unknown; leave out unknown, and let the numbers be missing in the data"
            " where nothing is known"
        )
    return unknown


def _probabilities(table: TomlTable) -> tuple[tuple[str, str], ...]:
    """Level -> the column with its probability, for all levels: what is left to 1 would belong to nobody."""
    if "probabilities" not in table.content:
        return ()
    for key in ("column", "cuts", "labels", "merge", "levels", "unknown"):
        if key in table.content:
            raise table.error(f"{table.where} has both probabilities and {key}; leave out {key}")
    named = table.table("probabilities")
    if len(named) < 2:
        raise table.wrong("probabilities", dict(named), f"{_PROBABILITIES}, with two levels or more")
    below = TomlTable(table.file, f"{table.where} probabilities", named, tuple(named))
    columns = [below.text(level, "the column with the probability of this level") for level in named]
    below.distinct("columns", columns)
    return tuple(zip(named, columns, strict=True))


def _check_levels(table: TomlTable, feature: SensitiveFeature, most: int) -> None:
    """What the plan says of levels must fit together: a reference that cannot occur would compare nothing."""
    made = [level for level, _ in (*feature.merge, *feature.probabilities)] or list(
        feature.labels or (cut_labels(feature.cuts) if feature.cuts else ())
    )
    if UNKNOWN in (*made, *feature.levels):
        raise table.error(
            f"{table.where} names the level {UNKNOWN!r}, kept for rows without a value; choose another name, or list"
            ' the values that stand for nothing known: unknown = ["?"]'
        )
    if max(len(made), len(feature.levels)) > most:
        raise table.error(
            f"{table.where} names more than {most} levels, too many to compare; merge some of them, or raise [audit]"
            " max_levels"
        )
    _check_unknown(table, feature)
    if feature.levels:
        _check_listed(table, feature, made)
    known = feature.levels or tuple(made)
    if feature.reference is not None and known and feature.reference not in known:
        raise table.wrong("reference", feature.reference, one_of(feature.reference, known))


def _check_unknown(table: TomlTable, feature: SensitiveFeature) -> None:
    """A value cannot be unknown and a level."""
    merged = {text for level, values in feature.merge for text in (level, *values)}
    for value in feature.unknown:
        if value in merged or value in feature.levels or value == feature.reference:
            raise table.wrong("unknown", value, "values that stand in no levels, merge or reference")


def _check_listed(table: TomlTable, feature: SensitiveFeature, made: Collection[str]) -> None:
    gone = {value for level, values in feature.merge for value in values} - set(made)
    for level in feature.levels:
        if level in gone or (feature.cuts and level not in made):
            raise table.wrong("levels", level, f"levels as they are after cuts and merge: {', '.join(made)}")
    if missing := [level for level in made if level not in feature.levels]:
        raise table.wrong("levels", list(feature.levels), f"{shown(repr(missing[0]))} too, which cuts or merge make")
