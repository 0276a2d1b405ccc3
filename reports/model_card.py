"""The model card: what the model is, what was measured of it, who signed, and what nobody has said. Pure.

The sections are those of Mitchell et al., "Model Cards for Model Reporting" (2019). What the record does not hold is a
blank with a question: the people who made the model answer it, nobody else does. `release_view` makes the card once,
from the values that a report prints; every page and format that has a model card prints that one.
"""

from __future__ import annotations

from audits.plan import AuditPlan, Task
from audits.result import AuditResult
from audits.source_uri import shown
from reports.evidence import CaseEvidence
from reports.exchange import measures
from reports.view import Panel, ReleaseView
from reports.view_card import CardSection, ModelCard
from reports.view_table import Cell, Column, Row, Table
from reports.words import count, listed, metric_label, metric_meaning, printable

SHOWN = 24
_TASKS = {
    Task.BINARY: "one of two values",
    Task.MULTICLASS: "one of several classes",
    Task.REGRESSION: "a number",
    Task.RANKING: "an order of people",
}
_DETAILS = ("Registered by", "Release first asked for", "Registry", "Impact tier")
NO_AUDIT = "No audit is recorded for a release: nothing was measured."
_TRAINING = CardSection(
    "card-training",
    "Training data",
    words=("The record binds the model's files. It does not hold the data that the model was trained on.",),
    blanks=("On which data was it trained, and how were they prepared?",),
)
_ETHICS = CardSection(
    "card-ethics",
    "Ethical considerations",
    blanks=(
        "Which harms to whom were considered, and what was done about them?",
        "Do the data hold special categories of personal data, and on which ground?",
    ),
)


def model_card(evidence: CaseEvidence, view: ReleaseView, *, measured: bool) -> ModelCard:
    """The card of this case's model version; `view` was made from the same evidence.

    Not `measured`: without the sections and measures that a report has elsewhere, for which `view` may lack the values.
    """
    audit, plan = evidence.audit, evidence.plan
    found = (
        _details(evidence, view),
        _use(view, plan),
        _factors(evidence),
        *((_metrics(view, audit),) if measured else ()),
        _data(evidence, view),
        _TRAINING,
        _ETHICS,
        *(_numbers(view) if measured else ()),
    )
    numbers = tuple(measures(audit)) if measured and audit else ()
    return ModelCard(plan.task.value if plan else "", _dataset(audit, plan), found, numbers)


def _details(evidence: CaseEvidence, view: ReleaseView) -> CardSection:
    subject, facts = evidence.case.subject, dict(view.facts)
    audit = evidence.audit
    return CardSection(
        "card-details",
        "The model",
        facts=(
            ("Name", view.model),
            ("Version", view.version),
            *((("Model id in the registry", printable(subject.model_id)),) if subject.model_id else ()),
            ("Model files", subject.digest),
            *((name, facts[name]) for name in _DETAILS if name in facts),
            *((("Audit plan", audit.plan_digest),) if audit else ()),
            *((("Measured with", facts["Measured with"]),) if "Measured with" in facts else ()),
        ),
        blanks=(
            "Who developed the model, and whom to ask about it?",
            "What kind of model is it, and how was it trained?",
            "Under which licence may it be used?",
        ),
    )


def _use(view: ReleaseView, plan: AuditPlan | None) -> CardSection:
    facts = [("Released to" if view.outcome == "RELEASED" else "Asked to become", view.target)]
    if plan is not None:
        facts.append(("What it answers", _TASKS[plan.task]))
        facts.append(("Favourable outcome for a person", printable(plan.favourable)))
        facts.append(("Outcome in the data", printable(plan.label) if plan.label else "none is known"))
    return CardSection(
        "card-use",
        "Intended use",
        facts=tuple(facts),
        blanks=(
            "What is the model for, and who is meant to use it?",
            "Which people are affected by what it answers?",
            "What must it not be used for?",
        ),
    )


def _factors(evidence: CaseEvidence) -> CardSection:
    audit, plan = evidence.audit, evidence.plan
    asked = ("Which other groups, instruments or surroundings could matter, and why were they not measured?",)
    if audit is None:
        return CardSection("card-factors", "Groups that were looked at", words=(NO_AUDIT,), blanks=asked)
    together = dict.fromkeys(item.features for item in audit.estimates if len(item.features) > 1)
    facts = [("Each alone", listed(tuple(printable(name) for name in audit.features)))]
    if together:
        facts.append(("Together", "; ".join(" × ".join(map(printable, names)) for names in together)))
    if plan is not None and plan.control_features:
        facts.append(("Within levels of", listed(tuple(printable(item.name) for item in plan.control_features))))
    return CardSection("card-factors", "Groups that were looked at", facts=tuple(facts), blanks=asked)


def _data(evidence: CaseEvidence, view: ReleaseView) -> CardSection:
    audit, plan = evidence.audit, evidence.plan
    asked = ("Whom do the data describe, how and when were they collected, and why these?",)
    if audit is None:
        return CardSection("card-data", "Data that was measured", words=(NO_AUDIT,), blanks=asked)
    source = (("Source", printable(shown(plan.source), 400)),) if plan is not None and plan.source else ()
    facts = (*source, ("Rows", count(audit.row_count)), ("Digest", audit.data_digest))
    words = (f"Quality gate: {view.quality.outcome}. {view.quality.sentence}",) if view.quality else ()
    return CardSection("card-data", "Data that was measured", words=words, facts=facts, blanks=asked)


def _dataset(audit: AuditResult | None, plan: AuditPlan | None) -> str:
    if plan is not None and plan.source:
        return printable(shown(plan.source), 400)
    return audit.data_digest if audit else ""


def _numbers(view: ReleaseView) -> tuple[CardSection, ...]:
    limits = CardSection("caveats", "Limits", words=view.summary.limits, measured=True)
    return _quantities(view), *_newer(view), _signed(view), limits


def _newer(view: ReleaseView) -> tuple[CardSection, ...]:
    """What a scheduled audit found since: what holds a release must not be missing from its card."""
    return tuple(
        CardSection(
            part.key, part.title, (*part.words, *view.summary.monitored), part.facts, part.tables, measured=True
        )
        for part in view.newer
    )


def _metrics(view: ReleaseView, audit: AuditResult | None) -> CardSection:
    if audit is None:
        return CardSection("metrics", "Metrics", words=(NO_AUDIT,), measured=True)
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
    return CardSection("metrics", "Metrics", words=words, facts=(*facts, *kept), measured=True)


def _quantities(view: ReleaseView) -> CardSection:
    tables = [table for panel in view.panels for table in (_rates(panel), _disparities(panel)) if table is not None]
    words = view.summary.measured or (NO_AUDIT,)
    return CardSection("quantities", "Quantitative analyses", words=words, tables=tuple(tables), measured=True)


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
    words = (*view.banners, *(signed or ("Nobody has signed it.",)))
    return CardSection("signed", "Who signed", words=words, measured=True)
