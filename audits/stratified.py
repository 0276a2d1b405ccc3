"""Does a disparity survive within the strata of a control feature? Beside every flag: Simpson's paradox is real.

    crude ratio      over all rows, as in the disparity
    adjusted ratio   Mantel and Haenszel's, pooled over strata: sum(a n0 / N) / sum(b n1 / N)
    interval         its logarithm +- z sqrt(variance of Greenland and Robins 1985, equation 13)
    association p    Cochran-Mantel-Haenszel, without continuity correction (statsmodels `StratifiedTable`)
    homogeneity p    Breslow-Day with Tarone's adjustment (1985): has every stratum the same odds ratio?
    conditional      demographic disparity as SageMaker Clarify names it: sum over strata of n_i / n times (the
    disparity        group's share of the rejected - its share of the accepted)

with a of n1 selected in the group and b of n0 in the reference, N = n1 + n0, per stratum. Rows whose control value is
unknown are a stratum of their own. Weights: effective counts stand for the rows, as in every interval.

A control feature that is itself a consequence of the sensitive one (job title, department) can explain a disparity
away that should not be: what a stratum means is for a person to judge.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audits.metrics import METRICS
from audits.plan import AuditPlan
from audits.result import UNKNOWN, Cells, Disparity, Interval, Quantity, Stratified, Verdict
from audits.share import Row
from audits.verdicts import Counts, ratio

METRIC = "selection_rate"
CONDITIONAL = "conditional_demographic_disparity"

Rows = Mapping[tuple[str, ...], Mapping[str, Sequence[Row]]]
"""Group -> stratum -> its rows."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """(selected, n) of the group and of its reference in one stratum; both have rows."""

    group: Counts
    reference: Counts

    @property
    def informative(self) -> bool:
        """Is somebody selected, and somebody not? Otherwise no odds ratio of it can be tested."""
        selected = self.group[0] + self.reference[0]
        return 0 < selected < self.group[1] + self.reference[1]


def stratified(cells: Cells, plan: AuditPlan, disparities: Sequence[Disparity]) -> tuple[Stratified, ...]:
    """Every pair of groups under a bound on the selection rate, and every flagged one, within each control feature.

    `disparities` are those of the same plan and cells; () where the plan names no control feature.
    """
    pairs = dict.fromkeys((d.features, d.group, d.reference) for d in disparities if _asks(d))
    found: list[Stratified] = []
    for control in cells.controls:
        tables = {features: _rows(cells, features, control) for features in dict.fromkeys(key[0] for key in pairs)}
        found += [_of_pair(control, *pair, tables[pair[0]], cells, plan.confidence) for pair in pairs]
    return tuple(found)


def conditional_disparity(cells: Cells, plan: AuditPlan) -> tuple[Quantity, ...]:
    """Conditional demographic disparity of every known group within each control feature, in [-1, 1].

    Above 0: the group has a larger share of the rejected than of the accepted rows, strata weighted by their rows. A
    stratum where nobody is rejected, or nobody accepted, has no such share: it is left out, and `at` counts it
    (Clarify lets a share of nobody be 0, which makes a disparity of nothing). `n` rows are in the other strata.
    """
    return tuple(
        quantity
        for control in cells.controls
        for features in plan.comparisons()
        for quantity in _conditional(_rows(cells, features, control), features, control)
    )


def mantel_haenszel(strata: Sequence[Stratum], confidence: float) -> tuple[float | None, Interval | None]:
    """The pooled ratio of rates and its interval; None where the reference, or the group, has nobody selected.

    Greenland and Robins 1985 ("Estimation of a common effect parameter from sparse follow-up data"), equation 13:
    variance of the logarithm = sum((m n1 n0 - a b N) / N^2) / (sum(a n0 / N) sum(b n1 / N)) with m = a + b. Nearly
    right both for few large and for many small strata. Raises ZeroDivisionError for an empty stratum.
    """
    upper = sum(s.group[0] * s.reference[1] / _size(s) for s in strata)
    lower = sum(s.reference[0] * s.group[1] / _size(s) for s in strata)
    if not lower:
        return None, None
    if not upper:
        return 0.0, None
    variance = sum(map(_variance_term, strata)) / (upper * lower)
    distance = _quantile(confidence) * math.sqrt(max(0.0, variance))
    pooled = upper / lower
    ends = pooled * math.exp(-distance), pooled * math.exp(distance)
    return pooled, Interval(*ends, confidence, "mantel-haenszel, greenland-robins")


def _asks(disparity: Disparity) -> bool:
    flagged = disparity.verdict in (Verdict.ADVERSE, Verdict.WATCH)
    is_pair = bool(disparity.group) and disparity.metric == METRIC
    return is_pair and (disparity.bound is not None or flagged)


def _rows(cells: Cells, features: tuple[str, ...], control: str) -> Rows:
    positions = [cells.features.index(name) for name in features]
    stratum = len(cells.features) + cells.controls.index(control)
    found: dict[tuple[str, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells.cells:
        row = Row(cell.outcome, cell.prediction, cell.n, cell.weight, cell.squares)
        found[tuple(cell.levels[position] for position in positions)][cell.levels[stratum]].append(row)
    return found


def _of_pair(
    control: str,
    features: tuple[str, ...],
    group: tuple[str, ...],
    reference: tuple[str, ...],
    rows: Rows,
    cells: Cells,
    confidence: float,
) -> Stratified:
    one, other = rows.get(group, {}), rows.get(reference, {})
    weighted = cells.weighted or cells.shared
    both = sorted(one.keys() & other.keys())
    strata = [Stratum(_counts(one[level], weighted), _counts(other[level], weighted)) for level in both]
    adjusted, interval = mantel_haenszel(strata, confidence)
    association, homogeneity = _tests(strata)
    return Stratified(
        control=control,
        features=features,
        group=group,
        reference=reference,
        strata=len(both),
        left_out=len(one.keys() | other.keys()) - len(both),
        crude=_crude(one, other, weighted),
        adjusted=adjusted,
        interval=interval,
        association_p=association,
        homogeneity_p=homogeneity,
        reason=_why_not(strata, adjusted, control),
    )


def _crude(one: Mapping[str, Sequence[Row]], other: Mapping[str, Sequence[Row]], weighted: bool) -> float | None:  # noqa: FBT001
    counted = [[row for rows in strata.values() for row in rows] for strata in (one, other)]
    if not all(counted):
        return None
    return ratio(*(_counts(rows, weighted) for rows in counted))


def _counts(rows: Sequence[Row], weighted: bool) -> Counts:  # noqa: FBT001
    share = METRICS[METRIC].share(rows)
    if not weighted or share.value is None or share.effective_n is None:
        return share.events, share.n
    return share.value * share.effective_n, share.effective_n


def _tests(strata: Sequence[Stratum]) -> tuple[float | None, float | None]:
    """(association p, homogeneity p); None where a test says nothing."""
    telling = [stratum for stratum in strata if stratum.informative]
    if not telling:
        return None, None
    import numpy as np
    from scipy.stats import chi2
    from statsmodels.stats.contingency_tables import StratifiedTable

    tables = np.array([[[k, n - k] for k, n in (s.group, s.reference)] for s in telling], dtype=float)
    # statsmodels gives 1 - cdf as p, which is 0 below 1e-16.
    association = float(chi2.sf(StratifiedTable(list(tables)).test_null_odds().statistic, 1))
    statistic = _breslow_day(tables)
    return association, None if statistic is None else float(chi2.sf(statistic, len(telling) - 1))


def _breslow_day(tables: Any) -> float | None:
    """Breslow and Day's statistic with Tarone's adjustment, of tables (strata, 2, 2); None where no common odds exist.

    statsmodels gives the same but where the pooled odds ratio is 1: its form of the root is then 0 / 0.
    """
    import numpy as np

    (a, b), (c, d) = np.moveaxis(tables, 0, 2)
    total = a + b + c + d
    lower, upper = np.sum(b * c / total), np.sum(a * d / total)
    if len(tables) < 2 or not lower or not upper:
        return None
    odds = upper / lower
    row, column = a + b, a + c
    linear = odds * (row + column) + d - a
    expected = 2 * odds * row * column / (linear + np.sqrt(linear**2 - 4 * (odds - 1) * odds * row * column))
    kinds = np.array([expected, row - expected, column - expected, d - a + expected])
    variance = 1 / np.sum(1 / kinds, axis=0)
    statistic = np.sum((a - expected) ** 2 / variance) - (a.sum() - expected.sum()) ** 2 / variance.sum()
    return max(0.0, float(statistic))


def _why_not(strata: Sequence[Stratum], adjusted: float | None, control: str) -> str | None:
    if not strata:
        return f"no level of {control} has rows of both groups"
    if adjusted is None:
        return "nobody of the reference is selected in these strata"
    return None if adjusted else "nobody of the group is selected in these strata: the ratio has no interval"


def _variance_term(stratum: Stratum) -> float:
    (a, n1), (b, n0) = stratum.group, stratum.reference
    return ((a + b) * n1 * n0 - a * b * (n1 + n0)) / (n1 + n0) ** 2


def _size(stratum: Stratum) -> float:
    return stratum.group[1] + stratum.reference[1]


def _quantile(confidence: float) -> float:
    from scipy.stats import norm

    return float(norm.isf((1 - confidence) / 2))


def _conditional(rows: Rows, features: tuple[str, ...], control: str) -> list[Quantity]:
    totals = _totals(rows)
    usable = {level for level, (rejected, accepted, _) in totals.items() if rejected and accepted}
    weight = sum(sum(totals[level][:2]) for level in usable)
    n = sum(totals[level][2] for level in usable)
    left_out = f", {len(totals) - len(usable)} of {len(totals)} strata left out" if len(usable) < len(totals) else ""
    known = sorted(group for group in rows if UNKNOWN not in group)
    return [
        Quantity(
            metric=CONDITIONAL,
            features=features,
            group=group,
            n=n,
            value=sum(_weighted_gap(rows[group], totals, level) for level in usable) / weight if usable else None,
            at=f"within {control}{left_out}",
            reason=None if usable else f"no level of {control} has both rejected and accepted rows",
        )
        for group in known
    ]


def _weighted_gap(group: Mapping[str, Sequence[Row]], totals: Mapping[str, tuple[float, float, int]], at: str) -> float:
    rejected, accepted, _ = totals[at]
    mine_rejected, mine_accepted, _ = _split(group.get(at, ()))
    return (rejected + accepted) * (mine_rejected / rejected - mine_accepted / accepted)


def _totals(rows: Rows) -> dict[str, tuple[float, float, int]]:
    """Stratum -> (weight of the rejected, of the accepted, number of rows), unknown groups included."""
    found: dict[str, list[Row]] = defaultdict(list)
    for strata in rows.values():
        for level, these in strata.items():
            found[level] += these
    return {level: _split(found[level]) for level in sorted(found)}


def _split(rows: Sequence[Row]) -> tuple[float, float, int]:
    rejected = math.fsum(row.w for row in rows if not row.prediction)
    return rejected, math.fsum(row.w for row in rows if row.prediction), sum(row.n for row in rows)
