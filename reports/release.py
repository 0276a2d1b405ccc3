"""CaseEvidence -> ReleaseView: the one way from the record to what people read. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from audits.result import AuditResult
from expectations.result import DataValidation
from governance.case import Case
from governance.decide import POLICY_IN_FORCE, Finding, Status
from governance.digests import plain
from governance.explanation import way_out_in_words
from governance.policy import Policy
from reports.changes import changes
from reports.earlier import Earlier
from reports.evidence import CaseEvidence, Incident, newest_monitoring
from reports.glass import emergency_words, glass_rows
from reports.measured import MEASURED, panels
from reports.model_card import model_card
from reports.newer import newer_part
from reports.provenance import read_from
from reports.qualified import rule_part, search_part
from reports.quantities import quantity_parts
from reports.sections import KEYS
from reports.signed import digest_rows, sign_off_row
from reports.summary import headline, sentence, summary
from reports.view import FailureRow, FindingRow, Part, QualityView, ReleaseView
from reports.words import count, moment, one_line, printable, requirement_label

FORMAT = "urn:fairgate:report:release:v1"


def release_view(evidence: CaseEvidence, wanted: Collection[str] = KEYS) -> ReleaseView:
    """What a report and the console show of this case.

    `wanted` are keys of sections (`reports.sections`): what only other sections print is not made, and neither are the
    record and the numbers of the model card where one of them is missing. A page prints what it asked for alone.
    """
    case, audit = evidence.case, evidence.audit
    said = summary(evidence)
    view = ReleaseView(
        title=f"{printable(case.subject)} as {printable(case.target)}",
        model=printable(case.subject.name),
        version=printable(case.subject.version),
        target=printable(case.target),
        outcome=case.decision.outcome.value,
        headline=headline(case),
        tier=case.decision.tier.value,
        policy=f"{printable(evidence.policy.name)} {printable(evidence.policy.version)}",
        at=case.dossier.now,
        time=moment(case.dossier.now),
        summary=said,
        verdicts=tuple((verdict.value, number) for verdict, number in audit.verdicts().items()) if audit else (),
        panels=panels(audit, evidence.plan, wanted) if audit and not set(MEASURED).isdisjoint(wanted) else (),
        more=_more(audit, wanted) if audit else (),
        rules=_rules(audit) if audit and "rates" in wanted else (),
        newer=newer_part(evidence, said) if "verdicts" in wanted else (),
        published=evidence.published,
        quality=_quality(evidence.validation) if evidence.validation else None,
        findings=tuple(_finding(item, case) for item in case.decision.findings),
        sign_offs=tuple(sign_off_row(item, case, evidence.policy) for item in case.dossier.sign_offs),
        digests=digest_rows(case.shown()),
        facts=(*_facts(case), *_raci(evidence.policy), *_measurement_facts(audit)),
        record=_record(evidence) if set(KEYS) <= set(wanted) else {},
        banners=_banners(case),
        incidents=tuple(_incident(item) for item in evidence.incidents),
        emergency=case.decision.emergency is not None,
        glass=glass_rows(case, evidence.policy),
        changes=changes(evidence) if "changes" in wanted else None,
    )
    if "model-card" not in wanted:
        return view
    return replace(view, card=model_card(evidence, view, measured=set(KEYS) <= set(wanted)))


def _banners(case: Case) -> tuple[str, ...]:
    """What nobody may overlook: an emergency, a policy that people did not adopt, a target that nobody asked for."""
    glass = case.decision.emergency
    broken = [f"Broken glass: {emergency_words(glass)}"] if glass else []
    force = (item for item in case.decision.missing() if item.requirement == POLICY_IN_FORCE)
    unasked = [] if _asked_for(case) else [f"Nobody has asked for a release as {printable(case.target)}."]
    return (*broken, *(f"No release under this policy: {one_line(item.reason, 400)}" for item in force), *unasked)


def _asked_for(case: Case) -> bool:
    """A look-alike of an alias can be opened by a link, and what is signed for it releases nothing elsewhere."""
    held, live, glass = case.dossier.holds, case.dossier.steps, case.dossier.broken_glass
    return case.target in {*(x.target for x in held), *(x.target for x in live), *(x.target for x in glass)}


def _incident(item: Incident) -> str:
    return f"{moment(item.time)}: {one_line(item.what, 400)} (ledger entry {item.seq})"


def _more(audit: AuditResult, wanted: Collection[str]) -> tuple[Part, ...]:
    """What belongs to no single feature: the search among intersections, and what was measured of everybody."""
    search = search_part(audit.search, audit.confidence) if "intersections" in wanted else ()
    return (*search, *(quantity_parts(audit, (), "everybody") if "rates" in wanted else ()))


def _rules(audit: AuditResult) -> tuple[Part, ...]:
    return tuple(rule_part(report, at) for at, report in enumerate(audit.rule_reports))


def _finding(item: Finding, case: Case) -> FindingRow:
    way_out = None if item.status is Status.MET else way_out_in_words(item, case.dossier)
    return FindingRow(
        title=requirement_label(item.requirement),
        status=item.status.value,
        reason=one_line(item.reason, 1_500),
        way_out=printable(way_out, 600) if way_out else None,
        entries=", ".join(f"{seq}" for seq in item.evidence),
    )


def _quality(validation: DataValidation) -> QualityView:
    rows, checks = count(validation.row_count), count(validation.evaluated)
    failed = f"{len(validation.failed)} not met" if validation.failed else "all met"
    aside = f" {count(validation.quarantined)} rows are named in the quarantine file." if validation.quarantined else ""
    return QualityView(
        outcome=validation.outcome.value,
        sentence=f"{checks} expectations were checked on {rows} rows by the suite "
        f"{printable(validation.suite)}: {failed}.{aside}",
        failed=tuple(
            FailureRow(
                expectation=printable(item.expectation),
                column=printable(item.column) if item.column else "whole table",
                severity=item.severity.value,
                observed=printable(item.observed, 300),
                required=printable(item.required, 300),
            )
            for item in validation.failed
        ),
        errors=tuple(printable(item, 600) for item in validation.errors),
    )


def _facts(case: Case) -> tuple[tuple[str, str], ...]:
    registration = case.dossier.registrations[-1] if case.dossier.registrations else None
    who = "nobody known"
    if registration and registration.registrant:
        person = case.dossier.person(registration.registrant)
        who = f"{printable(person.name if person else registration.registrant)} ({printable(registration.assurance)})"
    audit = case.dossier.audit()
    asked = "; ".join(f"{printable(hold.requested_by.name)}, {moment(hold.time)}" for hold in case.dossier.holds[:1])
    return (
        ("Registered by", who),
        ("Release first asked for", asked or "not yet"),
        ("Audited", moment(audit.time) if audit else "not yet"),
        ("Impact tier", case.decision.tier.value),
        ("Registry", printable(_without_secret(case.subject.registry), 200)),
        ("Ledger entries read", count(case.decision.size)),
    )


def _raci(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Who is responsible, accountable, consulted and informed, as the policy names them."""
    rows = []
    for item in policy.raci:
        parts = (
            ("responsible", item.responsible),
            ("accountable", item.accountable),
            ("consulted", item.consulted),
            ("informed", item.informed),
        )
        said = "; ".join(f"{word}: {printable(', '.join(names))}" for word, names in parts if names)
        rows.append((sentence(printable(item.activity)).rstrip("."), said))
    return tuple(rows)


