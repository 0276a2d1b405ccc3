"""What this process has recomputed of a ledger from its signed bytes: leaf hashes, and where each subject stands.

The database's own index of subjects is signed by nobody: whoever edits the file could hide a refusal in it. Reads by
subject are compared with this memory, which costs one pass over the envelopes per process (about 0.05 ms each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from governance.errors import LedgerTamperedError
from governance.ledger.envelope import peek
from governance.ledger.tree import extend, leaf_hash, root_of

Since = Callable[[int], Iterable[tuple[int, bytes]]]
"""Given a seq, the place and envelope of every entry from there on."""


@dataclass(slots=True)
class Known:
    """The ledger as far as this process has read it. Safe under threads."""

    leaves: list[bytes] = field(default_factory=list)
    _frontier: tuple[bytes, ...] = ()
    _places: dict[str, list[int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def read_on(self, since: Since, size: int, root: bytes, confirm: Callable[[], object]) -> None:
        """Read what is new up to `size`; `confirm` raises where no signature vouches for that root.

        Raises LedgerTamperedError where the tree over what was read has another root. A snapshot older than this
        memory (another thread was faster) changes nothing.
        """
        with self._lock:
            before = len(self.leaves)
            if size < before:
                return
            try:
                for seq, envelope in since(before):
                    self._add(seq, envelope)
                self._check(size, root)
                if size > before:
                    confirm()
            except LedgerTamperedError:
                self._forget()
                raise

    def about(self, subject: str | None, digest: str | None, among: range) -> Sequence[int]:
        """The places within `among` of all entries with a subject of this name and a subject of this digest."""
        with self._lock:
            found = [set(self._places.get(key, ())) for key in (subject, digest) if key is not None]
        return sorted(seq for seq in set.intersection(*found) if seq in among)

    def _add(self, seq: int, envelope: bytes) -> None:
        if seq != len(self.leaves) or not isinstance(envelope, bytes):
            raise LedgerTamperedError(f"ledger entry {len(self.leaves)} is gone, or is not bytes")
        opened, leaf = peek(envelope), leaf_hash(envelope)
        self._frontier = extend(seq, self._frontier, leaf)
        self.leaves.append(leaf)
        for key in {text for item in opened.statement.subjects for text in (item.name, item.digest)}:
            self._places.setdefault(key, []).append(seq)

    def _check(self, size: int, root: bytes) -> None:
        if (len(self.leaves), root_of(self._frontier)) != (size, root):
            raise LedgerTamperedError(f"the ledger's {size} entries are not those that its root was made over")

    def _forget(self) -> None:
        """Start over: a ledger that was restored from a backup may be read again."""
        self.leaves.clear()
        self._places.clear()
        self._frontier = ()
