"""What the console may ask of and tell the world around it: ports that `flows` fills in, so that it imports no flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule as the scheduler knows it. `every` and `next_run` are words and UTC; None where they are not known."""

    name: str
    every: str | None
    next_run: datetime | None
    paused: bool


def _nothing() -> None:
    return None


def _unknown() -> tuple[Scheduled, ...] | None:
    return None


@dataclass(frozen=True, slots=True)
class Outside:
    """`recorded` is called after an act was recorded, so that people are told; it never raises and never waits long.

    `schedules` asks the scheduler, None where it does not answer. `log_key` is the verifier key of the ledger's log
    key (public), `attestation_key` the raw public key that signs entries, in base64; None where it is not known.
    `export` writes the whole ledger to a new file, None where it cannot.
    """

    recorded: Callable[[], None] = _nothing
    schedules: Callable[[], tuple[Scheduled, ...] | None] = _unknown
    log_key: str | None = None
    attestation_key: str | None = None
    export: Callable[[Path], object] | None = None
