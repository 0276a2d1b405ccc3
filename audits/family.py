"""All comparisons of a plan tested together: p, Holm's adjustment over the declared family, and what could be seen.

**Who belongs to the family.** The plan names it before the run: every bounded comparison (`bounds`), or those of one
tuple of features (`feature`). A comparison belongs where both groups (for a worst case: two of them) have the plan's
minimum of rows. That depends on who is in the data, never on an outcome or a prediction, so given the groups the
family is fixed. A member that cannot be tested (no events, no denominator) stays in with p = 1: leaving it out would
make the others look better for a reason that the predictions gave. The same two rates under two bounds (ratio and
difference) are one hypothesis.

**A reference that the data chose** is the highest of G rates. Comparing with it is to have looked at all G (G - 1) / 2
pairs, and so many hypotheses count; a declared reference costs G - 1. (Holm's procedure with the p values of the pairs
that are not shown set to 1 rejects less than the procedure over all pairs, so it holds the level as well.)

Holm 1979 holds the chance of any false rejection at the level whatever the dependence. Lists that only screen may use
`false_discovery`, and say so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from audits import wording
from audits.finding import Compared
from audits.plan import AuditPlan, Comparison, Family
from audits.power import detectable_difference, detectable_gap, detectable_rates
from audits.result import Disparity, Verdict
from audits.significance import p_values
from audits.verdicts import rate


def concluded(found: Sequence[Compared], plan: AuditPlan) -> tuple[Disparity, ...]:
    """The disparities with p, adjusted p, verdict and what could have been seen, in the order of `found`.

    All comparisons that the plan's family holds together must come in one call.
    """
    return tuple(_with_power(item, plan).disparity() for item in _adjusted(_tested(found), plan))


def holm(p: Sequence[float], size: int | None = None) -> tuple[float, ...]:
    """Holm's adjusted p values, in the order given, each in [0, 1] (Holm 1979).

    `size`: the number of hypotheses where it is larger than len(p); the others count with p = 1 without being listed
    (statsmodels `multipletests(method="holm")` gives the same where they are, but of 1,000 groups there are half a
    million pairs). Raises ValueError for a smaller `size`.
    """
    count = len(p) if size is None else size
    if count < len(p):
        raise ValueError(f"a family of {count} cannot hold {len(p)} p values")
    adjusted, least = [1.0] * len(p), 0.0
    for rank, position in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        least = max(least, min(1.0, (count - rank) * p[position]))
        adjusted[position] = least
    return tuple(adjusted)


def false_discovery(p: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg's adjusted p values, in the order given: for lists that screen, never for a verdict.

    They hold the expected share of false ones among those listed, not the chance of any. By scipy's
    `false_discovery_control`.
    """
    from scipy.stats import false_discovery_control

    return tuple(float(value) for value in false_discovery_control(p)) if p else ()


def _tested(found: Sequence[Compared]) -> tuple[Compared, ...]:
    """With p wherever two groups with rates were compared."""
    pairs = [item.counts for item in found if item.counts]
    tested = dict(zip(pairs, p_values(pairs), strict=True))
    return tuple(
        replace(item, finding=replace(item.finding, p=tested[item.counts])) if item.counts else item for item in found
    )


def _adjusted(found: Sequence[Compared], plan: AuditPlan) -> tuple[Compared, ...]:
    members = [item for item in found if _is_member(item)]
    if plan.family is Family.NONE or not members:
        return tuple(found)
    by_feature = plan.family is Family.FEATURE
    families: dict[Hashable, list[Compared]] = defaultdict(list)
    for item in members:
        families[item.features if by_feature else ()].append(item)
    adjusted: dict[Hashable, tuple[float, int]] = {}
    for family in families.values():
        p = {_hypothesis(item): _p_of(item) for item in family}
        size = _size(family)
        adjusted |= {key: (value, size) for key, value in zip(p, holm(list(p.values()), size), strict=True)}
    return tuple(_judged(item, *adjusted[_hypothesis(item)]) if _is_member(item) else item for item in found)


def _is_member(item: Compared) -> bool:
    return item.sized and item.finding.measure.bound is not None


def _hypothesis(item: Compared) -> Hashable:
    measure = item.finding.measure
    if item.group:
        return item.at, item.features, measure.metric, item.group
    return item.at, item.features, measure.metric, measure.comparison


def _p_of(item: Compared) -> float:
    finding = item.finding
    return 1.0 if finding.p is None or finding.missing or finding.impossible else finding.p


def _size(family: Sequence[Compared]) -> int:
    """The number of hypotheses: a chosen reference stands for all pairs of its groups."""
    alone = {_hypothesis(item) for item in family if not item.chosen}
    chosen = {
        _hypothesis(item): (item.at, item.features, item.finding.measure.metric) for item in family if item.chosen
    }
    return len(alone) + sum(others * (others + 1) // 2 for others in Counter(chosen.values()).values())


def _judged(item: Compared, adjusted_p: float, size: int) -> Compared:
    finding = item.finding
    if finding.p is None or finding.missing or finding.impossible:
        return item
    return replace(item, finding=replace(finding, adjusted_p=adjusted_p, comparisons=size))


def _with_power(item: Compared, plan: AuditPlan) -> Compared:
    """With the smallest disparity that would have been seen at the level of the family, beside "no indication"."""
    finding = item.finding
    if finding.verdict is not Verdict.NO_INDICATION:
        return item
    alpha = wording.level(plan.confidence) / max(1, finding.comparisons)
    if item.counts:
        said, seen = _seen_in_pair(item, alpha)
    elif item.group:
        said, seen = _seen_by_spread(item, alpha)
    else:
        said, seen = _seen_over_all(item, alpha)
    return replace(item, finding=replace(finding, detectable=seen), tail=item.tail + said)


def _seen_in_pair(item: Compared, alpha: float) -> tuple[str, float | None]:
    (_, n1), (k2, n2) = item.counts or ((0, 1), (0, 1))
    reference = float(rate((k2, n2)))
    lower, higher = detectable_rates(n1, n2, reference, alpha)
    in_unit = _unit(item.finding.measure.comparison, reference)
    down, up = (None if found is None else in_unit(found) for found in (lower, None if item.chosen else higher))
    said = wording.detectable(item.finding.measure.comparison, (n1, n2), down, up, looked_up=not item.chosen)
    return said, up if down is None else down


def _seen_by_spread(item: Compared, alpha: float) -> tuple[str, float | None]:
    if item.spread is None:
        return "", None
    seen = detectable_difference(item.spread, alpha)
    return wording.detectable_either_way(seen), seen


def _unit(comparison: Comparison, reference: float) -> Callable[[float], float | None]:
    if comparison is Comparison.DIFFERENCE:
        return lambda found: found - reference
    return lambda found: found / reference if reference else None


def _seen_over_all(item: Compared, alpha: float) -> tuple[str, float | None]:
    families = [[(e.value or 0.0, e.effective_n or e.n) for e in family] for family in item.families]
    comparison = item.finding.measure.comparison
    seen = detectable_gap(families, alpha, comparison)
    return wording.detectable_over_all(comparison, seen), seen
