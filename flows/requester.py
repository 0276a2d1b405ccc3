"""On whose behalf this process works. A flow that a schedule starts has nobody, and then the machine is the actor.

A context variable and not a flow parameter: parameters of a Prefect run can be edited by whoever reaches its API.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from governance.people import MACHINE, Actor

_requester: ContextVar[Actor] = ContextVar("requester", default=MACHINE)


def requester() -> Actor:
    """The authenticated person that asked for what runs now, else the machine."""
    return _requester.get()


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """What runs inside is asked for by this actor, whose credential has been checked."""
    token = _requester.set(actor)
    try:
        yield
    finally:
        _requester.reset(token)
