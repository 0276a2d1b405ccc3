"""A model that answers a number: how high it predicts and how far it is off, group by group, from one scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audits.cells import level_cells, level_notes, read_counted, unknown_rows
from audits.distances import (
    Blocks,
    blocks_of,
    drawn,
    gap_of,
    kolmogorov_smirnov,
    kolmogorov_smirnov_interval,
    same_distribution_p,
    wasserstein,
    wasserstein_interval,
)
from audits.family import concluded
from audits.finding import Compared
from audits.histogram import Array, Histogram
from audits.measured import Measured
from audits.moments import (
    Estimate,
    Sums,
    deviation,
    difference,
    interval,
    mean,
    p_of,
    root_mean_square,
    root_mean_square_difference,
    standardized_difference,
    sums_of,
)
from audits.plan import AuditPlan
from audits.predictions import Predictions
from audits.quantity_bounds import quantities_compared
from audits.result import Interval, Quantity
from audits.scan import Counted, Progress
from audits.score_cells import BINS, ScoreCells, number_cells, placed, scored
from audits.score_groups import NO_LABEL, Groups
from audits.score_pairs import NO_INTERVAL, SHARED, reference_of
from audits.table import Table, table_name
from audits.task_metrics import NEEDS_OUTCOME, REGRESSION_METRICS
from governance.errors import ConfigurationError

NO_PAIR = "the declared reference has no rows, or no group has a value"


@dataclass(frozen=True, slots=True)
class _Number:
    """A measure of one group: the number that it is made of, and what is made of it.

    `best` is 1 where the highest value is the reference of the others, -1 where the lowest is.
    """

    metric: str
    of: str
    made: Callable[[Sums], Estimate | None]
    best: int = 1


_NUMBERS = (
    _Number("mean_prediction", "p", mean),
    _Number("mean_outcome", "y", mean),
    _Number("mean_absolute_error", "a", mean, -1),
    _Number("root_mean_squared_error", "r", root_mean_square, -1),
    _Number("mean_residual", "r", mean),
)
_STANDARDIZED = {
    "mean_prediction": ("standardized_mean_difference", "predictions"),
    "mean_residual": ("residual_standardized_mean_difference", "residuals"),
}
"""Measure -> the name of its difference in standard deviations, and what is standardised."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The groups of one comparison and the sums of their numbers by name (`audits.scan.POWERS`)."""

    groups: Groups
    sums: Mapping[str, Sums]


def measure_regression(
    plan: AuditPlan,
    table: Table,
    *,
    predictions: Predictions | None = None,
    data_digest: str,
    progress: Progress | None = None,
) -> Measured:
    """Everything that is measured of predicted numbers; parameters and errors as `audits.measure.measure` has them.

    Raises MeasurementError for a prediction or an outcome that is no number, missing, not finite or outside of the
    declared range, ConfigurationError where the plan declares no range or nothing predicts.
    """
    counted = read_numbers(table, plan, predictions=predictions, progress=progress)
    cells = level_cells(counted, plan, data_digest=data_digest, name=table_name(table))
    quantities = regression_quantities(number_cells(counted), plan)
    return Measured(
        row_count=cells.row_count,
        engine=cells.engine,
        features=cells.features,
        unknown=unknown_rows(cells),
        disparities=concluded(regression_compared(quantities, plan), plan),
        quantities=quantities,
        joined_digest=cells.sensitive_data_digest,
        notes=(*level_notes(cells, plan), *_notes(plan)),
    )


def read_numbers(
    table: Table, plan: AuditPlan, *, predictions: Predictions | None = None, progress: Progress | None = None
) -> Counted:
    """The one scan of a regression: histograms of the prediction and sums of powers, by levels.

    The predictions come from `predictions` (one number per row, in the table's order), else from the column
    `plan.score.column` or `plan.prediction`. Raises as `measure_regression` does.
    """
    if plan.score is None:
        raise ConfigurationError(
            "The plan declares no range of the predicted numbers: add [data] score_range, such as [0, 100000]."
        )
    if predictions is None and plan.score.column is None and plan.prediction is None:
        raise ConfigurationError(
            "Nothing predicts: the plan names no column of predicted numbers, and no model was scored. Add"
            " `prediction` to the plan, or give a model."
        )
    by_number = replace(plan, score=replace(plan.score, cutoff=None))
    return read_counted(table, by_number, predictions=predictions, bins=BINS, progress=progress)


