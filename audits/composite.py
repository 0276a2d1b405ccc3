"""Measures made of several rates, and of the whole sample: what is no share of rows and has no closed interval.

    balanced_accuracy                          (TPR + TNR) / 2, in every group
    average_odds_difference                    mean of the two differences to the reference, signed: gaps in opposite
                                               directions cancel, so that 0 does not say that the odds are equal
    average_absolute_odds_difference           mean of the two absolute differences: never below the signed one
    equalized_odds_mean_difference             mean of the two largest gaps over all counted groups
    generalized_entropy_index, theil_index     inequality of benefits over the sample (`audits.inequality`)
    between_group_*                            the same when everybody has the mean benefit of the own group

Intervals: BCa bootstrap from the cells where the measure is smooth. An absolute value or a maximum is not: its
replicates never fall below 0, so that a bootstrap excludes "no difference" where there is none. There the intervals of
the single rates or differences are taken, at a level at which all of them hold together, and projected.

Where membership is known by probabilities, groups share rows. That makes their rates vary together (every term of the
covariance is above 0), so that the interval of a difference is too wide, never too narrow; measures of the sample and
of all groups together get none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.bootstrap import Bootstrapped, bootstrap
from audits.cell_sums import sums_of
from audits.disaggregate import estimate_of
from audits.disparity import reference_of
from audits.groups import Group, groups_of
from audits.inequality import BENEFITS, between_interval, generalized_entropy, of_groups, theil
from audits.intervals import newcombe, wilson
from audits.metrics import NO_LABEL
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cells, GroupEstimate, Interval, Quantity
from audits.share import kish
from audits.verdicts import counts_of

if TYPE_CHECKING:
    from audits.cell_sums import Array, Statistic

ODDS = ("true_positive_rate", "false_positive_rate")
"""The two rates of equalized odds."""

COMPOSITES = (
    "balanced_accuracy",
    "average_odds_difference",
    "average_absolute_odds_difference",
    "equalized_odds_mean_difference",
    "generalized_entropy_index",
    "theil_index",
    "between_group_generalized_entropy_index",
    "between_group_theil_index",
)
"""Every name, in the order of the report."""

SHARED = "rows belong to several groups by probability, which this interval does not allow for"

NO_BENEFIT = "no row has a benefit: every one is a favourable outcome that was not selected"

Pair = tuple[Group, Group]
"""(group, reference)."""


def composites(cells: Cells, plan: AuditPlan) -> tuple[Quantity, ...]:
    """Every measure of COMPOSITES, with an interval at `plan.confidence` from `plan.replicates` samples.

    Where the plan names no label each is named once, without a value and with the reason.
    """
    if not cells.labelled:
        return tuple(Quantity(name, (), (), 0, None, counted=False, reason=NO_LABEL) for name in COMPOSITES)
    by_comparison = [groups_of(cells, plan, features) for features in plan.comparisons()]
    pairs = [pair for groups in by_comparison for pair in _pairs(groups, plan)]
    smooth = _smooth(cells, plan, [group for groups in by_comparison for group in groups if group.size], pairs)
    absolute = [_absolute(pair, plan) for pair in pairs]
    overall = [found for groups in by_comparison for found in _over_groups(cells, plan, groups)]
    return tuple(sorted((*smooth, *absolute, *overall), key=lambda found: COMPOSITES.index(found.metric)))


def _pairs(groups: Sequence[Group], plan: AuditPlan) -> Iterator[Pair]:
    """Every known group with rows against the reference that the selection rate has."""
    known = [group for group in groups if UNKNOWN not in group.levels and group.size]
    features = groups[0].features if groups else ()
    declared = next((f.reference for f in plan.sensitive_features if (f.name,) == features), None)
    rates = [estimate_of(group, "selection_rate", plan) for group in known]
    reference = reference_of(rates, declared, plan.min_group_size)
    if reference is not None:
        against = known[rates.index(reference)]
        yield from ((group, against) for group in known if group is not against)


# --- smooth measures: one bootstrap for all of them -------------------------------------------------------------------


def _smooth(cells: Cells, plan: AuditPlan, groups: Sequence[Group], pairs: Sequence[Pair]) -> Iterator[Quantity]:
    sample = groups_of(cells, plan, ())[0]
    found = bootstrap(
        cells,
        _statistic(cells, [*groups, sample], pairs),
        replicates=plan.replicates,
        seed=plan.seed,
        confidence=plan.confidence,
    )
    at_pairs, at_sample = len(groups), len(groups) + len(pairs)
    for group, value in zip(groups, found[:at_pairs], strict=True):
        yield _of_group(group, value, plan)
    for pair, value in zip(pairs, found[at_pairs:at_sample], strict=True):
        missing = _missing(pair)
        yield replace(
            _of_pair("average_odds_difference", pair, plan),
            value=None if missing else value.value,
            interval=None if missing else value.interval,
            reason=missing or value.reason,
        )
    for name, value in zip(("generalized_entropy_index", "theil_index"), found[at_sample:], strict=True):
        yield _of_sample(name, value, cells)


def _statistic(cells: Cells, groups: Sequence[Group], pairs: Sequence[Pair]) -> Statistic:
    """Balanced accuracy of all groups but the last (the sample), signed odds of the pairs, inequality of the sample."""
    import numpy as np

    sums = sums_of(cells, groups)
    place = {(group.features, group.levels): position for position, group in enumerate(groups)}
    one, other = (
        np.array([place[pair[side].features, pair[side].levels] for pair in pairs], dtype=int) for side in (0, 1)
    )

    def statistic(weights: Array) -> Array:
        found = sums(weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            fpr = found[..., 1] / (found[..., 0] + found[..., 1])
            tpr = found[..., 3] / (found[..., 2] + found[..., 3])
        odds = (fpr + tpr) / 2
        sample, benefits = found[:, -1, :], np.array(BENEFITS)
        inequality = np.stack([generalized_entropy(sample, benefits), theil(sample, benefits)], axis=1)
        balanced = (tpr - fpr + 1)[:, :-1] / 2
        return np.concatenate([balanced, odds[:, one] - odds[:, other], inequality], axis=1)

    return statistic


def _of_group(group: Group, found: Bootstrapped, plan: AuditPlan) -> Quantity:
    aside, empty = group.set_aside(plan.min_group_size), _empty(group)
    return Quantity(
        metric="balanced_accuracy",
        features=group.features,
        group=group.levels,
        n=group.size,
        value=None if empty else found.value,
        interval=None if empty else found.interval,
        counted=aside is None,
        reason=aside or empty or found.reason,
    )


def _of_sample(name: str, found: Bootstrapped, cells: Cells) -> Quantity:
    reason = NO_BENEFIT if found.value is None else SHARED if cells.shared else found.reason
    interval = None if cells.shared else found.interval
    return Quantity(name, (), (), cells.row_count, found.value, interval, at=_alpha(name), reason=reason)


# --- absolute values and maxima: intervals that hold together, projected ----------------------------------------------


def _absolute(pair: Pair, plan: AuditPlan) -> Quantity:
    """|difference| of both rates, averaged; each within Newcombe's interval at half of the error."""
    found = _of_pair("average_absolute_odds_difference", pair, plan)
    if missing := _missing(pair):
        return replace(found, reason=missing)
    rates = [[estimate_of(group, metric, plan) for group in pair] for metric in ODDS]
    gaps = [abs((group.value or 0) - (reference.value or 0)) for group, reference in rates]
    each = 1 - (1 - plan.confidence) / 2
    ends = [newcombe(*counts_of(group), *counts_of(reference), each) for group, reference in rates]
    within = [_absolute_ends(interval) for interval in ends if interval is not None]
    interval = _mean_interval(within, plan.confidence, "newcombe, both rates together")
    return replace(found, value=sum(gaps) / 2, interval=interval)


