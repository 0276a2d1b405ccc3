"""Expectations that bias audits need and Great Expectations does not have: enough people in every group.

Importing this module imports Great Expectations (seconds, a quarter of a gigabyte): do it inside functions.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any, ClassVar

from expectations.groups import Sizes, group_sizes, in_words, is_favourable, too_small
from expectations.result import GroupColumn

_SPARK = ("pyspark", "pyspark.sql.connect")
_hidden = {name: sys.modules.pop(name) for name in _SPARK if name in sys.modules}
# Rows are checked in pandas. Where pyspark is installed Great Expectations imports all of it, with its warnings; and
# without grpc pyspark.sql.connect ends a process without a main file (python -c) with code 0: a gate that says nothing.
sys.modules.update(dict.fromkeys(_SPARK))  # type: ignore[arg-type] # None: an import of it is an ImportError
try:
    with warnings.catch_warnings():
        # Great Expectations imports sre_constants and sre_parse, which Python 3.11 deprecates.
        warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
        import great_expectations as gx
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.expectations.expectation import BatchExpectation
        from great_expectations.expectations.metrics.metric_provider import metric_value
        from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
finally:
    for _name in _SPARK:
        del sys.modules[_name]
    sys.modules.update(_hidden)

# It logs every temporary folder that it makes: nobody who runs a gate wants to read that.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)

__all__ = ["ExpectFavourableLabel", "ExpectGroupsToBeLargeEnough", "ExpectSeveralGroups", "gx"]

_METRIC = "table.group_sizes"
_FAVOURABLE = "table.favourable_rows"
_FEATURE = ("column", "cuts", "labels", "merge", "unknown", "label", "favourable")


class GroupSizes(TableMetricProvider):  # type: ignore[misc]
    """Level -> [rows, rows with the favourable label], in pandas; the table has one row per decided case."""

    metric_name = _METRIC
    value_keys = _FEATURE

    @metric_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls,  # noqa: N805 - the decorator makes a class method of it
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> Sizes:
        frame, _, _ = execution_engine.get_compute_domain(domain_kwargs=metric_domain_kwargs, domain_type="table")
        given = metric_value_kwargs
        feature = GroupColumn(
            name=given["column"],
            column=given["column"],
            cuts=tuple(given["cuts"]),
            labels=tuple(given["labels"]),
            merge=tuple((level, tuple(values)) for level, values in given["merge"]),
            unknown=tuple(given["unknown"]),
        )
        label, column = given["label"], frame[feature.column]
        # Without a label only the rows are asked for.
        good = column.notna().to_numpy() if label is None else is_favourable(frame[label], given["favourable"])
        return group_sizes(column, good, feature)


class FavourableRows(TableMetricProvider):  # type: ignore[misc]
    """How many rows have the favourable label, in pandas."""

    metric_name = _FAVOURABLE
    value_keys = ("column", "favourable")

    @metric_value(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(
        cls,  # noqa: N805 - the decorator makes a class method of it
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],  # noqa: ARG002
        runtime_configuration: dict[str, Any],  # noqa: ARG002
    ) -> int:
        frame, _, _ = execution_engine.get_compute_domain(domain_kwargs=metric_domain_kwargs, domain_type="table")
        return int(sum(is_favourable(frame[metric_value_kwargs["column"]], metric_value_kwargs["favourable"])))


class ExpectFavourableLabel(BatchExpectation):  # type: ignore[misc]
    """The label's favourable value occurs; else the plan names a value that this data does not use."""

    column: str
    favourable: str

    metric_dependencies: ClassVar[tuple[str, ...]] = (_FAVOURABLE,)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "favourable")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        found = metrics[_FAVOURABLE]
        return {"success": found > 0, "result": {"observed_value": found, "words": f"{found} favourable labels"}}


class _OnGroups(BatchExpectation):  # type: ignore[misc]
    """What the expectations on groups have in common: the feature (its cuts, labels and merges), the label."""

    column: str
    cuts: list[float]
    labels: list[str]
    merge: list[list[Any]]
    unknown: list[str]
    declared: list[str]
    label: str | None = None
    favourable: str

    metric_dependencies: ClassVar[tuple[str, ...]] = (_METRIC,)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)


class ExpectGroupsToBeLargeEnough(_OnGroups):
    """Every level of a sensitive feature has at least `minimum` rows (`counted` = "rows") or favourable labels.

    A declared level that does not occur has 0. No level at all does not meet it.
    """

    counted: str
    minimum: int

    success_keys: ClassVar[tuple[str, ...]] = (*_FEATURE, "declared", "counted", "minimum")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        place = 0 if self.counted == "rows" else 1
        sizes = {level: counts[place] for level, counts in metrics[_METRIC].items()}
        small = too_small(sizes, self.declared, self.minimum)
        unit = "rows" if self.counted == "rows" else "favourable labels"
        said = in_words(small, self.declared, unit) or ("every group is large enough" if sizes else "no group")
        return {
            "success": bool(sizes) and not small,
            "result": {"observed_value": len(small), "words": said},
        }


class ExpectSeveralGroups(_OnGroups):
    """A sensitive feature has at least two levels: with one group, or nothing but nulls, nothing can be compared."""

    success_keys: ClassVar[tuple[str, ...]] = _FEATURE

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002
        execution_engine: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        found = len(metrics[_METRIC])
        words = {0: "no group: every value is missing", 1: "one group only"}.get(found, f"{found} groups")
        return {"success": found >= 2, "result": {"observed_value": found, "words": words}}
