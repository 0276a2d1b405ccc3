"""A model card: frozen values, printable and not escaped. Made once (`reports.model_card`), printed by every format."""

from __future__ import annotations

from dataclasses import dataclass

from reports.view_table import Table


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of the audit and of whom it is. `value` None: there is none, and `gap` says why.

    `value`, `lower` and `upper` are exact texts, the ends None where the interval has no such end. `aside`: shown, not
    compared. `rate`: a metric of one group, and no comparison.
    """

    metric: str
    of: str
    value: str | None
    lower: str | None = None
    upper: str | None = None
    gap: str = ""
    aside: str = ""
    rate: bool = False


@dataclass(frozen=True, slots=True)
class CardSection:
    """One section of a model card. `blanks` are questions that the record does not answer.

    `measured`: it repeats what a report says elsewhere, so a report's own page of the card leaves it out.
    """

    key: str
    title: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    blanks: tuple[str, ...] = ()
    measured: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model card, its sections in order. `measures` are all numbers for machines, unrounded.

    `task` is binary, multiclass, regression or ranking, empty where the plan is not known. `dataset` names the data
    that was measured, empty without an audit.
    """

    task: str
    dataset: str
    sections: tuple[CardSection, ...]
    measures: tuple[Measure, ...] = ()

    @property
    def known(self) -> tuple[CardSection, ...]:
        """What no other section of a report says."""
        return tuple(item for item in self.sections if not item.measured)

    def section(self, key: str) -> CardSection:
        """The section with this key. Raises KeyError where there is none, or it was not made."""
        return {item.key: item for item in self.sections}[key]
