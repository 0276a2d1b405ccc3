"""Shares taken at steps of the score: which of them would give a small count away.

Scoring rate, selection at every cutoff, calibration by interval: they all count the rows of a group from some score on.
Two such counts that are both printed give their difference, the rows between two steps. So the counts of one group are
sorted, together with 0, the whole group and those that the decision selects; where two neighbours are 1 to `limit` - 1
apart, the steps are hidden: of every group with the same features, else the others and the sum give them away.
The scoring rate is looked at first, then the cutoffs, then the intervals: what is kept limits what comes after.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum
from itertools import pairwise

from audits.joint_masking import Counts
from audits.masking import Node, node_of
from audits.result import Disparity, Quantity


class Steps(Enum):
    """What is kept or hidden together."""

    RIGHT = "right answers of several classes, or not"
    MEDIAN = "above the median"
    CUTOFFS = "at or above each cutoff"
    INTERVALS = "in each interval"


Hidden = frozenset[tuple[Steps, tuple[str, ...]]]
"""(what, sorted features of the groups) that must not be shown."""

_Side = tuple[Node, str]
_Reached = dict[_Side, set[int]]
"""(group, all | favourable | unfavourable) -> how many rows reach each step."""

_Found = dict[tuple[_Side, str], tuple[int, int]]
"""((group, side), where on the axis) -> (rows there, all rows of that side)."""

_PARTS = {"selection_rate": "all", "true_positive_rate": "favourable", "false_positive_rate": "unfavourable"}
_WITH = {"multiclass_accuracy": Steps.RIGHT, "scoring_rate": Steps.MEDIAN}


def steps_of(item: Quantity | Disparity) -> Steps | None:
    """What it belongs to: a quantity, or a comparison of two groups in it; None: it counts nothing at a step."""
    at = item.at or ""
    if at.startswith("score >= "):
        return Steps.CUTOFFS
    if at.startswith("score ") and " to " in at:
        return Steps.INTERVALS
    return next((steps for metric, steps in _WITH.items() if item.metric.startswith(metric)), None)


def hidden_steps(
    items: Iterable[Quantity], counts: Mapping[Node, Counts], masked: Collection[Node], limit: int
) -> Hidden:
    """The steps that give a count of 1 to `limit` - 1 away. `masked` groups are hidden anyway: only their sum counts.

    With weights a share is that of the weights, and the count that it stands for an approximation.
    """
    of: dict[tuple[str, ...], list[Quantity]] = defaultdict(list)
    for item in items:
        if steps_of(item) and not item.against and item.value is not None:
            of[tuple(sorted(item.features))].append(item)
    by = {features: _by_steps(own) for features, own in of.items()}
    totals = [_summed(found[Steps.CUTOFFS]) for found in by.values()]
    for features, found in by.items():
        found[Steps.CUTOFFS] |= _missing(features, _summed(found[Steps.CUTOFFS]), totals)
    return frozenset(
        (steps, features) for features, found in by.items() for steps in _hidden(found, counts, masked, limit)
    )


def is_hidden(item: Quantity | Disparity, hidden: Hidden) -> bool:
    """Must it go?"""
    steps = steps_of(item)
    return steps is not None and (steps, tuple(sorted(item.features))) in hidden


def _by_steps(items: Iterable[Quantity]) -> dict[Steps, _Found]:
    by: dict[Steps, _Found] = {steps: {} for steps in Steps}
    for item in items:
        steps = steps_of(item)
        if steps is not None:
            by[steps] |= _reached(item, steps)
    return by


def _summed(found: _Found) -> dict[tuple[str, str], tuple[int, int]]:
    """(side, where) -> all groups together."""
    summed: dict[tuple[str, str], tuple[int, int]] = {}
    for ((_, side), at), (n, of) in found.items():
        before = summed.get((side, at), (0, 0))
        summed[side, at] = (before[0] + n, before[1] + of)
    return summed


def _missing(
    features: tuple[str, ...],
    own: Mapping[tuple[str, str], tuple[int, int]],
    totals: Iterable[Mapping[tuple[str, str], tuple[int, int]]],
) -> _Found:
    """Groups that are not printed (unknown ones at a cutoff), as what other features have more at the same place."""
    found: _Found = {}
    for (side, at), (n, of) in own.items():
        more, most = max((total[side, at] for total in totals if (side, at) in total), key=lambda item: item[1])
        if most > of:
            found[(Node(features, ("the rest",)), side), at] = (more - n, most - of)
    return found


def _hidden(
    by: Mapping[Steps, _Found], counts: Mapping[Node, Counts], masked: Collection[Node], limit: int
) -> Iterator[Steps]:
    kept: _Reached = defaultdict(set)
    for steps in Steps:
        found = _united(by[steps], masked)
        if steps is Steps.INTERVALS:
            found = _added_up(found)
        tried = _with(kept, found, {} if steps is Steps.RIGHT else counts)
        if any(_close(reached, limit) for reached in tried.values()):
            yield steps
        elif steps is not Steps.RIGHT:
            kept = tried


def _reached(item: Quantity, steps: Steps) -> _Found:
    node, at = node_of(item.features, item.group), item.at or ""
    events = round((item.value or 0.0) * item.n)
    if steps is not Steps.INTERVALS:
        return {((node, _PARTS.get(item.metric, "all")), at): (events, item.n)}
    if item.metric != "observed_rate":
        return {((node, "all"), at): (item.n, 0)}
    sides = {"all": item.n, "favourable": events, "unfavourable": item.n - events}
    return {((node, side), at): (n, 0) for side, n in sides.items()}


def _united(found: _Found, masked: Collection[Node]) -> _Found:
    """With the masked groups as one: all rows less the shown groups are their sum."""
    united: _Found = {}
    for ((node, side), at), (n, of) in found.items():
        key = ((Node(node.features, ()) if node in masked else node, side), at)
        before = united.get(key, (0, 0))
        united[key] = (before[0] + n, before[1] + of)
    return united


def _added_up(found: _Found) -> _Found:
    """From the rows in each interval to those that reach its lower end."""
    reached, total = _Found(), Counter[_Side]()
    for side, at in sorted(found, key=lambda key: float(key[1].split()[1]), reverse=True):
        total[side] += found[side, at][0]
        reached[side, at] = (total[side], total[side])
    return reached


def _with(kept: _Reached, found: _Found, counts: Mapping[Node, Counts]) -> _Reached:
    reached: _Reached = defaultdict(set, {side: set(numbers) for side, numbers in kept.items()})
    for (side, _), numbers in found.items():
        reached[side] |= {0, *numbers}
        if side[0] in counts:
            reached[side].add(_selected(counts[side[0]], side[1]))
    return reached


def _selected(counted: Counts, side: str) -> int:
    """Those whom the decision selects, which may be a cutoff of its own."""
    found = {"all": counted.selected, "favourable": counted.both}
    return found.get(side, counted.selected - counted.both)


def _close(reached: Collection[int], limit: int) -> bool:
    return any(0 < high - low < limit for low, high in pairwise(sorted(reached)))
