"""Break the glass: the act of each of two persons. `break_glass` says what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.break_glass import MAX_HOURS, Glass
from governance.case import Case, case_of, open_case
from governance.decide import FIRM, DecisionOutcome, glass_stands_in
from governance.desk import Desk, use_policy
from governance.dossier import BrokenGlass
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.independence import why_same
from governance.people import MACHINE, Person
from governance.policy import Assurance
from governance.record import Shown, glass_broken
from governance.signoff import may_sign, reasoned, under_the_policy
from governance.statement import Entry, Statement


@dataclass(frozen=True, slots=True)
class Plea:
    """What a person says when she breaks the glass: for how many hours at most, and why.

    `confirms` is the ledger entry of the other person's part that she was shown: 0 where she was shown that there is
    none, None where nothing was shown. `shown` is the evidence that she was shown, None where none was.
    """

    hours: int
    reason: str
    authentication: str
    assurance: Assurance = Assurance.PASSWORD
    confirms: int | None = None
    shown: Shown | None = None


def break_glass(desk: Desk, case: Case, person: Person, plea: Plea) -> tuple[Entry, Case]:
    """Record one person's part; the case that is returned is released where it was the second.

    Raises ConfigurationError for hours that the policy does not allow, SeparationOfDutiesError, NotAuthorizedError,
    AlreadyDecidedError where she has done so or people refused, SignOffRefusedError where it would change nothing,
    StaleEvidenceError where the bytes, or what she was shown, are others by now.
    """
    reasoned(plea.reason)
    if not plea.authentication.strip():
        raise NotAuthorizedError(f"it is not recorded how {person.name} was authenticated: nothing can be recorded")
    use_policy(desk, MACHINE)
    name, version, alias = case.subject.name, case.subject.version, case.target.alias

    def decide() -> Statement:
        now = open_case(desk, name, version, alias)
        if now.subject != case.subject:
            raise StaleEvidenceError(f"the bytes of {case.subject} are others by now: look at the case again")
        function = check(desk, now, person, plea)
        body = {
            "hours": plea.hours,
            "reason": plea.reason.strip(),
            "authentication": plea.authentication,
            "assurance": plea.assurance.value,
        }
        return glass_broken(now.dossier, now.dossier.person(person.id) or person, function, body, desk.policy.digest)

    entry = desk.ledger.append_decided(decide)
    return entry, case_of(desk, case.subject, case.target)


def check(desk: Desk, case: Case, person: Person, plea: Plea) -> str:
    """The function in which this person breaks the glass of the case as it is now. Raises what `break_glass` raises."""
    reasoned(plea.reason)
    _as_shown(desk, case, plea)
    function = _function(desk, case, person, plea.hours)
    _sure_enough(desk, case, person, plea)
    return function


def barred(desk: Desk, case: Case, person: Person) -> str | None:
    """Why this person cannot break this glass now, whatever she proves; None where she can."""
    try:
        _function(desk, case, person, 1)
    except (SignOffRefusedError, ConfigurationError) as error:
        return str(error)
    return None


def most_hours(desk: Desk, case: Case) -> int:
    """For how many hours the policy allows an emergency release of this case; 0 where it allows none."""
    rules = desk.policy.rules(case.decision.tier)
    return min(rules.break_glass_hours, MAX_HOURS) if rules else 0


def ended(desk: Desk, case: Case) -> datetime | None:
    """When the emergency release of a case that is held now ended, None where there was none or one still holds."""
    glass = _glass(desk, case)
    return glass.ended() if glass is not None and case.decision.outcome is DecisionOutcome.HELD else None


def _as_shown(desk: Desk, case: Case, plea: Plea) -> None:
    """Who confirms another's part has read its reason; who begins has not completed one that she never saw."""
    moved = plea.shown.moved(case.shown()) if plea.shown else ()
    if moved:
        raise StaleEvidenceError(f"what was shown has moved: {', '.join(moved)}; open the evidence again")
    glass = _glass(desk, case)
    waiting = glass.waiting() if glass else None
    now = waiting.seq if waiting else 0
    if plea.confirms is None or plea.confirms == now:
        return
    was = f"the part in ledger entry {plea.confirms}" if plea.confirms else "no part of another person"
    found = f"the part in ledger entry {now}" if now else "no part that a second person could complete"
    raise StaleEvidenceError(f"you were shown {was}, and there is {found} by now: read the page again")