def _without_secret(uri: str) -> str:
    """The registry's URI without the user and password that it may hold."""
    head, separator, rest = uri.partition("://")
    place, slash, path = rest.partition("/")
    return f"{head}{separator}{place.rpartition('@')[2]}{slash}{path}" if separator else uri


def _measurement_facts(audit: AuditResult | None) -> tuple[tuple[str, str], ...]:
    if audit is None:
        return ()
    least = f"{audit.min_group_size} people and {audit.min_events} events in a group"
    versions = ", ".join(f"{printable(name)} {printable(value)}" for name, value in audit.environment.items())
    return (
        ("Rows measured", count(audit.row_count)),
        ("Confidence of intervals", f"{audit.confidence:.0%}"),
        ("Least evidence to compare", least),
        ("Measured with", versions),
    )


def _record(evidence: CaseEvidence) -> dict[str, Any]:
    """The record itself, unprinted: what the JSON format gives."""
    case = evidence.case
    return {
        "format": FORMAT,
        "at": plain(case.dossier.now),
        "subject": plain(replace(case.subject, registry=_without_secret(case.subject.registry))),
        "target": plain(case.target),
        "policy": {"name": evidence.policy.name, "version": evidence.policy.version, "digest": evidence.policy.digest},
        "decision": plain(case.decision),
        "shown": plain(case.shown()),
        "registrations": plain(case.dossier.registrations),
        "holds": plain(case.dossier.holds),
        "sign_offs": plain(case.dossier.sign_offs),
        "conditions_met": plain(case.dossier.met),
        "broken_glass": plain(case.dossier.broken_glass),
        "incidents": plain(evidence.incidents),
        "earlier": _earlier(evidence.earlier),
        "audit": plain(evidence.audit),
        "validation": plain(evidence.validation),
        "newer_audits": _newer_audits(evidence),
        **read_from(evidence),
    }


def _newer_audits(evidence: CaseEvidence) -> list[dict[str, Any]]:
    """Every scheduled audit on newer data, by entry and digest; the one that readers are told of with its result."""
    told = newest_monitoring(evidence.case)
    names = ("seq", "time", "report_digest", "data_digest", "plan_digest", "policy_digest", "verdicts")
    return [
        {
            **{name: plain(getattr(item, name)) for name in names},
            "result": plain(evidence.monitoring) if item == told else None,
        }
        for item in evidence.case.dossier.monitoring()
    ]


def _earlier(before: Earlier | None) -> dict[str, Any] | None:
    """What the comparison with an earlier version was printed from, by digest: its evidence is a record of its own."""
    if before is None:
        return None
    names = ("version", "digest", "seq", "time", "released", "report_digest", "validation_digest", "policy_digest")
    return {name: plain(getattr(before, name)) for name in names}
