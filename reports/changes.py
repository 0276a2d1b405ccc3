"""What changed since the last version that was released here: two records side by side. Pure.

Both sides are printed as their own records have them; nothing is estimated between them. Two intervals that do not
overlap say more than two that do, and neither is a test of the difference between the versions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from audits.plan import AuditPlan, Comparison
from audits.result import AuditResult, Disparity, GroupEstimate, Interval, Verdict
from expectations.result import DataValidation
from reports.earlier import Earlier
from reports.evidence import CaseEvidence
from reports.terms import quantity_label
from reports.words import (
    DASH,
    bound_text,
    count,
    disparity_interval,
    disparity_value,
    group_name,
    listed,
    metric_label,
    moment,
    people,
    printable,
    share,
)

ABSENT = "none recorded"
_RANK = {
    Verdict.ADVERSE: 0,
    Verdict.WATCH: 1,
    Verdict.INSUFFICIENT: 2,
    Verdict.NOT_ESTIMABLE: 2,
    Verdict.NO_INDICATION: 3,
}
SHOWN = 24
_SHORT = 19


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing of both versions. `same` False: it changed. `code`: a digest, printed as one."""

    label: str
    before: str
    now: str
    same: bool
    code: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """One comparison in one version; a dash and no verdict where it was not made."""

    verdict: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One comparison, and in words what is different. `both` versions made it; `moved`: its verdict is another one.

    `metric` is empty where the name says it.
    """

    name: str
    metric: str
    where: str
    before: Side
    now: Side
    words: str
    both: bool
    moved: bool


@dataclass(frozen=True, slots=True)
class SizeRow:
    """How many people of one group were measured, with their share of all rows."""

    group: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Changes:
    """This version beside the earlier one. `earlier` is empty where there is none, and `words` then say so.

    `rows` are comparisons with a bound in either version, the most serious change first; a page shows `shown` of them.
    """

    words: tuple[str, ...]
    earlier: str
    now: str
    facts: tuple[Fact, ...] = ()
    rows: tuple[ChangeRow, ...] = ()
    sizes: tuple[SizeRow, ...] = ()
    shown: int = SHOWN


def changes(evidence: CaseEvidence) -> Changes:
    """What changed since the last version that was released to this target before."""
    case, before = evidence.case, evidence.earlier
    now = f"Version {printable(case.subject.version)}"
    if before is None:
        name, where = printable(case.subject.name), printable(case.target)
        words = f"There is no earlier signed version of {name} as {where}: nothing to compare this one with."
        return Changes((words,), "", now)
    rows = tuple(compared(before.audit, evidence.audit)) if before.audit and evidence.audit else ()
    return Changes(
        words=(_since(before), *_summary(before, evidence, rows)),
        earlier=f"Version {printable(before.version)}",
        now=now,
        facts=tuple(_facts(before, evidence)),
        rows=rows,
        sizes=tuple(_sizes(before.audit, evidence.audit)) if before.audit and evidence.audit else (),
    )


def _since(before: Earlier) -> str:
    what = f"Compared with version {printable(before.version)}"
    when = f"on {moment(before.time)} (ledger entry {before.seq})"
    who = f", approved by {listed(tuple(printable(name) for name in before.signers))}" if before.signers else ""
    if before.released:
        return f"{what}, which was released here {when}{who or ', without a signature'}."
    return f"{what}, which was approved {when} and is not recorded as released{who}."


def _summary(before: Earlier, evidence: CaseEvidence, rows: tuple[ChangeRow, ...]) -> Iterator[str]:
    if before.audit is None or evidence.audit is None:
        missing = "the earlier version" if before.audit is None else "this version"
        yield f"No audit is recorded for {missing}, so no number can be compared."
        return
    moved = [row for row in rows if row.moved]
    both = sum(bool(row.before.verdict and row.now.verdict) for row in rows)
    yield f"{count(both)} comparisons with a bound were made of both; {count(len(moved))} have another verdict now."
    if before.audit.data_digest != evidence.audit.data_digest:
        yield "Other data was measured: a number can differ because of the data, the model, or both."
    if before.audit.plan_digest != evidence.audit.plan_digest:
        yield "Another plan was followed: what was measured, and when it counts as too little, can differ."


# --- facts ------------------------------------------------------------------------------------------------------------


def _facts(before: Earlier, evidence: CaseEvidence) -> Iterator[Fact]:
    old, new = before.audit, evidence.audit
    shown = evidence.case.shown()
    yield _digest("Model files", before.digest, evidence.case.subject.digest)
    yield _digest("Audited data", old.data_digest if old else None, shown.data_digest)
    yield _fact("Rows measured", *(count(x.row_count) if x else ABSENT for x in (old, new)))
    yield _digest("Audit plan", old.plan_digest if old else None, new.plan_digest if new else None)
    yield from _plan_facts(old, new, before.plan, evidence.plan)
    named = f"{before.policy.name} {before.policy.version}" if before.policy else "kept no more"
    yield _fact("Policy", printable(named), printable(f"{evidence.policy.name} {evidence.policy.version}"))
    yield _digest("Digest of the policy", before.policy_digest, shown.policy_digest)
    yield _fact("Data quality", _quality(before.validation), _quality(evidence.validation))
    tallies = [x.verdicts() if x else {} for x in (old, new)]
    for verdict in Verdict:
        numbers = (count(tally[verdict]) if tally else ABSENT for tally in tallies)
        yield _fact(f"Comparisons: {verdict.value}", *numbers)
    yield from _versions(old, new)


def _plan_facts(
    old: AuditResult | None, new: AuditResult | None, plan_then: AuditPlan | None, plan_now: AuditPlan | None
) -> Iterator[Fact]:
    """What the plans asked for, as the results show it; only what cannot be seen there is read from the plans."""
    yield _fact("Sensitive features", *(_features(x) for x in (old, new)))
    yield _fact("Measured together", *(_together(x) for x in (old, new)))
    if plan_then and plan_now:
        controls = (tuple(printable(item.name) for item in x.control_features) for x in (plan_then, plan_now))
        yield _fact("Control features", *(listed(names) or "none" for names in controls))
        yield _fact("Favourable outcome", printable(plan_then.favourable), printable(plan_now.favourable))
    yield _fact("Bounds", *(_bounds(x) for x in (old, new)))
    least = (f"{x.min_group_size} people and {x.min_events} events" if x else ABSENT for x in (old, new))
    yield _fact("Least evidence to compare", *least)
    yield _fact("Confidence of intervals", *(f"{x.confidence:.0%}" if x else ABSENT for x in (old, new)))


def _versions(old: AuditResult | None, new: AuditResult | None) -> Iterator[Fact]:
    """What measured, where that is not the same."""
    sides = [dict(x.environment) if x else {} for x in (old, new)]
    for name in dict.fromkeys((*sides[0], *sides[1])):
        before, now = (printable(side.get(name, ABSENT)) for side in sides)
        if old and new and before != now:
            yield _fact(f"Measured with {printable(name)}", before, now)


def _fact(label: str, before: str, now: str) -> Fact:
    return Fact(label, before, now, before == now)


def _digest(label: str, before: str | None, now: str | None) -> Fact:
    """Shortened: whether it is the same is said beside it, and the record has all of it."""
    return Fact(label, _short(before), _short(now), before == now, code=True)


def _short(digest: str | None) -> str:
    if digest is None:
        return ABSENT
    return f"{digest[:_SHORT]}…" if len(digest) > _SHORT else digest


def _features(audit: AuditResult | None) -> str:
    return listed(tuple(printable(name) for name in audit.features)) if audit else ABSENT


def _together(audit: AuditResult | None) -> str:
    if audit is None:
        return ABSENT
    found = dict.fromkeys(item.features for item in audit.estimates if len(item.features) > 1)
    return "; ".join(" × ".join(map(printable, names)) for names in found) or "none"


def _bounds(audit: AuditResult | None) -> str:
    if audit is None:
        return ABSENT
    bounds = [item for item in audit.disparities if item.bound is not None]
    said = dict.fromkeys(
        f"{metric_label(item.metric).lower()} {item.comparison.value} {bound_text(item.comparison, item.bound)}"
        for item in bounds
    )
    return "; ".join(said) or "none"


def _quality(validation: DataValidation | None) -> str:
    if validation is None:
        return ABSENT
    unmet = f"{len(validation.failed)} of {count(validation.evaluated)} expectations not met"
    return f"{validation.outcome.value}, {unmet}"


# --- comparisons ------------------------------------------------------------------------------------------------------

_Key = tuple[str, tuple[str, ...], tuple[str, ...], str | None]


def compared(old: AuditResult, new: AuditResult) -> Iterator[ChangeRow]:
    """Comparisons with a bound in either version, the most serious now first, what stayed the same last."""
    then, now = _bounded(old), _bounded(new)
    pairs = [(then.get(key), now.get(key)) for key in dict.fromkeys((*now, *then))]
    for before, after in sorted(pairs, key=_order):
        yield _row(before, after)


def _bounded(audit: AuditResult) -> Mapping[_Key, Disparity]:
    return {
        (item.name, item.features, item.group, item.at): item for item in audit.disparities if item.bound is not None
    }


def _order(pair: tuple[Disparity | None, Disparity | None]) -> tuple[bool, int, int, float]:
    before, now = pair
    same = bool(before and now and before.verdict is now.verdict)
    return same, _RANK[now.verdict] if now else 4, -(_RANK[before.verdict] if before else -1), _nearness(now or before)


def _nearness(item: Disparity | None) -> float:
    """How near to no difference, either way: the less, the worse."""
    if item is None or item.value is None:
        return math.inf
    if item.comparison is Comparison.DIFFERENCE:
        return 1 - abs(item.value)
    return min(item.value, 1 / item.value) if item.value > 0 else 0.0


def _row(before: Disparity | None, now: Disparity | None) -> ChangeRow:
    known = now or before
    if known is None:
        raise ValueError("a comparison of neither version")
    groups = group_name(known.features, known.group)
    where = f"{groups} against {group_name(known.features, known.reference)}" if known.group else groups
    return ChangeRow(
        name=quantity_label(known.name),
        metric=_metric(known),
        where=where,
        before=_side(before),
        now=_side(now),
        words=_words(before, now),
        both=bool(before and now),
        moved=bool(before and now and before.verdict is not now.verdict),
    )


def _metric(item: Disparity) -> str:
    metric = "" if item.metric in item.name else metric_label(item.metric)
    return ", ".join(filter(None, (metric, printable(item.at) if item.at else "")))


def _side(item: Disparity | None) -> Side:
    return Side(item.verdict.value, disparity_value(item), disparity_interval(item)) if item else Side("", DASH, "")


def _words(before: Disparity | None, now: Disparity | None) -> str:
    if before is None:
        return "Not compared in the earlier version."
    if now is None:
        return "Not compared in this version."
    said = [] if before.verdict is now.verdict else [f"Was {before.verdict.value}, is {now.verdict.value}."]
    if before.bound != now.bound:
        said.append(f"Another bound: was {bound_text(before.comparison, before.bound)}.")
    if before.reference != now.reference:
        said.append(f"Another reference: was {group_name(before.features, before.reference)}.")
    if (apart := _apart(before.interval, now.interval)) and not (before.suppressed or now.suppressed):
        said.append(apart)
    return " ".join(said)


def _apart(before: Interval | None, now: Interval | None) -> str:
    if before is None or now is None:
        return ""
    ends = [(item.lower, math.inf if item.upper is None else item.upper) for item in (before, now)]
    overlap = max(low for low, _ in ends) <= min(high for _, high in ends)
    return "" if overlap else "The intervals do not overlap."


# --- sizes ------------------------------------------------------------------------------------------------------------


def _sizes(old: AuditResult, new: AuditResult) -> Iterator[SizeRow]:
    """The groups of single features. Where one side is suppressed the other is too: the data may be the same."""
    then, now = _groups(old), _groups(new)
    for key in dict.fromkeys((*now, *then)):
        hidden = any(side[key].suppressed for side in (then, now) if key in side)
        sides = (_size(side.get(key), audit, hidden=hidden) for side, audit in ((then, old), (now, new)))
        yield SizeRow(group_name(*key), *sides)


def _groups(audit: AuditResult) -> Mapping[tuple[tuple[str, ...], tuple[str, ...]], GroupEstimate]:
    single: Iterable[GroupEstimate] = (item for item in audit.estimates if len(item.features) == 1)
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], GroupEstimate] = {}
    for item in single:
        found.setdefault((item.features, item.group), item)
    return found


def _size(item: GroupEstimate | None, audit: AuditResult, *, hidden: bool) -> str:
    if item is None:
        return DASH
    if hidden or item.size < 0:
        return people(-1)
    return f"{count(item.size)} ({share(item.size / audit.row_count)})" if audit.row_count else count(item.size)
