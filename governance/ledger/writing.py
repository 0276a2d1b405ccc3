"""Rows of the ledger as they are written: by an append, and again from a backup, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from governance.ledger.snapshot import Head, StoredRow
from governance.ledger.tree import extend

_ENTRY = text("INSERT INTO entry VALUES (:seq, :time, :envelope, :leaf, :root, :key)")
_SUBJECT = text("INSERT INTO entry_subject VALUES (:seq, :position, :name, :digest)")
_CHECKPOINT = text("INSERT INTO checkpoint VALUES (:size, :note)")
_HEAD = text("UPDATE head SET size = :size, root = :root, frontier = :frontier")


def write_row(connection: Connection, row: StoredRow, frontier: Sequence[bytes]) -> None:
    """Write an entry with its subjects and checkpoint, and move the head, whose new frontier is given.

    The guards of the tables let only the next entry pass, in this order.
    """
    entry = {"seq": row.seq, "time": row.time, "envelope": row.envelope, "leaf": row.leaf_hash}
    connection.execute(_ENTRY, {**entry, "root": row.root, "key": row.idempotency_key})
    subjects = [
        {"seq": row.seq, "position": position, "name": name, "digest": digest}
        for position, (name, digest) in enumerate(row.subjects or ())
    ]
    if subjects:
        connection.execute(_SUBJECT, subjects)
    connection.execute(_CHECKPOINT, {"size": row.seq + 1, "note": row.note})
    connection.execute(_HEAD, {"size": row.seq + 1, "root": row.root, "frontier": b"".join(frontier)})


def replay(connection: Connection, head: Head, rows: Iterable[StoredRow]) -> None:
    """Write again those of a whole ledger's rows that stand after `head`, in the transaction that is open."""
    frontier = head.frontier
    for row in rows:
        if row.seq >= head.size:
            frontier = extend(row.seq, frontier, row.leaf_hash)
            write_row(connection, row, frontier)
