"""What the tests of sign-offs, keys, delegations and emergencies share: short questions to a desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from governance.case import Case, case_of
from governance.decide import DecisionOutcome
from governance.delegating import delegate
from governance.desk import Desk
from governance.people import Person

HELD, RELEASED, REFUSED = DecisionOutcome.HELD, DecisionOutcome.RELEASED, DecisionOutcome.REFUSED
HELPER = Person("helper", "A Helper", ("legal",))


def now_of(desk: Desk, case: Case) -> Case:
    """The case as it stands now."""
    return case_of(desk, case.subject, case.target)


def outcome_of(desk: Desk, case: Case) -> DecisionOutcome:
    """Its outcome now."""
    return now_of(desk, case).decision.outcome


def why_held(desk: Desk, case: Case) -> str:
    """The reasons of everything that is missing, in one line."""
    return "; ".join(item.reason for item in now_of(desk, case).decision.missing())


@contextmanager
def nothing_is_recorded(desk: Desk) -> Iterator[None]:
    """The ledger has as many entries after the block as before."""
    before = desk.ledger.size()
    yield
    assert desk.ledger.size() == before


def given(desk: Desk, giver: Person, receiver: Person, function: str, **until: float) -> int:
    """Delegate to the receiver, for nine days unless said otherwise; the ledger entry."""
    end = desk.clock() + timedelta(**(until or {"days": 9}))
    return delegate(desk, giver, receiver.id, function, end, "on leave", "password").seq
