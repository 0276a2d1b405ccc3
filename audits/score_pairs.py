"""Scores of two groups compared: differences of means, AUC and calibration, ratios of rates, distances.

Every measure has one reference in each comparison: the plan's declared one, otherwise the best of the groups that are
large enough (highest mean score, scoring rate or AUC; lowest loss). Distances, cross-group AUC and the sweep use the
group with the highest mean score. Groups with an unknown level are never compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audits.auc import areas
from audits.calibration import (
    Mean,
    brier_score,
    calibration_difference,
    calibration_error,
    error_moves,
    log_loss,
    mean_score,
    reliability,
)
from audits.constant_scores import constant_difference, is_constant
from audits.distances import (
    Blocks,
    blocks_of,
    drawn,
    gap_of,
    kolmogorov_smirnov,
    kolmogorov_smirnov_interval,
    same_distribution_p,
    wasserstein,
    wasserstein_interval,
)
from audits.histogram import Array, Histogram
from audits.intervals import koopman, newcombe
from audits.normal import quantile, two_sided_p
from audits.result import Interval, Quantity
from audits.score_groups import Groups, Sweep, area_interval, scoring_share, sweep_share, sweeps
from audits.share import Share
from audits.significance import p_value
from audits.verdicts import Counts, difference, ratio

NO_INTERVAL = "no interval: nothing varies in these groups"
SHARED = "rows belong to several groups by probability: no interval of a comparison"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure of one group: its standard error, a certified error, and what speaks against comparing it."""

    value: float | None
    spread: float | None
    error: float = 0.0
    reason: str | None = None


def reference_of(groups: Groups, values: Sequence[float | None], sign: int = 1) -> int | None:
    """The group that the others are compared with; None where there is nobody to compare.

    The declared level where the plan names one for this feature, else of the counted groups (failing them: of all
    known ones) that with the highest value (`sign` -1: lowest), the larger one of equals.
    """
    known = [group for group in range(len(groups)) if groups.is_known(group)]
    if len(known) < 2:
        return None
    declared = declared_reference(groups)
    if declared is not None:
        return next((group for group in known if groups.scored.groups[group] == (declared,)), None)
    rated = [group for group in known if values[group] is not None]
    counted = [group for group in rated if groups.aside(group) is None]
    return max(counted or rated, key=lambda group: (sign * (values[group] or 0), groups.rows(group)), default=None)


def declared_reference(groups: Groups) -> str | None:
    """The reference level that the plan declares for a comparison of one feature."""
    features = groups.scored.features
    if len(features) != 1:
        return None
    return next(item.reference for item in groups.plan.sensitive_features if item.name == features[0])


def pair_quantities(
    groups: Groups, noise: Callable[[int], Array], generator: np.random.Generator
) -> Iterator[Quantity]:
    """Every measure of two groups. `noise` as in `group_quantities`; `generator` draws what distances need."""
    means = [_estimate(mean_score(groups.histogram(group).united())) for group in range(len(groups))]
    yield from _means(groups, means)
    yield from _scoring_rates(groups)
    reference = reference_of(groups, [item.value for item in means])
    if reference is not None:
        yield from _distances(groups, reference, generator)
        if len(groups.scored.features) < 2:
            for sweep in sweeps(groups):
                yield from _impact_ratios(groups, sweep, reference)
    if not groups.cells.labelled:
        return
    yield from _differences(groups, "auc", [_auc(groups, group) for group in range(len(groups))])
    if reference is not None:
        yield from _across(groups, reference)
    if groups.cells.logs:
        for metric, loss in (("brier_score", brier_score), ("log_loss", log_loss)):
            losses = [_estimate(loss(groups.histogram(group))) for group in range(len(groups))]
            yield from _differences(groups, metric, losses, sign=-1)
        yield from _calibration(groups, noise)


def _pair(groups: Groups, metric: str, group: int, against: int, value: float | None, **given: object) -> Quantity:
    """A measure of two groups; not counted where either is set aside, or where `doubt` says why."""
    names, doubt, without = groups.scored.groups, given.pop("doubt", None), NO_INTERVAL
    if groups.cells.rows_per_weight is not None:
        given, without = given | {"interval": None, "p": None}, SHARED
    aside = [
        f"{_named(groups, one)} has {reason}" for one in (group, against) if (reason := groups.aside(one)) is not None
    ]
    reasons = [*aside, *([str(doubt)] if doubt else [])]
    empty = given.get("interval") is None and value is not None and not reasons
    return Quantity(
        metric=metric,
        features=groups.scored.features,
        group=names[group],
        against=names[against],
        n=groups.rows(group) + groups.rows(against),
        value=value,
        counted=not reasons,
        reason=" and ".join(reasons) or (without if empty else None),
        **given,  # type: ignore[arg-type]
    )


