"""The public summary that NYC Local Law 144 asks for (6 RCNY 5-303), from the tables that its rule pack computed.

Exactly the rule's fields: the date of the audit, source and explanation of the data, the number of persons of unknown
category, number, rate and impact ratio of every category in the tables of 6 RCNY 5-301, and the tool's distribution
date. The rule knows no threshold, and so none is here. What it asks for and nobody gave is listed as missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from audits.result import RuleReport, RuleTable
from audits.source_uri import SourceKind, source_kind, table_address
from governance.errors import ConfigurationError
from reports.csv_cells import csv_bytes
from reports.evidence import CaseEvidence
from reports.paper import Chapter, Paper
from reports.provenance import Provenance, RuleStanding
from reports.qualified import rule_table
from reports.report import Report
from reports.words import one_line, printable

PACK = "nyc-ll144"
_DATABASES = {SourceKind.POSTGRESQL: "PostgreSQL", SourceKind.DUCKDB: "DuckDB"}
_UNKNOWN = re.compile(r"([\d,]+) persons of unknown (.+) are not in this table\.")
_SHARE, _COUNT = re.compile(r"(\d+(?:\.\d+)?)%"), re.compile(r"\d{1,3}(?:,\d{3})*")
_LEFT_OUT, _DASH = "left out", "–"
_SEX, _RACE, _PERSONS, _RATIO = "sex", "race/ethnicity", "persons", "impact ratio"
_RATES = ("selection rate", "scoring rate")
DISTRIBUTION = "the distribution date of the tool"
EXPLANATION = "the explanation of the data"
SOURCE = "the source of the data"
OPTIONS = {DISTRIBUTION: "--distribution-date YYYY-MM-DD", EXPLANATION: "--explanation TEXT", SOURCE: "--source TEXT"}
"""With which option of `fairgate report` the publisher gives what is missing; a page for the public names none."""
_DATES = ("Admin. Code 20-871(a)", "6 RCNY 5-303", "Admin. Code 20-871(b), 6 RCNY 5-304")
"""Requirements of the pack that say how long: the audit is good for, the summary is posted, notice is given before."""


@dataclass(frozen=True, slots=True)
class Category:
    """One category of one table, as the record prints it; empty where there is no number. `note`: why left out."""

    assigned: str
    table: str
    race: str
    sex: str
    persons: str
    selected: str
    rate: str
    ratio: str
    note: str = ""


def tables_lacking(evidence: CaseEvidence) -> str:
    """Why the audit holds no tables of this rule that may be shown, in a sentence; empty where it does."""
    found = _reports(evidence)
    if any(item.tables for item in found):
        return ""
    if evidence.audit is None:
        return "No audit is recorded."
    if found and evidence.published:
        return "Small counts are masked here, and this rule has every number published: its tables are left out."
    if found:
        return f"The rule {PACK} gave no table: {one_line('; '.join(found[0].notes), 300) or 'no reason is recorded'}"
    return (
        f"The audit was made without the rule {PACK}, which needs sex and race/ethnicity of every person: its plan"
        " names no such rule."
    )


def ll144_paper(report: Report) -> Paper:
    """The summary. Raises ConfigurationError where the audit has no tables of the rule."""
    found = _rule_report(report)
    audit = report.evidence.case.dossier.audit()
    return Paper(
        kicker="NYC Local Law 144: summary of the bias audit (6 RCNY 5-303)",
        title=report.view.model,
        subtitle=f"version {report.view.version}",
        meta=f"State as of {report.about.time}",
        lead=_standing(report, found),
        banners=(report.view.published,) if report.view.published else (),
        chapters=(
            Chapter(
                "about",
                "The audit, the tool and the data",
                facts=(
                    ("Date of the most recent bias audit", f"{audit.time:%Y-%m-%d}" if audit else _DASH),
                    ("Distribution date of the tool", _stated(_distribution(report), report)),
                    ("Source of the data", _told_source(report)),
                    ("Explanation of the data", _stated(printable(report.asked.explanation, 2_000), report)),
                ),
                missing=missing(report),
            ),
            Chapter(
                "unknown",
                "Persons of unknown category, who are in no calculation",
                facts=tuple((_named(table), _unknown(table)) for table in found.tables),
            ),
            Chapter("tables", "Rates and impact ratios", tables=tuple(rule_table(item) for item in found.tables)),
            Chapter(
                "rule",
                "The rule",
                facts=_dates(report, found),
                notes=tuple(one_line(note, 600) for note in found.notes),
            ),
        ),
    )


def ll144_csv(report: Report) -> bytes:
    """The same as CSV, a row for each category and one for the persons of unknown category of each table.

    `fairgate check-tables` reads it. Raises ConfigurationError where the audit has no tables of the rule.
    """
    found = _rule_report(report)
    scored = any("scoring rate" in table.columns for table in found.tables)
    audit = report.evidence.case.dossier.audit()
    about = (
        f"{audit.time:%Y-%m-%d}" if audit else "",
        _distribution(report) or "missing",
        report.asked.source or _source(report) or "missing",
        report.asked.explanation or "missing",
    )
    counted = () if scored else ("selected",)
    rate = "scoring_rate" if scored else "selection_rate"
    head = ("audit_date", "distribution_date", "data_source", "data_explanation", "class", "table")
    columns = (*head, "race_ethnicity", "sex", "applicants", *counted, rate, "impact_ratio", "note")
    rows = [_cells(item, about, scored=scored) for table in found.tables for item in _categories(table)]
    return csv_bytes([columns, *rows])


def missing(report: Report) -> tuple[str, ...]:
    """What the rule has published and neither the record nor the person gave, in words for the public."""
    gaps = (
        (_distribution(report), DISTRIBUTION),
        (report.asked.source or _source(report), SOURCE),
        (report.asked.explanation, EXPLANATION),
    )
    return tuple(words for given, words in gaps if not given)


def _stated(text: str, report: Report) -> str:
    """What stands in no record, with who said it and when."""
    return (
        f"{text} (as stated by the publisher at the command line on {report.view.at:%Y-%m-%d})" if text else "missing"
    )


def _told_source(report: Report) -> str:
    named = _source(report)
    if report.asked.source or not named:
        return _stated(printable(report.asked.source, 400), report)
    return f"{named} (as the audit plan names it)"


def _dates(report: Report, found: RuleReport) -> tuple[tuple[str, str], ...]:
    """How long the audit is good for, how long the summary is posted and when notice is given, as the pack says it."""
    pack = next((used.ships for used in report.evidence.rules if used.report.digest == found.digest), None)
    known = pack.requirements if pack else ()
    return tuple((item.reference, one_line(item.text, 400)) for item in known if item.reference in _DATES)


def _cells(item: Category, about: tuple[str, ...], *, scored: bool) -> tuple[str, ...]:
    counted = () if scored else (item.selected,)
    who = (item.assigned, item.table, item.race, item.sex, item.persons)
    return (*about, *who, *counted, item.rate, item.ratio, item.note)


def _categories(table: RuleTable) -> Iterator[Category]:
    """The rows of a table, then the persons of unknown category."""
    assigned, kind = _parted(table)
    for row in table.rows:
        cell = dict(zip(table.columns, row, strict=True))
        left_out = cell[_RATIO] == _LEFT_OUT
        yield Category(
            assigned=assigned,
            table=kind,
            race=cell.get(_RACE, ""),
            sex=cell.get(_SEX, ""),
            persons=_number(cell[_PERSONS]),
            selected=_number(cell.get("selected", "")),
            rate=_number(next(cell[name] for name in _RATES if name in cell)),
            ratio="" if left_out else _number(cell[_RATIO]),
            note=_justification(table) if left_out else "",
        )
    word = "Unknown"
    race, sex = (word if name in table.columns else "" for name in (_RACE, _SEX))
    yield Category(assigned, kind, race, sex, _number(_unknown(table)), "", "", "", "in no calculation")


def _number(text: str) -> str:
    """The number as a spreadsheet reads it: 1402 for 1,402, 0.476 for 47.6%; a word stays one, a dash is empty."""
    if match := _SHARE.fullmatch(text):
        return f"{Decimal(match[1]).scaleb(-2)}"
    return "" if text == _DASH else text.replace(",", "") if _COUNT.fullmatch(text) else text


def _justification(table: RuleTable) -> str:
    return next((note for note in table.notes if note.startswith("Left out of the ratios")), _LEFT_OUT)


def _unknown(table: RuleTable) -> str:
    """The number of persons of unknown category, as the table's own note says it."""
    found = (_UNKNOWN.match(note) for note in table.notes)
    return next((match[1] for match in found if match), "not recorded")


