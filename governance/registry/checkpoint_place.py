"""The model registry as a second place for checkpoints: its administrator need not be the ledger's."""

from __future__ import annotations

from dataclasses import dataclass

from governance.registry.port import Registry

RUNS = 10
"""How many of the newest logged reports are asked for the checkpoint beside them."""


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """`governance.ledger.places.CheckpointPlace` on a registry."""

    registry: Registry

    @property
    def name(self) -> str:
        """The registry's address."""
        return self.registry.uri

    def keep(self, note: str) -> None:
        """Keep the note as the newest one. Raises ServiceError, ConfigurationError."""
        self.registry.keep_checkpoint(note)

    def newest(self) -> str | None:
        """The note that was kept last."""
        found = self.registry.kept_checkpoints()
        return found[-1] if found else None

    def kept(self) -> tuple[str, ...]:
        """The newest note, and those beside the newest reports."""
        return self.registry.kept_checkpoints(reports=RUNS)
