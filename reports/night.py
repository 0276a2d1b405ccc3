"""The summary of a nightly run. Values, and the sentences made from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.digests import plain
from governance.errors import Exit
from reports.words import count, listed, moment, printable

FORMAT = "urn:fairgate:report:night:v1"

WORDS: Mapping[int, str] = {
    Exit.DONE: "no adverse finding",
    Exit.CONFIGURATION: "could not run: configuration",
    Exit.MEASUREMENT: "could not be measured",
    Exit.SIGN_OFF_REFUSED: "sign-off refused",
    Exit.LEDGER: "ledger error",
    Exit.SERVICE: "service unreachable",
    Exit.HELD: "held",
    Exit.REFUSED: "refused",
    Exit.DATA_QUALITY: "stopped by data quality",
    Exit.ADVERSE: "adverse finding",
    Exit.VERIFICATION_FAILED: "verification failed",
}


@dataclass(frozen=True, slots=True)
class NightRow:
    """What the night found for one live alias. `exit_code` as on the command line, `detail` one line for people."""

    model: str
    alias: str
    version: str
    outcome: str
    exit_code: int
    detail: str


@dataclass(frozen=True, slots=True)
class NightSummary:
    """One night. `missed` are lines about runs that should have happened and did not.

    `emergencies` are lines about releases that rest on broken glass now: quiet rows must not hide them.
    """

    started: datetime
    finished: datetime
    rows: tuple[NightRow, ...]
    missed: tuple[str, ...] = ()
    emergencies: tuple[str, ...] = ()

    def exit_code(self) -> int:
        """The one code of the night: that of the most serious row; 0 only where every row is done, none missed."""
        codes = [row.exit_code for row in self.rows]
        worst = next((int(code) for code in _SERIOUS_FIRST if code in codes), None)
        if worst is None:
            worst = next((code for code in codes if code), 0)
        return worst or (int(Exit.SERVICE) if self.missed else 0)


_SERIOUS_FIRST = (
    Exit.VERIFICATION_FAILED,
    Exit.LEDGER,
    Exit.ADVERSE,
    Exit.DATA_QUALITY,
    Exit.REFUSED,
    Exit.HELD,
    Exit.MEASUREMENT,
    Exit.SERVICE,
    Exit.CONFIGURATION,
)


@dataclass(frozen=True, slots=True)
class NightLine:
    """A row ready to be printed."""

    model: str
    alias: str
    version: str
    outcome: str
    word: str
    exit_code: int
    detail: str


@dataclass(frozen=True, slots=True)
class NightView:
    """The summary of a night for people."""

    title: str
    headline: str
    period: str
    lines: tuple[NightLine, ...]
    missed: tuple[str, ...]
    emergencies: tuple[str, ...]


def night_view(summary: NightSummary) -> NightView:
    """The summary as sentences and rows, the most serious first."""
    rows = sorted(summary.rows, key=lambda row: (row.exit_code == 0, row.model, row.alias))
    return NightView(
        title=f"Night of {summary.started:%Y-%m-%d}",
        headline=_headline(summary),
        period=f"{moment(summary.started)} to {moment(summary.finished)}",
        lines=tuple(night_line(row) for row in rows),
        missed=tuple(printable(item, 300) for item in summary.missed),
        emergencies=tuple(printable(item, 1_200) for item in summary.emergencies),
    )


def night_record(summary: NightSummary) -> dict[str, Any]:
    """The summary as plain JSON values."""
    return {"format": FORMAT, "exit_code": summary.exit_code(), **plain(summary)}


def _headline(summary: NightSummary) -> str:
    if not summary.rows:
        audited = "No live alias was audited."
    else:
        codes = [row.exit_code for row in summary.rows]
        parts = tuple(
            f"{count(codes.count(code))} {WORDS.get(code, f'ended with code {code}')}" for code in dict.fromkeys(codes)
        )
        aliases = "1 live alias was" if len(codes) == 1 else f"{count(len(codes))} live aliases were"
        audited = f"{aliases} looked at: {listed(parts)}."
    missed = f" {count(len(summary.missed))} scheduled {'run was' if len(summary.missed) == 1 else 'runs were'} missed."
    glass = f"Broken glass: {count(len(summary.emergencies))} "
    glass += "release rests" if len(summary.emergencies) == 1 else "releases rest"
    told = f"{glass} on it alone. " if summary.emergencies else ""
    return told + audited + (missed if summary.missed else "")


def night_line(row: NightRow) -> NightLine:
    """The row, ready to be printed."""
    return NightLine(
        model=printable(row.model),
        alias=printable(row.alias),
        version=printable(row.version),
        outcome=printable(row.outcome),
        word=WORDS.get(row.exit_code, f"ended with code {row.exit_code}"),
        exit_code=row.exit_code,
        detail=printable(row.detail, 600),
    )
