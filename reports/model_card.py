"""CaseEvidence -> ModelCard: the record in the order of a model card. Pure.

The sections are those of Mitchell et al., "Model Cards for Model Reporting" (2019). What the record does not hold is a
blank with a question: the people who made the model answer it, nobody else does. Every number is one that the report
prints (`reports.release_view`); a card computes none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits.plan import AuditPlan, Task
from audits.result import AuditResult
from audits.source_uri import shown
from reports.evidence import CaseEvidence
from reports.release import release_view
from reports.view import Cell, Column, Panel, ReleaseView, Row, Table
from reports.words import count, group_name, listed, metric_label, metric_meaning, printable

SHOWN = 24
BLANK = "To be written by the people who made the model"


@dataclass(frozen=True, slots=True)
class CardSection:
    """One section. `blanks` are questions that the record does not answer and that nobody answers for its owner."""

    key: str
    title: str
    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    blanks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardResult:
    """One number of the card for machines: a metric in one group. `value` is the record's own, unrounded."""

    metric: str
    label: str
    group: str
    value: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model card, printable and not escaped. `task` is binary, multiclass, regression or ranking; empty: unknown."""

    title: str
    model: str
    version: str
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
        standing=f"{view.label} as {view.target}, as of {view.time}. {view.headline}",
        task=plan.task.value if plan else "",
        dataset=_dataset(audit, plan),
        sections=(
            _details(evidence, view),
            _use(view, plan),
            _factors(audit, plan),
            _metrics(view, audit),
            _evaluation_data(view, audit, plan),
            _training_data(),
            _quantities(view),
            _ethics(view),
            CardSection("caveats", "Caveats and recommendations", words=view.summary.limits),
        ),
        results=_results(audit) if audit else (),
    )


def _details(evidence: CaseEvidence, view: ReleaseView) -> CardSection:
    subject = evidence.case.subject
    kept = [fact for fact in view.facts if fact[0] in {"Registered by", "Registry", "Audited", "Impact tier"}]
    facts = (
        ("Name", view.model),
        ("Version", view.version),
        ("Model files", subject.digest),
        *((("Model id in the registry", printable(subject.model_id)),) if subject.model_id else ()),
        *kept,
        ("Policy", view.policy),
    )
    asked = (
        "Who developed the model, and whom to ask about it?",
        "What kind of model is it, and how was it trained?",
        "Under which licence may it be used?",
    )
    return CardSection("details", "Model details", facts=facts, blanks=asked)


def _use(view: ReleaseView, plan: AuditPlan | None) -> CardSection:
    facts = [("Released to", view.target)] if view.outcome == "RELEASED" else [("Asked to become", view.target)]
    if plan is not None:
        facts.append(("What it answers", _TASKS[plan.task]))
        facts.append(("Favourable outcome for a person", printable(plan.favourable)))
        if plan.label is not None:
            facts.append(("Outcome in the data", printable(plan.label)))
    asked = (
        "What is the model for, and who is meant to use it?",
        "Which people are affected by what it answers?",
        "What must it not be used for?",
    )
    return CardSection("use", "Intended use", facts=tuple(facts), blanks=asked)


_TASKS = {
    Task.BINARY: "one of two values",
    Task.MULTICLASS: "one of several classes",
    Task.REGRESSION: "a number",
    Task.RANKING: "an order of people",
}


def _factors(audit: AuditResult | None, plan: AuditPlan | None) -> CardSection:
    if audit is None:
        return CardSection("factors", "Factors", words=(_NO_AUDIT,))
    together = dict.fromkeys(item.features for item in audit.estimates if len(item.features) > 1)
    words = [f"Measured for {listed(tuple(printable(name) for name in audit.features))}."]
    if together:
        words.append(f"Measured together: {listed(tuple(' × '.join(map(printable, names)) for names in together))}.")
    if plan is not None and plan.control_features:
        controls = listed(tuple(printable(item.name) for item in plan.control_features))
        words.append(f"Disparities in selection were also looked at within the levels of {controls}.")
    asked = ("Which other groups, instruments or surroundings could matter, and why were they not measured?",)
    return CardSection("factors", "Factors", words=tuple(words), blanks=asked)


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


def _evaluation_data(view: ReleaseView, audit: AuditResult | None, plan: AuditPlan | None) -> CardSection:
    if audit is None:
        return CardSection("evaluation-data", "Evaluation data", words=(_NO_AUDIT,))
    facts = [("Rows", count(audit.row_count)), ("Digest", audit.data_digest)]
    if plan is not None and plan.source:
        facts.insert(0, ("Source", printable(shown(plan.source), 400)))
    words = (f"Quality gate: {view.quality.outcome}. {view.quality.sentence}",) if view.quality else ()
    asked = ("Whom do the data describe, how and when were they collected, and why these?",)
    return CardSection("evaluation-data", "Evaluation data", words=words, facts=tuple(facts), blanks=asked)


def _training_data() -> CardSection:
    said = "The record binds the model's files; it does not hold the data that it was trained on."
    asked = ("On which data was it trained, and how were they prepared?",)
    return CardSection("training-data", "Training data", words=(said,), blanks=asked)


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


def _ethics(view: ReleaseView) -> CardSection:
    signed = tuple(
        f"{item.name} ({item.function}) {item.decision} it on {item.time}: {item.standing}." for item in view.sign_offs
    )
    words = (*view.banners, *(signed or ("Nobody has signed it.",)))
    asked = (
        "Which harms to whom were considered, and what was done about them?",
        "Do the data hold special categories of personal data, and on which ground?",
    )
    return CardSection("ethics", "Ethical considerations", words=words, blanks=asked)


_NO_AUDIT = "No audit is recorded for a release: nothing was measured."


def _dataset(audit: AuditResult | None, plan: AuditPlan | None) -> str:
    if plan is not None and plan.source:
        return printable(shown(plan.source), 400)
    return audit.data_digest if audit else ""


def _results(audit: AuditResult) -> tuple[CardResult, ...]:
    """Rates that have a value and are compared; what is suppressed has none."""
    return tuple(
        CardResult(item.metric, metric_label(item.metric), group_name(item.features, item.group), item.value)
        for item in audit.estimates
        if item.value is not None and item.counted and not item.suppressed
    )
