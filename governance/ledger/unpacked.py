"""A ZIP that somebody sent, opened without trust: bounded in members and bytes, no links, no paths."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from governance.errors import ConfigurationError

MAX_MEMBERS = 2_000
MAX_UNPACKED = 256 * 1024 * 1024
MAX_NAME = 400
_CHUNK = 256 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Member:
    """A file: its name as it was sent, and where its bytes are now, under a name of ours."""

    name: str
    path: Path


def unpack(archive: Path, folder: Path, room: int = MAX_UNPACKED) -> tuple[Member, ...]:
    """The files of a ZIP, below `folder`, with at most `room` bytes: what is left where several are sent at once.

    Raises ConfigurationError with the reason why it is not opened.
    """
    try:
        with zipfile.ZipFile(archive) as found:
            return tuple(_members(found, folder, room))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise ConfigurationError(f"the ZIP cannot be read to its end: {error}") from error


def _members(found: zipfile.ZipFile, folder: Path, room: int) -> Iterator[Member]:
    infos = found.infolist()
    if len(infos) > MAX_MEMBERS:
        raise ConfigurationError(f"the ZIP has {len(infos):,} members; at most {MAX_MEMBERS:,} are opened")
    files = [info for info in infos if not info.is_dir()]
    names = [info.filename for info in files]
    for info in infos:
        _check(info)
    if len(set(names)) != len(names):
        raise ConfigurationError("a name stands twice in the ZIP: which one would count?")
    for at, info in enumerate(files):
        path = folder / f"member-{at:04d}"
        room -= _written(found, info, path, room)
        yield Member(info.filename, path)


def _check(info: zipfile.ZipInfo) -> None:
    """Raises ConfigurationError for what no honest archive of ours holds."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    shown = ascii(info.filename[:80])
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ConfigurationError(f"the ZIP holds {shown}, which is a link or a special file: it was not opened")
    parts = PurePosixPath(info.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or len(info.filename) > MAX_NAME:
        raise ConfigurationError(f"the ZIP names a place outside itself, {shown}: it was not opened")
    if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise ConfigurationError(f"the ZIP holds {shown} encrypted, or packed in a way that is not read here")


def _written(found: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, room: int) -> int:
    """Its size. What its header says of the size is not believed: bytes are counted."""
    size = 0
    with found.open(info) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > room:
                raise ConfigurationError(
                    f"what was sent unpacks to more than {MAX_UNPACKED // 1024**2} MiB: the ZIP was not opened"
                )
            target.write(chunk)
    return size
