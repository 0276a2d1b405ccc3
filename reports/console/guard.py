"""What every request passes before any page sees it: known host, own origin, small body; and headers on the way out.

Pure ASGI, so that nothing can be forgotten in a handler.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")

# Scripts are files of this package (passkeys, reading times); nothing inline runs, and nothing is fetched elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # no-referrer would make browsers send `Origin: null` with our own forms
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class _TooLargeError(Exception):
    """The body has more bytes than its path allows. Nothing was answered yet: a form is read before any answer."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The outermost layer of the console. `hosts` are allowed names without port; `secure`: served over HTTPS.

    `large` names the paths whose forms carry files, with the bytes that they may have: those bodies are handed on as
    they come, and counted.
    """

    app: ASGIApp
    hosts: tuple[str, ...]
    secure: bool
    large: Mapping[str, int] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 400, 403 or 413, or hand the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        finish = self._with_headers(send)
        refused = self._refused(scope["method"], headers)
        if refused:
            await _plain(finish, *refused)
            return
        if scope["method"] == "POST" and scope["path"] in self.large:
            await self._streamed(scope, receive, finish, headers)
            return
        body = await _body(receive, headers)
        if body is None:
            await _plain(finish, 413, f"The form is larger than {MAX_BODY:,} bytes.")
            return
        await self.app(scope, _replay(body, receive), finish)

    async def _streamed(self, scope: Scope, receive: Receive, finish: Send, headers: Mapping[str, str]) -> None:
        """Hand on a body that is not kept in memory, and break it off where it is larger than allowed."""
        most = self.large[scope["path"]]
        too_large = f"The upload is larger than {most:,} bytes."
        if _declared(headers) > most:
            await _plain(finish, 413, too_large)
            return
        try:
            await self.app(scope, _counted(receive, most), finish)
        except _TooLargeError:
            await _plain(finish, 413, too_large)

    def _refused(self, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _name(host) not in self.hosts:
            return 400, "This console does not answer under that host name."
        if method not in ("GET", "HEAD") and not self._own(headers, host):
            return 403, "This form did not come from the console itself. Open the page again and send it from there."
        return None

    def _own(self, headers: Mapping[str, str], host: str) -> bool:
        """Whether a form was sent from a page of this console; without Origin, the browser's own word for it."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") == "same-origin"
        return origin == f"{'https' if self.secure else 'http'}://{host}"

    def _with_headers(self, send: Send) -> Send:
        added = {**HEADERS, **({"strict-transport-security": "max-age=31536000"} if self.secure else {})}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.decode().lower() not in added]
                message["headers"] = kept + [(name.encode(), value.encode()) for name, value in added.items()]
            await send(message)

        return sending


def _name(host: str) -> str:
    """The host without its port; brackets of IPv6 stay."""
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name


def _declared(headers: Mapping[str, str]) -> float:
    """The length that the request declares, 0 without one, infinite where it is no number."""
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else math.inf


async def _body(receive: Receive, headers: Mapping[str, str]) -> bytes | None:
    """The whole body, None where it is too large. Forms are small, so it is read before anything looks at it."""
    if _declared(headers) > MAX_BODY:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return body


def _counted(receive: Receive, most: int) -> Receive:
    got = 0

    async def receiving() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise _TooLargeError
        return message

    return receiving


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def receiving() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


async def _plain(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
