"""What goes into the ledger: statements made from evidence and acts. `casefile` reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from governance.condition import Condition
from governance.decide import Decision
from governance.digests import digest_value, plain
from governance.dossier import Dossier, SignOff
from governance.people import MACHINE, Actor, Person, actor
from governance.policy import Assurance
from governance.sections import Reading
from governance.statement import PredicateType, ResourceDigest, Statement
from governance.subject import Subject, Target
from governance.user_key import Assertion, UserSignature

RELEASE = "release"
MONITORING = "monitoring"


def model_name(subject: Subject) -> str:
    """The name of a model version as a subject of statements."""
    return f"model/{subject.name}/{subject.version}"


def model(subject: Subject) -> ResourceDigest:
    """The model version and its bytes as a subject of statements."""
    return ResourceDigest(model_name(subject), subject.digest)


def target_of(name: str, target: Target) -> ResourceDigest:
    """A release target as a subject of statements, so that its history can be found whatever the version."""
    return ResourceDigest("target", digest_value([name, target.environment, target.alias]))


def registered(
    subject: Subject, registrant: str | None, assurance: str, by: Actor, owners: Mapping[str, str] | None = None
) -> Statement:
    """Who answers for the registration of these bytes. assurance: declared, authenticated or unknown.

    `owners` says who else made what will be judged, as far as is known: `run` and `data`, ids of persons.
    """
    return Statement(
        PredicateType.MODEL_REGISTERED,
        (model(subject),),
        by,
        f"{subject} was registered by {registrant or 'nobody known'} ({assurance})",
        {"subject": plain(subject), "registrant": registrant, "assurance": assurance, "owners": plain(owners or {})},
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """What statements about evidence have in common. `purpose` is release or monitoring."""

    subject: Subject
    data_digest: str
    plan_digest: str
    policy_digest: str
    purpose: str
    by: Actor


def validated(evidence: Evidence, validation_digest: str, outcome: str, summary: Mapping[str, Any]) -> Statement:
    """The quality gate looked at the data; the whole result is in the evidence store."""
    return Statement(
        PredicateType.DATA_VALIDATION,
        (*_measured(evidence), ResourceDigest("data-validation", validation_digest)),
        evidence.by,
        f"the data for {evidence.subject} was validated: {outcome}",
        {"purpose": evidence.purpose, "outcome": outcome, "summary": plain(summary)},
        evidence.policy_digest,
    )


def audited(evidence: Evidence, report_digest: str, summary: Mapping[str, Any]) -> Statement:
    """The model was audited; the whole result is in the evidence store. `summary` is what `casefile` reads."""
    return Statement(
        PredicateType.FAIRNESS_AUDIT,
        (*_measured(evidence), ResourceDigest("audit-report", report_digest)),
        evidence.by,
        f"{evidence.subject} was audited ({evidence.purpose})",
        {"purpose": evidence.purpose, **plain(summary)},
        evidence.policy_digest,
    )


def held(dossier: Dossier, decision: Decision, by: Actor) -> Statement:
    """A release was asked for and the gate holds it."""
    missing = [f"{item.requirement}: {item.reason}"[:400] for item in decision.missing()]
    return Statement(
        PredicateType.HOLD,
        (model(dossier.subject), target_of(dossier.subject.name, dossier.target)),
        by,
        f"{dossier.subject} is {decision.outcome.value} for {dossier.target}",
        {"subject": plain(dossier.subject), "target": plain(dossier.target), "missing": missing},
        decision.policy_digest,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """Digests of everything a signer saw. A sign-off names all of them; None where nothing was there to see."""

    model_digest: str
    report_digest: str | None
    data_digest: str | None
    validation_digest: str | None
    policy_digest: str

    def moved(self, now: Shown) -> tuple[str, ...]:
        """What is no longer as it was shown, in words."""
        pairs = (
            ("the model's bytes", self.model_digest, now.model_digest),
            ("the audit report", self.report_digest, now.report_digest),
            ("the audited data", self.data_digest, now.data_digest),
            ("the data validation", self.validation_digest, now.validation_digest),
            ("the policy", self.policy_digest, now.policy_digest),
        )
        return tuple(words for words, before, after in pairs if before != after)


@dataclass(frozen=True, slots=True)
class Signature:
    """A person's act of signing. decision: approve or refuse; expires_at None for a refusal, which is final.

    `on_behalf_of` is the delegator, where she signs by delegation; `key` or `passkey` what her own key signed, where
    it did. `assurance` is what the server attests where it did not: never more than server-attested. `reading` is what
    she opened of the evidence, None where nobody counted.
    """

    person: Person
    function: str
    decision: str
    reason: str
    authentication: str
    expires_at: datetime | None
    on_behalf_of: str | None = None
    key: UserSignature | None = None
    assurance: Assurance = Assurance.PASSWORD
    passkey: Assertion | None = None
    conditions: tuple[Condition, ...] = ()
    reading: Reading | None = None

    def assured(self) -> Assurance:
        """What the record says of how sure it is that it was she."""
        return assured(self.assurance, own_key=bool(self.key or self.passkey))


def assured(attested: Assurance, *, own_key: bool) -> Assurance:
    """The assurance of an act: what the server attests is never more than server-attested, a key of her own is."""
    if own_key:
        return Assurance.USER_KEY
    return min(attested, Assurance.SERVER_ATTESTED, key=lambda item: item.rank)


def signed(dossier: Dossier, shown: Shown, signature: Signature) -> Statement:
    """A sign-off or a refusal, bound to everything shown and to one target."""
    approve = signature.decision == "approve"
    verb = "approve" if approve else "refuse"
    behalf = f", on behalf of {signature.on_behalf_of}" if signature.on_behalf_of else ""
    count = len(signature.conditions)
    terms = f", on {count} condition{'' if count == 1 else 's'}" if count else ""
    meaning = f"I {verb} the release of {dossier.subject} as {dossier.target}{behalf}{terms}"
    digests = {
        "audit-report": shown.report_digest,
        "data": shown.data_digest,
        "data-validation": shown.validation_digest,
    }
    return Statement(
        PredicateType.SIGN_OFF if approve else PredicateType.REFUSAL,
        (
            model(dossier.subject),
            target_of(dossier.subject.name, dossier.target),
            *(ResourceDigest(name, digest) for name, digest in digests.items() if digest),
        ),
        actor(signature.person),
        meaning,
        {
            "subject": plain(dossier.subject),
            "target": plain(dossier.target),
            "shown": plain(shown),
            "function": signature.function,
            "decision": signature.decision,
            "reason": signature.reason,
            "authentication": signature.authentication,
            "assurance": signature.assured().value,
            "on_behalf_of": signature.on_behalf_of,
            "user_key": plain(signature.key),
            "passkey": plain(signature.passkey),
            "expires_at": plain(signature.expires_at),
            **_on_terms(signature),
        },
        shown.policy_digest,
    )


def _on_terms(signature: Signature) -> dict[str, Any]:
    """Conditions and reading, each only where there is one: older entries have neither."""
    found = {"conditions": plain(signature.conditions)} if signature.conditions else {}
    return found if signature.reading is None else {**found, "reading": plain(signature.reading)}


def condition_met(dossier: Dossier, sign_off: SignOff, number: int, by: Person, body: Mapping[str, Any]) -> Statement:
    """A condition of an approval is met. `body`: reason, authentication, assurance, on_behalf_of."""
    return Statement(
        PredicateType.CONDITION,
        (model(dossier.subject), target_of(dossier.subject.name, dossier.target)),
        actor(by),
        f"condition {number} of sign-off {sign_off.seq} of {dossier.subject} as {dossier.target} is met",
        {"sign_off": sign_off.seq, "number": number, "met": True, "function": sign_off.function, **plain(body)},
    )


def withdrawn(
    dossier: Dossier, seq: int, reason: str, by: Person, how: Mapping[str, str] = MappingProxyType({})
) -> Statement:
    """An earlier sign-off, or part of an emergency release, no longer counts.

    `how`: authentication and assurance, as in a sign-off. Entries without them do not say how she was recognised.
    """
    return Statement(
        PredicateType.WITHDRAWAL,
        (model(dossier.subject), target_of(dossier.subject.name, dossier.target)),
        actor(by),
        f"sign-off {seq} of {dossier.subject} as {dossier.target} is withdrawn",
        {"sign_off": seq, "reason": reason, **how},
    )


def glass_broken(dossier: Dossier, person: Person, function: str, body: Mapping[str, Any], policy: str) -> Statement:
    """One of two persons puts a version live in an emergency. `body`: hours, reason, authentication, assurance."""
    return Statement(
        PredicateType.BREAK_GLASS,
        (model(dossier.subject), target_of(dossier.subject.name, dossier.target)),
        actor(person),
        f"I break the glass for {dossier.subject} as {dossier.target}, for {body['hours']} hours at most",
        {"subject": plain(dossier.subject), "target": plain(dossier.target), "function": function, **plain(body)},
        policy,
    )


def step(
    kind: PredicateType, subject: Subject, target: Target, *, by: Actor = MACHINE, body: Mapping[str, Any], policy: str
) -> Statement:
    """promotion-intent, promotion or demotion."""
    words = {
        PredicateType.PROMOTION_INTENT: f"{subject} is about to become {target}",
        PredicateType.PROMOTION: f"{subject} is released as {target}",
        PredicateType.DEMOTION: f"{subject} is no longer {target}",
    }
    return Statement(
        kind,
        (model(subject), target_of(subject.name, target)),
        by,
        words[kind],
        {"subject": plain(subject), "target": plain(target), **plain(body)},
        policy,
    )


def observed(name: str, target: Target, what: str, body: Mapping[str, Any]) -> Statement:
    """Something was seen that nobody recorded: an alias moved outside, bytes that changed, a missed run."""
    return Statement(PredicateType.OBSERVATION, (target_of(name, target),), MACHINE, what, plain(body))


def schedule_of(name: str) -> ResourceDigest:
    """A schedule as a subject of statements."""
    return ResourceDigest(f"schedule/{name}", digest_value(["schedule", name]))


def ran(name: str, what: str, body: Mapping[str, Any]) -> Statement:
    """A scheduled run ended; the next one sees from this whether one was missed."""
    return Statement(PredicateType.OBSERVATION, (schedule_of(name),), MACHINE, what, plain(body))


def _measured(evidence: Evidence) -> tuple[ResourceDigest, ...]:
    return (
        model(evidence.subject),
        ResourceDigest("data", evidence.data_digest),
        ResourceDigest("plan", evidence.plan_digest),
    )
