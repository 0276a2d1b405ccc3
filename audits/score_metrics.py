"""The measures of scores that a plan may bound, and how each is compared."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from audits.plan import Comparison

_DIFFERENCE = (Comparison.DIFFERENCE,)

QUANTITY_METRICS: Mapping[str, tuple[Comparison, ...]] = MappingProxyType(
    {
        "scoring_rate": (Comparison.RATIO, Comparison.DIFFERENCE),
        "mean_score": _DIFFERENCE,
        "kolmogorov_smirnov": _DIFFERENCE,
        "wasserstein_distance": _DIFFERENCE,
        "auc": _DIFFERENCE,
        "cross_group_auc": _DIFFERENCE,
        "brier_score": _DIFFERENCE,
        "log_loss": _DIFFERENCE,
        "expected_calibration_error": _DIFFERENCE,
    }
)
"""Every score measure that `[[bounds]] metric` may name -> its comparisons. The two distances are differences between
groups by themselves; all others compare a group with its reference."""

NEEDS_PROBABILITY = ("brier_score", "log_loss", "expected_calibration_error")
"""Measures that read the score as a probability, so that its range must lie within 0 to 1."""

NEEDS_OUTCOME = ("auc", "cross_group_auc", *NEEDS_PROBABILITY)
"""Measures that compare the score with what came true."""

IN_SCORE_UNITS = ("mean_score", "wasserstein_distance", "log_loss")
"""Measures whose differences may exceed 1."""

DISTANCES = ("kolmogorov_smirnov", "wasserstein_distance")


def pair_name(metric: str, comparison: Comparison) -> str:
    """The name of the quantity that compares two groups: `auc_difference`; of a distance, its own name."""
    return metric if metric in DISTANCES else f"{metric}_{comparison}"