def _absolute_ends(interval: Interval) -> tuple[float, float]:
    upper = 1.0 if interval.upper is None else interval.upper
    return max(0.0, interval.lower, -upper), max(abs(interval.lower), abs(upper))


def _over_groups(cells: Cells, plan: AuditPlan, groups: Sequence[Group]) -> Iterator[Quantity]:
    counted = [group for group in groups if group.set_aside(plan.min_group_size) is None]
    features = groups[0].features if groups else ()
    n = sum(group.size for group in counted)
    if len(counted) < 2:
        for name in (name for name in COMPOSITES if name.startswith(("equalized", "between"))):
            yield Quantity(name, features, (), n, None, counted=False, reason="fewer than two groups are large enough")
        return
    blank = Quantity("equalized_odds_mean_difference", features, (), n, None)
    yield _mean_of_gaps(blank, counted, plan)
    yield from _between(blank, counted, cells, plan)


def _mean_of_gaps(blank: Quantity, groups: Sequence[Group], plan: AuditPlan) -> Quantity:
    """Mean of the largest gaps of both rates; within [max L - min U, max U - min L] of Wilson's, all together."""
    if empty := [_empty(group) for group in groups if _empty(group)]:
        return replace(blank, reason="; ".join(filter(None, empty)))
    rates = [[estimate_of(group, metric, plan) for group in groups] for metric in ODDS]
    values = [[estimate.value or 0.0 for estimate in family] for family in rates]
    value = sum(max(family) - min(family) for family in values) / 2
    each = 1 - (1 - plan.confidence) / (2 * len(groups))
    ends = [_gap_ends(family, each) for family in rates]
    return replace(blank, value=value, interval=_mean_interval(ends, plan.confidence, "simultaneous wilson"))


