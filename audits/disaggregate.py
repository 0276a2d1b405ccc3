"""Cells -> the estimate of every metric in every group. The only importer of Fairlearn.

Fairlearn's MetricFrame runs on the cells, each weighted with its rows, which gives what it gives on the rows. It says
0.0 for the true positive rate of a group without positives (and for false positive rate and precision alike), so our
own denominators decide what is estimable, and each of its values must equal our events / n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audits.groups import Group, groups_of
from audits.intervals import wilson
from audits.metrics import METRICS
from audits.plan import AuditPlan
from audits.result import Cells, GroupEstimate
from governance.errors import DisagreementError

TOLERANCE = 1e-12
"""Largest difference between Fairlearn's rate and events / n."""

Rates = Mapping[tuple[tuple[str, ...], str], float]
"""(levels, metric) -> rate."""


def disaggregate(cells: Cells, plan: AuditPlan) -> tuple[GroupEstimate, ...]:
    """Every metric of METRICS in every group of every comparison of the plan, with Wilson's interval.

    Empty intersections and unknown levels are listed, with `counted` False and the reason. Raises DisagreementError
    where Fairlearn's rate and ours differ by more than TOLERANCE.
    """
    return tuple(estimate for features in plan.comparisons() for estimate in _estimates(cells, plan, features))


def fairlearn_rates(groups: tuple[Group, ...]) -> Rates:
    """Fairlearn's rates of the groups that have rows. Groups whose denominator is zero hold its 0.0."""
    import numpy as np
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    rows = [(group.levels, *row) for group in groups for row in group.rows]
    if not rows:
        return {}
    features = pd.DataFrame([levels for levels, *_ in rows], columns=list(groups[0].features), dtype=object)
    outcome, prediction, weight = (np.array([row[position] for row in rows], dtype=int) for position in (1, 2, 3))
    frame = MetricFrame(
        metrics=_functions(),
        y_true=outcome,
        y_pred=prediction,
        sensitive_features=features,
        # Per metric: one that is forgotten here would silently count cells instead of rows.
        sample_params={name: {"sample_weight": weight} for name in METRICS},
    )
    table = frame.by_group
    single = len(groups[0].features) == 1
    return {
        ((levels,) if single else tuple(levels), metric): float(value)
        for metric in METRICS
        for levels, value in table[metric].items()
    }


def _functions() -> dict[str, Any]:
    from fairlearn.metrics import false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score, precision_score

    def precision(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        return precision_score(y_true, y_pred, sample_weight=sample_weight, zero_division=0.0)

    def base_rate(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        return selection_rate(y_pred, y_true, sample_weight=sample_weight)

    return {
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
        "positive_predictive_value": precision,
        "accuracy": accuracy_score,
        "base_rate": base_rate,
    }


def _estimates(cells: Cells, plan: AuditPlan, features: tuple[str, ...]) -> list[GroupEstimate]:
    groups = groups_of(cells, plan, features)
    rates = fairlearn_rates(groups)
    return [_estimate(group, metric, rates, plan) for metric in METRICS for group in groups]


def _estimate(group: Group, metric: str, rates: Rates, plan: AuditPlan) -> GroupEstimate:
    events, n = group.count(metric)
    aside = group.set_aside(plan.min_group_size)
    value = None if n == 0 else events / n
    if value is not None:
        _must_agree(group, metric, value, rates.get((group.levels, metric)))
    return GroupEstimate(
        metric=metric,
        features=group.features,
        group=group.levels,
        size=group.size,
        n=n,
        events=events,
        value=value,
        interval=wilson(events, n, plan.confidence),
        counted=aside is None,
        reason=aside or (METRICS[metric].empty if value is None else None),
    )


def _must_agree(group: Group, metric: str, own: float, fairlearn: float | None) -> None:
    # Written so that a NaN disagrees.
    if fairlearn is not None and abs(own - fairlearn) <= TOLERANCE:
        return
    where = ", ".join(f"{name}={level}" for name, level in zip(group.features, group.levels, strict=True))
    raise DisagreementError(
        f"{metric} of {where}: Fairlearn gives {fairlearn}, the counts give {own}. Neither is reported; check the"
        " installed versions with `fairgate doctor`."
    )
