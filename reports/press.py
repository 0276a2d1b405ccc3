"""Prints one page as PDF/A-3b (ISO 19005-3), in a process of its own: `python -m reports.press`, a job in, a PDF out.

The only module that imports WeasyPrint, which needs Pango from the system. Nothing is fetched: fonts are files of an
installed package, every other address is refused. The same job gives the same bytes with the same libraries.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import warnings
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

VARIANT = "pdf/a-3b"
ATTACHMENT = "record.json"
SCHEME = "fairgate:"
FONTS = (
    *("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSans-BoldOblique.ttf"),
    *("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"),
)
NO_PANGO = (
    "a PDF needs Pango, which this system has not; on Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0"
    " libharfbuzz-subset0. Every other format works without it: --format html prints from any browser"
)
LACKING = 3
"""The exit code where the system or an installed package is not enough; what is lacking stands on standard error."""

MEMORY = 4 * 2**30
CPU_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Job:
    """One document: its HTML, the record that it is printed from, what to call that, and the moment of both.

    `identifier` (32 hex digits) becomes the file's own, `at` its dates, in ISO 8601.
    """

    page: str
    record: str
    about: str
    at: str
    identifier: str

    def encoded(self) -> bytes:
        """The job as the process reads it."""
        return json.dumps(asdict(self)).encode()


class LackingError(Exception):
    """The system, or an installed package, has not what a PDF needs."""


def main() -> int:
    """Read the job from standard input, write the PDF to standard output. Other processes go first."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    job = Job(**json.load(sys.stdin.buffer))
    try:
        written = printed(engine(), job)
    except LackingError as error:
        sys.stderr.write(f"{error}\n")
        return LACKING
    sys.stdout.buffer.write(written)
    return 0


def printed(weasyprint: Any, job: Job) -> bytes:
    """The document as PDF/A-3b with the record attached as its source.

    A letter that no font has would show a box, which PDF/A forbids (ISO 19005-3, 6.2.11.8): it is written as \\uXXXX,
    as letters are that nobody could see.
    """
    lacking = set[int]()
    written = _printed(weasyprint, job, lacking)
    if not lacking:
        return written
    told = job.page.translate({letter: f"\\u{letter:04x}" for letter in lacking})
    return _printed(weasyprint, replace(job, page=told), lacking)


def _printed(weasyprint: Any, job: Job, lacking: set[int]) -> bytes:
    """The document as it stands; `lacking` gets the code points that no font has."""
    at = datetime.fromisoformat(job.at)
    record = weasyprint.Attachment(
        file_obj=io.BytesIO(job.record.encode()),
        name=ATTACHMENT,
        description=job.about,
        created=at,
        modified=at,
        relationship="Source",
    )
    document = weasyprint.HTML(string=job.page, base_url=SCHEME, url_fetcher=fetcher(), media_type="print")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the file of its colour profile open
        written: bytes = document.write_pdf(
            finisher=lambda made, pdf: _finished(made, pdf, lacking),
            attachments=[record],
            pdf_variant=VARIANT,
            pdf_tags=True,
            pdf_identifier=bytes.fromhex(job.identifier),
        )
    return written


def _finished(document: Any, pdf: Any, lacking: set[int]) -> None:
    """Notes which letters had no font, and names an attachment once: WeasyPrint names it twice."""
    lacking.update(letter for font in document.fonts.values() for letter in font.missing)
    files = pdf.catalog["AF"]
    kept = list(dict.fromkeys(files))
    del files[:]
    files.extend(kept)


def engine() -> Any:
    """WeasyPrint. Raises LackingError where the system's libraries are not there."""
    try:
        import weasyprint
    except OSError as error:  # it opens them when it is imported
        raise LackingError(NO_PANGO) from error
    return weasyprint


def fetcher() -> Any:
    """Gives WeasyPrint the fonts of `FONTS`; raises ValueError for every other address."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class OwnFiles(URLFetcher):  # type: ignore[misc, unused-ignore]
        """Gives the fonts that are named here, and nothing else from anywhere."""

        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002
            name = url.removeprefix(SCHEME)
            if not url.startswith(SCHEME) or name not in FONTS:
                raise ValueError(f"a report fetches nothing: {url[:200]!r}")
            return URLFetcherResponse(url, (font_folder() / name).read_bytes(), {"content-type": "font/ttf"})

    return OwnFiles()


@cache
def font_folder() -> Path:
    """Where the fonts are: matplotlib ships DejaVu, and is found without being imported.

    Raises LackingError where it is not installed as files.
    """
    spec = find_spec("matplotlib")
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" if spec and spec.origin else Path()
    if not all((folder / name).is_file() for name in FONTS):
        raise LackingError(f"the fonts of a PDF are not installed: {FONTS[0]} is missing; install matplotlib")
    return folder


if __name__ == "__main__":
    sys.exit(main())
