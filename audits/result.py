"""What an audit found. Values only: no engine, no clock, no disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from audits.plan import Comparison

UNKNOWN = "(unknown)"
"""The level of rows whose sensitive value is missing: counted and shown, never compared, never a reference."""


class Verdict(StrEnum):
    """What may be said of a disparity, from {bound crossed} x {interval excludes no difference} x {n, events}."""

    ADVERSE = "adverse"
    WATCH = "watch"
    NO_INDICATION = "no indication"
    INSUFFICIENT = "insufficient evidence"
    NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval; `upper` is None where a ratio has no finite upper end."""

    lower: float
    upper: float | None
    confidence: float
    method: str


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows that agree in every sensitive feature, the outcome and the prediction.

    `levels` follows `Cells.features`; `outcome` and `prediction` are True where favourable; n >= 1 rows.
    """

    levels: tuple[str, ...]
    outcome: bool
    prediction: bool
    n: int


@dataclass(frozen=True, slots=True)
class Cells:
    """The table of cells: all that group rates depend on. sum(cell.n) == row_count."""

    features: tuple[str, ...]
    cells: tuple[Cell, ...]
    row_count: int
    data_digest: str
    engine: str


@dataclass(frozen=True, slots=True)
class GroupEstimate:
    """One metric in one group. `events` of `n` (the metric's own denominator) have it; rate = events / n.

    `size` is the number of rows in the group. `value` is None where it cannot be estimated, with the `reason`.
    `counted` is False where the group is below the plan's minimum (or unknown) and takes no part in comparisons.
    """

    metric: str
    features: tuple[str, ...]
    group: tuple[str, ...]
    size: int
    n: int
    events: int
    value: float | None
    interval: Interval | None
    counted: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Disparity:
    """A comparison of one group with its reference, or (group empty) the worst case over all counted groups.

    `name` is the field's name (impact_ratio, demographic_parity_difference, ...). `bound` is None for a measure that
    is reported without one; such a disparity never gets the verdict adverse. `reason` says why, in words.
    """

    name: str
    metric: str
    comparison: Comparison
    features: tuple[str, ...]
    group: tuple[str, ...]
    reference: tuple[str, ...]
    value: float | None
    interval: Interval | None
    bound: float | None
    verdict: Verdict
    reason: str
    n: int = 0
    events: int = 0
    min_n: int = 0

    def where(self) -> str:
        """The groups in words: `sex=female against sex=male`."""
        return f"{_named(self.features, self.group)} against {_named(self.features, self.reference)}"


@dataclass(frozen=True, slots=True)
class AuditResult:
    """The evidence of one audit. Equal inputs give equal results: there is no clock in it."""

    plan_digest: str
    data_digest: str
    model_digest: str | None
    row_count: int
    features: tuple[str, ...]
    unknown: Mapping[str, int]
    estimates: tuple[GroupEstimate, ...]
    disparities: tuple[Disparity, ...]
    environment: Mapping[str, str]
    confidence: float
    min_group_size: int
    min_events: int
    notes: tuple[str, ...] = ()

    def verdicts(self) -> dict[Verdict, int]:
        """How many bounded disparities got each verdict."""
        bounded = [item.verdict for item in self.disparities if item.bound is not None]
        return {verdict: bounded.count(verdict) for verdict in Verdict}

    def with_verdict(self, verdict: Verdict) -> tuple[Disparity, ...]:
        """The bounded disparities with this verdict, in the plan's order."""
        return tuple(d for d in self.disparities if d.bound is not None and d.verdict is verdict)


def _named(features: tuple[str, ...], group: tuple[str, ...]) -> str:
    if not group:
        return "all counted groups of " + " x ".join(features)
    return ", ".join(f"{feature}={level}" for feature, level in zip(features, group, strict=True))
