"""Which counts must be masked so that no small one can be computed again from what stays: complementary suppression.

The published counts of a hierarchy of groups are sums of one another: a level of one feature is the sum of its
intersections, all levels together are all rows. Two comparisons may also share a margin that is not printed. Masking
one count of a sum undoes itself, so others must go with it. Two steps:

1. In every sum at least two counts are masked, and together they are at least `least`.
2. What remains is attacked: for each count to protect, linear programming gives the least and the greatest value that
   agree with everything known. Where these are closer than `least`, the next smallest count around it is masked too.
   (Subtraction row by row is not the only way: sums combine, and step 1 alone is known to leave such holes; Cox 1980.)

The choice is greedy: safe, not the smallest possible number of masks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Node(NamedTuple):
    """One group of one comparison; () and () are all rows."""

    features: tuple[str, ...]
    group: tuple[str, ...]


ALL = Node((), ())


Ends = Mapping[Node, tuple[float, float | None]]
"""Node -> the least and the greatest count that it can have; None: no upper end."""


class Sum(NamedTuple):
    """`total` is the sum of `parts`."""

    total: Node
    parts: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of them."""
        return (self.total, *self.parts)


@dataclass(frozen=True, slots=True)
class Lattice:
    """The groups and the sums that bind them. `hidden` are margins that nobody prints: never known."""

    sums: tuple[Sum, ...]
    hidden: frozenset[Node]


def node_of(features: Sequence[str], group: Sequence[str]) -> Node:
    """The node of a group, whatever order its features are named in."""
    pairs = sorted(zip(features, group, strict=True))
    return Node(tuple(name for name, _ in pairs), tuple(level for _, level in pairs))


def lattice(groups: Iterable[Node]) -> Lattice:
    """The sums of the printed `groups` over every set of features that comparisons share, and over all rows.

    All rows are taken for known: their number is printed, and what holds of them is easily learned elsewhere.
    The order is that of the names, not that of a set: equal groups give equal sums, and so equal masks, in any process.
    """
    known = {ALL, *groups}
    by_features: dict[tuple[str, ...], set[Node]] = defaultdict(set)
    for node in sorted(known - {ALL}):
        by_features[node.features].add(node)
    for features in _shared(list(by_features)):
        finest = next(other for other in by_features if set(features) < set(other))
        by_features[features] = {_margin(node, features) for node in by_features[finest]}
    sums = [found for features in by_features for found in _sums(features, by_features)]
    return Lattice(tuple(sums), frozenset(node for nodes in by_features.values() for node in nodes) - known)


def complemented(
    nodes: Lattice,
    counts: Mapping[Node, float],
    masked: Iterable[Node],
    protected: Iterable[Node],
    *,
    ends: Ends,
    least: int,
) -> frozenset[Node]:
    """`masked` and what must go with it, so that no count in `protected` is known to less than `least`.

    `counts` of all nodes, hidden ones too; `ends` are what is known of a node from elsewhere (0 and no upper end where
    it lacks). Where all that could be masked is masked, that is all that can be done: the total of all rows
    stays. Sums that do not hold (a row in several groups) bind nothing.
    """
    binding = [found for found in nodes.sums if holds(found, counts)]
    gone, cared_for = set(masked), set(protected)
    _fill(binding, counts, gone, cared_for, nodes.hidden, least)
    seen: dict[Node, tuple[float, float]] = {}
    for node in sorted(protected, key=lambda item: (counts[item], item)):
        while not wide(node, binding, counts, gone | nodes.hidden, ends, seen, least):
            another = _next(node, binding, counts, gone, nodes.hidden)
            if another is None:
                break
            gone.add(another)
            cared_for.add(another)
            _fill(binding, counts, gone, cared_for, nodes.hidden, least)
    return frozenset(gone)


