"""The parts of an `AuditResult` that a task fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audits.result import Disparity, GroupEstimate, Quantity, RuleReport, Search, Stratified, UnknownBounds


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, by whatever task; `audits.run` adds digests, versions and the plan's own words."""

    row_count: int
    engine: str
    features: tuple[str, ...]
    unknown: Mapping[str, int]
    disparities: tuple[Disparity, ...]
    estimates: tuple[GroupEstimate, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    stratified: tuple[Stratified, ...] = ()
    unknown_bounds: tuple[UnknownBounds, ...] = ()
    search: Search | None = None
    rule_reports: tuple[RuleReport, ...] = ()
    notes: tuple[str, ...] = ()
    joined_digest: str | None = None
