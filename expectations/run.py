"""validate(table, spec) -> DataValidation: the quality gate, before anything is measured."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.columns import roles_of
from expectations.counts import load
from expectations.findings import Checked, errors, exception_in, failures, outcome
from expectations.quarantine import quarantine as write_quarantine
from expectations.result import DataValidation, Severity, SuiteSpec
from expectations.suites.classification import build
from governance.digests import digest_file, digest_value

if TYPE_CHECKING:
    import pandas as pd

# BASIC with no partial list: no stored result then holds a raw value.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}

# Great Expectations keeps the current context in a global of the process.
_ONE_AT_A_TIME = threading.Lock()


def validate(
    table: Path, spec: SuiteSpec, *, data_digest: str | None = None, quarantine: Path | None = None
) -> DataValidation:
    """Check the file `table` against the suite of `spec`; the schema first, then what can be checked on it.

    A line on a missing column, or on one that should hold numbers and holds text, is not evaluated: the schema has
    failed already. `data_digest` None: computed. `quarantine`: where to write the rows that were not accepted.

    Raises MeasurementError where the file is missing or is neither Parquet nor CSV. Data that does not meet the suite
    is no error but an outcome.
    """
    frame = load(table, roles_of(spec)).frame
    suite = build(spec)
    checked, raised = _checked(suite.expectations, frame)
    failed = failures(checked)
    unanswered = any(item.unanswered for item in checked)
    problems = (*errors(checked, _words(frame) if unanswered else frozenset()), *raised)
    evaluated = sum(not item.unanswered for item in checked)
    return DataValidation(
        suite=spec.name,
        suite_digest=suite_digest(suite),
        data_digest=data_digest or digest_file(table),
        outcome=outcome(evaluated, failed, problems),
        row_count=len(frame),
        evaluated=evaluated,
        failed=failed,
        errors=problems,
        quarantined=write_quarantine(quarantine, frame, checked, spec.key) if quarantine else 0,
    )


def _words(frame: pd.DataFrame) -> frozenset[str]:
    """Every word of every text in the table, in lower case: an engine's message that quotes one would leak it."""
    texts = (frame[name].dropna().astype("str").unique() for name in frame.select_dtypes(["object", "str"]))
    return frozenset(word for column in texts for text in column for word in re.findall(r"\w+", text.lower()))


def suite_digest(suite: Any) -> str:
    """The digest of what the suite asks: its JSON without ids and without the engine's version."""
    document = suite.to_json_dict()
    lines = [{key: value for key, value in line.items() if key != "id"} for line in document["expectations"]]
    return digest_value({"name": document["name"], "expectations": lines})


@dataclass(frozen=True, slots=True)
class _Answer:
    checked: list[Checked]
    raised: tuple[str, ...] = ()


def _checked(lines: Sequence[Any], frame: pd.DataFrame) -> tuple[list[Checked], tuple[str, ...]]:
    """All answers, and what went wrong outside a single line."""
    present = set(frame.columns)
    schema = [line for line in lines if line.meta["schema"] and present.issuperset(line.meta["reads"])]
    with _ONE_AT_A_TIME:
        ask = _batch(frame)
        first = _ask(ask, schema)
        usable = present - {item.kwargs.get("column") for item in first.checked if not item.met}
        rest = [line for line in lines if not line.meta["schema"] and usable.issuperset(line.meta["reads"])]
        second = _ask(ask, rest) if len(frame) and rest else _Answer([])
    return first.checked + second.checked, first.raised + second.raised


def _batch(frame: pd.DataFrame) -> Callable[[Any], Any]:
    """What validates a suite against the frame, on a context of its own that is never stored."""
    from expectations.custom import gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("fairgate").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": frame})
    return lambda suite: batch.validate(suite, result_format=_RESULT_FORMAT)


def _ask(validates: Callable[[Any], Any], lines: Sequence[Any]) -> _Answer:
    """The answers to these lines. An engine that raises, or leaves a line out, is an error and never a pass."""
    from expectations.custom import gx

    try:
        found = validates(gx.ExpectationSuite(name="lines", expectations=list(lines))).results
    except Exception as error:  # noqa: BLE001 - whatever the engine raises, the data has not been checked
        return _Answer([], (f"Great Expectations could not evaluate {len(lines)} lines: {type(error).__name__}",))
    left_out = len(lines) - len(found)
    return _Answer(list(_read(found)), (f"{left_out} lines were not evaluated",) if left_out else ())


def _read(results: Sequence[Any]) -> Iterator[Checked]:
    for item in results:
        config = item.expectation_config
        yield Checked(
            type=config.type,
            name=config.meta["name"],
            column=config.meta["column"],
            required=config.meta["required"],
            severity=Severity(getattr(config.severity, "value", config.severity)),
            kwargs=config.kwargs,
            met=bool(item.success),
            result=dict(item.result or {}),
            exception=exception_in(item.exception_info),
        )
