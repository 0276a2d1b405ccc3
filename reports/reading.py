"""How the numbers of a panel are read: what p allows for, what is corrected, in which order long lists stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from audits.result import AuditResult, Disparity, GroupEstimate, Verdict
from audits.wording import level

ADJUSTED, ALONE = "Adjusted p", "p"
_SIZE = re.compile(r"\(Holm, ([\d,]+) comparisons\)")
_WHOSE = {"bounds": "all bounded comparisons of the plan", "feature": "the bounded comparisons of this part alone"}


def chance_head(disparities: Sequence[Disparity]) -> str:
    """The head of the column with p beside a bound: adjusted, by itself, or empty where nothing was tested."""
    bounded = [item for item in disparities if item.bound is not None]
    if any(item.adjusted_p is not None for item in bounded):
        return ADJUSTED
    return ALONE if any(item.p is not None for item in bounded) else ""


def alone_head(disparities: Sequence[Disparity]) -> str:
    """The same for comparisons without a bound: they belong to no family."""
    return ALONE if any(item.p is not None for item in disparities if item.bound is None) else ""


def family_size(disparities: Sequence[Disparity]) -> str:
    """Over how many comparisons Holm's procedure adjusted, as the reasons say it; empty where none says it."""
    found = (_SIZE.search(item.reason) for item in disparities)
    return next((match[1] for match in found if match), "")


def reading(audit: AuditResult, disparities: Sequence[Disparity]) -> tuple[str, ...]:
    """Sentences above a table of disparities; only of what stands in it."""
    return tuple(_reading(audit, disparities))


def _reading(audit: AuditResult, disparities: Sequence[Disparity]) -> Iterator[str]:
    head, allowed = chance_head(disparities), level(audit.confidence)
    if head == ADJUSTED:
        size = family_size(disparities)
        over = f"{_WHOSE.get(audit.family, 'the family of the plan')}{f', which count as {size}' if size else ''}"
        yield (
            f"Adjusted p allows for {over} (Holm): among so many, chance alone often makes one look bad. At most"
            f" {allowed:g} excludes no difference. Each interval stands for itself."
        )
        if size:
            yield (
                f"{size} need not be the number of comparisons that have a bound: where the reference is the group with"
                " the highest rate, every pair of its groups counts, also those not printed; the same two rates under"
                " two bounds count once; a group too small to compare does not count."
            )
    elif head == ALONE:
        yield "p is of each comparison by itself: nothing allows for their number."
    if any(item.corrected is not None and not item.group for item in disparities):
        yield (
            "Without noise: the highest and the lowest of several groups lie apart by chance as well, the more so the"
            " more and the smaller the groups; this is the worst case less that part, and what a bound is held against."
        )
    if any(item.verdict is Verdict.NO_INDICATION and item.detectable is not None for item in disparities):
        yield (
            "Would have been seen: a true disparity of this size shows in 80 of 100 such samples."
            " A smaller one may be there."
        )


def order_of(estimates: Sequence[GroupEstimate], *, long: bool) -> str:
    """What the caption of a table of rates says: how it is ordered, and what weights do."""
    weighted = any(item.effective_n is not None for item in estimates)
    said = [" Rates are weighted. Counts are of rows; effective rows: so many of equal weight would vary as much."]
    ordered = [" The lowest selection rate first; groups that are not compared at the end."]
    return "".join((said if weighted else []) + (ordered if long else []))
