"""Disparities of a model from audit to audit: what its bounded comparisons were, each with interval and bound.

The ledger names the audits; their results come from the evidence store and are printed as everywhere else. An audit
whose result is gone, or that had nothing to compare, is shown as missing: never as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from audits.plan import Comparison
from audits.result import Disparity
from governance.errors import FairgateError
from governance.evidence import EvidenceStore
from governance.inventory import AuditMark
from governance.record import MONITORING
from reports.measured import WORST_FIRST, disparity_name
from reports.summary import where
from reports.words import DASH, bound_text, disparity_interval, disparity_value, group_name, moment, printable

NEWEST = 24
"""So many audits are read: a page must not open a file for each audit of years."""
CHARTS = 8
"""So many comparisons are drawn, the worst first; the tables have all."""
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class AuditRead:
    """An audit and its bounded disparities; `problem` says why there are none to read."""

    mark: AuditMark
    disparities: tuple[Disparity, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One comparison in one audit. `value` None: no number, and `state` or `why` says the reason.

    `state` is a verdict, or `missing` where the audit's result cannot be read or does not hold the comparison.
    `against` names the groups compared: under some plans the reference is whichever group has the highest rate.
    """

    seq: int
    time: datetime
    moment: str
    version: str
    monitoring: bool
    value: float | None
    lower: float | None
    upper: float | None
    bound: float | None
    state: str
    text: str
    interval: str
    bound_words: str
    against: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """One comparison over the audits, oldest first. `ratio`: no difference is 1, else 0. `drawn`: shown as a chart.

    `either_way`: a difference of two groups, which crosses its bound below 0 as well as above.
    """

    key: str
    title: str
    where: str
    ratio: bool
    points: tuple[TrendPoint, ...]
    drawn: bool
    either_way: bool = False


@dataclass(frozen=True, slots=True)
class OverTime:
    """Comparisons over the newest audits: `read` of `known` were opened, `unread` of them could not be.

    `more` comparisons were made that are not in `trends`.
    """

    trends: tuple[Trend, ...]
    read: int
    known: int
    unread: int
    more: int
    masked: bool


def read_audits(
    store: EvidenceStore, marks: Sequence[AuditMark], *, whole: bool, newest: int = NEWEST
) -> tuple[AuditRead, ...]:
    """The newest of these audits with what they compared, oldest first.

    Not `whole`: only what may be published; counts that an audit's plan masks hide the values that rest on them.
    """
    return tuple(_read(store, mark, whole=whole) for mark in marks[-newest:])


def over_time(audits: Sequence[AuditRead], known: int, *, whole: bool, every: bool = True) -> OverTime:
    """The comparisons of these audits (oldest first), single features before intersections, the worst first.

    Not `every`: only those that are drawn; the others are counted.
    """
    found: dict[tuple[object, ...], Disparity] = {}
    for audit in audits:
        found |= {_identity(item): item for item in audit.disparities}
    ordered = sorted(found.items(), key=lambda pair: _rank(pair[1]))
    drawable = [key for key, item in ordered if len(item.features) == 1][:CHARTS]
    trends = tuple(
        _trend(f"trend-{at}", item, audits, drawn=key in drawable)
        for at, (key, item) in enumerate(ordered)
        if every or key in drawable
    )
    unread = sum(1 for item in audits if item.problem)
    return OverTime(trends, len(audits), known, unread, len(ordered) - len(trends), not whole)


def _read(store: EvidenceStore, mark: AuditMark, *, whole: bool) -> AuditRead:
    if mark.report is None:
        return AuditRead(mark, (), "the ledger names no result of this audit")
    try:
        if not store.holds(mark.report):
            return AuditRead(mark, (), "the result is not in the evidence store")
        return AuditRead(mark, _bounded(store, mark.report, whole))
    except FairgateError as error:
        return AuditRead(mark, (), f"{error}")


@lru_cache(maxsize=512)
def _bounded(store: EvidenceStore, digest: str, whole: bool) -> tuple[Disparity, ...]:  # noqa: FBT001 - a cache key
    """The bounded disparities of a result. Evidence is named by its digest, so what was read once stays true."""
    from audits.record import from_json
    from audits.suppression import published

    result = from_json(store.get(digest))
    shown = result if whole or not result.suppress_below else published(result)
    return tuple(item for item in shown.disparities if item.bound is not None)


def _identity(item: Disparity) -> tuple[object, ...]:
    return item.name, item.metric, item.features, item.group, item.at


def _rank(item: Disparity) -> tuple[bool, int, tuple[str, ...], str, tuple[str, ...]]:
    """By the newest verdict."""
    return len(item.features) > 1, WORST_FIRST.index(item.verdict), item.features, item.name, item.group


def _trend(key: str, item: Disparity, audits: Sequence[AuditRead], *, drawn: bool) -> Trend:
    identity = _identity(item)
    points = tuple(_point(audit, {_identity(x): x for x in audit.disparities}, identity) for audit in audits)
    several = len({point.against for point in points if point.against}) > 1
    groups = f"{group_name(item.features, item.group)} against its reference" if several else where(item)
    ratio = item.comparison is Comparison.RATIO
    return Trend(key, disparity_name(item), groups, ratio, points, drawn, either_way=bool(item.group) and not ratio)


def _point(audit: AuditRead, found: Mapping[tuple[object, ...], Disparity], identity: tuple[object, ...]) -> TrendPoint:
    mark, item = audit.mark, found.get(identity)
    shown = item is not None and not item.suppressed and item.value is not None
    interval = item.interval if item is not None and shown else None
    return TrendPoint(
        seq=mark.seq,
        time=mark.time,
        moment=moment(mark.time),
        version=printable(mark.version),
        monitoring=mark.purpose == MONITORING,
        value=item.value if item is not None and shown else None,
        lower=interval.lower if interval else None,
        upper=interval.upper if interval else None,
        bound=item.bound if item is not None else None,
        state=item.verdict.value if item is not None else MISSING,
        text=disparity_value(item) if item is not None else DASH,
        interval=disparity_interval(item) if item is not None and shown else "",
        bound_words=bound_text(item.comparison, item.bound) if item is not None else "",
        against=where(item) if item is not None else "",
        why=_why(audit, item),
    )


def _why(audit: AuditRead, item: Disparity | None) -> str:
    if audit.problem:
        return printable(audit.problem, 300)
    if item is None:
        return "this audit did not make this comparison, or the group was its reference"
    return ""


def spread(points: Iterable[TrendPoint]) -> tuple[float, ...]:
    """Every number that a chart of these points must have room for."""
    ends = ((item.value, item.lower, item.upper, item.bound) for item in points)
    return tuple(end for found in ends for end in found if end is not None)
