"""What the newest scheduled audit found on newer data, in a part of its own. Pure.

The sections of a report print the audit that the release rests on. What a scheduled audit found since stands beside it,
never among it: other data, another day.
"""

from __future__ import annotations

from audits.result import AuditResult, Disparity, GroupEstimate
from governance.dossier import AuditRecord
from reports.evidence import CaseEvidence, newest_monitoring
from reports.measured import disparity_row
from reports.summary import worth_saying
from reports.view import Part
from reports.view_summary import Summary
from reports.view_table import Cell, Column, Row, Table
from reports.words import count, moment, people

SHOWN = 24
HEADS = (
    Column("Verdict", numeric=False),
    Column("Disparity", numeric=False),
    Column("Groups", numeric=False),
    Column("Value, interval"),
    Column("Bound", numeric=False),
    Column("n", meaning="so many people the measure is of"),
    Column("Why", numeric=False),
)
KEY = "newer"
CAPTION = "Comparisons on newer data with a bound that are adverse or watch"


def newer_part(evidence: CaseEvidence, said: Summary) -> tuple[Part, ...]:
    """When and on what data it was made, and each bounded comparison that is adverse or watch.

    `said` is the summary of the same evidence. Empty without a scheduled audit since.
    """
    record, audit = newest_monitoring(evidence.case), evidence.monitoring
    if record is None or audit is None:
        return ()
    rows = tuple(_row(item, audit) for item in worth_saying(audit))
    none = () if rows else ("None of its comparisons with a bound is adverse or watch.",)
    also = len(evidence.case.dossier.monitoring()) - 1
    others = (f"It is the newest adverse one, else the newest, of {count(also + 1)} since then.",) if also else ()
    tally = (said.newer.tally,) if said.newer.tally else ()
    return (
        Part(
            KEY,
            said.monitored_title,
            words=(
                "Measured after the audit that the release rests on, on other data. Every other table is of that audit"
                " for the release: what stands here is in none of them.",
                *others,
                *tally,
                *none,
            ),
            facts=_facts(record, audit),
            tables=(Table(CAPTION, HEADS, rows, SHOWN, stacked=True),) if rows else (),
        ),
    )


def _facts(record: AuditRecord, audit: AuditResult) -> tuple[tuple[str, str], ...]:
    return (
        ("Audited", f"{moment(record.time)}, ledger entry {record.seq}"),
        ("Rows measured", count(audit.row_count)),
        ("Data", record.data_digest),
        ("Audit report", record.report_digest),
    )


def _row(item: Disparity, audit: AuditResult) -> Row:
    row = disparity_row(item, audit, adjusted=False)
    return Row(
        (
            Cell(row.verdict),
            Cell(row.name, (row.metric,) if row.metric else ()),
            Cell(row.where),
            Cell(row.value, (row.interval,) if row.interval else ()),
            Cell(row.bound),
            _people(item, audit),
            Cell(row.reason),
        )
    )


def _people(item: Disparity, audit: AuditResult) -> Cell:
    """The people whom the measure is of: of the group, and of its reference."""
    beside = next((x.n for x in audit.estimates if _measures(x, item)), None) if item.group else None
    return Cell(people(item.n), () if beside is None else (f"against {people(beside)}",))


def _measures(estimate: GroupEstimate, item: Disparity) -> bool:
    """Is it the rate of the reference group that the disparity compares with?"""
    of = (estimate.metric, estimate.features, estimate.group)
    return of == (item.metric, item.features, item.reference)