def regression_quantities(cells: ScoreCells, plan: AuditPlan) -> tuple[Quantity, ...]:
    """Every measure of predicted numbers: of the whole sample, then of each comparison, groups before pairs.

    `cells` are `audits.score_cells.number_cells` of `read_numbers`. Deterministic: draws start from `plan.seed`.
    """
    labelled = plan.label is not None
    whole = _numbers(cells, plan, ())
    found = [*_singles(whole)]
    if not labelled:
        names = (name for name in REGRESSION_METRICS if name in NEEDS_OUTCOME)
        found += [Quantity(name, (), (), cells.row_count, None, counted=False, reason=NO_LABEL) for name in names]
    for position, features in enumerate(plan.comparisons()):
        numbers = _numbers(cells, plan, features)
        found += _singles(numbers)
        found += _pairs(numbers)
        found += _distances(numbers, np.random.default_rng([plan.seed, position]))
    return tuple(found)


def regression_compared(quantities: Sequence[Quantity], plan: AuditPlan) -> tuple[Compared, ...]:
    """The comparisons of the plan's bounds on REGRESSION_METRICS before the verdict."""
    sizes = {
        (item.features, item.group): (item.n, item.counted)
        for item in quantities
        if item.metric == "mean_prediction" and item.features and item.n
    }
    return quantities_compared(quantities, plan, sizes, nothing=NO_PAIR)


def _notes(plan: AuditPlan) -> Iterator[str]:
    if plan.control_features:
        yield "Control features are counted; predicted numbers are not measured within their strata."
    if plan.score is not None and plan.score.cutoff is not None:
        yield "The cutoff decides nothing here: numbers are measured as they are. A decision is a binary task."


def _numbers(cells: ScoreCells, plan: AuditPlan, features: tuple[str, ...]) -> Numbers:
    groups = Groups(scored(cells, plan, features), cells, plan)
    _, place = placed(cells, plan, features)
    names = "pyra" if plan.label is not None else "p"
    return Numbers(groups, {name: sums_of(cells, name, place, len(groups)) for name in names})


def _known(numbers: Numbers) -> list[_Number]:
    return [item for item in _NUMBERS if item.of in numbers.sums]


# --- one group --------------------------------------------------------------------------------------------------------


def _singles(numbers: Numbers) -> Iterator[Quantity]:
    groups = numbers.groups
    ends = dict.fromkeys("py", (groups.cells.low, groups.cells.high))
    for group in range(len(groups)):
        for item in _known(numbers):
            low, high = ends.get(item.of, (-np.inf if item.metric == "mean_residual" else 0.0, np.inf))
            yield _single(numbers, group, item, low, high)


def _single(numbers: Numbers, group: int, item: _Number, low: float, high: float) -> Quantity:
    estimate = item.made(numbers.sums[item.of][group])
    if estimate is None:
        return numbers.groups.quantity(item.metric, group, None)
    method = "delta" if item.made is root_mean_square else "student"
    ends = interval(estimate, numbers.groups.plan.confidence, method, low, high)
    # A sum of values within [low, high] may leave it by its rounding.
    found = numbers.groups.quantity(item.metric, group, min(max(estimate.value, low), high), ends)
    if numbers.groups.cells.weighted:
        found = replace(found, effective_n=estimate.rows)
    if ends is None:
        return replace(found, reason=found.reason or "no interval: nothing varies in this group")
    return found


# --- two groups -------------------------------------------------------------------------------------------------------


def _pairs(numbers: Numbers) -> Iterator[Quantity]:
    groups = numbers.groups
    for item in _known(numbers):
        sums = numbers.sums[item.of].from_center()
        found = [item.made(sums[group]) for group in range(len(groups))]
        reference = reference_of(groups, [None if one is None else one.value for one in found], item.best)
        if reference is None:
            continue
        for group in _others(groups, reference):
            pair, name = (group, reference), f"{item.metric}_difference"
            one, other = found[group], found[reference]
            if item.made is root_mean_square:
                apart, method = root_mean_square_difference(sums, pair), "delta"
            else:
                apart, method = None if one is None or other is None else difference(one, other), "welch"
            if apart is not None:
                yield _pair(groups, name, pair, apart, method)
            if apart is not None and item.metric in _STANDARDIZED:
                yield _standardized(groups, sums, pair, item.metric)


