"""What the record knows of Art 27(1)(a) to (f) of the EU AI Act. The rest is the deployer's, and stays a blank."""

from __future__ import annotations

from collections.abc import Iterator

from governance.dossier import ReleaseStep
from reports.annex_iv import newer_known, nobody_signed, signatures
from reports.forms import Known, form_paper
from reports.paper import Paper
from reports.policy_words import on_trouble
from reports.report import Report
from reports.view import Panel
from reports.view_table import Cell, Column, Row, Table
from reports.words import moment, printable

_ADVERSE = {"adverse", "watch"}
_LIMIT = 24
FILE = "art_27.toml"


def art_27_paper(report: Report) -> Paper:
    """The form."""
    known = {
        "(a)": Known(facts=tuple(_process(report))),
        "(b)": Known(words=tuple(_period(report))),
        "(c)": _groups(report),
        "(d)": _risks(report),
        "(e)": Known((*report.view.summary.decided, *nobody_signed(report)), tables=signatures(report)),
        "(f)": Known(words=tuple(_measures(report)), facts=_responsible(report)),
    }
    return form_paper(FILE, report, known)


def _process(report: Report) -> Iterator[tuple[str, str]]:
    yield "Environment and alias", report.view.target
    yield "Impact tier under the policy", report.view.tier
    if report.evidence.plan is not None:  # without its outcome "yes" would say nothing: as Annex IV prints it
        _, *answers = report.view.whole_card.section("card-use").facts
        yield from answers


def _period(report: Report) -> Iterator[str]:
    steps = [step for step in report.evidence.case.dossier.steps if step.kind != "promotion-intent"]
    yield from (f"{_step(step)} on {moment(step.time)} (ledger entry {step.seq})." for step in steps)
    if not steps:
        yield "It has not been released."
    for item in report.view.sign_offs:
        if item.counts and item.decision == "approved":
            yield f"The approval of {item.name} ({item.function}) expires: {item.expires}."


def _step(step: ReleaseStep) -> str:
    return "Released" if step.kind == "promotion" else "Taken out of use"


def _groups(report: Report) -> Known:
    """The groups of single features and how many people of each were measured."""
    if report.evidence.audit is None:
        return Known(words=("No audit is recorded: no group was measured.",))
    rows = tuple(
        Row((Cell(group.name, (group.note,) if group.note else ()), Cell(group.size)), quiet=not group.counted)
        for panel in _single(report)
        for group in panel.groups
    )
    columns = (Column("Group that was measured", numeric=False), Column("People in the data"))
    return Known(tables=(Table("Groups of one feature each", columns, rows, _LIMIT),))


def _single(report: Report) -> tuple[Panel, ...]:
    audit = report.evidence.audit
    names = {printable(name) for name in audit.features} if audit else set()
    return tuple(panel for panel in report.view.panels if panel.title in names)


def _risks(report: Report) -> Known:
    """The bounded comparisons that are adverse or to be watched, also on newer data, and what cannot be concluded."""
    found = [row for panel in report.view.panels for row in panel.disparities if row.bounded]
    rows = tuple(
        Row((Cell(row.verdict), Cell(row.name, (row.metric,) if row.metric else ()), Cell(row.where), Cell(row.value)))
        for row in found
        if row.verdict in _ADVERSE
    )
    heads = ("Verdict", "Disparity", "Groups", "Value")
    caption = "Comparisons of the audit for the release with a bound that are adverse or to be watched"
    table = Table(caption, tuple(Column(head, numeric=False) for head in heads), rows, _LIMIT)
    newer = newer_known(report)
    words = (*newer.words, *report.view.summary.limits)
    return Known(words, newer.facts, (*newer.tables, *((table,) if rows else ())))


def _measures(report: Report) -> Iterator[str]:
    yield "Any signature can be withdrawn, with a reason: the version is then no longer live."
    yield from on_trouble(report.evidence.policy)
    yield from report.view.incidents


def _responsible(report: Report) -> tuple[tuple[str, str], ...]:
    """The policy's table of who is responsible, accountable, consulted and informed."""
    return tuple(
        (
            printable(item.activity),
            f"responsible: {printable(', '.join(item.responsible))};"
            f" accountable: {printable(', '.join(item.accountable))}",
        )
        for item in report.evidence.policy.raci
    )
