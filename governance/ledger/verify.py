"""Verify a whole ledger from its stored bytes, streaming: every byte, every root, every checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from governance.errors import LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, Kept, read_checkpoint
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
    kept: dict[int, list[Kept]] = field(default_factory=dict)
    receipts: dict[int, list[Kept]] = field(default_factory=dict)


def verify_ledger(
    ledger: SqlLedger,
    *,
    trusted: Checkpoint | None = None,
    kept: Sequence[Kept] = (),
    tell: Callable[[int], object] = lambda _count: None,
) -> LedgerReport:
    """Recompute the tree over the stored bytes.

    `kept` (and `trusted`, one of them) are checkpoints and receipts from elsewhere, checked under the log key: only
    they show that the newest entries were dropped together with the head, or that the whole ledger was written anew
    under stolen keys. At most 100 problems are told; `tell` is given the number of entries read so far. Raises
    LedgerError where the file cannot be opened or read at all; what can be read and is wrong is a problem, not an
    error.
    """
    every = (Kept("checkpoint kept elsewhere", trusted), *kept) if trusted else tuple(kept)
    walk, problems = _walk_with(every), list[str]()
    try:
        with ledger.reading() as snapshot:
            for problem in _problems(snapshot, ledger.keys, walk, tell):
                problems.append(problem)
                if len(problems) >= MAX_PROBLEMS:
                    break
    except LedgerTamperedError as error:  # the database itself gave up on the file
        problems.append(f"after entry {walk.size - 1}: {error}" if walk.size else str(error))
    return LedgerReport(walk.size, root_of(walk.frontier), tuple(problems))


def _walk_with(every: Sequence[Kept]) -> _Walk:
    walk = _Walk()
    for item in every:
        walk.kept.setdefault(item.checkpoint.size, []).append(item)
        if item.seq is not None:
            walk.receipts.setdefault(item.seq, []).append(item)
    return walk


def _problems(snapshot: Snapshot, keys: LedgerKeys, walk: _Walk, tell: Callable[[int], object]) -> Iterator[str]:
    for row in snapshot.rows():
        yield from _entry_problems(row, keys, walk)
        yield from _kept_problems(walk)
        tell(walk.size)
    longest = max(walk.kept, default=0)
    if longest > walk.size:
        where = walk.kept[longest][0].where
        yield f"entries {walk.size} to {longest - 1} are gone: a {where} has them"
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
    yield from _receipt_problems(walk, leaf)
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


def _receipt_problems(walk: _Walk, leaf: bytes) -> Iterator[str]:
    for item in walk.receipts.get(walk.size, ()):
        if item.leaf != leaf:
            yield f"entry {walk.size} is not the one of the {item.where}: it was changed or replaced"


def _kept_problems(walk: _Walk) -> Iterator[str]:
    """Where the entries up to here are not those that somebody elsewhere remembers."""
    for item in walk.kept.get(walk.size, ()):
        if item.checkpoint.root != root_of(walk.frontier):
            yield f"the first {walk.size} entries are not those of the {item.where}"


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
