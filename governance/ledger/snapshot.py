"""One moment of the stored ledger, read without believing any of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from governance.errors import LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, read_checkpoint
from governance.ledger.schema import OBJECTS
from governance.ledger.tree import EMPTY_ROOT, root_of


class Queries(Protocol):
    """A connection inside a transaction, as SQLAlchemy's is."""

    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Any:
        """Run one statement with named parameters."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the ledger: how many entries, the root over them, and the frontier that the next one extends."""

    size: int
    root: bytes
    frontier: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """The stored columns of one entry and of the checkpoint after it, unchecked: damage may have put anything there."""

    seq: int
    time: Any
    envelope: Any
    leaf_hash: Any
    root: Any
    idempotency_key: Any
    note: Any


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger at one moment, whatever is appended meanwhile."""

    connection: Queries

    def head(self) -> Head:
        """The end of the ledger. Raises LedgerTamperedError where it does not fit the last entry."""
        rows = self.connection.exec_driver_sql("SELECT id, size, root, frontier FROM head").all()
        if [row.id for row in rows] != [1]:
            raise LedgerTamperedError(f"the ledger has {len(rows)} heads instead of one")
        _id, size, root, nodes = rows[0]
        if not isinstance(size, int) or not isinstance(nodes, bytes) or size < 0:
            raise LedgerTamperedError("the ledger's head is not a size and a frontier")
        frontier = tuple(nodes[i : i + 32] for i in range(0, len(nodes), 32))
        last = self.connection.exec_driver_sql("SELECT seq, root FROM entry ORDER BY seq DESC LIMIT 1").first()
        found = (last.seq + 1, last.root) if last else (0, EMPTY_ROOT)
        if (size, root) != found or len(frontier) != size.bit_count() or root_of(frontier) != root:
            raise LedgerTamperedError(f"the ledger's head speaks of {size} entries, its last entry of {found[0]}")
        return Head(size, root, frontier)

    def subjects(self, seq: int) -> tuple[tuple[str, str], ...]:
        """The indexed subjects of an entry: (name, digest) in their order. Raises LedgerTamperedError for a gap."""
        query = "SELECT position, name, digest FROM entry_subject WHERE seq = :seq ORDER BY position"
        rows = self.connection.exec_driver_sql(query, {"seq": seq}).all()
        if [row.position for row in rows] != list(range(len(rows))):
            raise LedgerTamperedError(f"ledger entry {seq}: the index of subjects has a gap")
        return tuple((row.name, row.digest) for row in rows)

    def rows(self) -> Iterator[StoredRow]:
        """Every entry by seq, streamed."""
        query = (
            "SELECT e.seq, e.time, e.envelope, e.leaf_hash, e.root, e.idempotency_key, c.note FROM entry e"
            " LEFT JOIN checkpoint c ON c.size = e.seq + 1 ORDER BY e.seq"
        )
        for row in self.connection.exec_driver_sql(query):
            yield StoredRow(*row)

    def root_at(self, seq: int) -> bytes | None:
        """The stored root after this entry, None where there is no such entry."""
        row = self.connection.exec_driver_sql("SELECT root FROM entry WHERE seq = :seq", {"seq": seq}).first()
        return row.root if row else None

    def strays(self, size: int) -> dict[str, int]:
        """By table, how many rows speak of entries beyond the `size` that there are."""
        queries = {
            "checkpoint": "SELECT count(*) FROM checkpoint WHERE size > :size OR size < 1",
            "entry_subject": "SELECT count(*) FROM entry_subject WHERE seq >= :size OR seq < 0",
        }
        sized = {"size": size}
        return {table: self.connection.exec_driver_sql(query, sized).scalar_one() for table, query in queries.items()}

    def file_damage(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file below the rows, at most ten findings; empty where it is whole."""
        found = self.connection.exec_driver_sql("PRAGMA integrity_check(10)").scalars()
        return tuple(str(line) for line in found if line != "ok")

    def altered(self) -> tuple[str, ...]:
        """Names of tables, indexes and guards that are gone, were added or read otherwise than they were made."""
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        found = {row.name: row.sql for row in self.connection.exec_driver_sql(query)}
        return tuple(sorted(name for name in found | OBJECTS if found.get(name) != OBJECTS.get(name)))

    def since(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """Place and envelope of every entry from `seq` on, streamed."""
        query = "SELECT seq, envelope FROM entry WHERE seq >= :seq ORDER BY seq"
        for row in self.connection.exec_driver_sql(query, {"seq": seq}):
            yield row.seq, row.envelope

    def checkpoint(self, head: Head, public: bytes) -> Checkpoint:
        """The signed checkpoint of this head. Raises LedgerTamperedError where it is missing or speaks of another."""
        query = "SELECT note FROM checkpoint WHERE size = :size"
        row = self.connection.exec_driver_sql(query, {"size": head.size}).first()
        found = read_checkpoint(row.note if row else "", public)
        if (found.size, found.root) != (head.size, head.root):
            raise LedgerTamperedError(f"the checkpoint of the ledger's {head.size} entries speaks of another tree")
        return found
