"""Read an audit plan from TOML: strict keys, strict types, and a sentence with the way out for every mistake."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audits.levels import MAX_LEVELS
from audits.plan import AuditPlan, Family, JoinedFile, Quality
from audits.plan_bounds import read_bounds
from audits.plan_data import JOINED_KEYS, KEYS, read_data, read_joined
from audits.plan_features import read_features, why_not_alone
from audits.rule_packs import pack_ids
from audits.toml_table import TomlTable, is_number, load_toml, one_of, shown
from governance.digests import digest_bytes

IMPACTS = ("minimal", "limited", "high", "prohibited")
"""What a plan can declare; the policy decides what each means, and always wins."""

_TOP = ("model", "data", "sensitive_data", "sensitive_features", "control_features", "audit", "bounds", "quality")
_MODEL = ("name", "impact", "registrant")
_AUDIT = (
    *("decided_at", "confidence", "min_group_size", "min_events", "intersections", "family", "seed", "replicates"),
    *("search_depth", "suppress_below", "max_levels", "max_groups", "rule_packs"),
)
_QUALITY = ("min_rows", "max_null_share", "nullable", "ranges", "categories")
_COLUMNS = 'a list of column names, such as ["comment"]'
_RANGE = "[lowest, highest] or a table with min, max or both, such as { min = 0 }"


def read_plan(data: bytes, *, name: str = "plan.toml") -> AuditPlan:
    """The plan in these TOML bytes; its digest is theirs. `name` is what messages call the file.

    Raises ConfigurationError for unknown or missing keys, wrong types, impossible values, placeholders and what
    contradicts itself.
    """
    document = TomlTable(name, "the file", load_toml(data, name), _TOP)
    plan = _plan(document, digest_bytes(data))
    if reason := why_not_alone(plan):
        raise document.error(reason)
    return plan


def _plan(document: TomlTable, digest: str) -> AuditPlan:
    name = document.file
    model = TomlTable(name, "[model]", document.content.get("model"), _MODEL)
    table = TomlTable(name, "[data]", document.content.get("data"), KEYS)
    rules = TomlTable(name, "[audit]", document.content.get("audit"), _AUDIT)
    roles = read_data(table)
    most = rules.whole("max_levels", MAX_LEVELS, least=2, most=10_000)
    features, controls = read_features(document, roles.roles(), most)
    return AuditPlan(
        model=model.text("name", "the name of the registered model"),
        label=roles.label,
        favourable=roles.favourable,
        sensitive_features=features,
        bounds=read_bounds(document, roles),
        decided_at=rules.day("decided_at", "the date on which the plan was fixed, without quotes: 2026-11-01"),
        digest=digest,
        source=table.optional_text("source", "the data file, such as data/applicants.parquet"),
        newer=table.optional_text("newer", "a pattern of newer files, such as data/incoming/*.parquet"),
        registrant=model.optional_text("registrant", "the id of the person who answers for the registration"),
        data_owner=table.optional_text("owner", "the id of the person who answers for the data"),
        impact=model.word("impact", IMPACTS, "high"),
        prediction=roles.prediction,
        key=table.texts("key", 'the columns that identify a row, such as ["applicant_id"]'),
        intersections=_intersections(rules, [feature.name for feature in features]),
        confidence=rules.number("confidence", 0.95, "a number between 0.5 and 1, such as 0.95", lambda v: 0.5 < v < 1),
        min_group_size=rules.whole("min_group_size", 30),
        min_events=rules.whole("min_events", 5),
        quality=_quality(TomlTable(name, "[quality]", document.content.get("quality", {}), _QUALITY)),
        task=roles.task,
        score=roles.score,
        ranking=roles.ranking,
        weight=roles.weight,
        control_features=controls,
        sensitive_data=_joined(document),
        family=Family(rules.word("family", [word.value for word in Family], Family.BOUNDS.value)),
        seed=rules.whole("seed", 0, least=0),
        replicates=rules.whole("replicates", 1_000, least=100, most=100_000),
        search_depth=rules.whole("search_depth", 0, least=0, most=4),
        suppress_below=rules.whole("suppress_below", 0, least=0, most=1_000),
        max_levels=most,
        max_groups=rules.whole("max_groups", 1_000, least=2, most=1_000_000),
        rule_packs=_rule_packs(rules),
    )


def _joined(document: TomlTable) -> JoinedFile | None:
    if "sensitive_data" not in document.content:
        return None
    return read_joined(TomlTable(document.file, "[sensitive_data]", document.content["sensitive_data"], JOINED_KEYS))


def _rule_packs(rules: TomlTable) -> tuple[str, ...]:
    known = pack_ids()
    found = rules.texts("rule_packs", f"a list of rule packs, from: {', '.join(known)}")
    for item in found:
        if item not in known:
            raise rules.wrong("rule_packs", item, one_of(item, known))
    return found


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
