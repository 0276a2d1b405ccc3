"""Copy a ledger while it is in use, and bring a copy back without losing anything."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from governance.database.sqlite import SqliteDatabase
from governance.durable import sync_folder
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger.schema import LEDGER
from governance.ledger.snapshot import Head, Snapshot
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import LedgerReport, verify_ledger
from governance.ledger.writing import replay


def backup(ledger: SqlLedger, path: Path) -> LedgerReport:
    """A verified copy of the ledger at `path`, whole or absent. Raises ConfigurationError where `path` exists."""
    if path.exists():
        raise ConfigurationError(f"{path} exists already: a backup never overwrites; give another name")
    ledger.size()  # makes the tables where the ledger is new
    scratch = path.with_name(f".{path.name}.new")
    try:
        if _is_file(ledger):
            _copy(ledger.path, scratch)
        else:
            _write_out(ledger, scratch)
        report = _verified(_looking_into(ledger, scratch), ledger.database.name)
        scratch.rename(path)
        sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"the backup {path} could not be written: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
    return report


def restore(ledger: SqlLedger, path: Path) -> Path | None:
    """Put the verified backup in the ledger's place; returns where the ledger that stood there was kept.

    On PostgreSQL nothing is replaced: what the backup holds beyond the ledger in place is written into it, byte for
    byte, and None returned. Raises ConfigurationError where the ledger in place holds entries that the backup does not:
    they would be lost. Nobody appends meanwhile. The backup itself is only read.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no backup at {path}")
    if not _is_file(ledger):
        _write_in(ledger, path)
        return None
    scratch = ledger.path.with_name(f".{ledger.path.name}.new")
    try:
        ledger.path.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, scratch)
        _verified(_looking_into(ledger, scratch), path)
        kept = _put_in_place(ledger, scratch, path)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"the backup {path} could not be restored: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
    return kept


def _put_in_place(ledger: SqlLedger, scratch: Path, path: Path) -> Path | None:
    with SqliteDatabase(ledger.path, LEDGER, ledger.wait_seconds).alone():
        kept = None
        if ledger.path.exists():
            _refuse_loss(ledger, _standing(ledger), scratch, path)
            kept = _keep(ledger.path)
            # A WAL left behind would be replayed into the restored file.
            for leftover in _beside(ledger.path):
                leftover.unlink(missing_ok=True)
        with closing(sqlite3.connect(scratch)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # as every opened ledger: readers and writers do not wait
        scratch.replace(ledger.path)
        sync_folder(ledger.path.parent)
    return kept


def _standing(ledger: SqlLedger) -> Head | None:
    """The head of the ledger in place; None where it is damaged or none: that is what a restore is for."""
    try:
        return replace(ledger, read_only=True).head()
    except LedgerError:
        return None


def _refuse_loss(ledger: SqlLedger, standing: Head | None, scratch: Path, path: Path) -> None:
    """Raises ConfigurationError unless the backup begins with every entry of the ledger in place."""
    if standing is None or standing.size == 0:
        return
    with _looking_into(ledger, scratch).reading() as snapshot:
        root = snapshot.root_at(standing.size - 1)
    if root != standing.root:
        raise _would_lose(standing, path, f"Move {ledger.path} away by hand if you mean it")


def _would_lose(standing: Head, path: Path, way_out: str) -> ConfigurationError:
    return ConfigurationError(
        f"the ledger in place has {standing.size} entries that the backup {path} does not all hold: restoring "
        f"would lose some. {way_out}"
    )


def _keep(path: Path) -> Path:
    """A copy of the ledger in place beside itself; of a damaged one byte by byte, with its WAL."""
    number = 1
    while (kept := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    try:
        _copy(path, kept)
    except sqlite3.DatabaseError:
        for source in (path, *_beside(path)):
            with suppress(FileNotFoundError):
                shutil.copyfile(source, kept.with_name(kept.name + source.name.removeprefix(path.name)))
    return kept


def _is_file(ledger: SqlLedger) -> bool:
    return isinstance(ledger.database, SqliteDatabase)


def _write_out(ledger: SqlLedger, target: Path) -> None:
    """The rows of a server's ledger in a SQLite file of their own."""
    target.unlink(missing_ok=True)
    made = SqliteDatabase(target, LEDGER, ledger.wait_seconds)
    try:
        with ledger.reading() as snapshot, made.writing() as connection:
            replay(connection, Snapshot(connection).head(), snapshot.rows())
        made.dispose()
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        for name in (*_beside(target), *made.lock_files):
            name.unlink(missing_ok=True)


def _write_in(ledger: SqlLedger, path: Path) -> None:
    """What the backup holds beyond the server's ledger, in one transaction."""
    copy = _looking_into(ledger, path)
    _verified(copy, path)
    with copy.reading() as snapshot, ledger.database.writing() as connection:
        standing = Snapshot(connection).head()
        if standing.size and snapshot.root_at(standing.size - 1) != standing.root:
            raise _would_lose(standing, path, f"Restore into an empty database instead of {ledger.database.name}")
        replay(connection, standing, snapshot.rows())
    _verified(ledger, ledger.database.name)


def _verified(ledger: SqlLedger, named: Path | str) -> LedgerReport:
    report = verify_ledger(ledger)
    if report.problems:
        raise LedgerTamperedError(f"{named} is not a whole ledger: {report.problems[0]}")
    return report


def _looking_into(ledger: SqlLedger, path: Path) -> SqlLedger:
    return replace(ledger, url=f"sqlite:///{path}", read_only=True)


def _copy(source: Path, target: Path) -> None:
    """SQLite's online backup: consistent while others append. One file, without a WAL beside it."""
    target.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")
