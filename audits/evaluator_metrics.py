"""An audit as MLflow metrics, under names that stay: what charts are drawn of, and what thresholds hold.

    fairgate/bounded                       comparisons with a bound
    fairgate/verdict/adverse               of these, so many with each verdict (watch, no_indication, ...)
    fairgate/worst/impact_ratio            the worst value among those measured, folded: at most 1 for a ratio, at
                                           least 0 for a difference
    fairgate/impact_ratio/sex.female       every bounded comparison with a finite value
    fairgate/equalized_odds_difference/all groups.sex   a worst case over all counted groups of sex

MLflow allows letters, digits and a few signs. In another name each forbidden character becomes `_`, and a piece of the
name's SHA-256 follows, so that `<25` and `>25` stay two metrics whatever other groups there are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from audits.notebook_tables import WORST_FIRST, beyond
from audits.plan import Comparison
from audits.result import AuditResult, Disparity, Verdict
from governance.digests import digest_bytes

PREFIX = "fairgate"
BOUNDED = f"{PREFIX}/bounded"
MOST = 500
"""Comparisons logged by name, the worst ones; MLflow takes a thousand at once, and other evaluators add theirs."""

MAX_NAME = 250
"""MLflow's limit."""

_KEPT = 40
_MEASURED = (Verdict.ADVERSE, Verdict.WATCH, Verdict.NO_INDICATION)


def metrics_of(result: AuditResult) -> dict[str, float]:
    """Metric name -> value, all finite; the same groups get the same names in every run."""
    found = [item for item in result.disparities if item.bound is not None]
    named = sorted(found, key=lambda item: (WORST_FIRST.index(item.verdict), -beyond(item)))[:MOST]
    values = {metric_name(item): item.value for item in named}
    return {
        BOUNDED: float(len(found)),
        **{verdict_name(verdict): float(number) for verdict, number in result.verdicts().items()},
        **dict(_worst(found)),
        **{name: value for name, value in values.items() if value is not None and math.isfinite(value)},
    }


def verdict_name(verdict: Verdict) -> str:
    """`fairgate/verdict/no_indication`."""
    return f"{PREFIX}/verdict/{verdict.value.replace(' ', '_')}"


def metric_name(item: Disparity) -> str:
    """The name under which a comparison is logged; it depends on nothing but what is compared."""
    if item.group:
        where = [text for pair in zip(item.features, item.group, strict=True) for text in pair]
    else:
        where = ["all groups", *item.features]
    parts = map(_part, [*where, item.at] if item.at else where)
    name = f"{PREFIX}/{_part(item.name)}/{'.'.join(parts)}"
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 9]}-{_piece(name)}"


def _worst(found: list[Disparity]) -> Iterator[tuple[str, float]]:
    values: dict[tuple[str, Comparison], list[float]] = {}
    for item in found:
        if item.verdict in _MEASURED and item.value is not None:
            values.setdefault((item.name, item.comparison), []).append(_folded(item.value, item.comparison))
    for (name, comparison), folded in values.items():
        yield f"{PREFIX}/worst/{_part(name)}", min(folded) if comparison is Comparison.RATIO else max(folded)


def _folded(value: float, comparison: Comparison) -> float:
    """A ratio as the smaller rate by the larger one, a difference without its sign."""
    if comparison is Comparison.DIFFERENCE:
        return abs(value)
    return min(value, 1 / value) if value > 0 else 0.0


def _part(text: str) -> str:
    """`text` as part of a metric's name; a dot would look like the dot between two parts."""
    kept = re.sub(r"[^\w\- ]", "_", text)[:_KEPT]
    return kept if text and kept == text == text.strip() else f"{kept.strip()}-{_piece(text)}"


def _piece(text: str) -> str:
    return digest_bytes(text.encode("utf-8", "backslashreplace")).removeprefix("sha256:")[:8]
