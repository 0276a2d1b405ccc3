"""How much of each fault test is run, and what came out of it.

`FAULTS=full` (what `make test-faults` sets) runs everything; otherwise the same tests draw a small share.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

FULL = os.environ.get("FAULTS") == "full"
RESULTS = Path(__file__).parents[1] / "test-output" / ("faults" if FULL else "faults-share")

T = TypeVar("T")


def count(share: int, full: int) -> int:
    """How often: `full` in the nightly run, `share` in every other."""
    return full if FULL else share


def drawn(things: Sequence[T], share: int, seed: int = 4) -> list[T]:
    """All of them in the nightly run, `share` of them in every other, in their order and the same ones every time."""
    if FULL or len(things) <= share:
        return list(things)
    return [things[place] for place in sorted(random.Random(seed).sample(range(len(things)), share))]


@dataclass
class Tally:
    """What one fault test did: faults tried, acknowledged entries looked for, and what was amiss (empty: nothing)."""

    fault: str
    tried: int = 0
    acknowledged: int = 0
    lost: int = 0
    damaged: int = 0
    notes: dict[str, int] = field(default_factory=dict)
    amiss: list[str] = field(default_factory=list)

    def note(self, what: str, number: int = 1) -> None:
        """Count something worth telling."""
        self.notes[what] = self.notes.get(what, 0) + number

    def close(self) -> None:
        """Keep the figures for the table; raises AssertionError where anything was amiss."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() else "-" for letter in self.fault)
        (RESULTS / f"{name}.json").write_text(json.dumps(asdict(self), indent=1))
        assert self.tried > 0, f"{self.fault}: nothing was tried"
        assert not self.amiss and (self.lost, self.damaged) == (0, 0), "\n".join([self.fault, *self.amiss[:20]])
