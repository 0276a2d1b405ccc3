"""The model registry as the rest of Fairgate sees it. `mlflow_registry` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from governance.subject import Manifest, Subject


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


def subject_from(version: RegisteredVersion, manifest: Manifest) -> Subject:
    """The version and the bytes that it was found to have."""
    return Subject(
        registry=version.registry,
        name=version.name,
        version=version.version,
        created_at=version.created_at,
        source=version.source,
        digest=manifest.digest,
        model_id=version.model_id,
    )


class Aliases(Protocol):
    """What a move of an alias needs of a registry."""

    def version(self, name: str, version: str) -> RegisteredVersion:
        """The registered version."""
        ...

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        """The version that an alias points to, None where the alias is not set."""
        ...

    def manifest(self, version: RegisteredVersion) -> Manifest:
        """Digests of the bytes that the registry would serve now, without `registered_model_meta`."""
        ...

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point the alias to the version."""
        ...


class Registry(Aliases, Protocol):
    """A model registry. Unknown names raise ConfigurationError, an unreachable registry ServiceError."""

    uri: str

    def latest(self, name: str) -> RegisteredVersion:
        """The newest version of a registered model."""
        ...

    def live_aliases(self) -> tuple[LiveAlias, ...]:
        """All aliases of all registered models, sorted."""
        ...

    def gated(self) -> bool | None:
        """Whether what is asked of the registry meets the gate there, None where that cannot be told."""
        ...

    def snapshot(self, version: RegisteredVersion, folder: Path) -> Manifest:
        """Copy the bytes into the (new) `folder` and return the manifest of the copy."""
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

    def keep_checkpoint(self, note: str, *, ledger: str) -> None:
        """Keep a ledger's newest signed checkpoint; `ledger` tells apart the ledgers that share this registry."""
        ...

    def kept_checkpoints(self, *, reports: int = 0) -> tuple[str, ...]:
        """The newest checkpoint of every ledger, behind those beside the newest `reports` logged reports."""
        ...
