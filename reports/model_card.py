"""CaseEvidence -> ModelCard: the record in the order of a model card. Pure.

The sections are those of Mitchell et al., "Model Cards for Model Reporting" (2019). What the record does not hold is a
blank with a question: the people who made the model answer it, nobody else does. Every number is one that the report
prints (`reports.release_view`); a card computes none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits.plan import AuditPlan
from audits.result import AuditResult
from audits.source_uri import shown
from reports.evidence import CaseEvidence
from reports.release import release_view
from reports.view import CardSection, Cell, Column, Panel, ReleaseView, Row, Table
from reports.words import group_name, metric_label, metric_meaning, printable

SHOWN = 24
BLANK = "To be written by the people who made the model"


@dataclass(frozen=True, slots=True)
class CardResult:
    """One number of the card for machines: a metric in one group. `value` is the record's own, unrounded."""

    metric: str
    label: str
    group: str
    value: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model card, printable and not escaped. `published` says that what may not be published is masked.

    `task` is binary, multiclass, regression or ranking; empty where the plan is not known.
    """

    title: str
    model: str
    version: str
    published: str
    standing: str
    task: str
    dataset: str
    sections: tuple[CardSection, ...]
    results: tuple[CardResult, ...]


def model_card(evidence: CaseEvidence) -> ModelCard:
    """The card of this case's model version."""
    return card_of(evidence, release_view(evidence))


def card_of(evidence: CaseEvidence, view: ReleaseView) -> ModelCard:
    """The same where the view was made already."""
    audit, plan = evidence.audit, evidence.plan
    return ModelCard(
        title=f"Model card of {view.model}, version {view.version}",
        model=view.model,
        version=view.version,
        published=view.published,
        standing=f"{view.label} as {view.target}, as of {view.time}. {view.headline}",
        task=plan.task.value if plan else "",
        dataset=_dataset(audit, plan),
        sections=(*_known(view, *_FIRST), _metrics(view, audit), *_known(view, *_SECOND), *_numbers(view)),
        results=_results(audit) if audit else (),
    )


_FIRST, _SECOND = ("card-details", "card-use", "card-factors"), ("card-data", "card-training", "card-ethics")
"""Sections that the evidence shows too (`reports.card`), before the metrics and after them."""


def _known(view: ReleaseView, *keys: str) -> tuple[CardSection, ...]:
    return tuple(section for section in view.card if section.key in keys)


def _numbers(view: ReleaseView) -> tuple[CardSection, ...]:
    return (_quantities(view), _signed(view), CardSection("caveats", "Limits", words=view.summary.limits))


def _metrics(view: ReleaseView, audit: AuditResult | None) -> CardSection:
    if audit is None:
        return CardSection("metrics", "Metrics", words=(_NO_AUDIT,))
    names = dict.fromkeys(item.metric for item in audit.estimates)
    facts = tuple((metric_label(name), metric_meaning(name) or "as the audit's record defines it") for name in names)
    bounds = dict.fromkeys(
        f"{row.name}{f', {row.metric}' if row.metric else ''}: {row.bound}"
        for panel in view.panels
        for row in panel.disparities
        if row.bounded
    )
    words = (f"Bounds that the plan declared before the run: {'; '.join(bounds)}.",) if bounds else ()
    kept = tuple(fact for fact in view.facts if fact[0] in {"Confidence of intervals", "Least evidence to compare"})
    return CardSection("metrics", "Metrics", words=words, facts=(*facts, *kept))


def _quantities(view: ReleaseView) -> CardSection:
    tables = [table for panel in view.panels for table in (_rates(panel), _disparities(panel)) if table is not None]
    title = "Quantitative analyses"
    return CardSection("quantities", title, words=view.summary.measured or (_NO_AUDIT,), tables=tuple(tables))


def _rates(panel: Panel) -> Table | None:
    if not panel.groups:
        return None
    rows = tuple(
        Row(
            (
                Cell(group.name, (group.note,) if group.note else ()),
                Cell(group.size),
                *(Cell(rate.value, tuple(filter(None, (rate.interval, rate.reason)))) for rate in group.rates),
            ),
            quiet=not group.counted,
        )
        for group in panel.groups
    )
    heads = (Column("People"), *(Column(head.label, meaning=head.meaning) for head in panel.metrics))
    caption = f"Group rates for {panel.title}: share and interval"
    return Table(caption, (Column("Group", numeric=False), *heads), rows, SHOWN)


def _disparities(panel: Panel) -> Table | None:
    bounded = [row for row in panel.disparities if row.bounded]
    if not bounded:
        return None
    rows = tuple(
        Row(
            (
                Cell(row.name, (row.metric,) if row.metric else ()),
                Cell(row.where),
                Cell(row.value, (row.interval,) if row.interval else ()),
                Cell(row.bound),
                Cell(row.verdict, (row.seen,) if row.seen else ()),
            )
        )
        for row in bounded
    )
    heads = (
        *(Column("Disparity", numeric=False), Column("Groups", numeric=False), Column("Value, interval")),
        *(Column("Bound", numeric=False), Column("Verdict", numeric=False)),
    )
    return Table(f"Disparities with a bound, for {panel.title}", heads, rows, SHOWN)


def _signed(view: ReleaseView) -> CardSection:
    signed = tuple(
        f"{item.name} ({item.function}) {item.decision} it on {item.time}: {item.standing}." for item in view.sign_offs
    )
    return CardSection("signed", "Who signed", words=(*view.banners, *(signed or ("Nobody has signed it.",))))


_NO_AUDIT = "No audit is recorded for a release: nothing was measured."


def _dataset(audit: AuditResult | None, plan: AuditPlan | None) -> str:
    if plan is not None and plan.source:
        return printable(shown(plan.source), 400)
    return audit.data_digest if audit else ""


def _results(audit: AuditResult) -> tuple[CardResult, ...]:
    """Rates that have a value and are compared; what is suppressed has none."""
    return tuple(
        CardResult(printable(item.metric), metric_label(item.metric), group_name(item.features, item.group), item.value)
        for item in audit.estimates
        if item.value is not None and item.counted and not item.suppressed
    )
