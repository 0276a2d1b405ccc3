"""Scores of one comparison, group by group: how high, how well ordered, how well calibrated, whom a cutoff selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from audits.auc import Area, areas, auc_interval
from audits.calibration import (
    Mean,
    brier_score,
    calibration_error,
    calibration_error_interval,
    edges,
    error_moves,
    log_loss,
    mean_score,
    reliability,
)
from audits.histogram import Array, Histogram
from audits.intervals import wilson
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Interval, Quantity
from audits.score_cells import ScoreCells, Scored
from audits.share import Share, kish, too_few

NO_LABEL = "the plan names no label, so no outcome is known"
_SUMS = ("n", "w", "w2")
STEPS = 16
"""The threshold sweep looks at the inner ends of so many equal parts of the declared range."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of one comparison under a plan."""

    scored: Scored
    cells: ScoreCells
    plan: AuditPlan

    def __len__(self) -> int:
        return len(self.scored.groups)

    def histogram(self, group: int) -> Histogram:
        """The histogram (outcome, bins) of a group."""
        return self.scored.histogram[group]

    def rows(self, group: int) -> int:
        """The number of rows of a group; by probabilities, of people that it is expected to have."""
        return self.people(self.histogram(group))

    def people(self, histogram: Histogram) -> int:
        """The number of rows of a histogram, or of people that the probabilities of these rows make."""
        rows, per_weight = int(histogram.n.sum()), self.cells.rows_per_weight
        return rows if per_weight is None else min(rows, round(float(histogram.w.sum()) * per_weight))

    def worth(self, histogram: Histogram) -> float:
        """The equally weighted rows that those of a histogram are worth, by Kish; never more than people."""
        rows, weight, per_weight = int(histogram.n.sum()), float(histogram.w.sum()), self.cells.rows_per_weight
        if not rows:
            return 0.0
        return kish(weight, float(histogram.w2.sum()), rows if per_weight is None else min(rows, per_weight * weight))

    def is_known(self, group: int) -> bool:
        """Has the group rows, and all of its levels?"""
        return UNKNOWN not in self.scored.groups[group] and self.rows(group) > 0

    def aside(self, group: int) -> str | None:
        """Why a group takes no part in comparisons, as `audits.groups.Group.set_aside` has it; None where it does."""
        if UNKNOWN in self.scored.groups[group]:
            return "the sensitive value is unknown"
        histogram = self.histogram(group)
        rows = min(int(histogram.n.sum()), self.cells.row_count)
        if not rows:
            return "no rows in this group"
        return too_few(rows, self.worth(histogram), self.plan.min_group_size)

    def few_outcomes(self, positives: Histogram, negatives: Histogram) -> str | None:
        """What is missing of the plan's minimum of events on either side of an AUC; None where nothing is."""
        for side, called in ((positives, "favourable"), (negatives, "unfavourable")):
            few = too_few(self.people(side), self.worth(side), self.plan.min_events, f"{called} outcomes")
            if few is not None:
                return few
        return None

    def quantity(self, metric: str, group: int, value: float | None, interval: Interval | None = None) -> Quantity:
        """A measure of one group, counted unless the group is set aside; without a value there is a reason."""
        aside = self.aside(group)
        return Quantity(
            metric=metric,
            features=self.scored.features,
            group=self.scored.groups[group],
            n=self.rows(group),
            value=value,
            interval=interval,
            counted=aside is None,
            reason=aside,
        )


def doubted(quantity: Quantity, reason: str | None) -> Quantity:
    """The quantity, not counted where there is a reason; a reason that it has already stays."""
    if reason is None:
        return quantity
    return replace(quantity, counted=False, reason=quantity.reason or reason)


def group_quantities(groups: Groups, noise: Callable[[int], Array]) -> Iterator[Quantity]:
    """Every measure of single groups. `noise` gives the replicates of a group's calibration gaps (`gap_noise`)."""
    cells = groups.cells
    everybody = groups.scored.histogram.united() if groups.scored.features else None
    for group in range(len(groups)):
        yield mean_quantity(
            groups, group, "mean_score", mean_score(groups.histogram(group).united()), cells.low, cells.high
        )
        yield _scoring_rate(groups, group)
        if cells.labelled:
            yield auc_quantity(groups, group)
            if everybody is not None and groups.is_known(group):
                yield from _against_everybody(groups, group)
        if cells.labelled and cells.logs:
            yield from _probabilities(groups, group, noise)


