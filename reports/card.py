"""The sections of a model card that the evidence shows: what the model is, who answers for it, what nobody has said.

In the order of Mitchell et al., "Model Cards for Model Reporting" (2019). The numbers of a card are those of the other
sections, and are not repeated. What the record does not hold is a blank with a question: who made the model answers it.
"""

from __future__ import annotations

from audits.plan import AuditPlan, Task
from audits.source_uri import shown
from reports.evidence import CaseEvidence
from reports.view import CardSection, ReleaseView
from reports.words import count, listed, printable

_TASKS = {
    Task.BINARY: "one of two values",
    Task.MULTICLASS: "one of several classes",
    Task.REGRESSION: "a number",
    Task.RANKING: "an order of people",
}
_DETAILS = ("Registered by", "Release first asked for", "Registry", "Impact tier")
_NO_AUDIT = "No audit is recorded for a release: nothing was measured."


def card_sections(evidence: CaseEvidence, view: ReleaseView) -> tuple[CardSection, ...]:
    """What is known of the model, from the record and from `view`, which was made from the same."""
    return (
        _details(evidence, view),
        _use(view, evidence.plan),
        _factors(evidence),
        _data(evidence, view),
        CardSection(
            "card-training",
            "Training data",
            words=("The record binds the model's files. It does not hold the data that the model was trained on.",),
            blanks=("On which data was it trained, and how were they prepared?",),
        ),
        CardSection(
            "card-ethics",
            "Ethical considerations",
            blanks=(
                "Which harms to whom were considered, and what was done about them?",
                "Do the data hold special categories of personal data, and on which ground?",
            ),
        ),
    )


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
        return CardSection("card-factors", "Groups that were looked at", words=(_NO_AUDIT,), blanks=asked)
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
        return CardSection("card-data", "Data that was measured", words=(_NO_AUDIT,), blanks=asked)
    source = (("Source", printable(shown(plan.source), 400)),) if plan is not None and plan.source else ()
    facts = (*source, ("Rows", count(audit.row_count)), ("Digest", audit.data_digest))
    words = (f"Quality gate: {view.quality.outcome}. {view.quality.sentence}",) if view.quality else ()
    return CardSection("card-data", "Data that was measured", words=words, facts=facts, blanks=asked)
