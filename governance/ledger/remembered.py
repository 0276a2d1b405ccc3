"""A ledger that remembers what it has verified, for a process that answers many readers from the same entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from time import monotonic

from governance.errors import LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, Receipt
from governance.ledger.port import Ledger
from governance.ledger.tree import extend, leaf_hash, root_of
from governance.statement import Entry, Statement

MOST = 50_000
"""Entries in memory, about 5 kB each; a longer ledger is read from its database every time."""

REREAD_SECONDS = 600.0


@dataclass(slots=True)
class _Memory:
    """Verified entries in order, where each subject stands, and the frontier of their tree. It only grows."""

    since: float
    entries: list[Entry] = field(default_factory=list)
    frontier: tuple[bytes, ...] = ()
    about: dict[str, list[Entry]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Take one more entry in."""
        self.frontier = extend(len(self.entries), self.frontier, leaf_hash(entry.envelope))
        self.entries.append(entry)
        for key in {text for item in entry.statement.subjects for text in (item.name, item.digest)}:
            self.about.setdefault(key, []).append(entry)

    def find(self, subject: str | None, digest: str | None, since: int, size: int) -> list[Entry]:
        """As `Ledger.entries`, of the first `size` entries: others may have read on meanwhile."""
        if subject is None and digest is None:
            return self.entries[since:size]
        lists = [self.about.get(key, []) for key in (subject, digest) if key is not None]
        found = [entry for entry in lists[0] if since <= entry.seq < size]
        if len(lists) == 1:
            return found
        also = {entry.seq for entry in lists[1]}
        return [entry for entry in found if entry.seq in also]


@dataclass(frozen=True, slots=True)
class Moment:
    """`Ledger` as it was at one moment, for the length of one request: asking it again costs nothing.

    What is appended is appended to the ledger itself, and is not seen here.
    """

    ledger: Ledger
    memory: _Memory
    checkpointed: Checkpoint

    def append(self, statement: Statement, *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append`."""
        return self.ledger.append(statement, idempotency_key=idempotency_key)

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append_decided`."""
        return self.ledger.append_decided(decide, idempotency_key=idempotency_key)

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        """See `governance.ledger.port.Ledger.entries`."""
        return iter(self.memory.find(subject, digest, since, self.checkpointed.size))

    def size(self) -> int:
        """How many entries the ledger held."""
        return self.checkpointed.size

    def checkpoint(self) -> Checkpoint | None:
        """The signed checkpoint of that moment."""
        return self.checkpointed

    def receipt(self, seq: int) -> Receipt:
        """See `governance.ledger.port.Ledger.receipt`."""
        return self.ledger.receipt(seq)


class Remembered:
    """What this process has verified of a ledger. Each `now` costs one look at the signed checkpoint.

    The tree over the entries in memory must have the checkpoint's root: then memory holds what was acknowledged,
    whatever has become of the rows since. To tell of damage to old rows, all is read again every ten minutes; acts must
    not rest on memory, so whoever decides reads the ledger itself.
    """

    def __init__(self, ledger: Ledger, tick: Callable[[], float] = monotonic) -> None:
        """`tick` gives seconds that only grow."""
        self._ledger, self._tick = ledger, tick
        self._memory, self._lock = _Memory(tick()), Lock()

    def now(self) -> Ledger:
        """The ledger at this moment; the ledger itself where it is empty, or too long to be remembered.

        Raises LedgerTamperedError where it does not hold what was read before.
        """
        with self._lock:
            checkpoint = self._ledger.checkpoint()
            if checkpoint is None or checkpoint.size > MOST:
                return self._ledger
            if self._tick() - self._memory.since > REREAD_SECONDS:
                self._memory = _Memory(self._tick())
            self._read_on(self._memory, checkpoint)
            return Moment(self._ledger, self._memory, checkpoint)

    def _read_on(self, memory: _Memory, checkpoint: Checkpoint) -> None:
        known = len(memory.entries)
        if checkpoint.size > known:
            for entry in islice(self._ledger.entries(since=known), checkpoint.size - known):
                memory.add(entry)
        if (len(memory.entries), root_of(memory.frontier)) != (checkpoint.size, checkpoint.root):
            self._memory = _Memory(self._tick())  # a ledger that was restored from a backup may be read again
            raise LedgerTamperedError(f"the ledger's {checkpoint.size} entries are not those that were read before")