def mean_quantity(groups: Groups, group: int, metric: str, mean: Mean, low: float, high: float) -> Quantity:
    """A mean over the rows of a group, within [low, high]."""
    found = groups.quantity(metric, group, mean.value, mean.interval(groups.plan.confidence, low, high))
    if mean.value is None or found.interval is not None:
        return found
    return replace(found, reason=found.reason or "no interval: nothing varies in this group")


def scoring_share(groups: Groups, group: int) -> Share:
    """The rows of a group above the median of the full sample."""
    histogram, above = groups.histogram(group), groups.scored.above
    return _share(groups, [above[name][group] for name in _SUMS], [getattr(histogram, name) for name in _SUMS])


def _share(groups: Groups, part: Sequence[Any], whole: Sequence[Any]) -> Share:
    """The share that a part has of a whole, each n, w and w2 of rows alike: with probabilities, rows that may belong.

    Sums of the same weights in another order may not make it more than 1.
    """
    (events, w, w2), (n, all_w, all_w2) = ([float(sums.sum()) for sums in side] for side in (part, whole))
    if events == n:
        w, w2 = all_w, all_w2
    per_weight = groups.cells.rows_per_weight
    people = None if per_weight is None else per_weight * all_w
    return Share(int(events), int(n), min(w, all_w), all_w, min(w2, all_w2), all_w2, people)


def _scoring_rate(groups: Groups, group: int) -> Quantity:
    median = "the median" if groups.cells.median is None else f"{groups.cells.median:.6g}, the median"
    share = scoring_share(groups, group)
    return replace(share_quantity(groups, group, "scoring_rate", share), at=f"score > {median} of the full sample")


def share_quantity(groups: Groups, group: int, metric: str, share: Share) -> Quantity:
    """A share of rows with Wilson's interval; with weights on the effective number of rows."""
    value, effective = share.value, share.effective_n
    if value is None or effective is None:
        return replace(groups.quantity(metric, group, None), n=0)
    events = value * effective if groups.cells.weighted else share.events
    n = effective if groups.cells.weighted else share.n
    found = groups.quantity(metric, group, value, wilson(min(events, n), n, groups.plan.confidence))
    rows = share.n if share.people is None else min(share.n, round(share.people))
    return replace(found, n=rows, effective_n=effective if groups.cells.weighted else None)


def auc_quantity(groups: Groups, group: int) -> Quantity:
    """The AUC in one group."""
    one = groups.histogram(group)
    found = area_quantity(groups, group, "auc", one[1], one[0])
    return doubted(found, groups.few_outcomes(one[1], one[0]))


def area_quantity(groups: Groups, group: int, metric: str, positive: Histogram, negative: Histogram) -> Quantity:
    """The AUC of positives against negatives (bins), reported of one group."""
    area = areas(positive, negative)
    found = groups.quantity(metric, group, None)
    if np.isnan(area.value):
        side = "favourable" if not positive.rows else "unfavourable"
        return replace(found, n=int(positive.rows + negative.rows), reason=found.reason or f"no {side} outcomes")
    interval = area_interval(area, groups.plan.confidence)
    return replace(
        found,
        n=int(positive.rows + negative.rows),
        value=float(area.value),
        error=float(area.error),
        interval=interval,
        reason=found.reason or (None if interval else "no interval: nothing varies between these scores"),
    )


def area_interval(area: Area, confidence: float) -> Interval | None:
    """The interval of one AUC."""
    sides = (float(area.positives), float(area.negatives))
    return auc_interval(float(area.value), float(area.error), float(area.variance), *sides, confidence)


def _against_everybody(groups: Groups, group: int) -> Iterator[Quantity]:
    """BPSN and BNSP AUC (Borkan et al. 2019): one side of the group against the other one of all other known groups."""
    others = [other for other in range(len(groups)) if other != group and groups.is_known(other)]
    if not others:
        return
    rest, one = groups.scored.histogram[others].united(), groups.histogram(group)
    for metric, positive, negative in (("bpsn_auc", rest[1], one[0]), ("bnsp_auc", one[1], rest[0])):
        found = area_quantity(groups, group, metric, positive, negative)
        yield doubted(replace(found, at="against all other known groups"), groups.few_outcomes(positive, negative))


