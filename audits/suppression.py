"""An audit as it may be published: small counts masked, and with them whatever would give them away.

A count is small where it is above 0 and below the plan's `suppress_below` (11: the counts 1 to 10, as the cell size
policy of the US Centers for Medicare and Medicaid Services has it). For each group three kinds of counts are printed,
each of which needs the ones before:

    rows                                    small rows hide the whole group
    selected; favourable outcomes           small, or small rest of the rows: the metrics made of them are hidden
    outcome by prediction (the four cells)  small: every metric that crosses outcome and prediction is hidden

`audits.masking` then hides more until no small count can be computed again. What is derived from a hidden count is
hidden too: disparities keep their verdict and lose their numbers. Shares at steps of the score count rows by
themselves: `audits.step_masking` hides them. The full record, which people sign, stays whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import reduce

from audits.joint_masking import Counts, Kind, Masks, jointly
from audits.masking import Ends, Lattice, Node, complemented, lattice, node_of
from audits.metrics import WORST_CASES
from audits.result import (
    SUPPRESSED,
    UNKNOWN,
    AuditResult,
    Disparity,
    GroupEstimate,
    Quantity,
    RuleReport,
    Search,
    Stratified,
    UnknownBounds,
)
from audits.step_masking import Hidden, hidden_steps, is_hidden, steps_of
from audits.wording import LEFT_OUT

NOT_SHOWN = -1
"""Stands for a masked count: no count is negative, so that nobody takes it for one."""


Notes = tuple[str, ...]


def published(result: AuditResult, *, whole_rules: Collection[str] = ()) -> AuditResult:
    """`result` with what must not be published masked; itself where it asks for no suppression.

    Masked counts are NOT_SHOWN, masked numbers None, and the reason is SUPPRESSED (`estimate.suppressed` says so).
    Tables of rules print every count: only the packs named in `whole_rules` keep theirs, because their rule demands
    it (NYC Local Law 144), which shows what is masked elsewhere.
    """
    if not result.suppress_below:
        return result
    result = _without_unchecked(result)
    masks, counts = masks_of(result), _counted(result)
    hidden = _hidden(masks, Kind)
    steps = hidden_steps(result.quantities, counts, hidden, result.suppress_below)
    took_part = _took_part(result)
    shown, searched = _search(result.search, counts, hidden)
    quantities = _quantities(result.quantities, hidden, steps, result.suppress_below)
    return replace(
        result,
        unknown={name: _unknown(name, n, result, masks) for name, n in result.unknown.items()},
        estimates=tuple(_estimate(item, masks) for item in result.estimates),
        disparities=tuple(
            _without_numbers(item) if is_hidden(item, steps) else _disparity(item, masks, took_part)
            for item in result.disparities
        ),
        quantities=quantities,
        stratified=tuple(_stratum(item, masks[Kind.SELECTED]) for item in result.stratified),
        unknown_bounds=tuple(_unknown_bounds(item, result, masks) for item in result.unknown_bounds),
        search=shown,
        rule_reports=_rules(result, whole_rules),
        notes=(*_notes(result, masks), *searched, *_said(result, masks, changed=quantities != result.quantities)),
    )


def masks_of(result: AuditResult) -> Masks:
    """Which counts of which groups are hidden. A kind is hidden wherever an earlier one is that it needs."""
    counts = _counted(result)
    nodes = lattice(counts)
    everything = _with_margins(nodes, counts)
    masks: dict[Kind, frozenset[Node]] = {}
    for kind in Kind:
        shown = {node: [before for before in masks if node not in masks[before]] for node in counts}
        given = {node: _given_away(counted, kind, shown[node]) for node, counted in counts.items()}
        protected = {node for node in counts if _small(given[node], result.suppress_below)}
        needed: set[Node] = set()
        if kind is not Kind.ROWS:
            needed |= masks[Kind.ROWS]
        if kind is Kind.CROSSED:
            needed |= masks[Kind.SELECTED] | masks[Kind.FAVOURABLE]
        masks[kind] = complemented(
            nodes,
            {node: found[kind] for node, found in everything.items()},
            protected | needed,
            protected,
            ends=_ends(kind, everything, masks, nodes),
            least=result.suppress_below,
        )
    return jointly(nodes, everything, masks, result.suppress_below)


def _given_away(counted: Counts, kind: Kind, shown: Collection[Kind]) -> tuple[int, ...]:
    """The counts that this kind gives away, with the earlier kinds that are `shown`."""
    if kind is Kind.ROWS:
        return (counted.rows,)
    if kind is not Kind.CROSSED:
        return (counted[kind], counted.rows - counted[kind]) if Kind.ROWS in shown else (counted[kind],)
    only_selected, only_favourable = counted.selected - counted.both, counted.favourable - counted.both
    found = [counted.both]
    found += [only_selected] if Kind.SELECTED in shown else []
    found += [only_favourable] if Kind.FAVOURABLE in shown else []
    if len(shown) < Kind.CROSSED:
        return tuple(found)
    neither = counted.rows - counted.selected - only_favourable
    return (*found, neither, counted.both + neither, only_selected + only_favourable)


def _counted(result: AuditResult) -> dict[Node, Counts]:
    """The counts of every group. Of predicted numbers and of orders there are no estimates, and rows only."""
    found: dict[Node, dict[str, GroupEstimate]] = defaultdict(dict)
    for item in result.estimates:
        found[node_of(item.features, item.group)][item.metric] = item
    if found:
        return {node: _counts(metrics) for node, metrics in found.items()}
    whole = (item for item in result.quantities if item.group and not item.against and item.at is None)
    return {node_of(item.features, item.group): Counts(item.n, 0, 0, 0) for item in whole}


def _without_unchecked(result: AuditResult) -> AuditResult:
    """Without what is made of counts that are not among those checked: one class against the rest, the first k."""
    return replace(
        result,
        disparities=tuple(item if item.at is None else _without_numbers(item) for item in result.disparities),
        quantities=tuple(
            _masked(item) if (item.at or "").startswith(_UNCHECKED) else item for item in result.quantities
        ),
    )


def _masked(item: Quantity) -> Quantity:
    return replace(item, n=NOT_SHOWN, value=None, interval=None, error=0.0, p=None, effective_n=None, reason=SUPPRESSED)


def _counts(metrics: Mapping[str, GroupEstimate]) -> Counts:
    size = next(iter(metrics.values())).size
    events = [metrics[name].events if name in metrics else 0 for name in _COUNTED]
    return Counts(size, *events)


_UNCHECKED = ("class = ", "k = ")
"""How `at` begins where a quantity is made of other counts than those of its group."""

_COUNTED = ("selection_rate", "base_rate", "true_positive_rate")


def _with_margins(nodes: Lattice, counts: Mapping[Node, Counts]) -> dict[Node, Counts]:
    """The counts of printed groups and of the margins that nobody prints, the finer ones first."""
    found = dict(counts)
    for item in sorted(nodes.sums, key=lambda item: len(item.total.features), reverse=True):
        if item.total not in found:
            found[item.total] = reduce(Counts.plus, (found[part] for part in item.parts))
    return found


def _small(counts: Iterable[int], limit: int) -> bool:
    return any(0 < count < limit for count in counts)


def _ends(kind: Kind, counts: Mapping[Node, Counts], masks: Masks, nodes: Lattice) -> Ends:
    """What a reader knows of a count from the kinds before it: the selected are no more than the rows, and so on."""
    return {
        node: _end(kind, counted, {before for before in masks if node not in masks[before]})
        for node, counted in counts.items()
        if node not in nodes.hidden
    }


def _end(kind: Kind, counted: Counts, shown: Collection[Kind]) -> tuple[float, float | None]:
    if kind is Kind.ROWS:
        return 0, None
    if kind is not Kind.CROSSED:
        return 0, counted.rows if Kind.ROWS in shown else None
    known = [counted[before] for before in shown]
    overlap = counted.selected + counted.favourable - counted.rows if len(known) == Kind.CROSSED else 0
    return max(0, overlap), min(known, default=None)


def _kind(metric: str) -> Kind:
    return {"selection_rate": Kind.SELECTED, "base_rate": Kind.FAVOURABLE}.get(metric, Kind.CROSSED)


def _estimate(item: GroupEstimate, masks: Masks) -> GroupEstimate:
    node = node_of(item.features, item.group)
    if node not in masks[_kind(item.metric)]:
        return item
    return replace(
        item,
        size=NOT_SHOWN if node in masks[Kind.ROWS] else item.size,
        n=NOT_SHOWN,
        events=NOT_SHOWN,
        value=None,
        interval=None,
        reason=SUPPRESSED,
        weight=None,
        effective_n=None,
    )


def _took_part(result: AuditResult) -> frozenset[tuple[str, Node]]:
    """(metric, group) of every estimate that a worst case is taken over."""
    least = result.min_group_size
    taken = (item for item in result.estimates if item.counted and item.n >= least)
    return frozenset((item.metric, node_of(item.features, item.group)) for item in taken)


def _disparity(item: Disparity, masks: Masks, took_part: frozenset[tuple[str, Node]]) -> Disparity:
    """A pair is hidden with either group; a worst case with any group that took part. The verdict stays."""
    metrics = WORST_CASES.get(item.metric, (item.metric,))
    hidden = _hidden(masks, map(_kind, metrics))
    if item.at is not None:  # masked already
        return item
    if item.group:
        pair = {node_of(item.features, item.group), node_of(item.features, item.reference)}
        return _without_numbers(item) if pair & hidden else item
    here = {node for node in hidden if node.features == tuple(sorted(item.features))}
    if any((metric, node) in took_part for metric in metrics for node in here):
        return _without_numbers(item)
    # The groups that are left out are named with their sizes.
    return replace(item, reason=item.reason.split(LEFT_OUT)[0] + LEFT_OUT + " small groups") if here else item


def _without_numbers(item: Disparity) -> Disparity:
    return replace(
        item,
        value=None,
        interval=None,
        n=NOT_SHOWN,
        events=NOT_SHOWN,
        min_n=NOT_SHOWN,
        p=None,
        adjusted_p=None,
        corrected=None,
        detectable=None,
        reason=f"{item.metric} {item.comparison}, {item.where()}: {SUPPRESSED}",
    )


def _hidden(masks: Masks, kinds: Iterable[Kind]) -> frozenset[Node]:
    return frozenset(node for kind in kinds for node in masks[kind])


def _quantities(items: Iterable[Quantity], hidden: frozenset[Node], steps: Hidden, limit: int) -> tuple[Quantity, ...]:
    """Hidden with either of its groups; over all groups, with any; where its step is; and where a part has few rows."""
    kept = tuple(items)
    touched = {node.features for node in hidden}
    few = {(item.metric, item.features, item.group) for item in kept if 0 < item.n < limit and steps_of(item) is None}

    def masked(item: Quantity) -> bool:
        if is_hidden(item, steps):
            return True
        groups = [group for group in (item.group, item.against) if group]
        if not groups and tuple(sorted(item.features)) in touched:
            return True
        part = (item.metric, item.features, item.group) in few and steps_of(item) is None
        return part or any(node_of(item.features, group) in hidden for group in groups)

    return tuple(_masked(item) if masked(item) else item for item in kept)


def _stratum(item: Stratified, hidden: frozenset[Node]) -> Stratified:
    if not {node_of(item.features, item.group), node_of(item.features, item.reference)} & hidden:
        return item
    return replace(
        item,
        crude=None,
        adjusted=None,
        interval=None,
        association_p=None,
        homogeneity_p=None,
        reason=SUPPRESSED,
    )


def _unknown(name: str, n: int, result: AuditResult, masks: Masks) -> int:
    small = 0 < n < result.suppress_below
    return NOT_SHOWN if small or Node((name,), (UNKNOWN,)) in masks[Kind.ROWS] else n


def _unknown_bounds(item: UnknownBounds, result: AuditResult, masks: Masks) -> UnknownBounds:
    """The ends rest on how many of the group are selected: hidden, they say 0 to 1. Rows go where the groups' go."""
    group, missing = Node((item.feature,), (item.level,)), Node((item.feature,), (UNKNOWN,))
    if not {group, missing} & masks[Kind.SELECTED]:
        return item
    rows = NOT_SHOWN if group in masks[Kind.ROWS] else item.n
    unknown = _unknown(item.feature, item.unknown, result, masks)
    return replace(item, n=rows, unknown=unknown, lower=0.0, upper=1.0, missing_p=None)


