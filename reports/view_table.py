"""Tables of a report: frozen values, printable and not escaped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column: what it is, `note` where or when it was taken, and the meaning in words."""

    label: str
    note: str = ""
    meaning: str = ""
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """One number or text, and smaller lines under it."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row; the first cell is its head. `quiet`: shown and not compared."""

    cells: tuple[Cell, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table. A page shows `shown` rows at once and folds the rest.

    `stacked`: too wide for a narrow screen, where each row becomes a block.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    shown: int
    stacked: bool = False
