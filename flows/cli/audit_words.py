"""What commands print of an audit: verdicts first, then what qualifies them, then the tables of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audits.record import measured, summary_lines
from audits.result import AuditResult, RuleTable, Search, Verdict
from audits.wording import level
from reports.measured import disparity_name
from reports.qualified import strata_of
from reports.reading import family_size
from reports.summary import where
from reports.words import chance, count, disparity_seen, group_name, share

MOST = 6
_WIDEST = 48
_ROWS = 20


def audit_lines(result: AuditResult) -> list[str]:
    """An audit in a screenful; `--json` and the report have every number."""
    counts = ", ".join(f"{number} {verdict.value}" for verdict, number in result.verdicts().items() if number)
    return [
        f"audit of {result.row_count:,} rows: {counts or 'no comparison with a bound'}",
        *(f"  {line}" for line in summary_lines(result)),
        *_unmeasured(result),
        *_seen(result),
        *_together(result),
        *_strata(result),
        *_unknown(result),
        *_search(result.search, result.confidence),
        *_rules(result),
        *_rest(result),
        *(f"  note: {note}" for note in result.notes),
        *_unmasked(result),
    ]


def unmeasured(result: AuditResult) -> tuple[str, ...]:
    """The sensitive features for which no bound could be judged: what is missing is not met."""
    return tuple(name for name, judged in measured(result).items() if not judged)


def _unmeasured(result: AuditResult) -> Iterator[str]:
    if missing := unmeasured(result):
        yield f"  NOT MEASURED: {', '.join(missing)}: no comparison with a bound had enough evidence"


def _unmasked(result: AuditResult) -> Iterator[str]:
    if result.suppress_below:
        yield f"  note: counts below {result.suppress_below} are not masked here; they are in a report for publication."


def _seen(result: AuditResult) -> Iterator[str]:
    """What would have been seen beside each "no indication" that the lines above have no room for."""
    told = summary_lines(result)
    found = [
        f"  no indication: {disparity_name(item).lower()}, {where(item)}: {disparity_seen(item)}"
        for item in result.with_verdict(Verdict.NO_INDICATION)
        if disparity_seen(item) and f"{item.verdict}: {item.reason}" not in told
    ]
    yield from found[:MOST]
    if len(found) > MOST:
        yield f"  no indication: and {len(found) - MOST} more"


def _together(result: AuditResult) -> Iterator[str]:
    size = family_size(result.disparities)
    if size:
        allowed = level(result.confidence)
        yield f"  together: adjusted p allows for a family of {size} (Holm); at most {allowed:g} excludes no difference"


def _strata(result: AuditResult) -> Iterator[str]:
    flagged = (Verdict.ADVERSE, Verdict.WATCH)
    found = [
        f"  strata: {group_name(item.features, item.group)}: {line[:1].lower()}{line[1:]}"
        for item in result.disparities
        if item.name == "impact_ratio" and item.verdict in flagged
        for line in strata_of(result, item)
    ]
    yield from found[:MOST]
    if len(found) > MOST:
        yield f"  strata: and {len(found) - MOST} more"


def _unknown(result: AuditResult) -> Iterator[str]:
    """The group of each feature that its unknown rows could move the farthest."""
    for feature in dict.fromkeys(item.feature for item in result.unknown_bounds):
        mine = [item for item in result.unknown_bounds if item.feature == feature]
        widest = max(mine, key=lambda item: item.upper - item.lower)
        yield (
            f"  unknown: {count(widest.unknown)} rows have no {feature}; were all of them {widest.level}, its selection"
            f" rate would lie between {share(widest.lower)} and {share(widest.upper)}"
        )


def _search(search: Search | None, confidence: float) -> Iterator[str]:
    if search is None or not search.found:
        return
    worst = search.found[0]
    p = chance(worst.adjusted_p, level(confidence))
    yield (
        f"  search: worst of {count(search.tried)} subgroups ({count(search.left_out)} too small):"
        f" {group_name(worst.features, worst.group)}, {count(worst.events)} of {count(worst.n)} selected"
        f" ({share(worst.rate)}, all others {share(worst.rest)}), adjusted p {p}"
    )


def _rules(result: AuditResult) -> Iterator[str]:
    for report in result.rule_reports:
        yield f"  rule {report.pack} {report.version}, {report.citation} ({report.status}), {report.digest}"
        for table in report.tables:
            yield f"    {table.title}"
            yield from (f"      {line}" for line in table_lines(table))


def table_lines(table: RuleTable) -> Iterator[str]:
    """A table as lines of aligned columns. Long texts are cut with a mark, and so are long tables."""
    rows = [tuple(map(_cut, row)) for row in (table.columns, *table.rows[:_ROWS])]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.columns))]
    yield from (_line(row, widths) for row in rows)
    if len(table.rows) > _ROWS:
        yield f"and {len(table.rows) - _ROWS} more rows"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cut(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= _WIDEST else one[: _WIDEST - 1] + "…"


def _rest(result: AuditResult) -> Iterator[str]:
    if result.quantities:
        kinds = len({item.metric for item in result.quantities})
        numbers = count(len(result.quantities))
        yield f"  {numbers} more numbers of {kinds} measures (scores, distances, ...) are in --json and the report"