def _search(search: Search | None, printed: Collection[Node], hidden: frozenset[Node]) -> tuple[Search | None, Notes]:
    """A subgroup that was found stays where its counts are printed anyway."""
    if search is None:
        return None, ()
    shown = set(printed) - hidden
    kept = tuple(item for item in search.found if node_of(item.features, item.group) in shown)
    gone = len(search.found) - len(kept)
    said = (f"{gone} subgroups that the search found are not shown: {SUPPRESSED}.",) if gone else ()
    return replace(search, found=kept), said


def _rules(result: AuditResult, whole: Collection[str]) -> tuple[RuleReport, ...]:
    return tuple(report for report in result.rule_reports if report.pack in whole)


def _notes(result: AuditResult, masks: Masks) -> tuple[str, ...]:
    """Notes on levels count rows: the number goes where a level of that feature is hidden."""
    touched = {node.features[0] for node in masks[Kind.ROWS] if len(node.features) == 1}
    return tuple(
        _COUNT.sub("an undisclosed number of", note) if note.split(":")[0] in touched else note for note in result.notes
    )


_COUNT = re.compile(r"\d[\d,]*(?: of \d[\d,]*)?(?= rows)")


def _said(result: AuditResult, masks: Masks, *, changed: bool) -> Notes:
    groups = len(_hidden(masks, Kind))
    if not groups and not changed:
        return ()
    said = f"{groups} groups have masked counts, some of them only so that others cannot be computed again"
    if not groups:
        said = "measures at steps of the score, and parts with few rows, are masked where they would give one away"
    return (
        f"Counts from 1 to {result.suppress_below - 1} are not published: {said}. The record that people sign has all"
        " of them.",
    )
