"""What the console shows beside the evidence: the inbox, the form, the ledger. Frozen values, pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from governance.break_glass import ends
from governance.case import Case, still_waiting
from governance.charter import Charter
from governance.decide import DecisionOutcome
from governance.desk import Desk, charter_of
from governance.digests import digest_bytes
from governance.emergency import waiting_glass
from governance.people import Person
from governance.signoff import approval_of, may_sign, signs_for
from governance.statement import Entry, PredicateType
from reports.glass import emergency_words
from reports.release import digest_rows
from reports.summary import headline, person_named, sentence
from reports.view import DigestRow
from reports.words import ASSURANCES, listed, moment, one_line, printable, requirement_label


@dataclass(frozen=True, slots=True)
class Signing:
    """What this person may do with this case. `barred` says why nothing, `approval_barred` why no approval.

    `functions` are those in which she may sign, each with its name for people, which says for whom she would sign.
    """

    functions: tuple[tuple[str, str], ...]
    barred: str | None
    approval_barred: str | None
    expires_in: int


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
    """A version that broken glass puts live, or could. `open`: two persons broke it, so a release rests on it."""

    link: str
    model: str
    target: str
    state: str
    words: str
    open: bool


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of the ledger in a list. `mark` is the class of the badge of what must not be overlooked."""

    seq: int
    time: str
    word: str
    who: str
    meaning: str
    mark: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry in full: what was recorded, when, by whom, and the digests that prove it. `signed`: a person's act."""

    row: EntryRow
    signed: bool
    reason: str | None
    facts: tuple[tuple[str, str], ...]
    shown: tuple[DigestRow, ...]
    proof: tuple[DigestRow, ...]
    case_link: str | None


_SIGNED = (PredicateType.SIGN_OFF, PredicateType.REFUSAL)
_ACTS = (*_SIGNED, PredicateType.POLICY_APPROVAL, PredicateType.DELEGATION, PredicateType.KEY_EVENT)


def case_link(name: str, version: str, alias: str, page: str = "/case") -> str:
    """The path of a case; names travel as query values because they may hold anything."""
    return f"{page}?{urlencode({'name': name, 'version': version, 'alias': alias})}"


def link_of(case: Case, page: str = "/case") -> str:
    """The path of this case."""
    return case_link(case.subject.name, case.subject.version, case.target.alias, page)


def inbox(desk: Desk, person: Person, cases: tuple[Case, ...]) -> tuple[InboxRow, ...]:
    """Of all that was asked for, the holds that wait: first those that this person may decide, then by age."""
    rows = [_inbox_row(desk, case, person) for case in still_waiting(cases)]
    return tuple(sorted(rows, key=lambda row: not row.mine))


def emergencies(desk: Desk, cases: tuple[Case, ...]) -> tuple[EmergencyRow, ...]:
    """The emergency releases that hold now, and the glass that one person has broken and another one could."""
    found = (_emergency_row(desk, case) for case in cases)
    return tuple(sorted((row for row in found if row), key=lambda row: not row.open))


def half_broken(desk: Desk, case: Case) -> str:
    """That one person has broken the glass and a second one has not, in sentences; empty where it is not so."""
    part, rules = waiting_glass(desk, case), desk.policy.rules(case.decision.tier)
    if part is None or rules is None:
        return ""
    who, why = f"{printable(part.person.name)} ({printable(part.function)})", one_line(part.reason, 400)
    return (
        f"{who} has broken the glass: “{why}” Nothing is released unless a second person does so too, with "
        f"fairgate break-glass, before {moment(ends(part, rules))}."
    )


def policy_banner(desk: Desk) -> str | None:
    """What to say where people adopted another policy than the one that this console works with."""
    adopted = charter_of(desk).adopted()
    if adopted is None or adopted.digest == desk.policy.digest:
        return None
    named = f"{printable(desk.policy.name)} {printable(desk.policy.version)} ({desk.policy.digest[:19]})"
    force = f"{printable(adopted.name)} {printable(adopted.version)} ({adopted.digest[:19]})"
    return (
        f"Policy {named} is not in force, so nothing is released and nobody can sign: people adopted {force}, ledger "
        f"entry {adopted.seq}. Whoever runs this console names that one in FAIRGATE_POLICY, or two persons adopt this "
        f"one with fairgate policy approve."
    )


