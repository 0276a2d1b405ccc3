"""The model registry on MLflow 3.17: the only file of this room that imports mlflow, and only inside functions.

What is hashed and copied are the bytes that MLflow itself would serve for a version, never what a database says
of them: MLflow keeps no digest of a model.
"""

from __future__ import annotations

import difflib
import logging
import math
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from governance.errors import ConfigurationError, FairgateError, MeasurementError, ServiceError
from governance.people import MACHINE
from governance.registry.acting import acting, who_acts
from governance.registry.artifact_bytes import ArtifactBytes, model_id_in
from governance.registry.gate_probe import has_gate
from governance.registry.manifest import manifest_of
from governance.registry.port import LiveAlias, RegisteredVersion
from governance.registry.sqlite_file import refuse_absent, sqlite_path
from governance.subject import Manifest

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "fairgate"
CHECKPOINT_TAG = "fairgate.checkpoint"
GOVERNED = "governed:"
_PAGE = 100
# A registry that does not answer is reported within seconds, not after MLflow's seven retries of 120 s each.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}
_TRANSIENT = {
    "TEMPORARILY_UNAVAILABLE",
    "INTERNAL_ERROR",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "IO_ERROR",
}


class MlflowRegistry:
    """`governance.registry.port.Registry` on an MLflow registry (SQLAlchemy URI or HTTP).

    `uri` is the registry's address without user and password: it goes into records and reports. Unknown names raise
    ConfigurationError, an unreachable or locked registry ServiceError, bytes that are gone MeasurementError. Asking
    never creates a database.
    """

    def __init__(self, registry_uri: str, tracking_uri: str | None = None) -> None:
        """`tracking_uri` keeps runs and logged models; None: the registry's own address."""
        self._registry_uri = registry_uri
        self._tracking_uri = tracking_uri or registry_uri.removeprefix(GOVERNED)
        self.uri = _without_password(registry_uri.removeprefix(GOVERNED))

    def version(self, name: str, version: str) -> RegisteredVersion:
        """The registered version."""
        with self._talking(name, version):
            return self._registered(self._client.get_model_version(name, version))

    def latest(self, name: str) -> RegisteredVersion:
        """The version with the highest number."""
        with self._talking(name):
            # One newest version for each stage; asked this way, no name has to be quoted into a filter.
            found = self._client.get_registered_model(name).latest_versions
        if not found:
            raise ConfigurationError(f"the registered model {_shown(name)} in {self.uri} has no version yet")
        return self._registered(max(found, key=lambda item: int(item.version)))

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        """The version that an alias points to, None where the alias is not set. A stage counts as an alias."""
        with self._talking(name):
            version = _with_stages(self._client.get_registered_model(name)).get(alias)
        return None if version is None else self.version(name, version)

    def live_aliases(self) -> tuple[LiveAlias, ...]:
        """All aliases of all registered models, sorted. Stages count as aliases."""
        with self._talking():
            found = [
                LiveAlias(model.name, alias, version)
                for model in self._models()
                for alias, version in _with_stages(model).items()
            ]
        return tuple(sorted(found, key=lambda item: (item.name, item.alias)))

    def gated(self) -> bool | None:
        """Whether what is asked of the registry meets the gate there, None where that cannot be told."""
        with self._talking():
            return has_gate(self._client)

    def manifest(self, version: RegisteredVersion) -> Manifest:
        """Digests of the bytes that the registry would serve now, without `registered_model_meta`."""
        with self._files(version) as source:
            return manifest_of(source)

    def snapshot(self, version: RegisteredVersion, folder: Path) -> Manifest:
        """Copy exactly the files of the manifest into the new `folder`; the manifest returned is the copy's."""
        if folder.exists():
            raise MeasurementError(f"{folder} exists already: a snapshot is never written over another one")
        with self._files(version) as source:
            try:
                for item in manifest_of(source).files:
                    target = folder / item.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source / item.name, target, follow_symlinks=False)
            except OSError as error:
                raise MeasurementError(f"{error.filename} cannot be copied to {folder}: {error.strerror}") from error
        return manifest_of(folder)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point the alias to the version."""
        with self._talking(name, version), acting(who_acts() or MACHINE):
            self._client.set_registered_model_alias(name, alias, version)

    def delete_alias(self, name: str, alias: str) -> None:
        """Withdraw the alias, and whatever is in the stage of that name; nothing happens where it is not set."""
        with self._talking(name), acting(who_acts() or MACHINE):
            self._client.delete_registered_model_alias(name, alias)
            while staged := _stages(self._client.get_registered_model(name)).get(alias):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)  # stages are on their way out of MLflow
                    self._client.transition_model_version_stage(name, staged, "Archived")

    def log_report(self, version: RegisteredVersion, files: Mapping[str, bytes], metrics: Mapping[str, float]) -> str:
        """Keep `files` below `report/` and the finite metrics in a finished run of `fairgate`; returns the run's id.

        Metrics are linked to the logged model where there is one. Never writes into the model's own artifacts.
        """
        title = f"audit {_shown(version.name)} v{version.version}"
        with self._talking():
            run_id = str(self._client.create_run(self._experiment(), run_name=title).info.run_id)
            try:
                self._log(run_id, version, files, metrics)
            except BaseException:
                self._client.set_terminated(run_id, "FAILED")
                raise
            self._client.set_terminated(run_id, "FINISHED")
        return run_id

    def run_owner(self, version: RegisteredVersion) -> str | None:
        """The user of the run that logged the model: the tag that the client set, else the run's own record.

        None where there is no run, or it is gone for good.
        """
        from mlflow.exceptions import MlflowException

        if version.run_id is None:
            return None
        with self._talking():
            try:
                run = self._client.get_run(version.run_id)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise
        return run.data.tags.get("mlflow.user") or run.info.user_id or None

    @cached_property
    def _client(self) -> MlflowClient:
        for uri in (self._registry_uri, self._tracking_uri):
            refuse_absent(uri)
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self._tracking_uri, registry_uri=self._registry_uri)

    @contextmanager
    def _talking(self, name: str | None = None, version: str | None = None) -> Iterator[None]:
        """Errors of MLflow become ours, and its log stays silent: what it says there, our error says once."""
        with _silence():
            try:
                yield
            except FairgateError:
                raise
            except Exception as error:
                raise self._translated(error, name, version) from error

    def _translated(self, error: Exception, name: str | None, version: str | None) -> Exception:
        code = getattr(error, "error_code", None)
        reason = _reason(error)
        if code == "RESOURCE_DOES_NOT_EXIST" and name is not None:
            return self._unknown(name, version)
        if code in _TRANSIENT or isinstance(error, OSError) or type(error).__module__.startswith("sqlalchemy."):
            return ServiceError(f"the registry {self.uri} cannot be reached or is locked: {reason}; try again later")
        if code is not None:
            return ConfigurationError(f"the registry {self.uri} refused: {reason}")
        return error

    def _unknown(self, name: str, version: str | None) -> ConfigurationError:
        """Says what there is instead. Raises ServiceError where even the names cannot be read."""
        with self._talking():
            models = {model.name: model.latest_versions for model in self._models()}
        if version is not None and name in models:
            newest = max((int(item.version) for item in models[name]), default=0)
            there = f"its newest is version {newest}" if newest else "it has no version yet"
            return ConfigurationError(f"{_shown(name)} in {self.uri} has no version {_shown(version)}; {there}")
        return ConfigurationError(f"no registered model {_shown(name)} in {self.uri}; {_known(name, list(models))}")

    def _models(self) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_registered_models(max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _registered(self, found: Any) -> RegisteredVersion:
        return RegisteredVersion(
            registry=self.uri,
            name=found.name,
            version=str(found.version),
            created_at=int(found.creation_timestamp),
            source=found.source or "",
            run_id=found.run_id or None,
            model_id=found.model_id or model_id_in(found.source or ""),
        )

    @contextmanager
    def _files(self, version: RegisteredVersion) -> Iterator[Path]:
        """The folder with the version's bytes: MLflow's own where it is local, else a private download."""
        with self._talking(version.name, version.version):
            uri = self._download_uri(version.name, version.version)
        what = f"the files of {_shown(version.name)} v{version.version}"
        with ExitStack() as held:
            try:
                with self._talking():
                    place = held.enter_context(self._bytes.files(uri))
            except ConfigurationError as error:
                raise MeasurementError(f"{what} are gone or cannot be had from {_shown(uri)}: {error}") from error
            yield place

    def _download_uri(self, name: str, version: str) -> str:
        return str(self._client.get_model_version_download_uri(name, version))

    @cached_property
    def _bytes(self) -> ArtifactBytes:
        return ArtifactBytes(self._download_uri, lambda: self._client, self._tracking_uri, self._registry_uri)

    def _experiment(self) -> str:
        """The id of our experiment. Beside a SQLite registry its artifacts do not depend on the current folder."""
        from mlflow.exceptions import MlflowException

        if found := self._client.get_experiment_by_name(EXPERIMENT):
            return str(found.experiment_id)
        database = sqlite_path(self._tracking_uri)
        place = str(database.parent / "mlruns" / EXPERIMENT) if database else None
        try:
            return str(self._client.create_experiment(EXPERIMENT, artifact_location=place))
        except MlflowException:
            # Somebody else created it in between.
            found = self._client.get_experiment_by_name(EXPERIMENT)
            if found is None:
                raise
            return str(found.experiment_id)

    def _log(
        self, run_id: str, version: RegisteredVersion, files: Mapping[str, bytes], metrics: Mapping[str, float]
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        params = {"model_name": version.name, "model_version": version.version, "model_source": version.source}
        finite = {key: value for key, value in metrics.items() if math.isfinite(value)}
        self._client.log_batch(
            run_id,
            params=[Param(key, value) for key, value in params.items()],
            metrics=[
                Metric(key, value, now, 0, model_id=version.model_id, run_id=run_id)
                for key, value in _speakable(finite).items()
            ],
        )
        with tempfile.TemporaryDirectory() as scratch:
            for name, data in files.items():
                path = Path(scratch) / _inside(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            self._client.log_artifacts(run_id, scratch, "report")

    def keep_checkpoint(self, note: str, *, ledger: str) -> None:
        """Keep the note as a tag of our experiment; an earlier one of the same ledger is replaced."""
        with self._talking():
            self._client.set_experiment_tag(self._experiment(), f"{CHECKPOINT_TAG}.{ledger}", note)

    def kept_checkpoints(self, *, reports: int = 0) -> tuple[str, ...]:
        """The notes in the tags, behind those that `log_report` was given with the newest `reports` reports."""
        with self._talking():
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                return ()
            runs = self._client.search_runs([experiment.experiment_id], max_results=reports) if reports else ()
            beside = [self._checkpoint_beside(run.info.run_id) for run in runs]
        tags = [value for name, value in sorted(experiment.tags.items()) if name.startswith(f"{CHECKPOINT_TAG}.")]
        return tuple(note for note in (*beside, *tags) if note)

    def _checkpoint_beside(self, run_id: str) -> str | None:
        """The checkpoint that was logged with a report."""
        names = [item.path for item in self._client.list_artifacts(run_id, "report")]
        if "report/checkpoint.txt" not in names:
            return None
        with tempfile.TemporaryDirectory() as scratch:
            path = self._client.download_artifacts(run_id, "report/checkpoint.txt", scratch)
            return Path(path).read_text(encoding="utf-8")


def _stages(model: Any) -> dict[str, str]:
    """The newest version in each stage that can be served from, by the alias that the gate takes the stage for."""
    staged = (item for item in model.latest_versions or () if item.current_stage in ("Staging", "Production"))
    return {item.current_stage.lower(): str(item.version) for item in staged}


def _with_stages(model: Any) -> dict[str, str]:
    """Aliases and stages of a model, alias -> version. Where both have one name, the alias is what counts."""
    return _stages(model) | {alias: str(version) for alias, version in model.aliases.items()}


@contextmanager
def _silence() -> Iterator[None]:
    logger = logging.getLogger("mlflow")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _reason(error: BaseException) -> str:
    """The first line of what went wrong; where the network or the disk began it, only what that said."""
    innermost, seen = error, {id(error)}
    while (earlier := innermost.__cause__ or innermost.__context__) is not None and id(earlier) not in seen:
        innermost = earlier
        seen.add(id(earlier))
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror
    return next(iter(str(error).splitlines()), type(error).__name__)


def _known(name: str, names: list[str]) -> str:
    if not names:
        return "no model is registered there"
    listed = f"known: {', '.join(map(_shown, sorted(names)[:10]))}{', ...' if len(names) > 10 else ''}"
    close = difflib.get_close_matches(name, names, n=1)
    return f"{listed}; closest: {_shown(close[0])}" if close else listed


def _shown(name: str) -> str:
    """A registry's name inside a message: control and direction characters escaped, cut at 80 characters."""
    return repr(name if len(name) <= 80 else name[:79] + "…")


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _speakable(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metric names in the characters that MLflow takes; two that become equal are told apart by a number."""
    spoken: dict[str, float] = {}
    for key, value in metrics.items():
        name = base = re.sub(r"[^\w\-./: ]", "_", key, flags=re.ASCII)[:240]
        number = 1
        while name in spoken:
            number += 1
            name = f"{base} {number}"
        spoken[name] = value
    return spoken


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise ConfigurationError(f"{name!r} is no name for a report file: write a relative path without '..'")
    return path
