"""One comparison before it is put into a `Disparity`: what is compared, what came out, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass

from audits import wording
from audits.plan import AuditPlan, Comparison
from audits.result import Interval, Verdict
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
    """What a comparison gave. `impossible` says why there is no number, `missing` why there is too little evidence."""

    measure: Measure
    value: float | None = None
    interval: Interval | None = None
    crossed: bool = False
    missing: str | None = None
    impossible: str | None = None

    @property
    def excludes(self) -> bool:
        """Does the interval exclude no difference?"""
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
        because = self.missing or wording.judged(
            measure.comparison, bound=measure.bound, crossed=self.crossed, excludes=self.excludes
        )
        return f"{what} {numbers}, {where}; {because}"


def too_little(group: Counts, reference: Counts, plan: AuditPlan) -> str | None:
    """What the two groups lack of the plan's minimum of rows and events."""
    return shortfall(group, reference, min_n=plan.min_group_size, min_events=plan.min_events)
