"""`fairgate report`: the report of a release decision as it stands now, in every format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.options import Alias, Name, Version
from flows.cli.output import progress, say
from flows.settings import Settings, read_settings
from governance.errors import ConfigurationError

if TYPE_CHECKING:
    from governance.case import Case
    from governance.desk import Desk
    from reports.bundle import LedgerSource
    from reports.evidence import CaseEvidence
    from reports.formats import Format
    from reports.report import Report

ALL, BUNDLE = "all", "bundle"
STDOUT = Path("-")

Forms = Annotated[
    list[str] | None,
    typer.Option("--format", help="html (default), md, json, pdf, ...; several, or all. A wrong one lists them."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", help="Write here: a file, - for standard output, or with several formats a folder."),
]


def add_to(app: typer.Typer) -> None:
    """Add this room's command."""
    app.command("report")(report)


def report(
    name: Name,
    version: Version,
    alias: Alias,
    form: Forms = None,
    output: Output = None,
    published: Annotated[
        bool, typer.Option("--published", help="For publication: small counts suppressed, as the plan declares.")
    ] = False,
    whole_rules: Annotated[
        list[str] | None, typer.Option("--whole-rule", help="With --published: a rule pack that demands every count.")
    ] = None,
    distribution_date: Annotated[
        str | None, typer.Option("--distribution-date", help="LL144: when the tool was distributed, YYYY-MM-DD.")
    ] = None,
    explanation: Annotated[str, typer.Option("--explanation", help="LL144: what the data are, in words.")] = "",
    source: Annotated[str, typer.Option("--source", help="LL144: where the data come from, in words.")] = "",
) -> None:
    """Write the report of a release decision as it stands now."""
    from flows.wiring import open_desk
    from governance.case import open_case
    from reports.evidence import gather
    from reports.report import Asked, report_of

    if whole_rules and not published:
        raise ConfigurationError("--whole-rule goes with --published; without it every rule's tables are whole")
    asked = Asked(_day(distribution_date), explanation, source)
    wanted = chosen(form or ["html"])
    settings = read_settings()
    desk = open_desk(settings)
    case = open_case(desk, name, version, alias)
    evidence = gather(desk, case)
    if published:
        evidence = _masked(evidence, whole_rules or [])
    made = report_of(evidence, asked)
    place = Place(settings, case, output, "-published" if published else "", several=len(wanted) > 1)
    problems = _write_all(made, wanted, place, desk, every=ALL in (form or []))
    if published:
        say(f"  {evidence.published}")
    if problems:
        raise ConfigurationError("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files go: beside the others of the project, or where `output` says."""

    settings: Settings
    case: Case
    output: Path | None
    suffix: str
    several: bool

    def file(self, ending: str) -> Path:
        """The file of a format; its folder is there."""
        from flows.reporting import report_path

        if self.output is not None and not self.several:
            return self.output
        folder = self.output or self.settings.reports
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"--output {folder} is no folder to write into: {error.strerror}") from error
        return report_path(folder, self.case, self.suffix, ending)


def chosen(forms: list[str]) -> tuple[str, ...]:
    """The formats that are asked for, each once. Raises ConfigurationError for an unknown one, and lists them all."""
    from reports.formats import Format

    known = [*Format, BUNDLE]
    for form in forms:
        if form not in {*known, ALL}:
            raise ConfigurationError(f"--format is {form!r}; write one or more of: {', '.join((*known, ALL))}")
    return tuple(known) if ALL in forms else tuple(dict.fromkeys(forms))


def _write_all(made: Report, wanted: tuple[str, ...], place: Place, desk: Desk, *, every: bool) -> list[str]:
    """Write each format and say where; returns what a person must still do.

    With `every` a format that does not apply, or that this system cannot write, is told and does not stop the others.
    """
    from reports.formats import Format, applies, write

    problems = list[str]()
    for form in wanted:
        if form == BUNDLE:
            _bundle(made, place, desk)
        elif every and not applies(made, Format(form)):
            say(f"{form}: this audit has no table of the rule")
        else:
            try:
                _put(write(made, Format(form)), place, Format(form))
            except ConfigurationError as error:
                if not every:
                    raise
                problems.append(f"{form} was not written: {error}")
    return [*problems, *_incomplete(made, wanted, every=every)]


def _incomplete(made: Report, wanted: tuple[str, ...], *, every: bool) -> list[str]:
    """What the LL144 summary lacks, where it was written: it says so itself, and must not be published like that.

    With `every` nobody asked for just this summary: it is told, and the command does not end in an error.
    """
    from reports.formats import Format, applies
    from reports.ll144 import OPTIONS, missing

    asked = {Format.LL144_HTML, Format.LL144_CSV} & set(wanted)
    if not asked or (every and not applies(made, Format.LL144_CSV)):
        return []
    gaps = "; ".join(f"{item}: give it with {OPTIONS[item]}" for item in missing(made))
    said = f"the LL144 summary is not complete; missing: {gaps}"
    if gaps and every:
        say(f"  {said}")
    return [said] if gaps and not every else []


def _put(data: bytes, place: Place, form: Format) -> None:
    from flows.reporting import put_file

    if place.output == STDOUT and not place.several:
        text = not form.media_type.startswith("application/pdf")
        typer.echo(data.decode() if text else data, nl=False)
        return
    path = place.file(form.suffix)
    put_file(path, data)
    say(f"report: {path}")


def _bundle(made: Report, place: Place, desk: Desk) -> None:
    """Every format that applies, the ledger and the receipts as one ZIP."""
    from flows.reporting import streamed
    from reports.bundle import write_bundle
    from reports.formats import Format

    if place.output == STDOUT:
        raise ConfigurationError("a bundle is a file: give --output FILE.zip, or leave --output out")
    path = place.file("bundle.zip")
    with progress("gathering the bundle"), streamed(path) as stream:
        left_out = write_bundle(stream, made, _source(desk, place), tuple(Format))
    say(f"report: {path}")
    for item in left_out:
        say(f"  not in the bundle: {item}")


def _source(desk: Desk, place: Place) -> LedgerSource:
    from flows.wiring import open_ledger
    from governance.ledger.export import export
    from reports.bundle import LedgerSource

    ledger = open_ledger(place.settings)
    entries = tuple(desk.ledger.entries(digest=place.case.subject.digest))
    return LedgerSource(entries, desk.ledger.receipt, lambda path: export(ledger, path), desk.evidence)


def _masked(evidence: CaseEvidence, whole_rules: list[str]) -> CaseEvidence:
    from reports.publish import published_evidence

    whole = _known_rules(evidence, whole_rules)
    with progress("masking small counts"):
        return published_evidence(evidence, whole_rules=whole)


def _known_rules(evidence: CaseEvidence, names: list[str]) -> list[str]:
    """The rule packs to print whole. Raises ConfigurationError for one that this audit has no table of."""
    known = [report.pack for report in evidence.audit.rule_reports] if evidence.audit else []
    for name in names:
        if name not in known:
            raise ConfigurationError(f"--whole-rule is {name!r}; this audit has: {', '.join(known) or 'no rule pack'}")
    return names


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--distribution-date is {text!r}; write a day such as 2026-11-01") from error
