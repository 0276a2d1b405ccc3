"""The ledger as the rest of Fairgate sees it. `sql` implements it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from governance.ledger.checkpoint import Checkpoint, Receipt
from governance.statement import Entry, Statement

Clock = Callable[[], datetime]
"""Answers the time now, in UTC."""


class Ledger(Protocol):
    """An append-only ledger of statements. Reads always see every acknowledged entry."""

    def append(self, statement: Statement, *, idempotency_key: str | None = None) -> Entry:
        """Append one statement in one transaction and return its entry.

        The same `idempotency_key` returns the earlier entry and appends nothing. Raises LedgerError where the ledger
        cannot be written (ServiceError where the database is busy or unreachable).
        """
        ...

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        """Append the statement that `decide` makes while no other writer can append: what it read stays true.

        `decide` may read this ledger and must not append to it; what it raises is raised, and nothing is appended.
        """
        ...

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        """All entries from the seq `since` on; `subject` keeps those with a subject of that exact name, `digest` of
        that digest.

        Raises LedgerTamperedError where a read entry is not what was acknowledged.
        """
        ...

    def size(self) -> int:
        """How many entries the ledger holds."""
        ...

    def checkpoint(self) -> Checkpoint | None:
        """The newest signed checkpoint, None while the ledger is empty."""
        ...

    def receipt(self, seq: int) -> Receipt:
        """Proof that this entry is in the ledger. Raises LedgerError where there is no such entry."""
        ...
