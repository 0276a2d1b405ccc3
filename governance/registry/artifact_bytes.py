"""Where the bytes of a registered version lie, and how to have them: what MLflow itself would serve."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from governance.errors import ConfigurationError

_HOPS = 4
_PROXIED = "/api/2.0/mlflow-artifacts/artifacts/"


@dataclass(frozen=True, slots=True)
class ArtifactBytes:
    """Follows a version's address to its files.

    `download_uri` answers for a name and version, `tracking` is MLflow's client for runs and logged models. In a
    server that serves artifacts, `proxied_to` is the place behind `mlflow-artifacts:/`: it is read there, never by
    HTTP from the server itself.
    """

    download_uri: Callable[[str, str], str]
    tracking: Callable[[], Any]
    tracking_uri: str | None = None
    registry_uri: str | None = None
    proxied_to: str | None = None

    @contextmanager
    def files(self, uri: str) -> Iterator[Path]:
        """The folder with the files of this address: MLflow's own where it is local, else a private download.

        Raises ConfigurationError where the address leads nowhere, and whatever MLflow raises.
        """
        # A scratch folder that cannot be removed must not turn what was done into a crash.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            yield self._fetched(self._artifact_uri(uri), scratch)

    def _fetched(self, uri: str, scratch: str) -> Path:
        from mlflow.artifacts import download_artifacts
        from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
        from mlflow.utils.uri import is_local_uri

        uri = self._unproxied(uri)
        if is_local_uri(uri, is_tracking_or_registry_uri=False):
            return Path(LocalArtifactRepository(uri).artifact_dir)
        uris = {"tracking_uri": self.tracking_uri, "registry_uri": self.registry_uri}
        return Path(download_artifacts(artifact_uri=uri, dst_path=scratch, **uris))

    def _artifact_uri(self, uri: str) -> str:
        """Follow `models:/name/version`, `models:/m-...` and `runs:/...` to where the bytes lie."""
        for _ in range(_HOPS):
            if model_id := model_id_in(uri):
                uri = str(self.tracking().get_logged_model(model_id).artifact_location)
            elif uri.startswith("models:/"):
                name, _, number = uri.removeprefix("models:/").rpartition("/")
                uri = self.download_uri(name, number)
            elif uri.startswith("runs:/"):
                run_id, _, path = uri.removeprefix("runs:/").partition("/")
                uri = f"{self.tracking().get_run(run_id).info.artifact_uri}/{path}"
            else:
                return uri
        raise ConfigurationError(f"its source leads round in circles, {uri[:80]!r} being the last step")

    def _unproxied(self, uri: str) -> str:
        parts = urlsplit(uri)
        proxied = parts.scheme == "mlflow-artifacts" or (parts.scheme in ("http", "https") and _PROXIED in parts.path)
        if self.proxied_to is None or not proxied:
            return uri
        path = parts.path if parts.scheme == "mlflow-artifacts" else parts.path.partition(_PROXIED)[2]
        inside = path.strip("/")
        if not inside or ".." in inside.split("/") or "%" in inside:
            raise ConfigurationError(f"{uri[:80]!r} names no place below the server's artifacts")
        return f"{self.proxied_to.rstrip('/')}/{inside}"


def proxied_to() -> str | None:
    """The artifacts destination of the MLflow server that this process is, None where it serves no artifacts."""
    if os.environ.get("_MLFLOW_SERVER_SERVE_ARTIFACTS") != "true":
        return None
    return os.environ.get("_MLFLOW_SERVER_ARTIFACT_DESTINATION")


def model_id_in(source: str) -> str | None:
    """The id in `models:/m-...`; MLflow itself leaves `model_id` empty for many versions."""
    found = re.fullmatch(r"models:/(m-[0-9A-Za-z]+)/?", source)
    return found[1] if found else None
