"""What qualifies a flag -> parts of a report: strata, rows without a level, a search, and the tables of rule packs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from audits.result import AuditResult, Disparity, Found, RuleReport, RuleTable, Search, Stratified, UnknownBounds
from audits.wording import level, rounded
from reports.quantities import SHOWN
from reports.view import Chart, Line, Mark, Part
from reports.view_table import Cell, Column, Row, Table
from reports.words import (
    DASH,
    SUPPRESSED_WORD,
    chance,
    count,
    group_name,
    listed,
    one_line,
    people,
    printable,
    share,
)

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+\s?%?(?: \*)?|–|")


def strata_of(audit: AuditResult, item: Disparity) -> tuple[str, ...]:
    """What is left of a disparity in selection within the levels of each control feature, in words."""
    if item.metric != "selection_rate" or item.at is not None or not item.group:
        return ()
    mine = (item.features, item.group, item.reference)
    return tuple(
        _strata_words(found) for found in audit.stratified if (found.features, found.group, found.reference) == mine
    )


def _strata_words(found: Stratified) -> str:
    control = printable(found.control)
    if found.adjusted is None:
        return f"Within {control}: {printable(found.reason or 'not estimable', 200)}"
    return f"Within levels of {control}: {_ratio(found)}; all together: {_plain(found.crude)}"


def _ratio(found: Stratified) -> str:
    if found.adjusted is None:
        return DASH
    if found.interval is None:
        return rounded(found.adjusted, (1,))
    upper = "no upper end" if found.interval.upper is None else rounded(found.interval.upper, (1,))
    return f"{rounded(found.adjusted, (1,))} ({rounded(found.interval.lower, (1,))} to {upper})"


def _plain(value: float | None) -> str:
    return DASH if value is None else rounded(value, (1,))


def strata_part(audit: AuditResult, features: tuple[str, ...], key: str) -> Iterator[Part]:
    """Selection of two groups among persons who are alike in a control feature."""
    found = tuple(item for item in audit.stratified if item.features == features)
    if not found:
        return
    controls = listed(tuple(dict.fromkeys(printable(item.control) for item in found)))
    words = (
        f"Does the difference survive among persons who are alike in {controls}? The ratio within levels compares only"
        " those, and pools the levels. Where the control feature is itself a consequence of the sensitive one, it"
        " explains away what it should not: that is for a person to judge.",
    )
    heads = ("Ratio, all together", "Ratio within levels", "Any association (p)", "Same in all levels (p)", "Levels")
    caption = (
        "Impact ratios. Pooled by Mantel and Haenszel; any association: Cochran, Mantel and Haenszel; same in all"
        " levels: Breslow and Day. A small last p says that one ratio does not speak for all levels."
    )
    yield Part(
        f"{key}-strata",
        f"Within the levels of {controls}",
        words=words,
        charts=tuple(_strata_chart(found, audit, key)) if len(features) == 1 else (),
        tables=(
            Table(
                caption,
                (Column("Groups", numeric=False), *(Column(head) for head in heads)),
                tuple(_stratum(item, audit) for item in found),
                SHOWN,
            ),
        ),
        folded=len(features) > 1,
    )


def _strata_chart(found: Sequence[Stratified], audit: AuditResult, key: str) -> Iterator[Chart]:
    """For every group the ratio over everybody, and under it the ratio within the levels of each control feature."""
    marks: list[Mark] = []
    for group in dict.fromkeys(item.group for item in found):
        mine = [item for item in found if item.group == group]
        name = ", ".join(printable(part) for part in group)
        marks.append(_strata_mark(f"{name}, all together", mine[0].crude, mine[0], "together"))
        marks += [_strata_mark(f"within {printable(item.control)}", item.adjusted, item, "within") for item in mine]
    if len(marks) > SHOWN:
        return
    on_selection = (x.bound for x in audit.disparities if x.name == "impact_ratio" and x.bound is not None)
    bounds = sorted(set(on_selection))
    thick = "".join(f" Thick line: the bound, {bound:g}." for bound in bounds)
    caption = (
        "Diamond: the impact ratio over everybody. Dot: the ratio among people who are alike in the control feature,"
        f" with its interval. Thin line: 1, no difference.{thick}"
    )
    lines = (Line(1.0, "reference"), *(Line(bound, "bound") for bound in bounds))
    title = "What is left of the impact ratio"
    yield Chart(f"{key}-strata-chart", title, caption, tuple(marks), lines, percent=False, primary=True)


def _strata_mark(label: str, value: float | None, item: Stratified, state: str) -> Mark:
    if _hidden(item) or value is None:
        return Mark(label, SUPPRESSED_WORD if _hidden(item) else "not estimable", None, None, None, state)
    within = item.interval if state == "within" else None
    lower = within.lower if within else value
    return Mark(label, _plain(value), value, lower, within.upper if within else value, state)


def _stratum(item: Stratified, audit: AuditResult) -> Row:
    allowed = level(audit.confidence)
    where = f"{group_name(item.features, item.group)} against {group_name(item.features, item.reference)}"
    reason = (SUPPRESSED_WORD,) if _hidden(item) else (printable(item.reason, 300),) if item.reason else ()
    levels = f"{item.strata}" + (f", {item.left_out} left out" if item.left_out else "")
    return Row(
        (
            Cell(where, (f"within {printable(item.control)}",)),
            Cell(SUPPRESSED_WORD if _hidden(item) else _plain(item.crude)),
            Cell(SUPPRESSED_WORD if _hidden(item) else _ratio(item), () if _hidden(item) else reason),
            Cell(chance(item.association_p, allowed)),
            Cell(chance(item.homogeneity_p, allowed)),
            Cell(levels),
        )
    )


def _hidden(item: Stratified) -> bool:
    return bool(item.reason and item.reason.startswith(SUPPRESSED_WORD))


def unknown_part(audit: AuditResult, features: tuple[str, ...], key: str) -> Iterator[Part]:
    """What the rows without a level could do to each group's selection rate."""
    found = [item for item in audit.unknown_bounds if (item.feature,) == features]
    if not found:
        return
    name = printable(found[0].feature)
    words = (
        f"{_without(found[0].unknown)} no value of {name}. Were all of them in one group, its selection rate"
        f" would lie between the lowest and the highest value given here.{_gone(found[0], audit)}",
    )
    rates = {
        item.group[0]: item.value
        for item in audit.estimates
        if item.features == features and item.metric == "selection_rate"
    }
    marks = tuple(
        Mark(
            printable(item.level),
            f"{share(item.lower)} to {share(item.upper)}",
            rates.get(item.level),
            item.lower,
            item.upper,
            "aside",
        )
        for item in found[:SHOWN]
        if not item.suppressed
    )
    caption = "The diamond is the rate without the unknown rows, the line all that it could be with them."
    chart = Chart(
        f"{key}-unknown-chart", f"Selection rate, whatever {name} is", caption, marks, (), percent=True, primary=True
    )
    table = Table(
        "Worst cases: no unknown row selected, or all of them.",
        (Column("Group", numeric=False), *(Column(head) for head in ("People", "Unknown rows", "Lowest", "Highest"))),
        tuple(_unknown_row(item) for item in found),
        SHOWN,
    )
    yield Part(
        f"{key}-unknown",
        f"What the {'' if found[0].unknown < 0 else f'{count(found[0].unknown)} '}rows without {name} could change",
        words=words,
        charts=(chart,) if marks else (),
        tables=(table,),
        folded=True,
    )


