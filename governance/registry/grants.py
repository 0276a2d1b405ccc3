"""A second lock behind the gate: a database that moves an alias only where the governance role has said so."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Grants(Protocol):
    """Tells the registry's database that the gate said yes. The gate calls it right before it moves an alias."""

    def give(self, name: str, alias: str, version: str, until: datetime) -> None:
        """Let this alias of this model be pointed to this version until then, UTC. Raises ServiceError."""
        ...
