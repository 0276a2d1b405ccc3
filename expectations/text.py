"""Values as the text that a plan writes: the one normalisation of this room.

| value in the file                       | text            |
|-----------------------------------------|-----------------|
| integer 1, float 1.0                    | "1"             |
| float 0.5                               | "0.5"           |
| boolean (Parquet; in CSV it is text)    | "true", "false" |
| text                                    | as it stands    |
| null, NaN, text of white space only     | missing         |
| in the label: True, TRUE                | "true"          |

`counts` does it in SQL while it reads; the functions here do it to what a plan declares. `audits.table.as_text` follows
the same table, so that the gate and the audit speak of the same levels.
"""

from __future__ import annotations

from collections.abc import Iterable

_BOOLEANS = ("true", "false")


def same(value: str, declared: str) -> bool:
    """Does the plan mean this value? 1.0 is 1, and True is true; other text must be equal."""
    if value == declared or (value in _BOOLEANS and value == declared.lower()):
        return True
    try:
        return float(value) == float(declared)
    except ValueError:
        return False


def forms(declared: Iterable[str]) -> tuple[str, ...]:
    """Every text that the declared values may have in a file, in their order: "1.0" is also "1", "True" also "true"."""
    return tuple(dict.fromkeys(text for value in declared for text in (value, _canonical(value))))


def _canonical(declared: str) -> str:
    if declared.lower() in _BOOLEANS:
        return declared.lower()
    try:
        number = float(declared)
    except ValueError:
        return declared
    return str(int(number)) if number.is_integer() else declared
