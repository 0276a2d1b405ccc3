"""The ledger and its entries as pages and files. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from governance.accounts import Session
from governance.desk import charter_of
from governance.errors import ConfigurationError
from governance.ledger.receipt import write_proof
from governance.statement import Entry
from reports.console.answers import html
from reports.console.masking import may_read, may_read_bytes
from reports.console.receipts import entry_row, receipt, receipt_zip
from reports.console.session import Visitor, desk_of, outside_of
from reports.ledger_search import KINDS, Search, entry_at, search
from reports.models import kind_label
from reports.publish import WITHHELD
from reports.receipt_files import PublicKeys
from reports.words import printable

FIELDS = ("kind", "model", "person", "from", "to")
"""The fields of the form that filters the ledger."""

MASKED = (
    "The exact bytes of entries can repeat counts of small groups, which your functions may not read; those of your own"
    " acts you may have. The digest and the proof of this one are on its page."
)

router = APIRouter()


@router.get("/entry/{seq}")
def entry_page(request: Request, session: Visitor, seq: int, signed: int = 0) -> Response:
    """One entry of the ledger; after signing, the receipt."""
    desk, entry = desk_of(request), _entry(request, seq)
    shown = receipt(entry, charter_of(desk))
    if not may_read(desk, session, entry):
        conditions = tuple((WITHHELD, who) for _, who in shown.conditions)
        shown = replace(shown, reason=shown.reason and WITHHELD, conditions=conditions)
    fresh = bool(signed) and shown.act
    whole, last = may_read_bytes(desk, session, entry), desk.ledger.size() - 1
    return html("console_entry.html", session, receipt=shown, fresh=fresh, last=last, whole=whole)


@router.get("/entry/{seq}/envelope")
def entry_bytes(request: Request, session: Visitor, seq: int) -> Response:
    """The entry's exact bytes; 403 for who does not read every count, but for her own acts."""
    entry = _entry(request, seq)
    if not may_read_bytes(desk_of(request), session, entry):
        return _masked(session)
    headers = {"content-disposition": f'attachment; filename="fairgate-entry-{seq}.json"'}
    return Response(entry.envelope, media_type="application/json", headers=headers)


@router.get("/entry/{seq}/proof")
def entry_proof(request: Request, _session: Visitor, seq: int) -> Response:
    """The proof (C2SP tlog-proof) that the entry is in the ledger: with its exact bytes, the receipt."""
    entry = _entry(request, seq)
    headers = {"content-disposition": f'attachment; filename="fairgate-entry-{entry.seq}.tlog-proof"'}
    proof = write_proof(desk_of(request).ledger.receipt(entry.seq))
    return Response(proof.encode(), media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/entry/{seq}/receipt.zip")
def entry_receipt(request: Request, session: Visitor, seq: int) -> Response:
    """The receipt in one file, to read and to check without Fairgate; as `entry_bytes`."""
    desk, entry = desk_of(request), _entry(request, seq)
    if not may_read_bytes(desk, session, entry):
        return _masked(session)
    outside = outside_of(request)
    keys = PublicKeys(outside.log_key, outside.attestation_key)
    data = receipt_zip(entry, write_proof(desk.ledger.receipt(entry.seq)), keys)
    headers = {"content-disposition": f'attachment; filename="fairgate-receipt-{entry.seq}.zip"'}
    return Response(data, media_type="application/zip", headers=headers)


@router.get("/ledger")
def ledger_page(request: Request, session: Visitor, before: int | None = None) -> Response:
    """The entries of the ledger that are asked for, the newest first, a hundred on a page."""
    desk, asked = desk_of(request), _asked(request)
    wanted, problem = _search(asked)
    found = search(desk.ledger, wanted, before)
    return html(
        "console_ledger.html",
        session,
        400 if problem else 200,
        rows=tuple(entry_row(entry) for entry in found.entries),
        size=desk.ledger.size(),
        kinds=tuple((word, kind_label(word)) for word in KINDS),
        people=tuple(printable(person.name) for person in charter_of(desk).people),
        asked=asked,
        filtered=not wanted.is_open(),
        problem=problem,
        before=before,
        older=None if found.older is None else urlencode({**asked, "before": found.older}),
        newest=urlencode(asked),
    )


def _masked(session: Session) -> Response:
    return html("console_problem.html", session, 403, title="Not shown to you", message=MASKED)


def _asked(request: Request) -> dict[str, str]:
    """What was typed into the form, whatever it is."""
    return {name: request.query_params.get(name, "").strip() for name in FIELDS}


def _search(asked: Mapping[str, str]) -> tuple[Search, str | None]:
    """What is asked for; with a sentence, and without the days, where a day is none."""
    wanted = Search(asked["kind"], asked["model"], asked["person"])
    try:
        days = [date.fromisoformat(asked[name]) if asked[name] else None for name in ("from", "to")]
    except ValueError:
        return wanted, "A day is written as 2026-11-30; the days were left out."
    return replace(wanted, first=days[0], last=days[1]), None


def _entry(request: Request, seq: int) -> Entry:
    found = entry_at(desk_of(request).ledger, seq)
    if found is None:
        raise ConfigurationError(f"the ledger has no entry {seq}")
    return found
