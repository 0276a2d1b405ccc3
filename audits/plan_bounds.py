"""The [[bounds]] of a plan: which measures may have one under its task, and how they are compared."""

from __future__ import annotations

from collections.abc import Mapping

from audits.metrics import BOUND_METRICS, METRICS, WORST_CASES
from audits.plan import Bound, Comparison, Task
from audits.plan_data import Data
from audits.score_metrics import IN_SCORE_UNITS, NEEDS_OUTCOME, QUANTITY_METRICS
from audits.task_metrics import NEEDS_OUTCOME as NUMBERS_NEED_OUTCOME
from audits.task_metrics import TASK_METRICS
from audits.toml_table import TomlTable, one_of

_KEYS = ("metric", "comparison", "bound")
_EXAMPLE = 'metric = "selection_rate", comparison = "ratio", bound = 0.8'
_EITHER = (Comparison.RATIO, Comparison.DIFFERENCE)


def bound_metrics(data: Data) -> Mapping[str, tuple[Comparison, ...]]:
    """The names that [[bounds]] metric may have under this task -> the comparisons that each allows."""
    own = TASK_METRICS.get(data.task, {})
    if data.task in (Task.REGRESSION, Task.RANKING):  # nobody is selected: there are no rates
        return own
    rates = dict.fromkeys(BOUND_METRICS, _EITHER)
    return {**rates, **own, **(QUANTITY_METRICS if data.score else {})}


def read_bounds(document: TomlTable, data: Data) -> tuple[Bound, ...]:
    """At least one. Raises ConfigurationError for a measure that the plan's data cannot have, or a bound twice."""
    bounds = tuple(_bound(table, data) for table in document.tables("bounds", _KEYS, _EXAMPLE))
    document.distinct("[[bounds]]", [f"{bound.metric} {bound.comparison}" for bound in bounds])
    return bounds


def _bound(table: TomlTable, data: Data) -> Bound:
    allowed = bound_metrics(data)
    named = table.content.get("metric")
    if not data.score and isinstance(named, str) and named in QUANTITY_METRICS and named not in allowed:
        raise table.error(
            f"{table.where} metric is {named!r}, which is measured on scores, but [data] has no score_range; add it"
            " (and score, the column), or bound a rate"
        )
    metric = table.word("metric", tuple(allowed))
    if data.label is None and _needs_outcome(metric):
        raise table.error(
            f"{table.where} metric is {metric!r}, which needs the outcome, but [data] names no label; add label, or"
            f" bound {next(name for name in allowed if not _needs_outcome(name))}"
        )
    comparison = Comparison(table.word("comparison", [word.value for word in Comparison]))
    if comparison not in allowed[metric]:
        words = [word.value for word in allowed[metric]]
        raise table.wrong("comparison", comparison.value, f"{one_of(comparison.value, words)} for {metric}")
    return Bound(metric, comparison, _limit(table, data, metric, comparison))


def _limit(table: TomlTable, data: Data, metric: str, comparison: Comparison) -> float:
    if comparison is Comparison.RATIO:
        return table.number("bound", None, "a ratio above 0 and at most 1, such as 0.8", lambda v: 0 < v <= 1)
    if data.task is Task.REGRESSION or metric in IN_SCORE_UNITS:  # a difference of numbers, not of shares
        return table.number("bound", None, "a difference of at least 0, such as 0.1", lambda v: v >= 0)
    # One that nothing can cross would only make the family larger, and so the other verdicts milder.
    return table.number("bound", None, "a difference from 0 to below 1, such as 0.1", lambda v: 0 <= v < 1)


def _needs_outcome(metric: str) -> bool:
    """Can the measure not be estimated without a label?"""
    rates = [METRICS[name] for name in WORST_CASES.get(metric, (metric,)) if name in METRICS]
    return metric in (*NEEDS_OUTCOME, *NUMBERS_NEED_OUTCOME) or any(rate.needs_outcome for rate in rates)
