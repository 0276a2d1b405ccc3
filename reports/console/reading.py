"""What this person opens of the evidence: counted by request, and by the seconds that her browser tells of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.case import Case
from governance.reading import ReadingRecord, evidence_key
from governance.sections import SECTIONS, Reading
from reports.console.session import OwnForm, Visitor, desk_of

_SECONDS = re.compile(r"[0-9]{1,6}")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ReadingMark:
    """What `static/reading.js` needs to know of a page: which evidence it shows, and which sections of it."""

    evidence: str
    sections: tuple[str, ...]


@router.post("/reading")
def seen(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Seconds for which sections were in sight, as the browser tells them; this clock bounds the claim."""
    record = _record(request)
    for section in SECTIONS:
        said = fields.get(f"seconds_{section}", "")
        if _SECONDS.fullmatch(said):
            record.seen(session.person.id, fields.get("evidence", ""), section, int(said))
    return Response(status_code=204)


def opened_now(request: Request, session: Session, case: Case, sections: tuple[str, ...]) -> ReadingMark:
    """Record that these sections of the case's evidence are opened by this request; what the page's script needs."""
    evidence = evidence_key(case.shown())
    _record(request).opened(session.person.id, evidence, *sections)
    return ReadingMark(evidence, tuple(key for key in sections if key in SECTIONS))


def reading_of(request: Request, session: Session, case: Case) -> Reading:
    """What this person has opened of exactly this evidence."""
    return _record(request).of(session.person.id, evidence_key(case.shown()))


def _record(request: Request) -> ReadingRecord:
    desk = desk_of(request)
    return ReadingRecord(desk.accounts.database, desk.clock)
