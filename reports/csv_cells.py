"""CSV that no spreadsheet runs: every cell is quoted, control characters are dropped, and a text that would be read as
a formula begins with an apostrophe. The one place that writes CSV for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the start of a formula, the full-width forms too."""
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """The rows as CSV: UTF-8, commas, CRLF (RFC 4180)."""
    return "".join(",".join(map(csv_cell, row)) + "\r\n" for row in rows).encode()


def csv_cell(text: str) -> str:
    """One cell in quotes. Line ends and tabs become spaces, other control and format characters go."""
    flat = " ".join(text.split())
    sound = "".join(char for char in flat if unicodedata.category(char) not in _DROPPED).strip()
    guarded = f"'{sound}" if sound.startswith(_FORMULA) else sound
    return '"' + guarded.replace('"', '""') + '"'
