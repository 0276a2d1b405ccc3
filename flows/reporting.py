"""Write reports where people look for them: the project's folder, and a run of the registry's experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from flows.monitoring import Look
from flows.releasing import Answer
from flows.settings import Settings
from flows.wiring import open_desk, open_ledger, open_registry
from governance.case import Case, case_of, open_case
from governance.casefile import subject_of, target_in
from governance.desk import Desk
from governance.errors import ConfigurationError, Exit
from governance.record import ran
from governance.statement import PredicateType
from reports.evidence import CaseEvidence, gather
from reports.file_names import file_stem, report_name
from reports.formats import QUICK, Format, render
from reports.glass import emergency_line
from reports.night import NightRow, NightSummary, night_view
from reports.nights import EVERY, missed
from reports.release import release_view


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Where a report was written, and its Markdown for Prefect; `problems` came up after all was recorded."""

    html: Path
    markdown: str
    run_id: str | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Night:
    """A finished night: its one exit code, and the words for Prefect's state."""

    summary: NightSummary
    html: Path
    markdown: str

    @property
    def exit_code(self) -> int:
        """The one code of the night."""
        return self.summary.exit_code()

    @property
    def word(self) -> str:
        """The name of the run's state."""
        quiet = self.exit_code == Exit.DONE and not self.summary.emergencies
        return "Quiet night" if quiet else "Needs attention"

    @property
    def message(self) -> str:
        """The night in one line."""
        return night_view(self.summary).headline


def publish_release(settings: Settings, answer: Answer) -> ReportFiles:
    """Write the report of a release decision as HTML, Markdown and JSON, and log it as a run of the registry."""
    desk = open_desk(settings)
    evidence = gather(desk, answer.case)
    view = release_view(evidence)
    files = {form: render(view, form) for form in QUICK}
    path = write_report(settings, answer.case, files)
    run_id = _log(settings, evidence, files)
    return ReportFiles(path, files[Format.MARKDOWN].decode(), run_id)


def write_report(settings: Settings, case: Case, files: dict[Format, bytes]) -> Path:
    """Write each format beside the others; returns the HTML file (the first one, where there is no HTML)."""
    settings.reports.mkdir(parents=True, exist_ok=True)
    paths = {form: report_path(settings.reports, case, "", form.suffix) for form in files}
    for form, data in files.items():
        put_file(paths[form], data)
    return paths.get(Format.HTML) or next(iter(paths.values()))


def report_path(folder: Path, case: Case, suffix: str, ending: str) -> Path:
    """The file of a report of this case in `folder`.

    `suffix` keeps another kind of report of the same case (one for publication) apart from it.
    """
    return folder / report_name(case, suffix, ending)


def publish_night(settings: Settings, desk: Desk, started: datetime, looks: Iterable[Look]) -> Night:
    """Write the night's summary and record that the night ran, so that the next one sees a gap."""
    from reports.html import night_html
    from reports.markdown import night_markdown
    from reports.record_json import night_json

    rows = tuple(NightRow(x.model, x.alias, x.version, x.outcome, int(x.exit_code), "; ".join(x.lines)) for x in looks)
    summary = NightSummary(started, desk.clock(), rows, missed(desk, started), open_emergencies(desk))
    view = night_view(summary)
    settings.reports.mkdir(parents=True, exist_ok=True)
    path = settings.reports / f"night-{started:%Y-%m-%dT%H%M%SZ}.html"
    put_file(path, night_html(view).encode())
    put_file(path.with_suffix(".md"), night_markdown(view).encode())
    put_file(path.with_suffix(".json"), night_json(summary))
    stored = desk.evidence.put(night_json(summary))
    body = {"report": stored, "exit_code": summary.exit_code(), "aliases": len(rows)}
    if settings.night_every is not None:
        body[EVERY] = int(settings.night_every.total_seconds())
    desk.ledger.append(ran("nightly", view.headline, body))
    return Night(summary, path, night_markdown(view))


def open_emergencies(desk: Desk) -> tuple[str, ...]:
    """Lines about every release of this environment that rests on broken glass now, whatever a night looked at."""
    glass = (entry for entry in desk.ledger.entries() if entry.statement.predicate_type is PredicateType.BREAK_GLASS)
    about = dict.fromkeys((subject_of(entry.statement.body), target_in(entry.statement.body)) for entry in glass)
    cases = (case_of(desk, *item) for item in about if item[1].environment == desk.environment)
    return tuple(line for line in map(emergency_line, cases) if line)


def refresh_reports(settings: Settings, desk: Desk, looks: Iterable[Look]) -> tuple[Path, ...]:
    """Write the reports of live versions whose hold opened anew: people must see what the night saw."""
    adverse = [item for item in looks if item.exit_code is Exit.ADVERSE]
    cases = [open_case(desk, item.model, item.version, item.alias) for item in adverse]
    views = [release_view(gather(desk, case)) for case in cases]
    files = [{form: render(view, form) for form in QUICK} for view in views]
    return tuple(write_report(settings, case, found) for case, found in zip(cases, files, strict=True))


def _log(settings: Settings, evidence: CaseEvidence, files: dict[Format, bytes]) -> str:
    registry = open_registry(settings)
    subject = evidence.case.subject
    version = registry.version(subject.name, subject.version)
    names = {f"report.{form.suffix}": data for form, data in files.items()}
    checkpoint = open_ledger(settings).checkpoint()
    if checkpoint is not None:  # in a second place: only memory elsewhere shows a ledger that was rolled back
        names["checkpoint.txt"] = checkpoint.note.encode()
    return registry.log_report(version, names, _metrics(evidence))


def _metrics(evidence: CaseEvidence) -> dict[str, float]:
    """The bounded disparities as metrics of the run, so that they show as charts over time."""
    disparities = evidence.audit.disparities if evidence.audit else ()
    return {
        file_stem(f"{item.name}.{'_'.join((*item.features, *item.group))}").replace(".", "_"): item.value
        for item in disparities
        if item.bound is not None and item.value is not None
    }


def put_file(path: Path, data: bytes) -> None:
    """Write a report. Raises ConfigurationError where it cannot be written."""
    with streamed(path) as stream:
        stream.write(data)


@contextmanager
def streamed(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its place at the end: a reader never sees half a report.

    Raises ConfigurationError where it cannot be written; then nothing is left of it.
    """
    scratch = path.with_name(f".{path.name}.new")
    try:
        try:
            with scratch.open("wb") as stream:
                yield stream
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the report {path} cannot be written: {error.strerror}") from error
