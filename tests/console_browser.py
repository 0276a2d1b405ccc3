"""A browser without scripts for tests of the console, over ASGI: no port, no network."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

import httpx
import report_factory as factory
from fastapi import FastAPI

CASE = "/case?name=hiring&version=2&alias=champion"
SIGN = "/case/sign?name=hiring&version=2&alias=champion"
REASON = "The intervals exclude the bound; I read the whole report."


@dataclass
class Browser:
    """A browser without scripts: keeps cookies, sends Origin with forms, follows nothing by itself."""

    app: FastAPI
    base: str = "http://localhost:8765"
    cookies: dict[str, str] = field(default_factory=dict)
    person: str = ""

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._send("GET", path, headers, None)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        return self._send("POST", path, {"origin": self.base, **headers}, fields)

    def upload(self, path: str, fields: dict[str, str], files: dict[str, bytes], **headers: str) -> httpx.Response:
        """A multipart form with files, each under the field `file`."""
        sent = [("file", (name, data)) for name, data in files.items()]
        return self._send("POST", path, {"origin": self.base, **headers}, fields, sent)

    def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        fields: dict[str, str] | None,
        files: list[tuple[str, tuple[str, bytes]]] | None = None,
    ) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=self.base) as client:
                return await client.request(method, path, headers=self._headers(headers), data=fields, files=files)

        answer = asyncio.run(go())
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
        return answer

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**({"cookie": jar} if jar else {}), **headers}

    def login(self, person: str, secret: str = factory.SECRET) -> httpx.Response:
        """Sign in; an authenticator app is set up where she has none."""
        token = hidden(self.get("/login").text)["token"]
        answer = self.post("/login", {"token": token, "wanted": "/", "id": person, "password": secret})
        if answer.status_code == 303:
            self.person = person
            factory.code(self.app.state.desk, person)
        return answer

    def form(self, path: str = CASE, **changes: str) -> dict[str, str]:
        """The fields of the sign form on this page, filled in, with a code of her authenticator app."""
        code = factory.code(self.app.state.desk, self.person) if self.person else ""
        text = self.get(path.replace("/case?", "/case/sign?", 1)).text
        found = hidden(text[text.index('action="/sign"') :])
        function = re.search(r'<option value="([^"]+)"', text[text.index('name="function"') :])
        filled = {"decision": "approve", "function": function.group(1) if function else "", "reason": REASON}
        return {**found, **filled, "password": factory.SECRET, "code": code, **changes}


def hidden(text: str) -> dict[str, str]:
    """Names and values of the hidden fields."""
    return {
        name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', text)
    }