def _function(desk: Desk, case: Case, person: Person, hours: int) -> str:
    under_the_policy(desk, case)
    most = most_hours(desk, case)
    if most == 0:
        raise SignOffRefusedError(f"the policy allows no emergency release in the tier {case.decision.tier.value}")
    if type(hours) is not int or not 1 <= hours <= most:
        raise ConfigurationError(f"hours (--hours) is {hours}; the policy allows 1 to {most} whole hours")
    if case.decision.outcome is DecisionOutcome.REFUSED:
        raise AlreadyDecidedError(f"{case.subject} is refused, and a refusal is final for these bytes")
    if case.decision.outcome is DecisionOutcome.RELEASED:
        raise SignOffRefusedError(f"{case.subject} is released for {case.target}: there is no glass to break")
    if not glass_stands_in(case.decision.findings):
        left = (item for item in case.decision.missing() if item.requirement in FIRM)
        firm = "; ".join(f"{item.requirement} ({item.reason})" for item in left)
        raise SignOffRefusedError(f"broken glass would release nothing while this is missing: {firm}")
    excluded = case.dossier.excluded().get(person.id)
    if excluded:
        raise SeparationOfDutiesError(f"{person.name} {excluded} and cannot release {case.subject}")
    known = case.dossier.person(person.id)
    held = [item for item in may_sign(desk, case, person) if known is not None and known.has(item)]
    if not held:
        asked = " or ".join(desk.policy.signers(case.decision.tier))
        raise NotAuthorizedError(f"{person.name} cannot break the glass: that takes two persons who hold {asked}")
    _is_open(desk, case, person)
    return held[0]


def _sure_enough(desk: Desk, case: Case, person: Person, plea: Plea) -> None:
    """An emergency goes past evidence and signatures, never past knowing who it is: two factors, where a sign-off
    needs them. No more than that: a key of one's own cannot break glass.
    """
    rules = desk.policy.rules(case.decision.tier)
    asked = min(rules.assurance if rules else Assurance.USER_KEY, Assurance.SERVER_ATTESTED, key=lambda item: item.rank)
    if plea.assurance.rank < asked.rank:
        raise NotAuthorizedError(
            f"{person.name} cannot break the glass with the assurance {plea.assurance}: the policy asks for {asked}; "
            f"give a code of an authenticator app (--code; set up with: fairgate people totp {person.id}), or a "
            f"passkey of the console"
        )


def _is_open(desk: Desk, case: Case, person: Person) -> None:
    """Raises where this person's part waits for another person, or the hours of an emergency have been used up."""
    glass = _glass(desk, case)
    if glass is None:
        return
    waiting, last = glass.waiting(), glass.last_end()
    if waiting is not None and waiting.person.id == person.id:
        raise AlreadyDecidedError(f"{person.name} has broken this glass (entry {waiting.seq}); another person must too")
    same = why_same(case.dossier.charter, waiting.person.id, person.id) if waiting is not None else None
    if same is not None:
        raise SeparationOfDutiesError(f"{same}: broken glass takes two persons, not two ids of one")
    if last is not None and last <= case.dossier.now:
        raise SignOffRefusedError(
            f"an emergency release of {case.subject} as {case.target} was begun, and its time ended at "
            f"{last:%Y-%m-%d %H:%M} UTC: it is not renewed; release it with evidence and signatures"
        )


def waiting_glass(desk: Desk, case: Case) -> BrokenGlass | None:
    """One person's part that a second person could complete now, None where there is none."""
    glass = _glass(desk, case)
    return glass.waiting() if glass is not None and case.decision.outcome is DecisionOutcome.HELD else None


def _glass(desk: Desk, case: Case) -> Glass | None:
    rules = desk.policy.rules(case.decision.tier)
    return Glass(rules, desk.policy.signers(case.decision.tier), case.dossier, desk.policy.digest) if rules else None