def _without(unknown: int) -> str:
    """`20 persons have`, as a sentence goes on; without the number where it is masked."""
    if unknown < 0:
        return "Persons whose number is suppressed have"
    return "1 person has" if unknown == 1 else f"{count(unknown)} persons have"


def _gone(item: UnknownBounds, audit: AuditResult) -> str:
    if item.missing_p is None:
        return ""
    allowed = level(audit.confidence)
    differ = "at another rate than" if item.missing_p <= allowed else "no differently, as far as these data show, from"
    return f" Rows without a value are selected {differ} the others (p {chance(item.missing_p, allowed)})."


def _unknown_row(item: UnknownBounds) -> Row:
    ends = (SUPPRESSED_WORD,) * 2 if item.suppressed else (share(item.lower), share(item.upper))
    name = group_name((item.feature,), (item.level,))
    return Row((Cell(name), Cell(people(item.n)), Cell(people(item.unknown)), *(Cell(end) for end in ends)))


def search_part(search: Search | None, confidence: float) -> Iterator[Part]:
    """Which subgroup is worst off, of all that were tried."""
    if search is None:
        return
    up_to = "1 feature" if search.depth == 1 else f"{search.depth} features at once"
    words = [
        f"{count(search.tried)} subgroups of up to {up_to} were each compared with everybody else, and"
        f" {count(search.left_out)} were too small. Among so many some look bad by chance: adjusted p allows for all"
        f" {count(search.tried)}, and at most {level(confidence):g} counts as clear."
    ]
    if search.best_subset:
        levels = "; ".join(
            f"{printable(name)} is {listed(tuple(printable(x) for x in values), 'or')}"
            for name, values in search.best_subset
        )
        score = "" if search.score is None else f" (score {search.score:.1f})"
        words.append(f"A scan over unions of groups as well proposes: {levels}{score}.")
    heads = ("People", "Selected", "Rate", "Rate of the others", "Ratio", "Adjusted p")
    table = Table(
        "The worst off first; those with an adjusted p above that are listed last.",
        (Column("Subgroup", numeric=False), *(Column(head) for head in heads)),
        tuple(_found(item, confidence) for item in search.found),
        SHOWN,
    )
    notes = (f"Method: {printable(search.method, 300)}.",)
    yield Part("search", "The subgroups that are worst off", tuple(words), tables=(table,), notes=notes)


