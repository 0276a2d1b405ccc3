"""Cases for the tests of report formats: an audit under Local Law 144 with the rule's own worked examples, kept with
its plan; and names of all kinds that try to become something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import report_factory as factory
from rule_examples import RACES, SCORING_BOTH, SELECTION_BOTH

from audits.plan import AuditPlan
from audits.plan_file import read_plan
from audits.result import UNKNOWN, AuditResult, Cell, Cells
from audits.rule_reports import rule_reports
from governance.case import Case, open_case
from governance.desk import Desk
from reports.evidence import CaseEvidence, gather

PLAN = """
[model]
name = "hiring"
impact = "high"

[data]
source = "postgresql://auditor:hunter2@db.example/hr#public.applicants"
prediction = "selected"
favourable = "1"

[[sensitive_features]]
name = "sex"
column = "sex"

[[sensitive_features]]
name = "race_ethnicity"
column = "race"

[audit]
decided_at = 2026-01-05
rule_packs = ["{packs}"]

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8
"""
SCORED = (
    'prediction = "selected"\nfavourable = "1"',
    'score = "score"\nscore_range = [0, 1]\ncutoff = "median"',
)
Both = Mapping[str, tuple[tuple[int, int, str], ...]]


def plan_bytes(*packs: str, scored: bool = False) -> bytes:
    """A plan of an audit under these rule packs."""
    text = PLAN.format(packs='", "'.join(packs)) if packs else PLAN.replace('rule_packs = ["{packs}"]\n', "")
    return (text.replace(*SCORED) if scored else text).encode()


def cells_of(table: Both, unknown: int = 0) -> Cells:
    """The people of a worked example, and so many of unknown race."""
    found = [
        Cell((sex, race), outcome=False, prediction=chosen, n=rows)
        for sex, groups in table.items()
        for race, (n, selected, _) in zip(RACES, groups, strict=True)
        for chosen, rows in ((True, selected), (False, n - selected))
        if rows
    ]
    if unknown:
        found.append(Cell(("Male", UNKNOWN), outcome=False, prediction=False, n=unknown))
    total = sum(cell.n for cell in found)
    return Cells(("sex", "race_ethnicity"), tuple(found), total, "sha256:" + "d4" * 32, "test", labelled=False)


@cache
def ruled_audit(*packs: str, scored: bool = False, unknown: int = 12) -> tuple[AuditResult, AuditPlan, bytes]:
    """The golden audit of version 2 with the tables of these rule packs, computed from the rule's example."""
    data = plan_bytes(*packs, scored=scored)
    plan = read_plan(data)
    reports = rule_reports(cells_of(SCORING_BOTH if scored else SELECTION_BOTH, unknown), plan)
    return replace(factory.audit_of("2"), plan_digest=plan.digest, rule_reports=reports), plan, data


def ruled_case(desk: Desk, *packs: str, scored: bool = False, name: str = "hiring") -> Case:
    """A case with such an audit, its plan kept, signed by one of two."""
    audit, _, data = ruled_audit(*packs, scored=scored)
    desk.evidence.put(data)
    case = factory.record_case(desk, "2", name=name, audit=audit)
    factory.put_signature(desk, case, "compliance-officer", "compliance")
    return open_case(desk, name, "2", "champion")


def ruled_evidence(folder: Path, *packs: str, scored: bool = False) -> CaseEvidence:
    """What is gathered of such a case."""
    desk = factory.new_desk(folder)
    return gather(desk, ruled_case(desk, *packs, scored=scored))
