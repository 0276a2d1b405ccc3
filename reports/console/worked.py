"""What was worked out from all entries of the ledger, kept until it grows: many readers ask the same of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from fastapi import Request

from governance.ledger.port import Ledger
from governance.statement import Entry
from reports.console.session import desk_of

T = TypeVar("T")


class Worked:
    """One value for each way of working it out, beside the size and root of the ledger that it is true of.

    An append-only ledger of the same size and root holds the same entries. Safe under threads: the worst is to work
    twice. Only for pages; acts read the ledger themselves.
    """

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: dict[Callable[..., object], tuple[int, bytes, object]] = {}

    def of(self, ledger: Ledger, make: Callable[[Iterable[Entry]], T]) -> T:
        """What `make`, a pure function of a module, gives of all entries. Raises the errors of the ledger."""
        checkpoint = ledger.checkpoint()
        if checkpoint is None:
            return make(())
        kept = self._kept.get(make)
        if kept is not None and kept[:2] == (checkpoint.size, checkpoint.root):
            return kept[2]  # type: ignore[return-value] # made by this very function
        value = make(ledger.entries())
        self._kept[make] = checkpoint.size, checkpoint.root, value
        return value


def worked(request: Request, make: Callable[[Iterable[Entry]], T]) -> T:
    """What `make` gives of the entries that this request reads."""
    kept: Worked = request.app.state.worked
    return kept.of(desk_of(request).ledger, make)
