"""Cells -> the estimate of every metric in every group. The only importer of Fairlearn.

Fairlearn's MetricFrame runs on the cells, each with the weight of its rows, which gives what it gives on the rows. It
says 0.0 for the true positive rate of a group without positives (and for false positive rate and precision alike), so
our own denominators decide what is estimable, and each of its values must equal our events / n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audits.groups import Group, groups_of
from audits.intervals import wilson
from audits.metrics import METRICS
from audits.plan import AuditPlan
from audits.result import Cells, GroupEstimate, Interval
from audits.share import Share
from governance.errors import DisagreementError

TOLERANCE = 1e-12
"""Largest difference between Fairlearn's rate and ours."""

Rates = Mapping[tuple[tuple[str, ...], str], float]
"""(levels, metric) -> rate."""


def disaggregate(cells: Cells, plan: AuditPlan) -> tuple[GroupEstimate, ...]:
    """Every metric of METRICS in every group of every comparison of the plan, with Wilson's interval.

    Empty intersections and unknown levels are listed, with `counted` False and the reason. With weights the interval
    is that of `effective_n` equally weighted rows. Raises DisagreementError where Fairlearn's rate and ours differ by
    more than TOLERANCE.
    """
    return tuple(estimate for features in plan.comparisons() for estimate in _estimates(cells, plan, features))


def fairlearn_rates(groups: tuple[Group, ...]) -> Rates:
    """Fairlearn's rates of the groups that have rows. Groups whose denominator is zero hold its 0.0.

    Only the metrics that can be known: where no outcome is, those that do not look at it.
    """
    import numpy as np
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    rows = [(group.levels, *row) for group in groups for row in group.rows]
    if not rows:
        return {}
    features = pd.DataFrame([levels for levels, *_ in rows], columns=list(groups[0].features), dtype=object)
    outcome, prediction = (np.array([row[position] for row in rows], dtype=int) for position in (1, 2))
    names, rates = _rates_together(labelled=groups[0].labelled)
    frame = MetricFrame(
        metrics=rates,
        y_true=outcome,
        y_pred=prediction,
        sensitive_features=features,
        sample_params={"sample_weight": np.array([row[4] for row in rows])},
    )
    single = len(groups[0].features) == 1
    return {
        ((levels,) if single else tuple(levels), metric): float(value)
        # Combinations without rows are NaN instead of one value for each metric.
        for levels, values in frame.by_group.items()
        if np.ndim(values)
        for metric, value in zip(names, values, strict=True)
    }


def _rates_together(*, labelled: bool) -> tuple[list[str], Any]:
    """(names, one function that gives all of their rates): called for every metric, MetricFrame takes twice as long."""
    import numpy as np

    functions = {name: f for name, f in _functions().items() if labelled or not METRICS[name].needs_outcome}

    def rates(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        return np.array([function(y_true, y_pred, sample_weight=sample_weight) for function in functions.values()])

    return list(functions), rates


def _functions() -> dict[str, Any]:
    """Fairlearn's functions, all with (y_true, y_pred, sample_weight).

    What has one of its own only through a confusion matrix costs 0.7 to 1.3 ms in every group; the rates that carry no
    comparison by themselves are its selection rate among the rows concerned, which is the same number.
    """
    from fairlearn.metrics import false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score

    def base_rate(y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
        return selection_rate(y_pred, y_true, sample_weight=sample_weight)

    return {
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
        "false_negative_rate": lambda y_true, y_pred, sample_weight: _share(y_true == 1, y_pred, 0, sample_weight),
        "true_negative_rate": lambda y_true, y_pred, sample_weight: _share(y_true == 0, y_pred, 0, sample_weight),
        "positive_predictive_value": lambda y_true, y_pred, sample_weight: _share(
            y_pred == 1, y_true, 1, sample_weight
        ),
        "negative_predictive_value": lambda y_true, y_pred, sample_weight: _share(
            y_pred == 0, y_true, 0, sample_weight
        ),
        "accuracy": accuracy_score,
        "base_rate": base_rate,
    }


def _share(chosen: Any, values: Any, wanted: int, sample_weight: Any) -> float:
    """Fairlearn's share of `wanted` among the chosen rows; 0.0 where there are none, as its other rates have it."""
    from fairlearn.metrics import selection_rate

    if not chosen.any():
        return 0.0
    return float(selection_rate(None, values[chosen], pos_label=wanted, sample_weight=sample_weight[chosen]))


def estimate_of(group: Group, metric: str, plan: AuditPlan) -> GroupEstimate:
    """One metric of METRICS in one group by our own counts, confirmed by nobody."""
    share = group.share(metric)
    aside = group.set_aside(plan.min_group_size)
    return GroupEstimate(
        metric=metric,
        features=group.features,
        group=group.levels,
        size=group.size,
        n=share.n,
        events=share.events,
        value=share.value,
        interval=_interval(share, plan.confidence, weighted=group.weighted),
        counted=aside is None,
        reason=aside or (group.why_empty(metric) if share.value is None else None),
        weight=share.weight if group.weighted else None,
        effective_n=share.effective_n if group.weighted else None,
    )


def _estimates(cells: Cells, plan: AuditPlan, features: tuple[str, ...]) -> list[GroupEstimate]:
    groups = groups_of(cells, plan, features)
    rates = fairlearn_rates(groups)
    found = [estimate_of(group, metric, plan) for metric in METRICS for group in groups]
    for estimate in found:
        _must_agree(estimate, rates.get((estimate.group, estimate.metric)))
    return found


def _interval(share: Share, confidence: float, *, weighted: bool) -> Interval | None:
    effective = share.effective_n
    if share.value is None or effective is None or not weighted:
        return wilson(share.events, share.n, confidence)
    return wilson(share.value * effective, effective, confidence)


def _must_agree(estimate: GroupEstimate, fairlearn: float | None) -> None:
    # Written so that a NaN disagrees.
    if estimate.value is None or (fairlearn is not None and abs(estimate.value - fairlearn) <= TOLERANCE):
        return
    where = ", ".join(f"{name}={level}" for name, level in zip(estimate.features, estimate.group, strict=True))
    raise DisagreementError(
        f"{estimate.metric} of {where}: Fairlearn gives {fairlearn}, the counts give {estimate.value}. Neither is"
        " reported; check the installed versions with `fairgate doctor`."
    )
