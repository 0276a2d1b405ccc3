"""All that the ledger knows of one model version and one target, as values. `decide` reads nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from governance.charter import Charter
from governance.condition import Condition, ConditionMet
from governance.people import Actor, Person
from governance.sections import Reading
from governance.subject import Subject, Target


@dataclass(frozen=True, slots=True)
class Registration:
    """Who answers for the registration. `declared` by the plan, or `authenticated` by `fairgate register`.

    `owners` are who else made what is judged: of the `run` that logged the model, of the `data`; ids of persons.
    """

    seq: int
    registrant: str | None
    assurance: str
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """A data validation: of which data, by which suite, how it ended."""

    seq: int
    time: datetime
    digest: str
    data_digest: str
    plan_digest: str
    outcome: str
    purpose: str
    requested_by: Actor


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An audit in summary; the full result is in the evidence store under `report_digest`.

    `purpose` is release or monitoring. `verdicts` counts bounded disparities by verdict. `measured` says for each
    sensitive feature whether at least one bounded disparity had enough evidence. `findings` are the adverse
    disparities in words.
    """

    seq: int
    time: datetime
    report_digest: str
    data_digest: str
    plan_digest: str
    policy_digest: str | None
    purpose: str
    impact: str | None
    verdicts: Mapping[str, int]
    measured: Mapping[str, bool]
    bounds: tuple[tuple[str, str, float], ...]
    min_group_size: int
    min_events: int
    confidence: float
    findings: tuple[str, ...]
    requested_by: Actor


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The withdrawal of a sign-off or of a part of an emergency release: who, when, and how she was authenticated.

    `authentication` and `assurance` are None where the entry does not say it: older ones do not.
    """

    seq: int
    time: datetime
    by: Actor
    authentication: str | None
    assurance: str | None


@dataclass(frozen=True, slots=True)
class SignOff:
    """A person's decision in one function, bound to everything that was shown. decision: approve or refuse.

    `assurance` is password, server-attested, user-key, or unproved where a claimed signature of her own does not hold.
    `on_behalf_of` is the delegator, where she signed by delegation. `conditions` are numbered from 1; `reading` says
    which sections she opened, None where that is not recorded.
    """

    seq: int
    approver: Actor
    function: str
    decision: str
    meaning: str
    reason: str
    model_digest: str
    report_digest: str | None
    data_digest: str | None
    validation_digest: str | None
    policy_digest: str | None
    target: Target
    authentication: str
    signed_at: datetime
    expires_at: datetime | None
    withdrawn: bool = False
    assurance: str = "password"
    on_behalf_of: str | None = None
    conditions: tuple[Condition, ...] = ()
    reading: Reading | None = None
    taken_back: TakenBack | None = None


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """One person's part in an emergency release: she and another one put a version live for some hours."""

    seq: int
    time: datetime
    person: Actor
    function: str
    reason: str
    hours: int
    model_digest: str
    policy_digest: str | None
    target: Target
    withdrawn: bool = False
    taken_back: TakenBack | None = None


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """promotion-intent, promotion or demotion of a target."""

    seq: int
    time: datetime
    kind: str
    target: Target
    version: str
    digest: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """A release was asked for and held. `requested_by` may not sign it off."""

    seq: int
    time: datetime
    target: Target
    requested_by: Actor
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of `subject` (its current bytes) and `target` at `now`. Records are in the ledger's order.

    `met` are the records of conditions that were met. `superseded` is the entry by which another version became live
    in the target, None where none did since. `makers` are ids of persons who made or asked for these bytes under
    another name or version, each with the reason. `people` are those that the ledger and the accounts both know, as
    they stand: who holds which function, who is disabled. `charter` is what the ledger says of people, delegations and
    policies.
    """

    subject: Subject
    target: Target
    now: datetime
    size: int
    people: tuple[Person, ...]
    registrations: tuple[Registration, ...] = ()
    validations: tuple[ValidationRecord, ...] = ()
    audits: tuple[AuditRecord, ...] = ()
    sign_offs: tuple[SignOff, ...] = ()
    met: tuple[ConditionMet, ...] = ()
    holds: tuple[HoldRecord, ...] = ()
    steps: tuple[ReleaseStep, ...] = ()
    broken_glass: tuple[BrokenGlass, ...] = ()
    charter: Charter = field(default_factory=Charter)
    makers: Mapping[str, str] = field(default_factory=dict)
    superseded: int | None = None

    def audit(self) -> AuditRecord | None:
        """The audit that a release rests on: the newest one made for a release."""
        return next((item for item in reversed(self.audits) if item.purpose == "release"), None)

    def validation(self) -> ValidationRecord | None:
        """The newest validation of the data that the release audit measured (or the newest, before any audit)."""
        return next(reversed(self.validations_of_audit()), None)

    def validations_of_audit(self) -> tuple[ValidationRecord, ...]:
        """Every validation of the data that the release audit measured (or all for a release, before any audit)."""
        audit = self.audit()
        wanted = (audit.data_digest, audit.plan_digest) if audit else None
        return tuple(
            item
            for item in self.validations
            if item.purpose == "release" and wanted in (None, (item.data_digest, item.plan_digest))
        )

    def monitoring(self) -> tuple[AuditRecord, ...]:
        """Monitoring audits since the data of the release audit were first audited for a release.

        The first time counts: auditing the same old data once more must not hide what was found on newer data.
        """
        audit = self.audit()
        same = (a.seq for a in self.audits if audit and a.purpose == "release" and a.data_digest == audit.data_digest)
        since = min(same, default=-1)
        return tuple(a for a in self.audits if a.purpose == "monitoring" and a.seq > since)

    def person(self, identity: str | None) -> Person | None:
        """The account with this id."""
        return next((person for person in self.people if person.id == identity), None)

    def excluded(self) -> Mapping[str, str]:
        """Ids of persons who may not sign, each with the reason: registrants, owners, who asked for evidence."""
        reasons: dict[str, str] = dict(self.makers)
        for hold in self.holds:
            reasons[hold.requested_by.id] = "asked for the release"
        asked = [item.requested_by for item in self.audits if item.purpose == "release"]
        asked += [item.requested_by for item in self.validations if item.purpose == "release"]
        for actor in asked:
            reasons.setdefault(actor.id, "asked for the audit")
        for registration in self.registrations:
            for what, owner in registration.owners.items():
                reasons.setdefault(owner, f"owns the {what}")
            if registration.registrant:
                reasons[registration.registrant] = "registered this version"
        return reasons
