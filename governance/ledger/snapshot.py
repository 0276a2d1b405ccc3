"""One moment of the stored ledger, read without believing any of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from governance.errors import LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, read_checkpoint
from governance.ledger.schema import altered, damage
from governance.ledger.tree import EMPTY_ROOT, root_of

Subjects = tuple[tuple[str, str], ...]
"""(name, digest) in their order."""

_COLUMNS = "seq, time, envelope, leaf_hash, root, idempotency_key"
_AMONG = text(f"SELECT {_COLUMNS} FROM entry WHERE seq IN :seqs ORDER BY seq")  # noqa: S608 - a constant
_AMONG = _AMONG.bindparams(bindparam("seqs", expanding=True))
_BY_KEY = text(f"SELECT {_COLUMNS} FROM entry WHERE idempotency_key = :key")  # noqa: S608 - a constant
_SUBJECTS = text("SELECT seq, position, name, digest FROM entry_subject WHERE seq IN :seqs ORDER BY seq, position")
_SUBJECTS = _SUBJECTS.bindparams(bindparam("seqs", expanding=True))
_IN_PORTIONS = {"stream_results": True, "yield_per": 200}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the ledger: how many entries, the root over them, and the frontier that the next one extends."""

    size: int
    root: bytes
    frontier: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """What is stored of one entry, unchecked: damage may have put anything there.

    `subjects` are (name, digest) of the index in their order, None where their positions have a gap; `note` is the
    checkpoint after the entry, None where it is missing or was not asked for.
    """

    seq: int
    time: Any
    envelope: Any
    leaf_hash: Any
    root: Any
    idempotency_key: Any
    subjects: Subjects | None
    note: Any = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger at one moment, whatever is appended meanwhile."""

    connection: Connection

    def head(self) -> Head:
        """The end of the ledger. Raises LedgerTamperedError where it does not fit the last entry."""
        rows = self._all("SELECT id, size, root, frontier FROM head")
        if [row.id for row in rows] != [1]:
            raise LedgerTamperedError(f"the ledger has {len(rows)} heads instead of one")
        _id, size, root, nodes = rows[0]
        if not isinstance(size, int) or not isinstance(nodes, bytes) or size < 0:
            raise LedgerTamperedError("the ledger's head is not a size and a frontier")
        frontier = tuple(nodes[i : i + 32] for i in range(0, len(nodes), 32))
        ends = self._all("SELECT seq, root FROM entry ORDER BY seq DESC LIMIT 1")
        found = (ends[0].seq + 1, ends[0].root) if ends else (0, EMPTY_ROOT)
        if (size, root) != found or len(frontier) != size.bit_count() or root_of(frontier) != root:
            raise LedgerTamperedError(f"the ledger's head speaks of {size} entries, its last entry of {found[0]}")
        return Head(size, root, frontier)

    def rows(self) -> Iterator[StoredRow]:
        """Every entry by seq, streamed, each with the checkpoint after it."""
        query = (
            "SELECT e.seq, e.time, e.envelope, e.leaf_hash, e.root, e.idempotency_key, c.note FROM entry e"
            " LEFT JOIN checkpoint c ON c.size = e.seq + 1 ORDER BY e.seq"
        )
        index = "SELECT seq, position, name, digest FROM entry_subject ORDER BY seq, position"
        groups = groupby(self._stream(index), lambda row: row.seq)
        group = next(groups, None)
        for row in self._stream(query):
            while group and group[0] < row.seq:
                group = next(groups, None)
            subjects = _in_order(group[1]) if group and group[0] == row.seq else ()
            yield _stored(row, subjects, row.note)

    def among(self, seqs: Sequence[int]) -> list[StoredRow]:
        """Those of these entries that are there, by seq."""
        given = {"seqs": list(seqs)}
        rows = self.connection.execute(_AMONG, given).all()
        found = self.connection.execute(_SUBJECTS, given)
        subjects = {seq: _in_order(group) for seq, group in groupby(found, lambda row: row.seq)}
        return [_stored(row, subjects.get(row.seq, ())) for row in rows]

    def by_key(self, key: str) -> StoredRow | None:
        """The entry with this idempotency key, None where there is none."""
        row = self.connection.execute(_BY_KEY, {"key": key}).first() if _is_text(key) else None
        return next(iter(self.among([row.seq])), None) if row else None

    def root_at(self, seq: int) -> bytes | None:
        """The stored root after this entry, None where there is no such entry."""
        rows = self._all("SELECT root FROM entry WHERE seq = :seq", {"seq": seq})
        return rows[0].root if rows else None

    def strays(self, size: int) -> dict[str, int]:
        """By table, how many rows speak of entries beyond the `size` that there are."""
        queries = {
            "checkpoint": "SELECT count(*) AS n FROM checkpoint WHERE size > :size OR size < 1",
            "entry_subject": "SELECT count(*) AS n FROM entry_subject WHERE seq >= :size OR seq < 0",
        }
        return {table: self._all(query, {"size": size})[0].n for table, query in queries.items()}

    def damage(self) -> tuple[str, ...]:
        """What is wrong below the rows, at most ten findings; empty where the database finds nothing."""
        return damage(self.connection)

    def altered(self) -> tuple[str, ...]:
        """Names of tables, indexes and guards that are gone, were added or read otherwise than they were made."""
        return altered(self.connection)

    def since(self, seq: int) -> Iterator[tuple[int, bytes]]:
        """Place and envelope of every entry from `seq` on, streamed."""
        for row in self._stream("SELECT seq, envelope FROM entry WHERE seq >= :seq ORDER BY seq", {"seq": seq}):
            yield row.seq, row.envelope

    def checkpoint(self, head: Head, public: bytes) -> Checkpoint:
        """The signed checkpoint of this head. Raises LedgerTamperedError where it is missing or speaks of another."""
        rows = self._all("SELECT note FROM checkpoint WHERE size = :size", {"size": head.size})
        found = read_checkpoint(rows[0].note if rows else "", public)
        if (found.size, found.root) != (head.size, head.root):
            raise LedgerTamperedError(f"the checkpoint of the ledger's {head.size} entries speaks of another tree")
        return found

    def _all(self, query: str, given: Mapping[str, object] | None = None) -> Sequence[Row[Any]]:
        return self.connection.execute(text(query), given).all()

    def _stream(self, query: str, given: Mapping[str, object] | None = None) -> Iterator[Row[Any]]:
        """Rows in portions: a long ledger is never in memory."""
        with self.connection.execute(text(query), given, execution_options=_IN_PORTIONS) as found:
            yield from found


def _is_text(key: str) -> bool:
    """Whether every database can keep it; of what none can, there is no entry."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in key


def _stored(row: Row[Any], subjects: Subjects | None, note: object = None) -> StoredRow:
    return StoredRow(
        row.seq, row.time, row.envelope, row.leaf_hash, row.root, row.idempotency_key, subjects=subjects, note=note
    )


def _in_order(rows: Iterable[Row[Any]]) -> Subjects | None:
    found = list(rows)
    if [row.position for row in found] != list(range(len(found))):
        return None
    return tuple((row.name, row.digest) for row in found)
