"""Send one message to one address: mail, Slack, Teams, webhooks. The only file that imports Apprise.

Apprise's own log lines may hold addresses, so they go nowhere; of them only an HTTP status is passed on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

_STATUS = re.compile(r"error=(\d{3})\b")
_LOGGERS = ("apprise", "urllib3", "requests")
_LOCK = RLock()
UNUSABLE = "the address is not one that can be used: compare it with the service's page of Apprise"


class _Statuses(logging.Handler):
    """Keeps the HTTP statuses of log lines, and nothing else of them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look for a status."""
        self.found += _STATUS.findall(record.getMessage())


@contextmanager
def _hushed() -> Iterator[_Statuses]:
    """While Apprise works, its log lines and those of what it uses reach no other handler."""
    seen = _Statuses()
    with _LOCK, ExitStack() as stack:
        for name in _LOGGERS:
            stack.enter_context(_kept_to(logging.getLogger(name), seen))
        yield seen


@contextmanager
def _kept_to(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    before = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate, logger.level = [handler], False, logging.WARNING
    try:
        yield
    finally:
        logger.handlers, logger.propagate, logger.level = before


def tell(url: str, title: str, body: str) -> str | None:
    """Send plain text. None where it was accepted, else what went wrong, in words that hold nothing of the address."""
    with _hushed() as seen:
        try:
            accepted = _sent(url, title, body)
        except Exception as error:  # noqa: BLE001 - its message may hold the address, its type does not
            return f"the service could not be asked ({type(error).__name__})"
    if accepted is None:
        return UNUSABLE
    if accepted:
        return None
    return f"the service answered {seen.found[-1]}" if seen.found else "the service refused it or does not answer"


def usable(url: str) -> bool:
    """Whether Apprise knows what to do with this address; nothing is sent."""
    with _hushed():
        return _address(url) is not None


def _sent(url: str, title: str, body: str) -> bool | None:
    """Whether the service took it; None where there is no such service."""
    from apprise import Apprise, NotifyFormat

    address = _address(url)
    if address is None:
        return None
    sender = Apprise(asset=_asset())
    sender.add(address)
    return bool(sender.notify(body=body, title=title, body_format=NotifyFormat.TEXT))


def _address(url: str) -> NotifyBase | None:
    from apprise import Apprise

    found = Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    return found if found else None


@cache
def _asset() -> AppriseAsset:
    """No redirects, no pictures fetched from elsewhere, nothing kept on disk, in this thread alone."""
    from apprise import AppriseAsset, PersistentStoreMode

    return AppriseAsset(
        app_id="Fairgate",
        app_desc="Fairgate",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
        secure_logging=True,
        storage_mode=PersistentStoreMode.MEMORY,
    )
