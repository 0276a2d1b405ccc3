"""An `AuditResult` as bytes and back. RFC 8785 canonical JSON: equal results have equal bytes."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from audits.plan import Comparison
from audits.result import AuditResult, Disparity, Verdict
from governance.digests import canonical_json
from governance.errors import MeasurementError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_WORST_FIRST = (Verdict.ADVERSE, Verdict.WATCH, Verdict.INSUFFICIENT, Verdict.NOT_ESTIMABLE, Verdict.NO_INDICATION)
_MEASURED = (Verdict.ADVERSE, Verdict.WATCH, Verdict.NO_INDICATION)


def to_json(result: AuditResult) -> bytes:
    """Canonical JSON. Raises ValueError for NaN and infinities: they are not evidence."""
    return canonical_json(result)


def from_json(data: bytes) -> AuditResult:
    """The result that `to_json` wrote. Raises MeasurementError where the bytes are no audit result."""
    from pydantic import ValidationError

    try:
        return _reader().validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise MeasurementError(f"This is no audit result ({where}: {first['msg']}); audit again.") from error


@cache
def _reader() -> TypeAdapter[AuditResult]:
    from pydantic import TypeAdapter

    return TypeAdapter(AuditResult)


def summary_lines(result: AuditResult, limit: int = 12) -> tuple[str, ...]:
    """The bounded disparities in words, the most serious first; at most `limit` lines, and one that says the rest."""
    lines = [f"{verdict}: {item.reason}" for verdict in _WORST_FIRST for item in widest_first(result, verdict)]
    rest = [f"and {len(lines) - limit} more"] if len(lines) > limit else []
    return (*lines[:limit], *rest)


def widest_first(result: AuditResult, verdict: Verdict) -> tuple[Disparity, ...]:
    """The bounded disparities with this verdict: single features before intersections, the farthest from no difference
    first, those without a value last."""
    return tuple(sorted(result.with_verdict(verdict), key=lambda item: (len(item.features), _closeness(item))))


def _closeness(item: Disparity) -> float:
    """1 where there is no difference, 0 or less where there could hardly be a larger one."""
    if item.value is None:
        return math.inf
    if item.comparison is Comparison.DIFFERENCE:
        return 1 - abs(item.value)
    return min(item.value, 1 / item.value) if item.value > 0 else 0.0


def measured(result: AuditResult) -> dict[str, bool]:
    """Sensitive feature -> was it measured: has a bounded disparity on it alone adverse, watch or no indication?

    "Insufficient evidence" and "not estimable" measure nothing.
    """
    found = {item.features for item in result.disparities if item.bound is not None and item.verdict in _MEASURED}
    return {name: (name,) in found for name in result.features}
