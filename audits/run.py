"""The one verb of this room: a plan and a table become the evidence of an audit."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from audits.measure import measure, measure_cells
from audits.measured import Measured
from audits.plan import MEDIAN, AuditPlan, Family, Task
from audits.predictions import Predictions
from audits.result import AuditResult, Cells
from audits.scan import Progress
from audits.table import Table, table_digest
from governance.errors import ConfigurationError, MeasurementError

PACKAGES = ("aif360", "duckdb", "fairlearn", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels")
"""What the numbers of an audit depend on."""

_TOGETHER = {Family.BOUNDS: "for all of them together", Family.FEATURE: "for those of each feature together"}


def audit(
    plan: AuditPlan,
    table: Table,
    *,
    model: Path | None = None,
    predictions: Predictions | None = None,
    model_digest: str | None = None,
    data_digest: str | None = None,
    environment: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> AuditResult:
    """Measure what `plan` declares on `table` (a file, a folder, a glob, a database's or Spark's table, a data frame).

    The predictions come from `predictions` (one per row, in the table's order), or from `model` (a folder with an
    MLflow model, scored in a child process by `audits.scoring`), or from the columns that the plan names.
    `environment` is added to the package versions that are recorded. `progress` is called now and then with the share
    of a scan that is done, 0 to 1.

    Raises MeasurementError for data that cannot be measured, DisagreementError where two libraries give two numbers,
    ConfigurationError for both `model` and `predictions`.
    """
    if not isinstance(plan, AuditPlan):
        raise ConfigurationError(
            f"The plan is {type(plan).__name__}, not an AuditPlan: read it with"
            ' audits.plan_file.read_plan(Path("plan.toml").read_bytes()).'
        )
    if model is not None:
        if predictions is not None:
            raise ConfigurationError("Give predictions or a model to score, not both.")
        predictions = _scored(model, table, plan)
    digest = data_digest or table_digest(table)
    found = measure(plan, table, predictions=predictions, data_digest=digest, progress=progress)
    return _result(plan, found, digest, model_digest, environment, answered=predictions is not None)


def audit_cells(
    plan: AuditPlan,
    cells: Cells,
    *,
    model_digest: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> AuditResult:
    """The same from a table of cells: what a decision with two values can be asked."""
    return _result(plan, measure_cells(plan, cells), cells.data_digest, model_digest, environment)


def environment_versions() -> dict[str, str]:
    """Python and the packages that the numbers depend on, with their installed versions."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def _result(
    plan: AuditPlan,
    found: Measured,
    data_digest: str,
    model_digest: str | None,
    environment: Mapping[str, str] | None,
    *,
    answered: bool = False,
) -> AuditResult:
    _refuse_gaps(plan, found)
    return AuditResult(
        plan_digest=plan.digest,
        data_digest=data_digest,
        model_digest=model_digest,
        row_count=found.row_count,
        features=found.features,
        unknown=found.unknown,
        estimates=found.estimates,
        disparities=found.disparities,
        environment={**environment_versions(), **_sources(found), **(environment or {})},
        confidence=plan.confidence,
        min_group_size=plan.min_group_size,
        min_events=plan.min_events,
        notes=(*_how(plan, answered=answered), *_tested(plan, found), *found.notes),
        quantities=found.quantities,
        stratified=found.stratified,
        unknown_bounds=found.unknown_bounds,
        search=found.search,
        rule_reports=found.rule_reports,
        family=plan.family.value,
        suppress_below=plan.suppress_below,
    )


def _refuse_gaps(plan: AuditPlan, found: Measured) -> None:
    """Missing is not met: a bound for which nothing at all was said must not pass as one that nobody crossed."""
    said = {(item.metric, item.comparison, item.features) for item in found.disparities if item.bound is not None}
    for bound in plan.bounds:
        for features in plan.comparisons():
            if (bound.metric, bound.comparison, features) not in said:
                raise MeasurementError(
                    f"Nothing was concluded of the bound on {bound.metric} {bound.comparison} for"
                    f" {' x '.join(features)}: this task does not measure it. Take the bound out of the plan."
                )


def _sources(found: Measured) -> dict[str, str]:
    """The engine, and the digest of a joined file: with it the evidence is bound to these sensitive features."""
    joined = {} if found.joined_digest is None else {"sensitive_data": found.joined_digest}
    return {"engine": found.engine, **joined}


def _scored(model: Path, table: Table, plan: AuditPlan) -> Predictions:
    from audits.scoring import score

    return score(model, table, plan)


def _how(plan: AuditPlan, *, answered: bool) -> Iterator[str]:
    """What a signer must know of how the numbers came about, and cannot see in them."""
    yield _good(plan)
    if plan.prediction and answered:
        yield f"Predictions were given, and measured in place of the column {plan.prediction}."
    elif plan.prediction:
        yield f"The model was NOT run: its predictions were read from the column {plan.prediction}."
    yield from _scores(plan)
    for item in (*plan.sensitive_features, *plan.control_features):
        cuts = f", cut at {', '.join(f'{cut:g}' for cut in item.cuts)}" if item.cuts else ""
        merged = ", values merged" if item.merge else ""
        if not item.probabilities and (item.column != item.name or cuts or merged):
            yield f"{item.name} was read from the column {item.column}{cuts}{merged}."
    if plan.sensitive_data:
        key = ", ".join(plan.sensitive_data.key)
        yield f"Sensitive features were joined from {plan.sensitive_data.source} by {key}."
    if plan.weight:
        yield f"Rows are weighted by the column {plan.weight}."


def _good(plan: AuditPlan) -> str:
    """What counts as the good outcome."""
    match plan.task:
        case Task.REGRESSION:
            return (
                f"Measured are predicted numbers of {plan.label or 'an outcome that is not known'}: higher is better."
            )
        case Task.RANKING:
            return "Measured are places in an order: the first is the best."
    if plan.label is None:
        return f"No outcome is known: what is measured is who is selected (favourable is {plan.favourable})."
    return f"Favourable is {plan.label} = {plan.favourable}."


def _scores(plan: AuditPlan) -> Iterator[str]:
    if plan.score is None:
        return
    if plan.score.column:
        yield f"The model was NOT run: its scores were read from the column {plan.score.column}."
    if plan.score.cutoff == MEDIAN:
        yield "Selected are the scores strictly above the median of the full sample, unknowns included."
    elif plan.score.cutoff is not None and plan.prediction is None:
        yield f"Selected are the scores at or above {plan.score.cutoff}."


def _tested(plan: AuditPlan, found: Measured) -> Iterator[str]:
    bounded = sum(item.bound is not None for item in found.disparities)
    if plan.family is Family.NONE:
        yield (
            f"{bounded} bounded comparisons, each at {plan.confidence:.0%} confidence, without a correction for their"
            " number: some intervals exclude no difference by chance."
        )
        return
    yield (
        f"{bounded} bounded comparisons. Verdicts hold {_TOGETHER[plan.family]}: the chance of any false adverse among"
        f" them is at most {1 - plan.confidence:.0%} (Holm). Where the plan names no reference, comparing with the"
        f" highest rate counts as comparing every pair. Each interval is at {plan.confidence:.0%} by itself."
    )
