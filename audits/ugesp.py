"""Adverse impact as 29 CFR 1607.4 D counts it: four fifths of the highest rate, two standard deviations, shortfall.

Every parameter comes from the pack. What is said of a group is what the rule's arithmetic gives; it is no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from audits.impact import NOTHING, Category, categories_of, decimals, highest, impact_ratio, large_enough, percent
from audits.plan import AuditPlan
from audits.result import Cells, RuleTable
from audits.rule_packs import AdverseImpactRule
from audits.significance import fisher, standard_deviations

_NOBODY = "Nobody was selected in the groups that are compared: there is no ratio."


@dataclass(frozen=True, slots=True)
class GroupImpact:
    """One group under the rule. `compared` is False below the minimum share: then all that follows is None.

    `ratio` to the highest rate; `below` four fifths of it (exact); `deviations` is the pooled two-proportion statistic
    against the group with the highest rate (negative: selected less often); `fisher_p` the two-sided exact test, only
    where an expected count is small; `shortfall` = n * highest rate - selected, in persons; `moved` says what one
    selection more (or less) would do. The group with the highest rate is compared with nobody: None from `deviations`.
    """

    group: Category
    compared: bool
    ratio: Fraction | None = None
    below: bool | None = None
    deviations: float | None = None
    fisher_p: float | None = None
    shortfall: Fraction | None = None
    moved: str | None = None


def adverse_impact(groups: Sequence[Category], rule: AdverseImpactRule) -> tuple[GroupImpact, ...]:
    """Every group against the group with the highest rate, chosen among those that reach the minimum share."""
    total = sum(group.n for group in groups)
    compared = [group for group in groups if large_enough(group, total, rule.minimum_share)]
    top = highest(compared)
    if top is None or not top.selected or len(compared) < 2:
        return tuple(GroupImpact(group, group in compared) for group in groups)
    return tuple(
        _against(group, top, compared, rule) if group in compared else GroupImpact(group, compared=False)
        for group in groups
    )


def ugesp_tables(cells: Cells, plan: AuditPlan, rule: AdverseImpactRule) -> tuple[RuleTable, ...]:
    """One table for every sensitive feature of the plan."""
    return tuple(_table(cells, feature.name, rule) for feature in plan.sensitive_features)


def small_fisher(group: Category, reference: Category, below_expected: float) -> float | None:
    """Fisher's exact two-sided p where an expected count is below `below_expected`; None where none is."""
    pooled = Fraction(group.selected + reference.selected, group.n + reference.n)
    if min(group.n, reference.n) * min(pooled, 1 - pooled) >= below_expected:
        return None
    return fisher((group.selected, group.n), (reference.selected, reference.n))


def _against(group: Category, top: Category, compared: Sequence[Category], rule: AdverseImpactRule) -> GroupImpact:
    ratio = impact_ratio(group, top)
    if group is top:
        return GroupImpact(group, compared=True, ratio=ratio, below=False)
    return GroupImpact(
        group,
        compared=True,
        ratio=ratio,
        below=_below(group, compared, rule),
        deviations=standard_deviations((group.selected, group.n), (top.selected, top.n)),
        fisher_p=small_fisher(group, top, rule.fisher_below_expected),
        shortfall=group.n * Fraction(top.selected, top.n) - group.selected,
        moved=_moved(group, top, compared, rule),
    )


def _below(group: Category, compared: Sequence[Category], rule: AdverseImpactRule) -> bool:
    """Below four fifths of the highest rate, on exact numbers: 48 % of 60 % is not."""
    ratio = impact_ratio(group, highest(compared))
    return ratio is not None and ratio < rule.four_fifths


def _moved(group: Category, top: Category, compared: Sequence[Category], rule: AdverseImpactRule) -> str:
    """Would one different selection shift the result? (Questions and Answers 1979, 20 and 21.)

    Below four fifths, one selection goes from the highest group to this one; otherwise the other way.
    """
    below = _below(group, compared, rule)
    step = 1 if below else -1
    one, other = replace(group, selected=group.selected + step), replace(top, selected=top.selected - step)
    if not (0 <= one.selected <= one.n and 0 <= other.selected <= other.n):
        return "no selection to move"
    after = [one if item is group else other if item is top else item for item in compared]
    if _below(one, after, rule) == below:
        return "stays below" if below else "stays above"
    if not below:
        return "falls below"
    higher = Fraction(one.selected, one.n) > Fraction(other.selected, other.n)
    return "no more below, and then the higher rate" if higher else "no more below"


def _table(cells: Cells, feature: str, rule: AdverseImpactRule) -> RuleTable:
    found, unknown = categories_of(cells, (feature,))
    impacts = adverse_impact(tuple(found.values()), rule)
    limit = f"{float(rule.four_fifths):g}"
    columns = ("persons", "selected", "rate", "ratio to the highest rate", f"below {limit} of it")
    more = ("standard deviations", "Fisher p (small counts)", "shortfall", "one selection moved")
    return RuleTable(
        title=feature,
        columns=(feature, *columns, *more),
        rows=tuple(_row(impact, rule) for impact in impacts),
        notes=tuple(_notes(feature, impacts, unknown, rule)),
    )


def _row(impact: GroupImpact, rule: AdverseImpactRule) -> tuple[str, ...]:
    group = impact.group
    deviations, p = impact.deviations, impact.fisher_p
    far = "" if deviations is None or abs(deviations) <= rule.standard_deviations else " *"
    rare = "" if p is None or p >= rule.fisher_level else " *"
    return (
        group.name,
        f"{group.n:,}",
        f"{group.selected:,}",
        percent(group.rate),
        NOTHING if impact.ratio is None else decimals(impact.ratio, 4, (rule.four_fifths, Fraction(1))),
        NOTHING if impact.below is None else "yes" if impact.below else "no",
        NOTHING if deviations is None else f"{deviations:.2f}{far}",
        NOTHING if p is None else f"{p:.4f}{rare}",
        NOTHING if impact.shortfall is None else decimals(impact.shortfall, 1),
        impact.moved or NOTHING,
    )


def _notes(feature: str, impacts: Sequence[GroupImpact], unknown: int, rule: AdverseImpactRule) -> list[str]:
    names = {alias.casefold() for name, aliases in rule.features for alias in (name, *aliases)}
    small = [impact.group.name for impact in impacts if not impact.compared]
    compared = [impact.group for impact in impacts if impact.compared]
    notes = [] if feature.casefold() in names else [f"The rule does not name {feature}: computed by analogy."]
    if unknown:
        notes.append(f"{unknown:,} persons of unknown {feature} are not in this table.")
    if small:
        share = f"{float(rule.minimum_share):.3g}"
        notes.append(f"Below {share} of the persons, and therefore not compared: {', '.join(small)}.")
    if len(compared) < 2:
        notes.append("Fewer than two groups are large enough to be compared.")
    elif not any(group.selected for group in compared):
        notes.append(_NOBODY)
    else:
        notes.append(
            f"* beyond {rule.standard_deviations:g} standard deviations, or a Fisher p below {rule.fisher_level:g}"
            f" (only where an expected count is below {rule.fisher_below_expected:g})."
        )
    return notes
