"""A document for people that is no release report: chapters of words, facts, tables and blanks. Values only.

One template prints all of them (`templates/paper.html`), one writer the Markdown (`reports.markdown`). Texts are
printable and not escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.view_table import Table


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter. `blanks` are questions that the record does not answer and that nobody answers for its owner.

    `missing` is what must be there and is not.
    """

    key: str
    title: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A document. `lead` opens it, `banners` nobody may overlook, `owner` says who fills in the blanks."""

    kicker: str
    title: str
    subtitle: str
    meta: str
    lead: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    owner: str = ""
    banners: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """All that must be there and is not, in the order of the chapters."""
        return tuple(self._missing())

    def _missing(self) -> Iterator[str]:
        for chapter in self.chapters:
            yield from chapter.missing
