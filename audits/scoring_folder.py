"""The folder that a model is scored in: a copy of the model, and scratch space that may be filled with anything."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from governance.errors import MeasurementError


@contextlib.contextmanager
def scoring_folder(model: Path) -> Iterator[Path]:
    """A private folder with a copy of `model` in `model` and an empty folder `home`, gone at the end.

    Raises MeasurementError where the model cannot be copied.
    """
    folder = Path(tempfile.mkdtemp(prefix="fairgate-scoring-"))
    try:
        _copy(model, folder / "model")
        (folder / "home").mkdir()
        yield folder
    finally:
        discard(folder)


def discard(folder: Path) -> None:
    """Remove a folder whatever lies in it; what cannot be removed stays.

    The usual removals go into a folder by calling themselves, which some thousand folders in each other end with an
    error, and give modes back by path, through a link if one lies there. This one carries every inner folder up first,
    and follows no link. Nobody may be changing the folder meanwhile.
    """
    numbers = count()
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
        while inner := [entry.path for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]:
            for path in inner:
                _flatten(folder, path, numbers)
        shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path, path: str, numbers: Iterator[int]) -> None:
    """Carry the folders in `path` up into `folder`, then remove `path` with the files in it."""
    os.chmod(path, stat.S_IRWXU)  # noqa: PTH101 - a folder and no link, as nobody changes it now
    for entry in _entries(path):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101
            os.rename(entry.path, _free(folder, numbers))  # noqa: PTH104
        else:
            os.unlink(entry.path)  # noqa: PTH108
    os.rmdir(path)  # noqa: PTH106


def _free(folder: Path, numbers: Iterator[int]) -> Path:
    return next(place for number in numbers if not os.path.lexists(place := folder / f"carried-{number}"))


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _copy(model: Path, target: Path) -> None:
    try:
        shutil.copytree(model, target)
    except (OSError, shutil.Error) as error:
        raise MeasurementError(f"The model in {model} cannot be copied for scoring: {type(error).__name__}") from error
