"""A disk that is really full, and a limit on the size of files: nothing is damaged, and with space it goes on."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_counts import Tally, count
from fault_work import leave
from ledger_factory import ledger_at, sign_off

from governance.errors import FairgateError, LedgerError
from governance.evidence import EvidenceStore
from governance.ledger.backup import backup
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger

BYTES = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB of its own. Needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no disk of a chosen size can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _fill(place: Path, leave: int) -> None:
    """Take all the space of the disk but `leave` bytes."""
    found = os.statvfs(place)
    with (place / "filler").open("wb") as stream:
        stream.write(bytes(max(0, found.f_bavail * found.f_frsize - leave)))


def _append_until_refused(ledger: SqlLedger, tally: Tally, text: int) -> None:
    """Appends until the disk says no, and three more that it also refuses; counts what was acknowledged."""
    refused = 0
    while refused < 4:
        try:
            ledger.append(sign_off(tally.acknowledged, text="x" * text))
            tally.acknowledged += 1
        except LedgerError as error:
            refused += 1
            tally.tried += 1
            assert "cannot be used" in str(error), error


def _judge(ledger: SqlLedger, tally: Tally, before: int) -> None:
    """Everything acknowledged is there and nothing else, and the ledger verifies."""
    report = verify_ledger(ledger)
    tally.damaged += bool(report.problems)
    tally.lost += max(0, tally.acknowledged - before - report.size)
    tally.amiss += report.problems
    assert report.size == tally.acknowledged - before
    assert [e.seq for e in ledger.entries()] == list(range(report.size)), "reading needs no space"


def test_a_full_disk_under_the_ledger(disk: Path, tmp_path: Path) -> None:
    tally = Tally("a full disk under the ledger")
    for turn in range(count(2, 24)):
        folder = disk / str(turn)
        folder.mkdir()
        before = tally.acknowledged
        ledger = ledger_at(folder)
        try:
            ledger.append(sign_off(0))
            tally.acknowledged += 1
            _fill(disk, 40_000 + turn * 4_096)
            _append_until_refused(ledger, tally, text=turn * 1_000)
            _judge(ledger, tally, before)
            with pytest.raises(LedgerError, match="could not be written"):
                backup(ledger, disk / "backup")
            assert not list(disk.glob("*backup*")), "a backup is whole or absent"
            assert ledger.receipt(0).checkpoint.size == ledger.size(), "a receipt needs no space"
            (disk / "filler").unlink()
            ledger.append(sign_off(1))
            tally.acknowledged += 1
            _judge(ledger, tally, before)
        finally:
            leave(ledger)
        again = ledger_at(folder)
        _judge(again, tally, before)
        leave(again)
        for path in (*folder.rglob("*.*"), disk / "filler"):
            path.unlink(missing_ok=True)
    tally.close()


def test_a_ledger_cannot_begin_on_a_full_disk(disk: Path) -> None:
    """Keys and tables are written whole or not at all: the same command works once there is space."""
    tally = Tally("a full disk under a new ledger")
    for space in range(0, count(16_384, 120_000), 4_096):
        folder = disk / str(space)
        folder.mkdir()
        _fill(disk, space)
        try:
            ledger = ledger_at(folder)
            with pytest.raises(FairgateError):
                for number in range(100):
                    ledger.append(sign_off(number, text="x" * 20_000))
                    tally.acknowledged += 1
            leave(ledger)
        except FairgateError as error:  # the keys did not find space
            assert "key" in str(error)
        tally.tried += 1
        (disk / "filler").unlink()
        again = ledger_at(folder)
        kept = again.size()
        assert again.append(sign_off(1)).seq == kept
        tally.damaged += bool(verify_ledger(again).problems)
        leave(again)
        for path in folder.rglob("*.*"):
            path.unlink()
    tally.close()


def test_a_full_disk_under_the_evidence(disk: Path) -> None:
    tally = Tally("a full disk under the evidence store")
    store = EvidenceStore(disk / "evidence")
    kept = store.put(b"kept")
    for size in range(4_096, count(40_000, 400_000), 20_000):
        _fill(disk, size // 2)
        data = os.urandom(size)
        with pytest.raises(LedgerError, match="cannot be written: No space left on device"):
            store.put(data)
        tally.tried += 1
        assert [path.read_bytes() for path in store.folder.rglob("*") if path.is_file()] == [b"kept"], "whole or absent"
        (disk / "filler").unlink()
        digest = store.put(data)
        tally.acknowledged += 1
        tally.lost += store.get(digest) != data or store.get(kept) != b"kept"
        next(store.folder.rglob(digest[-64:])).unlink()
    tally.close()


@contextmanager
def _files_at_most(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: what a quota does, without any right to mount."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    tally = Tally("a limit on the size of files")
    for turn in range(count(4, 40)):
        ledger = ledger_at(tmp_path / str(turn))
        before = tally.acknowledged
        ledger.append(sign_off(0))
        tally.acknowledged += 1
        with _files_at_most(150_000 + turn * 1_111):
            _append_until_refused(ledger, tally, text=turn * 300)
        _judge(ledger, tally, before)
        ledger.append(sign_off(1))
        tally.acknowledged += 1
        _judge(ledger, tally, before)
        leave(ledger)
    tally.close()
