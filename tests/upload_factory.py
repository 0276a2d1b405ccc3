"""Files sent to the verify page in tests: the keys of a real ledger, a form with files, archives."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from console_browser import Browser, hidden

from governance.desk import Desk
from governance.ledger.checkpoint import log_key
from governance.ledger.receipt import write_proof
from governance.ledger.sql import SqlLedger


def ledger_of(desk: Desk) -> SqlLedger:
    assert isinstance(desk.ledger, SqlLedger)
    return desk.ledger


def key_of(desk: Desk) -> str:
    return f"{log_key(ledger_of(desk).keys.log.public)}"


def send(browser: Browser, files: dict[str, bytes], **fields: str) -> Any:
    csrf = hidden(browser.get("/verify").text)["csrf"]
    return browser.upload("/verify", {"csrf": csrf, **fields}, files)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return kept.getvalue()


def receipt_of(desk: Desk) -> dict[str, bytes]:
    """The two files of the receipt of the first sign-off."""
    entry = next(item for item in desk.ledger.entries() if "sign-off" in item.statement.predicate_type.word)
    proof = write_proof(desk.ledger.receipt(entry.seq)).encode()
    return {"14.json": entry.envelope, "14.tlog-proof": proof}
