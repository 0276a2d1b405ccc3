"""The write-ahead log of SQLite, cut at every byte, with every byte flipped, zeroed from every place to its end.

What is opened is a prefix of the ledger that verifies, and holds every entry whose frames are whole. That the rest is
gone shows in a checkpoint kept elsewhere, and only there: an entry in a torn log was never acknowledged, but one in a
log that somebody damaged was.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fault_counts import Tally, drawn
from fault_work import leave
from ledger_factory import ledger_at, sign_off

from governance.ledger.checkpoint import Checkpoint
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.statement import Entry

FOLDED, LOGGED = 2, 3
"""Entries in the database file, and entries that stand in the log alone."""


@dataclass(frozen=True)
class Log:
    """A ledger with a log: its two files, and what it held when the log had each of the lengths `ends`."""

    folder: Path
    database: bytes
    log: bytes
    ends: tuple[int, ...]
    entries: tuple[Entry, ...]
    newest: Checkpoint

    def whole(self, length: int) -> int:
        """How many entries stand in the database and the first `length` bytes of the log."""
        return FOLDED + sum(end <= length for end in self.ends)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Log:
    folder = tmp_path_factory.mktemp("log")
    first = ledger_at(folder)
    for number in range(FOLDED):
        first.append(sign_off(number), idempotency_key=f"key-{number}")
    leave(first)  # folds the log in
    ledger, ends = ledger_at(folder), []
    database, log = ledger.path.read_bytes(), ledger.path.with_name("ledger.db-wal")
    for number in range(FOLDED, FOLDED + LOGGED):
        ledger.append(sign_off(number), idempotency_key=f"key-{number}")
        ends.append(log.stat().st_size)
    assert ledger.path.read_bytes() == database
    newest = ledger.checkpoint()
    assert newest is not None
    found = Log(folder, database, log.read_bytes(), tuple(ends), tuple(ledger.entries()), newest)
    leave(ledger)
    return found


class Opened:
    """Opens damaged copies. A state of the database that has been judged is known again by its bytes."""

    def __init__(self, made: Log, folder: Path) -> None:
        self.made, self.folder = made, folder
        shutil.copytree(made.folder / "keys", folder / "keys")
        self.sizes: dict[bytes, int] = {}

    def size(self, log: bytes) -> int:
        """How many entries the copy with this log holds. AssertionError where it is no prefix that verifies."""
        self._lay(log)
        state = self._state()
        if state not in self.sizes:
            self._lay(log)
            self.sizes[state] = self._judged(ledger_at(self.folder))
        return self.sizes[state]

    def _lay(self, log: bytes) -> None:
        for old in self.folder.glob("ledger.db*"):
            old.unlink()
        (self.folder / "ledger.db").write_bytes(self.made.database)
        (self.folder / "ledger.db-wal").write_bytes(log)

    def _state(self) -> bytes:
        """The digest of every page as SQLite reads it, with the log on top of the database."""
        with closing(sqlite3.connect(self.folder / "ledger.db")) as connection:
            connection.execute("PRAGMA synchronous=OFF")  # closing folds the log in, and nobody needs that on a disk
            return hashlib.sha256(connection.serialize()).digest()

    def _judged(self, ledger: SqlLedger) -> int:
        """A prefix that verifies, shorter ones told by a kept checkpoint, and it goes on."""
        try:
            entries = tuple(ledger.entries())
            assert entries == self.made.entries[: len(entries)]
            assert verify_ledger(ledger).problems == ()
            told = verify_ledger(ledger, trusted=self.made.newest).problems
            last = len(self.made.entries) - 1
            gone = f"entries {len(entries)} to {last} are gone: a checkpoint kept elsewhere has them"
            assert told == (() if len(entries) > last else (gone,))
            assert ledger.append(sign_off(99)).seq == len(entries)
            assert verify_ledger(ledger).problems == ()
        finally:
            leave(ledger)
        return len(entries)


def _places(made: Log, share: int) -> list[int]:
    """Every offset of the log; in the small share the ends of its entries and some others."""
    edges = {0, 1, 31, 32, 33, *(end + step for end in made.ends for step in (-1, 0, 1))}
    some = drawn(range(len(made.log)), share)
    return sorted({*some, *(place for place in edges if place < len(made.log))})


def _cut(log: bytes, place: int) -> bytes:
    return log[:place]


def _flipped(log: bytes, place: int) -> bytes:
    return b"".join((log[:place], bytes([log[place] ^ (1 << place % 8)]), log[place + 1 :]))


def _zeroed(log: bytes, place: int) -> bytes:
    return log[:place] + bytes(len(log) - place)


@pytest.mark.parametrize("damage", [_cut, _flipped, _zeroed], ids=["cut", "flipped", "zeroed"])
def test_a_damaged_log_leaves_a_prefix(made: Log, tmp_path: Path, damage: Callable[[bytes, int], bytes]) -> None:
    tally = Tally(f"log {damage.__name__.strip('_')} at every byte")
    tally.note("bytes of the log", len(made.log))
    opened = Opened(made, tmp_path)
    for place in _places(made, 60):
        tally.tried += 1
        try:
            found, promised = opened.size(damage(made.log, place)), made.whole(place)
        except AssertionError as error:
            tally.damaged += 1
            tally.amiss.append(f"at {place}: {error}")
            continue
        tally.acknowledged += promised
        tally.lost += max(0, promised - found)
        same = damage(made.log, place) == made.log
        if found != (len(made.entries) if same else promised):
            tally.amiss.append(f"at {place}: {found} entries, {promised} were whole")
    tally.close()
