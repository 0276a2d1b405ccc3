"""Durability that the operating system does not give by itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power failure: syncing a file does not sync the entry that names it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, data: bytes) -> bool:
    """Write `data` to a file that is not there yet: whole or absent after a crash, and never over another file.

    False where a file of this name stands there already; it is not touched. Makes the folder. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with synced_beside(path, data) as scratch:
        scratch.chmod(0o644)
        with suppress(FileExistsError):
            os.link(scratch, path)
            sync_folder(path.parent)
            return True
        return False


@contextmanager
def synced_beside(path: Path, data: bytes) -> Iterator[Path]:
    """A synced file in the folder of `path` that holds `data`: to be renamed or linked, else gone. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)
