"""The tables of a result, one function each: `AuditResult` -> `Part`. Pure; texts are escaped by the template."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TypeVar

from audits.metrics import WORST_CASES
from audits.notebook_cells import (
    DASH,
    Column,
    Entry,
    Part,
    against,
    bar,
    count,
    disparity_value,
    group_name,
    interval_text,
    printable,
    share,
    share_interval,
    words,
)
from audits.plan import Comparison
from audits.result import (
    UNKNOWN,
    AuditResult,
    Disparity,
    Found,
    GroupEstimate,
    Quantity,
    RuleTable,
    Stratified,
    UnknownBounds,
    Verdict,
)
from audits.verdicts import NO_DIFFERENCE
from audits.wording import level, probability, rounded

WORST_FIRST = (Verdict.ADVERSE, Verdict.WATCH, Verdict.INSUFFICIENT, Verdict.NOT_ESTIMABLE, Verdict.NO_INDICATION)

SYMBOLS = MappingProxyType(
    {
        Verdict.ADVERSE: "■",
        Verdict.WATCH: "▲",
        Verdict.INSUFFICIENT: "◇",
        Verdict.NOT_ESTIMABLE: "×",
        Verdict.NO_INDICATION: "●",
    }
)
"""Shapes, not colours: a verdict must be told apart in grey and in any theme. The word always stands beside."""

MOST_ROWS = 60
"""Rows of one table; a notebook is no archive, and the value holds them all."""

CURVE = 5
"""A measure at so many places of an axis is a curve, and folded; the k of a ranking are fewer."""

PRIMARY = "selection_rate"

_TEXT, _NUMBER = False, True
_Item = TypeVar("_Item")


def bounded(result: AuditResult) -> Part:
    """The comparisons with a bound, the worst first."""
    found = [item for item in result.disparities if item.bound is not None]
    ordered = sorted(found, key=lambda item: (WORST_FIRST.index(item.verdict), -beyond(item)))
    shown, more = _capped(ordered, "result.disparities")
    return Part(
        title="Comparisons with a bound, worst first",
        columns=_columns("Verdict", "Measure", "Groups", "#Value", "#Interval", "#Bound", "#Adjusted p", "Why"),
        rows=tuple(_disparity(item, result) for item in shown),
        note=f"Intervals at {result.confidence:.0%}.",
        more=more,
    )


def beyond(item: Disparity) -> float:
    """How far the value lies beyond its bound, whichever way: 1 at the bound; -inf without a value."""
    if item.value is None or item.bound is None:
        return -math.inf
    if item.comparison is Comparison.DIFFERENCE:
        return abs(item.value) / item.bound if item.bound else math.inf
    smaller = min(item.value, 1 / item.value) if item.value > 0 else 0.0
    return item.bound / smaller if smaller else math.inf


def rates(result: AuditResult) -> Iterator[Part]:
    """One table for each comparison: the groups with the rates that a bound rests on, intervals and bars."""
    yield from _rate_tables(result, {PRIMARY, *_with_bound(result)}, folded=False)


def other_rates(result: AuditResult) -> Iterator[Part]:
    """The same for all other rates, folded."""
    others = {item.metric for item in result.estimates} - {PRIMARY, *_with_bound(result)}
    yield from _rate_tables(result, others, folded=True)


def strata(result: AuditResult) -> Part:
    """Disparities within the strata of control features."""
    shown, more = _capped(result.stratified, "result.stratified")
    return Part(
        title="Within the strata of control features",
        columns=_columns("Groups", "Control", "#Strata", "#Ratio over all", "#Within strata", "#Interval", "Why"),
        rows=tuple(map(_stratum, shown)),
        note="Impact ratio over all rows, and pooled over strata (Mantel-Haenszel).",
        more=more,
    )


def quantities(result: AuditResult) -> Iterator[Part]:
    """Measures that are no share of rows; folded those taken along an axis, such as calibration."""
    places = Counter(_curve(item) for item in result.quantities if item.at is not None)
    curves = [item for item in result.quantities if item.at is not None and places[_curve(item)] >= CURVE]
    single = [item for item in result.quantities if item.at is None or places[_curve(item)] < CURVE]
    yield _quantities("Other measures", single, folded=False)
    yield _quantities(f"Measures along an axis ({count(len(curves))} values)", curves, folded=True)


def search(result: AuditResult) -> Iterator[Part]:
    """The subgroups that a search found, and what the subset scan proposes."""
    if result.search is None:
        return
    found = result.search
    note = (
        f"{count(found.tried)} subgroups of up to {found.depth} features tried, {count(found.left_out)} left out"
        " (too few rows, or unknown). What a search finds is a question, not a verdict."
    )
    if found.best_subset:
        union = "; ".join(
            f"{printable(name)}: {', '.join(map(printable, levels))}" for name, levels in found.best_subset
        )
        score = "" if found.score is None else f" (score {found.score:.1f})"
        note += f" Subset scan proposes {union}{score}."
    yield Part(
        title="Search: who is selected least",
        columns=_columns(
            "Subgroup", "#Rows", "#Selected", "#Rate", "#All others", "#Ratio", "#Adjusted p", "Beyond noise"
        ),
        rows=tuple(_found(item, result) for item in found.found),
        note=note,
        more=f"Method: {printable(found.method, 400)}.",
    )


def unknown(result: AuditResult) -> Part:
    """What rows without a level could do to each group's rate."""
    shown, more = _capped(result.unknown_bounds, "result.unknown_bounds")
    return Part(
        title="If all rows without a level belonged to one group",
        columns=_columns("Group", "#Rows", "#Unknown", "#Lowest rate", "#Highest rate", "#p of missingness"),
        rows=tuple(map(_unknown, shown)),
        more=more,
    )


