"""The ledger's tables on SQLite: strict, append-only by triggers. Guards against accidents, not against the owner."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from governance.ledger.tree import EMPTY_ROOT

TABLES = (
    """CREATE TABLE entry (
        seq INTEGER PRIMARY KEY,
        time TEXT NOT NULL,
        envelope BLOB NOT NULL,
        leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
        root BLOB NOT NULL CHECK (length(root) = 32),
        idempotency_key TEXT UNIQUE
    ) STRICT""",
    """CREATE TABLE entry_subject (
        seq INTEGER NOT NULL REFERENCES entry (seq),
        position INTEGER NOT NULL,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (seq, position)
    ) STRICT""",
    "CREATE INDEX entry_subject_name ON entry_subject (name, seq)",
    "CREATE INDEX entry_subject_digest ON entry_subject (digest, seq)",
    """CREATE TABLE head (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        size INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        frontier BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
)

FIRST_HEAD = "INSERT INTO head VALUES (1, 0, :root, x'')"
"""The head of an empty ledger; `root` is that of the empty tree."""


def _frozen(table: str) -> tuple[str, ...]:
    return tuple(
        f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"""
        for verb in ("UPDATE", "DELETE")
    )


def _in_turn(table: str, column: str, refused: str) -> str:
    """INSERT OR REPLACE walks past DELETE triggers; a row that is not the next one is refused here.

    `refused` says when a row in its turn would still push an earlier one out, or belong to no entry.
    """
    next_one = "(SELECT size FROM head)"
    guard = f"WHEN NEW.{column} IS NOT {next_one} OR {refused}"  # names of this file, nothing given
    head = f"CREATE TRIGGER {table}_in_turn BEFORE INSERT ON {table} {guard}"
    return f"{head} BEGIN SELECT RAISE(ABORT, 'not the next place in the ledger'); END"


TRIGGERS = (
    *_frozen("entry"),
    *_frozen("entry_subject"),
    *_frozen("checkpoint"),
    _in_turn("entry", "seq", "EXISTS (SELECT 1 FROM entry WHERE idempotency_key = NEW.idempotency_key)"),
    _in_turn("entry_subject", "seq", "NOT EXISTS (SELECT 1 FROM entry WHERE seq = NEW.seq)"),
    _in_turn("checkpoint", "size - 1", "NOT EXISTS (SELECT 1 FROM entry WHERE seq = NEW.size - 1)"),
    """CREATE TRIGGER head_stays BEFORE INSERT ON head WHEN EXISTS (SELECT 1 FROM head)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER head_no_delete BEFORE DELETE ON head
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER head_grows BEFORE UPDATE ON head
        WHEN NEW.size IS NOT OLD.size + 1 OR NOT EXISTS (SELECT 1 FROM entry WHERE seq = OLD.size)
        BEGIN SELECT RAISE(ABORT, 'the ledger only grows by one'); END""",
)

OBJECTS = {re.findall(r"(?:TABLE|INDEX|TRIGGER) (\w+)", sql)[0]: sql for sql in (*TABLES, *TRIGGERS)}
"""Every table, index and trigger by name, in the words in which SQLite keeps it."""

VERSION = "ledger_version"
"""Alembic's table; a ledger made before there were migrations has none."""


def create(connection: Connection) -> None:
    """Make the tables of an empty ledger, in the transaction that is open."""
    for statement in TABLES:
        connection.exec_driver_sql(statement)
    connection.execute(text(FIRST_HEAD), {"root": EMPTY_ROOT})
    for statement in TRIGGERS:
        connection.exec_driver_sql(statement)


def altered(connection: Connection) -> set[str]:
    """Names of tables, indexes and guards that are gone, were added or read otherwise than they were made."""
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> :version")
    found = {row.name: row.sql for row in connection.execute(query, {"version": VERSION})}
    return {name for name in found | OBJECTS if found.get(name) != OBJECTS.get(name)}


def damage(connection: Connection) -> tuple[str, ...]:
    """What SQLite finds wrong with the file below the rows, at most ten findings; empty where it is whole."""
    found = connection.exec_driver_sql("PRAGMA integrity_check(10)").scalars()
    return tuple(str(line) for line in found if line != "ok")