def _named(table: RuleTable) -> str:
    assigned, _ = _parted(table)
    labels = " or ".join(name for name in (_SEX, _RACE) if name in table.columns)
    return f"{f'Class {printable(assigned)}: ' if assigned else ''}unknown {labels}"


def _parted(table: RuleTable) -> tuple[str, str]:
    """(class that the tool assigned, table); the class is empty where the tool does not classify."""
    both = _SEX in table.columns and _RACE in table.columns
    kind = "intersectional" if both else "sex" if _SEX in table.columns else "race_ethnicity"
    head, mark, _ = table.title.rpartition(": ")
    return (head.removeprefix("class ") if mark else ""), kind


def _standing(report: Report, found: RuleReport) -> tuple[str, ...]:
    """Under which text of the rule, and how it stands on the day of the report."""
    rule: RuleStanding = next(item for item in report.about.rules if item.digest == found.digest)
    return (
        "Selection rate or scoring rate of each category, and its impact ratio: the rate over the highest category's."
        " The rule sets no threshold: these numbers are published, and judged by nobody here.",
        f"{rule.title}: {rule.citation}. {' '.join(rule.words)}",
    )


def _distribution(report: Report) -> str:
    return f"{report.asked.distribution_date}" if report.asked.distribution_date else ""


def _source(report: Report) -> str:
    plan = report.evidence.plan
    return one_line(_named_source(plan.source), 400) if plan and plan.source else ""


