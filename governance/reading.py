"""What a person opened of the evidence on the console, kept while she reads: how often, and how many seconds.

Kept for exactly the digests that were shown: where any moves, reading begins anew. It is no proof that anything was
understood, and is never presented as one. What she had opened goes into her sign-off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from governance.accounts import IDLE
from governance.database.port import Database
from governance.digests import digest_value
from governance.ledger.port import Clock
from governance.record import Shown
from governance.sections import SECTIONS, Opened, Reading

_OPENED = text(
    "INSERT INTO reading VALUES (:person, :evidence, :section, 1, 0, :now)"
    " ON CONFLICT (person, evidence, section) DO UPDATE SET opened = reading.opened + 1,"
    " since = CASE WHEN reading.since < :floor THEN excluded.since ELSE reading.since END"
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
    """The record in the accounts database, by ids of persons and `evidence_key`."""

    database: Database
    clock: Clock

    def opened(self, person: str, evidence: str, *sections: str) -> None:
        """She opened sections of this evidence. Unknown ones are none."""
        rows = [self._row(person, evidence, section) for section in sections if section in SECTIONS]
        if rows:
            with self.database.writing() as connection:
                connection.execute(_OPENED, rows)

    def seen(self, person: str, evidence: str, section: str, seconds: int) -> int:
        """She had an opened section in sight for so many seconds, says her browser; how many were counted.

        No more than have passed on this clock since she opened it or seconds of it were last counted, and never more
        than an idle session lasts. A browser tells of a page when it leaves it, which may be after it was opened anew.
        """
        row = self._row(person, evidence, section)
        with self.database.writing() as connection:
            since = connection.execute(_SINCE, row).scalar()
            if since is None or seconds <= 0:
                return 0
            passed = datetime.fromisoformat(row["now"]) - datetime.fromisoformat(since)
            counted = max(0, min(seconds, int(min(passed, IDLE).total_seconds())))
            connection.execute(_SEEN, {**row, "seconds": counted})
            return counted

    def of(self, person: str, evidence: str) -> Reading:
        """What she opened of this evidence, in the order of the sections; empty where she opened nothing."""
        with self.database.reading() as connection:
            rows = connection.execute(_OF, {"person": person, "evidence": evidence})
            found = {row.section: Opened(row.opened, row.seconds) for row in rows}
        return {key: found[key] for key in SECTIONS if key in found}

    def _row(self, person: str, evidence: str, section: str) -> dict[str, Any]:
        now = self.clock()
        times = {"now": now.isoformat(), "floor": (now - IDLE).isoformat()}
        return {"person": person, "evidence": evidence, "section": section, **times}


def evidence_key(shown: Shown) -> str:
    """One digest for all that is shown to a signer."""
    return digest_value(shown)
