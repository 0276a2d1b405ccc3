"""Read the ledger's entries back into a dossier. Pure: entries in, values out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from governance.condition import ConditionMet, conditions_in
from governance.dossier import (
    AuditRecord,
    BrokenGlass,
    Dossier,
    HoldRecord,
    Registration,
    ReleaseStep,
    SignOff,
    TakenBack,
    ValidationRecord,
)
from governance.people import Person
from governance.policy import Assurance
from governance.record import model_name
from governance.sections import reading_in
from governance.statement import Entry, PredicateType
from governance.subject import Subject, Target

STEPS = {PredicateType.PROMOTION_INTENT, PredicateType.PROMOTION, PredicateType.DEMOTION}


@dataclass(slots=True)
class _Pile:
    """Records sorted out of the entries, in their order."""

    registrations: list[Registration] = field(default_factory=list)
    validations: list[ValidationRecord] = field(default_factory=list)
    audits: list[AuditRecord] = field(default_factory=list)
    sign_offs: list[SignOff] = field(default_factory=list)
    holds: list[HoldRecord] = field(default_factory=list)
    steps: list[ReleaseStep] = field(default_factory=list)
    broken_glass: list[BrokenGlass] = field(default_factory=list)


def dossier_from(
    entries: Iterable[Entry],
    subject: Subject,
    target: Target,
    *,
    now: datetime,
    size: int,
    people: tuple[Person, ...],
    proved: Collection[int] = (),
) -> Dossier:
    """The dossier of these bytes under this name for this target.

    `entries` are those about the subject's digest. Evidence counts for the same name and version only; a refusal
    counts for the bytes under whatever name, and who made or asked for them may sign them under none. `proved` are the
    entries whose signer's own key was verified.
    """
    pile, copies, withdrawn, met = _Pile(), _Pile(), dict[int, TakenBack](), list[ConditionMet]()
    for entry in entries:
        if entry.statement.predicate_type is PredicateType.WITHDRAWAL:
            withdrawn.setdefault(int(entry.statement.body["sign_off"]), taken_back_of(entry))
        elif entry.statement.predicate_type is PredicateType.CONDITION:
            met += condition_of(entry)
        elif entry.statement.predicate_type is PredicateType.REFUSAL:
            pile.sign_offs.append(sign_off_of(entry, subject.digest))
        elif entry.statement.digest_of(model_name(subject)) == subject.digest:
            _sort(entry, subject, target, pile)
        else:
            _sort(entry, subject, target, copies)
    return Dossier(
        subject=subject,
        target=target,
        now=now,
        size=size,
        people=people,
        registrations=tuple(pile.registrations),
        validations=tuple(pile.validations),
        audits=tuple(pile.audits),
        sign_offs=tuple(_doubted(_mark(item, withdrawn), proved) for item in pile.sign_offs),
        met=tuple(met),
        broken_glass=tuple(
            replace(x, withdrawn=x.seq in withdrawn, taken_back=withdrawn.get(x.seq)) for x in pile.broken_glass
        ),
        holds=tuple(pile.holds),
        steps=tuple(pile.steps),
        makers=_makers(copies),
    )


def _makers(copies: _Pile) -> dict[str, str]:
    """Who must not sign because of what she did with the same bytes under another name or version."""
    made = [(owner, f"owns the {what}") for item in copies.registrations for what, owner in item.owners.items()]
    made += [(item.registrant, "registered these bytes") for item in copies.registrations if item.registrant]
    asked = [item.requested_by for item in copies.audits if item.purpose == "release"]
    asked += [item.requested_by for item in copies.validations if item.purpose == "release"]
    asked += [item.requested_by for item in copies.holds]
    return {**{by.id: "asked for the audit or release of a copy" for by in asked}, **dict(made)}


def _sort(entry: Entry, subject: Subject, target: Target, pile: _Pile) -> None:
    match entry.statement.predicate_type:
        case PredicateType.MODEL_REGISTERED:
            pile.registrations.append(_registration(entry))
        case PredicateType.DATA_VALIDATION:
            pile.validations.append(_validation(entry))
        case PredicateType.FAIRNESS_AUDIT:
            pile.audits.append(_audit(entry))
        case PredicateType.SIGN_OFF:
            pile.sign_offs.append(sign_off_of(entry, subject.digest))
        case PredicateType.BREAK_GLASS:
            pile.broken_glass.append(glass_of(entry, subject.digest))
        case PredicateType.HOLD:
            pile.holds.append(hold_of(entry))
        case kind if kind in STEPS:
            found = step_of(entry)
            if found.target == target:
                pile.steps.append(found)


def subject_of(body: Mapping[str, Any]) -> Subject:
    """The subject that a statement's body carries."""
    return Subject(**body["subject"])


def target_in(body: Mapping[str, Any]) -> Target:
    """The target that a statement's body carries."""
    return Target(**body["target"])


def _registration(entry: Entry) -> Registration:
    body = entry.statement.body
    return Registration(entry.seq, body["registrant"], body["assurance"], dict(body.get("owners", {})))


