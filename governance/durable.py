"""Durability that the operating system does not give by itself."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
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
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    scratch = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.chmod(0o644)
        with suppress(FileExistsError):
            os.link(scratch, path)
            sync_folder(path.parent)
            return True
        return False
    finally:
        scratch.unlink()