def feasible(
    goal: Mapping[Node, float],
    binding: Sequence[Sum],
    counts: Mapping[Node, float],
    unknown: set[Node],
    ends: Ends,
) -> dict[Node, float]:
    """The unknown counts, filled in so that they agree with all known ones and the weighted sum `goal` is greatest.

    By linear programming (HiGHS through scipy), counts within `ends`.
    """
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    component, equations = _component(goal, binding, unknown)
    order = {item: position for position, item in enumerate(component)}
    entries = [
        (row, order[item], sign)
        for row, found in enumerate(equations)
        for item, sign in _signed(found)
        if item in order
    ]
    fixed = [-sum(sign * counts[item] for item, sign in _signed(found) if item not in order) for found in equations]
    rows, columns, signs = zip(*entries, strict=True) if entries else ((), (), ())
    aim = np.zeros(len(component))
    aim[[order[item] for item in goal]] = [-weight for weight in goal.values()]
    solved = linprog(
        aim,
        A_eq=csr_array((signs, (rows, columns)), shape=(len(equations), len(component))) if equations else None,
        b_eq=fixed if equations else None,
        bounds=[ends.get(item, (0.0, None)) for item in component],
        method="highs",
    )
    if solved.status == 3:  # nothing limits it from above
        return {item: float("inf") for item, weight in goal.items() if weight > 0} if len(goal) == 1 else {}
    # Where rounding made it infeasible, the truth is a solution.
    return dict(zip(component, map(float, solved.x), strict=True)) if solved.status == 0 else {}


def widen(
    nodes: Sequence[Node],
    binding: Sequence[Sum],
    counts: Mapping[Node, float],
    unknown: set[Node],
    seen: dict[Node, tuple[float, float]],
    least: int,
) -> None:
    """Find out for many of `nodes` at once that they are wide: each solution moves half of them up and half down.

    Goes on while it helps; the signs are drawn from a fixed seed and change nothing but the time it takes.
    """
    from random import Random

    draw, narrow = Random(0), list(nodes)  # noqa: S311
    while narrow:
        goal = {item: draw.choice((-1.0, 1.0)) for item in narrow}
        for sign in (1.0, -1.0):
            turned = {item: sign * weight for item, weight in goal.items()}
            _note(feasible(turned, binding, counts, unknown, {}), counts, seen)
        still = [item for item in narrow if item not in seen or _width(seen[item]) < least]
        if len(still) > 0.9 * len(narrow):
            return
        narrow = still


def _component(nodes: Iterable[Node], binding: Sequence[Sum], unknown: set[Node]) -> tuple[list[Node], list[Sum]]:
    """The unknown counts that sums connect with `nodes`, and these sums."""
    of: dict[Node, list[int]] = defaultdict(list)
    for position, found in enumerate(binding):
        for item in found.nodes:
            if item in unknown:
                of[item].append(position)
    reached, sums = set(nodes), set[int]()
    front = list(reached)
    while front:
        for position in of[front.pop()]:
            if position in sums:
                continue
            sums.add(position)
            more = [item for item in binding[position].nodes if item in unknown and item not in reached]
            reached.update(more)
            front += more
    return sorted(reached), [binding[position] for position in sorted(sums)]


def wide(
    node: Node,
    binding: Sequence[Sum],
    counts: Mapping[Node, float],
    unknown: set[Node],
    ends: Ends,
    seen: dict[Node, tuple[float, float]],
    least: int,
) -> bool:
    """May `node` be anything in a range of `least`? Every solution found serves all counts: masks only widen ranges."""
    for sign in (1.0, -1.0):
        if node in seen and _width(seen[node]) >= least - 1e-6:
            return True
        _note(feasible({node: sign}, binding, counts, unknown, ends), counts, seen)
    return _width(seen.get(node, (0.0, 0.0))) >= least - 1e-6


def _note(solution: Mapping[Node, float], counts: Mapping[Node, float], seen: dict[Node, tuple[float, float]]) -> None:
    """Keep the least and the greatest value of each count over all solutions; the truth is one of them."""
    for item, value in solution.items():
        low, high = seen.get(item, (counts[item], counts[item]))
        seen[item] = (min(low, value), max(high, value))


