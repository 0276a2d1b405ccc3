"""Whether two ids are two persons, as far as the ledger can tell. Pure.

The ledger knows ids, and an officer who may add people could add herself once more. What points to one person behind
two ids is told in one sentence.
"""

from __future__ import annotations

from datetime import datetime
from unicodedata import normalize

from governance.charter import Charter


def why_same(charter: Charter, one: str, other: str) -> str | None:
    """Why these two ids seem to be one person's, None where nothing says so: an id, an identity, a printed name."""
    if one == other:
        return "they are one person"
    if _identities(charter, one) & _identities(charter, other):
        return f"{one} and {other} had the same identity at a provider of single sign-on"
    if _name(charter, one) == _name(charter, other):
        return f"{one} and {other} have the same printed name"
    return None


def why_one(charter: Charter, one: str, other: str, now: datetime) -> str | None:
    """Why one person could be behind these two ids, or act for the other one; None where nothing points to it."""
    same = why_same(charter, one, other)
    if same:
        return same
    root = first_of(charter, one)
    if root == first_of(charter, other):
        return f"{_added(one, root)} and {_added(other, root)}: one person could be behind both"
    between = ((one, other), (other, one))
    if any((x.delegator, x.delegate) in between and x.holds(now) for x in charter.delegations):
        return f"one of {one} and {other} signs for the other: a delegate and her delegator are one person"
    return None


def first_of(charter: Charter, identity: str) -> str:
    """The earliest active person in the line of those who added this one, who added her, and so on; else herself."""
    line = [identity]
    while (by := charter.added_by.get(line[-1])) is not None and by not in line:
        line.append(by)
    known = (charter.person(item) for item in reversed(line))
    return next((person.id for person in known if person is not None and person.active), identity)


def _added(identity: str, root: str) -> str:
    return identity if identity == root else f"{identity}, who was added by {root} or by somebody whom she added"


def _identities(charter: Charter, identity: str) -> set[tuple[str, str]]:
    return {(issuer, subject) for issuer, subject, who in charter.linked if who == identity}


def _name(charter: Charter, identity: str) -> str:
    """The printed name however it is written; an id that nobody has is no name of another."""
    person = charter.person(identity)
    return " ".join(normalize("NFKC", person.name).casefold().split()) if person else f"\0{identity}"
