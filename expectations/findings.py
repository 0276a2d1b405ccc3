"""From what Great Expectations answered, as plain values, to what Fairgate says. Pure: imports no engine.

Great Expectations reports an expectation that crashed as one that failed, and its own overall success ignores severity.
So both are decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expectations.result import FailedExpectation, Outcome, Severity

COLUMN_EXISTS = "expect_column_to_exist"
_MESSAGE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Checked:
    """One evaluated line of a suite: its type and arguments, what the suite calls it, and the answer.

    `column` is what it is about, as the file names it (several are joined; None: the whole table); `kwargs` name
    columns of the frame. `exception` is None, or the message of what was raised meanwhile (it may hold raw values).
    """

    type: str
    name: str
    column: str | None
    required: str
    severity: Severity
    kwargs: Mapping[str, Any]
    met: bool
    result: Mapping[str, Any]
    exception: str | None = None

    @property
    def unanswered(self) -> bool:
        """Whether it crashed: an exception, or a failure without any result (a missing column has none to give)."""
        silent = not self.met and not self.result and self.type != COLUMN_EXISTS
        return self.exception is not None or silent


def exception_in(info: Mapping[str, Any] | None) -> str | None:
    """The message in Great Expectations' `exception_info`: one record, or one for each metric that raised."""
    records = [info, *info.values()] if info else []
    for record in records:
        if isinstance(record, Mapping) and record.get("raised_exception"):
            return str(record.get("exception_message") or "no message")
    return None


def failures(checked: Sequence[Checked]) -> tuple[FailedExpectation, ...]:
    """The lines that were answered and are not met, the most serious first."""
    order = list(Severity)
    unmet = [item for item in checked if not item.met and not item.unanswered]
    return tuple(_failure(item) for item in sorted(unmet, key=lambda item: order.index(item.severity)))


def errors(checked: Sequence[Checked], words: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """One sentence for every line that could not be evaluated. `words` of the data are taken out, in lower case."""
    return tuple(
        f"{item.name}{_column(item)} could not be evaluated: {without_values(message, words)}"
        for item in checked
        if item.unanswered
        for message in [item.exception or "no result"]
    )


def outcome(evaluated: int, failed: Sequence[FailedExpectation], raised: Sequence[str]) -> Outcome:
    """Errors first: what could not be checked has not passed, and nothing evaluated is nothing checked."""
    severities = {item.severity for item in failed}
    if raised or evaluated == 0:
        return Outcome.ERROR
    if Severity.CRITICAL in severities:
        return Outcome.BLOCK
    return Outcome.NEEDS_SIGN_OFF if Severity.WARNING in severities else Outcome.PASS


def without_values(message: str, words: frozenset[str] = frozenset()) -> str:
    """A message of somebody else, on one line, without what is in quotes, numbers, and words of the data."""
    line = " ".join(message.split())
    line = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'...'", line)
    line = re.sub(r"\w+", lambda found: "..." if found[0].lower() in words else found[0], line)
    return re.sub(r"\d[\d.,_]*", "#", line)[:_MESSAGE_LENGTH]


def _column(item: Checked) -> str:
    return f" ({item.column})" if item.column else ""


def _failure(item: Checked) -> FailedExpectation:
    return FailedExpectation(
        expectation=item.name,
        column=item.column,
        severity=item.severity,
        observed=next(_observed(item)),
        required=item.required,
        unexpected_count=item.result.get("unexpected_count"),
    )


def _observed(item: Checked) -> Iterator[str]:
    """What was seen, as counts. A value that is no number is never passed on: it would be a raw value."""
    result = item.result
    if words := result.get("words"):
        yield str(words)
    if "element_count" in result:
        what = " without a value" if item.type.endswith("not_be_null") else ""
        yield f"{result['unexpected_count']} of {result['element_count']} rows{what}"
    if isinstance(result.get("observed_value"), int):
        what, count = "row" if "row_count" in item.type else "value", result["observed_value"]
        yield f"{count} {what}{'' if count == 1 else 's'}"
    yield "the column is missing" if item.type == COLUMN_EXISTS else "not met"
