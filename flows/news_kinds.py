"""News for people: what kinds there are, and what one piece of it holds. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What people can be told of. A file of channels names these words."""

    HELD = "held"
    REFUSED = "refused"
    RELEASED = "released"
    DEMOTED = "demoted"
    ADVERSE = "adverse"
    INCIDENT = "incident"
    BROKEN_GLASS = "broken-glass"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    CONDITION = "condition"
    POLICY = "policy"
    PERSON = "person"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell. `functions` and `persons` (ids) are whom it concerns, `path` leads to it in the console.

    `seq` is the ledger's entry that it tells of; None where a moment passed instead (`at`, UTC). `title` and `lines`
    are printable text with no number of a group in it: they leave the house.
    """

    kind: Kind
    at: datetime
    title: str
    lines: tuple[str, ...]
    path: str
    functions: frozenset[str]
    persons: frozenset[str] = frozenset()
    seq: int | None = None
