"""The measures that are no shares of rows, in plain words: what each says, and under which question it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from reports.words import metric_label, metric_meaning

SHARES = frozenset(
    {
        "observed_rate",
        "scoring_rate",
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "multiclass_accuracy",
        "balanced_accuracy",
        "false_negative_rate",
        "true_negative_rate",
        "positive_predictive_value",
        "negative_predictive_value",
        "accuracy",
        "base_rate",
        "candidate_share",
        "exposure_share",
        "top_k_share",
    }
)
"""Measures that are printed as percentages."""

_MEANINGS: dict[str, tuple[str, str]] = {
    "mean_score": ("Mean score", "the average score of the group"),
    "scoring_rate": ("Scoring rate", "the share of the group with a score above the median of everybody"),
    "auc": (
        "AUC",
        "how often a person whose outcome was favourable scores above one of the same group whose outcome was not;"
        " 0.5 is a coin, 1 is perfect order",
    ),
    "cross_group_auc": ("Cross-group AUC", "the same, with the two persons from different groups"),
    "bpsn_auc": ("BPSN AUC", "favourable outcomes of all other groups against unfavourable ones of this group"),
    "bnsp_auc": ("BNSP AUC", "favourable outcomes of this group against unfavourable ones of all other groups"),
    "brier_score": ("Brier score", "the mean squared distance between score and outcome; 0 is best"),
    "log_loss": ("Log loss", "how surprising the outcomes are, given the scores; 0 is best"),
    "expected_calibration_error": (
        "Calibration error",
        "how far the share with a favourable outcome lies from the score that announced it, on average",
    ),
    "kolmogorov_smirnov": (
        "Kolmogorov-Smirnov distance",
        "the largest difference between the shares of two groups below the same value; 0 is none, 1 is no overlap",
    ),
    "wasserstein_distance": (
        "Wasserstein distance",
        "how far the values of one group would have to move, on average, to be spread as those of the other",
    ),
    "balanced_accuracy": ("Balanced accuracy", "the mean of the true positive and the true negative rate"),
    "average_odds_difference": (
        "Average odds difference",
        "the mean of the differences in true and in false positive rates; they can cancel each other",
    ),
    "average_absolute_odds_difference": ("Average absolute odds difference", "the same, without signs"),
    "equalized_odds_mean_difference": (
        "Equalized odds, mean difference",
        "the mean of the largest gap in true and in false positive rates",
    ),
    "theil_index": ("Theil index", "inequality of benefits between persons; 0 is none"),
    "generalized_entropy_index": ("Generalized entropy index", "inequality of benefits between persons; 0 is none"),
    "between_group_theil_index": (
        "Theil index between groups",
        "inequality of benefits, the part that lies between groups",
    ),
    "between_group_generalized_entropy_index": (
        "Generalized entropy between groups",
        "inequality of benefits, the part that lies between groups",
    ),
    "conditional_demographic_disparity": (
        "Conditional demographic disparity",
        "the group's share of those not selected less its share of those selected, within the levels of the control"
        " feature; above 0 it is selected less often than the others",
    ),
    "mean_prediction": ("Mean prediction", "the average of the predicted numbers"),
    "mean_outcome": ("Mean outcome", "the average of the numbers that came true"),
    "mean_residual": ("Mean residual", "prediction less outcome, on average: below 0 the group is predicted too low"),
    "mean_absolute_error": ("Mean absolute error", "how far predictions lie from outcomes, on average"),
    "root_mean_squared_error": ("Root mean squared error", "the same, with large errors counting more"),
    "standardized_mean_difference": (
        "Standardized mean difference",
        "the difference of the two averages in standard deviations of everybody",
    ),
    "residual_standardized_mean_difference": (
        "Residual standardized mean difference",
        "the difference of the average residuals in standard deviations of everybody's",
    ),
    "candidate_share": ("Share of the candidates", "how many of all candidates are of the group"),
    "exposure_share": (
        "Share of the exposure",
        "how much of the attention goes to the group, where a place gives 1 / log2(place + 1)",
    ),
    "exposure": ("Exposure", "attention per candidate, compared with the reference group: 1 is no difference"),
    "top_k_share": ("Share of the first places", "how many of the first k are of the group"),
    "top_k": ("First places", "places among the first k per candidate, compared with the reference group"),
    "skew": (
        "Skew",
        "the logarithm of the share of the first k over the share of the candidates: 0 is as many, below 0 fewer",
    ),
    "ndkl": (
        "NDKL",
        "how far the groups' shares of the first places are from their shares of the candidates; 0 is none",
    ),
    "multiclass_accuracy": ("Accuracy over all classes", "the share whose predicted class is the one that came true"),
}


@dataclass(frozen=True, slots=True)
class Topic:
    """A question, with the measures that answer it; their `_difference` and `_ratio` follow them."""

    title: str
    metrics: tuple[str, ...]


WITHIN = Topic("Within the levels of a control feature", ("conditional_demographic_disparity",))
TOPICS = (
    Topic("How high the scores are", ("mean_score", "scoring_rate")),
    Topic("How far the values of two groups lie apart", ("kolmogorov_smirnov", "wasserstein_distance")),
    Topic("How well scores put people in order", ("auc", "bpsn_auc", "bnsp_auc", "cross_group_auc")),
    Topic("How close scores are to what came true", ("brier_score", "log_loss", "expected_calibration_error")),
    Topic("Predicted numbers", ("mean_prediction", "mean_outcome", "standardized_mean_difference")),
    Topic(
        "Errors of the predictions",
        (
            "mean_residual",
            "mean_absolute_error",
            "root_mean_squared_error",
            "residual_standardized_mean_difference",
        ),
    ),
    Topic(
        "Places in the ranking",
        ("candidate_share", "exposure_share", "exposure", "top_k_share", "top_k", "skew", "ndkl"),
    ),
    Topic(
        "Several rates in one number",
        (
            "multiclass_accuracy",
            "balanced_accuracy",
            "equalized_odds_mean",
            "average_odds",
            "average_absolute_odds",
            "theil_index",
            "between_group_theil_index",
            "generalized_entropy_index",
            "between_group_generalized_entropy_index",
        ),
    ),
    WITHIN,
)
OTHER = Topic("Other measures", ())
_COMPARED = ("_difference", "_ratio")


def topic_of(metric: str) -> Topic:
    """Where a measure is shown; `Other measures` for one that no topic names."""
    return next((topic for topic in TOPICS if metric in topic.metrics or _base(metric) in topic.metrics), OTHER)


def quantity_label(metric: str) -> str:
    """`auc_difference` -> `AUC difference`; names that are not in the table are printed as they stand."""
    if metric in _MEANINGS:
        return _MEANINGS[metric][0]
    base = _base(metric)
    return f"{_MEANINGS[base][0]} {metric[len(base) + 1 :]}" if base in _MEANINGS else metric_label(metric)


def quantity_meaning(metric: str) -> str:
    """What the measure says, in words; empty where the table does not know it."""
    found = _MEANINGS.get(metric) or _MEANINGS.get(_base(metric))
    return found[1] if found else metric_meaning(metric)


def _base(metric: str) -> str:
    return next((metric.removesuffix(end) for end in _COMPARED if metric.endswith(end)), metric)
