"""What a plan's task asks for, measured on a table: one function for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from audits.cells import cells_of, cells_of_classes, level_notes, read_counted, unknown_rows
from audits.composite import composites
from audits.crosscheck import crosscheck
from audits.disaggregate import disaggregate
from audits.disparity import compared
from audits.family import concluded
from audits.finding import Compared
from audits.measured import Measured
from audits.plan import AuditPlan, Task
from audits.predictions import Predictions
from audits.result import Cells, Disparity, Quantity
from audits.rule_reports import rule_reports
from audits.scan import Progress
from audits.score_disparity import score_compared
from audits.search import search
from audits.stratified import conditional_disparity, stratified
from audits.table import Table, table_name
from audits.unknowns import unknown_bounds


class _Measure(Protocol):
    """What measures one task."""

    def __call__(
        self,
        plan: AuditPlan,
        table: Table,
        *,
        predictions: Predictions | None,
        data_digest: str,
        progress: Progress | None,
    ) -> Measured: ...


def measure(
    plan: AuditPlan,
    table: Table,
    *,
    predictions: Predictions | None,
    data_digest: str,
    progress: Progress | None = None,
) -> Measured:
    """Measure what `plan` declares on `table`; parameters and errors as `audits.run.audit` has them."""
    of_task = _of(plan.task)
    return of_task(plan, table, predictions=predictions, data_digest=data_digest, progress=progress)


def measure_cells(
    plan: AuditPlan,
    cells: Cells,
    *,
    quantities: Sequence[Quantity] = (),
    more: Sequence[Compared] = (),
    unbounded: Sequence[Disparity] = (),
    classes: Mapping[str, Cells] | None = None,
) -> Measured:
    """Everything that depends on cells alone, and verdicts on `quantities` of scores (without them no bound is met).

    `more` are comparisons of other measures, of the same family; `unbounded` are concluded already, without bounds.
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
        disparities=(*found, *unbounded),
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


def _of(task: Task) -> _Measure:
    match task:
        case Task.REGRESSION:
            from audits.regression import measure_regression

            return measure_regression
        case Task.RANKING:
            from audits.ranking import measure_ranking

            return measure_ranking
        case Task.MULTICLASS:
            return _measure_classes
        case Task.BINARY:
            return _measure_decisions


def _measure_decisions(
    plan: AuditPlan, table: Table, *, predictions: Predictions | None, data_digest: str, progress: Progress | None
) -> Measured:
    counted = read_counted(table, plan, predictions=predictions, progress=progress)
    cells = cells_of(counted, plan, data_digest=data_digest, name=table_name(table))
    if plan.score is None:
        return measure_cells(plan, cells)
    from audits.score_cells import read_score_cells
    from audits.scores import score_quantities

    scores = read_score_cells(table, plan, predictions=predictions, progress=progress)
    return measure_cells(plan, cells, quantities=score_quantities(scores, plan))


def _measure_classes(
    plan: AuditPlan, table: Table, *, predictions: Predictions | None, data_digest: str, progress: Progress | None
) -> Measured:
    from audits.multiclass import class_compared, class_disparities, class_quantities

    counted, name = read_counted(table, plan, predictions=predictions, progress=progress), table_name(table)
    cells = cells_of(counted, plan, data_digest=data_digest, name=name)
    classes = cells_of_classes(counted, plan, data_digest=data_digest, name=name)
    return measure_cells(
        plan,
        cells,
        quantities=class_quantities(classes, plan),
        more=class_compared(classes, plan),
        unbounded=class_disparities(classes, plan),
        classes=classes,
    )
