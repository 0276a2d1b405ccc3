"""What will be measured, fixed before the run. Values only; `plan_file` reads them from TOML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Comparison(StrEnum):
    """How a group is compared with its reference."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class SensitiveFeature:
    """One sensitive feature and how its levels are made from a column of the data.

    `cuts` are the lower ends of the second and later levels of a numeric column: (25,) makes [-inf, 25) and
    [25, inf), named by `labels`. `merge` names levels that unite several values of the column:
    (("female", ("A92",)), ...). `levels` lists the known levels after cuts or merges; empty: as found.
    `reference` is the level that the others are compared with; None: the highest rate among the groups that are
    large enough.
    """

    name: str
    column: str
    cuts: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    merge: tuple[tuple[str, tuple[str, ...]], ...] = ()
    levels: tuple[str, ...] = ()
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A practical bound, declared before the run.

    ratio: crossed where the smaller rate is below `limit` times the larger one (four fifths: 0.8), whichever of group
    and reference has it. difference: crossed where the absolute value is above `limit`.
    """

    metric: str
    comparison: Comparison
    limit: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What the data must satisfy before it is measured."""

    min_rows: int = 100
    max_null_share: float = 0.0
    nullable: tuple[str, ...] = ()
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """An audit plan. `digest` is the SHA-256 of the TOML bytes that it was read from.

    `source` is the table audited for a release, `newer` a glob whose last match (by name) the nightly audit reads.
    `favourable` is the value of `label` that is the good outcome for a person; a prediction equal to it selects.
    `prediction` names a column that already holds predictions; None: the registered model is scored.
    `impact` is what the plan declares (minimal, limited, high, prohibited); the policy's requirements always win.
    `registrant` is the id of the person who answers for the registration, as declared.
    """

    model: str
    label: str
    favourable: str
    sensitive_features: tuple[SensitiveFeature, ...]
    bounds: tuple[Bound, ...]
    decided_at: date
    digest: str
    source: str | None = None
    newer: str | None = None
    registrant: str | None = None
    impact: str = "high"
    prediction: str | None = None
    key: tuple[str, ...] = ()
    intersections: tuple[tuple[str, ...], ...] = ()
    confidence: float = 0.95
    min_group_size: int = 30
    min_events: int = 5
    quality: Quality = Quality()

    def comparisons(self) -> tuple[tuple[str, ...], ...]:
        """Every tuple of sensitive features that is disaggregated: each one alone, then the intersections."""
        return tuple((feature.name,) for feature in self.sensitive_features) + self.intersections
