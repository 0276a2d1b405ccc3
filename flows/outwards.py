"""What leaves the ledger by itself, after whatever was recorded: checkpoints to second places, news to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.settings import Settings
from flows.wiring import checkpoint_places, open_ledger

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.registry.port import Registry


def copy_outside(settings: Settings, registry: Registry | None = None) -> tuple[str, ...]:
    """Copy the newest checkpoint to every second place, the registry too where it is open; what went wrong.

    Never raises for a place: what was recorded stays recorded. A place that remembers more than the ledger has is
    told here: the ledger was rolled back.
    """
    from governance.ledger.places import copy_checkpoint

    copies = copy_checkpoint(open_ledger(settings), checkpoint_places(settings, registry))
    return tuple(item.problem for item in copies if item.problem)


def told_people(settings: Settings, desk: Desk) -> tuple[str, ...]:
    """Tell people what was recorded; what went wrong, in sentences. Never raises, and never takes long."""
    if settings.notify is None:
        return ()
    from flows.notifying import tell_people

    return tell_people(settings, desk)
