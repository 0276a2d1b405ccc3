"""Rows for a process that may never read them: Arrow batches into a pipe, until it ends or its time is up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_POLL_SECONDS = 0.02
_PIPE_BYTES = 1 << 20
_NAMES_KEPT = 200  # a disk can be full of names too: one in so many stays free


@dataclass(frozen=True, slots=True)
class Watch:
    """A child that has until `deadline` (of time.monotonic), and must leave `free_bytes` on the disk of `folder`."""

    pid: int
    deadline: float
    folder: Path
    free_bytes: int

    def ended(self) -> bool:
        """Has it ended? It is left unreaped."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def over(self) -> str:
        """What it has used up: "time", "disk", or nothing ("").

        The whole disk is looked at: a sum over files would miss those that have no name any more.
        """
        if time.monotonic() >= self.deadline:
            return "time"
        disk = os.statvfs(self.folder)
        no_names = disk.f_files > 0 and disk.f_favail < disk.f_files // _NAMES_KEPT
        return "disk" if no_names or disk.f_bavail * disk.f_frsize < self.free_bytes else ""

    def wait(self) -> bool:
        """Wait for its end; False where it used up what it has before."""
        while not self.ended():
            if self.over():
                return False
            time.sleep(_POLL_SECONDS)
        return True


def pipe() -> tuple[int, int]:
    """(reading end, writing end), large where the system allows; writing never blocks."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing


def feed(batches: Iterable[pa.RecordBatch], end: int, watch: Watch) -> int | None:
    """Write the batches as one Arrow stream to a pipe's writing end, which is closed at the end.

    Returns the number of rows; None where the child ended, closed its end or ran out of time before it had read all.
    """
    import pyarrow as pa

    sink, rows, writer = _Sink(end, watch), 0, None
    try:
        for batch in batches:
            writer = writer or pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), batch.schema)
            writer.write_batch(batch)
            rows += batch.num_rows
        if writer:
            writer.close()
    except OSError:
        if not sink.broken:
            raise
    finally:
        os.close(end)
    return None if sink.broken else rows


class _Sink:
    """As much of a file as Arrow needs. `broken` once nobody can be expected to read on."""

    closed = False

    def __init__(self, end: int, watch: Watch) -> None:
        self._end = end
        self._watch = watch
        self._ready = select.poll()
        self._ready.register(end, select.POLLOUT)
        self.broken = False

    def write(self, data: bytes) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                left = left[os.write(self._end, left) :]
            except BlockingIOError:
                self._wait()
            except BrokenPipeError:
                self.broken = True
                raise
        return size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The end belongs to the caller."""

    def _wait(self) -> None:
        while not self._ready.poll(_POLL_SECONDS * 1_000):
            if self._watch.ended() or self._watch.over():
                self.broken = True
                raise BrokenPipeError
