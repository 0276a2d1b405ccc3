"""`fairgate check-tables`: recompute somebody else's published bias audit from its own counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.options import Json
from flows.cli.output import emit, say
from governance.errors import ConfigurationError, Exit

if TYPE_CHECKING:
    from audits.feasible import Spans
    from audits.published_checks import CheckedRow, Finding, TablesCheck
    from audits.rule_packs import RulePack

PACK = "nyc-ll144"
"""The rule whose categories and minimum share the tables are read with."""

_HEADER = ("category", "persons", "selected", "rate", "recomputed", "ratio", "recomputed", "")


def add_to(app: typer.Typer) -> None:
    """Add this room's commands."""
    app.command("check-tables")(check_tables)


def check_tables(
    file: Annotated[Path, typer.Argument(help="A published table as CSV: counts, printed rates, printed ratios.")],
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Differences up to this share (0 to 0.1) are warnings only.")
    ] = 0.005,
    as_json: Json = False,
) -> int:
    """Recompute a published bias audit from its counts and list every discrepancy. 14 if there is one."""
    from audits.published_checks import Severity, check_published
    from audits.published_table import read_published
    from audits.rule_packs import ImpactRatioRule, load_pack

    pack = load_pack(PACK)
    if not isinstance(pack.computes, ImpactRatioRule):
        raise ConfigurationError(f"rule pack {PACK} computes no impact ratios: install Fairgate anew")
    published = read_published(_bytes(file), pack.computes, file=file.name)
    found = check_published(published, pack.computes, tolerance=tolerance)
    code = Exit.VERIFICATION_FAILED if found.of(Severity.DISCREPANCY) else Exit.DONE
    if as_json:
        emit(_document(found, pack, code))
    else:
        say(*_lines(found))
    return int(code)


def _bytes(file: Path) -> bytes:
    """At most one byte more than is ever read, so that a huge file is refused and not loaded."""
    from audits.published_table import MAX_BYTES

    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"the table {file} cannot be read: {error.strerror}; give a CSV file") from error


def _document(found: TablesCheck, pack: RulePack, code: Exit) -> dict[str, Any]:
    from audits.published_checks import Severity

    return {
        "file": found.file,
        "digest": found.digest,
        "pack": {"id": pack.id, "version": pack.version, "digest": pack.digest},
        "tolerance": found.tolerance,
        "exit_code": code,
        "discrepancies": found.of(Severity.DISCREPANCY),
        "warnings": found.of(Severity.WARNING),
        "tables": [
            {"table": name, "rows": [_row_document(item) for item in found.rows if item.table == name]}
            for name in dict.fromkeys(item.table for item in found.rows)
        ],
    }


def _row_document(item: CheckedRow) -> dict[str, Any]:
    row = item.row
    numbers = {"n": row.n, "selected": row.selected, "printed_rate": row.rate, "printed_ratio": row.ratio}
    return {
        "line": row.line,
        "category": dict(row.levels),
        **{name: number.text if number else None for name, number in numbers.items()},
        "rate": _range(item.rates),
        "ratio": _range(item.ratios),
    }


def _range(spans: Spans) -> dict[str, float] | None:
    """The least and the greatest value that agree with what is printed; equal where the counts fix it."""
    if not spans:
        return None
    return {"low": float(min(low for low, _ in spans)), "high": float(max(high for _, high in spans))}


def _lines(found: TablesCheck) -> list[str]:
    from audits.published_checks import Severity

    wrong, warned = found.of(Severity.DISCREPANCY), found.of(Severity.WARNING)
    lines = []
    for name in dict.fromkeys(item.table for item in found.rows):
        rows = [item for item in found.rows if item.table == name]
        lines += [*_table(name, rows, found.findings), ""]
    lines += [_said("DISCREPANCY", item) for item in wrong]
    lines += [_said("warning    ", item) for item in warned]
    lines.append(
        f"{_text(found.file)}: {_many(len(wrong), 'discrepancy', 'discrepancies')},"
        f" {_many(len(warned), 'warning', 'warnings')} in {_many(len(found.rows), 'row', 'rows')}"
        f" (tolerance {found.tolerance:g})"
    )
    return lines


def _table(name: str, rows: Sequence[CheckedRow], findings: Sequence[Finding]) -> list[str]:
    marks = {item.line: item.severity.value for item in reversed(findings) if item.line is not None}
    for item in findings:
        if item.line is not None and item.severity.value == "discrepancy":
            marks[item.line] = item.severity.value
    grid = [_HEADER, *(_cells(item, marks.get(item.row.line, "")) for item in rows)]
    widths = [max(len(row[at]) for row in grid) for at in range(len(_HEADER))]
    return [_text(name), *("  " + "  ".join(_padded(row, widths)).rstrip() for row in grid)]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Names to the left, numbers to the right."""
    ends = (0, len(row) - 1)
    return [
        text.ljust(width) if at in ends else text.rjust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]


def _cells(item: CheckedRow, mark: str) -> tuple[str, ...]:
    from audits.published_checks import value_text

    row = item.row
    n, selected, rate, ratio = (number.text if number else "–" for number in (row.n, row.selected, row.rate, row.ratio))
    texts = (row.name, n, selected, rate, value_text(item.rates), ratio, value_text(item.ratios), mark)
    return tuple(_text(text) for text in texts)


def _said(head: str, item: Finding) -> str:
    """One finding in a line: where it is, and what."""
    line = f"row {item.line}" if item.line else ""
    where = ", ".join(_text(part) for part in (line, item.table, item.category) if part)
    return f"{head} {item.kind.value}: {where + ': ' if where else ''}{_text(item.message, 600)}"


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _text(text: str, limit: int = 60) -> str:
    from reports.words import printable

    return printable(text, limit)
