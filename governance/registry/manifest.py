"""What exactly a model is: every file with its size and digest. No ignore list, so nothing can hide.

Only `registered_model_meta` at the root is left out: MLflow's own download adds it, it was never in the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from governance.digests import canonical_json, digest_bytes
from governance.errors import MeasurementError
from governance.subject import FileDigest, Manifest

ADDED_BY_DOWNLOAD = "registered_model_meta"
_CHUNK = 1 << 20


def manifest_of(folder: Path) -> Manifest:
    """Digest every regular file below `folder`, names as POSIX paths relative to it, sorted.

    Raises MeasurementError naming the file for symlinks, special files, control characters in a name (a newline
    could imitate two lines of a listing) and names that are not UTF-8; also where there is no folder or no file.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise MeasurementError(f"{folder} is not a folder: the files of the model are gone or were never there")
    try:
        files = tuple(sorted(_files(folder, ""), key=lambda item: item.name))
    except OSError as error:
        raise MeasurementError(f"{error.filename or folder} cannot be read: {error.strerror}") from error
    if not files:
        raise MeasurementError(f"{folder} holds no file: an empty model cannot be signed for")
    return _manifest(files)


def manifest_to_json(manifest: Manifest) -> bytes:
    """The canonical JSON `[{"name", "sha256", "size"}, ...]`; its SHA-256 is `manifest.digest`."""
    return canonical_json(manifest.files)


def manifest_from_json(data: bytes) -> Manifest:
    """Read what `manifest_to_json` wrote. Raises MeasurementError for anything but those exact bytes."""
    try:
        manifest = _manifest(tuple(_file(item) for item in json.loads(data)))
    except (ValueError, TypeError, KeyError) as error:
        raise MeasurementError(f"these bytes are not a model manifest: {error}") from error
    names = [item.name for item in manifest.files]
    if manifest_to_json(manifest) != data or not names or names != sorted(set(names)):
        raise MeasurementError("these bytes are not a model manifest in canonical form, sorted and without repeats")
    return manifest


def _manifest(files: tuple[FileDigest, ...]) -> Manifest:
    return Manifest(files, digest_bytes(canonical_json(files)))


def _file(item: Mapping[str, Any]) -> FileDigest:
    name, size, sha256 = item["name"], item["size"], item["sha256"]
    if not isinstance(name, str) or not isinstance(sha256, str) or type(size) is not int:
        raise TypeError(f"{item!r} is not a file with name, size and sha256")
    return FileDigest(name, size, sha256)


def _files(folder: Path, prefix: str) -> Iterator[FileDigest]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if name == ADDED_BY_DOWNLOAD and entry.is_file(follow_symlinks=False):
                continue
            _refuse_unspeakable(name, folder)
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), name + "/")
            else:
                yield _digest(Path(entry.path), name)


def _refuse_unspeakable(name: str, folder: Path) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MeasurementError(f"{name!r} below {folder} is not UTF-8: rename the file and register again") from error
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise MeasurementError(
            f"{name!r} below {folder} has a control character in its name: rename the file and register again"
        )


def _digest(path: Path, name: str) -> FileDigest:
    """Opened without following links and counted while hashing: size and digest are of the same bytes."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise MeasurementError(f"{path} is a link or a special file: only plain files can be signed for")
    running, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:  # noqa: PTH123
        while chunk := stream.read(_CHUNK):
            running.update(chunk)
            size += len(chunk)
    return FileDigest(name, size, "sha256:" + running.hexdigest())
