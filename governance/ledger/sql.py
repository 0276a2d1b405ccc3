"""The ledger in a database, SQLite or PostgreSQL. One append is one transaction: entry, subjects, head, checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from sqlalchemy import Connection

from governance.database.address import WAIT_SECONDS, file_of, open_database, read_address
from governance.database.port import Database
from governance.errors import LedgerError, LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, Receipt, sign_checkpoint
from governance.ledger.envelope import moment, seal, unseal
from governance.ledger.keys import LedgerKeys
from governance.ledger.known import Known
from governance.ledger.port import Clock
from governance.ledger.schema import LEDGER
from governance.ledger.snapshot import Head, Snapshot, StoredRow
from governance.ledger.tree import extend, inclusion_proof, leaf_hash, root_of
from governance.ledger.writing import write_row
from governance.statement import Entry, Statement

_PAGE = 1_000


@dataclass(frozen=True)
class SqlLedger:
    """The ledger of one database. `url` is SQLAlchemy's; safe under many threads and processes.

    A writer waits at most `wait_seconds` for the others. With `read_only` the database is not touched at all, and must
    hold a ledger already: for looking into backups.
    """

    url: str
    keys: LedgerKeys
    clock: Clock
    wait_seconds: float = WAIT_SECONDS
    read_only: bool = False

    @property
    def path(self) -> Path:
        """The database file. Raises ConfigurationError for anything but a SQLite file."""
        return file_of(read_address(self.url, LEDGER.name))

    @cached_property
    def database(self) -> Database:
        """Where the rows are. Raises ConfigurationError for an address that is none."""
        return open_database(self.url, LEDGER, wait_seconds=self.wait_seconds, read_only=self.read_only)

    def append(self, statement: Statement, *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append`."""
        return self.append_decided(lambda: statement, idempotency_key=idempotency_key)

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        """See `governance.ledger.port.Ledger.append_decided`."""
        if self.read_only:
            raise LedgerError(f"the ledger {self.database.name} was opened for reading only")
        with self.database.writing() as connection:
            snapshot = Snapshot(connection)
            head = snapshot.head()
            earlier = snapshot.by_key(idempotency_key) if idempotency_key is not None else None
            if earlier is not None:
                return _checked(earlier, self.keys)
            entry = self._next(snapshot, head, decide(), idempotency_key)
            self._write(connection, head, entry, idempotency_key)
            return entry

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        """See `governance.ledger.port.Ledger.entries`. Reads in pages, so that a long ledger is never in memory.

        The signed bytes say which entries they are, not the database's index of subjects: it could hide one.
        """
        after = since - 1
        while True:
            with self.reading() as snapshot:
                wanted = self._wanted(snapshot, after, subject, digest)
                found = [_checked(row, self.keys) for row in snapshot.among(wanted)]
            _check_none_gone(found, wanted)
            yield from found
            if len(found) < _PAGE:
                return
            after = found[-1].seq

    def size(self) -> int:
        """How many entries the ledger holds."""
        return self.head().size

    def head(self) -> Head:
        """The end of the ledger."""
        with self.reading() as snapshot:
            return snapshot.head()

    def checkpoint(self) -> Checkpoint | None:
        """The newest signed checkpoint, None while the ledger is empty."""
        with self.reading() as snapshot:
            head = snapshot.head()
            return snapshot.checkpoint(head, self.keys.log.public) if head.size else None

    def receipt(self, seq: int) -> Receipt:
        """Proof that this entry is in the ledger, for whoever wants to show later that it was dropped or changed.

        Raises LedgerError where there is no such entry.
        """
        with self.reading() as snapshot:
            head = snapshot.head()
            leaves = self._catch_up(snapshot, head).leaves[: head.size]
            if not 0 <= seq < head.size:
                raise LedgerError(f"the ledger has {head.size} entries, there is no entry {seq}")
            checkpoint = snapshot.checkpoint(head, self.keys.log.public)
        return Receipt(seq, inclusion_proof(leaves, seq), checkpoint)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The ledger at one moment, whatever is appended meanwhile."""
        with self.database.reading() as connection:
            yield Snapshot(connection)

    @cached_property
    def _known(self) -> Known:
        return Known()

    def _catch_up(self, snapshot: Snapshot, head: Head) -> Known:
        """What the signed bytes say, recomputed up to `head` and confirmed by its signed checkpoint.

        Raises LedgerTamperedError also where the ledger has shrunk since this process read it.
        """
        known = len(self._known.leaves)
        if head.size < known and self.size() < known:
            raise LedgerTamperedError(f"the ledger had {known} entries and has now {head.size}: restore a backup")
        confirm = partial(snapshot.checkpoint, head, self.keys.log.public)
        self._known.read_on(snapshot.since, head.size, head.root, confirm)
        return self._known

    def _wanted(self, snapshot: Snapshot, after: int, subject: str | None, digest: str | None) -> Sequence[int]:
        """The places of the entries that the page after `after` must hold."""
        head = snapshot.head()
        if subject is None and digest is None:
            return range(after + 1, min(head.size, after + 1 + _PAGE))
        return self._catch_up(snapshot, head).about(subject, digest, range(after + 1, head.size))[:_PAGE]

    def _next(self, snapshot: Snapshot, head: Head, statement: Statement, key: str | None) -> Entry:
        """The entry at the end, as any reader will read it."""
        time = max(self.clock(), self._last_time(snapshot, head))
        envelope = seal(statement, head.size, time, self.keys.attestation, key)
        leaf = leaf_hash(envelope)
        root = root_of(extend(head.size, head.frontier, leaf))
        opened = unseal(envelope, self.keys.attestation.public)
        return Entry(head.size, opened.time, opened.statement, envelope, leaf, root)

    def _last_time(self, snapshot: Snapshot, head: Head) -> datetime:
        """The signed time of the last entry: recorded time never goes back, whatever the clock says."""
        rows = snapshot.among([head.size - 1]) if head.size else []
        return _checked(rows[0], self.keys).time if rows else datetime.min.replace(tzinfo=UTC)

    def _write(self, connection: Connection, head: Head, entry: Entry, key: str | None) -> None:
        row = StoredRow(
            seq=entry.seq,
            time=moment(entry.time),
            envelope=entry.envelope,
            leaf_hash=entry.leaf_hash,
            root=entry.root,
            idempotency_key=key,
            subjects=tuple((item.name, item.digest) for item in entry.statement.subjects),
            note=sign_checkpoint(head.size + 1, entry.root, self.keys.log).note,
        )
        write_row(connection, row, extend(head.size, head.frontier, entry.leaf_hash))


def _checked(row: StoredRow, keys: LedgerKeys) -> Entry:
    """The entry in a row, after checking that it is what was acknowledged."""
    where = f"ledger entry {row.seq}"
    if not isinstance(row.envelope, bytes) or leaf_hash(row.envelope) != row.leaf_hash:
        raise LedgerTamperedError(f"{where}: the envelope is not the one that was acknowledged")
    try:
        opened = unseal(row.envelope, keys.attestation.public)
    except LedgerTamperedError as error:
        raise LedgerTamperedError(f"{where}: {error}") from error
    if (opened.seq, moment(opened.time), opened.idempotency_key) != (row.seq, row.time, row.idempotency_key):
        raise LedgerTamperedError(f"{where}: its place, time or idempotency key is not the one that was signed")
    if row.subjects != tuple((x.name, x.digest) for x in opened.statement.subjects):
        raise LedgerTamperedError(f"{where}: the index of subjects is not what was signed")
    return Entry(row.seq, opened.time, opened.statement, row.envelope, row.leaf_hash, row.root)


def _check_none_gone(found: list[Entry], wanted: Sequence[int]) -> None:
    gone = sorted(set(wanted) - {entry.seq for entry in found})
    if gone:
        raise LedgerTamperedError(f"ledger entry {gone[0]} is gone, though the ledger is longer")
