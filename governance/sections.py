"""The sections that evidence is read in, by the names that policies and records use, and what was opened of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SECTIONS = (
    "summary",
    "verdicts",
    "rates",
    "intersections",
    "stratified",
    "quality",
    "model-card",
    "changes",
    "limits",
    "record",
)
"""In the order in which they are shown. A name never changes its meaning: records of past years use it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """How often a section was opened, and how many seconds it was in sight. Neither shows that it was understood."""

    opened: int
    seconds: int = 0


Reading = Mapping[str, Opened]
"""What a person opened of one piece of evidence, by section."""


def unopened(reading: Reading | None, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the wanted sections that were not opened; all of them where nothing is recorded."""
    found = reading or {}
    return tuple(key for key in wanted if key not in found or found[key].opened < 1)


def reading_in(body: Mapping[str, object]) -> Reading | None:
    """The reading that a sign-off's body holds, None where it has none. What is not readable was not opened."""
    found = body.get("reading")
    if not isinstance(found, Mapping):
        return None
    return {str(key): Opened(_whole(value, "opened"), _whole(value, "seconds")) for key, value in found.items()}


def _whole(value: object, key: str) -> int:
    number = value.get(key) if isinstance(value, Mapping) else None
    return number if type(number) is int and number > 0 else 0
