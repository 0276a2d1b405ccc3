"""Which subgroup is worst off? Every intersection up to a declared depth against everybody else, multiplicity stated.

Two ways that see different things. All subgroups of one level per feature are compared one by one, so nothing among
them is missed, and Holm's procedure over all that were tried says which would not come from noise. The
multi-dimensional subset scan (Zhang and Neill 2016, aif360 `bias_scan`) proposes unions of levels, which nobody lists.
What a search finds is a question, never a verdict: it was not declared before the run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from audits.family import holm
from audits.groups import Group, groups_of
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cells, Found, Search
from audits.share import Share
from audits.significance import p_values
from audits.subset_scan import Subset, scan_subsets
from audits.verdicts import Counts
from governance.errors import MeasurementError

SHOWN = 10
"""Subgroups in the result: the worst of all that were tried."""

MOST_PER_GROUP = 20
"""A search may try so many times the subgroups that the plan allows in one comparison (`max_groups`)."""

METRIC = "selection_rate"


def search(cells: Cells, plan: AuditPlan) -> Search | None:
    """The subgroups that are selected least, among those of up to `plan.search_depth` features; None for depth 0.

    Subgroups (and rests) with fewer rows than the plan's minimum, and unknown levels, are left out and counted. `p`
    tests equal rates of the subgroup and all other rows; `adjusted_p` is Holm's over all tried. Sorted: worse off than
    the rest with an adjusted p at the plan's level first, then by the ratio of the rates.

    Raises MeasurementError for more subgroups than MOST_PER_GROUP times `plan.max_groups`.
    """
    if not plan.search_depth:
        return None
    _refuse_many(cells, plan)
    groups = [group for features in _combinations(cells, plan) for group in groups_of(cells, plan, features)]
    everybody = _everybody(cells, plan)
    kept = [group for group in groups if _large(group, everybody, plan)]
    shares = [group.share(METRIC) for group in kept]
    pairs = [(_counts(share), _counts(_rest(everybody, share))) for share in shares]
    p = [1.0 if value is None else value for value in p_values(pairs)]
    found = map(_found, kept, shares, itertools.repeat(everybody), p, holm(p))
    subset = scan_subsets(cells, plan)
    return Search(
        depth=plan.search_depth,
        tried=len(kept),
        left_out=len(groups) - len(kept),
        found=tuple(sorted(found, key=_order(plan))[:SHOWN]),
        method=_method(subset),
        best_subset=subset.levels,
        score=subset.score,
    )


def _combinations(cells: Cells, plan: AuditPlan) -> Iterator[tuple[str, ...]]:
    depth = min(plan.search_depth, len(cells.features))
    for size in range(1, depth + 1):
        yield from itertools.combinations(cells.features, size)


def _refuse_many(cells: Cells, plan: AuditPlan) -> None:
    """Before any subgroup is made: four features of 50 levels have more than six million."""
    levels = {
        name: sum(UNKNOWN not in item.levels for item in groups_of(cells, plan, (name,))) for name in cells.features
    }
    tried = sum(math.prod(levels[name] for name in features) for features in _combinations(cells, plan))
    most = MOST_PER_GROUP * plan.max_groups
    if tried > most:
        raise MeasurementError(
            f"A search of depth {plan.search_depth} would try {tried} subgroups, at most {most} ({MOST_PER_GROUP} times"
            " [audit] max_groups) can be compared: lower search_depth, merge values, or raise max_groups."
        )


def _everybody(cells: Cells, plan: AuditPlan) -> Share:
    """All rows, those with unknown levels too: every subgroup is compared with all others."""
    groups = groups_of(cells, plan, cells.features[:1])
    shares = [group.share(METRIC) for group in groups]
    return Share(
        events=sum(share.events for share in shares),
        n=sum(share.n for share in shares),
        weight_events=math.fsum(share.weight_events for share in shares),
        weight=math.fsum(share.weight for share in shares),
        squares_events=math.fsum(share.squares_events for share in shares),
        squares=math.fsum(share.squares for share in shares),
    )


def _rest(everybody: Share, share: Share) -> Share:
    return Share(
        events=everybody.events - share.events,
        n=everybody.n - share.n,
        weight_events=max(0.0, everybody.weight_events - share.weight_events),
        weight=everybody.weight - share.weight,
        squares_events=max(0.0, everybody.squares_events - share.squares_events),
        squares=everybody.squares - share.squares,
    )


def _large(group: Group, everybody: Share, plan: AuditPlan) -> bool:
    return group.set_aside(plan.min_group_size) is None and everybody.n - group.size >= plan.min_group_size


def _counts(share: Share) -> Counts:
    if share.weight == share.n == share.squares:  # then every row weighs 1; a sum of n alone does not say so
        return share.events, share.n
    value, effective = share.value or 0.0, share.effective_n or 0.0
    return value * effective, effective


def _found(group: Group, share: Share, everybody: Share, p: float, adjusted: float) -> Found:
    rate, rest = share.value or 0.0, _rest(everybody, share).value or 0.0
    return Found(
        features=group.features,
        group=group.levels,
        n=share.n,
        events=share.events,
        rate=rate,
        rest=rest,
        ratio=rate / rest if rest else None,
        p=p,
        adjusted_p=adjusted,
    )


def _order(plan: AuditPlan) -> Callable[[Found], tuple[bool, float, float, Sequence[str]]]:
    level = 1 - plan.confidence

    def key(item: Found) -> tuple[bool, float, float, Sequence[str]]:
        clear = item.adjusted_p is not None and item.adjusted_p <= level and item.rate < item.rest
        return not clear, math.inf if item.ratio is None else item.ratio, item.p or 0.0, item.group

    return key


def _method(subset: Subset) -> str:
    listed = "every subgroup against all other rows, Holm over all tried"
    return f"{listed}; {subset.method}"