def signing(desk: Desk, case: Case, person: Person) -> Signing:
    """What the form offers. The same questions are asked again, from the ledger, when the form is sent."""
    rules = desk.policy.rules(case.decision.tier)
    needed = tuple(function for finding in case.decision.missing() for function in finding.needs)
    functions = sorted(may_sign(desk, case, person), key=lambda function: function not in needed)
    return Signing(
        tuple((function, _function_label(case, person, function)) for function in functions),
        _barred(case, person, tuple(functions)),
        _approval_barred(desk, case, person),
        rules.sign_off_valid_days if rules else 0,
    )


def entry_row(entry: Entry) -> EntryRow:
    """The entry as a line of the ledger."""
    return EntryRow(
        entry.seq,
        moment(entry.time),
        entry.statement.predicate_type.word,
        printable(entry.statement.actor.name),
        one_line(entry.statement.meaning, 300),
        _MARKS.get(entry.statement.predicate_type, ""),
    )


_MARKS = {
    PredicateType.BREAK_GLASS: "emergency",
    PredicateType.OBSERVATION: "warning",
    PredicateType.REFUSAL: "refused",
}


def receipt(entry: Entry, charter: Charter) -> Receipt:
    """The entry in full; `charter` names the people whose ids it holds."""
    body = entry.statement.body
    reason = body.get("reason")
    return Receipt(
        row=entry_row(entry),
        signed=entry.statement.predicate_type in _ACTS,
        reason=printable(reason, None, lines=True) if isinstance(reason, str) else None,
        facts=_facts(entry, charter),
        shown=(
            *(DigestRow(printable(item.name), item.digest) for item in entry.statement.subjects),
            *([DigestRow("policy", entry.statement.policy_digest)] if entry.statement.policy_digest else []),
        ),
        proof=(
            DigestRow("Digest of the entry", digest_bytes(entry.envelope)),
            DigestRow("Leaf hash (RFC 6962)", entry.leaf_hash.hex()),
            DigestRow("Ledger root after it", entry.root.hex()),
        ),
        case_link=_entry_case(body),
    )


def moved_rows(case: Case, shown: Any) -> tuple[tuple[str, str, str], ...]:
    """(what, digest that was shown, digest now) for everything that moved."""
    pairs = zip(digest_rows(shown), digest_rows(case.shown()), strict=True)
    return tuple((old.label, printable(old.digest), new.digest) for old, new in pairs if old.digest != new.digest)


def _emergency_row(desk: Desk, case: Case) -> EmergencyRow | None:
    emergency = case.decision.emergency
    words = f"Broken glass: {emergency_words(emergency)}" if emergency else half_broken(desk, case)
    if not words:
        return None
    live = "Live by broken glass" if case.released() else "Goes live by broken glass"
    return EmergencyRow(
        link=link_of(case),
        model=printable(case.subject),
        target=printable(case.target),
        state=live if emergency else "One of two persons",
        words=words,
        open=emergency is not None,
    )


def _function_label(case: Case, person: Person, function: str) -> str:
    delegator = signs_for(case, person, function)
    return printable(function) + (f", on behalf of {person_named(delegator, case)}" if delegator else "")


def _inbox_row(desk: Desk, case: Case, person: Person) -> InboxRow:
    offer = signing(desk, case, person)
    signed = approval_of(desk, case, person) is not None
    since = case.dossier.holds[0].time if case.dossier.holds else None
    missing = case.decision.missing()
    return InboxRow(
        link=link_of(case),
        model=printable(case.subject.name),
        version=printable(case.subject.version),
        target=("is live as " if case.released() else "wants to become ") + printable(case.target),
        tier=case.decision.tier.value,
        since=moment(since) if since else "",
        age=_age(since, case.dossier.now) if since else "",
        why=_why(case),
        missing=tuple(requirement_label(item.requirement) for item in missing),
        act=offer.barred or _act(offer, signed=signed),
        mine=offer.barred is None and not (signed and case.decision.only_sign_off_missing()),
    )


