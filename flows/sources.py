"""From the names in a plan to files that may be read, and to the suite that they must pass."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audits.plan import AuditPlan
from expectations.result import GroupColumn, SuiteSpec
from flows.settings import Settings
from governance.errors import ConfigurationError, MeasurementError


def data_file(settings: Settings, name: str | None) -> Path:
    """The data file of this name. Raises ConfigurationError outside the data folders, MeasurementError if missing."""
    if not name:
        raise ConfigurationError("the plan names no data: write [data] source, or give --data FILE")
    path = _inside(settings, name)
    if not path.is_file():
        raise MeasurementError(
            f"there is no data file {name} (looked at {path}): correct [data] source in the plan, or --data"
        )
    return path


def newest_file(settings: Settings, plan: AuditPlan) -> Path:
    """The last file, by name, that [data] newer matches. Raises MeasurementError where there is none."""
    if not plan.newer:
        raise MeasurementError("the plan does not say where newer data comes from: write [data] newer")
    pattern = _inside(settings, plan.newer)
    found = sorted(path for path in pattern.parent.glob(pattern.name) if path.is_file())
    if not found:
        raise MeasurementError(f"no file matches [data] newer = {plan.newer!r}: nothing new was measured")
    return _inside(settings, str(found[-1]))


def spec_of(plan: AuditPlan, inputs: Iterable[str]) -> SuiteSpec:
    """The suite that the plan's data must pass; `inputs` are the columns that the model takes."""
    groups = tuple(
        GroupColumn(item.name, item.column, item.cuts, item.labels, item.merge, item.levels)
        for item in plan.sensitive_features
    )
    quality = plan.quality
    wanted = [plan.label, *(group.column for group in groups), *plan.key, *inputs]
    wanted += [plan.prediction] if plan.prediction else []
    wanted += [name for name, *_ in quality.ranges] + [name for name, _ in quality.categories]
    return SuiteSpec(
        name=f"classification:{plan.model}",
        columns=tuple(dict.fromkeys(wanted)),
        label=plan.label,
        favourable=plan.favourable,
        groups=groups,
        key=plan.key,
        ranges=quality.ranges,
        categories=quality.categories,
        nullable=quality.nullable,
        max_null_share=quality.max_null_share,
        min_rows=quality.min_rows,
        min_group_size=plan.min_group_size,
        min_events=plan.min_events,
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
