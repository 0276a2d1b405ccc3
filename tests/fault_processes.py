"""Start, talk to and kill the workers of `fault_work`."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_work import Talk

TESTS = Path(__file__).parent
SECONDS = 120


@dataclass
class Worker:
    """A forked process at work. What it said and nobody heard yet stays in its socket, also after its death."""

    talk: Talk
    pid: int
    heard: list[dict[str, Any]] = field(default_factory=list)

    def hear(self) -> dict[str, Any] | None:
        """The next message; None once it is dead and everything it said was heard."""
        message = self.talk.hear()
        if message is not None:
            self.heard.append(message)
        return message

    def hear_what_is_there(self) -> None:
        """Everything said so far, without waiting: a writer whose socket is full would stop writing."""
        # Not `select.select`: it refuses descriptors from 1,024 on, and a long run of tests has opened as many.
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.talk.end, selectors.EVENT_READ)
            while waiting.select(0) and self.hear() is not None:
                pass

    def kill(self) -> None:
        """kill -9."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def rest(self) -> list[dict[str, Any]]:
        """Everything it ever said; waits for its death."""
        while self.hear() is not None:
            pass
        self.talk.end.close()
        _gone(self.pid)
        return self.heard


def _gone(pid: int) -> None:
    """A socket closes a moment before the process has left its files: wait that moment."""
    deadline = time.monotonic() + SECONDS
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} does not die"
        time.sleep(0.001)


@dataclass(frozen=True)
class Workshop:
    """The process that forks workers, by the address of its socket."""

    address: str

    def worker(self, work: str, **given: Any) -> Worker:
        """Start one worker; `group` puts it into the process group of that id."""
        end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        end.settimeout(SECONDS)
        end.connect(self.address)
        talk = Talk(end)
        talk.say(work=work, **given)
        started = talk.hear()
        assert started is not None, f"{work} did not start"
        return Worker(talk, started["pid"])

    def ready(self, work: str, **given: Any) -> Worker:
        """A worker that has said it is ready and waits to be told to go on."""
        worker = self.worker(work, **given)
        answer = worker.hear()
        assert answer == {"ready": True}, answer
        worker.heard.clear()
        return worker


@contextmanager
def workshop(*modules: str) -> Iterator[Workshop]:
    """A workshop whose workers can do what `fault_work` and these modules know; all are dead after the block."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent)))}
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/s"
        code = [sys.executable, str(TESTS / "fault_work.py"), address, *modules]
        with subprocess.Popen(code, env=env, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                assert server.stdout.readline() == "ready\n", "the workshop did not start"
                yield Workshop(address)
            finally:
                server.kill()
