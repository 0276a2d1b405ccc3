"""Recompute a published bias audit from its own counts, and list everything that does not agree. Pure.

A printed number disagrees only where no unrounded value is consistent with it (`audits.feasible`). What is off by no
more than the tolerance is a warning (numbers cut off instead of rounded), and so are totals that do not add up between
tables: in the worked example of 6 RCNY 5-301(b) they do not either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from audits.feasible import Judged, Spans, highest_ones, judge_rate, judge_ratio, ratio_spans
from audits.published_numbers import Printed
from audits.published_table import Published, PublishedRow
from audits.published_totals import Group, groups_of, known, totals_notes
from audits.rule_packs import ImpactRatioRule
from audits.toml_table import shown
from governance.errors import ConfigurationError

MAX_TOLERANCE = Fraction(1, 10)


class Severity(StrEnum):
    """A discrepancy contradicts the file's own numbers, or is missing; a warning asks a person to look."""

    DISCREPANCY = "discrepancy"
    WARNING = "warning"


class Kind(StrEnum):
    """What was looked at."""

    MISSING = "missing field"
    COUNT = "impossible count"
    RATE = "rate against counts"
    RATIO = "ratio against rates"
    ABOVE_ONE = "ratio above 1"
    HIGHEST = "highest category"
    LEFT_OUT = "category left out"
    TWICE = "category listed twice"
    TOTALS = "totals"
    LAYOUT = "layout"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree; `line`, `table` and `category` are where, "" or None for the whole file."""

    kind: Kind
    severity: Severity
    message: str
    table: str = ""
    category: str = ""
    line: int | None = None
    printed: str | None = None
    recomputed: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row with what its rate and its ratio may have been; () where they cannot be known."""

    row: PublishedRow
    table: str
    rates: Spans
    ratios: Spans


@dataclass(frozen=True, slots=True)
class TablesCheck:
    """What the check of one file found."""

    file: str
    digest: str
    tolerance: float
    rows: tuple[CheckedRow, ...]
    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of this severity, in the file's order."""
        return tuple(item for item in self.findings if item.severity is severity)


def check_published(published: Published, rule: ImpactRatioRule, *, tolerance: float = 0.005) -> TablesCheck:
    """Recompute every table of the file. `tolerance`: differences up to it (0 to 0.1, in shares of 1) are warnings.

    Raises ConfigurationError for a tolerance outside of its range.
    """
    exact = _tolerance(tolerance)
    groups = groups_of(published)
    rows: list[CheckedRow] = []
    findings = list(_columns(published))
    for group in groups:
        checked = _checked(group, rule)
        rows += checked
        findings += _table_findings(group, checked, published, rule, exact)
    findings += (Finding(Kind.TOTALS, Severity.WARNING, note.text, note.table) for note in totals_notes(groups))
    findings += _layout(groups, published, rule)
    return TablesCheck(published.file, published.digest, tolerance, tuple(rows), tuple(findings))


def value_text(spans: Spans) -> str:
    """`0.4799`, or `0.4780 to 0.4830` where the counts leave it open; a dash where there is none."""
    if not spans:
        return "–"
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    return f"{float(low):.4f}" if low == high else f"{float(low):.4f} to {float(high):.4f}"


def _tolerance(tolerance: float) -> Fraction:
    if not 0 <= tolerance <= MAX_TOLERANCE:  # NaN is in no range
        raise ConfigurationError(f"the tolerance is {tolerance}; write a share from 0 to {float(MAX_TOLERANCE)}")
    return Fraction(str(tolerance))


def _checked(group: Group, rule: ImpactRatioRule) -> list[CheckedRow]:
    """The possible rates of every row, and the ratios of those that are compared."""
    rates = [judge_rate(row.n, _possible_count(row), _possible_rate(row)).possible for row in group.rows]
    compared = [spans if _compared(row, group, rule) else () for row, spans in zip(group.rows, rates, strict=True)]
    ratios = ratio_spans(compared)
    return [CheckedRow(*item) for item in zip(group.rows, [group.name] * len(rates), rates, ratios, strict=True)]


def _possible_count(row: PublishedRow) -> Printed | None:
    """More selected than there are persons is told apart and then not used."""
    return row.selected if row.selected and row.n and row.selected.low <= row.n.high else None


def _possible_rate(row: PublishedRow) -> Printed | None:
    """A rate above 100 % is told apart and then not used."""
    return None if row.rate and row.rate.value is not None and row.rate.value > 1 else row.rate


