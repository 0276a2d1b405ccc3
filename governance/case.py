"""Cases: a subject, a target, what is known and what the gate answers. Read from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from governance.casefile import dossier_from, subject_of, target_in
from governance.charter import Charter, confirmed
from governance.decide import Decision, DecisionOutcome, decide
from governance.desk import Desk, charter_of
from governance.dossier import Dossier, HoldRecord
from governance.errors import UnknownCaseError
from governance.people import Person
from governance.policy import TierRules
from governance.record import Shown, target_of
from governance.statement import Entry, PredicateType
from governance.subject import Subject, Target
from governance.user_key import assertion_in, proves, signature_in, will_in


@dataclass(frozen=True, slots=True)
class Case:
    """One model version that wants one target, as it stands now."""

    dossier: Dossier
    decision: Decision

    @property
    def subject(self) -> Subject:
        """The model version and its bytes."""
        return self.dossier.subject

    @property
    def target(self) -> Target:
        """Where it wants to go."""
        return self.dossier.target

    def shown(self) -> Shown:
        """The digests of everything that a signer of this case sees now."""
        audit, validation = self.dossier.audit(), self.dossier.validation()
        return Shown(
            model_digest=self.subject.digest,
            report_digest=audit.report_digest if audit else None,
            data_digest=audit.data_digest if audit else None,
            validation_digest=validation.digest if validation else None,
            policy_digest=self.decision.policy_digest,
        )

    def released(self) -> bool:
        """Whether the ledger's last finished step for this target made this version live."""
        if self.dossier.superseded is not None:
            return False
        done = [step for step in self.dossier.steps if step.kind != "promotion-intent"]
        return bool(done) and done[-1].kind == "promotion"

    def open_hold(self) -> HoldRecord | None:
        """The hold from which people are waited for now, None where none is recorded.

        It is the first for this target since this version, or another one after it, became live there: what was held
        before has been decided, as in `governance.requests`.
        """
        lives = (step.seq for step in self.dossier.steps if step.kind == "promotion" and step.target == self.target)
        since = max((*lives, self.dossier.superseded or -1), default=-1)
        found = (hold for hold in self.dossier.holds if hold.target == self.target and hold.seq > since)
        return next(found, None)


def case_of(desk: Desk, subject: Subject, target: Target) -> Case:
    """The case of these bytes and this target, decided now."""
    charter = charter_of(desk)
    return decided(desk, subject, target, charter, confirmed(charter, desk.accounts.people()))


def decided(desk: Desk, subject: Subject, target: Target, charter: Charter, people: tuple[Person, ...]) -> Case:
    """The case, where the charter and the people whom it confirms are read already; see `case_of`."""
    size = desk.ledger.size()
    entries = tuple(desk.ledger.entries(digest=subject.digest))
    # Recorded time never goes back: a clock that was set back must not bring an expired sign-off to life again.
    now = max((desk.clock(), *(entry.time for entry in entries)))
    proved = _proved(charter, entries)
    dossier = dossier_from(entries, subject, target, now=now, size=size, people=people, proved=proved)
    dossier = replace(dossier, charter=charter, superseded=_superseded(desk, subject, target))
    return Case(dossier, decide(desk.policy, dossier))


_BY_KEY = (PredicateType.SIGN_OFF, PredicateType.REFUSAL)


def _proved(charter: Charter, entries: Iterable[Entry]) -> frozenset[int]:
    """The entries whose signer's own key, enrolled for her before and not revoked, signed what they say she willed.

    What was willed once counts once: after a withdrawal, the same signature in a new entry proves nothing.
    """
    found: dict[bytes, int] = {}
    for entry in entries:
        if entry.statement.predicate_type in _BY_KEY:
            will = _signed_will(charter, entry)
            if will is not None:
                found.setdefault(will, entry.seq)
    return frozenset(found.values())


def _signed_will(charter: Charter, entry: Entry) -> bytes | None:
    """What the signer of this entry wills, where a key or a passkey of hers signed it; None where none did."""
    signer, body = entry.statement.actor.id, entry.statement.body
    will = will_in(signer, body)
    if will is None:
        return None
    key, passkey = signature_in(body), assertion_in(body)
    if key is not None and charter.key_holder(key.public, before=entry.seq) == signer and proves(key, will):
        return will
    held = charter.passkey(passkey.credential_id) if passkey is not None else None
    if passkey is None or held is None or held.holder != signer or not held.signs(entry.seq):
        return None
    from governance.passkey import proves as passkey_proves

    return will if passkey_proves(held, passkey, will) else None


def _superseded(desk: Desk, subject: Subject, target: Target) -> int | None:
    """The entry by which other bytes became live in this target, where they are what the ledger says is live."""
    found = desk.ledger.entries(digest=target_of(subject.name, target).digest)
    done = [e for e in found if e.statement.predicate_type in (PredicateType.PROMOTION, PredicateType.DEMOTION)]
    if not done or done[-1].statement.predicate_type is PredicateType.DEMOTION:
        return None
    live = subject_of(done[-1].statement.body)
    return None if (live.version, live.digest) == (subject.version, subject.digest) else done[-1].seq


_ASKED = (PredicateType.HOLD, PredicateType.PROMOTION_INTENT, PredicateType.BREAK_GLASS)


def targets_asked(desk: Desk) -> tuple[tuple[Subject, Target], ...]:
    """What a release was asked for in this environment, oldest first: held, begun at once, or by glass."""
    found: dict[tuple[str, str, str, Target], tuple[Subject, Target]] = {}
    for entry in desk.ledger.entries():
        if entry.statement.predicate_type in _ASKED:
            body = entry.statement.body
            subject, target = subject_of(body), target_in(body)
            # One registry has several addresses (a relative path, a host name): the bytes say which case it is.
            found[subject.name, subject.version, subject.digest, target] = subject, target
    return tuple(item for item in found.values() if item[1].environment == desk.environment)


def asked(desk: Desk) -> tuple[Case, ...]:
    """The case of everything that a release was asked for, oldest first; see `targets_asked`."""
    charter = charter_of(desk)
    people = confirmed(charter, desk.accounts.people())
    return tuple(decided(desk, subject, target, charter, people) for subject, target in targets_asked(desk))


def waiting(desk: Desk) -> tuple[Case, ...]:
    """The cases that wait for people: asked for, held now, and not given up. Oldest first.

    A version that another one has replaced waits for nobody, unless somebody asked for it again since.
    """
    return still_waiting(asked(desk))


def still_waiting(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Those of the cases that wait for people; see `waiting`."""
    held = (case for case in cases if case.decision.outcome is DecisionOutcome.HELD)
    return tuple(case for case in held if not _given_up(case))


def _given_up(case: Case) -> bool:
    replaced = case.dossier.superseded
    if replaced is None:
        return False
    return all(hold.seq < replaced for hold in case.dossier.holds if hold.target == case.target)


def open_case(desk: Desk, name: str, version: str, alias: str) -> Case:
    """The case that was last asked for under this name. Raises ConfigurationError where there is none."""
    target = Target(desk.environment, alias)
    found: Subject | None = None
    for entry in desk.ledger.entries(subject=f"model/{name}/{version}"):
        if "subject" in entry.statement.body:
            found = subject_of(entry.statement.body)
    if found is None:
        raise UnknownCaseError(
            f"the ledger knows no version {version} of a model {name!r}",
            f"ask for its release first: fairgate release {name} {version} --alias {alias}",
        )
    return case_of(desk, found, target)


def rules_of(desk: Desk, case: Case) -> TierRules | None:
    """The rules of the case's tier."""
    return desk.policy.rules(case.decision.tier)
