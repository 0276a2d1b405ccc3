"""One comparison before it is put into a `Disparity`: what is compared, what came out, and how it is said.

A `Finding` is the numbers; `Compared` is a finding and whom it is about. The verdict of a bounded comparison waits
until the whole family of the plan has been tested (`audits.family`), so that comparisons are collected first and
concluded together.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits import wording
from audits.plan import AuditPlan, Comparison
from audits.result import Disparity, GroupEstimate, Interval, Verdict
from audits.verdicts import Counts, bound_crossed, excludes_no_difference, shortfall, verdict


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of METRICS or WORST_CASES, how it is compared, and the plan's bound (None: none declared)."""

    metric: str
    comparison: Comparison
    bound: float | None = None

    @property
    def name(self) -> str:
        """The field's name."""
        if (self.metric, self.comparison) == ("selection_rate", Comparison.RATIO):
            return "impact_ratio"
        return f"{self.metric}_{self.comparison}"

    def crossed(self, group: Counts, reference: Counts) -> bool:
        """Is the bound crossed? Never without one."""
        return self.bound is not None and bound_crossed(group, reference, self.comparison, self.bound)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison gave. `impossible` says why there is no number, `missing` why there is too little evidence.

    `p` tests no difference, in [0, 1]; `adjusted_p` is Holm's over `comparisons` of them. Where there is an adjusted
    p, it decides whether no difference is excluded; elsewhere (no bound, family "none", no p) the interval does.
    """

    measure: Measure
    value: float | None = None
    interval: Interval | None = None
    crossed: bool = False
    missing: str | None = None
    impossible: str | None = None
    p: float | None = None
    adjusted_p: float | None = None
    comparisons: int = 0
    corrected: float | None = None
    detectable: float | None = None

    @property
    def excludes(self) -> bool:
        """Is no difference excluded?"""
        if self.adjusted_p is None or self.interval is None:
            return self.interval_excludes
        return self.adjusted_p <= wording.level(self.interval.confidence)

    @property
    def interval_excludes(self) -> bool:
        """Does the interval by itself exclude no difference?"""
        return excludes_no_difference(self.interval, self.measure.comparison)

    @property
    def verdict(self) -> Verdict:
        """The verdict, by the truth table of `audits.verdicts`."""
        return verdict(
            crossed=self.crossed,
            excludes=self.excludes,
            enough=self.missing is None,
            estimable=self.impossible is None,
        )

    def said(self, where: str) -> str:
        """The finding in words: `selection_rate ratio 0.71 (0.64 to 0.79), sex=female against sex=male; bound ...`."""
        measure = self.measure
        what = f"{measure.metric} {measure.comparison}"
        if self.impossible:
            return f"{what} cannot be estimated, {where}: {self.impossible}"
        if self.interval is None:
            return f"{what} is not reported, {where}: {self.missing}"
        numbers = wording.numbers(measure.comparison, self.value, self.interval, measure.bound)
        return f"{what} {numbers}, {where}; {self._because(self.interval)}"

    def _because(self, interval: Interval) -> str:
        measure = self.measure
        if self.missing:
            return self.missing + wording.alone(self.p, interval.confidence)
        said = wording.judged(
            measure.comparison, bound=measure.bound, crossed=self.crossed, excludes=self.interval_excludes
        )
        if self.adjusted_p is None:
            return said
        return said + wording.together(
            self.adjusted_p, self.comparisons, interval.confidence, interval_excludes=self.interval_excludes
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """A finding and whom it is about; `group` empty: over all counted groups.

    `where` names the groups in words and `tail` ends the reason. `counts` are (events, n) of group and reference, from
    which p and what could have been seen are computed. `families` are the estimates of the groups that a worst case
    was taken over, a family per metric. `spread` is the standard error of a difference that has no counts (of scores,
    for example). `sized` is True where both groups (or two of them all) reach the plan's
    minimum of rows: the comparison then belongs to the family, whatever was found. `chosen`: the data chose the
    reference by its rate. `at` names the class of a one-vs-rest comparison.
    """

    finding: Finding
    features: tuple[str, ...]
    where: str
    group: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    n: int = 0
    events: int = 0
    min_n: int = 0
    counts: tuple[Counts, Counts] | None = None
    families: tuple[tuple[GroupEstimate, ...], ...] = ()
    spread: float | None = None
    sized: bool = False
    chosen: bool = False
    tail: str = ""
    at: str | None = None

    def disparity(self) -> Disparity:
        """The comparison with its verdict and the reason in words."""
        finding = self.finding
        return Disparity(
            name=finding.measure.name,
            metric=finding.measure.metric,
            comparison=finding.measure.comparison,
            features=self.features,
            group=self.group,
            reference=self.reference,
            value=finding.value,
            interval=finding.interval,
            bound=finding.measure.bound,
            verdict=finding.verdict,
            reason=finding.said(self.where) + self.tail,
            n=self.n,
            events=self.events,
            min_n=self.min_n,
            p=finding.p,
            adjusted_p=finding.adjusted_p,
            corrected=finding.corrected,
            detectable=finding.detectable,
            at=self.at,
        )


def too_little(group: Counts, reference: Counts, plan: AuditPlan) -> str | None:
    """What the two groups lack of the plan's minimum of rows and events."""
    return shortfall(group, reference, min_n=plan.min_group_size, min_events=plan.min_events)
