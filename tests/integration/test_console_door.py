"""Strangers at the login: few wait for a password to be looked at, and none of them keeps a colleague out for long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
import report_factory as factory
from argon2 import PasswordHasher
from console_browser import Browser, hidden
from fastapi import FastAPI

from governance import accounts as module
from governance.desk import Desk
from reports.console import door
from reports.console.app import create_app

FLOOD = 120
"""Three times the threads that answer pages."""

LIGHT = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def desk(tmp_path: Any) -> Desk:
    return factory.new_desk(tmp_path)


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    return create_app(desk, secure_cookies=False)


@dataclass
class Gate:
    """Passwords are looked at while it is open; `hashed` counts those that were begun."""

    opened: threading.Event = field(default_factory=threading.Event)
    hashed: int = 0

    def hasher(self) -> PasswordHasher:
        self.hashed += 1
        self.opened.wait()
        return LIGHT


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A computer on which no password is ever done, until the test says so."""
    made = Gate()
    monkeypatch.setattr(module, "_hasher", made.hasher)
    yield made
    made.opened.set()


def test_a_flood_of_logins_waits_in_no_line_and_pages_are_answered_meanwhile(
    desk: Desk, app: FastAPI, gate: Gate
) -> None:
    """Nothing here is a matter of time: while the gate is shut, whoever waits for a password waits for ever."""
    gate.opened.set()
    officer = Browser(app)
    officer.login("risk-officer")
    gate.opened.clear()

    async def play() -> tuple[list[httpx.Response], list[httpx.Response], list[httpx.Response]]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=officer.base) as client:
            token = hidden((await client.get("/login")).text)["token"]
            fields = {"token": token, "wanted": "/", "id": "nobody", "password": "a guess of a stranger"}
            halves = {"token": token, "id": "nobody", "one": "0" * 20, "other": "0" * 20}
            again = {"new_password": "a new password", "again": "a new password"}
            headers = {"origin": officer.base, "cookie": f"fairgate-login={token}"}
            flood = [asyncio.ensure_future(client.post("/login", data=fields, headers=headers)) for _ in range(FLOOD)]
            refused = await _first(flood, FLOOD - door.WAITING)
            cookie = {"cookie": f"fairgate={officer.cookies['fairgate']}"}
            pages = [await client.get(path, headers=cookie) for path in ("/", "/people", "/ledger", "/me", "/figures")]
            pages += [await client.get("/login"), await client.get("/static/console.css")]
            refused.append(await client.post("/reset", data=halves | again, headers=headers))
            gate.opened.set()
            done = await asyncio.gather(*flood)
            return refused, pages, [answer for answer in done if answer.status_code != 503]

    refused, pages, looked_at = asyncio.run(asyncio.wait_for(play(), 60))  # a page that waits for a password ends here
    assert [page.status_code for page in pages] == [200] * 7
    assert len(refused) == FLOOD - door.WAITING + 1
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "too many are trying to come in just now" in answer.text
    assert [answer.status_code for answer in looked_at] == [401] * door.WAITING
    assert Browser(app).login("risk-officer").status_code == 303, "and then there is room again"


async def _first(tasks: list[asyncio.Future[httpx.Response]], number: int) -> list[httpx.Response]:
    """The answers of the first so many that are done."""
    done: set[asyncio.Future[httpx.Response]] = set()
    while len(done) < number:
        new, _ = await asyncio.wait(set(tasks) - done, return_when=asyncio.FIRST_COMPLETED)
        done |= new
    return [task.result() for task in done]


def test_the_door_is_open_again_after_whatever_happened(
    desk: Desk, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> PasswordHasher:
        raise RuntimeError("argon2 is gone")

    monkeypatch.setattr(module, "_hasher", broken)
    for _ in range(door.WAITING + 2):
        with pytest.raises(RuntimeError):
            Browser(app).login("risk-officer")
    monkeypatch.undo()
    desk.clock.now += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert Browser(app).login("risk-officer").status_code == 303


def _from(app: FastAPI, address: str) -> Browser:
    """A browser at another address, as the server that runs the application tells it."""

    async def moved(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "client": (address, 50_000)}, receive, send)

    moved.state = app.state  # type: ignore[attr-defined]
    return Browser(moved)  # type: ignore[arg-type]


def _guesses(browser: Browser, person: str, number: int) -> list[int]:
    return [browser.login(person, "a wrong guess or two").status_code for _ in range(number)]


