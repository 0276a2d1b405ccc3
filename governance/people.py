"""Who acts. Identities are Fairgate's own: (issuer, id), never an operating-system user."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A person. `id` is unique within `issuer` and never reused; `name` is printed under signatures.

    `functions` are what the policy's quorum and RACI speak of: compliance, model-risk, data-science, ...
    """

    id: str
    name: str
    functions: tuple[str, ...]
    issuer: str = "local"
    active: bool = True

    def has(self, function: str) -> bool:
        """Whether the person holds this function and is active."""
        return self.active and function in self.functions


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused an entry of the ledger: a person, or a machine (`kind` = machine, function empty)."""

    issuer: str
    id: str
    name: str
    kind: str = "person"


MACHINE = Actor(issuer="fairgate", id="gate", name="Fairgate (unattended)", kind="machine")


def actor(person: Person) -> Actor:
    """The person as an actor."""
    return Actor(issuer=person.issuer, id=person.id, name=person.name)
