"""Verify a whole ledger from its stored bytes, streaming: every byte, every root, every checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from governance.errors import LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, read_checkpoint
from governance.ledger.envelope import Opened, moment, unseal
from governance.ledger.keys import LedgerKeys
from governance.ledger.snapshot import Snapshot, StoredRow
from governance.ledger.sql import SqlLedger
from governance.ledger.tree import extend, leaf_hash, root_of

MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What was found. `problems` empty: every one of `size` entries is what was acknowledged, and in its place."""

    size: int
    root: bytes
    problems: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """Where the walk over the entries stands."""

    size: int = 0
    frontier: tuple[bytes, ...] = ()
    time: datetime | None = None
    trusted: Checkpoint | None = None


def verify_ledger(ledger: SqlLedger, *, trusted: Checkpoint | None = None) -> LedgerReport:
    """Recompute the tree over the stored bytes.

    `trusted` is a checkpoint that was kept elsewhere: only it shows that the newest entries were dropped together
    with the head, or that the whole ledger was written anew under stolen keys. At most 100 problems are told. Raises
    LedgerError where the file cannot be opened or read at all; what can be read and is wrong is a problem, not an
    error.
    """
    walk, problems = _Walk(trusted=trusted), list[str]()
    try:
        with ledger.reading() as snapshot:
            for problem in _problems(snapshot, ledger.keys, walk):
                problems.append(problem)
                if len(problems) >= MAX_PROBLEMS:
                    break
    except LedgerTamperedError as error:  # the database itself gave up on the file
        problems.append(f"after entry {walk.size - 1}: {error}" if walk.size else str(error))
    return LedgerReport(walk.size, root_of(walk.frontier), tuple(problems))


def _problems(snapshot: Snapshot, keys: LedgerKeys, walk: _Walk) -> Iterator[str]:
    for row in snapshot.rows():
        yield from _entry_problems(row, keys, walk)
        yield from _trust_problems(walk)
    if walk.trusted is not None and walk.trusted.size > walk.size:
        yield f"entries {walk.size} to {walk.trusted.size - 1} are gone: a checkpoint kept elsewhere has them"
    yield from _head_problems(snapshot, walk)
    yield from _file_problems(snapshot)


def _entry_problems(row: StoredRow, keys: LedgerKeys, walk: _Walk) -> Iterator[str]:
    where = f"entry {row.seq}"
    if row.seq != walk.size:
        yield f"{where}: stands where entry {walk.size} should be"
    envelope = row.envelope if isinstance(row.envelope, bytes) else b""
    leaf = leaf_hash(envelope)
    if leaf != row.leaf_hash:
        yield f"{where}: leaf_hash is not that of the envelope"
    walk.frontier = extend(walk.size, walk.frontier, leaf)
    walk.size += 1
    if root_of(walk.frontier) != row.root:
        yield f"{where}: root is not that of the entries before it"
    try:
        opened = unseal(envelope, keys.attestation.public)
    except LedgerTamperedError as error:
        yield f"{where}: envelope: {error}"
    else:
        yield from (f"{where}: {problem}" for problem in _differences(row, opened))
        if walk.time is not None and opened.time < walk.time:
            yield f"{where}: time goes back"
        walk.time = opened.time
    yield from _checkpoint_problems(where, row.note, keys, walk)


def _differences(row: StoredRow, opened: Opened) -> Iterator[str]:
    """Where the columns of an entry and its index are not what was signed."""
    if opened.seq != row.seq:
        yield f"seq is {opened.seq} in the signed body"
    if moment(opened.time) != row.time:
        yield "time is not the one in the signed body"
    if opened.idempotency_key != row.idempotency_key:
        yield "idempotency_key is not the one in the signed body"
    if row.subjects != tuple((x.name, x.digest) for x in opened.statement.subjects):
        yield "the index of subjects is not what was signed"


def _checkpoint_problems(where: str, note: str | None, keys: LedgerKeys, walk: _Walk) -> Iterator[str]:
    if note is None:
        yield f"{where}: checkpoint is missing"
        return
    try:
        found = read_checkpoint(note, keys.log.public)
    except LedgerTamperedError as error:
        yield f"{where}: checkpoint: {error}"
        return
    if (found.size, found.root) != (walk.size, root_of(walk.frontier)):
        yield f"{where}: checkpoint speaks of another tree"


def _trust_problems(walk: _Walk) -> Iterator[str]:
    trusted = walk.trusted
    if trusted is not None and trusted.size == walk.size and trusted.root != root_of(walk.frontier):
        yield f"the first {walk.size} entries are not those of the checkpoint kept elsewhere"


def _head_problems(snapshot: Snapshot, walk: _Walk) -> Iterator[str]:
    try:
        head = snapshot.head()
    except LedgerTamperedError as error:
        yield f"head: {error}"
        return
    if (head.size, head.frontier) != (walk.size, walk.frontier):
        yield "head: it is not that of the entries"
    for table, count in snapshot.strays(walk.size).items():
        if count:
            yield f"{table}: {count} rows speak of entries that are not there"


def _file_problems(snapshot: Snapshot) -> Iterator[str]:
    """Damage below the rows: an index that lost an entry would hide it from whoever asks by subject."""
    yield from (f"file: {found}" for found in snapshot.damage())
    if altered := snapshot.altered():
        yield f"file: tables or guards are not those that the ledger was made with: {', '.join(altered)}"
