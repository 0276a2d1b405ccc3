"""The one verb of this room: a plan and a table become the evidence of an audit."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from audits.cells import level_notes, read_cells, unknown_rows
from audits.crosscheck import crosscheck
from audits.disaggregate import disaggregate
from audits.disparity import disparities
from audits.plan import AuditPlan
from audits.predictions import Predictions
from audits.result import AuditResult, Cells
from audits.table import Table
from governance.errors import ConfigurationError

PACKAGES = ("aif360", "duckdb", "fairlearn", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels")
"""What the numbers of an audit depend on."""


def audit(
    plan: AuditPlan,
    table: Table,
    *,
    model: Path | None = None,
    predictions: Predictions | None = None,
    model_digest: str | None = None,
    data_digest: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AuditResult:
    """Measure what `plan` declares on `table` (a file, a glob, or a data frame).

    The predictions come from `predictions` (one per row, in the table's order), or from `model` (a folder with an
    MLflow model, scored in a child process by `audits.scoring`), or from the column `plan.prediction`.
    `environment` is added to the package versions that are recorded.

    Raises MeasurementError for data that cannot be measured, DisagreementError where two libraries give two numbers,
    ConfigurationError for both `model` and `predictions`.
    """
    if model is not None:
        if predictions is not None:
            raise ConfigurationError("Give predictions or a model to score, not both.")
        predictions = _scored(model, table, plan)
    cells = read_cells(table, plan, predictions=predictions, data_digest=data_digest)
    return audit_cells(plan, cells, model_digest=model_digest, environment=environment)


def audit_cells(
    plan: AuditPlan,
    cells: Cells,
    *,
    model_digest: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AuditResult:
    """The same from a table of cells: estimates, disparities, cross-check."""
    estimates = disaggregate(cells, plan)
    found = disparities(estimates, plan)
    confirmed = crosscheck(cells, plan, found)
    bounded = sum(item.bound is not None for item in found)
    return AuditResult(
        plan_digest=plan.digest,
        data_digest=cells.data_digest,
        model_digest=model_digest,
        row_count=cells.row_count,
        features=cells.features,
        unknown=unknown_rows(cells),
        estimates=estimates,
        disparities=found,
        environment={**environment_versions(), "engine": cells.engine, **(environment or {})},
        confidence=plan.confidence,
        min_group_size=plan.min_group_size,
        min_events=plan.min_events,
        notes=(
            *_how(plan),
            *level_notes(cells, plan),
            *_notes(plan, bounded=bounded, n=confirmed),
        ),
    )


def environment_versions() -> dict[str, str]:
    """Python and the packages that the numbers depend on, with their installed versions."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def _scored(model: Path, table: Table, plan: AuditPlan) -> Predictions:
    from audits.scoring import score

    return score(model, table, plan)


def _how(plan: AuditPlan) -> tuple[str, ...]:
    """What a signer must know of how the numbers came about, and cannot see in them."""
    said = [f"Favourable is {plan.label} = {plan.favourable}."]
    if plan.prediction:
        said.append(f"The model was NOT run: its predictions were read from the column {plan.prediction}.")
    for item in plan.sensitive_features:
        cuts = f", cut at {', '.join(f'{cut:g}' for cut in item.cuts)}" if item.cuts else ""
        merged = ", values merged" if item.merge else ""
        if item.column != item.name or cuts or merged:
            said.append(f"{item.name} was read from the column {item.column}{cuts}{merged}.")
    return tuple(said)


def _notes(plan: AuditPlan, *, bounded: int, n: int) -> tuple[str, ...]:
    return (
        f"{bounded} bounded comparisons, each at {plan.confidence:.0%} confidence, without a correction for their"
        " number: some intervals exclude no difference by chance.",
        f"{n} comparisons of two groups were confirmed by AIF360, every rate by Fairlearn.",
    )
