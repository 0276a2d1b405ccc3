"""Count the system calls of a process, and make one of them fail: strace attached to a worker that waits."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from fault_processes import Worker

WRITES = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "link", "linkat", "mkdir", "openat", "fchmod", "chmod",
)  # fmt: skip
"""Calls that change a disk or make it durable; openat makes files."""
READS = ("pread64", "read", "fcntl", "flock", "newfstatat")
"""Calls on which an append rests as well: what it reads, and its locks."""
_SAYS = "sendto"
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\(")


@cache
def absent() -> str | None:
    """Why no call can be made to fail here; None where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    done = subprocess.run(
        ["strace", "-e", "inject=getppid:error=EIO:when=1", "-o", "/dev/null", "true"], capture_output=True, check=False
    )
    return None if done.returncode == 0 else f"strace cannot trace here: {done.stderr.decode().strip()}"


needs_strace = pytest.mark.skipif(absent() is not None, reason=str(absent()))


@dataclass(frozen=True, slots=True)
class Fault:
    """The `number`-th `call` of this name meets EIO, ENOSPC, or SIGKILL just before it. `lasting`: all later ones."""

    call: str
    number: int
    kind: str
    lasting: bool = False

    def option(self) -> str:
        """As strace reads it."""
        what = f"signal={self.kind}" if self.kind == "SIGKILL" else f"error={self.kind}"
        return f"inject={self.call}:{what}:when={self.number}{'+' if self.lasting else ''}"

    def __str__(self) -> str:
        return f"{self.kind}{' from' if self.lasting else ' at'} {self.call} {self.number}"


@contextmanager
def traced(worker: Worker, calls: tuple[str, ...], log: Path, *options: str) -> Iterator[None]:
    """strace holds the worker (all its threads) inside the block, which must see the worker's end."""
    code = ["strace", "-f", "-p", str(worker.pid), "-o", str(log), "-e", f"trace={','.join(calls)}", *options]
    with subprocess.Popen(code, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()  # comes after the worker was stopped: no call escapes from here on
        assert "attached" in said, said
        try:
            yield
        finally:
            worker.kill()
            strace.communicate(timeout=60)


def calls_of(worker: Worker, calls: tuple[str, ...], log: Path) -> Counter[str]:
    """How often the worker makes each of these calls between being told to go on and its first answer."""
    with traced(worker, (*calls, _SAYS), log):
        worker.talk.say(go=True)
        answer = worker.hear()
        worker.rest()
    assert answer is not None and "crash" not in answer, answer
    found: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        name = _LINE.match(line)
        if name is None:
            continue
        if name[1] == _SAYS:
            break
        found[name[1]] += 1
    return found


def struck(worker: Worker, fault: Fault, log: Path) -> list[dict[str, object]]:
    """Tell the worker to go on, with this fault in its way; returns what it answered before it ended or died."""
    with traced(worker, (fault.call,), log, "-e", fault.option()):
        worker.talk.say(go=True)
        return worker.rest()