def rules(result: AuditResult) -> Iterator[Part]:
    """The tables of rule packs, as the rules ask for them."""
    for report in result.rule_reports:
        title = f"{printable(report.title)} ({printable(report.pack)} {printable(report.version)})"
        note = " ".join((f"{printable(report.citation, 400)}. {printable(report.status, 400)}.", *report.notes))
        for table in report.tables:
            yield _rule(table, title, printable(note, 1_200))


def unbounded(result: AuditResult) -> Part:
    """Comparisons without a bound, folded: their verdict is never adverse."""
    found = [item for item in result.disparities if item.bound is None]
    shown, more = _capped(found, "result.disparities")
    return Part(
        title=f"Comparisons without a bound ({count(len(found))})",
        columns=_columns("Measure", "Groups", "#Value", "#Interval", "Why"),
        rows=tuple((*_named(item), *_numbers(item), Entry(_why(item))) for item in shown),
        more=more,
        folded=True,
    )


def provenance(result: AuditResult) -> Part:
    """What was measured by what: digests and versions."""
    digests = {"plan": result.plan_digest, "data": result.data_digest, "model": result.model_digest or "not recorded"}
    rows = (*digests.items(), *sorted(result.environment.items()))
    return Part(
        title="Digests and versions",
        columns=_columns("Of", "What"),
        rows=tuple((Entry(printable(name)), Entry(printable(what))) for name, what in rows),
        folded=True,
    )


def symbol(verdict: Verdict) -> str:
    """`■ adverse`, on one line."""
    return f"{SYMBOLS[verdict]} {verdict}".replace(" ", "\N{NO-BREAK SPACE}")


def _columns(*names: str) -> tuple[Column, ...]:
    """Heads; a name that begins with # is a column of numbers."""
    return tuple(Column(name.removeprefix("#"), name.startswith("#")) for name in names)


def _capped(items: Sequence[_Item], where: str) -> tuple[Sequence[_Item], str]:
    if len(items) <= MOST_ROWS:
        return items, ""
    return items[:MOST_ROWS], f"The first {MOST_ROWS} of {count(len(items))}; {where} has all."


def _disparity(item: Disparity, result: AuditResult) -> tuple[Entry, ...]:
    adjusted = DASH if item.adjusted_p is None else probability(item.adjusted_p, level(result.confidence))
    limit = "at least" if item.comparison is Comparison.RATIO else "at most"
    return (
        Entry(symbol(item.verdict), strong=item.verdict is Verdict.ADVERSE),
        *_named(item),
        *_numbers(item),
        Entry(f"{limit} {item.bound:g}"),
        Entry(adjusted),
        Entry(_why(item)),
    )


def _named(item: Disparity) -> tuple[Entry, ...]:
    at = f"class {printable(item.at)}" if item.at else ""
    return Entry(words(item.name), at), Entry(against(item.features, item.group, item.reference))


def _numbers(item: Disparity) -> tuple[Entry, ...]:
    corrected = "" if item.corrected is None else f"without noise {rounded(item.corrected)}"
    return (
        Entry(disparity_value(item), corrected),
        Entry(interval_text(item.interval, NO_DIFFERENCE[item.comparison])),
    )


def _why(item: Disparity) -> str:
    """The reason without the numbers and names that the row already has."""
    where = item.where() if item.group else f"all counted groups of {' x '.join(item.features)}"
    _, found, after = item.reason.partition(f"{where}; ")
    return printable(after if found else item.reason, 600)


def _with_bound(result: AuditResult) -> set[str]:
    """The metrics that a bound rests on, those of worst cases too."""
    names = {item.metric for item in result.disparities if item.bound is not None}
    return {metric for name in names for metric in WORST_CASES.get(name, (name,))}


def _rate_tables(result: AuditResult, metrics: set[str], *, folded: bool) -> Iterator[Part]:
    by_group: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, GroupEstimate]]] = {}
    for item in result.estimates:
        if item.metric in metrics:
            by_group.setdefault(item.features, {}).setdefault(item.group, {})[item.metric] = item
    names = [name for name in dict.fromkeys(item.metric for item in result.estimates) if name in metrics]
    for features, groups in by_group.items():
        largest = sorted(groups.values(), key=lambda found: -_size(found))
        shown, more = _capped(largest if len(groups) > MOST_ROWS else list(groups.values()), "result.estimates")
        title = " × ".join(map(printable, features))
        yield Part(
            title=f"{'Other rates' if folded else 'Rates'} of groups by {title}",
            columns=_columns("Group", "#Rows", *map(words, names)),
            rows=tuple(_rates(found, names) for found in shown),
            more=more.replace("The first", "The largest"),
            folded=folded,
        )


