"""Break the glass: the act of each of two persons. `break_glass` says what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from governance.break_glass import MAX_HOURS
from governance.case import Case, case_of, open_case
from governance.decide import DecisionOutcome
from governance.desk import Desk, use_policy
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
)
from governance.people import MACHINE, Person
from governance.policy import Assurance
from governance.record import glass_broken
from governance.signoff import may_sign, reasoned
from governance.statement import Entry, Statement


@dataclass(frozen=True, slots=True)
class Plea:
    """What a person says when she breaks the glass: for how many hours at most, and why."""

    hours: int
    reason: str
    authentication: str


def break_glass(desk: Desk, case: Case, person: Person, plea: Plea) -> tuple[Entry, Case]:
    """Record one person's part; the case that is returned is released where it was the second.

    Raises ConfigurationError for hours that the policy does not allow, SeparationOfDutiesError, NotAuthorizedError,
    AlreadyDecidedError where she has done so or people refused, SignOffRefusedError where it would change nothing.
    """
    reasoned(plea.reason)
    use_policy(desk, MACHINE)
    name, version, alias = case.subject.name, case.subject.version, case.target.alias

    def decide() -> Statement:
        now = open_case(desk, name, version, alias)
        function = _function(desk, now, person, plea.hours)
        body = {
            "hours": plea.hours,
            "reason": plea.reason.strip(),
            "authentication": plea.authentication,
            "assurance": Assurance.SERVER_ATTESTED.value,
        }
        return glass_broken(now.dossier, person, function, body, desk.policy.digest)

    entry = desk.ledger.append_decided(decide)
    return entry, case_of(desk, case.subject, case.target)


def _function(desk: Desk, case: Case, person: Person, hours: int) -> str:
    rules = desk.policy.rules(case.decision.tier)
    most = min(rules.break_glass_hours, MAX_HOURS) if rules else 0
    if most == 0:
        raise SignOffRefusedError(f"the policy allows no emergency release in the tier {case.decision.tier.value}")
    if type(hours) is not int or not 1 <= hours <= most:
        raise ConfigurationError(f"--hours is {hours}; the policy allows 1 to {most} whole hours")
    if case.decision.outcome is DecisionOutcome.REFUSED:
        raise AlreadyDecidedError(f"{case.subject} is refused, and a refusal is final for these bytes")
    if case.decision.outcome is DecisionOutcome.RELEASED:
        raise SignOffRefusedError(f"{case.subject} is released for {case.target}: there is no glass to break")
    excluded = case.dossier.excluded().get(person.id)
    if excluded:
        raise SeparationOfDutiesError(f"{person.name} {excluded} and cannot release {case.subject}")
    held = [item for item in may_sign(desk, case, person) if person.has(item)]
    if not held:
        asked = " or ".join(desk.policy.signers(case.decision.tier))
        raise NotAuthorizedError(f"{person.name} cannot break the glass: that takes two persons who hold {asked}")
    _not_twice(case, person)
    return held[0]


def _not_twice(case: Case, person: Person) -> None:
    standing = [
        part.seq
        for part in case.dossier.broken_glass
        if part.person.id == person.id
        and part.target == case.target
        and not part.withdrawn
        and (case.dossier.now - part.time).total_seconds() < part.hours * 3600
    ]
    if standing:
        raise AlreadyDecidedError(
            f"{person.name} has broken this glass (entry {standing[-1]}); another person must too"
        )
