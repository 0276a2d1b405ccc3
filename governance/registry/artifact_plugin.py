"""The artifact scheme `governed-models:/NAME@ALIAS`: files are handed to MLflow after they were verified, never before.

MLflow loads the entry point while it is half imported: nothing of it is imported at this module's level.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath
from shutil import copyfile, copytree, rmtree
from typing import Any
from urllib.parse import unquote

from governance.desk import Desk
from governance.errors import ConfigurationError
from governance.loading import copy_released, released_subject, signed_manifest
from governance.registry.port import Registry

SCHEME = "governed-models"
_ADDRESS = re.compile(r"(?:(?:governed-)?models:)?/*(?P<name>[^@/]+)@(?P<alias>[^@/]+)(?P<path>/.*)?")


def load_model(address: str, *, flavor: str | None = None, **options: Any) -> Any:
    """Load what is live, after every byte was compared with what was signed.

    `address` is `NAME@ALIAS` or `models:/NAME@ALIAS`; `flavor` names an MLflow module (`sklearn`), None: pyfunc.
    `options` go to MLflow's `load_model`. Raises ConfigurationError for anything but a live alias, and the errors of
    `governance.loading.copy_released`: then no file of the model has been opened.
    """
    from importlib import import_module

    name, alias, path = parsed(address)
    if path:
        raise ConfigurationError(f"{address!r} names a file inside the model; write NAME@ALIAS")
    module = import_module(f"mlflow.{flavor or 'pyfunc'}")
    return module.load_model(f"{SCHEME}:/{name}@{alias}", **options)


def parsed(address: str) -> tuple[str, str, str]:
    """Name, alias and path inside the model. Raises ConfigurationError: a version or a stage is no live alias."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ConfigurationError(f"{address!r} is not a live alias; write {SCHEME}:/NAME@ALIAS")
    return unquote(found["name"]), found["alias"], (found["path"] or "").strip("/")


def repository(
    uri: str, tracking_uri: str | None, registry_uri: str | None, open_both: Callable[[], tuple[Desk, Registry]]
) -> Any:
    """MLflow's artifact repository for this address. `open_both` is called when something is asked of it."""
    return _class()(uri, open_both, tracking_uri, registry_uri)


@cache
def _class() -> Any:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

    return type("GovernedModels", (_GovernedModels, ArtifactRepository), {})


class _GovernedModels:
    """Read-only. MLflow may give the alias in the address or, as its last part, in the path."""

    def __init__(self, uri: str, open_both: Callable[[], tuple[Desk, Registry]], *uris: str | None) -> None:
        super().__init__(uri, *uris)  # type: ignore[call-arg]
        self._uri, self._open = uri.rstrip("/"), open_both

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Verify the whole model in a private copy, then hand out the file or folder asked for."""
        name, alias, inside = parsed(f"{self._uri}/{artifact_path}".rstrip("/"))
        desk, registry = self._open()
        scratch = Path(tempfile.mkdtemp(prefix="fairgate-"))  # only this user can read it
        kept = False
        try:
            copy_released(desk, registry, name, alias, scratch / "model")
            place = _inside(scratch / "model", inside)
            kept = dst_path is None
            return str(place) if dst_path is None else _handed(place, Path(dst_path), Path(inside).name)
        finally:
            if not kept:
                rmtree(scratch, ignore_errors=True)

    def list_artifacts(self, path: str | None = None) -> list[Any]:
        """The files that were signed, below `path`: nothing else can be had."""
        from mlflow.entities import FileInfo

        name, alias, inside = parsed(f"{self._uri}/{path or ''}".rstrip("/"))
        desk, registry = self._open()
        files = signed_manifest(desk, released_subject(desk, registry, name, alias)).files
        prefix = f"{inside}/" if inside else ""
        found: dict[str, Any] = {}
        for item in files:
            if item.name.startswith(prefix):
                first, _, rest = item.name.removeprefix(prefix).partition("/")
                found[first] = FileInfo(prefix + first, bool(rest), None if rest else item.size)
        return [found[key] for key in sorted(found)]

    def log_artifact(self, local_file: str, _artifact_path: str | None = None) -> None:
        """Refused: what was signed is not written to."""
        raise ConfigurationError(f"{SCHEME}: is for reading: {local_file} was not written; register a new version")

    def log_artifacts(self, local_dir: str, _artifact_path: str | None = None) -> None:
        """Refused: what was signed is not written to."""
        self.log_artifact(local_dir)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Refused: what was signed is not written to."""
        self.log_artifact(artifact_path or self._uri)


def _inside(folder: Path, inside: str) -> Path:
    path = PurePosixPath(inside)
    if path.is_absolute() or ".." in path.parts or not (folder / path).exists():
        raise ConfigurationError(f"the model that was signed has no file {inside!r}")
    return folder / path


def _handed(place: Path, folder: Path, name: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        return str(copytree(place, folder / name, dirs_exist_ok=True))
    return str(copyfile(place, folder / name))
