"""The measures of regression, ranking and several classes that a plan may bound, and how each is compared."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from audits.plan import Comparison, Task

_DIFFERENCE = (Comparison.DIFFERENCE,)
_RATIO = (Comparison.RATIO,)

REGRESSION_METRICS: Mapping[str, tuple[Comparison, ...]] = MappingProxyType(
    {
        "mean_prediction": _DIFFERENCE,
        "mean_outcome": _DIFFERENCE,
        "standardized_mean_difference": _DIFFERENCE,
        "mean_absolute_error": _DIFFERENCE,
        "root_mean_squared_error": _DIFFERENCE,
        "mean_residual": _DIFFERENCE,
        "residual_standardized_mean_difference": _DIFFERENCE,
        "kolmogorov_smirnov": _DIFFERENCE,
        "wasserstein_distance": _DIFFERENCE,
    }
)
"""Measures of a regression; those that need an outcome are in NEEDS_OUTCOME."""

RANKING_METRICS: Mapping[str, tuple[Comparison, ...]] = MappingProxyType({"exposure": _RATIO, "top_k": _RATIO})
"""Measures of a ranking: exposure, and places among the first k (every k of the plan), per candidate."""

CLASS_METRICS: Mapping[str, tuple[Comparison, ...]] = MappingProxyType({"multiclass_accuracy": _DIFFERENCE})
"""Measures of several classes together."""

NEEDS_OUTCOME = (
    "mean_outcome",
    "mean_absolute_error",
    "root_mean_squared_error",
    "mean_residual",
    "residual_standardized_mean_difference",
    "multiclass_accuracy",
)
"""Measures that no plan without a label can bound."""

TASK_METRICS: Mapping[Task, Mapping[str, tuple[Comparison, ...]]] = MappingProxyType(
    {Task.REGRESSION: REGRESSION_METRICS, Task.RANKING: RANKING_METRICS, Task.MULTICLASS: CLASS_METRICS}
)
"""Task -> its own measures."""

_DIFFERENCES_BY_THEMSELVES = (
    "standardized_mean_difference",
    "residual_standardized_mean_difference",
    "kolmogorov_smirnov",
    "wasserstein_distance",
)


def pair_name(metric: str, comparison: Comparison) -> str:
    """The name of the quantity that compares two groups: `mean_residual_difference`; of a distance its own name."""
    return metric if metric in _DIFFERENCES_BY_THEMSELVES else f"{metric}_{comparison}"
