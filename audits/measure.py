"""What a plan's task asks for, measured on a table: the parts of an `AuditResult`, one function for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.cells import cells_of, cells_of_classes, level_notes, read_counted, unknown_rows
from audits.composite import composites
from audits.crosscheck import crosscheck
from audits.disaggregate import disaggregate
from audits.disparity import compared
from audits.family import concluded
from audits.finding import Compared
from audits.plan import AuditPlan, Task
from audits.predictions import Predictions
from audits.result import (
    Cells,
    Disparity,
    GroupEstimate,
    Quantity,
    RuleReport,
    Search,
    Stratified,
    UnknownBounds,
)
from audits.rule_reports import rule_reports
from audits.scan import Progress
from audits.score_disparity import score_compared
from audits.search import search
from audits.stratified import conditional_disparity, stratified
from audits.table import Table, table_name
from audits.unknowns import unknown_bounds


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, by whatever task; `audits.run` adds digests, versions and the plan's own words."""

    row_count: int
    engine: str
    features: tuple[str, ...]
    unknown: Mapping[str, int]
    disparities: tuple[Disparity, ...]
    estimates: tuple[GroupEstimate, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    stratified: tuple[Stratified, ...] = ()
    unknown_bounds: tuple[UnknownBounds, ...] = ()
    search: Search | None = None
    rule_reports: tuple[RuleReport, ...] = ()
    notes: tuple[str, ...] = ()
    joined_digest: str | None = None


def measure(
    plan: AuditPlan,
    table: Table,
    *,
    predictions: Predictions | None,
    data_digest: str,
    progress: Progress | None = None,
) -> Measured:
    """Measure what `plan` declares on `table`; parameters and errors as `audits.run.audit` has them."""
    counted = read_counted(table, plan, predictions=predictions, progress=progress)
    name = table_name(table)
    cells = cells_of(counted, plan, data_digest=data_digest, name=name)
    if plan.task is Task.MULTICLASS:
        classes = cells_of_classes(counted, plan, data_digest=data_digest, name=name)
        return measure_cells(plan, cells, classes=classes)
    if plan.score is None:
        return measure_cells(plan, cells)
    from audits.score_cells import read_score_cells
    from audits.scores import score_quantities

    quantities = score_quantities(read_score_cells(table, plan, predictions=predictions, progress=progress), plan)
    return measure_cells(plan, cells, quantities=quantities)


def measure_cells(
    plan: AuditPlan,
    cells: Cells,
    *,
    quantities: Sequence[Quantity] = (),
    more: Sequence[Compared] = (),
    classes: Mapping[str, Cells] | None = None,
) -> Measured:
    """Everything that depends on cells alone, and verdicts on `quantities` of scores (without them no bound is met).

    `more` are comparisons of other measures, of the same family.
    `classes` are the cells of each class against the rest, where there are several.
    """
    estimates = disaggregate(cells, plan)
    scored = score_compared(quantities, plan)
    found = concluded((*compared(estimates, plan), *scored, *more), plan)
    made = composites(cells, plan)
    confirmed = crosscheck(cells, plan, found, made)
    return Measured(
        row_count=cells.row_count,
        engine=cells.engine,
        features=cells.features,
        unknown=unknown_rows(cells),
        disparities=found,
        estimates=estimates,
        quantities=(*quantities, *made, *conditional_disparity(cells, plan)),
        stratified=stratified(cells, plan, found),
        unknown_bounds=unknown_bounds(cells, plan),
        search=search(cells, plan),
        joined_digest=cells.sensitive_data_digest,
        rule_reports=rule_reports(cells, plan, class_cells=classes),
        notes=(
            *level_notes(cells, plan),
            f"{confirmed} comparisons of two groups were confirmed by AIF360, every rate by Fairlearn.",
        ),
    )
