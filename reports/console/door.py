"""The door for strangers: how many of them may have a password looked at at once, and from where each one tries.

A password takes 64 MiB and a core, one at a time. Who waits for that holds a thread, and pages need threads too: so few
wait, and everybody else is told to come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from threading import BoundedSemaphore

from fastapi import Request, Response

from governance.accounts import Source
from reports.console.session import cookies_of, desk_of

WAITING = 4
"""Strangers whose password is looked at or waits for it."""

RETRY_AFTER = 5
"""Seconds: by then those who wait now have had their turn."""

CROWDED = (
    f"too many are trying to come in just now. Your password was not looked at; try again in {RETRY_AFTER} seconds"
)
KNOWN_FOR = 180 * 24 * 3600
"""Seconds for which a browser is known in which somebody signed in."""

_PLACES = BoundedSemaphore(WAITING)


class CrowdedError(Exception):
    """As many as may wait do so already."""


@contextmanager
def admitted() -> Iterator[None]:
    """A place before the passwords. Raises CrowdedError at once where there is none: nobody waits for it."""
    if not _PLACES.acquire(blocking=False):
        raise CrowdedError
    try:
        yield
    finally:
        _PLACES.release()


def crowded(answer: Response) -> Response:
    """The answer, with when to come back (RFC 9110, 10.2.3)."""
    answer.headers["retry-after"] = str(RETRY_AFTER)
    return answer


def source_of(request: Request, identity: str) -> Source:
    """From where this id is tried: a browser in which this person has signed in before, or an address.

    The address is what the server says: behind a proxy that tells it (X-Forwarded-For), that of the browser. One IPv6
    host may have as many addresses as it likes within a /64, so that is one place.
    """
    token = request.cookies.get(cookies_of(request).known, "")
    if token and desk_of(request).accounts.knows_browser(identity, token):
        return Source(f"browser {token.partition('.')[0]}")
    return Source(f"address {_address(request.client.host if request.client else '')}", strange=True)


def know_browser(answer: Response, request: Request, token: str) -> None:
    """Let this browser be known by this `Accounts.browser_token` from now on. The cookie opens nothing."""
    cookies = cookies_of(request)
    answer.set_cookie(
        cookies.known, token, max_age=KNOWN_FOR, path="/", httponly=True, samesite="lax", secure=cookies.secure
    )


def _address(host: str) -> str:
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> 64 << 64)) + "/64"
    return str(found)
