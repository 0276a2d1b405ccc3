"""What will be measured, fixed before the run. Values only; `plan_file` reads them from TOML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Comparison(StrEnum):
    """How a group is compared with its reference."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


class Task(StrEnum):
    """What the model answers: two values, one of several classes, a number, or an order of people."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RANKING = "ranking"


class Family(StrEnum):
    """Over which comparisons Holm's procedure holds the chance of any false `adverse` at 1 - confidence."""

    BOUNDS = "bounds"
    FEATURE = "feature"
    NONE = "none"


MEDIAN = "median"
"""A cutoff: selected are the scores strictly above the median of the full sample (6 RCNY 5-300, scoring rate)."""


@dataclass(frozen=True, slots=True)
class SensitiveFeature:
    """One sensitive (or control) feature and how its levels are made from a column of the data.

    `cuts` are the lower ends of the second and later levels of a numeric column: (25,) makes [-inf, 25) and
    [25, inf), named by `labels`. `merge` names levels that unite several values of the column:
    (("female", ("A92",)), ...). `levels` lists the known levels after cuts or merges; empty: as found.
    `reference` is the level that the others are compared with; None: the highest rate among the groups that are
    large enough. `probabilities` names, for every level, the column with the probability that a row belongs to it;
    each row then counts in every level with that weight (`column` is not read), which is a sensitivity analysis.
    `unknown` are values of the column that say that nothing is known ("?", "Prefer not to say"): such rows are counted
    as those without a value are, shown and never compared.
    """

    name: str
    column: str
    cuts: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    merge: tuple[tuple[str, tuple[str, ...]], ...] = ()
    levels: tuple[str, ...] = ()
    reference: str | None = None
    probabilities: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JoinedFile:
    """A file with the sensitive features, joined to the data by `key`: the model and its training need not have them.

    Every row of the data must find exactly one row here.
    """

    source: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A score: higher is nearer to the favourable outcome.

    `column` holds it; None: the registered model answers it. `low` and `high` are the declared range; a score outside
    of it is refused. `cutoff`: selected is a score at or above it, or (MEDIAN) strictly above the full sample's
    median; None: the decision is a column of its own.
    """

    low: float
    high: float
    column: str | None = None
    cutoff: float | str | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of people. `rank` is a column with 1 for the first, None: the score orders (highest first).

    `query` names columns that tell several rankings apart. `top` are the k of skew@k and of the share in the top k.
    """

    rank: str | None = None
    query: tuple[str, ...] = ()
    top: tuple[int, ...] = (10, 50, 100)


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
    `registrant` is the id of the person who answers for the registration, `data_owner` of her who answers for the
    data, as declared; neither can sign the release off.
    `label` None: no outcome is known (a decision without one, as in a hiring audit under Local Law 144); only
    measures of selection are then estimable, and `favourable` is a value of the prediction.
    `weight` is a column of sample weights, each above zero. `control_features` split the data into strata.
    `family` is held at 1 - confidence together. `replicates` bootstrap replicates start from `seed`.
    `search_depth` > 0: every intersection of up to so many features is searched for the worst.
    `suppress_below` > 0: counts below it are masked in what is published. `rule_packs` are ids of `audits.rules`.
    """

    model: str
    label: str | None
    favourable: str
    sensitive_features: tuple[SensitiveFeature, ...]
    bounds: tuple[Bound, ...]
    decided_at: date
    digest: str
    source: str | None = None
    newer: str | None = None
    registrant: str | None = None
    data_owner: str | None = None
    impact: str = "high"
    prediction: str | None = None
    key: tuple[str, ...] = ()
    intersections: tuple[tuple[str, ...], ...] = ()
    confidence: float = 0.95
    min_group_size: int = 30
    min_events: int = 5
    quality: Quality = Quality()
    task: Task = Task.BINARY
    score: Score | None = None
    ranking: Ranking | None = None
    weight: str | None = None
    control_features: tuple[SensitiveFeature, ...] = ()
    sensitive_data: JoinedFile | None = None
    family: Family = Family.BOUNDS
    seed: int = 0
    replicates: int = 1_000
    search_depth: int = 0
    suppress_below: int = 0
    max_levels: int = 50
    max_groups: int = 1_000
    rule_packs: tuple[str, ...] = ()

    def asks_model(self) -> bool:
        """Does the registered model answer? False where the data already holds what is measured."""
        if self.prediction is not None or (self.ranking is not None and self.ranking.rank is not None):
            return False
        if self.score is not None and self.score.column is not None:
            return self.task is Task.BINARY and self.score.cutoff is None
        return True

    def declared_reference(self, features: tuple[str, ...]) -> str | None:
        """The level that a single feature's groups are compared with; None where none is declared, or for several."""
        if len(features) > 1:
            return None
        return next(feature.reference for feature in self.sensitive_features if feature.name == features[0])

    def comparisons(self) -> tuple[tuple[str, ...], ...]:
        """Every tuple of sensitive features that is disaggregated: each one alone, then the intersections."""
        return tuple((feature.name,) for feature in self.sensitive_features) + self.intersections
