"""What an audit found. Values only: no engine, no clock, no disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module

from audits.plan import Comparison

UNKNOWN = "(unknown)"
"""The level of rows whose sensitive value is missing: counted and shown, never compared, never a reference."""

SUPPRESSED = "suppressed, because a count is small or would give a small one away"
"""The reason of a number that is not published (`audits.suppression`); its counts are then -1."""


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

    `levels` follows `Cells.features` and then `Cells.controls`; `outcome` and `prediction` are True where favourable
    (`outcome` False throughout where `Cells.labelled` is False); n >= 1 rows. `w` is the sum of their weights, `w2` of
    the squares; both None where nothing is weighted: every row then weighs 1.
    """

    levels: tuple[str, ...]
    outcome: bool
    prediction: bool
    n: int
    w: float | None = None
    w2: float | None = None

    @property
    def weight(self) -> float:
        """The sum of the weights; the number of rows where nothing is weighted."""
        return self.n if self.w is None else self.w

    @property
    def squares(self) -> float:
        """The sum of the squared weights."""
        return self.n if self.w2 is None else self.w2


@dataclass(frozen=True, slots=True)
class Cells:
    """The table of cells: all that group rates depend on.

    sum(cell.n) == row_count, except where a feature is known by probabilities only (`shared`): a row then counts in
    several cells, and sum(cell.w) == row_count (or the sum of the sample weights). `sensitive_data_digest` is that of
    the joined file, None without one.
    """

    features: tuple[str, ...]
    cells: tuple[Cell, ...]
    row_count: int
    data_digest: str
    engine: str
    controls: tuple[str, ...] = ()
    weighted: bool = False
    shared: bool = False
    labelled: bool = True
    sensitive_data_digest: str | None = None


@dataclass(frozen=True, slots=True)
class GroupEstimate:
    """One metric in one group. `events` of `n` (the metric's own denominator) have it; rate = events / n.

    `size` is the number of rows in the group. `value` is None where it cannot be estimated, with the `reason`.
    `counted` is False where the group is below the plan's minimum (or unknown) and takes no part in comparisons.
    With weights `value` is the weighted rate, `weight` the sum of the weights of the `n` rows, and `effective_n` the
    number of equally weighted rows that would give the same variance; both None without weights.
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
    weight: float | None = None
    effective_n: float | None = None

    @property
    def suppressed(self) -> bool:
        """Is it masked in what is published? Then print this word, and none of the counts."""
        return self.reason == SUPPRESSED


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measure that is no share of rows: an AUC, a mean score, a distance between two distributions, an exposure.

    `group` empty: over all counted groups, or the whole sample. `against` is the second group of a measure of two.
    `at` says where on an axis it was taken (`score >= 0.5`, `k = 10`, `class = refused`, `0.2 to 0.3`).
    `n` rows carry it. The exact value lies within `error` of `value` (certified, from binning; 0: exact but for
    rounding). `value` is None where it cannot be estimated, with the `reason`. `p` tests no difference, where two
    groups are compared. `effective_n`: with weights, as of a `GroupEstimate`.
    """

    metric: str
    features: tuple[str, ...]
    group: tuple[str, ...]
    n: int
    value: float | None
    interval: Interval | None = None
    against: tuple[str, ...] = ()
    at: str | None = None
    error: float = 0.0
    counted: bool = True
    reason: str | None = None
    p: float | None = None
    effective_n: float | None = None

    @property
    def suppressed(self) -> bool:
        """Is it masked in what is published? Then print this word, and no number."""
        return self.reason == SUPPRESSED


