"""What the rows without a sensitive value could do to the selection rates, and whether they are missing by chance.

Were all m unknown rows in one group, its rate would lie between s / (n + m) (none of them selected) and
(s + m) / (n + m) (all of them): worst-case bounds, as in Manski 1995. Where values are missing more often among the
rejected (or the selected), the rates of the known rows mislead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from audits.metrics import METRICS
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cells, UnknownBounds
from audits.share import Row, Share
from audits.significance import p_value
from audits.verdicts import Counts


def unknown_bounds(cells: Cells, plan: AuditPlan) -> tuple[UnknownBounds, ...]:
    """The bounds of every known level of every sensitive feature that has unknown rows, in the plan's order.

    `missing_p` tests whether unknown rows are selected as often as known ones: chi-square with one degree of freedom
    (Fisher's exact test where fewer than 5 are expected); None where all rows are unknown. Weights: rates of weighted
    rows, and the test on effective counts, of rows known by probabilities no more than they are surely worth.
    """
    return tuple(bounds for feature in plan.sensitive_features for bounds in _of_feature(cells, feature.name))


def _of_feature(cells: Cells, feature: str) -> list[UnknownBounds]:
    rows = _rows(cells, feature)
    missing = rows.pop(UNKNOWN, [])
    if not missing:
        return []
    weighted = cells.weighted or cells.shared
    unknown = _share(missing)
    known = _together(rows, cells, unknown.n)
    p = p_value(_counts(unknown, weighted=weighted), _counts(known, weighted=weighted))
    return [_bounds(feature, level, _share(rows[level]), unknown, p) for level in sorted(rows)]


def _bounds(feature: str, level: str, share: Share, unknown: Share, p: float | None) -> UnknownBounds:
    total = share.weight + unknown.weight
    return UnknownBounds(
        feature=feature,
        level=level,
        n=share.n,
        unknown=unknown.n,
        lower=share.weight_events / total,
        upper=min(1.0, (share.weight_events + unknown.weight) / total),
        missing_p=p,
    )


def _rows(cells: Cells, feature: str) -> dict[str, list[Row]]:
    position = cells.features.index(feature)
    found: dict[str, list[Row]] = defaultdict(list)
    for cell in cells.cells:
        found[cell.levels[position]].append(Row(cell.outcome, cell.prediction, cell.n, cell.weight, cell.squares))
    return found


def _together(rows: dict[str, list[Row]], cells: Cells, unknown: int) -> Share:
    """The share of all known rows; by probabilities a row is in up to every level, and counts once.

    Its weight is then the sum of its parts; its square at most as many times the sum of their squares as there are
    levels (Cauchy and Schwarz): the rows may be worth more than this, never less.
    """
    share = _share([row for level in rows.values() for row in level])
    if not cells.shared:
        return share
    most = len(rows)
    return replace(
        share,
        squares_events=most * share.squares_events,
        squares=most * share.squares,
        people=cells.row_count - unknown,
    )


def _share(rows: Sequence[Row]) -> Share:
    return METRICS["selection_rate"].share(rows)


def _counts(share: Share, *, weighted: bool) -> Counts:
    if not weighted or share.value is None or share.effective_n is None:
        return share.events, share.n
    return share.value * share.effective_n, share.effective_n