def _named(groups: Groups, group: int) -> str:
    pairs = zip(groups.scored.features, groups.scored.groups[group], strict=True)
    return ", ".join(f"{feature}={level}" for feature, level in pairs)


def _others(groups: Groups, reference: int | None) -> list[int]:
    if reference is None:
        return []
    return [group for group in range(len(groups)) if groups.is_known(group) and group != reference]


def _estimate(mean: Mean) -> Estimate:
    return Estimate(mean.value, mean.error)


def _auc(groups: Groups, group: int) -> Estimate:
    one = groups.histogram(group)
    return _area(one[1], one[0], groups.few_outcomes(one[1], one[0]))


def _area(positive: Histogram, negative: Histogram, reason: str | None) -> Estimate:
    area = areas(positive, negative)
    if np.isnan(area.value):
        return Estimate(None, None, reason=reason or "no outcomes of one kind")
    spread = math.sqrt(area.variance) if area.variance > 0 else None
    return Estimate(float(area.value), spread, float(area.error), reason)


def _differences(groups: Groups, metric: str, found: Sequence[Estimate], sign: int = 1) -> Iterator[Quantity]:
    reference = reference_of(groups, [item.value for item in found], sign)
    for group in _others(groups, reference):
        if reference is not None:
            yield _difference(groups, f"{metric}_difference", (group, reference), found[group], found[reference])


def _means(groups: Groups, means: Sequence[Estimate]) -> Iterator[Quantity]:
    """Differences of mean scores; where nothing varies in two groups that differ, by what the range allows."""
    for found in _differences(groups, "mean_score", means):
        pair = [groups.scored.groups.index(levels) for levels in (found.group, found.against)]
        sides = [groups.histogram(group) for group in pair]
        sizes = [groups.worth(side) for side in sides]
        if found.value and all(map(is_constant, sides)) and min(sizes) > 1:
            scores = [float(side.lo.min()) for side in sides]
            one, other = zip(scores, sizes, strict=True)
            interval, p = constant_difference(one, other, groups.cells.low, groups.cells.high, groups.plan.confidence)
            yield _pair(groups, found.metric, pair[0], pair[1], scores[0] - scores[1], interval=interval, p=p)
        else:
            yield found


def _difference(groups: Groups, metric: str, pair: tuple[int, int], one: Estimate, other: Estimate) -> Quantity:
    """The difference of two independent estimates: normal, the standard errors added in squares."""
    group, against = pair
    reasons = [
        f"{_named(groups, place)}: {item.reason}" for place, item in zip(pair, (one, other), strict=True) if item.reason
    ]
    doubt = " and ".join(reasons) or None
    if one.value is None or other.value is None:
        return _pair(groups, metric, group, against, None, doubt=doubt or "no rows with an outcome")
    value, error = one.value - other.value, one.error + other.error
    spread = None if one.spread is None or other.spread is None else math.hypot(one.spread, other.spread)
    interval, p = _normal(value, error, spread, groups.plan.confidence)
    return _pair(groups, metric, group, against, value, interval=interval, p=p, error=error, doubt=doubt)


def _normal(
    value: float, error: float, spread: float | None, confidence: float
) -> tuple[Interval | None, float | None]:
    """The interval, widened by the certified error on both sides, and the p of the least that the value can be."""
    if not spread:
        return None, None
    half = quantile(confidence) * spread + error
    p = two_sided_p(max(0.0, abs(value) - error) / spread)
    return Interval(value - half, value + half, confidence, "normal"), p


def counts_of_share(share: Share, *, weighted: bool) -> Counts:
    """(events, n) of a share of rows: integers, with weights effective counts."""
    if not weighted or share.value is None or share.effective_n is None:
        return share.events, share.n
    return share.value * share.effective_n, share.effective_n


