"""One release at a time for one target, one `fairgate schedule` for one project.

Lock files that the operating system frees when their holder dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flows.settings import Settings
from governance import locks
from governance.errors import ConfigurationError
from governance.locks import SECONDS
from governance.subject import Target


@contextmanager
def target_lock(settings: Settings, name: str, alias: str, *, seconds: float = SECONDS) -> Iterator[None]:
    """Hold the lock of this model and alias. Raises ServiceError where another process holds it too long."""
    with locks.target_lock(settings.locks, name, Target(settings.environment, alias), seconds=seconds):
        yield


@contextmanager
def schedule_lock(settings: Settings) -> Iterator[None]:
    """Be the one process that serves this project's schedules. Raises ConfigurationError where another one does."""
    from filelock import FileLock, Timeout

    settings.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.locks / "schedule.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigurationError(
            f"another `fairgate schedule` serves {settings.project} already: stop that one first"
        ) from error
    try:
        yield
    finally:
        lock.release()
