"""The suite for data of a binary decision, as code: one line per expectation, a severity on every line.

Critical blocks, a warning needs a sign-off, info is reported. Every line carries in its meta what it is called, what
it requires in words, which columns it reads (a line on a missing column is not evaluated) and whether it belongs to
the schema, which is checked first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from expectations.columns import required_columns, roles_of
from expectations.groups import declared_levels, known_values
from expectations.result import GroupColumn, Severity, SuiteSpec
from expectations.text import forms

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def build(spec: SuiteSpec) -> ExpectationSuite:
    """The suite of `spec`. The same spec gives the same suite in every process."""
    from expectations.custom import gx

    values = [*_ranges(spec), *_positive(spec), *_categories(spec)]
    lines = [*_schema(spec), *_label(spec), *_nulls(spec), *values, *_groups(spec), *_key(spec)]
    return gx.ExpectationSuite(name=spec.name, expectations=lines)


def _meta(name: str, required: str, *reads: str, column: str | None = None, schema: bool = False) -> dict[str, Any]:
    """`reads` are columns of the frame; `column` is what the line is about, as the file names it."""
    return {"name": name, "required": required, "reads": list(reads), "column": column, "schema": schema}


def _schema(spec: SuiteSpec) -> Iterator[Any]:
    from expectations.custom import gx

    expect = gx.expectations
    rows = max(1, spec.min_rows)
    yield expect.ExpectTableRowCountToBeBetween(
        min_value=rows, severity=CRITICAL, meta=_meta("enough rows", f"at least {rows} rows", schema=True)
    )
    for column in required_columns(spec):
        meta = _meta("column present", "the column is in the file", column=column, schema=True)
        yield expect.ExpectColumnToExist(column=column, severity=CRITICAL, meta=meta)
    roles = roles_of(spec)
    for column in roles.numbers:
        name = roles.number_name(column)
        meta = _meta("numbers", "the column holds numbers", name, column=column, schema=True)
        yield expect.ExpectColumnValuesToBeOfType(column=name, type_="float64", severity=CRITICAL, meta=meta)


def _label(spec: SuiteSpec) -> Iterator[Any]:
    from expectations.custom import ExpectFavourableLabel, gx

    expect, label = gx.expectations, spec.label
    if label is None:
        return
    two = spec.most_labels == 2
    name, required = ("two label values", "exactly two values") if two else ("label values", f"2 to {spec.most_labels}")
    yield expect.ExpectColumnUniqueValueCountToBeBetween(
        column=label,
        min_value=2,
        max_value=spec.most_labels,
        severity=CRITICAL,
        meta=_meta(name, required, label, column=label),
    )
    yield ExpectFavourableLabel(
        column=label,
        favourable=spec.favourable,
        severity=CRITICAL,
        meta=_meta("favourable label", "the favourable value occurs", label, column=label),
    )
    if spec.label_values:
        yield _known(label, spec.label_values, "label domain")


def _nulls(spec: SuiteSpec) -> Iterator[Any]:
    """Label, key, weight may never be missing. A sensitive value may, with a sign-off: such people are in no group."""
    sensitive = {*(group.column for group in spec.features()), *spec.probabilities}
    for column in required_columns(spec):
        if column in (spec.label, *spec.key, *spec.filled, *spec.weights):
            yield _not_null(column, 0.0, CRITICAL)
        elif column in sensitive:
            yield _not_null(column, 0.0, INFO if column in spec.nullable else WARNING)
        elif column not in spec.nullable:
            yield _not_null(column, spec.max_null_share, CRITICAL)


def _not_null(column: str, share: float, severity: Severity) -> Any:
    from expectations.custom import gx

    required = f"at most {share:.4g} of the rows without a value" if share else "no row without a value"
    return gx.expectations.ExpectColumnValuesToNotBeNull(
        column=column,
        # 1 - 0.07 is a little more than 0.93 in binary: the declared share itself must still pass.
        mostly=round(1 - share, 12),
        severity=severity,
        meta=_meta("share of nulls" if share else "no nulls", required, column, column=column),
    )


def _ranges(spec: SuiteSpec) -> Iterator[Any]:
    from expectations.custom import gx

    roles = roles_of(spec)
    shares = ((column, 0.0, 1.0) for column in spec.probabilities)
    for column, low, high in (*spec.ranges, *shares):
        name = roles.number_name(column)
        if low is None and high is None:
            continue
        yield gx.expectations.ExpectColumnValuesToBeBetween(
            column=name,
            min_value=None if low is None else float(low),
            max_value=None if high is None else float(high),
            severity=CRITICAL,
            meta=_meta("range", _range_words(low, high), name, column=column),
        )


def _positive(spec: SuiteSpec) -> Iterator[Any]:
    """A weight of 0 would leave a person out, an infinite one everybody else."""
    from expectations.custom import gx

    for column in spec.weights:
        name = roles_of(spec).number_name(column)
        yield gx.expectations.ExpectColumnValuesToBeBetween(
            column=name,
            min_value=0.0,
            strict_min=True,
            max_value=sys.float_info.max,
            severity=CRITICAL,
            meta=_meta("weights", "above 0 and finite", name, column=column),
        )


def _range_words(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"


def _categories(spec: SuiteSpec) -> Iterator[Any]:
    """A value that the plan does not know was never seen by the model, or is a group that nobody decided about."""
    for column, values in spec.categories:
        yield _known(column, values, "known categories")
    for group in spec.features():
        if values := known_values(group):
            yield _known(group.column, values, "known levels")


def _known(column: str, values: Sequence[str], name: str) -> Any:
    from expectations.custom import gx

    return gx.expectations.ExpectColumnValuesToBeInSet(
        column=column,
        value_set=list(forms(values)),
        severity=CRITICAL,
        meta=_meta(name, f"one of {len(values)} declared values", column, column=column),
    )


def _groups(spec: SuiteSpec) -> Iterator[Any]:
    from expectations.custom import ExpectGroupsToBeLargeEnough, ExpectSeveralGroups

    for group in spec.groups:
        given = _feature(spec, group)
        reads = (given["column"], *((spec.label,) if spec.label is not None else ()))
        yield ExpectSeveralGroups(
            **given,
            severity=CRITICAL,
            meta=_meta("several groups", f"at least two groups of {group.name}", *reads, column=group.column),
        )
        for name, counted, minimum in (
            ("enough rows per group", "rows", spec.min_group_size),
            ("enough favourable labels per group", "favourable", spec.min_events),
        ):
            if counted == "favourable" and spec.label is None:
                continue
            yield ExpectGroupsToBeLargeEnough(
                **given,
                counted=counted,
                minimum=minimum,
                severity=WARNING,
                meta=_meta(name, f"at least {minimum} in every group of {group.name}", *reads, column=group.column),
            )


def _feature(spec: SuiteSpec, group: GroupColumn) -> dict[str, Any]:
    return {
        "column": roles_of(spec).number_name(group.column) if group.cuts else group.column,
        "cuts": list(group.cuts),
        "labels": list(group.labels),
        "merge": [[level, list(values)] for level, values in group.merge],
        "unknown": list(group.unknown),
        "declared": list(declared_levels(group)),
        "label": spec.label,
        "favourable": spec.favourable,
    }


def _key(spec: SuiteSpec) -> Iterator[Any]:
    from expectations.custom import gx

    expect = gx.expectations
    if len(spec.key) == 1:
        yield expect.ExpectColumnValuesToBeUnique(
            column=spec.key[0],
            severity=CRITICAL,
            meta=_meta("no duplicate keys", "every key once", *spec.key, column=spec.key[0]),
        )
    elif spec.key:
        yield expect.ExpectCompoundColumnsToBeUnique(
            column_list=list(spec.key),
            severity=CRITICAL,
            meta=_meta("no duplicate keys", "every combination once", *spec.key, column=", ".join(spec.key)),
        )
