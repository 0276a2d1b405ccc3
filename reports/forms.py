"""Documents whose points a law lists: they are data (`templates/*.toml`), and what the record knows is added."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from audits.rule_packs import load_pack
from reports.paper import Chapter, Paper
from reports.provenance import Provenance, pack_standing
from reports.report import Report
from reports.templating import TEMPLATES
from reports.view_table import Table


@dataclass(frozen=True, slots=True)
class Known:
    """What the record knows about one point. `nothing` False and all empty: nothing was looked for."""

    words: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = field(default=())


NOTHING = Known(words=("The record knows nothing about this point.",))


def form_paper(file: str, report: Report, known: Mapping[str, Known]) -> Paper:
    """The document of the points in `file` (a template), each with what is known under its reference."""
    form = _form(file)
    return Paper(
        kicker=form["kicker"],
        title=report.view.model,
        subtitle=f"version {report.view.version}, as {report.view.target}",
        meta=f"{report.view.label} as of {report.about.time} · policy {report.view.policy} · impact tier"
        f" {report.view.tier}",
        lead=(*form["lead"], *_law(form, report)),
        banners=(*report.view.banners, *((report.view.published,) if report.view.published else ())),
        chapters=tuple(_chapter(point, known.get(point["reference"], NOTHING)) for point in form["point"]),
        owner=form["owner"],
    )


def form_about(file: str, report: Report) -> Provenance:
    """What the document says of itself: as every report, and the rule pack whose points it lists."""
    pack = load_pack(_form(file)["pack"])
    if any(rule.digest == pack.digest for rule in report.about.rules):
        return report.about
    rule = pack_standing(pack, report.evidence.case.dossier.now.date())
    words = (*rule.words, "It lists the points of this document; the audit's plan does not name it.")
    return replace(report.about, rules=(*report.about.rules, replace(rule, words=words)))


def _chapter(point: Mapping[str, Any], known: Known) -> Chapter:
    reference = point["reference"]
    return Chapter(
        key=f"point-{''.join(char for char in reference if char.isalnum())}",
        title=f"{reference} {point['title']}",
        words=known.words,
        facts=known.facts,
        tables=known.tables,
        blanks=tuple(point["blanks"]),
    )


def _law(form: Mapping[str, Any], report: Report) -> tuple[str, ...]:
    """From when the provision applies, as the rule pack says, and whether it does on the day of the report."""
    pack, day = load_pack(form["pack"]), report.evidence.case.dossier.now.date()
    item = next(found for found in pack.requirements if found.reference == form["reference"])
    begins = item.applies_from or pack.in_force_from
    applies = f"applies from {begins}" if begins <= day else f"does not apply yet: it applies from {begins}"
    rule = pack_standing(pack, day)
    return (
        f"{pack.citation}: on {day} {item.reference} {applies}. Rule pack {rule.pack} {rule.version} ({rule.digest}),"
        f" source read on {rule.checked_on}.",
        *pack.notes,
    )


@cache
def _form(file: str) -> dict[str, Any]:
    """The form as it ships with this package."""
    return tomllib.loads((TEMPLATES / file).read_text(encoding="utf-8"))