def _standardized(groups: Groups, sums: Sums, pair: tuple[int, int], metric: str) -> Quantity:
    name, called = _STANDARDIZED[metric]
    estimate, whole = standardized_difference(sums, pair), deviation(sums.together())
    if estimate is None or whole is None:
        return _quantity(groups, name, pair, None, reason=f"all {called} are equal: there is no standard deviation")
    at = f"in population standard deviations of the {called} of all rows, {whole:.6g}"
    return replace(_pair(groups, name, pair, estimate, "welch, delta"), at=at)


def _pair(groups: Groups, metric: str, pair: tuple[int, int], estimate: Estimate, method: str) -> Quantity:
    ends = interval(estimate, groups.plan.confidence, method)
    return _quantity(groups, metric, pair, estimate.value, ends, p_of(estimate))


def _quantity(
    groups: Groups,
    metric: str,
    pair: tuple[int, int],
    value: float | None,
    ends: Interval | None = None,
    p: float | None = None,
    *,
    error: float = 0.0,
    reason: str | None = None,
) -> Quantity:
    """A measure of two groups; not counted where either is set aside. Rows that both share by probability: no test."""
    names = groups.scored.groups
    without = NO_INTERVAL
    if groups.cells.rows_per_weight is not None:
        ends, p, without = None, None, SHARED
    aside = [f"{_named(groups, one)} has {why}" for one in pair if (why := groups.aside(one)) is not None]
    lacking = without if ends is None and value is not None else None
    return Quantity(
        metric=metric,
        features=groups.scored.features,
        group=names[pair[0]],
        against=names[pair[1]],
        n=groups.rows(pair[0]) + groups.rows(pair[1]),
        value=value,
        interval=ends,
        error=error,
        p=p,
        counted=not aside and value is not None,
        reason=" and ".join(aside) or reason or lacking,
    )


def _others(groups: Groups, reference: int) -> list[int]:
    return [group for group in range(len(groups)) if groups.is_known(group) and group != reference]


def _named(groups: Groups, group: int) -> str:
    pairs = zip(groups.scored.features, groups.scored.groups[group], strict=True)
    return ", ".join(f"{feature}={level}" for feature, level in pairs)


def _distances(numbers: Numbers, generator: np.random.Generator) -> Iterator[Quantity]:
    """How far the predictions of two groups lie apart, from their histograms, with a certified error."""
    groups = numbers.groups
    means = [mean(numbers.sums["p"][group]) for group in range(len(groups))]
    reference = reference_of(groups, [None if item is None else item.value for item in means])
    if reference is None:
        return
    united = groups.scored.histogram.united(1)
    blocks = blocks_of(united[[group for group in range(len(groups)) if groups.is_known(group)]])
    noise = drawn(united[reference], blocks, groups.plan.replicates, generator)
    for group in _others(groups, reference):
        own = drawn(united[group], blocks, groups.plan.replicates, generator)
        yield from _distance(groups, (group, reference), (united[group], united[reference]), (blocks, own - noise))


def _distance(
    groups: Groups, pair: tuple[int, int], sides: tuple[Histogram, Histogram], noise: tuple[Blocks, Array]
) -> Iterator[Quantity]:
    ks, far = kolmogorov_smirnov(*sides), wasserstein(*sides)
    if ks is None or far is None:
        return
    gap, confidence, p = gap_of(*sides, *noise), groups.plan.confidence, same_distribution_p(ks, *sides)
    for metric, distance, ends in (
        ("kolmogorov_smirnov", ks, kolmogorov_smirnov_interval(ks, gap, confidence)),
        ("wasserstein_distance", far, wasserstein_interval(far, gap, confidence)),
    ):
        yield _quantity(groups, metric, pair, distance.value, ends, p, error=distance.error)
