"""Receipts: who signs gets the exact entry and its proof, by default, and is told where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.settings import Settings
from governance.errors import FairgateError
from governance.ledger.receipt import ReceiptFiles, keep_receipt

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.statement import Entry


@dataclass(frozen=True, slots=True)
class Handed:
    """The receipts of what was just recorded, and what went wrong with them: the entries are recorded all the same."""

    files: tuple[ReceiptFiles, ...]
    problems: tuple[str, ...]

    def lines(self) -> list[str]:
        """For people."""
        found = [
            f"  receipt: {item.proof} and .json (.txt to read); keep all where no administrator reaches"
            for item in self.files
        ]
        return found + [f"  recorded, but: {item}" for item in self.problems]

    def document(self) -> dict[str, object]:
        """For scripts."""
        return {"receipts": [str(item.proof) for item in self.files], "receipt_problems": self.problems}


def hand_out(settings: Settings, desk: Desk, *entries: Entry) -> Handed:
    """Write the receipts of these entries into the project's folder of receipts, and copy the checkpoint elsewhere."""
    from flows.outwards import copy_outside
    from governance.ledger.keys import open_keys
    from reports.receipt_files import explain, public_keys

    files, problems = list[ReceiptFiles](), list[str]()
    for entry in entries:
        try:
            files.append(keep_receipt(desk.ledger, entry, settings.receipts))
            explain(files[-1], entry, public_keys(open_keys(settings.home / "keys")))
        except FairgateError as error:
            problems.append(str(error))
    try:
        problems += copy_outside(settings)
    except FairgateError as error:
        problems.append(str(error))
    return Handed(tuple(files), tuple(problems))
