"""Scores in groups: from the histograms of one scan to every measure that a plan's comparisons need, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from audits.calibration import gap_noise
from audits.histogram import Array
from audits.plan import AuditPlan
from audits.result import Quantity
from audits.score_cells import ScoreCells, scored
from audits.score_groups import NO_LABEL, Groups, group_quantities, sweep_quantities, sweeps
from audits.score_metrics import NEEDS_OUTCOME, NEEDS_PROBABILITY
from audits.score_pairs import pair_quantities


def score_quantities(cells: ScoreCells, plan: AuditPlan) -> tuple[Quantity, ...]:
    """Every measure of scores: of the whole sample, then of each comparison of the plan, groups before pairs.

    The value of every quantity lies within its `error` of that on the raw rows. Deterministic: draws start from
    `plan.seed`. Calibration by interval and the threshold sweep are given for single features, not for intersections.
    What cannot be measured at all (no label, scores that are no probabilities) is one quantity without a value.
    """
    found = [*_whole_sample(cells, plan), *_not_estimable(cells)]
    for number, features in enumerate(plan.comparisons()):
        groups = Groups(scored(cells, plan, features), cells, plan)
        generator = np.random.default_rng([plan.seed, number])
        noise = _noise(groups, plan.replicates, generator)
        found += group_quantities(groups, noise)
        if len(features) == 1:
            found += [quantity for sweep in sweeps(groups) for quantity in sweep_quantities(groups, sweep)]
        found += pair_quantities(groups, noise, generator)
    return tuple(found)


def _whole_sample(cells: ScoreCells, plan: AuditPlan) -> Iterator[Quantity]:
    groups = Groups(scored(cells, plan, ()), cells, plan)
    generator = np.random.default_rng([plan.seed, len(plan.comparisons())])
    yield from group_quantities(groups, _noise(groups, plan.replicates, generator))


def _noise(groups: Groups, replicates: int, generator: np.random.Generator) -> Callable[[int], Array]:
    """The replicates of each group's calibration gaps, drawn in the order of the groups when first asked for."""

    @cache
    def drawn(group: int) -> Array:
        return gap_noise(groups.histogram(group), replicates, generator)

    return drawn


def _not_estimable(cells: ScoreCells) -> Iterator[Quantity]:
    """One quantity without a value for each measure that these scores cannot have."""
    why: dict[str, str] = {}
    if not cells.labelled:
        why |= dict.fromkeys(NEEDS_OUTCOME, NO_LABEL)
    elif not cells.logs:
        low, high = f"{cells.low:g}", f"{cells.high:g}"
        reason = f"the scores are no probabilities: their declared range is {low} to {high}, not within 0 to 1"
        why |= dict.fromkeys(NEEDS_PROBABILITY, reason)
    for metric, reason in why.items():
        yield Quantity(metric, (), (), cells.row_count, None, counted=False, reason=reason)
