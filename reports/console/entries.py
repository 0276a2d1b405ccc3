"""The ledger and its entries as pages and files. Reads only."""

from __future__ import annotations

from itertools import islice

from fastapi import APIRouter, Request, Response

from governance.desk import charter_of
from governance.errors import ConfigurationError
from governance.ledger.receipt import write_proof
from governance.statement import Entry
from reports.console.answers import html
from reports.console.receipts import entry_row, receipt
from reports.console.session import Visitor, desk_of

PAGE = 100

router = APIRouter()


@router.get("/entry/{seq}")
def entry_page(request: Request, session: Visitor, seq: int, signed: int = 0) -> Response:
    """One entry of the ledger; after signing, the receipt."""
    shown = receipt(_entry(request, seq), charter_of(desk_of(request)))
    return html("console_entry.html", session, receipt=shown, fresh=bool(signed) and shown.signed)


@router.get("/entry/{seq}/envelope")
def entry_bytes(request: Request, _session: Visitor, seq: int) -> Response:
    """The entry's exact bytes."""
    headers = {"content-disposition": f'attachment; filename="fairgate-entry-{seq}.json"'}
    return Response(_entry(request, seq).envelope, media_type="application/json", headers=headers)


@router.get("/entry/{seq}/proof")
def entry_proof(request: Request, _session: Visitor, seq: int) -> Response:
    """The proof (C2SP tlog-proof) that the entry is in the ledger: with its exact bytes, the receipt."""
    entry = _entry(request, seq)
    headers = {"content-disposition": f'attachment; filename="fairgate-entry-{entry.seq}.tlog-proof"'}
    proof = write_proof(desk_of(request).ledger.receipt(entry.seq))
    return Response(proof.encode(), media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/ledger")
def ledger_page(request: Request, session: Visitor, before: int | None = None) -> Response:
    """The entries of the ledger, the newest first, a hundred on a page."""
    ledger = desk_of(request).ledger
    size = ledger.size()
    end = size if before is None else max(0, min(before, size))
    start = max(0, end - PAGE)
    rows = tuple(entry_row(entry) for entry in islice(ledger.entries(), start, end))
    return html("console_ledger.html", session, rows=rows[::-1], size=size, older=start or None)


def _entry(request: Request, seq: int) -> Entry:
    found = next((entry for entry in desk_of(request).ledger.entries() if entry.seq == seq), None)
    if found is None:
        raise ConfigurationError(f"the ledger has no entry {seq}")
    return found
