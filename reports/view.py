"""What a report of one release decision shows: frozen values, ready to be printed.

Every format and the console print these values and compute none of their own. Texts are printable but not escaped:
escaping belongs to the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of a chart: a dot at `value`, a rule from `lower` to `upper` (None: no finite end).

    `state` is counted or aside for groups, and a verdict for disparities. It changes the shape, not the colour alone.
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
class Rate:
    """One metric in one group. value `31.0%`, counts `934 of 3,012`; a dash and the reason where not estimable."""

    metric: str
    value: str
    interval: str
    counts: str
    reason: str | None


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

    `metric` is empty where the name says it.
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


@dataclass(frozen=True, slots=True)
class MetricHead:
    """A metric's name in the record, its label and what it says."""

    name: str
    label: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything measured for one sensitive feature, or one intersection of several."""

    key: str
    title: str
    metrics: tuple[MetricHead, ...]
    groups: tuple[GroupRow, ...]
    disparities: tuple[DisparityRow, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One requirement of the policy and its answer. status: met, unmet, unknown, refused."""

    title: str
    status: str
    reason: str
    way_out: str | None
    entries: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing and who can give it, as sentences. status as in FindingRow."""

    title: str
    status: str
    reason: str
    who: tuple[str, ...]
    way_out: str | None


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
class SignOffRow:
    """A signature as it is printed: name, time in UTC, meaning, reason, and the digests that it is bound to."""

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


@dataclass(frozen=True, slots=True)
class Summary:
    """The plain-language summary: what was decided, measured, is missing, and cannot be concluded."""

    decided: tuple[str, ...]
    measured: tuple[str, ...]
    missing_title: str
    missing: tuple[Missing, ...]
    limits: tuple[str, ...]
    monitored_title: str = ""
    monitored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release decision for people. `record` is the plain record that everything here was printed from."""

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
    quality: QualityView | None
    findings: tuple[FindingRow, ...]
    sign_offs: tuple[SignOffRow, ...]
    digests: tuple[DigestRow, ...]
    facts: tuple[tuple[str, str], ...]
    record: Mapping[str, Any] = field(default_factory=dict)
