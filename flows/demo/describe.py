"""The document of the demo's data: `python -m flows.demo.describe > docs/demo-data.md`. A test compares the two."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from flows.demo.data import (
    APPLICANTS,
    GROUPS,
    HAS_GAP,
    HISTORY,
    LABEL,
    NEW_VENDOR,
    NEWER,
    PANEL,
    SENSITIVE,
    SHARES,
    TRAINING,
    Process,
    draw,
)

if TYPE_CHECKING:
    import pandas as pd

FILES = {TRAINING: HISTORY, APPLICANTS: PANEL, NEWER: NEW_VENDOR}
TRUE_ROWS = 400_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Share of `hired` = yes by level of one sensitive feature; `true` from 400,000 draws, `observed` in the file."""

    feature: str
    level: str
    rows: int
    hired: int
    observed: float
    true: float


def rates(process: Process) -> tuple[Rates, ...]:
    """The rates of one process, for each level of sex and of ethnicity."""
    return tuple(_compare(draw(process), draw(process, TRUE_ROWS)))


def true_rates() -> Mapping[str, Mapping[str, float]]:
    """For each file the true share of `hired` = yes by level: {"training.parquet": {"female": 0.30, ...}}."""
    return {name: {item.level: item.true for item in rates(process)} for name, process in FILES.items()}


def _compare(table: pd.DataFrame, many: pd.DataFrame) -> Iterator[Rates]:
    for feature in SENSITIVE:
        true = (many[LABEL] == "yes").groupby(many[feature]).mean()
        for level, labels in table.groupby(feature)[LABEL]:
            hired = int((labels == "yes").sum())
            yield Rates(feature, str(level), len(labels), hired, hired / len(labels), float(true[level]))


def document() -> str:
    """docs/demo-data.md as Markdown."""
    return (
        files("flows.demo")
        .joinpath("data.md")
        .read_text(encoding="utf-8")
        .format(
            has_gap_female=HAS_GAP["female"],
            has_gap_male=HAS_GAP["male"],
            sexes=", ".join(f"{name} {share:.0%}" for name, share in SHARES.items()),
            groups=", ".join(f"{name} {share:.0%}" for name, share in GROUPS.items()),
            penalty=HISTORY.gap_penalty,
            history_bar=HISTORY.bar,
            panel_bar=PANEL.bar,
            lost=NEW_VENDOR.lost_points,
            seeds=", ".join(f"{process.seed} for `{name}`" for name, process in FILES.items()),
            rows=f"{PANEL.rows:,}",
            true_rows=f"{TRUE_ROWS:,}",
            tables="\n\n".join(_table(name, process) for name, process in FILES.items()),
        )
    )


def _table(name: str, process: Process) -> str:
    head = (
        f"### `{name}`\n\n| feature | group | rows | hired | observed rate | true rate |\n|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(
        f"| {r.feature} | {r.level} | {r.rows:,} | {r.hired:,} | {r.observed:.3f} | {r.true:.3f} |"
        for r in rates(process)
    )


if __name__ == "__main__":
    sys.stdout.write(document())
