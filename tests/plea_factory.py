"""What a person says when she breaks the glass or withdraws, proved with a password and a code."""

from __future__ import annotations

from governance.emergency import Plea
from governance.people import Person
from governance.policy import Assurance
from governance.proving import Proof

PROVED = "password and code at the command line"


def plea(hours: int, reason: str) -> Plea:
    """As at the command line, with both."""
    return Plea(hours, reason, PROVED, Assurance.SERVER_ATTESTED)


def by(person: Person) -> Proof:
    """This person, proved with both."""
    return Proof(person, PROVED, Assurance.SERVER_ATTESTED, factor=True)