def _compared(row: PublishedRow, group: Group, rule: ImpactRatioRule) -> bool:
    """Does the row take part in the ratios? A small category without a ratio has been left out."""
    return bool(row.levels) and not row.unknown and (row.ratio is not None or not _may_be_small(row, group, rule))


def _may_be_small(row: PublishedRow, group: Group, rule: ImpactRatioRule) -> bool:
    total = group.persons_at_most
    return row.n is not None and total is not None and row.n.low < rule.minimum_share * total


def _columns(published: Published) -> Iterator[Finding]:
    """Columns that the rule wants in every published table, and what was made of the others."""
    wanted = {"n": "number of persons", "rate": "selection rate or scoring rate", "ratio": "impact ratio"}
    for field, what in wanted.items():
        if field not in published.columns:
            yield Finding(
                Kind.MISSING, Severity.DISCREPANCY, f"no column holds the {what}: the rule wants it published"
            )
    for name in published.ignored:
        yield Finding(Kind.LAYOUT, Severity.WARNING, f"column {shown(name)} was not understood and not read")
    for name in published.assumed:
        yield Finding(Kind.LAYOUT, Severity.WARNING, f"column {shown(name)} was read as per cent")


def _table_findings(
    group: Group, checked: Sequence[CheckedRow], published: Published, rule: ImpactRatioRule, tolerance: Fraction
) -> Iterator[Finding]:
    possible = highest_ones([item.rates if item.ratios else () for item in checked])
    for item in checked:
        here = _at(item)
        yield from _count_findings(item.row, published, here)
        yield from _rate_findings(item.row, published, tolerance, here)
        if not known(item.row):
            continue
        yield from _ratio_findings(item, published, tolerance, here)
        if "ratio" in published.columns and item.row.ratio is None:
            yield from _left_out(item, group, rule, anybody=bool(possible), here=here)
    yield from _twice(group)
    if "ratio" in published.columns:
        yield from _highest([checked[at] for at in sorted(possible)], checked)


_Here = Callable[..., Finding]


def _at(item: CheckedRow) -> _Here:
    """Makes findings of this row."""

    def finding(kind: Kind, severity: Severity, message: str, printed: str | None = None, value: Spans = ()) -> Finding:
        recomputed = value_text(value) if value else None
        return Finding(kind, severity, message, item.table, item.row.name, item.row.line, printed, recomputed)

    return finding


def _count_findings(row: PublishedRow, published: Published, here: _Here) -> Iterator[Finding]:
    if "n" in published.columns:
        if row.n is None:
            yield here(Kind.MISSING, Severity.DISCREPANCY, "the number of persons is missing")
        elif row.n.value is None:
            message = f"the number of persons is suppressed ({row.n.text}); the rule wants every number published"
            yield here(Kind.MISSING, Severity.WARNING, message, row.n.text)
    if row.selected and row.n and row.selected.low > row.n.high:
        message = f"{row.selected.text} selected of {row.n.text} persons"
        yield here(Kind.COUNT, Severity.DISCREPANCY, message, row.selected.text)


def _rate_findings(row: PublishedRow, published: Published, tolerance: Fraction, here: _Here) -> Iterator[Finding]:
    if row.rate is None:
        if "rate" in published.columns and known(row) and not (row.n and row.n.value == 0):
            yield here(Kind.MISSING, Severity.DISCREPANCY, "the rate is missing")
        return
    if _possible_rate(row) is None:
        yield here(Kind.RATE, Severity.DISCREPANCY, f"the rate {row.rate.text} is above 100 %", row.rate.text)
        return
    judged = judge_rate(row.n, _possible_count(row), row.rate)
    if not judged.possible:
        if row.rate.value:
            yield here(Kind.RATE, Severity.DISCREPANCY, f"a rate of {row.rate.text} of nobody", row.rate.text)
        return
    if judged.distance:
        counts = "a whole number of" if row.selected is None else f"{row.selected.text} of"
        yield _off(Kind.RATE, f"{counts} {row.n.text if row.n else ''} persons", row.rate, judged, tolerance, here)


def _off(kind: Kind, of: str, printed: Printed, judged: Judged, tolerance: Fraction, here: _Here) -> Finding:
    """A printed number that no unrounded value explains."""
    what = "rate" if kind is Kind.RATE else "ratio"
    within = judged.distance <= tolerance
    tail = ": within the tolerance, perhaps cut off instead of rounded" if within else ""
    message = f"the {what} {printed.text} is {value_text(judged.possible)} from {of}{tail}"
    severity = Severity.WARNING if within else Severity.DISCREPANCY
    return here(kind, severity, message, printed.text, judged.possible)