def test_a_stranger_elsewhere_does_not_keep_a_colleague_out(desk: Desk, app: FastAPI) -> None:
    stranger = _from(app, "203.0.113.9")
    assert _guesses(stranger, "risk-officer", 40) == [401] * 40
    assert "too many wrong passwords for" in stranger.login("risk-officer").text, "he waits, even with the right one"
    officer = _from(app, "198.51.100.7")
    assert officer.login("risk-officer").status_code == 303
    assert "too many wrong passwords for" in stranger.login("risk-officer").text, (
        "that she came in forgives him nothing"
    )


def test_behind_one_address_a_browser_that_is_known_is_let_in(desk: Desk, app: FastAPI) -> None:
    officer = _from(app, "203.0.113.9")
    officer.login("risk-officer")
    stranger = _from(app, "203.0.113.9")
    _guesses(stranger, "risk-officer", 12)
    assert "too many" in _from(app, "203.0.113.9").login("risk-officer").text
    assert officer.login("risk-officer").status_code == 303
    other = _from(app, "203.0.113.9")
    other.cookies["fairgate-known"] = officer.cookies["fairgate-known"]
    assert "too many" not in other.login("risk-officer", "a wrong guess or two").text, "counted for itself"
    other.cookies["fairgate-known"] = officer.cookies["fairgate-known"].replace(".", ".0")
    assert "too many" in other.login("risk-officer").text, "a forged one is none"


def test_strangers_do_not_keep_who_is_signed_in_from_signing(desk: Desk, app: FastAPI) -> None:
    officer = _from(app, "203.0.113.9")
    officer.login("risk-officer")
    _guesses(_from(app, "203.0.113.9"), "risk-officer", 30)
    factory.record_case(desk, "2")
    assert officer.post("/sign", officer.form()).status_code == 303


def test_many_places_do_not_add_up_to_many_guesses_and_the_pause_is_short(desk: Desk, app: FastAPI) -> None:
    places = [f"203.0.113.{number}" for number in range(1, 60)]
    told = [_from(app, place).login("risk-officer", "a wrong guess or two").text for place in places]
    waits = [text for text in told if "places that are not known" in text]
    assert 30 < len(waits) < 45
    desk.clock.now += module.LONGEST_FOR_STRANGERS  # type: ignore[attr-defined]
    assert _from(app, "192.0.2.1").login("risk-officer").status_code == 303


def test_one_place_does_not_try_all_ids(desk: Desk, app: FastAPI) -> None:
    stranger = _from(app, "203.0.113.9")
    told = [stranger.login(f"person-{number}", "a wrong guess or two").text for number in range(60)]
    assert sum("too many wrong passwords for address 203.0.113.9" in text for text in told) > 30
    desk.clock.now += module.LONGEST_FOR_STRANGERS  # type: ignore[attr-defined]
    assert stranger.login("risk-officer").status_code == 303, "nor does it keep its own house out for long"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.10", False),
        ("203.0.113.9", "203.0.113.10", False),
        ("not an address", "", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_what_is_one_place(one: str, other: str, same: bool) -> None:
    assert (door._address(one) == door._address(other)) == same


def test_the_known_browser_is_forgotten_with_the_password(desk: Desk, app: FastAPI) -> None:
    token = desk.accounts.browser_token("risk-officer")
    assert desk.accounts.knows_browser("risk-officer", token)
    assert not desk.accounts.knows_browser("second-officer", token)
    for forged in ("", ".", "x", "x.y", token[:-1], f"x{token}", "\ud800.\ud800", "é.é"):
        assert not desk.accounts.knows_browser("risk-officer", forged)
    assert not desk.accounts.knows_browser("nobody", desk.accounts.browser_token("nobody"))
    desk.accounts.set_secret("risk-officer", "a new password of hers", tokens=False)
    assert not desk.accounts.knows_browser("risk-officer", token)


def test_nothing_of_a_password_is_looked_at_for_who_waits(
    app: FastAPI, gate: Gate, counted: Callable[[str, int], None]
) -> None:
    gate.opened.set()
    stranger = _from(app, "203.0.113.9")
    _guesses(stranger, "risk-officer", 6)
    before = gate.hashed
    assert {stranger.login("risk-officer", "again").status_code for _ in range(3)} == {401}
    assert gate.hashed <= before + 1
    counted("attacks on the door", 1)
