"""How a named step of work is run: at once, or as a Prefect task (`flows.prefect_runtime.step`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Step(Protocol):
    """Runs one named piece of work and returns what it returns; may retry ServiceError, and nothing else."""

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        """Run `work` under this name."""
        ...


def at_once(name: str, work: Callable[[], T]) -> T:  # noqa: ARG001 - the name matters to other runners
    """Run the work here and now."""
    return work()
