"""Ledgers for tests, work for other processes, and hands that change a ledger behind its back."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from governance.database.sqlite import SqliteDatabase
from governance.digests import digest_bytes
from governance.ledger.keys import open_keys
from governance.ledger.port import Clock
from governance.ledger.sql import SqlLedger
from governance.people import Actor
from governance.statement import Entry, PredicateType, ResourceDigest, Statement

OFFICER = Actor("local", "officer", "Officer für Prüfung")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


class StoppedClock:
    """A clock that moves when a test says so."""

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **given: float) -> datetime:
        """Move by a timedelta of these arguments; negative ones set the clock back."""
        self.time += timedelta(**given)
        return self.time


def ledger_at(folder: Path, clock: Clock = now, **given: Any) -> SqlLedger:
    """The ledger of `folder`, with its keys beside it."""
    return SqlLedger(f"sqlite:///{folder / 'ledger.db'}", open_keys(folder / "keys"), clock, **given)


def ledger_on(url: str, folder: Path, clock: Clock = now, **given: Any) -> SqlLedger:
    """The ledger at this address, with its keys in `folder`."""
    return SqlLedger(url, open_keys(folder / "keys"), clock, **given)


def sign_off(number: int, **body: Any) -> Statement:
    """A sign-off on a version of its own, with two subjects."""
    subjects = (
        ResourceDigest(f"model/hiring/{number}", digest_bytes(b"model %d" % number)),
        ResourceDigest("audit-report", digest_bytes(b"report")),
    )
    return Statement(
        PredicateType.SIGN_OFF, subjects, OFFICER, f"The officer approves {number}", {"decision": "approve", **body}
    )


def filled(folder: Path, count: int, clock: Clock = now) -> SqlLedger:
    """A ledger with `count` sign-offs, each under an idempotency key."""
    ledger = ledger_at(folder, clock)
    for number in range(count):
        ledger.append(sign_off(number), idempotency_key=f"key-{number}")
    return ledger


def leaves(entries: list[Entry]) -> list[bytes]:
    """The leaf hashes of the entries."""
    return [entry.leaf_hash for entry in entries]


def append_many(folder: Path, writer: int, count: int, acknowledged: Path | None = None) -> None:
    """Append as another process; every acknowledged leaf hash is written down, whole or not at all."""
    ledger = ledger_at(folder)
    for number in range(count):
        entry = ledger.append(sign_off(writer * 1_000_000 + number))
        if acknowledged is not None:
            line = f"{entry.seq} {entry.leaf_hash.hex()}\n".encode()
            descriptor = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, line)
            os.close(descriptor)


def decide_many(url: str, folder: Path, writer: int, threads: int, count: int) -> None:
    """Decide and append as another process with several threads: each decision speaks of the size that it read."""
    ledger, failed = ledger_on(url, folder), list[Exception]()

    def sign(thread: int) -> None:
        try:
            for _ in range(count):
                ledger.append_decided(lambda: sign_off(writer * 1_000 + thread, size=ledger.size()))
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failed.append(error)

    running = [threading.Thread(target=sign, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if failed:
        raise failed[0]


def try_keys(folder: Path, answers: Any) -> None:
    """Open the keys as another process and say which they are."""
    keys = open_keys(folder)
    answers.put((keys.attestation.keyid, keys.log.keyid))


def behind_its_back(path: Path, *statements: str, given: tuple[Any, ...] = ()) -> None:
    """Run SQL as the owner of the file could: no checks, no foreign keys, the guards taken off and put on again."""
    with closing(sqlite3.connect(path)) as connection:
        guards = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            connection.execute(statement, given if "?" in statement else ())
        for _, guard in guards:
            connection.execute(guard)
        connection.commit()


def tamper(ledger: SqlLedger, *statements: str) -> None:
    """Run SQL as the owner of the database could, on SQLite or PostgreSQL, the guards off meanwhile.

    A statement writes `blob(ABCD)` for bytes in hex.
    """
    if isinstance(ledger.database, SqliteDatabase):
        behind_its_back(ledger.path, *(re.sub(r"blob\((\w*)\)", r"x'\1'", item) for item in statements))
        return
    guards = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
    with superuser(ledger.url) as connection:
        found = connection.execute(guards + " WHERE relnamespace = 'fairgate'::regnamespace").fetchall()
        for table, name in found:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(re.sub(r"blob\((\w*)\)", r"decode('\1', 'hex')", statement))  # type: ignore[arg-type]
        for table, name in found:
            connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")  # type: ignore[arg-type]


def superuser(address: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A plain connection to the server, our schema in its path; each statement is a transaction of its own."""
    plain = address.replace("postgresql+psycopg:", "postgresql:")
    return psycopg.connect(plain, autocommit=True, options="-c search_path=fairgate")


def fetched(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What a plain SQLite connection reads."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
