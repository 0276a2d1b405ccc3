"""Numbers as people print them: 1,390 and 48% and 0.979 and <5, each with what it may have been before rounding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_COUNT = 10**12
MAX_SUPPRESSED = 100
"""A suppressed count says `<5` or `<11`; a limit above this is no suppression."""

COARSEST = Fraction(1, 200)
"""Half of the last place of two decimals: rates and ratios are printed no coarser, 0.9 is 0.90 without its zero."""

_COUNT = re.compile(r"(?P<whole>\d{1,3}(?:[,\u0020\u00a0\u202f]\d{3})+|\d{1,13})(?:\.0+)?")
_SHARE = re.compile(r"(?P<whole>\d{0,6})(?:\.(?P<places>\d{1,15}))?\s?(?P<percent>%?)")
_LESS = re.compile(r"(?P<sign><=|≤|<)\s*(?P<limit>.+)")
_NO_NUMBER = {
    *("", "-", "--", "–", "—", "*", "**", "***", "n/a", "na", "n.a.", "nan", "null", "none", "s", "suppressed"),
    *("left out", "excluded", "not calculated", "not reported", "not applicable"),
}


@dataclass(frozen=True, slots=True)
class Printed:
    """A printed number. What it was before rounding lies in [low, high]; `value` None where it is suppressed (<5)."""

    text: str
    low: Fraction
    high: Fraction
    value: Fraction | None

    @property
    def count(self) -> int | None:
        """A count as a whole number; None where it is suppressed."""
        return None if self.value is None else int(self.value)


def no_number(text: str) -> bool:
    """Does the cell hold nothing, or a mark that stands for nothing, such as a dash or N/A?"""
    return text.strip().casefold() in _NO_NUMBER


def read_count(text: str) -> Printed | None:
    """A whole number with or without thousands separators, or `<5`; None where it is neither."""
    clean = text.strip()
    if less := _LESS.fullmatch(clean):
        limit = read_count(less["limit"])
        if limit is None or limit.value is None or not 1 <= limit.value <= MAX_SUPPRESSED:
            return None
        return Printed(clean, Fraction(0), limit.value - (less["sign"] == "<"), None)
    match = _COUNT.fullmatch(clean)
    if match is None:
        return None
    value = Fraction(re.sub(r"\D", "", match["whole"]))
    return Printed(clean, value, value, value) if value <= MAX_COUNT else None


def read_share(text: str, *, percent: bool = False) -> Printed | None:
    """A rate or ratio such as 0.48, .48, 48% or 48 (where `percent`), or `<1%`; None where it is none of these.

    It was rounded to its last place, or cut off there: both ends of the half place on either side belong to it.
    """
    clean = text.strip()
    if less := _LESS.fullmatch(clean):
        limit = read_share(less["limit"], percent=percent)
        return None if limit is None or limit.value is None else Printed(clean, Fraction(0), limit.value, None)
    match = _SHARE.fullmatch(clean)
    if match is None or not (match["whole"] or match["places"]):
        return None
    places = match["places"] or ""
    scale = 100 if percent or match["percent"] else 1
    value = Fraction(int((match["whole"] or "0") + places), 10 ** len(places) * scale)
    half = min(Fraction(1, 2 * 10 ** len(places) * scale), COARSEST)
    return Printed(clean, max(Fraction(0), value - half), value + half, value)
