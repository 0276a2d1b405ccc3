"""The compliance officer's part of the story: the console is served, and its own form is filled in over HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from governance.errors import FairgateError, ServiceError

if TYPE_CHECKING:
    from httpx import Client, Response

START_SECONDS = 60


@contextmanager
def console(folder: Path) -> Iterator[str]:
    """`fairgate serve` in the folder, as long as the block runs; gives its address."""
    from flows.demo.play import environment

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "serve", "--port", str(port)],
        cwd=folder,
        env=environment(folder, None),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person types: her id and password to come in, the password again and a code to sign."""

    id: str
    password: str
    code: str


def refuse(address: str, who: Credentials, reason: str) -> str:
    """Sign in, open the first hold of the inbox, and refuse it with a reason. Returns what the receipt says."""
    import httpx

    with httpx.Client(base_url=address, follow_redirects=True, headers={"origin": address}) as client:
        login = _form(client.get("/login"))
        inbox = client.post("/login", data={**login.fields, "id": who.id, "password": who.password})
        link = next((item for item in _form(inbox).links if item.startswith("/case?")), None)
        if link is None:
            raise FairgateError("the console shows no hold to decide")
        receipt = _sign(client, link, who, reason)
    return f"{who.id} opened {link}\n{who.id} refused: {reason}\nreceipt: {receipt}"


def _sign(client: Client, link: str, who: Credentials, reason: str) -> str:
    decide = next((item for item in _form(client.get(link)).links if item.startswith("/case/sign?")), "")
    shown = _form(client.get(decide), action="/sign")
    given = {"function": "compliance", "decision": "refuse", "reason": reason, "password": who.password}
    answer = client.post("/sign", data={**shown.fields, **given, "code": who.code})
    if answer.status_code != 200 or "/entry/" not in str(answer.url):
        raise FairgateError(f"the console did not take the refusal: {answer.status_code} {answer.url}")
    return str(answer.url.path)


class _Page(HTMLParser):
    """The links of a page, and the hidden fields of the form with this action."""

    def __init__(self, action: str | None) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fields: dict[str, str] = {}
        self._action, self._inside = action, action is None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect links, and hidden inputs of the wanted form."""
        found = dict(attrs)
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        elif tag == "form":
            self._inside = self._action is None or found.get("action") == self._action
        elif tag == "input" and self._inside and found.get("type") == "hidden" and found.get("name"):
            self.fields[str(found["name"])] = found.get("value") or ""


def _form(response: Response, action: str | None = None) -> _Page:
    if response.status_code != 200:
        raise FairgateError(f"the console answered {response.status_code} for {response.url}")
    page = _Page(action)
    page.feed(response.text)
    return page


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    import httpx

    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{address}/login", timeout=2)
        except httpx.TransportError:
            sleep(0.2)
        else:
            return
    raise ServiceError("the console did not start; try `fairgate serve` in the demo's folder")
