"""What a report of one release decision shows: frozen values, ready to be printed.

Every format and the console print these values and compute none of their own. Texts are printable but not escaped:
escaping belongs to the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reports.changes import Changes
from reports.heatmap import HeatMap
from reports.view_card import ModelCard
from reports.view_summary import Summary
from reports.view_table import Table


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of a chart: a dot at `value`, a rule from `lower` to `upper` (None: no finite end).

    `state` is counted or aside for groups, together or within for strata, a verdict for disparities. It changes the
    shape, not the colour alone.
    """

    label: str
    text: str
    value: float | None
    lower: float | None
    upper: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Line:
    """A vertical line of a chart. kind: bound (thick) or reference (thin)."""

    at: float
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of marks. `key` is unique in a report, `caption` says what the lines mean; percent or plain axis.

    `primary`: a bound rests on this measure, so the chart is shown at once.
    """

    key: str
    title: str
    caption: str
    marks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    percent: bool
    primary: bool


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a plot with its interval. Not `counted`: shown in another shape, because few rows are behind it."""

    x: float
    y: float
    lower: float
    upper: float
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Plot:
    """Points over an axis of scores, joined by a line where `joined`. `x` and `y` are the ends of the axes.

    `diagonal` draws y = x. `lines` are horizontal. `axes` say what x and y are, `spoken` what the plot shows, in words.
    """

    key: str
    title: str
    points: tuple[Point, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    axes: tuple[str, str]
    lines: tuple[Line, ...]
    spoken: str
    percent: bool
    diagonal: bool
    joined: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Something measured beyond rates and disparities: words first, then pictures, then tables.

    `folded`: a page shows the title with what it is `about`, and the tables on demand; words and pictures always.
    `facts` are named values (a citation, a digest), `notes` end the part.
    """

    key: str
    title: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    charts: tuple[Chart, ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    folded: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """One metric in one group. value `31.0%`, counts `934 of 3,012`; a dash and the reason where not estimable.

    `weight` says how many rows a weighted rate rests on; empty without weights.
    """

    metric: str
    value: str
    interval: str
    counts: str
    reason: str | None
    weight: str = ""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group and its rates, in the order of `Panel.metrics`. `note` says why it is not compared."""

    name: str
    size: str
    counted: bool
    note: str | None
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class DisparityRow:
    """One comparison. `bound` is `at least 0.8`; `bounded` False for measures reported without a bound.

    `metric` is empty where the name says it. `p` is adjusted for the family where there is one. `corrected` is a worst
    case less the noise of extremes, `seen` what would have been seen beside "no indication", `strata` what is left of
    the disparity within the levels of control features; each is empty where it does not apply.
    """

    name: str
    metric: str
    where: str
    value: str
    interval: str
    bound: str
    bounded: bool
    verdict: str
    reason: str
    p: str = ""
    corrected: str = ""
    seen: str = ""
    strata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricHead:
    """A metric's name in the record, its label and what it says."""

    name: str
    label: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything measured for one sensitive feature, or one intersection of several.

    `chance` and `alone` head the p of bounded and of other disparities (empty: there are none), `reading` explains what
    stands in the table of disparities, `order` how the groups are listed. Of long lists a page shows `shown` at once.
    `strata` looks at levels of control features, `maps` are pictures of an intersection, `tally` counts the verdicts of
    bounded comparisons. `together`: it is an intersection.
    """

    key: str
    title: str
    metrics: tuple[MetricHead, ...]
    groups: tuple[GroupRow, ...]
    disparities: tuple[DisparityRow, ...]
    charts: tuple[Chart, ...]
    chance: str
    alone: str
    reading: tuple[str, ...]
    order: str
    parts: tuple[Part, ...]
    shown: int
    strata: tuple[Part, ...] = ()
    maps: tuple[HeatMap, ...] = ()
    tally: tuple[tuple[str, int], ...] = ()
    together: bool = False


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One requirement of the policy and its answer. status: met, unmet, unknown, refused."""

    title: str
    status: str
    reason: str
    way_out: str | None
    entries: str


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One expectation about the data that is not met."""

    expectation: str
    column: str
    severity: str
    observed: str
    required: str


@dataclass(frozen=True, slots=True)
class QualityView:
    """The data validation."""

    outcome: str
    sentence: str
    failed: tuple[FailureRow, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DigestRow:
    """What a digest names."""

    label: str
    digest: str


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A condition of an approval. state: open, met or lapsed; `standing` says so in words, `reason` why it is met."""

    number: int
    text: str
    owner: str
    due: str
    state: str
    standing: str
    reason: str


@dataclass(frozen=True, slots=True)
class SignOffRow:
    """A signature as it is printed: name, time in UTC, meaning, reason, and the digests that it is bound to.

    `reading` says what its signer had opened; empty where that is not recorded.
    """

    seq: int
    name: str
    function: str
    decision: str
    meaning: str
    reason: str
    time: str
    authentication: str
    expires: str
    standing: str
    counts: bool
    digests: tuple[DigestRow, ...]
    assurance: str
    on_behalf_of: str | None
    conditions: tuple[ConditionRow, ...] = ()
    reading: str = ""

    @property
    def proved(self) -> str:
        """What signed, first the key of her own where it was one, and how she was recognised."""
        return f"{self.assurance}; recognised by {self.authentication}"


@dataclass(frozen=True, slots=True)
class GlassRow:
    """One person's part in an emergency release as it is printed. `counts`: a release rests on it now."""

    seq: int
    name: str
    function: str
    hours: int
    reason: str
    time: str
    standing: str
    counts: bool


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release decision for people. `record` is the plain record that everything here was printed from.

    `more` belongs to no single feature, `rules` is what rule packs ask for. `published` says that small counts are
    masked; it is empty on what officers read. `banners` nobody may overlook; `incidents` were seen of the target.
    `emergency`: the release rests on broken glass alone, whose parts, also those that ended, are in `glass`. `changes`
    compares with the last version that was released before; `card` is the model card; `newer` is what a scheduled audit
    found since, which `panels`, of the audit for the release, do not hold.
    """

    title: str
    model: str
    version: str
    target: str
    outcome: str
    headline: str
    tier: str
    policy: str
    at: datetime
    time: str
    summary: Summary
    verdicts: tuple[tuple[str, int], ...]
    panels: tuple[Panel, ...]
    more: tuple[Part, ...]
    rules: tuple[Part, ...]
    published: str
    quality: QualityView | None
    findings: tuple[FindingRow, ...]
    sign_offs: tuple[SignOffRow, ...]
    digests: tuple[DigestRow, ...]
    facts: tuple[tuple[str, str], ...]
    banners: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    emergency: bool = False
    glass: tuple[GlassRow, ...] = ()
    changes: Changes | None = None
    card: ModelCard | None = None
    newer: tuple[Part, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The outcome in capitals; what rests on broken glass never reads as an ordinary release."""
        return f"{self.outcome} BY BROKEN GLASS" if self.emergency else self.outcome

    @property
    def tone(self) -> str:
        """The outcome as the class name that colours it."""
        return "emergency" if self.emergency else self.outcome.lower()

    @property
    def whole_card(self) -> ModelCard:
        """The model card with its numbers. Raises LookupError where the view was made for other sections alone."""
        if self.card is None or not self.record:
            raise LookupError("this view was made for some sections alone: it has no whole model card")
        return self.card
