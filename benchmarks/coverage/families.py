"""Studies 3 and 4: how often a whole audit says `adverse` where nothing is there, and how often it sees what is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np

from audits.disparity import disparities
from audits.metrics import METRICS
from audits.plan import AuditPlan, Bound, Comparison, SensitiveFeature
from audits.power import detectable_rates
from audits.result import GroupEstimate, Verdict
from audits.significance import p_value
from audits.verdicts import rate
from benchmarks.coverage.worlds import Array

BOUNDS = (
    Bound("selection_rate", Comparison.RATIO, 0.8),
    Bound("demographic_parity", Comparison.RATIO, 0.8),
    Bound("demographic_parity", Comparison.DIFFERENCE, 0.1),
    Bound("equalized_odds", Comparison.DIFFERENCE, 0.1),
)
AUDITS = ((2, 200), (2, 2_000), (7, 100), (7, 1_000), (70, 100))
KINDS = ((True, True), (True, False), (False, True), (False, False))


@dataclass(frozen=True, slots=True)
class Alarms:
    """How many audits of a world without any disparity had an adverse verdict."""

    groups: int
    n: int
    rate: float
    audits: int
    adverse: int
    unadjusted: int


def nothing_there(per_audit: int, seed: int = 3) -> list[Alarms]:
    """Predictions and outcomes that do not depend on the group, in every size of audit and at two selection rates."""
    found = []
    for (groups, n), selected in product(AUDITS, (0.1, 0.4)):
        generator = np.random.default_rng([seed, groups, n, int(100 * selected)])
        count = max(20, per_audit * 7 // max(7, groups))
        kinds = np.array([0.3 * selected, 0.3 * (1 - selected), 0.7 * selected, 0.7 * (1 - selected)])
        results = [_verdicts(generator.multinomial(n, kinds, size=groups)) for _ in range(count)]
        adverse, alone = (sum(each) for each in zip(*results, strict=True))
        found.append(Alarms(groups, n, selected, count, adverse, alone))
    return found


def _verdicts(kinds: Array) -> tuple[bool, bool]:
    """Did the audit say adverse anywhere; would it, had every comparison stood alone?"""
    groups = tuple(f"g{index}" for index in range(len(kinds)))
    plan = AuditPlan(
        model="model",
        label="label",
        favourable="1",
        sensitive_features=(SensitiveFeature("group", "group", levels=groups),),
        bounds=BOUNDS,
        decided_at=date(2026, 1, 1),
        digest="sha256:0",
    )
    found = [item for item in disparities(_estimates(groups, kinds), plan) if item.bound is not None]
    alone = any(item.p is not None and item.p <= 0.05 for item in found)
    return any(item.verdict is Verdict.ADVERSE for item in found), alone


def _estimates(groups: tuple[str, ...], kinds: Array) -> list[GroupEstimate]:
    found = []
    for (group, counts), metric in product(zip(groups, kinds, strict=True), METRICS.values()):
        among = [kind for kind in range(4) if metric.among(*KINDS[kind])]
        n = int(sum(counts[kind] for kind in among))
        events = int(sum(counts[kind] for kind in among if metric.event(*KINDS[kind])))
        value = float(rate((events, n))) if n else None
        reason = None if n else metric.empty
        found.append(
            GroupEstimate(metric.name, ("group",), (group,), int(counts.sum()), n, events, value, None, reason=reason)
        )
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a pair at the minimum detectable size has p at or below the level."""

    n1: int
    n2: int
    reference: float
    detectable: float
    comparisons: int
    power: float


def power(samples: int, seed: int = 4) -> list[Seen]:
    """Pairs at the size that the report says would have been seen, alone and as one of 20 comparisons."""
    found = []
    for (n1, n2), reference, comparisons in product(
        ((200, 200), (1_000, 1_000), (300, 3_000), (5_000, 5_000)), (0.1, 0.3, 0.5, 0.8), (1, 20)
    ):
        lower, _ = detectable_rates(n1, n2, reference, 0.05 / comparisons)
        if lower is None:
            continue
        generator = np.random.default_rng([seed, n1, n2, int(100 * reference), comparisons])
        k1, k2 = generator.binomial(n1, lower, samples), generator.binomial(n2, reference, samples)
        p = [p_value((int(one), n1), (int(other), n2)) for one, other in zip(k1, k2, strict=True)]
        seen = np.mean([value is not None and value <= 0.05 / comparisons for value in p])
        found.append(Seen(n1, n2, reference, lower / reference, comparisons, 100 * float(seen)))
    return found