@dataclass(frozen=True, slots=True)
class Stratified:
    """Selection of two groups within the strata of one control feature: does the crude disparity survive?

    `crude` and `adjusted` are impact ratios, the second one pooled over strata (Mantel-Haenszel). `homogeneity_p`
    tests whether one odds ratio serves all strata (Breslow-Day), `association_p` whether it is 1
    (Cochran-Mantel-Haenszel). `strata` took part; `left_out` had nobody in one of the groups.
    """

    control: str
    features: tuple[str, ...]
    group: tuple[str, ...]
    reference: tuple[str, ...]
    strata: int
    left_out: int
    crude: float | None
    adjusted: float | None
    interval: Interval | None
    association_p: float | None
    homogeneity_p: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownBounds:
    """What the rows without a level could do to one group's selection rate, were they all in it.

    From s / (n + m) to (s + m) / (n + m). `missing_p`: chi-square test of whether missing values go with selection;
    None where it cannot be made.
    """

    feature: str
    level: str
    n: int
    unknown: int
    lower: float
    upper: float
    missing_p: float | None

    @property
    def suppressed(self) -> bool:
        """Are the ends masked in what is published? Then they say 0 to 1; only rows without weight do so else."""
        return (self.lower, self.upper, self.missing_p) == (0.0, 1.0, None)


@dataclass(frozen=True, slots=True)
class Found:
    """One subgroup of a search: `events` of its `n` rows are selected, of all other rows the share `rest`."""

    features: tuple[str, ...]
    group: tuple[str, ...]
    n: int
    events: int
    rate: float
    rest: float
    ratio: float | None
    p: float | None
    adjusted_p: float | None


@dataclass(frozen=True, slots=True)
class Search:
    """A search for the subgroup that is worst off. `tried` subgroups were compared; `adjusted_p` is Holm's over all.

    `best_subset` is what the multi-dimensional subset scan proposes (feature, levels), with its `score`; () where it
    found nothing or was not run.
    """

    depth: int
    tried: int
    left_out: int
    found: tuple[Found, ...]
    method: str
    best_subset: tuple[tuple[str, tuple[str, ...]], ...] = ()
    score: float | None = None


@dataclass(frozen=True, slots=True)
class RuleTable:
    """One table that a rule asks for, as it asks for it: texts, so that a report prints what was computed."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What a rule pack computed. `digest` is that of the pack's file; a pack says by itself whether it is in force."""

    pack: str
    version: str
    digest: str
    title: str
    citation: str
    status: str
    tables: tuple[RuleTable, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disparity:
    """A comparison of one group with its reference, or (group empty) the worst case over all counted groups.

    `name` is the field's name (impact_ratio, demographic_parity_difference, ...). `bound` is None for a measure that
    is reported without one; such a disparity never gets the verdict adverse. `reason` says why, in words.
    `p` tests no difference, `adjusted_p` is Holm's over the family that the plan declares (None without a bound).
    `corrected` is the worst case less the noise that maxima and minima over many groups pick up; `value` is the raw
    one. `detectable` is the smallest disparity that would have been seen with 80 % power, in the comparison's unit.
    `at` names the class of a one-vs-rest comparison.
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
    p: float | None = None
    adjusted_p: float | None = None
    corrected: float | None = None
    detectable: float | None = None
    at: str | None = None

    @property
    def suppressed(self) -> bool:
        """Is it masked in what is published? The verdict stays; print this word, and no number."""
        return self.reason.endswith(SUPPRESSED)

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
    quantities: tuple[Quantity, ...] = ()
    stratified: tuple[Stratified, ...] = ()
    unknown_bounds: tuple[UnknownBounds, ...] = ()
    search: Search | None = None
    rule_reports: tuple[RuleReport, ...] = ()
    family: str = "none"
    suppress_below: int = 0

    def verdicts(self) -> dict[Verdict, int]:
        """How many bounded disparities got each verdict."""
        bounded = [item.verdict for item in self.disparities if item.bound is not None]
        return {verdict: bounded.count(verdict) for verdict in Verdict}

    def with_verdict(self, verdict: Verdict) -> tuple[Disparity, ...]:
        """The bounded disparities with this verdict, in the plan's order."""
        return tuple(d for d in self.disparities if d.bound is not None and d.verdict is verdict)

    def _repr_html_(self) -> str:
        """What a notebook shows; masked where `suppress_below` asks for it."""
        # By name: a value depends on nothing, and whoever shows it needs the template engine.
        return str(import_module("audits.notebook").to_html(self))


def _named(features: tuple[str, ...], group: tuple[str, ...]) -> str:
    if not group:
        return "all counted groups of " + " x ".join(features)
    return ", ".join(f"{feature}={level}" for feature, level in zip(features, group, strict=True))
