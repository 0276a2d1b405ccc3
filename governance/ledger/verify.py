"""Verify a whole ledger from its stored bytes, streaming: every byte, every root, every checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from governance.errors import FairgateError, LedgerTamperedError
from governance.ledger.checkpoint import Checkpoint, read_checkpoint
from governance.ledger.envelope import moment, unseal
from governance.ledger.keys import LedgerKeys
from governance.ledger.sql import SqlLedger, read_head, subjects_of
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
    with the head, or that the whole ledger was written anew under stolen keys.
    """
    walk, problems = _Walk(trusted=trusted), list[str]()
    with ledger.engine.connect() as connection:
        for problem in _problems(connection, ledger.keys, walk):
            problems.append(problem)
            if len(problems) >= MAX_PROBLEMS:
                break
    return LedgerReport(walk.size, root_of(walk.frontier), tuple(problems))


def _problems(connection: Connection, keys: LedgerKeys, walk: _Walk) -> Iterator[str]:
    query = text(
        "SELECT e.seq, e.time, e.envelope, e.leaf_hash, e.root, c.note FROM entry e"
        " LEFT JOIN checkpoint c ON c.size = e.seq + 1 ORDER BY e.seq"
    )
    for row in connection.execution_options(stream_results=True).execute(query):
        yield from _entry_problems(connection, row, keys, walk)
        yield from _trust_problems(walk)
    if walk.trusted is not None and walk.trusted.size > walk.size:
        yield f"entries {walk.size} to {walk.trusted.size - 1} are gone: a checkpoint kept elsewhere has them"
    yield from _head_problems(connection, walk)


def _entry_problems(
    connection: Connection, row: Row[tuple[object, ...]], keys: LedgerKeys, walk: _Walk
) -> Iterator[str]:
    where = f"entry {row.seq}"
    if row.seq != walk.size:
        yield f"{where}: stands where entry {walk.size} should be"
    leaf = leaf_hash(row.envelope)
    if leaf != row.leaf_hash:
        yield f"{where}: leaf_hash is not that of the envelope"
    walk.frontier = extend(walk.size, walk.frontier, leaf)
    walk.size += 1
    if root_of(walk.frontier) != row.root:
        yield f"{where}: root is not that of the entries before it"
    try:
        opened = unseal(row.envelope, keys.attestation.public)
    except LedgerTamperedError as error:
        yield f"{where}: envelope: {error}"
    else:
        if opened.seq != row.seq:
            yield f"{where}: seq is {opened.seq} in the signed body"
        if moment(opened.time) != row.time:
            yield f"{where}: time is not the one in the signed body"
        if walk.time is not None and opened.time < walk.time:
            yield f"{where}: time goes back"
        walk.time = opened.time
        if subjects_of(connection, row.seq) != tuple((x.name, x.digest) for x in opened.statement.subjects):
            yield f"{where}: the index of subjects is not what was signed"
    yield from _checkpoint_problems(where, row.note, keys, walk)


def _checkpoint_problems(where: str, note: str | None, keys: LedgerKeys, walk: _Walk) -> Iterator[str]:
    if note is None:
        yield f"{where}: checkpoint is missing"
        return
    try:
        found = read_checkpoint(note, keys.log.public)
    except FairgateError as error:
        yield f"{where}: checkpoint: {error}"
        return
    if (found.size, found.root) != (walk.size, root_of(walk.frontier)):
        yield f"{where}: checkpoint speaks of another tree"


def _trust_problems(walk: _Walk) -> Iterator[str]:
    trusted = walk.trusted
    if trusted is not None and trusted.size == walk.size and trusted.root != root_of(walk.frontier):
        yield f"the first {walk.size} entries are not those of the checkpoint kept elsewhere"


def _head_problems(connection: Connection, walk: _Walk) -> Iterator[str]:
    try:
        head = read_head(connection)
    except LedgerTamperedError as error:
        yield f"head: {error}"
        return
    if (head.size, head.frontier) != (walk.size, walk.frontier):
        yield "head: it is not that of the entries"
    extra = connection.execute(
        text("SELECT count(*) FROM checkpoint WHERE size > :size OR size < 1"), {"size": walk.size}
    ).scalar_one()
    if extra:
        yield f"checkpoint: {extra} speak of entries that are not there"
    loose = connection.execute(
        text("SELECT count(*) FROM entry_subject WHERE seq >= :size OR seq < 0"), {"size": walk.size}
    ).scalar_one()
    if loose:
        yield f"entry_subject: {loose} rows belong to no entry"
