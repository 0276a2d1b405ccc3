"""A ledger for one decision: what was read is not read again until the ledger has grown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from governance.ledger.checkpoint import Checkpoint, Receipt
from governance.ledger.port import Ledger
from governance.statement import Entry, Statement


class OneReading:
    """`Ledger` over another one, for the length of one call: every entry is verified once, not at each question.

    An append-only ledger of the same size holds the same entries, so a decision under the writers' lock reads anew
    where somebody was faster. Not to be kept: what is changed in the file meanwhile is seen by the next call.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Nothing of `ledger` is read yet."""
        self._ledger = ledger
        self._read: dict[tuple[str | None, str | None], tuple[int, tuple[Entry, ...]]] = {}

    def append(self, statement: Statement, *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append`."""
        return self._ledger.append(statement, idempotency_key=idempotency_key)

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append_decided`."""
        return self._ledger.append_decided(decide, idempotency_key=idempotency_key)

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        """See `governance.ledger.port.Ledger.entries`."""
        size = self._ledger.size()  # before reading: what is appended in between is read again
        known = self._read.get((subject, digest))
        if known is None or known[0] != size:
            known = size, tuple(self._ledger.entries(subject=subject, digest=digest))
            self._read[subject, digest] = known
        return (entry for entry in known[1] if entry.seq >= since)

    def size(self) -> int:
        """See `governance.ledger.port.Ledger.size`."""
        return self._ledger.size()

    def checkpoint(self) -> Checkpoint | None:
        """See `governance.ledger.port.Ledger.checkpoint`."""
        return self._ledger.checkpoint()

    def receipt(self, seq: int) -> Receipt:
        """See `governance.ledger.port.Ledger.receipt`."""
        return self._ledger.receipt(seq)
