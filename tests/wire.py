"""A client with nothing in its way: any method, target, header and body go to the application as they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

HOST = "localhost:8765"
ORIGIN = f"http://{HOST}"
FORM = "application/x-www-form-urlencoded"
BOUNDARY = "between-the-parts"
UPLOAD = f"multipart/form-data; boundary={BOUNDARY}"

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Ask:
    """One request. `fields` is a form (pairs, so that a name may come twice); `body` instead of it is sent raw."""

    method: str
    target: str
    headers: Headers = ()
    fields: Sequence[tuple[str, str]] | None = None
    body: bytes | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    host: str = HOST
    chunks: int = 1
    file: tuple[str, bytes] | None = None

    def content(self) -> bytes:
        """The bytes of the body."""
        if self.file is not None and self.body is None:
            return _multipart(self.fields or (), *self.file)
        return self.body if self.body is not None else urlencode(self.fields or ()).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Reply:
    """What came back. `headers` as pairs, names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def cookies(self) -> list[str]:
        return [value for key, value in self.headers if key == "set-cookie"]


def _multipart(fields: Sequence[tuple[str, str]], name: str, data: bytes) -> bytes:
    parts = [f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields]
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return b"".join([*parts, head.encode(), data, f"\r\n--{BOUNDARY}--\r\n".encode()])


def send(app: Any, ask: Ask) -> Reply:
    """The application's answer."""
    return asyncio.run(_send(app, ask))


async def _send(app: Any, ask: Ask) -> Reply:
    started: list[dict[str, Any]] = []
    parts: list[bytes] = []
    messages = _messages(ask)

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def sending(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
        else:
            parts.append(message.get("body", b""))

    await app(_scope(ask), receive, sending)
    pairs = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in started[0]["headers"])
    return Reply(started[0]["status"], pairs, b"".join(parts))


def _messages(ask: Ask) -> list[dict[str, Any]]:
    content = ask.content()
    size = max(1, -(-len(content) // ask.chunks))
    parts = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": place < last} for place, part in enumerate(parts)]


def _scope(ask: Ask) -> dict[str, Any]:
    path, _, query = ask.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": ask.method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": _headers(ask),
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8765),
        "state": {},
    }


def _headers(ask: Ask) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in ask.headers}
    made = [("host", ask.host)] if "host" not in given else []
    if ask.cookies and "cookie" not in given:
        made.append(("cookie", "; ".join(f"{name}={value}" for name, value in ask.cookies.items())))
    if ask.method not in {"GET", "HEAD"}:
        kind = UPLOAD if ask.file else FORM
        defaults = {"origin": ORIGIN, "content-type": kind, "content-length": str(len(ask.content()))}
        made += [(name, value) for name, value in defaults.items() if name not in given]
    pairs = [*made, *((name, value) for name, value in ask.headers if value != ABSENT)]
    return [(name.lower().encode(), value.encode("utf-8", "surrogateescape")) for name, value in pairs]


ABSENT = "\0absent"
"""As a header's value: this header is not sent, not even its default."""
