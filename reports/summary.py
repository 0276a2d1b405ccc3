"""The plain-language summary of a release decision: sentences made from the record's own counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from audits.result import AuditResult, Disparity, GroupEstimate, Verdict
from governance.case import Case
from governance.decide import DecisionOutcome, Finding, Status
from governance.dossier import SignOff
from governance.explanation import way_out_in_words
from governance.lapse import in_words
from governance.policy import Policy
from governance.quorum import quorum
from governance.signoff import signs_for
from reports.evidence import CaseEvidence, newest_monitoring
from reports.measured import PRIMARY, disparity_name, worst_first
from reports.view_summary import Measured, Missing, Selected, Summary
from reports.words import (
    bound_text,
    count,
    disparity_interval,
    disparity_value,
    group_name,
    listed,
    moment,
    one_line,
    percent_interval,
    printable,
    requirement_label,
    share,
    unknown_level,
)

_ADVERSE = re.compile(r"^(\d+ adverse disparit(?:y|ies)): .*$")
"""The finding goes on to quote the worst in the field's shorthand; the summary says them in words further down."""
MOST = 6
"""So many sentences of one kind; the tables have the rest."""


def summary(evidence: CaseEvidence) -> Summary:
    """The summary of this case, as it stands at the dossier's time."""
    case = evidence.case
    refused = case.decision.outcome is DecisionOutcome.REFUSED

    def asks(item: Finding) -> bool:
        """A refused version needs nobody's sign-off any more, and the headline says who refused it."""
        return not refused or not (item.needs or item.status is Status.REFUSED)

    return Summary(
        decided=(headline(case), *_signatures(case), *_earlier_audits(case)),
        release=_measured(evidence.audit),
        missing_title="What stands against it" if refused else "What is missing, and who can give it",
        missing=tuple(_missing(item, case, evidence.policy) for item in case.decision.missing() if asks(item)),
        limits=tuple(_limits(evidence.audit)),
        brief=tuple(_brief(evidence.audit)),
        notes=tuple(sentence(one_line(note, 400), capital=False) for note in evidence.audit.notes)
        if evidence.audit
        else (),
        monitored_title=_monitored_title(case),
        newer=_measured(evidence.monitoring),
    )


def headline(case: Case) -> str:
    """The gate's answer in one sentence."""
    what, where = printable(case.subject), printable(case.target)
    match case.decision.outcome:
        case DecisionOutcome.REFUSED:
            reason = next((item.reason for item in case.decision.missing() if item.status is Status.REFUSED), "")
            return f"Refused: {what} will not become {where}. {sentence(one_line(reason))}"
        case DecisionOutcome.RELEASED:
            done = "is released as" if case.released() else "may be released as"
            if case.decision.emergency:
                until = moment(case.decision.emergency.until)
                lacking = tuple(requirement_label(item.requirement).lower() for item in case.decision.missing())
                unmet = f"although this is not met: {'; '.join(lacking)}"
                return f"Broken glass: {what} {done} {where} until {until}, {unmet}."
            return f"Everything that the policy asks for is there: {what} {done} {where}."
    labels = tuple(requirement_label(item.requirement).lower() for item in case.decision.missing())
    if case.released():
        return f"Held again: {what} is live as {where}, but no longer meets: {'; '.join(labels)}. People must decide."
    return f"Held: {what} does not become {where} until this is met: {'; '.join(labels)}."


def _earlier_audits(case: Case) -> Iterator[str]:
    """Data can be chosen: that other data gave an adverse finding for the same bytes must not be lost to sight."""
    now = case.dossier.audit()
    earlier = [item for item in case.dossier.audits if item.purpose == "release" and now and item.seq < now.seq]
    adverse = {item.data_digest for item in earlier if item.verdicts.get(Verdict.ADVERSE)}
    others = adverse - {now.data_digest if now else ""}
    if others:
        files = "1 other data file" if len(others) == 1 else f"{count(len(others))} other data files"
        yield f"Earlier release audits of the same model files, on {files}, were adverse."


def _monitored_title(case: Case) -> str:
    record = newest_monitoring(case)
    return f"What the scheduled audit of {record.time:%Y-%m-%d} found on newer data" if record else ""


def _signatures(case: Case) -> Iterator[str]:
    for item in case.dossier.sign_offs:
        verb = "refused" if item.decision == "refuse" else "approved"
        gone = " The approval was withdrawn." if item.withdrawn else ""
        who = f"{printable(item.approver.name)} ({printable(item.function)})"
        who += f", on behalf of {person_named(item.on_behalf_of, case)}," if item.on_behalf_of else ""
        terms = in_words(item, case.dossier)
        yield f"{who} {verb} it on {moment(item.signed_at)}{f', {terms}' if terms else ''}.{gone}"


