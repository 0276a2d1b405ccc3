"""What the record knows of each point of Annex IV to the EU AI Act. The rest is the provider's, and stays a blank."""

from __future__ import annotations

from collections.abc import Iterator

from reports.forms import Known, form_paper
from reports.paper import Paper
from reports.policy_words import on_trouble
from reports.report import Report
from reports.view_card import ModelCard
from reports.view_table import Cell, Column, Row, Table
from reports.words import count, moment, one_line, printable

_LIMIT = 24
FILE = "annex_iv.toml"


def annex_iv_paper(report: Report) -> Paper:
    """The extract."""
    card = report.view.whole_card
    return form_paper(
        FILE,
        report,
        {
            "1": _general(card),
            "2": Known(words=(card.section("card-training").words)),
            "2(g)": _tests(report, card),
            "3": _monitoring(report, card),
            "4": _metrics(card),
            "5": _risk(report),
            "6": _changes(report),
            "9": _after(report),
        },
    )


def _general(card: ModelCard) -> Known:
    return Known(facts=(*card.section("card-details").facts, *card.section("card-use").facts))


def _tests(report: Report, card: ModelCard) -> Known:
    """The test report: its data, metrics, numbers, and who signed it when."""
    data, numbers = card.section("card-data"), card.section("quantities")
    digests = tuple((row.label, row.digest) for row in report.view.digests)
    words = (*data.words, *numbers.words, *card.section("metrics").words, *nobody_signed(report))
    return Known(words=words, facts=(*data.facts, *digests), tables=(*numbers.tables, *signatures(report)))


def signatures(report: Report) -> tuple[Table, ...]:
    """Who signed what, when, why and how that was proved, and whether it counts; no table where nobody signed."""
    rows = tuple(
        Row(
            (
                Cell(
                    item.name, (item.function, *((f"on behalf of {item.on_behalf_of}",) if item.on_behalf_of else ()))
                ),
                Cell(item.decision, (item.meaning,)),
                Cell(item.time),
                Cell(item.reason),
                Cell(item.proved),
                Cell(item.standing, (f"ledger entry {item.seq}",)),
            )
        )
        for item in report.view.sign_offs
    )
    heads = ("Responsible person", "Decision and meaning", "Dated (UTC)", "Reason", "How it was proved", "Standing")
    columns = tuple(Column(head, numeric=False) for head in heads)
    return (Table("Signatures under the test report", columns, rows, _LIMIT),) if rows else ()


def nobody_signed(report: Report) -> tuple[str, ...]:
    """The sentence that stands where the table of signatures would."""
    return () if report.view.sign_offs else ("Nobody has signed the test report.",)


def _metrics(card: ModelCard) -> Known:
    found = card.section("metrics")
    return Known(found.words, found.facts)


def _monitoring(report: Report, card: ModelCard) -> Known:
    limits, newer = card.section("caveats").words, newer_known(report)
    return Known((*_oversight(report), *newer.words, *limits), newer.facts, newer.tables)


def newer_known(report: Report) -> Known:
    """What the newest scheduled audit found, in words and by comparison; empty where there is none."""
    words = report.view.summary.monitored
    return Known(
        words=(f"{report.view.summary.monitored_title}:", *words) if words else (),
        facts=tuple(fact for part in report.view.newer for fact in part.facts),
        tables=tuple(table for part in report.view.newer for table in part.tables),
    )


def _oversight(report: Report) -> Iterator[str]:
    rules = report.evidence.policy.rules(report.evidence.case.decision.tier)
    if rules is None:
        yield "The policy has no rules for this impact tier: it is not released."
    elif rules.quorum:
        yield (
            "A release needs the signatures of distinct persons in these functions:"
            f" {printable(', '.join(rules.quorum))}. A signature counts for {rules.sign_off_valid_days} days at most"
            " and can be withdrawn: that ends the release."
        )
    else:
        yield "The policy asks for no signature in this tier; who signs elsewhere can still refuse."


def _risk(report: Report) -> Known:
    """What the policy demands and how it is answered: a part of risk management, not the whole."""
    rows = tuple(
        Row((Cell(item.title), Cell(item.status), Cell(item.reason, (item.way_out,) if item.way_out else ())))
        for item in report.view.findings
    )
    heads = tuple(Column(head, numeric=False) for head in ("Requirement of the policy", "Answer", "Reason"))
    words = ("The bounds stand in the audit's plan, which was fixed before the run (Art 9(8)).",)
    caption = f"Requirements of policy {report.view.policy} for the tier {report.view.tier}"
    return Known(words=words, tables=(Table(caption, heads, rows, _LIMIT),))


def _changes(report: Report) -> Known:
    """What the ledger has of these bytes and this target."""
    dossier = report.evidence.case.dossier
    facts = [(moment(item.time), f"audited for {printable(item.purpose)}, entry {item.seq}") for item in dossier.audits]
    facts += [(moment(item.time), f"{printable(item.kind)}, entry {item.seq}") for item in dossier.steps]
    words = (f"{count(report.evidence.case.decision.size)} ledger entries were read.",)
    return Known(words=words, facts=tuple(sorted(facts)))


def _after(report: Report) -> Known:
    policy, found = report.evidence.policy, report.evidence.case.dossier.monitoring()
    some = (
        f"{count(len(found))} scheduled audits on newer data are"
        if len(found) != 1
        else "One scheduled audit on newer data is"
    )
    audits = f"{some} recorded since." if found else ""
    words = (
        audits or "No scheduled audit on newer data is recorded since the audit for the release.",
        *on_trouble(policy),
    )
    return Known(words=(*words, *(one_line(item, 400) for item in report.view.incidents)))