def _validation(entry: Entry) -> ValidationRecord:
    statement = entry.statement
    return ValidationRecord(
        seq=entry.seq,
        time=entry.time,
        digest=statement.digest_of("data-validation") or "",
        data_digest=statement.digest_of("data") or "",
        plan_digest=statement.digest_of("plan") or "",
        outcome=statement.body["outcome"],
        purpose=statement.body["purpose"],
        requested_by=statement.actor,
    )


def _audit(entry: Entry) -> AuditRecord:
    statement, body = entry.statement, entry.statement.body
    return AuditRecord(
        seq=entry.seq,
        time=entry.time,
        report_digest=statement.digest_of("audit-report") or "",
        data_digest=statement.digest_of("data") or "",
        plan_digest=statement.digest_of("plan") or "",
        policy_digest=statement.policy_digest,
        purpose=body["purpose"],
        impact=body["impact"],
        verdicts=dict(body["verdicts"]),
        measured=dict(body["measured"]),
        bounds=tuple((metric, comparison, float(limit)) for metric, comparison, limit in body["bounds"]),
        min_group_size=int(body["min_group_size"]),
        min_events=int(body["min_events"]),
        confidence=float(body["confidence"]),
        findings=tuple(body["findings"]),
        requested_by=statement.actor,
    )


def sign_off_of(entry: Entry, digest: str) -> SignOff:
    """The sign-off or refusal in an entry; `digest` is the model digest that the entry was found under."""
    statement, body = entry.statement, entry.statement.body
    shown, expires = body["shown"], body["expires_at"]
    return SignOff(
        seq=entry.seq,
        approver=statement.actor,
        function=body["function"],
        decision="refuse" if statement.predicate_type is PredicateType.REFUSAL else body["decision"],
        meaning=statement.meaning,
        reason=body["reason"],
        model_digest=shown["model_digest"] if shown["model_digest"] == digest else "",
        report_digest=shown["report_digest"],
        data_digest=shown["data_digest"],
        validation_digest=shown["validation_digest"],
        policy_digest=shown["policy_digest"],
        target=target_in(body),
        authentication=body["authentication"],
        signed_at=entry.time,
        expires_at=datetime.fromisoformat(expires) if expires else None,
        assurance=str(body.get("assurance", Assurance.PASSWORD.value)),
        on_behalf_of=body.get("on_behalf_of"),
        conditions=conditions_in(body),
        reading=reading_in(body),
    )


def condition_of(entry: Entry) -> tuple[ConditionMet, ...]:
    """The condition that an entry says is met; empty where it says anything but met."""
    body = entry.statement.body
    if body.get("met") is not True:
        return ()
    said = (body["reason"], body["authentication"], body.get("on_behalf_of"))
    return (ConditionMet(entry.seq, entry.time, body["sign_off"], body["number"], entry.statement.actor, *said),)


def taken_back_of(entry: Entry) -> TakenBack:
    """The withdrawal in an entry."""
    body = entry.statement.body
    how = (body.get(name) for name in ("authentication", "assurance"))
    said = tuple(str(value) if value else None for value in how)
    return TakenBack(entry.seq, entry.time, entry.statement.actor, *said)


def glass_of(entry: Entry, digest: str) -> BrokenGlass:
    """The part of an emergency release in an entry; `digest` is the model digest that it was found under."""
    body = entry.statement.body
    return BrokenGlass(
        seq=entry.seq,
        time=entry.time,
        person=entry.statement.actor,
        function=body["function"],
        reason=body["reason"],
        hours=int(body["hours"]),
        model_digest=digest,
        policy_digest=entry.statement.policy_digest,
        target=target_in(body),
    )


def hold_of(entry: Entry) -> HoldRecord:
    """The hold in an entry."""
    body = entry.statement.body
    return HoldRecord(entry.seq, entry.time, target_in(body), entry.statement.actor, tuple(body["missing"]))


def step_of(entry: Entry) -> ReleaseStep:
    """The promotion-intent, promotion or demotion in an entry."""
    body = entry.statement.body
    subject = subject_of(body)
    kind = entry.statement.predicate_type.word
    return ReleaseStep(
        entry.seq, entry.time, kind, target_in(body), subject.version, subject.digest, entry.statement.actor
    )


def _mark(item: SignOff, withdrawn: Mapping[int, TakenBack]) -> SignOff:
    """A refusal is final: only an approval can be withdrawn."""
    gone = item.seq in withdrawn and item.decision == "approve"
    return replace(item, withdrawn=True, taken_back=withdrawn[item.seq]) if gone else item


def _doubted(item: SignOff, proved: Collection[int]) -> SignOff:
    """A claim to have signed with a key of one's own is not believed; it is verified or it is nothing."""
    claimed = item.assurance not in (Assurance.PASSWORD, Assurance.SERVER_ATTESTED)
    return replace(item, assurance="unproved") if claimed and item.seq not in proved else item
