"""The Markdown format. Free text is escaped, so no name can add markup, a link or a table cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reports.night import NightView
from reports.provenance import Provenance, provenance
from reports.signed import NO_PROOF
from reports.view import DisparityRow, Panel, Part, Rate, ReleaseView
from reports.view_table import Cell, Table
from reports.words import DASH

_SPECIAL = re.compile(r"([\\`*_\[\]<>|&~#$!])")


_BLOCK = re.compile(r"^(\d{0,9})([-+=.)])(?=\s|$|[-=]{2})")
"""What would begin a list, a rule or an underlined heading at the start of a line or of a list's item."""


def md(text: str) -> str:
    """`text` on one line with Markdown's own characters escaped."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("://", ":\\//")
    return _BLOCK.sub(r"\1\\\2", escaped)


def release_markdown(view: ReleaseView) -> str:
    """The report of a release decision."""
    return "\n".join((*_release(view), *provenance_lines(provenance(view)))).rstrip() + "\n"


def provenance_lines(about: Provenance) -> Iterator[str]:
    """What a report says of itself, as its last part."""
    yield "\n## About this report\n"
    yield from _table(("Item", "Value"), about.facts)


def night_markdown(view: NightView) -> str:
    """The summary of a night."""
    lines = [f"# {md(view.title)}", "", md(view.headline), "", f"{md(view.period)}", ""]
    if view.emergencies:
        lines += ["## Broken glass", "", *_items(view.emergencies), ""]
    if view.lines:
        head = ("Model", "Alias", "Version", "Result", "Code", "What was found")
        rows = [
            (x.model, x.alias, x.version, f"{x.outcome} ({x.word})", f"{x.exit_code}", x.detail) for x in view.lines
        ]
        lines += [*_table(head, rows), ""]
    if view.missed:
        lines += ["## Missed runs", "", *_items(view.missed), ""]
    return "\n".join(lines).rstrip() + "\n"


def _release(view: ReleaseView) -> Iterator[str]:
    yield f"# {md(view.title)}: {view.label}"
    yield f"\nAs of {view.time}, under policy {md(view.policy)}, impact tier {view.tier}.\n"
    if view.published:
        yield f"{md(view.published)}\n"
    yield from (f"**{md(text)}**\n" for text in view.banners)
    yield "## Summary\n"
    yield from _part("What was decided", view.summary.decided)
    yield from _part("What was seen outside Fairgate", view.incidents)
    yield from _part(view.summary.monitored_title, view.summary.monitored)
    yield from _part("What was measured for the release", view.summary.measured)
    yield from _missing(view)
    yield from _part("What cannot be concluded, and notes of the audit", (*view.summary.limits, *view.summary.notes))
    for part in view.newer:
        yield from _more(part, "##")
    for panel in view.panels:
        yield from _panel(panel)
    for title, parts in (("Over all features", view.more), ("What rules ask to be computed", view.rules)):
        if parts:
            yield f"## {title}\n"
        for part in parts:
            yield from _more(part, "###")
    yield from _quality(view)
    yield "## Requirements\n"
    rows = [(item.title, item.status, item.reason, item.way_out or "") for item in view.findings]
    yield from _table(("Requirement", "Answer", "Reason", "Way out"), rows)
    yield from _glass(view)
    yield from _sign_offs(view)
    yield "\n## Digests\n"
    yield from _table(("What", "Digest"), [(item.label, item.digest) for item in view.digests])
    yield "\n## About this record\n"
    yield from _table(("Item", "Value"), view.facts)


def _missing(view: ReleaseView) -> Iterator[str]:
    if view.summary.missing:
        yield f"**{md(view.summary.missing_title)}**\n"
        for item in view.summary.missing:
            yield f"- {md(item.title)} ({item.status}): {md(item.reason)}"
            yield from (f"  - {md(line)}" for line in (*item.who, *([item.way_out] if item.way_out else [])))
        yield ""


def _panel(panel: Panel) -> Iterator[str]:
    yield f"## {md(panel.title)}\n"
    if panel.groups:
        heads = tuple(metric.label for metric in panel.metrics)
        yield from _table(("Group", "People", *heads), [_group_cells(panel, at) for at in range(len(panel.groups))])
        yield f"\n{md(panel.order)}\n" if panel.order else ""
    if panel.disparities:
        yield from _items(panel.reading)
        yield from [""] if panel.reading else []
        yield from _disparities(panel)
        yield ""
    for part in (*panel.strata, *panel.parts):
        yield from _more(part, "###")


def _disparities(panel: Panel) -> Iterator[str]:
    chance = panel.chance or panel.alone
    head = ("Disparity", "Metric", "Groups", "Value", "Interval", *([chance] if chance else []))
    rows = [_disparity(item, chance, panel) for item in panel.disparities]
    yield from _table((*head, "Bound", "Verdict", "Why"), rows)


def _disparity(item: DisparityRow, chance: str, panel: Panel) -> tuple[str, ...]:
    value = f"{item.value} (without noise {item.corrected})" if item.corrected else item.value
    verdict = f"{item.verdict} ({item.seen})" if item.seen else item.verdict
    alone = " alone" if not item.bounded and panel.chance and panel.chance != panel.alone and item.p != DASH else ""
    p = [f"{item.p}{alone}"] if chance else []
    why = "; ".join((item.reason, *item.strata))
    return (item.name, item.metric, item.where, value, item.interval, *p, item.bound, verdict, why)


def _more(part: Part, mark: str) -> Iterator[str]:
    yield f"{mark} {md(part.title)}\n"
    if not part.plots:  # words about pictures, which this format has not
        yield from (f"{md(word)}\n" for word in part.words)
    if part.facts:
        yield from (f"- {md(name)}: {md(value)}" for name, value in part.facts)
        yield ""
    for table in part.tables:
        yield from captioned(table)
    if part.notes:
        yield from _items(part.notes)
        yield ""


def captioned(table: Table) -> Iterator[str]:
    """A table under its caption."""
    yield f"{md(table.caption)}\n"
    heads = (f"{column.label} ({column.note})" if column.note else column.label for column in table.columns)
    yield from _table(tuple(heads), [tuple(_text(cell) for cell in row.cells) for row in table.rows])
    yield ""


def _text(cell: Cell) -> str:
    return f"{cell.text} ({'; '.join(cell.notes)})" if cell.notes else cell.text


def _group_cells(panel: Panel, at: int) -> tuple[str, ...]:
    group = panel.groups[at]
    name = group.name if group.note is None else f"{group.name} ({group.note})"
    return (name, group.size, *(_rate(rate) for rate in group.rates))


def _rate(rate: Rate) -> str:
    counts = ", ".join(filter(None, (rate.counts, rate.weight)))
    return (
        f"{rate.value} ({rate.interval}) {counts}"
        if rate.interval
        else f"{rate.value} {rate.reason or counts}".rstrip()
    )


def _quality(view: ReleaseView) -> Iterator[str]:
    yield "## Data quality\n"
    if view.quality is None:
        yield "No data validation is recorded.\n"
        return
    yield f"**{view.quality.outcome}**: {md(view.quality.sentence)}\n"
    yield from _items(view.quality.errors)
    rows = [(i.expectation, i.column, i.severity, i.observed, i.required) for i in view.quality.failed]
    if rows:
        yield from _table(("Expectation", "Column", "Severity", "Observed", "Required"), rows)
        yield ""


def _glass(view: ReleaseView) -> Iterator[str]:
    if view.glass:
        yield "\n## Broken glass\n"
        rows = [
            (item.name, item.function, f"{item.hours}", item.time, item.reason, f"{item.seq}", item.standing)
            for item in view.glass
        ]
        yield from _table(("Who", "Function", "Hours at most", "When", "Reason", "Ledger entry", "Standing"), rows)


def _sign_offs(view: ReleaseView) -> Iterator[str]:
    yield "\n## Sign-offs\n"
    if not view.sign_offs:
        yield "Nobody has signed."
    for item in view.sign_offs:
        yield f"### {md(item.name)} ({md(item.function)}) {item.decision}, {item.time}\n"
        yield f"- Meaning: {md(item.meaning)}\n- Reason: {md(item.reason)}"
        yield from ([f"- On behalf of: {md(item.on_behalf_of)}"] if item.on_behalf_of else [])
        yield f"- Authentication: {md(item.authentication)}\n- Assurance: {md(item.assurance)}"
        yield f"- Expires: {item.expires}\n- Ledger entry {item.seq}; {md(item.standing)}"
        yield from (f"- Condition {x.number}, {md(x.owner)}: {md(x.text)} ({md(x.standing)})" for x in item.conditions)
        yield from ([f"- Sections opened: {md(item.reading)} {NO_PROOF}"] if item.reading else [])
        yield from (f"- {row.label}: {md(row.digest)}" for row in item.digests)
        yield ""


def _part(title: str, sentences: tuple[str, ...]) -> Iterator[str]:
    if sentences:
        yield f"**{title}**\n"
        yield from _items(sentences)
        yield ""


def _items(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {md(sentence)}" for sentence in sentences)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(md(cell) for cell in head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(md(cell) for cell in row)} |"
