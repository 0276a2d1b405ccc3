"""Cases: a subject, a target, what is known and what the gate answers. Read from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from governance.casefile import dossier_from, subject_of, target_in
from governance.charter import Charter, confirmed
from governance.decide import Decision, DecisionOutcome, decide
from governance.desk import Desk, charter_of
from governance.dossier import Dossier
from governance.errors import ConfigurationError
from governance.people import Person
from governance.policy import TierRules
from governance.record import Shown, target_of
from governance.statement import Entry, PredicateType
from governance.subject import Subject, Target
from governance.user_key import proves, willed


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


def case_of(desk: Desk, subject: Subject, target: Target) -> Case:
    """The case of these bytes and this target, decided now."""
    charter = charter_of(desk)
    return _decided(desk, subject, target, charter, confirmed(charter, desk.accounts.people()))


def _decided(desk: Desk, subject: Subject, target: Target, charter: Charter, people: tuple[Person, ...]) -> Case:
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
        signer = entry.statement.actor.id
        said = willed(signer, entry.statement.body) if entry.statement.predicate_type in _BY_KEY else None
        if said is None or charter.key_holder(said[0].public, before=entry.seq) != signer:
            continue
        if proves(*said):
            found.setdefault(said[1], entry.seq)
    return frozenset(found.values())


def _superseded(desk: Desk, subject: Subject, target: Target) -> int | None:
    """The entry by which other bytes became live in this target, where they are what the ledger says is live."""
    found = desk.ledger.entries(digest=target_of(subject.name, target).digest)
    done = [e for e in found if e.statement.predicate_type in (PredicateType.PROMOTION, PredicateType.DEMOTION)]
    if not done or done[-1].statement.predicate_type is PredicateType.DEMOTION:
        return None
    live = subject_of(done[-1].statement.body)
    return None if (live.version, live.digest) == (subject.version, subject.digest) else done[-1].seq


_ASKED = (PredicateType.HOLD, PredicateType.PROMOTION_INTENT, PredicateType.BREAK_GLASS)


def asked(desk: Desk) -> tuple[Case, ...]:
    """Every case that a release was asked for in this environment, oldest first: held, begun at once, or by glass."""
    found: dict[tuple[Subject, Target], None] = {}
    for entry in desk.ledger.entries():
        if entry.statement.predicate_type in _ASKED:
            body = entry.statement.body
            found[(subject_of(body), target_in(body))] = None
    charter = charter_of(desk)
    people = confirmed(charter, desk.accounts.people())
    here = (item for item in found if item[1].environment == desk.environment)
    return tuple(_decided(desk, subject, target, charter, people) for subject, target in here)


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
        raise ConfigurationError(
            f"the ledger knows no version {version} of a model {name!r}; "
            f"ask for its release first: fairgate release {name} {version} --alias {alias}"
        )
    return case_of(desk, found, target)


def rules_of(desk: Desk, case: Case) -> TierRules | None:
    """The rules of the case's tier."""
    return desk.policy.rules(case.decision.tier)
