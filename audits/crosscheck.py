"""The reported disparities once more, from AIF360. The only importer of aif360 in this room.

Pair by pair, because AIF360 puts everybody who is not in the reference group together; and only where our own
denominators say that a number exists, because AIF360, like Fairlearn, reports 0.0 for a rate of nothing, so that two
libraries would agree on a false number.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from audits.groups import Group, groups_of
from audits.plan import AuditPlan, Comparison
from audits.result import Cells, Disparity
from governance.errors import DisagreementError

TOLERANCE = 1e-9
"""Largest difference between AIF360's number and ours."""

_NAMED = {
    ("selection_rate", Comparison.RATIO): "disparate_impact",
    ("selection_rate", Comparison.DIFFERENCE): "statistical_parity_difference",
    ("true_positive_rate", Comparison.DIFFERENCE): "true_positive_rate_difference",
    ("false_positive_rate", Comparison.DIFFERENCE): "false_positive_rate_difference",
}


def crosscheck(cells: Cells, plan: AuditPlan, disparities: Sequence[Disparity]) -> int:
    """How many disparities AIF360 confirmed: every one that compares two groups and has a value.

    Raises DisagreementError where its number differs from ours by more than TOLERANCE, naming measure and groups.
    """
    pairs: dict[tuple[tuple[str, ...], ...], list[Disparity]] = defaultdict(list)
    for disparity in disparities:
        if disparity.group and disparity.value is not None:
            pairs[disparity.features, disparity.group, disparity.reference].append(disparity)
    groups = {(f, group.levels): group for f in plan.comparisons() for group in groups_of(cells, plan, f)}
    for (features, group, reference), compared in pairs.items():
        metric = classification_metric(groups[features, group], groups[features, reference])
        for disparity in compared:
            _must_agree(disparity, aif360_value(metric, disparity.metric, disparity.comparison))
    return sum(len(compared) for compared in pairs.values())


def classification_metric(group: Group, reference: Group) -> Any:
    """AIF360's `ClassificationMetric` on the cells of two groups, each cell weighted with its rows."""
    import pandas as pd

    with _quiet_import():
        from aif360.datasets import BinaryLabelDataset
        from aif360.metrics import ClassificationMetric

    rows = [(float(side), *row) for side, part in ((1, reference), (0, group)) for row in part.rows]
    columns = ["reference", "outcome", "prediction", "weight"]
    frame = pd.DataFrame(rows, columns=columns).astype(float)

    def labelled(label: str) -> Any:
        return BinaryLabelDataset(
            df=frame[["reference", label, "weight"]].rename(columns={label: "label"}),
            label_names=["label"],
            protected_attribute_names=["reference"],
            instance_weights_name="weight",
        )

    return ClassificationMetric(
        labelled("outcome"),
        labelled("prediction"),
        unprivileged_groups=[{"reference": 0.0}],
        privileged_groups=[{"reference": 1.0}],
    )


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


def _must_agree(disparity: Disparity, value: float) -> None:
    # Relative for ratios far above 1; written so that a NaN disagrees.
    if disparity.value is not None and abs(value - disparity.value) <= TOLERANCE * max(1.0, abs(disparity.value)):
        return
    raise DisagreementError(
        f"{disparity.metric} {disparity.comparison}, {disparity.where()}: AIF360 gives {value}, Fairlearn's rates and"
        f" the counts give {disparity.value}. Neither is reported; check the installed versions with `fairgate doctor`."
    )


@contextmanager
def _quiet_import() -> Iterator[None]:
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