def _probabilities(groups: Groups, group: int, noise: Callable[[int], Array]) -> Iterator[Quantity]:
    one, confidence = groups.histogram(group), groups.plan.confidence
    yield mean_quantity(groups, group, "brier_score", brier_score(one), 0, 1)
    yield mean_quantity(groups, group, "log_loss", log_loss(one), 0, float("inf"))
    empty = groups.quantity("expected_calibration_error", group, None)
    if not groups.rows(group):
        yield empty
        return
    found = reliability(one)
    value = calibration_error(found)
    moves = error_moves(found, noise(group), float(one.united().effective))
    interval = calibration_error_interval(value, moves, confidence)
    yield replace(empty, value=value, interval=interval, at=f"{len(found.n)} intervals of equal width")
    if len(groups.scored.features) < 2:
        yield from _calibration(groups, group)


def _calibration(groups: Groups, group: int) -> Iterator[Quantity]:
    """Observed rate and mean score in each interval of the score that has rows."""
    one, cells = groups.histogram(group), groups.cells
    found, bins = reliability(one), edges(cells.bins)
    ends = cells.low + bins / cells.bins * (cells.high - cells.low)
    for part in np.flatnonzero(found.n):
        inside = one[:, bins[part] : bins[part + 1]]
        n, observed, effective = groups.people(inside), float(found.observed[part]), groups.worth(inside)
        few = too_few(n, effective, groups.plan.min_group_size, "rows in this interval of the score")
        at = f"score {ends[part]:.4g} to {ends[part + 1]:.4g}"
        events = observed * effective if cells.weighted else int(found.events[part])
        interval = wilson(min(events, effective), effective, groups.plan.confidence)
        for metric, value, ends_of in (
            ("observed_rate", observed, interval),
            ("mean_score", float(found.expected[part]), None),
        ):
            yield doubted(replace(groups.quantity(metric, group, value, ends_of), n=n, at=at), few)


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Whom a cutoff would select: `at` in words, and sums n, w, w2 at or above it, each (groups, outcome)."""

    at: str
    n: Array
    w: Array
    w2: Array


def sweeps(groups: Groups) -> Iterator[Sweep]:
    """The inner ends of the STEPS of the range, without those that select as the one before, nobody or everybody."""
    histogram, cells = groups.scored.histogram, groups.cells
    selected = [np.cumsum(sums[..., ::-1], axis=-1)[..., ::-1] for sums in (histogram.n, histogram.w, histogram.w2)]
    before, together = int(histogram.n.sum()), histogram.united().united()
    filled = together.n > 0
    single = bool((together.lo == together.hi)[filled].all())
    for step in range(1, STEPS):
        start = step * cells.bins // STEPS
        n, w, w2 = (sums[..., start] for sums in selected)
        # Where every bin holds one value (integer scores), the least value selected says the same and reads better.
        cutoff = together.lo[start:].min() if single else cells.low + start / cells.bins * (cells.high - cells.low)
        if 0 < int(n.sum()) < before:
            yield Sweep(f"score >= {cutoff:.6g}", n, w, w2)
        before = int(n.sum())


def sweep_quantities(groups: Groups, sweep: Sweep) -> Iterator[Quantity]:
    """Selection rate, and with an outcome true and false positive rate, of every known group at one cutoff."""
    kinds = [("selection_rate", slice(None))]
    if groups.cells.labelled:
        kinds += [("true_positive_rate", slice(1, 2)), ("false_positive_rate", slice(0, 1))]
    for group in filter(groups.is_known, range(len(groups))):
        for metric, outcomes in kinds:
            yield replace(
                share_quantity(groups, group, metric, sweep_share(groups, sweep, group, outcomes)), at=sweep.at
            )


def sweep_share(groups: Groups, sweep: Sweep, group: int, outcomes: slice) -> Share:
    """The selected among the rows of a group with these outcomes."""
    one = groups.histogram(group)
    selected = [sums[group, outcomes] for sums in (sweep.n, sweep.w, sweep.w2)]
    return _share(groups, selected, [sums[outcomes] for sums in (one.n, one.w, one.w2)])
