"""The model registry as the rest of Fairgate sees it. `mlflow_registry` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from governance.subject import Manifest


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version of a registered model. `created_at` in ms since the epoch; names are hostile input."""

    registry: str
    name: str
    version: str
    created_at: int
    source: str
    run_id: str | None
    model_id: str | None


@dataclass(frozen=True, slots=True)
class LiveAlias:
    """An alias and the version that it points to."""

    name: str
    alias: str
    version: str


class Registry(Protocol):
    """A model registry. Unknown names raise ConfigurationError, an unreachable registry ServiceError."""

    uri: str

    def version(self, name: str, version: str) -> RegisteredVersion:
        """The registered version."""
        ...

    def latest(self, name: str) -> RegisteredVersion:
        """The newest version of a registered model."""
        ...

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        """The version that an alias points to, None where the alias is not set."""
        ...

    def live_aliases(self) -> tuple[LiveAlias, ...]:
        """All aliases of all registered models, sorted."""
        ...

    def manifest(self, version: RegisteredVersion) -> Manifest:
        """Digests of the bytes that the registry would serve now, without `registered_model_meta`."""
        ...

    def snapshot(self, version: RegisteredVersion, folder: Path) -> Manifest:
        """Copy the bytes into the (new) `folder` and return the manifest of the copy."""
        ...

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point the alias to the version."""
        ...

    def delete_alias(self, name: str, alias: str) -> None:
        """Withdraw the alias; nothing happens where it is not set."""
        ...

    def run_owner(self, version: RegisteredVersion) -> str | None:
        """Who the registry says ran what logged the model; None where no run is known. A claim of the run's client."""
        ...

    def log_report(self, version: RegisteredVersion, files: Mapping[str, bytes], metrics: Mapping[str, float]) -> str:
        """Keep report files and metrics as a run of the experiment `fairgate`; returns the run's id.

        Never writes into the model's own artifacts.
        """
        ...

    def keep_checkpoint(self, note: str) -> None:
        """Keep the ledger's newest signed checkpoint where the registry's own administrator keeps it."""
        ...

    def kept_checkpoints(self, *, reports: int = 0) -> tuple[str, ...]:
        """The checkpoint kept last, behind those beside the newest `reports` logged reports. Empty where none is."""
        ...
