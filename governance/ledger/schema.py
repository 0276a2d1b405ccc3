"""The ledger's tables on SQLite: strict, append-only by triggers. Guards against accidents, not against the owner."""

from __future__ import annotations

import re

TABLES = (
    """CREATE TABLE IF NOT EXISTS entry (
        seq INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        envelope BLOB NOT NULL,
        leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
        root BLOB NOT NULL CHECK (length(root) = 32),
        idempotency_key TEXT UNIQUE
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS entry_subject (
        seq INTEGER NOT NULL REFERENCES entry (seq),
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (seq, position)
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS entry_subject_name ON entry_subject (name, seq)",
    "CREATE INDEX IF NOT EXISTS entry_subject_digest ON entry_subject (digest, seq)",
    """CREATE TABLE IF NOT EXISTS head (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        size INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        frontier BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
)

FIRST_HEAD = "INSERT INTO head SELECT 1, 0, :root, x'' WHERE NOT EXISTS (SELECT 1 FROM head)"
"""The head of an empty ledger; `root` is that of the empty tree."""


def _frozen(table: str) -> tuple[str, ...]:
    return tuple(
        f"""CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
        for verb in ("UPDATE", "DELETE")
    )


def _in_turn(table: str, column: str, refused: str) -> str:
    """INSERT OR REPLACE walks past DELETE triggers; a row that is not the next one is refused here.

    `refused` says when a row in its turn would still push an earlier one out, or belong to no entry.
    """
    next_one = "(SELECT size FROM head)"
    guard = f"WHEN NEW.{column} IS NOT {next_one} OR {refused}"  # names of this file, nothing given
    head = f"CREATE TRIGGER IF NOT EXISTS {table}_in_turn BEFORE INSERT ON {table} {guard}"
    return f"{head} BEGIN SELECT RAISE(ABORT, 'not the next place in the ledger'); END"


TRIGGERS = (
    *_frozen("entry"),
    *_frozen("entry_subject"),
    *_frozen("checkpoint"),
    _in_turn("entry", "seq", "EXISTS (SELECT 1 FROM entry WHERE idempotency_key = NEW.idempotency_key)"),
    _in_turn("entry_subject", "seq", "NOT EXISTS (SELECT 1 FROM entry WHERE seq = NEW.seq)"),
    _in_turn("checkpoint", "size - 1", "NOT EXISTS (SELECT 1 FROM entry WHERE seq = NEW.size - 1)"),
    """CREATE TRIGGER IF NOT EXISTS head_stays BEFORE INSERT ON head WHEN EXISTS (SELECT 1 FROM head)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS head_no_delete BEFORE DELETE ON head
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS head_grows BEFORE UPDATE ON head
        WHEN NEW.size IS NOT OLD.size + 1 OR NOT EXISTS (SELECT 1 FROM entry WHERE seq = OLD.size)
        BEGIN SELECT RAISE(ABORT, 'the ledger only grows by one'); END""",
)

OBJECTS = {
    re.findall(r"IF NOT EXISTS (\w+)", sql)[0]: sql.replace("IF NOT EXISTS ", "") for sql in (*TABLES, *TRIGGERS)
}
"""Every table, index and trigger by name, in the words in which SQLite keeps it."""
