"""An `AuditResult` as bytes and back. RFC 8785 canonical JSON: equal results have equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from audits.plan import Comparison
from audits.result import AuditResult, Disparity, GroupEstimate, Interval, Verdict
from governance.digests import canonical_json
from governance.errors import MeasurementError

_WORST_FIRST = (Verdict.ADVERSE, Verdict.WATCH, Verdict.INSUFFICIENT, Verdict.NOT_ESTIMABLE, Verdict.NO_INDICATION)
_MEASURED = (Verdict.ADVERSE, Verdict.WATCH, Verdict.NO_INDICATION)


def to_json(result: AuditResult) -> bytes:
    """Canonical JSON. Raises ValueError for NaN and infinities: they are not evidence."""
    return canonical_json(result)


def from_json(data: bytes) -> AuditResult:
    """The result that `to_json` wrote. Raises MeasurementError where the bytes are no audit result."""
    try:
        return _result(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MeasurementError(f"This is no audit result ({type(error).__name__}: {error}); audit again.") from error


def summary_lines(result: AuditResult, limit: int = 12) -> tuple[str, ...]:
    """The bounded disparities in words, the most serious first; at most `limit` lines, and one that says the rest."""
    lines = [f"{verdict}: {item.reason}" for verdict in _WORST_FIRST for item in result.with_verdict(verdict)]
    rest = [f"and {len(lines) - limit} more"] if len(lines) > limit else []
    return (*lines[:limit], *rest)


def measured(result: AuditResult) -> dict[str, bool]:
    """Sensitive feature -> was it measured: has a bounded disparity on it alone adverse, watch or no indication?

    "Insufficient evidence" and "not estimable" measure nothing.
    """
    found = {item.features for item in result.disparities if item.bound is not None and item.verdict in _MEASURED}
    return {name: (name,) in found for name in result.features}


def _result(value: Mapping[str, Any]) -> AuditResult:
    return AuditResult(
        **{
            **value,
            "features": tuple(value["features"]),
            "unknown": dict(value["unknown"]),
            "estimates": tuple(_estimate(item) for item in value["estimates"]),
            "disparities": tuple(_disparity(item) for item in value["disparities"]),
            "environment": dict(value["environment"]),
            "confidence": float(value["confidence"]),
            "notes": tuple(value["notes"]),
        }
    )


def _estimate(value: Mapping[str, Any]) -> GroupEstimate:
    return GroupEstimate(
        **{
            **value,
            "features": tuple(value["features"]),
            "group": tuple(value["group"]),
            "value": _number(value["value"]),
            "interval": _interval(value["interval"]),
        }
    )


def _disparity(value: Mapping[str, Any]) -> Disparity:
    return Disparity(
        **{
            **value,
            "comparison": Comparison(value["comparison"]),
            "features": tuple(value["features"]),
            "group": tuple(value["group"]),
            "reference": tuple(value["reference"]),
            "value": _number(value["value"]),
            "interval": _interval(value["interval"]),
            "bound": _number(value["bound"]),
            "verdict": Verdict(value["verdict"]),
        }
    )


def _interval(value: Mapping[str, Any] | None) -> Interval | None:
    if value is None:
        return None
    ends = {"lower": float(value["lower"]), "upper": _number(value["upper"]), "confidence": float(value["confidence"])}
    return Interval(**{**value, **ends})


def _number(value: float | None) -> float | None:
    """Canonical JSON writes 1.0 as 1."""
    return None if value is None else float(value)