def _why(case: Case) -> str:
    if case.decision.only_sign_off_missing():
        needed = tuple(printable(need) for finding in case.decision.missing() for need in finding.needs)
        return f"Everything measured is met. Sign-off is missing from {listed(needed)}."
    reasons = [item for item in case.decision.missing() if not item.needs]
    return sentence(one_line(reasons[0].reason, 200)) if reasons else headline(case)


def _act(offer: Signing, *, signed: bool) -> str:
    functions = listed(tuple(label for _, label in offer.functions), "or")
    if signed:
        return f"{offer.approval_barred}"
    if offer.approval_barred is None:
        return f"You may approve or refuse, as {functions}."
    return f"You may refuse, as {functions}. It cannot be approved as it stands."


def _age(since: datetime, now: datetime) -> str:
    hours = max(0, int((now - since).total_seconds() // 3600))
    if hours < 1:
        return "less than an hour"
    unit, number = ("day", hours // 24) if hours >= 48 else ("hour", hours)
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _barred(case: Case, person: Person, functions: tuple[str, ...]) -> str | None:
    if case.decision.outcome is DecisionOutcome.REFUSED:
        return "This version is refused, and a refusal is final for these bytes."
    excluded = case.dossier.excluded().get(person.id)
    if excluded:
        return f"You cannot sign: you {excluded.replace('this version', 'this version yourself')}."
    if not case.dossier.charter.in_force(case.decision.policy_digest):
        return "You cannot sign: the policy of this console is not the one that people adopted."
    if not functions:
        held = listed(tuple(printable(item) for item in person.functions)) or "no function"
        return f"You cannot sign: you hold {held}, and the policy asks for others."
    return None


def _approval_barred(desk: Desk, case: Case, person: Person) -> str | None:
    earlier = approval_of(desk, case, person)
    if earlier is not None:
        return f"You have approved this evidence (ledger entry {earlier.seq}). You may still refuse."
    if case.decision.outcome is DecisionOutcome.RELEASED or case.decision.only_sign_off_missing():
        return None
    labels = tuple(requirement_label(item.requirement).lower() for item in case.decision.missing() if not item.needs)
    return f"An approval would release nothing while this is not met: {listed(labels)}."


def _facts(entry: Entry, charter: Charter) -> tuple[tuple[str, str], ...]:
    """Who, in which function, for whom, how we know it was she, and until when: as far as the entry says so."""
    body, signed = entry.statement.body, entry.statement.predicate_type in _SIGNED
    said = (
        ("Signed by" if signed else "By", printable(entry.statement.actor.name)),
        ("Function", printable(body.get("function") or "")),
        ("On behalf of", _person(body.get("on_behalf_of"), charter)),
        ("Delegated to", _person(body.get("delegate"), charter)),
        ("For at most", f"{printable(body['hours'])} hours" if body.get("hours") else ""),
        ("Authenticated by", printable(body.get("authentication") or "")),
        ("Assurance", _assurance(body) if body.get("authentication") else ""),
        ("Expires", _end(body.get("expires_at") or body.get("until")) or ("does not expire" if signed else "")),
    )
    return tuple((name, value) for name, value in said if value)


def _person(identity: Any, charter: Charter) -> str:
    person = charter.person(f"{identity}") if identity else None
    return f"{printable(person.name)} ({printable(person.id)})" if person else printable(identity or "")


def _assurance(body: Any) -> str:
    return ASSURANCES.get(f"{body.get('assurance')}", ASSURANCES["password"])


def _end(text: Any) -> str:
    return moment(datetime.fromisoformat(text)) if text else ""


def _entry_case(body: Any) -> str | None:
    subject, target = body.get("subject"), body.get("target")
    if not subject or not target:
        return None
    return case_link(subject["name"], subject["version"], target["alias"])