def _size(found: dict[str, GroupEstimate]) -> int:
    return next(iter(found.values())).size


def _rates(found: dict[str, GroupEstimate], names: Sequence[str]) -> tuple[Entry, ...]:
    first = found.get(PRIMARY) or next(iter(found.values()))
    return (
        Entry(", ".join(map(printable, first.group)), _aside(first)),
        Entry("suppressed" if first.suppressed else count(first.size)),
        *(_rate(found.get(name)) for name in names),
    )


def _aside(item: GroupEstimate) -> str:
    if item.counted:
        return ""
    if UNKNOWN in item.group:
        return "shown, not compared: the value is missing"
    return f"shown, not compared: {printable(item.reason or 'below the minimum of the plan')}"


def _rate(item: GroupEstimate | None) -> Entry:
    if item is None:
        return Entry(DASH)
    if item.suppressed:
        return Entry("suppressed")
    if item.value is None:
        return Entry(DASH, printable(item.reason or "no reason recorded"))
    said = f"{count(item.events)} of {count(item.n)}"
    interval = share_interval(item.interval)
    return Entry(share(item.value), f"{interval}, {said}" if interval else said, bar(item.value, item.interval))


def _curve(item: Quantity) -> tuple[object, ...]:
    return item.metric, item.features, item.group, item.against


def _quantities(title: str, items: Sequence[Quantity], *, folded: bool) -> Part:
    shown, more = _capped(items, "result.quantities")
    return Part(
        title=title,
        columns=_columns("Measure", "Group", "At", "#Rows", "#Value", "#Interval", "Why there is none"),
        rows=tuple(map(_quantity, shown)),
        more=more,
        folded=folded,
    )


def _stratum(item: Stratified) -> tuple[Entry, ...]:
    left = f"{item.left_out} left out" if item.left_out else ""
    return (
        Entry(against(item.features, item.group, item.reference)),
        Entry(printable(item.control)),
        Entry(count(item.strata), left),
        Entry(DASH if item.crude is None else rounded(item.crude, [1])),
        Entry(DASH if item.adjusted is None else rounded(item.adjusted, [1])),
        Entry(interval_text(item.interval, 1)),
        Entry(printable(item.reason or "", 400)),
    )


def _quantity(item: Quantity) -> tuple[Entry, ...]:
    group = group_name(item.features, item.group) if item.group else "all rows"
    other = f"against {group_name(item.features, item.against)}" if item.against else ""
    error = f"± {item.error:.2g} from binning" if item.error else ""
    value = "suppressed" if item.suppressed else DASH if item.value is None else f"{item.value:.4g}"
    return (
        Entry(words(item.metric)),
        Entry(group, other),
        Entry(printable(item.at or "")),
        Entry(count(item.n)),
        Entry(value, error),
        Entry(DASH if item.interval is None else _four_digits(item)),
        Entry("" if item.suppressed else printable(item.reason or "", 400)),
    )


def _four_digits(item: Quantity) -> str:
    interval = item.interval
    if interval is None:
        return DASH
    return f"{interval.lower:.4g} to {'no upper end' if interval.upper is None else f'{interval.upper:.4g}'}"


def _found(item: Found, result: AuditResult) -> tuple[Entry, ...]:
    allowed = level(result.confidence)
    clear = item.adjusted_p is not None and item.adjusted_p <= allowed
    beyond_noise = "selected more" if item.rate >= item.rest else "yes" if clear else "no"
    return (
        Entry(group_name(item.features, item.group)),
        Entry(count(item.n)),
        Entry(count(item.events)),
        Entry(share(item.rate)),
        Entry(share(item.rest)),
        Entry(DASH if item.ratio is None else rounded(item.ratio, [1])),
        Entry(DASH if item.adjusted_p is None else probability(item.adjusted_p, allowed)),
        Entry(beyond_noise),
    )


def _unknown(item: UnknownBounds) -> tuple[Entry, ...]:
    return (
        Entry(group_name((item.feature,), (item.level,))),
        Entry(count(item.n)),
        Entry(count(item.unknown)),
        Entry(share(item.lower)),
        Entry(share(item.upper)),
        Entry(DASH if item.missing_p is None else probability(item.missing_p, 0.05)),
    )


def _rule(table: RuleTable, title: str, note: str) -> Part:
    shown, more = _capped(table.rows, "result.rule_reports")
    return Part(
        title=f"{title}: {printable(table.title)}",
        columns=tuple(Column(printable(name)) for name in table.columns),
        rows=tuple(tuple(Entry(printable(text, 400)) for text in row) for row in shown),
        note=printable(" ".join((note, *table.notes)), 2_000),
        more=more,
        folded=True,
    )
