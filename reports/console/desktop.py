"""What waits, as the inbox shows it, and what must be seen on every page of a case. Frozen values, pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from audits.result import Verdict
from governance.break_glass import ends
from governance.case import Case, still_waiting
from governance.decide import NOT_COUNTED
from governance.desk import Desk, charter_of
from governance.dossier import AuditRecord
from governance.emergency import barred, ended, waiting_glass
from governance.people import Person
from governance.policy import Requirement
from governance.signoff import approval_of, withdrawable
from reports.console.offers import act_words, signing
from reports.glass import emergency_words
from reports.summary import headline, sentence
from reports.words import count, listed, moment, one_line, printable, requirement_label, verdict_counts


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One hold that waits. `mine`: this person may decide it now."""

    link: str
    model: str
    version: str
    target: str
    tier: str
    since: str
    age: str
    why: str
    missing: tuple[str, ...]
    act: str
    mine: bool


@dataclass(frozen=True, slots=True)
class EmergencyRow:
    """A version that broken glass puts live, or could. `open`: two persons broke it, so a release rests on it.

    `act` is what this person can do about it, and `act_link` where; empty where nothing.
    """

    link: str
    model: str
    target: str
    state: str
    words: str
    open: bool
    act: str = ""
    act_link: str = ""


def case_link(name: str, version: str, alias: str, page: str = "/case") -> str:
    """The path of a case; names travel as query values because they may hold anything."""
    return f"{page}?{urlencode({'name': name, 'version': version, 'alias': alias})}"


def link_of(case: Case, page: str = "/case") -> str:
    """The path of this case."""
    return case_link(case.subject.name, case.subject.version, case.target.alias, page)


def inbox(desk: Desk, person: Person, cases: tuple[Case, ...]) -> tuple[InboxRow, ...]:
    """Of all that was asked for, the holds that wait: first those that this person may decide, then by age."""
    rows = [_inbox_row(desk, case, person) for case in sorted(still_waiting(cases), key=_waits_since)]
    return tuple(sorted(rows, key=lambda row: not row.mine))


def emergencies(desk: Desk, person: Person, cases: tuple[Case, ...]) -> tuple[EmergencyRow, ...]:
    """The emergency releases that hold now, and the glass that one person has broken and another one could."""
    found = (_emergency_row(desk, case, person) for case in cases)
    return tuple(sorted((row for row in found if row), key=lambda row: not row.open))


def half_broken(desk: Desk, case: Case) -> str:
    """That one person has broken the glass and a second one has not, in sentences; empty where it is not so."""
    part, rules = waiting_glass(desk, case), desk.policy.rules(case.decision.tier)
    if part is None or rules is None:
        return ""
    who, why = f"{printable(part.person.name)} ({printable(part.function)})", one_line(part.reason, 400)
    return (
        f"{who} has broken the glass: “{why}” Nothing is released unless a second person confirms it before "
        f"{moment(ends(part, rules))}, on the page “In an emergency” of this case."
    )


def glass_words(desk: Desk, case: Case) -> str:
    """What of broken glass must be seen of a case that it does not release: half of it, or its end. Empty if neither.

    A release that rests on broken glass has a banner of its own; see `reports.release`.
    """
    half, end = half_broken(desk, case), ended(desk, case)
    if half or end is None:
        return half
    live = "It is still live: the next reconcile takes it out. " if case.released() else ""
    return (
        f"The emergency release of this version ended by itself {moment(end)}. {live}No release rests on it any more."
    )


def glass_on(desk: Desk, case: Case) -> str:
    """`glass_words` on a page of several cases: it names the one."""
    words = glass_words(desk, case)
    return f"{printable(case.subject)} as {printable(case.target)}: {words}" if words else ""


def policy_banner(desk: Desk) -> str | None:
    """What to say where people adopted another policy than the one that this console works with."""
    adopted = charter_of(desk).adopted()
    if adopted is None or adopted.digest == desk.policy.digest:
        return None
    named = f"{printable(desk.policy.name)} {printable(desk.policy.version)} ({desk.policy.digest[:19]})"
    force = f"{printable(adopted.name)} {printable(adopted.version)} ({adopted.digest[:19]})"
    return (
        f"Policy {named} is not in force, so nothing is released and nobody can sign: people adopted {force}, ledger "
        f"entry {adopted.seq}. Whoever runs this console names that one in FAIRGATE_POLICY, or two persons approve "
        f"this one on the page Policies."
    )


