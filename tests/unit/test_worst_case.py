"""What an audit says of the worst case: the bound is held against the corrected value, and noise is no finding."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from audits.disparity import disparities
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.result import Disparity, GroupEstimate, Verdict


def worst(events: list[int], n: list[int], comparison: Comparison, limit: float) -> Disparity:
    groups = [f"g{index}" for index in range(len(n))]
    plan = AuditPlan(
        model="m",
        label="y",
        favourable="1",
        sensitive_features=(SensitiveFeature("group", "group", levels=tuple(groups)),),
        bounds=(Bound("demographic_parity", comparison, limit),),
        decided_at=date(2026, 1, 1),
        digest="sha256:0",
    )
    estimates = [
        GroupEstimate("selection_rate", ("group",), (group,), size, size, k, k / size, None)
        for group, k, size in zip(groups, events, n, strict=True)
    ]
    (found,) = [item for item in disparities(estimates, plan) if item.bound is not None]
    return found


@pytest.mark.parametrize(("comparison", "limit"), [(Comparison.DIFFERENCE, 0.1), (Comparison.RATIO, 0.8)])
def test_noise_over_many_equal_groups_crosses_the_bound_as_observed_and_is_no_indication(
    comparison: Comparison, limit: float
) -> None:
    events = np.random.default_rng(2).binomial(400, 0.4, 70)
    found = worst([int(k) for k in events], [400] * 70, comparison, limit)
    assert found.value is not None
    assert found.corrected is not None
    observed_beyond = found.value > limit if comparison is Comparison.DIFFERENCE else found.value < limit
    assert observed_beyond
    assert abs(found.corrected - found.value) > 0.05
    assert found.p is not None
    assert found.p > 0.05
    assert found.verdict is Verdict.NO_INDICATION
    assert "(the bound is held against this)" in found.reason


def test_a_group_that_is_far_below_seventy_others_is_adverse() -> None:
    events = np.random.default_rng(2).binomial(400, 0.4, 70)
    found = worst([60, *(int(k) for k in events[1:])], [400] * 70, Comparison.DIFFERENCE, 0.1)
    assert found.verdict is Verdict.ADVERSE
    assert found.interval is not None
    assert found.interval.lower > 0.1
    assert found.p is not None
    assert found.p < 1e-9


def test_large_groups_that_differ_a_little_are_to_be_watched_not_adverse() -> None:
    """Clearly unequal, and the observed gap is beyond the bound only by the noise of small groups."""
    generator = np.random.default_rng(5)
    sizes = [50] * 30 + [100_000] * 10
    rates = np.r_[np.full(30, 0.4), np.linspace(0.385, 0.415, 10)]
    found = worst([int(k) for k in generator.binomial(sizes, rates)], sizes, Comparison.DIFFERENCE, 0.2)
    assert found.value is not None
    assert found.value > 0.2
    assert found.p is not None
    assert found.p < 1e-6
    assert found.verdict is Verdict.WATCH


def test_two_groups_are_judged_as_the_pair_that_they_are() -> None:
    found = worst([40, 60], [100, 100], Comparison.DIFFERENCE, 0.19)
    assert found.interval is not None
    assert found.interval.method == "newcombe"
    assert found.verdict is Verdict.ADVERSE
    assert "the bound is held against this" not in found.reason
