"""The PDF for the archive: the same sections as the HTML, the short ones first, the long tables as annexes.

It is printed by a process of its own (`reports.press`), which takes a core for seconds: pages of the console go on. A
report holds its moment, so that no two requests are of one record, and a PDF is not kept: the same record gives the
same bytes whenever it is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC
from threading import BoundedSemaphore

from markupsafe import Markup

from governance.errors import ConfigurationError, ServiceError
from reports.html import css, report_values
from reports.press import LACKING, Job
from reports.record_json import release_json
from reports.report import Report
from reports.signature_block import signature_block
from reports.templating import page

SECONDS = 300
"""So long a report may take to print: ten times what the longest took that was measured."""
_PRESSES = BoundedSemaphore(2)
"""Reports that are printed at once: each takes a core and some hundred MiB."""
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_CACHE_HOME")
"""What of the environment the process gets: where libraries and fonts are, and no secret."""
_SCREEN_FONT, _PAPER_FONT = 'font-family="system-ui, sans-serif"', 'font-family="Fairgate Sans"'


def release_pdf(report: Report, *, seconds: float = SECONDS) -> bytes:
    """The report as PDF/A-3b.

    Raises ConfigurationError where the system or an installed package is not enough, ServiceError where two are being
    printed already or it took too long.
    """
    if not _PRESSES.acquire(blocking=False):
        raise ServiceError("two reports are being printed as PDF already")
    try:
        return _printed(job_of(report), seconds)
    finally:
        _PRESSES.release()


def job_of(report: Report) -> Job:
    """What the press needs to print the report."""
    values = report_values(report.view, report.about)
    at = report.view.at.astimezone(UTC)
    values |= {
        "charts": {key: _on_paper(svg) for key, svg in values["charts"].items()},
        "block": signature_block(report.view),
        "created": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "css": Markup("\n").join(css(name) for name in ("report.css", "paper.css", "pdf.css")),
    }
    digest = report.about.record_digest
    return Job(
        page=page("report_pdf.html", values),
        record=release_json(report.view).decode(),
        about=f"The record that this report is printed from, {digest}",
        at=at.isoformat(),
        identifier=digest.partition(":")[2][:32],
    )


def _on_paper(svg: Markup) -> Markup:
    """The chart with the font that is embedded; str, because Markup would escape what takes the place."""
    return Markup(str(svg).replace(_SCREEN_FONT, _PAPER_FONT))  # noqa: S704


def _printed(job: Job, seconds: float) -> bytes:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        done = subprocess.run(
            _command(), input=job.encoded(), capture_output=True, env=environment, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ServiceError(f"printing the report took longer than {seconds:.0f} seconds and was stopped") from error
    except OSError as error:
        raise ServiceError(f"no process can be started to print the report: {error.strerror}") from error
    if done.returncode == LACKING:
        raise ConfigurationError(done.stderr.decode(errors="replace").strip())
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ServiceError(f"printing the report broke off (code {done.returncode}): {said[:300]}")
    return done.stdout


def _command() -> Sequence[str]:
    return [sys.executable, "-I", "-B", "-m", "reports.press"]
