"""CSV for people: nothing that a spreadsheet would run, whatever a name holds."""

from __future__ import annotations

import csv
import io

import pytest
from hostile import PAYLOADS

from reports.csv_cells import csv_bytes, csv_cell

FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|'/c calc'!A0", "\t=1+1", "\r=1", "\n@x", " =1+1", "\0=1", "\u200b=1"),
    *("\ufeff=HYPERLINK(1)", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\u2028=1", "\x1b=1", "\u202e=1"),
)


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_a_text_that_begins_as_a_formula_is_held_by_an_apostrophe(text: str) -> None:
    assert csv_cell(text).startswith("\"'")


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_cell_stays_one_cell_and_holds_no_control_character(text: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_bytes([("before", text, "after")]).decode(), newline="")))
    assert len(rows) == 1
    before, cell, after = rows[0]
    assert (before, after) == ("before", "after")
    assert cell.isprintable()
    assert not cell.startswith(("=", "+", "-", "@"))


def test_quotes_are_doubled_and_every_cell_is_quoted() -> None:
    assert csv_bytes([("a", 'say "no"'), ("", "1,390")]) == b'"a","say ""no"""\r\n"","1,390"\r\n'
