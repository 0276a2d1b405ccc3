"""The metrics of an audit, in one table: what each one counts, where it comes from, and who is worse off.

Every metric here is a share: `events` of `n` rows, or with weights the weight of the events of the weight of all. With
the outcome (the label is the favourable one) and the prediction (the row is selected) a row is one of four kinds, so a
metric is two conditions over these four. The counts are our own; the libraries compute the rates, and both must agree
(`audits.disaggregate`, `audits.crosscheck`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from types import MappingProxyType

from audits.plan import Comparison
from audits.share import Row, Share, share_of

Condition = Callable[[bool, bool], bool]
"""(outcome, prediction) -> does the row count?"""

NO_LABEL = "the plan names no label"
"""Why a metric that needs the outcome has no value where none is known."""


class Better(StrEnum):
    """Which end of a metric is the good one for the people of a group."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `events` are the rows where `event` holds, among the `n` rows where `among` holds.

    `empty` says in words why a group with n = 0 has no value. `source` names the definition and the library call.
    `comparisons` are those always reported, with a bound or without.
    """

    name: str
    definition: str
    among: Condition
    event: Condition
    empty: str
    source: str
    better: Better
    comparisons: tuple[Comparison, ...] = ()

    @property
    def needs_outcome(self) -> bool:
        """Does it look at the outcome at all? Where the plan names no label, only those that do not have a value."""
        return any(
            condition(outcome, prediction) is not condition(not outcome, prediction)
            for condition, outcome, prediction in product((self.among, self.event), (True, False), (True, False))
        )

    def share(self, rows: Iterable[Row]) -> Share:
        """Events and denominator over `rows`: exact integers, and the sums of their weights."""
        among = [row for row in rows if self.among(row.outcome, row.prediction)]
        return share_of([row for row in among if self.event(row.outcome, row.prediction)], among)


_TABLE = (
    Metric(
        name="selection_rate",
        definition="share of the rows that are selected (predicted favourable)",
        among=lambda outcome, prediction: True,  # noqa: ARG005
        event=lambda outcome, prediction: prediction,  # noqa: ARG005
        empty="no rows in this group",
        source="29 CFR 1607.16 R (selection rate); fairlearn.metrics.selection_rate",
        better=Better.HIGHER,
        comparisons=(Comparison.RATIO, Comparison.DIFFERENCE),
    ),
    Metric(
        name="true_positive_rate",
        definition="share of the favourable outcomes that are selected",
        among=lambda outcome, prediction: outcome,  # noqa: ARG005
        event=lambda outcome, prediction: prediction,  # noqa: ARG005
        empty="no favourable outcomes in this group",
        source="Hardt, Price, Srebro 2016 (equal opportunity); fairlearn.metrics.true_positive_rate",
        better=Better.HIGHER,
        comparisons=(Comparison.DIFFERENCE,),
    ),
    Metric(
        name="false_positive_rate",
        definition="share of the unfavourable outcomes that are selected",
        among=lambda outcome, prediction: not outcome,  # noqa: ARG005
        event=lambda outcome, prediction: prediction,  # noqa: ARG005
        empty="no unfavourable outcomes in this group",
        source="Hardt, Price, Srebro 2016 (equalized odds); fairlearn.metrics.false_positive_rate",
        better=Better.NEITHER,
        comparisons=(Comparison.DIFFERENCE,),
    ),
    Metric(
        name="false_negative_rate",
        definition="share of the favourable outcomes that are not selected",
        among=lambda outcome, prediction: outcome,  # noqa: ARG005
        event=lambda outcome, prediction: not prediction,  # noqa: ARG005
        empty="no favourable outcomes in this group",
        source="Chouldechova 2017 (error rate balance); fairlearn.metrics.false_negative_rate",
        better=Better.LOWER,
    ),
    Metric(
        name="true_negative_rate",
        definition="share of the unfavourable outcomes that are not selected",
        among=lambda outcome, prediction: not outcome,  # noqa: ARG005
        event=lambda outcome, prediction: not prediction,  # noqa: ARG005
        empty="no unfavourable outcomes in this group",
        source="Verma, Rubin 2018 (predictive equality); fairlearn.metrics.true_negative_rate",
        better=Better.NEITHER,
    ),
    Metric(
        name="positive_predictive_value",
        definition="share of the selected rows whose outcome is favourable (precision)",
        among=lambda outcome, prediction: prediction,  # noqa: ARG005
        event=lambda outcome, prediction: outcome,  # noqa: ARG005
        empty="nobody selected in this group",
        source="Chouldechova 2017 (predictive parity); sklearn.metrics.precision_score",
        better=Better.NEITHER,
    ),
    Metric(
        name="negative_predictive_value",
        definition="share of the rows that are not selected whose outcome is unfavourable",
        among=lambda outcome, prediction: not prediction,  # noqa: ARG005
        event=lambda outcome, prediction: not outcome,  # noqa: ARG005
        empty="everybody selected in this group",
        source="Berk et al. 2018 (conditional use accuracy equality); sklearn.metrics.precision_score, pos_label=0",
        better=Better.NEITHER,
    ),
    Metric(
        name="accuracy",
        definition="share of the rows whose prediction equals the outcome",
        among=lambda outcome, prediction: True,  # noqa: ARG005
        event=lambda outcome, prediction: outcome == prediction,
        empty="no rows in this group",
        source="Berk et al. 2018 (overall accuracy equality); sklearn.metrics.accuracy_score",
        better=Better.HIGHER,
    ),
    Metric(
        name="base_rate",
        definition="share of the rows whose outcome is favourable, whatever the prediction",
        among=lambda outcome, prediction: True,  # noqa: ARG005
        event=lambda outcome, prediction: outcome,  # noqa: ARG005
        empty="no rows in this group",
        source="aif360 BinaryLabelDatasetMetric.base_rate",
        better=Better.NEITHER,
    ),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
"""name -> definition, in the order of every report."""

WORST_CASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "demographic_parity": ("selection_rate",),
        "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    }
)
"""Worst case over all counted groups -> the metrics whose largest gap (or smallest ratio) it is."""

BOUND_METRICS: tuple[str, ...] = (*METRICS, *WORST_CASES)
"""Every name that `[[bounds]] metric` of a plan may have."""
