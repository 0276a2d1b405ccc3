"""The model registry as a second place for checkpoints: its administrator need not be the ledger's."""

from __future__ import annotations

from dataclasses import dataclass

from governance.errors import LedgerTamperedError
from governance.ledger.note import VerifierKey, read_note
from governance.registry.port import Registry

RUNS = 10
"""How many of the newest logged reports are asked for the checkpoint beside them."""


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """`governance.ledger.places.CheckpointPlace` on a registry, which several ledgers may share.

    Only notes that carry a signature under the name and id of `log` are this ledger's.
    """

    registry: Registry
    log: VerifierKey

    @property
    def name(self) -> str:
        """The registry's address."""
        return self.registry.uri

    def keep(self, note: str) -> None:
        """Keep the note as the newest one of this ledger. Raises ServiceError, ConfigurationError."""
        self.registry.keep_checkpoint(note, ledger=self.log.key_id.hex())

    def newest(self) -> str | None:
        """The note of this ledger that was kept last."""
        found = [note for note in self.registry.kept_checkpoints() if self._is_mine(note)]
        return found[-1] if found else None

    def kept(self) -> tuple[str, ...]:
        """The newest note of this ledger, and those beside the newest reports."""
        return tuple(note for note in self.registry.kept_checkpoints(reports=RUNS) if self._is_mine(note))

    def others(self) -> tuple[str, ...]:
        """Ids of other log keys whose checkpoints are kept here: other ledgers, or this one before its keys changed."""
        notes = (note for note in self.registry.kept_checkpoints() if not self._is_mine(note))
        return tuple(sorted({item.key_id.hex() for note in notes for item in read_note(note).signatures}))

    def _is_mine(self, note: str) -> bool:
        """What is no note at all is mine to complain of."""
        try:
            signatures = read_note(note).signatures
        except LedgerTamperedError:
            return True
        return any((item.name, item.key_id) == (self.log.name, self.log.key_id) for item in signatures)
