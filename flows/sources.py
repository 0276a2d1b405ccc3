"""From the names in a plan to files that may be read, and to the suite that they must pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from audits.decisions import MAX_CLASSES
from audits.plan import AuditPlan, SensitiveFeature, Task
from audits.source_uri import SourceKind, shown, source_kind
from expectations.result import GroupColumn, SuiteSpec
from flows.settings import Settings
from flows.taken import allowed, taken
from governance.errors import ConfigurationError, MeasurementError


def data_file(settings: Settings, name: str | None) -> Path:
    """The data of this name as a file: itself, or what `flows.taken` took from a database, a folder or a pattern.

    Raises ConfigurationError outside the data folders and databases, MeasurementError if missing.
    """
    if not name:
        raise ConfigurationError("the plan names no data: write [data] source, or give --data FILE")
    if source_kind(name) is not SourceKind.FILES:
        return taken(settings, _database(settings, name))
    path = _inside(settings, name)
    if path.is_file():
        return path
    if path.is_dir() or any(path.parent.glob(path.name)):
        return taken(settings, str(path))
    raise MeasurementError(
        f"there is no data file {name} (looked at {path}): correct [data] source in the plan, or --data"
    )


def newest_file(settings: Settings, plan: AuditPlan) -> Path:
    """The last file, by name, that [data] newer matches. Raises MeasurementError where there is none."""
    if not plan.newer:
        raise MeasurementError("the plan does not say where newer data comes from: write [data] newer")
    if source_kind(plan.newer) is not SourceKind.FILES:
        return data_file(settings, plan.newer)
    pattern = _inside(settings, plan.newer)
    found = sorted(path for path in pattern.parent.glob(pattern.name) if path.is_file())
    if not found:
        raise MeasurementError(f"no file matches [data] newer = {plan.newer!r}: nothing new was measured")
    return _inside(settings, str(found[-1]))


def joined_plan(settings: Settings, plan: AuditPlan) -> AuditPlan:
    """The plan with its [sensitive_data] source as a path, looked up as `data_file` does; the same plan without one.

    Raises ConfigurationError outside the data folders, MeasurementError where it is missing.
    """
    joined = plan.sensitive_data
    if joined is None:
        return plan
    path = _inside(settings, joined.source)
    if not path.is_file():
        raise MeasurementError(
            f"there is no data file {joined.source} (looked at {path}): correct [sensitive_data] source in the plan"
        )
    return replace(plan, sensitive_data=replace(joined, source=str(path)))


def spec_of(plan: AuditPlan, inputs: Iterable[str], present: Collection[str] | None = None) -> SuiteSpec:
    """The suite that the plan's data must pass; `inputs` are the columns that the model takes.

    `present` are the columns of the data, None: unknown. Of a plan that joins a file, features are looked for in the
    data only where they are `present`; the others are the joined file's, which the audit checks as it joins it.
    """
    here = None if plan.sensitive_data is None else (present or ())
    groups = tuple(_group(item) for item in plan.sensitive_features if not item.probabilities and _is_in(item, here))
    controls = tuple(_group(item) for item in plan.control_features if _is_in(item, here))
    shares = (column for item in plan.sensitive_features for _, column in item.probabilities)
    quality, numbers = plan.quality, plan.task is Task.REGRESSION
    filled = _filled(plan)
    wanted = [*filled, *(group.column for group in (*groups, *controls)), *plan.key, *inputs]
    wanted += [plan.prediction] if plan.prediction else []
    wanted += [name for name, *_ in quality.ranges] + [name for name, _ in quality.categories]
    return SuiteSpec(
        name=f"{'classification' if plan.task is Task.BINARY else plan.task}:{plan.model}",
        columns=tuple(dict.fromkeys(wanted)),
        label=None if numbers else plan.label,
        favourable=plan.favourable,
        groups=groups,
        key=plan.key,
        ranges=(*quality.ranges, *_ranges(plan)),
        categories=quality.categories,
        nullable=quality.nullable,
        max_null_share=quality.max_null_share,
        min_rows=quality.min_rows,
        min_group_size=plan.min_group_size,
        min_events=plan.min_events,
        most_labels=MAX_CLASSES if plan.task is Task.MULTICLASS else 2,
        controls=controls,
        filled=filled,
        weights=(plan.weight,) if plan.weight else (),
        probabilities=tuple(column for column in shares if here is None or column in here),
    )


def _group(item: SensitiveFeature) -> GroupColumn:
    return GroupColumn(item.name, item.column, item.cuts, item.labels, item.merge, item.levels, item.unknown)


def _is_in(item: SensitiveFeature, here: Collection[str] | None) -> bool:
    return here is None or item.column in here


def _filled(plan: AuditPlan) -> tuple[str, ...]:
    """Columns without which a row cannot be measured."""
    named = [plan.label, plan.weight, plan.score.column if plan.score else None]
    named += [plan.ranking.rank, *plan.ranking.query] if plan.ranking else []
    named += [*plan.sensitive_data.key] if plan.sensitive_data else []
    return tuple(dict.fromkeys(column for column in named if column is not None))


def _ranges(plan: AuditPlan) -> Iterator[tuple[str, float | None, float | None]]:
    """Columns that hold numbers because of what the plan makes of them, with the range that it declares."""
    score = plan.score
    if score is not None and score.column is not None:
        yield score.column, score.low, score.high
    if plan.ranking is not None and plan.ranking.rank is not None:
        yield plan.ranking.rank, 1.0, None
    if plan.task is Task.REGRESSION and score is not None:  # the range holds for the outcome as for the prediction
        yield from ((column, score.low, score.high) for column in (plan.label, plan.prediction) if column is not None)


def _database(settings: Settings, name: str) -> str:
    """The address, with the path of a DuckDB or Spark file made absolute."""
    if allowed(settings, name):
        return name
    kind, place, mark, table = source_kind(name), *name.partition(":")[2].rpartition("#")
    if kind is SourceKind.DUCKDB and mark:
        return f"duckdb:{_inside(settings, place)}#{table}"
    if kind is SourceKind.SPARK and (settings.project / table).exists():
        return f"spark:{_inside(settings, table)}"
    raise ConfigurationError(
        f"the data {shown(name)} is in a database that plans may not name: let an administrator add its address"
        " (up to the #) to FAIRGATE_DATABASES"
    )


def _inside(settings: Settings, name: str) -> Path:
    path = (settings.project / name).resolve()
    if any(path.is_relative_to(root) for root in settings.data_roots):
        return path
    roots = ", ".join(str(root) for root in settings.data_roots)
    raise ConfigurationError(
        f"the data {name!r} is outside the data folders ({roots}): copy it into the project, "
        f"or let an administrator add its folder to FAIRGATE_DATA"
    )
