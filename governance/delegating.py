"""A person lets another one sign in one of her functions for some days. Both persons' exclusions hold."""

from __future__ import annotations

from datetime import datetime, timedelta

from governance.charter import Delegation, confirmed
from governance.charter_record import delegated, delegation_revoked
from governance.desk import Desk, charter_of
from governance.errors import ConfigurationError, NotAuthorizedError, SeparationOfDutiesError
from governance.people import Person
from governance.policy import Assurance
from governance.proving import not_by_password_alone
from governance.signoff import reasoned
from governance.statement import Entry, Statement

MAX_DAYS = 90


def delegate(
    desk: Desk,
    person: Person,
    to: str,
    function: str,
    until: datetime,
    reason: str,
    authentication: str,
    assurance: Assurance = Assurance.PASSWORD,
) -> Entry:
    """Record the authenticated person's delegation to the person with the id `to`. `until` is an aware time.

    Raises NotAuthorizedError where she does not hold the function herself (what was delegated to her is not hers to
    hand on) or proved less than she can, SeparationOfDutiesError for herself, ConfigurationError for nobody or a time
    that is past or too far.
    """
    reasoned(reason)

    def decide() -> Statement:
        not_by_password_alone(charter_of(desk), person, assurance)
        receiver = _receiver(desk, person, to)
        _check(desk, person, function, until)
        body = {"reason": reason.strip(), "authentication": authentication, "assurance": assurance.value}
        return delegated(_active(desk, person.id) or person, receiver, function, until, body)

    return desk.ledger.append_decided(decide)


def revoke(desk: Desk, person: Person, seq: int, reason: str) -> Entry:
    """Record that the delegation of entry `seq` holds no more: by either of the two persons, or by any signer."""
    reasoned(reason)
    found = next((item for item in charter_of(desk).delegations if item.seq == seq), None)
    if found is None or found.revoked:
        raise ConfigurationError(f"ledger entry {seq} is no delegation that stands")
    if person.id not in (found.delegator, found.delegate) and not _signs(desk, person):
        raise NotAuthorizedError(f"{person.name} neither gave nor got the delegation {seq}, and signs nothing")
    statement = delegation_revoked(found, _active(desk, person.id) or person, reason.strip())
    return desk.ledger.append(statement, idempotency_key=f"delegation-revoked:{seq}")


def standing(desk: Desk) -> tuple[Delegation, ...]:
    """The delegations that hold now."""
    now = desk.clock()
    return tuple(item for item in charter_of(desk).delegations if item.holds(now))


def _receiver(desk: Desk, person: Person, to: str) -> Person:
    found = _active(desk, to)
    if found is None:
        raise ConfigurationError(f"there is no active person {to!r} to delegate to; see: fairgate people list")
    if found.id == person.id:
        raise SeparationOfDutiesError(f"{person.name} cannot delegate to herself")
    return found


def _check(desk: Desk, person: Person, function: str, until: datetime) -> None:
    known = _active(desk, person.id)
    if known is None or not known.has(function):
        held = ", ".join(known.functions) if known else "no function"
        raise NotAuthorizedError(f"{person.name} cannot delegate {function!r}: she holds {held}")
    now = desk.clock()
    if not now < until <= now + timedelta(days=MAX_DAYS):
        raise ConfigurationError(
            f"the delegation would end at {until:%Y-%m-%d %H:%M} UTC: write a time from now to {MAX_DAYS} days from now"
        )


def _active(desk: Desk, identity: str) -> Person | None:
    """The person with this id as the ledger and the accounts both have her, where she is active."""
    people = confirmed(charter_of(desk), desk.accounts.people())
    return next((item for item in people if item.id == identity and item.active), None)


def _signs(desk: Desk, person: Person) -> bool:
    adopted, known = charter_of(desk).adopted(), _active(desk, person.id)
    return known is not None and adopted is not None and any(known.has(item) for item in adopted.signers)
