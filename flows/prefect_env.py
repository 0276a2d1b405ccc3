"""Where Prefect keeps its files and which server it talks to. Call `configure` before anything imports Prefect."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.settings import Settings
from flows.wiring import silence


def configure(settings: Settings) -> None:
    """Point Prefect at the project's own server where one runs, else at one that it starts for this process."""
    silence(settings)
    settings.prefect_home.mkdir(parents=True, exist_ok=True)
    quiet = {
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        # In memory, the default, a power cut forgets who holds a run's place; on disk it is free after five minutes.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # 20 s, the default, is not enough for a first start on a small machine.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    }
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    url = running_server(settings)
    if url and "PREFECT_API_URL" not in os.environ:
        os.environ["PREFECT_API_URL"] = url


def running_server(settings: Settings) -> str | None:
    """The URL of the project's own Prefect server, None where none answers."""
    url = server_address(settings)
    return url if url and healthy(url) else None


def server_address(settings: Settings) -> str | None:
    """The URL that the project's own Prefect server left when it started, None where none runs. It may not answer."""
    try:
        url = server_file(settings).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return url if re.fullmatch(r"http://127\.0\.0\.1:\d+/api", url) else None


def healthy(url: str) -> bool:
    """Whether a Prefect API answers at this URL (of this machine)."""
    try:
        with urlopen(f"{url}/health", timeout=3) as answer:  # noqa: S310 - callers pass http://127.0.0.1 only
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def free_port(port: int) -> bool:
    """Whether nothing listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def server_file(settings: Settings) -> Path:
    """Where the URL of the project's own server is written while it runs."""
    return settings.prefect_home / "server.url"
