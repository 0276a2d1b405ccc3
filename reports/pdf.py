"""The PDF for the archive: PDF/A-3b (ISO 19005-3) from the same template as the HTML, with the record's JSON attached.

The only module that imports WeasyPrint, which needs Pango from the system. Nothing is fetched: fonts are files of an
installed package, every other address is refused. The same record gives the same bytes with the same libraries: dates
and the file's identifier are taken from the record.
"""

from __future__ import annotations

import io
import warnings
from datetime import UTC
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from markupsafe import Markup

from governance.errors import ConfigurationError
from reports.html import css, report_values
from reports.record_json import release_json
from reports.report import Report
from reports.signature_block import signature_block
from reports.templating import page

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
_SCREEN_FONT, _PAPER_FONT = 'font-family="system-ui, sans-serif"', 'font-family="Fairgate Sans"'
_TURN = Lock()
"""Pango's font maps are not made for several threads at once, and a report takes a whole core anyway."""


def release_pdf(report: Report) -> bytes:
    """The report as PDF/A-3b. Raises ConfigurationError where the system or an installed package is not enough."""
    engine = _engine()
    values = report_values(report.view, report.about)
    values |= {
        "charts": {key: _on_paper(svg) for key, svg in values["charts"].items()},
        "block": signature_block(report.view),
        "created": report.view.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "css": Markup("\n").join(css(name) for name in ("report.css", "paper.css", "pdf.css")),
    }
    with _TURN:
        return _printed(engine, page("report_pdf.html", values), report)


def _on_paper(svg: Markup) -> Markup:
    """The chart with the font that is embedded; str, because Markup would escape what takes the place."""
    return Markup(str(svg).replace(_SCREEN_FONT, _PAPER_FONT))  # noqa: S704


def _printed(engine: Any, text: str, report: Report) -> bytes:
    at = report.view.at.astimezone(UTC)
    record = engine.Attachment(
        file_obj=io.BytesIO(release_json(report.view)),
        name=ATTACHMENT,
        description=f"The record that this report is printed from, {report.about.record_digest}",
        created=at,
        modified=at,
        relationship="Source",
    )
    document = engine.HTML(string=text, base_url=SCHEME, url_fetcher=_fetcher(), media_type="print")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the file of its colour profile open
        written: bytes = document.write_pdf(
            finisher=_once,
            attachments=[record],
            pdf_variant=VARIANT,
            pdf_tags=True,
            pdf_identifier=bytes.fromhex(report.about.record_digest.partition(":")[2])[:16],
        )
    return written


def _once(_document: Any, pdf: Any) -> None:
    """WeasyPrint names an attachment twice among the associated files."""
    files = pdf.catalog["AF"]
    kept = list(dict.fromkeys(files))
    del files[:]
    files.extend(kept)


@cache
def _engine() -> Any:
    try:
        import weasyprint
    except OSError as error:  # it opens the system's libraries when it is imported
        raise ConfigurationError(NO_PANGO) from error
    return weasyprint


@cache
def _fetcher() -> Any:
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

    Raises ConfigurationError where it is not installed as files.
    """
    spec = find_spec("matplotlib")
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" if spec and spec.origin else Path()
    if not all((folder / name).is_file() for name in FONTS):
        raise ConfigurationError(f"the fonts of a PDF are not installed: {FONTS[0]} is missing; install matplotlib")
    return folder
