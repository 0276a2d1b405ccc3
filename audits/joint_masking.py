"""The last attack on masked counts: all kinds of counts together.

Rows, selected, favourable and both are masked one kind after the other (`audits.suppression`). What is shown of one
kind still limits another: where nearly all rows of two groups are known to be selected, little is left to guess. So the
four cells of every group (outcome by prediction) become unknowns that are at least 0, everything shown an equation,
and each small count must still have `WIDTH` + 1 possible values; else more is masked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from audits.masking import ALL, Lattice, Node, Sum, holds, wide, widen

WIDTH = 2
"""A small count stays unknown within a range of at least this."""

_CELLS = ("both", "only selected", "only favourable", "neither")
_MADE_OF = {
    "rows": _CELLS,
    "selected": ("both", "only selected"),
    "favourable": ("both", "only favourable"),
    "not selected": ("only favourable", "neither"),
    "unfavourable": ("only selected", "neither"),
    "right": ("both", "neither"),
    "wrong": ("only selected", "only favourable"),
}


class Kind(IntEnum):
    """The kinds of counts of a group, the later ones made from the earlier ones."""

    ROWS = 0
    SELECTED = 1
    FAVOURABLE = 2
    CROSSED = 3


class Counts(NamedTuple):
    """Rows of a group, the selected and favourable ones, and those that are both."""

    rows: int = 0
    selected: int = 0
    favourable: int = 0
    both: int = 0

    def plus(self, other: Counts) -> Counts:
        """Of both groups together."""
        return Counts(*(one + more for one, more in zip(self, other, strict=True)))

    def cells(self) -> dict[str, int]:
        """Every count that is printed of a group or follows from what is printed, by name."""
        selected, favourable = self.selected - self.both, self.favourable - self.both
        neither = self.rows - self.selected - favourable
        found = dict(zip(_CELLS, (self.both, selected, favourable, neither), strict=True))
        return found | {name: sum(found[part] for part in parts) for name, parts in _MADE_OF.items()}


Masks = Mapping[Kind, frozenset[Node]]

_NEEDED_BY = {
    Kind.ROWS: tuple(Kind),
    Kind.SELECTED: (Kind.SELECTED, Kind.CROSSED),
    Kind.FAVOURABLE: (Kind.FAVOURABLE, Kind.CROSSED),
    Kind.CROSSED: (Kind.CROSSED,),
}
_NAMES = {Kind.ROWS: "rows", Kind.SELECTED: "selected", Kind.FAVOURABLE: "favourable", Kind.CROSSED: "both"}


def jointly(nodes: Lattice, counts: Mapping[Node, Counts], masks: Masks, limit: int) -> Masks:
    """`masks` and more of them, so that no count from 1 to `limit` - 1 has fewer than WIDTH + 1 possible values.

    `counts` of all nodes. Where everything around a count is masked, that is all that can be done.
    """
    gone = {kind: set(masks[kind]) for kind in Kind}
    values = {_key(node, name): n for node, found in counts.items() for name, n in found.cells().items()}
    sums = [found for found in _equations(nodes, counts) if holds(found, values)]
    seen: dict[Node, tuple[float, float]] = {}
    unknown = values.keys() - set(_shown(nodes, counts, gone))
    small = [_key(node, name) for node in sorted(gone[Kind.CROSSED]) for name in _small(counts[node], limit)]
    widen([key for key in small if key in unknown], sums, values, unknown, seen, WIDTH)
    for node in sorted(gone[Kind.CROSSED], key=lambda item: (counts[item], item)):
        for name in _small(counts[node], limit):
            key = _key(node, name)
            while key in unknown and not wide(key, sums, values, unknown, {}, seen, WIDTH):
                if not _mask_more(node, nodes, counts, gone):
                    break
                unknown = values.keys() - set(_shown(nodes, counts, gone))
    return {kind: frozenset(gone[kind]) for kind in Kind}


def _small(counted: Counts, limit: int) -> list[str]:
    return [name for name, n in counted.cells().items() if 0 < n < limit]


def _key(node: Node, name: str) -> Node:
    return Node(node.features, (*node.group, name))


def _equations(nodes: Lattice, counts: Collection[Node]) -> Iterator[Sum]:
    for node in counts:
        for name, parts in _MADE_OF.items():
            yield Sum(_key(node, name), tuple(_key(node, part) for part in parts))
    for found in nodes.sums:
        for name in _CELLS:
            yield Sum(_key(found.total, name), tuple(_key(part, name) for part in found.parts))


def _shown(nodes: Lattice, counts: Collection[Node], gone: Mapping[Kind, Collection[Node]]) -> Iterator[Node]:
    for node in counts:
        if node not in nodes.hidden:
            yield from (_key(node, _NAMES[kind]) for kind in Kind if node not in gone[kind])


def _mask_more(node: Node, nodes: Lattice, counts: Mapping[Node, Counts], gone: Mapping[Kind, set[Node]]) -> bool:
    """Mask the smallest count beside `node`, of the kind that is masked there; if there is none, of an earlier kind."""
    first = next(kind for kind in Kind if node in gone[kind])
    beside = {item for found in nodes.sums if node in found.nodes for item in found.nodes}
    for around in (beside, counts.keys()):
        for kind in sorted(Kind, key=lambda kind: (kind > first, -kind)):
            known = around - gone[kind] - nodes.hidden - {ALL}
            another = min((i for i in known if counts[i].rows), key=lambda i: (counts[i], i), default=None)
            if another is not None:
                for later in _NEEDED_BY[kind]:
                    gone[later].add(another)
                return True
    return False