def _named_source(source: str) -> str:
    """The source as it may be published: which table or file, without the user, the host and the path to it."""
    kind = source_kind(source)
    if kind in _DATABASES:
        return f"table {'.'.join(table_address(source).table)} of a {_DATABASES[kind]} database"
    place = re.split(r"[?#]", source.removeprefix("spark:"))[0].rstrip("/\\")
    name = re.split(r"[/\\]", place)[-1]
    return f"{'Spark table or file' if kind is SourceKind.SPARK else 'file'} {name}"


def ll144_about(report: Report) -> Provenance:
    """What the summary says of itself: of the rule packs of the audit, this rule's alone."""
    return replace(report.about, rules=tuple(rule for rule in report.about.rules if rule.pack.startswith(PACK)))


def _reports(evidence: CaseEvidence) -> tuple[RuleReport, ...]:
    audit = evidence.audit
    return tuple(item for item in audit.rule_reports if item.pack.startswith(PACK)) if audit else ()


def _rule_report(report: Report) -> RuleReport:
    known = _reports(report.evidence)
    found = next((item for item in known if item.tables), None)
    if found is not None:
        return found
    if report.evidence.published:
        raise ConfigurationError(
            f"for publication the tables of rule packs are left out: this rule has every number published, so write"
            f" --whole-rule {known[0].pack if known else PACK}, or leave --published out"
        )
    raise ConfigurationError(
        f"this audit has no tables of {PACK}: write rule_packs = ['{PACK}'] under [audit] of the plan (with the"
        " sensitive features sex and race_ethnicity), and audit again"
    )
