"""One release at a time for one target: lock files that the operating system frees when their holder dies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from governance.errors import ServiceError
from governance.subject import Target

SECONDS = 600.0


@contextmanager
def target_lock(folder: Path, name: str, target: Target, *, seconds: float = SECONDS) -> Iterator[None]:
    """Hold the lock of this model and target, a file below `folder`. Taken again by the same thread, it is held on.

    Raises ServiceError where another thread or process holds it for longer than `seconds`.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(f"{target.environment}\0{name}\0{target.alias}".encode()).hexdigest()[:32]
    # One object for each file in a process: the registry's gate asks for the lock that its caller may hold already.
    lock = FileLock(folder / f"{key}.lock", is_singleton=True)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        what = f"another process has been releasing {name} as {target.alias} for {seconds:.0f} s; wait"
        raise ServiceError(what) from error
    try:
        yield
    finally:
        lock.release()