def _ratio_findings(item: CheckedRow, published: Published, tolerance: Fraction, here: _Here) -> Iterator[Finding]:
    ratio = item.row.ratio
    if ratio is None:
        return
    if ratio.value is not None and ratio.value > 1:
        message = f"the ratio {ratio.text} is above 1; to the highest rate it is {value_text(item.ratios)}"
        yield here(Kind.ABOVE_ONE, Severity.DISCREPANCY, message, ratio.text, item.ratios)
    elif not item.ratios:
        if ratio.value:
            message = f"the ratio {ratio.text} cannot be: nobody in the category, or nobody selected in any"
            yield here(Kind.RATIO, Severity.DISCREPANCY, message, ratio.text)
    elif "n" in published.columns or "rate" in published.columns:
        judged = judge_ratio(ratio, item.ratios)
        if judged.distance:
            yield _off(Kind.RATIO, "the rates and the highest of them", ratio, judged, tolerance, here)


def _left_out(
    item: CheckedRow, group: Group, rule: ImpactRatioRule, *, anybody: bool, here: _Here
) -> Iterator[Finding]:
    """A category without a ratio: allowed below the minimum share, and then with a justification."""
    row, total = item.row, group.persons_at_most
    if not item.rates or not (anybody or item.ratios):
        return  # no persons, or nobody selected: there is no ratio
    limit = f"{float(rule.minimum_share * 100):g} %"
    if row.n is None or not total:
        yield here(Kind.MISSING, Severity.DISCREPANCY, "the impact ratio is missing")
        return
    share = f"{float(row.n.high / total * 100):.1f} %"
    if not _may_be_small(row, group, rule):
        message = (
            f"the impact ratio is missing; with {share} of the persons only a category below {limit} may be left out"
        )
        yield here(Kind.LEFT_OUT, Severity.DISCREPANCY, message)
    elif not row.note:
        message = f"left out of the ratios ({share} of the persons, below {limit}) without a justification in a note"
        yield here(Kind.LEFT_OUT, Severity.DISCREPANCY, message)


def _twice(group: Group) -> Iterator[Finding]:
    seen: set[tuple[tuple[str, str], ...]] = set()
    for row in group.rows:
        if row.levels and row.levels in seen:
            message = "the category is listed twice in this table"
            yield Finding(Kind.TWICE, Severity.DISCREPANCY, message, group.name, row.name, row.line)
        seen.add(row.levels)


def _highest(tops: Sequence[CheckedRow], checked: Sequence[CheckedRow]) -> Iterator[Finding]:
    """The ratios must be to the highest rate: a category that may have it must be among those with ratio 1."""
    printed = [item for item in checked if known(item.row) and item.row.ratio]
    ones = [item for item in printed if item.row.ratio and item.row.ratio.value == 1]
    if not tops or not printed or any(top.row is one.row for top in tops for one in ones):
        return
    highest = " or ".join(f"{shown(top.row.name)} ({value_text(top.rates)})" for top in tops[:3])
    said = "no category has the ratio 1"
    if ones:
        said = f"the ratio 1 is printed for {', '.join(shown(one.row.name) for one in ones[:3])}"
    near = [top for top in tops if top.row.ratio and top.row.ratio.high >= 1]
    severity = Severity.WARNING if near and not ones else Severity.DISCREPANCY
    message = f"{said}; the highest rate is that of {highest}"
    yield Finding(Kind.HIGHEST, severity, message, tops[0].table, tops[0].row.name, tops[0].row.line)


def _layout(groups: Sequence[Group], published: Published, rule: ImpactRatioRule) -> Iterator[Finding]:
    """What Local Law 144 wants published besides, where the file is about sex or race/ethnicity."""
    for table, text in _missing_parts(groups, rule):
        yield Finding(Kind.LAYOUT, Severity.WARNING, text, table)
    if any(group.by_rule for group in groups) and not any(row.unknown for row in published.rows):
        message = "no row says how many persons are of unknown category; the summary must"
        yield Finding(Kind.LAYOUT, Severity.WARNING, message)


def _missing_parts(groups: Sequence[Group], rule: ImpactRatioRule) -> Iterator[tuple[str, str]]:
    for assigned in dict.fromkeys(group.assigned for group in groups if group.by_rule):
        here = [group for group in groups if group.assigned == assigned]
        for missing in Group.wanted():
            if not any(group.features == missing.features for group in here):
                yield "", f"no table of {Group(assigned, '', missing.features, ()).name}: the rule wants three tables"
        for group in here:
            if absent := group.absent(rule):
                more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
                yield group.name, f"no row for {'; '.join(absent[:3])}{more}"
