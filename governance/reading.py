"""What a person opened of the evidence on the console, kept while she reads: how often, and how many seconds.

Kept for exactly the digests that were shown: where any moves, reading begins anew. It is no proof that anything was
understood, and is never presented as one. What she had opened goes into her sign-off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from governance.database.port import Database
from governance.digests import digest_value
from governance.ledger.port import Clock
from governance.record import Shown
from governance.sections import SECTIONS, Opened, Reading

_OPENED = text(
    "INSERT INTO reading VALUES (:person, :evidence, :section, 1, 0, :now)"
    " ON CONFLICT (person, evidence, section) DO UPDATE SET opened = reading.opened + 1, since = excluded.since"
)
_SINCE = text(
    "SELECT since FROM reading WHERE person = :person AND evidence = :evidence AND section = :section AND opened > 0"
)
_SEEN = text(
    "UPDATE reading SET seconds = seconds + :seconds, since = :now"
    " WHERE person = :person AND evidence = :evidence AND section = :section"
)
_OF = text("SELECT section, opened, seconds FROM reading WHERE person = :person AND evidence = :evidence")


@dataclass(frozen=True, slots=True)
class ReadingRecord:
    """The record in the accounts database. Person ids and digests of `Shown` are its keys."""

    database: Database
    clock: Clock

    def opened(self, person: str, shown: Shown, section: str) -> None:
        """She opened a section of this evidence. An unknown section is none."""
        if section in SECTIONS:
            with self.database.writing() as connection:
                connection.execute(_OPENED, self._row(person, shown, section))

    def seen(self, person: str, shown: Shown, section: str, seconds: int) -> int:
        """She had an opened section in sight for so many seconds, says her browser; how many were counted.

        No more than have passed on this clock since she opened it, or since seconds were last counted.
        """
        row = self._row(person, shown, section)
        with self.database.writing() as connection:
            since = connection.execute(_SINCE, row).scalar()
            if since is None or seconds <= 0:
                return 0
            passed = datetime.fromisoformat(row["now"]) - datetime.fromisoformat(since)
            counted = max(0, min(seconds, int(passed.total_seconds())))
            connection.execute(_SEEN, {**row, "seconds": counted})
            return counted

    def of(self, person: str, shown: Shown) -> Reading:
        """What she opened of this evidence, in the order of the sections; empty where she opened nothing."""
        with self.database.reading() as connection:
            rows = connection.execute(_OF, {"person": person, "evidence": _key(shown)})
            found = {row.section: Opened(row.opened, row.seconds) for row in rows}
        return {key: found[key] for key in SECTIONS if key in found}

    def _row(self, person: str, shown: Shown, section: str) -> dict[str, Any]:
        now = self.clock().isoformat()
        return {"person": person, "evidence": _key(shown), "section": section, "now": now}


def _key(shown: Shown) -> str:
    """One digest for all that was shown."""
    return digest_value(shown)