def person_named(identity: str, case: Case) -> str:
    """`Name (id)`; the id alone where the case knows nobody under it."""
    person = case.dossier.person(identity)
    return f"{printable(person.name)} ({printable(identity)})" if person else printable(identity)


def _measured(audit: AuditResult | None) -> Measured:
    """Selection counts of each single feature, then the bounded disparities, the worst first."""
    if audit is None:
        return Measured()
    rows = [item for item in audit.estimates if item.metric == PRIMARY and len(item.features) == 1]
    compared = {(item.features, item.reference) for item in audit.disparities if item.reference}
    found = (
        _selected([x for x in rows if x.features == each], {group for features, group in compared if features == each})
        for each in dict.fromkeys(x.features for x in rows)
    )
    worst = _capped([_disparity(item) for item in worth_saying(audit)], "adverse or watch")
    return Measured(tuple(item for item in found if item.groups), _tally(audit), tuple(worst))


def _selected(estimates: list[GroupEstimate], references: Collection[tuple[str, ...]]) -> Selected:
    """The groups in the order of the record; where that are too many, never without those that people must see."""
    found = [item for item in estimates if item.counted and item.value is not None]
    kept = _told(found, references)
    left = len(found) - len(kept)
    more = f"{left} more group{'' if left == 1 else 's'}: see the table." if left else ""
    return Selected(printable(estimates[0].features[0]), tuple(_counts(item) for item in kept), more)


def _told(found: list[GroupEstimate], references: Collection[tuple[str, ...]]) -> list[GroupEstimate]:
    """At most MOST groups (a rest of one is said too); always the reference, the highest and the lowest."""
    if len(found) <= MOST + 1:
        return found
    by_rate = sorted(found, key=lambda item: item.value or 0.0)
    must = {item.group for item in found if item.group in references} | {by_rate[0].group, by_rate[-1].group}
    others = [item.group for item in found if item.group not in must]
    chosen = must | set(others[: max(0, MOST - len(must))])
    return [item for item in found if item.group in chosen]


def _counts(item: GroupEstimate) -> str:
    people = f"{count(item.n)} {'person' if item.n == 1 else 'people'}"
    where = group_name(item.features, item.group)
    interval = percent_interval(item.interval)
    note = f", interval {interval}" if interval else ""
    note += ", weighted" if item.effective_n is not None else ""
    verb = "was" if item.events == 1 else "were"
    return f"{people} with {where}, {count(item.events)} {verb} selected ({share(item.value or 0.0)}{note})"


def worth_saying(audit: AuditResult) -> tuple[Disparity, ...]:
    """Adverse before watch, single features before intersections, then the farthest from no difference first."""
    bounded = [item for item in audit.disparities if item.bound is not None]
    found = worst_first(tuple(item for item in bounded if item.verdict in (Verdict.ADVERSE, Verdict.WATCH)))
    return tuple(sorted(found, key=lambda item: (item.verdict is Verdict.WATCH, len(item.features))))


def _disparity(item: Disparity) -> str:
    """`Adverse: the impact ratio, sex=female against sex=male, is 0.65 (0.61 to 0.69); the bound is at least 0.8.`"""
    if item.suppressed:
        return (
            f"{item.verdict.value.capitalize()}: the {disparity_name(item).lower()}, {where(item)}; numbers suppressed."
        )
    value = disparity_value(item)
    interval = f" ({disparity_interval(item)})" if item.interval else ""
    return (
        f"{item.verdict.value.capitalize()}: the {disparity_name(item).lower()}, {where(item)}, "
        f"is {value}{interval}{_in_people(item)}; the bound is {bound_text(item.comparison, item.bound)}."
    )


def _in_people(item: Disparity) -> str:
    """An impact ratio in people; empty for other measures."""
    if item.name != "impact_ratio" or not item.group or item.value is None:
        return ""
    return f", that is {count(round(item.value * 100))} selected where 100 of the other group would be"


def where(item: Disparity) -> str:
    """The groups compared, printable: `sex=female against sex=male`."""
    group = group_name(item.features, item.group)
    return f"{group} against {group_name(item.features, item.reference)}" if item.group else f"over {group}"


def _tally(audit: AuditResult) -> str:
    verdicts = audit.verdicts()
    parts = tuple(f"{number} {verdict.value}" for verdict, number in verdicts.items() if number)
    total = sum(verdicts.values())
    if not total:
        return "No comparison with a bound was made."
    return f"{count(total)} {'comparison has' if total == 1 else 'comparisons have'} a bound: {listed(parts)}."


def _missing(finding: Finding, case: Case, policy: Policy) -> Missing:
    way_out = None if finding.needs else way_out_in_words(finding, case.dossier)
    return Missing(
        title=requirement_label(finding.requirement),
        status=finding.status.value,
        reason=_ADVERSE.sub(r"\1.", sentence(one_line(finding.reason, 260))),
        who=tuple(who_can_sign(function, case, policy) for function in finding.needs),
        way_out=printable(way_out, 600) if way_out else None,
    )


