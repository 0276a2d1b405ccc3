"""A console that a real browser can open: a project folder with a real ledger and accounts, served on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import report_factory as factory
import uvicorn
from fastapi import FastAPI

from flows.settings import Settings, read_settings
from governance.accounts import Accounts
from governance.charter_record import key_event
from governance.desk import Desk, use_policy
from governance.evidence import EvidenceStore
from governance.ledger.keys import open_keys
from governance.ledger.port import Clock
from governance.ledger.sql import SqlLedger
from governance.people import MACHINE, Person
from governance.policy_file import read_policy
from reports.console.app import create_app
from reports.console.outside import Outside
from reports.receipt_files import public_keys

STARTED_WITHIN = 60


class Ticking:
    """A clock that a test sets; it moves one `step` at each reading, so that a desk is alike in every run."""

    def __init__(self, now: datetime = factory.START) -> None:
        self.now = now
        self.step = timedelta(seconds=1)

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def project_settings(folder: Path) -> Settings:
    """The settings that `fairgate serve` reads in this folder, whatever the environment of the tests is."""
    return read_settings({}, folder)


def project_desk(folder: Path, clock: Clock, people: Sequence[Person] = factory.PEOPLE) -> Desk:
    """A desk over files where `fairgate serve` in `folder` finds them; these people, and the default policy in use."""
    settings = project_settings(folder)
    settings.home.mkdir(parents=True, exist_ok=True)
    data = files("governance").joinpath("policies", "default.toml").read_bytes()
    desk = Desk(
        ledger=SqlLedger(settings.ledger_url, open_keys(settings.home / "keys"), clock),
        evidence=EvidenceStore(settings.evidence),
        accounts=Accounts(settings.accounts_url, clock),
        policy=read_policy(data, name="default.toml"),
        policy_bytes=data,
        environment=settings.environment,
        clock=clock,
    )
    for person in people:
        desk.ledger.append(key_event("added", person, MACHINE))
        desk.accounts.add(person, factory.SECRET)
    use_policy(desk, MACHINE)
    return desk


def console_of(desk: Desk) -> FastAPI:
    """The console as `fairgate serve` makes it, but for notifications and schedules: it knows its keys."""
    keys = public_keys(desk.ledger.keys)  # type: ignore[attr-defined]
    outside = Outside(log_key=keys.log, attestation_key=keys.attestation)
    return create_app(desk, secure_cookies=False, outside=outside)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free port of the loopback address while the block runs; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            url = f"http://localhost:{listening.getsockname()[1]}"
            _wait(url, thread.is_alive)
            yield url
        finally:
            server.should_exit = True
            thread.join(timeout=STARTED_WITHIN)


@contextmanager
def served_by_command(folder: Path, command: Sequence[str] = ("-m", "flows.cli", "serve")) -> Iterator[tuple[str, int]]:
    """`fairgate serve` of the project in `folder` as a process of its own; gives its address and its process id.

    `command`: another Python program that takes `--port`.
    """
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("FAIRGATE_", "MLFLOW_"))}
    environ |= {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    arguments = [sys.executable, *command, "--port", str(port)]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            _wait(f"http://localhost:{port}", lambda: process.poll() is None)
            yield f"http://localhost:{port}", process.pid
        finally:
            process.terminate()
            process.wait(timeout=STARTED_WITHIN)


def free_port() -> int:
    """A port of the loopback address on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, alive: object) -> None:
    end = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/login", timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if callable(alive) and not alive():
                break
            time.sleep(0.05)
    raise RuntimeError(f"the console at {url} did not start")