def _found(item: Found, confidence: float) -> Row:
    allowed = level(confidence)
    unclear = item.adjusted_p is None or item.adjusted_p > allowed
    texts = (
        people(item.n),
        people(item.events),
        share(item.rate),
        share(item.rest),
        _plain(item.ratio),
        chance(item.adjusted_p, allowed),
    )
    return Row((Cell(group_name(item.features, item.group)), *(Cell(text) for text in texts)), quiet=unclear)


def rule_part(report: RuleReport, place: int) -> Part:
    """The tables of one rule pack, exactly as it computed them."""
    return Part(
        f"rule-{place}",
        printable(report.title, 200),
        facts=(
            ("Citation", printable(report.citation, 200)),
            ("Status", printable(report.status)),
            ("Rule pack", f"{printable(report.pack)}, version {printable(report.version)}"),
            ("Digest of the pack", printable(report.digest)),
        ),
        tables=tuple(rule_table(table) for table in report.tables),
        notes=tuple(one_line(note) for note in report.notes),
    )


def rule_table(table: RuleTable) -> Table:
    """One table of a rule pack, its texts as it computed them."""
    texts = [[printable(cell, 1_500) for cell in row] for row in table.rows]
    numeric = [all(_NUMBER.fullmatch(row[at]) for row in texts) for at in range(len(table.columns))]
    notes = _joined(table.notes)
    return Table(
        caption=f"{printable(table.title, 200)}{'. ' if notes else ''}{notes}",
        columns=tuple(
            Column(printable(name), numeric=number) for name, number in zip(table.columns, numeric, strict=True)
        ),
        rows=tuple(Row(tuple(Cell(text) for text in row)) for row in texts),
        shown=SHOWN,
    )


def _joined(notes: Sequence[str]) -> str:
    return " ".join(one_line(note) for note in notes)
