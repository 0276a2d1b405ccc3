"""The tables of a published file: which rows belong together, and whether their totals agree."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from audits.published_table import Published, PublishedRow, feature_of
from audits.rule_packs import RACE, SEX, ImpactRatioRule
from audits.toml_table import shown

_LABELS = {SEX: "sex", RACE: "race/ethnicity"}
_PLAIN = {"intersectional", "intersection", "intersections", "sex x race/ethnicity", "race/ethnicity x sex"}
_WANTED = ((SEX,), (RACE,), (RACE, SEX))

Counted = tuple[int, int | None]
"""(persons, selected); None where the selected ones are not printed."""


@dataclass(frozen=True, slots=True)
class Group:
    """One published table: its rows, totals included. `assigned` is the class that the tool assigns, or ""."""

    assigned: str
    table: str
    features: tuple[str, ...]
    rows: tuple[PublishedRow, ...]

    @property
    def name(self) -> str:
        """What people call it: `sex x race/ethnicity`, with the class and a title of its own where it has them."""
        labels = " x ".join(_LABELS.get(feature, feature) for feature in reversed(self.features)) or "totals"
        plain = not self.table or self.table.casefold() in _PLAIN or feature_of(self.table) in self.features
        own = labels if plain else f"{self.table} ({labels})"
        return f"class {self.assigned}: {own}" if self.assigned else own

    @property
    def by_rule(self) -> bool:
        """Is it about sex or race/ethnicity?"""
        return self.features in _WANTED

    @property
    def persons_at_most(self) -> Fraction | None:
        """The persons of known category, as many as there may be; None where a number is not printed."""
        sizes = [row.n.high if row.n else None for row in self.rows if known(row)]
        return None if not sizes or None in sizes else sum((size for size in sizes if size is not None), Fraction(0))

    @staticmethod
    def wanted() -> tuple[Group, ...]:
        """The tables that the rule asks for, without rows."""
        return tuple(Group("", "", features, ()) for features in _WANTED)

    def counted(self, row: PublishedRow) -> Counted | None:
        """Persons and selected of a row; None where its number is suppressed or missing."""
        if row.n is None or row.n.count is None:
            return None
        return row.n.count, row.selected.count if row.selected else None

    def total(self) -> Counted | None:
        """The sum over the known categories; None where one of them has no number."""
        return _sum([self.counted(row) for row in self.rows if known(row)])

    def absent(self, rule: ImpactRatioRule) -> list[str]:
        """The rule's categories that have no row."""
        if not self.by_rule:
            return []
        there = {tuple(level for _, level in row.levels) for row in self.rows}
        categories = itertools.product(*(rule.categories(feature) for feature in self.features))
        return [", ".join(levels) for levels in categories if levels not in there]


@dataclass(frozen=True, slots=True)
class Note:
    """Totals that do not agree, in words."""

    table: str
    text: str


def known(row: PublishedRow) -> bool:
    """Is the row a category that takes part, neither a total nor the unknown ones?"""
    return bool(row.levels) and not row.unknown


def groups_of(published: Published) -> tuple[Group, ...]:
    """The tables in the file's order. A row of totals belongs to its table's name, or else to the table before it."""
    found: dict[tuple[str, str, tuple[str, ...]], list[PublishedRow]] = {}
    for row in published.rows:
        key = (row.assigned, row.table, row.features)
        if not row.levels:
            before = [known for known in found if known[:2] == key[:2]]
            key = before[-1] if before else key
        found.setdefault(key, []).append(row)
    return tuple(Group(*key, tuple(rows)) for key, rows in found.items())


def totals_notes(groups: Sequence[Group]) -> Iterator[Note]:
    """Rows of totals against the sums of their tables, tables of one class against each other, margins."""
    for group in groups:
        yield from _own_totals(group)
    for assigned in dict.fromkeys(group.assigned for group in groups):
        ours = [group for group in groups if group.assigned == assigned and group.by_rule]
        features = [group.features for group in ours]
        # Two tables of one kind, of two years perhaps: which one the others belong to is not known.
        here = {group.features: group for group in ours if features.count(group.features) == 1}
        yield from _between(here)
        both = here.get((RACE, SEX))
        for single in (here.get((SEX,)), here.get((RACE,))):
            if both and single:
                yield from _margins(single, both)


def _own_totals(group: Group) -> Iterator[Note]:
    everybody = _sum([group.counted(row) for row in group.rows if row.levels])
    sums = [total for total in (group.total(), everybody) if total]
    for row in group.rows:
        printed = None if row.levels else group.counted(row)
        if printed and sums and not any(_agree(printed, total) for total in sums):
            yield Note(group.name, f"row {row.line} says {_said(printed)}; the categories add up to {_said(sums[0])}")


def _between(here: dict[tuple[str, ...], Group]) -> Iterator[Note]:
    totals = {group.name: total for group in here.values() if (total := group.total())}
    pairs = itertools.combinations(totals.values(), 2)
    if not all(_agree(one, other) for one, other in pairs):
        said = "; ".join(f"{shown(name)} has {_said(total)}" for name, total in totals.items())
        yield Note("", f"the tables do not add up to the same: {said} (unknown categories may explain it)")


def _margins(single: Group, both: Group) -> Iterator[Note]:
    """A category of one feature against the sum of its cells in the table of both."""
    (feature,) = single.features
    for row in single.rows:
        cells = [item for item in both.rows if known(item) and dict(item.levels).get(feature) == row.name]
        printed, total = single.counted(row), _sum([both.counted(item) for item in cells])
        if known(row) and printed and total and not _agree(printed, total):
            text = f"{shown(row.name)} has {_said(printed)}, and {_said(total)} in the table {shown(both.name)}"
            yield Note(single.name, text)


def _sum(counted: Sequence[Counted | None]) -> Counted | None:
    there = [item for item in counted if item is not None]
    if not there or len(there) < len(counted):
        return None
    selected = [item[1] for item in there if item[1] is not None]
    return sum(n for n, _ in there), sum(selected) if len(selected) == len(there) else None


def _agree(one: Counted, other: Counted) -> bool:
    return one[0] == other[0] and (None in (one[1], other[1]) or one[1] == other[1])


def _said(counted: Counted) -> str:
    return f"{counted[0]:,} persons" + ("" if counted[1] is None else f" and {counted[1]:,} selected")
