"""One browser of the load test over a plain socket, with its cookies, and one authenticator app."""

from __future__ import annotations

import asyncio
import html
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

LONGEST_ANSWER = 30
IDLE = 4


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body, read as UTF-8."""
        return self.body.decode()


@dataclass
class Client:
    """One browser: one connection that is kept, its cookies, and how long each answer took."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    times: list[tuple[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    used: float = 0

    async def send(self, label: str, path: str, fields: dict[str, str] | None = None, expect: int = 200) -> Answer:
        """One request; its time counts under `label` from the first byte sent to the last byte of the answer."""
        begun = time.perf_counter()
        try:
            answer = await asyncio.wait_for(self._exchange(path, fields), LONGEST_ANSWER)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            self.streams = None
            self.errors.append(f"{label}: {type(error).__name__} {error}")
            return Answer(0, [], b"")
        self.times.append((label, time.perf_counter() - begun))
        if answer.status != expect:
            self.errors.append(f"{label}: {answer.status} instead of {expect} at {path}: {_said(answer)}")
        return answer

    async def _exchange(self, path: str, fields: dict[str, str] | None) -> Answer:
        await self._connect()
        assert self.streams
        reader, writer = self.streams
        writer.write(self._request(path, fields))
        status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        self._keep(headers)
        body = await reader.readexactly(length)
        self.used = time.perf_counter()
        return Answer(status, headers, body)

    async def _connect(self) -> None:
        """The connection is new where the server may have given up the last one for being idle (uvicorn: 5 s)."""
        if self.streams and time.perf_counter() - self.used > IDLE:
            self.streams[1].close()
            self.streams = None
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)

    def _request(self, path: str, fields: dict[str, str] | None) -> bytes:
        lines = [f"{'GET' if fields is None else 'POST'} {path} HTTP/1.1", f"host: localhost:{self.port}"]
        lines += [f"cookie: {'; '.join(f'{name}={value}' for name, value in self.cookies.items())}"]
        body = urlencode(fields or {}).encode()
        if fields is not None:
            lines += [f"origin: http://localhost:{self.port}", f"content-length: {len(body)}"]
            lines += ["content-type: application/x-www-form-urlencoded"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _keep(self, headers: list[tuple[str, str]]) -> None:
        for line in (value for name, value in headers if name == "set-cookie"):
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value.strip('"')

    async def login(self, person: str, label: str = "sign in") -> None:
        """Sign in as this person; the time is that of the form with the password."""
        import report_factory as factory

        token = hidden((await self.send("/login", "/login")).text).get("token", "")
        fields = {"token": token, "wanted": "/", "id": person, "password": factory.SECRET}
        await self.send(label, "/login", fields, expect=303)


def _head(data: bytes) -> tuple[int, list[tuple[str, str]]]:
    first, *rest = data.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in rest if line)
    return int(first.split()[1]), [(name.lower(), value.strip()) for name, _, value in pairs]


def hidden(text: str) -> dict[str, str]:
    """Names and values of the hidden fields of a page."""
    found = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', text)
    return {name: html.unescape(value) for name, value in found}


def _said(answer: Answer) -> str:
    found = re.search(r'role="alert">([^<]*)', answer.text)
    return " ".join((found[1] if found else answer.text[:120]).split())


@dataclass
class App:
    """An authenticator app, which remembers what it has shown."""

    secret: str
    last: int = 0

    async def code(self, end: float) -> str | None:
        """The next code that counts; None where it would come after the end."""
        from governance.second_factor import STEP, code_at

        wanted = max(self.last + 1, int(time.time()) // STEP - 1)
        wait = (wanted - 1) * STEP - time.time()
        if wait > 0:
            if time.perf_counter() + wait > end:
                return None
            await asyncio.sleep(wait + 0.1)
        self.last = max(wanted, int(time.time()) // STEP)
        return code_at(self.secret, self.last)
