"""Steps of a reset of a password for tests: who proves what, and the whole way with both halves."""

from __future__ import annotations

from datetime import timedelta

import report_factory as factory

from governance.desk import Desk
from governance.people import Person
from governance.policy import Assurance
from governance.proving import Proof
from governance.resetting import begin_reset, confirm_reset, finish_reset

SCIENTIST, COMPLIANCE, RISK, DEPUTY = factory.PEOPLE
NEW = "a new password of hers"
REASON = "She called me from her desk and asked for it."


def strong(person: Person) -> Proof:
    """She showed her password and a code."""
    return Proof(person, "password and code at the console", Assurance.SERVER_ATTESTED, factor=True)


def later(desk: Desk, **time: float) -> None:
    """The desk's clock goes on, or back."""
    desk.clock.now += timedelta(**time)  # type: ignore[attr-defined]


def halves_of(desk: Desk, who: Person = DEPUTY, *, forget: bool = False) -> tuple[str, str]:
    """Both halves of a reset that the compliance officer begins and the risk officer confirms."""
    begun, one = begin_reset(desk, who.id, strong(COMPLIANCE), REASON, forget=forget)
    _, other = confirm_reset(desk, who.id, begun.seq, strong(RISK))
    return one, other


def let_in(desk: Desk, who: Person = DEPUTY, *, forget: bool = False) -> None:
    """The whole way: her password is `NEW` then."""
    finish_reset(desk, who.id, halves_of(desk, who, forget=forget), NEW)


def events(desk: Desk) -> list[str]:
    """The events about people in the ledger, oldest first, those of resets and passwords alone."""
    found = (entry.statement.body.get("event", "") for entry in desk.ledger.entries())
    return [str(item) for item in found if str(item).startswith("password-")]


def some_resets(desk: Desk) -> None:
    """For pages: the reset of the legal helper waits for a confirmation; the visitor was let in, and not told yet."""
    people = {person.id: person for person in desk.accounts.people()}
    begin_reset(desk, "legal-helper", strong(people["second-officer"]), REASON, forget=True)
    begun, one = begin_reset(desk, "visitor", strong(people["second-officer"]), REASON, forget=True)
    _, other = confirm_reset(desk, "visitor", begun.seq, strong(people["chief-risk"]))
    finish_reset(desk, "visitor", (one, other), factory.SECRET)
