"""Which measures a plan may bound under its task and data, and the sentence for those that it may not."""

from __future__ import annotations

import pytest

from audits.plan import Bound, Comparison
from audits.plan_file import read_plan
from governance.errors import ConfigurationError

PLAN = """
[model]
name = "hiring"

[data]
label = "hired"
favourable = "yes"
{data}

[[sensitive_features]]
name = "sex"

[audit]
decided_at = 2026-01-05

[[bounds]]
metric = "{metric}"
comparison = "{comparison}"
bound = {bound}
"""

SCORED = 'score = "points"\nscore_range = [0, 100]\ncutoff = 50'


def bound_of(metric: str, comparison: str, bound: float, data: str = SCORED, *, label: bool = True) -> Bound:
    text = PLAN.format(metric=metric, comparison=comparison, bound=bound, data=data)
    return read_plan((text if label else text.replace('label = "hired"\n', "")).encode()).bounds[0]


@pytest.mark.parametrize(
    ("metric", "comparison", "bound"),
    [
        ("auc", "difference", 0.05),
        ("scoring_rate", "ratio", 0.8),
        ("mean_score", "difference", 12.5),
        ("wasserstein_distance", "difference", 4.0),
        ("selection_rate", "ratio", 0.8),
    ],
)
def test_a_plan_with_scores_may_bound_their_measures(metric: str, comparison: str, bound: float) -> None:
    assert bound_of(metric, comparison, bound) == Bound(metric, Comparison(comparison), bound)


def test_without_scores_a_measure_of_them_is_refused_with_the_key_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"metric is 'auc', which is measured on scores, .* no score_range"):
        bound_of("auc", "difference", 0.05, data="")


def test_a_comparison_that_a_measure_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"comparison is 'ratio'; write .*difference.* for auc"):
        bound_of("auc", "ratio", 0.8)


@pytest.mark.parametrize("metric", ["auc", "brier_score", "true_positive_rate", "equalized_odds"])
def test_without_a_label_what_needs_the_outcome_is_refused(metric: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"'{metric}', which needs the outcome, but \[data\] names no label"):
        bound_of(metric, "difference", 0.1, label=False)


def test_a_difference_of_shares_is_at_most_1_and_one_of_scores_may_be_more() -> None:
    with pytest.raises(ConfigurationError, match="a difference from 0 to below 1"):
        bound_of("scoring_rate", "difference", 1.5)
    assert bound_of("mean_score", "difference", 1.5).limit == 1.5
