"""How far each channel has been told: a small file that survives crashes. The ledger itself is the outbox.

Told is written after a message went out, so a crash between the two tells once more; nothing is ever left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from governance.durable import sync_folder, synced_beside
from governance.errors import ConfigurationError, ServiceError

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Told:
    """How far one channel is. `entry`: the next entry of the ledger to tell of; `moment`: until when what fell due is
    told. After a failure, `problem` says what and since when, `failures` how often, `retry` when to try again.
    """

    entry: int
    moment: datetime
    failures: int = 0
    problem: str = ""
    since: datetime | None = None
    retry: datetime | None = None

    def well(self) -> Told:
        """The same place, without a failure."""
        return Told(self.entry, self.moment)

    def failed(self, problem: str, now: datetime) -> Told:
        """One more failure: the pause until the next try doubles, up to six hours."""
        pause = min(FIRST_PAUSE * 2 ** min(self.failures, 10), LONGEST_PAUSE)
        return replace(self, failures=self.failures + 1, problem=problem, since=self.since or now, retry=now + pause)

    def waits(self, now: datetime) -> bool:
        """Whether it is too early for another try. A clock that was set back does not make it wait for ever."""
        return self.retry is not None and now < self.retry <= now + LONGEST_PAUSE


@dataclass(frozen=True, slots=True)
class Outbox:
    """The file of what was told, in `folder`."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / "told.json"

    @contextmanager
    def held(self, seconds: float) -> Iterator[bool]:
        """Be the only process that tells; False where another one still does so after `seconds`."""
        from filelock import FileLock, Timeout

        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ServiceError(f"{self.folder} cannot be created: {error.strerror}") from error
        lock = FileLock(self.folder / "told.lock")
        try:
            lock.acquire(timeout=seconds)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def read(self) -> dict[str, Told]:
        """What each channel was told, by name; nothing where nobody was told yet. Raises ConfigurationError."""
        try:
            document = json.loads(self.path.read_bytes())
            return {name: _told(row) for name, row in document.items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ServiceError(f"{self.path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ConfigurationError(
                f"{self.path} is damaged: remove it, and news from then on is told ({type(error).__name__})"
            ) from error

    def write(self, told: Mapping[str, Told]) -> None:
        """Keep it: after a crash, the old file or the new one is there, whole. Raises ServiceError."""
        plain = {name: {key: _plain(value) for key, value in asdict(row).items()} for name, row in told.items()}
        try:
            with synced_beside(self.path, json.dumps(plain, indent=1, ensure_ascii=False).encode()) as scratch:
                scratch.replace(self.path)
            sync_folder(self.folder)
        except OSError as error:
            raise ServiceError(f"{self.path} cannot be written: {error.strerror}") from error


_TIMES = ("moment", "since", "retry")


def _told(row: Mapping[str, Any]) -> Told:
    known = {item.name: row[item.name] for item in fields(Told)}
    times = {name: datetime.fromisoformat(known[name]) if known[name] else None for name in _TIMES}
    if type(known["entry"]) is not int or times["moment"] is None:
        raise ValueError("no place")
    return Told(**{**known, **times})


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
