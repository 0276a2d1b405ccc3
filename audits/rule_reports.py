"""What the rule packs of a plan compute from the cells, or ask for in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from audits.impact import refuse_weights
from audits.ll144 import ll144_tables
from audits.plan import AuditPlan
from audits.result import Cells, RuleReport, RuleTable
from audits.rule_packs import AdverseImpactRule, ImpactRatioRule, RulePack, State, load_pack, state_on
from audits.ugesp import ugesp_tables


def rule_reports(
    cells: Cells, plan: AuditPlan, *, class_cells: Mapping[str, Cells] | None = None, folder: Path | None = None
) -> tuple[RuleReport, ...]:
    """One report for every pack of `plan.rule_packs`, in the plan's order.

    `class_cells` are those of a tool that classifies: class -> cells in which that class is the prediction. `folder`
    holds the packs; None: those that ship. Raises ConfigurationError for a pack that does not exist, for cells that
    do not count people (weights, probabilities), and where the plan lacks a feature that a rule needs.
    """
    return tuple(_report(load_pack(name, folder), cells, plan, class_cells) for name in plan.rule_packs)


def _report(pack: RulePack, cells: Cells, plan: AuditPlan, class_cells: Mapping[str, Cells] | None) -> RuleReport:
    return RuleReport(
        pack=pack.id,
        version=pack.version,
        digest=pack.digest,
        title=pack.title,
        citation=pack.citation,
        status=pack.status.value,
        tables=_tables(pack, cells, plan, class_cells),
        notes=(_standing(pack, plan.decided_at), *pack.notes),
    )


def _tables(
    pack: RulePack, cells: Cells, plan: AuditPlan, class_cells: Mapping[str, Cells] | None
) -> tuple[RuleTable, ...]:
    match pack.computes:
        case AdverseImpactRule() as rule:
            refuse_weights(cells, pack)
            return ugesp_tables(cells, plan, rule)
        case ImpactRatioRule() as rule:
            for item in (cells, *(class_cells or {}).values()):
                refuse_weights(item, pack)
            return ll144_tables(cells, plan, pack, rule, class_cells)
    return (_asked(pack),)


def _asked(pack: RulePack) -> RuleTable:
    """What the rule asks for in words, with the day from which it does."""
    rows = tuple(
        (item.reference, item.text, str(item.applies_from or pack.in_force_from)) for item in pack.requirements
    )
    columns = ("reference", "what is asked for", "from")
    return RuleTable("requirements", columns, rows, ("Listed for the reader: Fairgate does not check them here.",))


def _standing(pack: RulePack, day: date) -> str:
    """Whether the rule was in force on the day on which the plan was decided."""
    until = f" until {pack.in_force_to}" if pack.in_force_to else ""
    kind = " (voluntary)" if pack.voluntary else ""
    words = {
        State.IN_FORCE: f"in force{kind} since {pack.in_force_from}{until}",
        State.NOT_YET: f"not yet in force{kind}: it is from {pack.in_force_from}{until}",
        State.NO_MORE: f"no more in force{kind}: it was from {pack.in_force_from}{until}",
    }
    return f"On {day}, when the plan was decided, the rule was {words[state_on(pack, day)]} (read {pack.checked_on})."