def _width(ends: tuple[float, float]) -> float:
    return ends[1] - ends[0]


def _fill(
    binding: Sequence[Sum],
    counts: Mapping[Node, float],
    gone: set[Node],
    cared_for: set[Node],
    hidden: frozenset[Node],
    least: int,
) -> None:
    """Until nothing changes: in every sum with a count that is `cared_for` two are masked, `least` together.

    What is masked for its sake is cared for as well: where it could be computed again, so could the first one.
    """
    changed = True
    while changed:
        changed = False
        for found in binding:
            if cared_for.isdisjoint(found.nodes) or _covered(found, counts, gone, hidden, least):
                continue
            another = _smallest(found.parts, counts, gone, hidden)
            if another is not None:
                gone.add(another)
                cared_for.add(another)
                changed = True


def _covered(found: Sum, counts: Mapping[Node, float], gone: set[Node], hidden: frozenset[Node], least: int) -> bool:
    missing = [item for item in found.nodes if item in gone or item in hidden]
    open_ended = found.total in gone or found.total in hidden
    return len(missing) > 1 and (open_ended or sum(counts[item] for item in missing) >= least)


def _next(
    node: Node, binding: Sequence[Sum], counts: Mapping[Node, float], gone: set[Node], hidden: frozenset[Node]
) -> Node | None:
    """The count to mask next for the sake of `node`: the smallest beside it, else among what its sums connect."""
    _, around = _component([node], binding, gone | hidden)
    beside = [found for found in around if node in found.nodes]
    for sums in (beside, around):
        parts = [item for found in sums for item in found.parts]
        if (another := _smallest(parts, counts, gone, hidden)) is not None:
            return another
    return _smallest([found.total for found in around], counts, gone, hidden)


def _smallest(
    nodes: Iterable[Node], counts: Mapping[Node, float], gone: set[Node], hidden: frozenset[Node]
) -> Node | None:
    """The smallest that is still known; an empty group hides nothing. The total of all rows is never masked."""
    known = [item for item in nodes if item not in gone and item not in hidden and item.features and counts[item]]
    return min(known, key=lambda item: (counts[item], item), default=None)


def holds(found: Sum, counts: Mapping[Node, float]) -> bool:
    """Is it the sum? Not where a row is in several groups."""
    return abs(counts[found.total] - sum(counts[item] for item in found.parts)) < 0.5


def _signed(found: Sum) -> list[tuple[Node, float]]:
    return [(found.total, -1.0), *((item, 1.0) for item in found.parts)]


def _margin(node: Node, features: tuple[str, ...]) -> Node:
    at = dict(zip(node.features, node.group, strict=True))
    return Node(features, tuple(at[name] for name in features))


def _shared(tuples: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Sets of features that several comparisons have in common and that are none themselves, and all rows: ()."""
    have = {frozenset(features): features for features in tuples}
    found: list[tuple[str, ...]] = []
    front = list(tuples)
    while front:
        one = front.pop()
        for other in list(have.values()):
            common = frozenset(one) & frozenset(other)
            if common not in have:
                named = tuple(name for name in one if name in common)
                have[common] = named
                found.append(named)
                front.append(named)
    return sorted(found if frozenset() in have else [*found, ()], key=len, reverse=True)


def _sums(features: tuple[str, ...], by_features: Mapping[tuple[str, ...], set[Node]]) -> list[Sum]:
    """The sums of the groups of `features` over every next finer comparison."""
    finer = [other for other in by_features if set(features) < set(other)]
    covering = [o for o in finer if not any(set(p) < set(o) for p in finer if p != o)]
    found = []
    for other in covering:
        parts: dict[Node, list[Node]] = defaultdict(list)
        for node in sorted(by_features[other]):
            parts[_margin(node, features)].append(node)
        found += [Sum(node, tuple(parts[node])) for node in sorted(by_features[features]) if parts[node]]
    return found