def who_can_sign(function: str, case: Case, policy: Policy) -> str:
    """`compliance: A or B can give it. C cannot: registered this version.`"""
    holders = [person for person in case.dossier.people if person.has(function)]
    barred = {**_signed_already(case, policy), **case.dossier.excluded()}
    able = (
        *(printable(person.name) for person in holders if person.id not in barred),
        *_delegates(function, case, barred),
    )
    notes = [f"{printable(p.name)} cannot: {printable(barred[p.id])}." for p in holders if p.id in barred]
    first = f"{listed(able, 'or')} can give it." if able else "nobody who may sign holds this function."
    return " ".join([f"{printable(function)}: {first}", *notes])


def _delegates(function: str, case: Case, barred: Mapping[str, str]) -> Iterator[str]:
    """`A for B (b)`: who can give it because somebody who may sign delegated the function."""
    for person in case.dossier.people:
        delegator = None if person.has(function) or person.id in barred else signs_for(case, person, function)
        if person.active and delegator:
            yield f"{printable(person.name)} for {person_named(delegator, case)}"


def _signed_already(case: Case, policy: Policy) -> Mapping[str, str]:
    rules = policy.rules(case.decision.tier)
    given: tuple[SignOff, ...] = quorum(rules, case.dossier, policy.digest).given if rules else ()
    return {item.approver.id: "has already signed, and each slot takes a different person" for item in given}


def _limits(audit: AuditResult | None) -> Iterator[str]:
    if audit is not None:
        yield from _capped([_thin(item) for item in _without_evidence(audit)], "without enough evidence")
        yield from _aside(audit)
    yield from _always(audit)


def _brief(audit: AuditResult | None) -> Iterator[str]:
    """The limits with the comparisons counted: the page of limits names them."""
    thin = len(_without_evidence(audit)) if audit else 0
    if thin:
        has = "comparison has" if thin == 1 else "comparisons have"
        yield f"{count(thin)} {has} too little evidence, or no value: nothing may be concluded from them."
    small = len(_small(audit)) if audit else 0
    if small:
        yield f"{count(small)} {'group is' if small == 1 else 'groups are'} too small: shown, and compared with nobody."
    yield from _always(audit)


def _without_evidence(audit: AuditResult) -> tuple[Disparity, ...]:
    return (*audit.with_verdict(Verdict.INSUFFICIENT), *audit.with_verdict(Verdict.NOT_ESTIMABLE))


def _always(audit: AuditResult | None) -> Iterator[str]:
    if audit is None:
        yield "No audit is recorded for a release, so nothing can be said about group rates."
        return
    for feature, number in audit.unknown.items():
        if number and not any(note.startswith(f"{feature}:") for note in audit.notes):
            missing = "a number, not published," if number < 0 else count(number)
            yield (
                f"{printable(feature)} is missing for {missing} of {count(audit.row_count)} people: "
                "they are counted and shown, and compared with nobody."
            )
    features = listed(tuple(printable(feature) for feature in audit.features))
    yield f"Only what the plan names was measured: {features}. Other features and other groups were not looked at."
    yield "“No indication” means that these data do not show a difference beyond the bound, not that there is none."


def _thin(item: Disparity) -> str:
    return f"{item.verdict.value.capitalize()}: {sentence(one_line(item.reason, 400), capital=False)}"


def _aside(audit: AuditResult) -> Iterator[str]:
    small = _small(audit)
    if small:
        names = tuple(f"{group_name(item.features, item.group)} ({count(item.size)})" for item in small[:MOST])
        more = f" and {len(small) - MOST} more" if len(small) > MOST else ""
        yield (
            f"Groups with fewer than {audit.min_group_size} people or {audit.min_events} events are shown, "
            f"and not compared: {listed(names)}{more}."
        )


def _small(audit: AuditResult) -> tuple[GroupEstimate, ...]:
    aside = (item for item in audit.estimates if item.metric == PRIMARY and not (item.counted or item.suppressed))
    return tuple(item for item in aside if not unknown_level(item.group))


def _capped(sentences: list[str], what: str) -> Iterator[str]:
    """At most MOST sentences and one that counts the rest; a rest of one is said instead of counted."""
    most = MOST + 1 if len(sentences) == MOST + 1 else MOST
    yield from sentences[:most]
    if len(sentences) > most:
        yield f"{len(sentences) - most} more comparisons are {what}; the tables name them."


def sentence(text: str, *, capital: bool = True) -> str:
    """`text` with a full stop, and a capital unless it begins with a name of the record."""
    text = text.strip()
    if not text:
        return ""
    return (text[:1].upper() if capital else text[:1]) + text[1:] + ("" if text[-1] in ".!?…" else ".")