def _emergency_row(desk: Desk, case: Case, person: Person) -> EmergencyRow | None:
    emergency = case.decision.emergency
    words = f"Broken glass: {emergency_words(emergency)}" if emergency else half_broken(desk, case)
    if not words:
        return None
    act, page = _glass_act(desk, case, person)
    live = "Live by broken glass" if case.released() else "Goes live by broken glass"
    return EmergencyRow(
        link=link_of(case),
        model=printable(case.subject),
        target=printable(case.target),
        state=live if emergency else "One of two persons",
        words=words,
        open=emergency is not None,
        act=act,
        act_link=link_of(case, page) if page else "",
    )


def _glass_act(desk: Desk, case: Case, person: Person) -> tuple[str, str]:
    """What this person can do about broken glass, and the page for it: confirm it, or take her own back."""
    part = waiting_glass(desk, case)
    if part is not None and barred(desk, case, person) is None:
        return "Read it, and confirm it or leave it", "/case/emergency"
    parts = {item.seq for item in case.dossier.broken_glass if item.target == case.target}
    if parts & set(withdrawable(desk, case, person)):
        return "Withdraw it", "/case/withdraw"
    return "", ""


def _waits_since(case: Case) -> datetime:
    """When its hold was recorded; where none is yet, now: nobody has waited for it."""
    hold = case.open_hold()
    return hold.time if hold else case.dossier.now


def _inbox_row(desk: Desk, case: Case, person: Person) -> InboxRow:
    offer = signing(desk, case, person)
    signed = approval_of(desk, case, person) is not None
    hold = case.open_hold()
    missing = case.decision.missing()
    return InboxRow(
        link=link_of(case),
        model=printable(case.subject.name),
        version=printable(case.subject.version),
        target=("is live as " if case.released() else "wants to become ") + printable(case.target),
        tier=case.decision.tier.value,
        since=moment(hold.time) if hold else "",
        age=_age(hold.time, case.dossier.now) if hold else "",
        why=_why(case),
        missing=tuple(requirement_label(item.requirement) for item in missing),
        act=offer.barred or act_words(offer, signed=signed),
        mine=offer.barred is None and not (signed and case.decision.only_sign_off_missing()),
    )


def _why(case: Case) -> str:
    if case.decision.only_sign_off_missing():
        needed = tuple(printable(need) for finding in case.decision.missing() for need in finding.needs)
        return f"{_measured(case.dossier.audit())} Sign-off is missing from {listed(needed)}.{_not_counted(case)}"
    reasons = [item for item in case.decision.missing() if not item.needs]
    if not reasons:
        return headline(case)
    audit = case.dossier.audit()
    if reasons[0].requirement == Requirement.NO_ADVERSE and audit and audit.findings:
        return _adverse(audit)
    return sentence(one_line(reasons[0].reason, 200))


def _measured(audit: AuditRecord | None) -> str:
    """How the comparisons stand: a watch or too little evidence holds nothing, and is not met either."""
    counts = audit.verdicts if audit else {}
    total, met = sum(counts.values()), counts.get(Verdict.NO_INDICATION, 0)
    if not total:
        return "No comparison with a bound was made."
    if met == total:
        return "Everything measured is met."
    others = {name: number for name, number in counts.items() if name != Verdict.NO_INDICATION}
    compared = f"{count(total)} comparison{'' if total == 1 else 's'} with a bound"
    return f"Not everything measured is met: of {compared}, {verdict_counts(others)}."


def _adverse(audit: AuditRecord) -> str:
    """How many comparisons are adverse, and the first of them without its small print.

    The record names single features before intersections and holds only some: the first need not be the widest.
    """
    found = audit.verdicts.get(Verdict.ADVERSE, 0)
    first = one_line(audit.findings[0], 400).removeprefix(f"{Verdict.ADVERSE}: ").partition("; ")[0]
    metric, _, rest = first.partition(" ")
    said = "1 comparison is adverse:" if found == 1 else f"{count(found)} comparisons are adverse, among them:"
    return sentence(f"{said} {metric.replace('_', ' ')} {rest}")


def _not_counted(case: Case) -> str:
    """Why approvals that were given do not count: somebody may think that she has decided."""
    reason = next((item.reason for item in case.decision.missing() if item.needs), "")
    void = reason.partition(f". {NOT_COUNTED}")[2]
    return f" {NOT_COUNTED}{one_line(void, 300)}." if void else ""


def _age(since: datetime, now: datetime) -> str:
    hours = max(0, int((now - since).total_seconds() // 3600))
    if hours < 1:
        return "less than an hour"
    unit, number = ("day", hours // 24) if hours >= 48 else ("hour", hours)
    return f"{number} {unit}{'' if number == 1 else 's'}"
