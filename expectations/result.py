"""What a data validation found, and what a suite is made from. Values only, no raw data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What the quality gate says. An error blocks: what could not be checked has not passed."""

    PASS = "pass"
    NEEDS_SIGN_OFF = "needs sign-off"
    BLOCK = "block"
    ERROR = "error"


class Severity(StrEnum):
    """What a failed expectation does: critical blocks, warning needs a sign-off, info is reported."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """A sensitive feature as the suite sees it: its column, how levels are made, which levels are known.

    `unknown` are values that the plan declares unknown: they may occur, and make no group.
    """

    name: str
    column: str
    cuts: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    merge: tuple[tuple[str, tuple[str, ...]], ...] = ()
    levels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteSpec:
    """What a suite is built from; `flows` derives it from the audit plan.

    `columns` must be present; `label_values` is the domain of the label (favourable first) and may be empty, then
    the label must have two values, of several classes 2 to `most_labels`. `label` None: no column holds an outcome
    with few values. `ranges` are (column, low, high), inclusive, either end None: such a column holds numbers.
    `filled` may never be missing, `weights` must be above 0, `probabilities` lie in 0 to 1; `controls` are features
    that split the data, whose groups may be of any size.
    """

    name: str
    columns: tuple[str, ...]
    label: str | None
    favourable: str
    label_values: tuple[str, ...] = ()
    groups: tuple[GroupColumn, ...] = ()
    key: tuple[str, ...] = ()
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()
    nullable: tuple[str, ...] = ()
    max_null_share: float = 0.0
    min_rows: int = 100
    min_group_size: int = 30
    min_events: int = 5
    most_labels: int = 2
    controls: tuple[GroupColumn, ...] = ()
    filled: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    probabilities: tuple[str, ...] = ()

    def features(self) -> tuple[GroupColumn, ...]:
        """Sensitive and control features."""
        return (*self.groups, *self.controls)


@dataclass(frozen=True, slots=True)
class FailedExpectation:
    """One expectation that is not met. `observed` is a count or a share in words, never a raw value."""

    expectation: str
    column: str | None
    severity: Severity
    observed: str
    required: str
    unexpected_count: int | None = None


@dataclass(frozen=True, slots=True)
class DataValidation:
    """The evidence of one validation. PASS only if `evaluated` > 0 and nothing critical or warning failed.

    `quarantined` is how many rows the quarantine file names (row number from 0, key, reason: no values).
    """

    suite: str
    suite_digest: str
    data_digest: str
    outcome: Outcome
    row_count: int
    evaluated: int
    failed: tuple[FailedExpectation, ...]
    errors: tuple[str, ...] = ()
    quarantined: int = 0