def _scoring_rates(groups: Groups) -> Iterator[Quantity]:
    weighted = groups.cells.weighted
    shares = [scoring_share(groups, group) for group in range(len(groups))]
    reference = reference_of(groups, [share.value for share in shares])
    for group in _others(groups, reference):
        if reference is None:
            return
        one, other = (counts_of_share(shares[place], weighted=weighted) for place in (group, reference))
        p = p_value(one, other)
        near, far = _ratio(one, other, groups.plan.confidence)
        doubt = None if far else "nobody in either group is above the median, and 0 / 0 says nothing"
        yield _pair(groups, "scoring_rate_ratio", group, reference, near, interval=far, p=p, doubt=doubt)
        apart = newcombe(*one, *other, groups.plan.confidence)
        yield _pair(groups, "scoring_rate_difference", group, reference, difference(one, other), interval=apart, p=p)


def _ratio(one: Counts, other: Counts, confidence: float) -> tuple[float | None, Interval | None]:
    return ratio(one, other), koopman(*one, *other, confidence)


def _impact_ratios(groups: Groups, sweep: Sweep, reference: int) -> Iterator[Quantity]:
    weighted = groups.cells.weighted
    other = counts_of_share(sweep_share(groups, sweep, reference, slice(None)), weighted=weighted)
    for group in _others(groups, reference):
        one = counts_of_share(sweep_share(groups, sweep, group, slice(None)), weighted=weighted)
        value, interval = _ratio(one, other, groups.plan.confidence)
        doubt = "nobody of the reference is selected at this cutoff" if value is None else None
        yield _pair(groups, "impact_ratio", group, reference, value, interval=interval, at=sweep.at, doubt=doubt)


def _across(groups: Groups, reference: int) -> Iterator[Quantity]:
    """xAUC both ways (Kallus and Zhou 2019), and their difference: the four samples in it are independent."""
    for group in _others(groups, reference):
        one, other = groups.histogram(group), groups.histogram(reference)
        found = []
        for pair, positive, negative in (
            ((group, reference), one[1], other[0]),
            ((reference, group), other[1], one[0]),
        ):
            doubt = groups.few_outcomes(positive, negative)
            found.append(_area(positive, negative, doubt))
            interval = area_interval(areas(positive, negative), groups.plan.confidence)
            value, error = found[-1].value, found[-1].error
            at = "favourable of the first group against unfavourable of the second"
            yield _pair(
                groups, "cross_group_auc", *pair, value, interval=interval, error=error, doubt=found[-1].reason, at=at
            )
        yield _difference(groups, "cross_group_auc_difference", (group, reference), *found)


def _distances(groups: Groups, reference: int, generator: np.random.Generator) -> Iterator[Quantity]:
    known = [group for group in range(len(groups)) if groups.is_known(group)]
    united = groups.scored.histogram.united(1)
    blocks = blocks_of(united[known])
    noise = drawn(united[reference], blocks, groups.plan.replicates, generator)
    for group in _others(groups, reference):
        own = drawn(united[group], blocks, groups.plan.replicates, generator)
        yield from _distance(groups, (group, reference), (united[group], united[reference]), (blocks, own - noise))


def _distance(
    groups: Groups, pair: tuple[int, int], sides: tuple[Histogram, Histogram], drawn_: tuple[Blocks, Array]
) -> Iterator[Quantity]:
    gap, confidence = gap_of(*sides, *drawn_), groups.plan.confidence
    ks, far = kolmogorov_smirnov(*sides), wasserstein(*sides)
    if ks is None or far is None:
        return
    p = same_distribution_p(ks, *sides)
    for metric, distance, interval in (
        ("kolmogorov_smirnov", ks, kolmogorov_smirnov_interval(ks, gap, confidence)),
        ("wasserstein_distance", far, wasserstein_interval(far, gap, confidence)),
    ):
        yield _pair(groups, metric, *pair, distance.value, interval=interval, p=p, error=distance.error)


def _calibration(groups: Groups, noise: Callable[[int], Array]) -> Iterator[Quantity]:
    found = [reliability(groups.histogram(group)) if groups.rows(group) else None for group in range(len(groups))]
    values = [None if item is None else calibration_error(item) for item in found]
    reference = reference_of(groups, values, -1)
    moves = {
        group: error_moves(item, noise(group), float(groups.histogram(group).united().effective))
        for group, item in enumerate(found)
        if item is not None
    }
    for group in _others(groups, reference):
        if reference is None:
            return
        value = (values[group] or 0.0) - (values[reference] or 0.0)
        interval, p = calibration_difference(value, moves[group], moves[reference], groups.plan.confidence)
        metric = "expected_calibration_error_difference"
        yield _pair(groups, metric, group, reference, value, interval=interval, p=p)
