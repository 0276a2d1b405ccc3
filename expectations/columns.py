"""Which columns a suite looks at, and as what: text, number, or only whether a value is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from expectations.result import SuiteSpec


@dataclass(frozen=True, slots=True)
class Roles:
    """Columns of the file by what is read of them. A column may be text and number at once; `presence` is the rest.

    Of a `presence` column no value is read at all: 1 where there is one, null where there is none. The `label` is one
    of the texts; True and true are one label. None: no column holds one.
    """

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    presence: tuple[str, ...]
    label: str | None

    def number_name(self, column: str) -> str:
        """The name under which the column's numbers stand in the frame."""
        return f"{column} (as a number)" if column in self.texts else column


def roles_of(spec: SuiteSpec) -> Roles:
    """What must be read of each column for this suite."""
    texts = _once(
        [
            *_label(spec),
            *(group.column for group in spec.features() if not group.cuts),
            *(column for column, _ in spec.categories),
            *spec.key,
        ]
    )
    numbers = _once(
        [
            *(column for column, *_ in spec.ranges),
            *(group.column for group in spec.features() if group.cuts),
            *spec.weights,
            *spec.probabilities,
        ],
    )
    rest = (column for column in required_columns(spec) if column not in texts and column not in numbers)
    return Roles(texts, numbers, tuple(rest), spec.label)


def required_columns(spec: SuiteSpec) -> tuple[str, ...]:
    """Every column that must be present, named by the plan in whatever place."""
    return _once(
        [
            *spec.columns,
            *_label(spec),
            *(group.column for group in spec.features()),
            *spec.key,
            *spec.filled,
            *spec.weights,
            *spec.probabilities,
            *(column for column, *_ in spec.ranges),
            *(column for column, _ in spec.categories),
        ]
    )


def _label(spec: SuiteSpec) -> tuple[str, ...]:
    return () if spec.label is None else (spec.label,)


def _once(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(columns))
