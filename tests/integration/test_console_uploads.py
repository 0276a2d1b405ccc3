"""The form that sends files: who may, how much, how many at once, and that no body is kept in memory."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from typing import Any

import life_factory as life
import pytest
from console_browser import Browser, hidden
from fastapi import FastAPI
from upload_factory import key_of, receipt_of, send

from governance.desk import Desk
from reports.console import upload as uploads
from reports.console.app import create_app
from reports.console.outside import Outside
from reports.console.upload import MAX_UPLOAD


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return life.lived(tmp_path_factory.mktemp("desk"), monitored=0, real=True)


@pytest.fixture(scope="module")
def app(desk: Desk) -> FastAPI:
    return create_app(desk, secure_cookies=False, outside=Outside(log_key=key_of(desk)))


@pytest.fixture(scope="module")
def browser(app: FastAPI) -> Browser:
    made = Browser(app)
    made.login("risk-officer")
    return made


@pytest.fixture(scope="module")
def receipt(desk: Desk) -> dict[str, bytes]:
    return receipt_of(desk)


@pytest.mark.parametrize(
    ("key", "words"), [("nonsense", "is not a verifier key"), ("a+00000000+AAAA", "not an Ed25519")]
)
def test_a_key_that_is_none_is_said(browser: Browser, receipt: dict[str, bytes], key: str, words: str) -> None:
    answer = send(browser, receipt, log_key=key)
    assert answer.status_code == 400
    assert words in answer.text


def test_without_a_file_or_a_key_it_asks(browser: Browser, desk: Desk, receipt: dict[str, bytes]) -> None:
    assert "No file was chosen" in send(browser, {}).text
    keyless = Browser(create_app(desk, secure_cookies=False))
    keyless.login("risk-officer")
    assert "does not know its log key" in send(keyless, receipt).text


def test_an_upload_needs_a_session_its_token_and_the_consoles_own_page(
    app: FastAPI, browser: Browser, receipt: dict[str, bytes]
) -> None:
    assert Browser(app).upload("/verify", {}, receipt).status_code == 303
    assert browser.upload("/verify", {"csrf": "x" * 43}, receipt).status_code == 403
    csrf = hidden(browser.get("/verify").text)["csrf"]
    elsewhere = browser.upload("/verify", {"csrf": csrf}, receipt, origin="http://evil.example")
    assert elsewhere.status_code == 403


def test_only_two_uploads_are_looked_at_at_once(browser: Browser, receipt: dict[str, bytes]) -> None:
    csrf = hidden(browser.get("/verify").text)["csrf"]
    taken = [uploads._SLOTS.acquire(blocking=False) for _ in range(2)]
    try:
        assert browser.upload("/verify", {"csrf": csrf}, receipt).status_code == 503
    finally:
        for _ in filter(None, taken):
            uploads._SLOTS.release()
    assert taken == [True, True]
    assert browser.upload("/verify", {"csrf": csrf}, receipt).status_code == 200


async def raw(app: FastAPI, path: str, headers: dict[str, str], body: Iterator[bytes]) -> tuple[int, int]:
    """A request whose body is made as it is read: the status, and how many chunks were asked for."""
    asked, status = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        chunk = next(body, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def answer(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "headers": sent, "scheme": "http", "root_path": ""}
    scope |= {"server": ("localhost", 8765), "client": ("127.0.0.1", 1)}
    await app(scope, receive, answer)
    return status, asked


def own(browser: Browser, **more: str) -> dict[str, str]:
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    kind = "multipart/form-data; boundary=b"
    return {"host": "localhost:8765", "origin": browser.base, "cookie": cookie, "content-type": kind, **more}


def chunks(total: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    for _ in range(total // 65_536):
        yield bytes(65_536)


def test_a_body_without_a_length_is_broken_off_at_64_mib_and_is_not_kept_in_memory(
    app: FastAPI, browser: Browser
) -> None:
    tracemalloc.start()
    try:
        status, asked = asyncio.run(raw(app, "/verify", own(browser), chunks(2 * MAX_UPLOAD)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status == 413
    assert asked <= MAX_UPLOAD // 65_536 + 2
    assert peak < 16 * 1024**2


def test_a_declared_length_is_refused_before_anything_is_read(app: FastAPI, browser: Browser) -> None:
    for path, length in (("/verify", MAX_UPLOAD + 1), ("/sign", 65_537), ("/verify/", 65_537)):
        status, asked = asyncio.run(raw(app, path, own(browser, **{"content-length": f"{length}"}), chunks(0)))
        assert (status, asked) == (413, 0)


def test_nothing_is_read_of_who_is_not_signed_in(app: FastAPI) -> None:
    status, asked = asyncio.run(raw(app, "/verify", own(Browser(app)), chunks(10**6)))
    assert status == 303
    assert asked == 0
