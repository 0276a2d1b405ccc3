"""Copy a ledger while it is in use, and bring a copy back without losing anything."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import LedgerReport, verify_ledger


def backup(ledger: SqlLedger, path: Path) -> LedgerReport:
    """A verified copy of the ledger at `path`, whole or absent. Raises ConfigurationError where `path` exists."""
    if path.exists():
        raise ConfigurationError(f"{path} exists already: a backup never overwrites; give another name")
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    try:
        ledger.size()  # makes the tables where the ledger is new
        _copy(ledger.path, scratch)
        report = _verified(ledger, scratch)
        scratch.rename(path)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"the backup {path} could not be written: {error}") from error
    finally:
        _sweep(scratch)
    return report


def restore(ledger: SqlLedger, path: Path) -> Path | None:
    """Put the verified backup in the ledger's place; returns where the ledger that stood there was kept.

    Raises ConfigurationError where the ledger in place holds entries that the backup does not: they would be lost.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no backup at {path}")
    _verified(ledger, path)
    kept = _keep(ledger, path) if ledger.path.exists() else None
    scratch = ledger.path.with_name(f".{ledger.path.name}.new")
    _copy(path, scratch)
    _sweep(ledger.path, keep_itself=True)
    scratch.replace(ledger.path)
    return kept


def _keep(ledger: SqlLedger, path: Path) -> Path:
    """Keep the ledger in place beside itself, unless it knows more than the backup."""
    backed_up = replace(ledger, url=f"sqlite:///{path}").head()
    try:
        standing = ledger.head()
    except LedgerTamperedError:
        standing = None  # damaged: this is what a restore is for
    if standing is not None and standing.size > backed_up.size:
        raise ConfigurationError(
            f"the ledger in place has {standing.size} entries, the backup {backed_up.size}: restoring would lose some. "
            f"Move {ledger.path} away by hand if you mean it"
        )
    number = 1
    while (kept := ledger.path.with_name(f"{ledger.path.name}.before-restore-{number}")).exists():
        number += 1
    _copy(ledger.path, kept)
    return kept


def _verified(ledger: SqlLedger, path: Path) -> LedgerReport:
    report = verify_ledger(replace(ledger, url=f"sqlite:///{path}"))
    if report.problems:
        raise LedgerTamperedError(f"{path} is not a whole ledger: {report.problems[0]}")
    return report


def _copy(source: Path, target: Path) -> None:
    """SQLite's online backup: consistent while others append. A damaged database is copied as bytes."""
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError:
        target.write_bytes(source.read_bytes())


def _sweep(path: Path, *, keep_itself: bool = False) -> None:
    for suffix in ("-wal", "-shm", *(() if keep_itself else ("", ".lock"))):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
