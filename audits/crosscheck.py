"""The reported disparities once more, from AIF360. The only importer of aif360 in this room.

Pair by pair, because AIF360 puts everybody who is not in the reference group together; and only where our own
denominators say that a number exists, because AIF360, like Fairlearn, reports 0.0 for a rate of nothing, so that two
libraries would agree on a false number.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from audits.groups import Group, groups_of
from audits.metrics import METRICS
from audits.plan import AuditPlan, Comparison
from audits.result import Cells, Disparity, Quantity
from governance.errors import DisagreementError

TOLERANCE = 1e-9
"""Largest difference between AIF360's number and ours."""

_NAMED = {
    ("selection_rate", Comparison.RATIO): "disparate_impact",
    ("selection_rate", Comparison.DIFFERENCE): "statistical_parity_difference",
    ("true_positive_rate", Comparison.DIFFERENCE): "true_positive_rate_difference",
    ("false_positive_rate", Comparison.DIFFERENCE): "false_positive_rate_difference",
}


Pairs = Callable[[Group, Group], Any]
"""(group, reference) -> AIF360's `ClassificationMetric` of the two."""

Check = tuple[str, float, Callable[[Any], float]]
"""What is compared, our value, and how AIF360's metric of the two groups gives it."""

_AT_ONCE = 50
"""Pairs that share one dataset: each of AIF360's rates looks at all of its rows, but making one costs 5 ms."""

_ODDS = {
    "average_odds_difference": "average_odds_difference",
    "average_absolute_odds_difference": "average_abs_odds_difference",
}


def crosscheck(
    cells: Cells, plan: AuditPlan, disparities: Sequence[Disparity], quantities: Sequence[Quantity] = ()
) -> int:
    """How many comparisons AIF360 confirmed: every disparity of METRICS that compares two groups and has a value.

    Of `quantities` (`audits.composite`) those that it has too. Raises DisagreementError where its number differs from
    ours by more than TOLERANCE, naming measure and groups.
    """
    checks: dict[tuple[tuple[str, ...], ...], list[Check]] = defaultdict(list)
    for item in disparities:
        if item.metric in METRICS and item.group and item.value is not None:
            checks[item.features, item.group, item.reference].append(_of_disparity(item, item.value))
    for found in quantities:
        if found.metric in _ODDS and found.value is not None:
            checks[found.features, found.group, found.against].append(_of_quantity(found, found.value))
    for features in dict.fromkeys(features for features, *_ in checks):
        groups = {group.levels: group for group in groups_of(cells, plan, features)}
        two = [
            (groups[group], groups[reference], found)
            for (f, group, reference), found in checks.items()
            if f == features
        ]
        for start in range(0, len(two), _AT_ONCE):
            _confirm(two[start : start + _AT_ONCE])
    return sum(map(len, checks.values()))


def _confirm(compared: Sequence[tuple[Group, Group, Sequence[Check]]]) -> None:
    metric = pairs(tuple(dict.fromkeys(group for pair in compared for group in pair[:2])))
    for group, reference, checks in compared:
        for where, value, read in checks:
            _must_agree(where, value, read(metric(group, reference)))


def _of_disparity(item: Disparity, value: float) -> Check:
    where = f"{item.metric} {item.comparison}, {item.where()}"
    return where, value, lambda two: aif360_value(two, item.metric, item.comparison)


def _of_quantity(found: Quantity, value: float) -> Check:
    names = ", ".join(f"{name}={level}" for name, level in zip(found.features, found.group, strict=True))
    against = ", ".join(f"{name}={level}" for name, level in zip(found.features, found.against, strict=True))
    return f"{found.metric}, {names} against {against}", value, lambda two: float(getattr(two, _ODDS[found.metric])())


def pairs(groups: Sequence[Group]) -> Pairs:
    """AIF360's `ClassificationMetric` for any two of `groups` (of one comparison, each with rows).

    It runs on the cells, each with the weight of its rows. The datasets are made once for all pairs; every metric
    then looks at two groups only.
    """
    import pandas as pd

    with quiet_import():
        from aif360.datasets import BinaryLabelDataset
        from aif360.metrics import ClassificationMetric

    place = {group.levels: float(position) for position, group in enumerate(groups)}
    rows = [(place[group.levels], row.outcome, row.prediction, row.w) for group in groups for row in group.rows]
    frame = pd.DataFrame(rows, columns=["group", "outcome", "prediction", "weight"]).astype(float)

    def labelled(label: str) -> Any:
        return BinaryLabelDataset(
            df=frame[["group", label, "weight"]].rename(columns={label: "label"}),
            label_names=["label"],
            protected_attribute_names=["group"],
            instance_weights_name="weight",
        )

    outcome, prediction = labelled("outcome"), labelled("prediction")

    @cache
    def metric(group: Group, reference: Group) -> Any:
        return ClassificationMetric(
            outcome,
            prediction,
            unprivileged_groups=[{"group": place[group.levels]}],
            privileged_groups=[{"group": place[reference.levels]}],
        )

    return metric


def classification_metric(group: Group, reference: Group) -> Any:
    """The one of `pairs` for two groups alone."""
    return pairs((group, reference))(group, reference)


def aif360_value(metric: Any, name: str, comparison: Comparison) -> float:
    """The disparity by AIF360's own method where it has one, else the ratio or difference of its rates.

    Its rates have the names of METRICS.
    """
    import numpy as np

    # It computes every rate to give one, those of nothing too.
    with np.errstate(divide="ignore", invalid="ignore"):
        if (name, comparison) in _NAMED:
            return float(getattr(metric, _NAMED[name, comparison])())
        rate = getattr(metric, name)
        return float(metric.ratio(rate) if comparison is Comparison.RATIO else metric.difference(rate))


def _must_agree(where: str, ours: float, value: float) -> None:
    # Relative for ratios far above 1; written so that a NaN disagrees.
    if abs(value - ours) <= TOLERANCE * max(1.0, abs(ours)):
        return
    raise DisagreementError(
        f"{where}: AIF360 gives {value}, Fairlearn's rates and the counts give {ours}. Neither is reported; check the"
        " installed versions with `fairgate doctor`."
    )


@contextmanager
def quiet_import() -> Iterator[None]:
    """AIF360 tells the root logger at import that tensorflow and inFairness are absent, which nothing here needs.

    Only these messages are dropped; and because `logging.warning` on a root logger without a handler installs one for
    the whole process, a handler stands there meanwhile.
    """
    root = logging.getLogger()
    handler = logging.NullHandler()
    root.addFilter(_not_a_missing_extra)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.removeFilter(_not_a_missing_extra)


def _not_a_missing_extra(record: logging.LogRecord) -> bool:
    return "pip install 'aif360[" not in record.getMessage()
