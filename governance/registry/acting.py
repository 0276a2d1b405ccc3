"""On whose behalf this thread calls the registry: where Fairgate itself does, the gate must not take it for MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from governance.people import Actor

_ACTING: ContextVar[Actor | None] = ContextVar("fairgate_acting", default=None)


def who_acts() -> Actor | None:
    """Who of Fairgate acts in this context, None where somebody else calls."""
    return _ACTING.get()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """What this context asks of the registry is asked by this actor of Fairgate."""
    token = _ACTING.set(actor)
    try:
        yield
    finally:
        _ACTING.reset(token)