def _gap_ends(family: Sequence[GroupEstimate], confidence: float) -> tuple[float, float]:
    ends = [wilson(*counts_of(estimate), confidence) for estimate in family]
    lows = [interval.lower for interval in ends if interval is not None]
    highs = [1.0 if interval.upper is None else interval.upper for interval in ends if interval is not None]
    return max(0.0, max(lows) - min(highs)), max(highs) - min(lows)


def _between(blank: Quantity, groups: Sequence[Group], cells: Cells, plan: AuditPlan) -> Iterator[Quantity]:
    """Inequality between the counted groups; Theil's has the interval of the other one, scaled (equal to 2nd order)."""
    import numpy as np

    sums = np.zeros((len(groups), 4))
    for position, group in enumerate(groups):
        for row in group.rows:
            sums[position, 2 * row.outcome + row.prediction] = row.w
    weights, means = of_groups(sums)
    entropy, other = float(generalized_entropy(weights, means)), float(theil(weights, means))
    squares = sum(row.w2 for group in groups for row in group.rows)
    names = ("between_group_generalized_entropy_index", "between_group_theil_index")
    for name, value in zip(names, (entropy, other), strict=True):
        found = replace(blank, metric=name, at=_alpha(name))
        if math.isnan(value):
            yield replace(found, reason=NO_BENEFIT)
        elif cells.shared:
            yield replace(found, value=value, reason=SHARED)
        else:
            ends = between_interval(entropy, sums, kish(float(sums.sum()), squares, blank.n), plan.confidence)
            low, high = (end * (value / entropy if entropy > 0 else 1.0) for end in ends)
            interval = Interval(low, high, plan.confidence, "noncentral chi-square")
            yield replace(found, value=value, interval=interval)


# --- words ------------------------------------------------------------------------------------------------------------


def _of_pair(metric: str, pair: Pair, plan: AuditPlan) -> Quantity:
    group, reference = pair
    aside = [side for side in pair if side.set_aside(plan.min_group_size)]
    size = group.size + reference.size
    return Quantity(metric, group.features, group.levels, size, None, against=reference.levels, counted=not aside)


def _missing(pair: Pair) -> str | None:
    return "; ".join(filter(None, map(_empty, pair))) or None


def _empty(group: Group) -> str | None:
    """Why one of the two rates of equalized odds has no value in this group; None where both have one."""
    empty = [group.why_empty(metric) for metric in ODDS if not group.share(metric).n]
    where = ", ".join(f"{name}={level}" for name, level in zip(group.features, group.levels, strict=True))
    return f"{where}: {' and '.join(empty)}" if empty else None


def _mean_interval(ends: Sequence[tuple[float, float]], confidence: float, method: str) -> Interval:
    lower, upper = (sum(column) / len(ends) for column in zip(*ends, strict=True))
    return Interval(lower, upper, confidence, method)


def _alpha(name: str) -> str:
    return "alpha = 1" if name.endswith("theil_index") else "alpha = 2"
