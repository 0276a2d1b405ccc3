"""The formats of a report behind one interface: evidence in, bytes out. One file each; this one only names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from governance.errors import ConfigurationError
from reports.evidence import CaseEvidence
from reports.report import Asked, Report, report_of
from reports.view import ReleaseView


class Format(StrEnum):
    """What the report of a release decision can be written as. The JSON is the record; the others print it."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"
    PDF = "pdf"
    LL144_HTML = "ll144-html"
    LL144_CSV = "ll144-csv"
    ANNEX_IV = "annex-iv"
    ART_27 = "art-27"
    MODEL_CARD = "model-card"
    CYCLONEDX = "cyclonedx"
    OSCAL = "oscal"

    @property
    def suffix(self) -> str:
        """What a file of this format ends with, without the leading dot: `html`, `ll144.csv`."""
        return _KINDS[self].suffix

    @property
    def media_type(self) -> str:
        """The media type, with its charset."""
        return _KINDS[self].media_type

    @property
    def about(self) -> str:
        """What it is, in a few words."""
        return _KINDS[self].about

    @property
    def readers(self) -> str:
        """Who reads it, in a few words."""
        return _KINDS[self].readers


@dataclass(frozen=True, slots=True)
class _Kind:
    suffix: str
    media_type: str
    about: str
    readers: str


_HTML, _TEXT, _JSON = "text/html; charset=utf-8", "text/markdown; charset=utf-8", "application/json; charset=utf-8"
_KINDS = {
    Format.HTML: _Kind("html", _HTML, "the report as one page, for a browser", "whoever decides or reviews"),
    Format.MARKDOWN: _Kind("md", _TEXT, "the report as text", "a ticket, a wiki or an e-mail"),
    Format.JSON: _Kind(
        "json", _JSON, "the record, canonical: its SHA-256 is the record's digest", "programs, and who checks digests"
    ),
    Format.PDF: _Kind(
        "pdf",
        "application/pdf",
        "the report for the archive: PDF/A-3b with the record attached",
        "auditors, the archive",
    ),
    Format.LL144_HTML: _Kind(
        "ll144.html", _HTML, "NYC Local Law 144: summary for publication", "the employer's web site"
    ),
    Format.LL144_CSV: _Kind(
        "ll144.csv", "text/csv; charset=utf-8", "NYC Local Law 144: the summary as a table", "who checks its tables"
    ),
    Format.ANNEX_IV: _Kind(
        "annex-iv.html", _HTML, "EU AI Act, Annex IV: what the record knows, and blanks", "the provider's documentation"
    ),
    Format.ART_27: _Kind(
        "art-27.html", _HTML, "EU AI Act, Art 27: what the record knows, and blanks", "the deployer's assessment"
    ),
    Format.CYCLONEDX: _Kind(
        "cdx.json", "application/vnd.cyclonedx+json; version=1.7", "CycloneDX 1.7", "tools that keep inventories"
    ),
    Format.OSCAL: _Kind("oscal.json", _JSON, "OSCAL assessment results", "tools of governance and audit"),
    Format.MODEL_CARD: _Kind(
        "model-card.md", _TEXT, "model card: README for a Hugging Face repository", "who uses the model"
    ),
}

QUICK = (Format.HTML, Format.MARKDOWN, Format.JSON)
"""What every decision is written as."""


def render(source: CaseEvidence | ReleaseView, form: Format, asked: Asked | None = None) -> bytes:
    """The report in one format; text is UTF-8. A view is enough for `QUICK`, which print it and nothing else.

    Raises ConfigurationError where the evidence has not what the format needs, or the system has not.
    """
    if isinstance(source, CaseEvidence):
        return write(report_of(source, asked), form)
    if form is Format.HTML:
        return _html(source)
    if form is Format.MARKDOWN:
        return _markdown(source)
    if form is Format.JSON:
        return _json(source)
    raise ConfigurationError(f"the format {form} is written from the whole evidence, and only a view of it was given")


def write(report: Report, form: Format) -> bytes:
    """The same where several formats are written of one report."""
    if form in QUICK:
        return render(report.view, form)
    return _WRITERS[form](report)


def lacking(evidence: CaseEvidence, form: Format) -> str:
    """What of this evidence the format needs and does not find, in a sentence; empty where it can be written.

    Only a rule's own summary needs its tables.
    """
    if form not in (Format.LL144_HTML, Format.LL144_CSV):
        return ""
    from reports.ll144 import tables_lacking

    return tables_lacking(evidence)


def applies(report: Report, form: Format) -> bool:
    """Does the evidence hold what the format needs?"""
    return not lacking(report.evidence, form)


# Imported where they are used: reading a page loads no engine of another format.


def _html(view: ReleaseView) -> bytes:
    from reports.html import release_html

    return release_html(view).encode()


def _markdown(view: ReleaseView) -> bytes:
    from reports.markdown import release_markdown

    return release_markdown(view).encode()


def _json(view: ReleaseView) -> bytes:
    from reports.record_json import release_json

    return release_json(view)


def _pdf(report: Report) -> bytes:
    from reports.pdf import release_pdf

    return release_pdf(report)


def _ll144_html(report: Report) -> bytes:
    from reports.html import paper_html
    from reports.ll144 import ll144_paper

    return paper_html(ll144_paper(report), report.about).encode()


def _ll144_csv(report: Report) -> bytes:
    from reports.ll144 import ll144_csv

    return ll144_csv(report)


def _annex_iv(report: Report) -> bytes:
    from reports.annex_iv import annex_iv_paper
    from reports.html import paper_html

    return paper_html(annex_iv_paper(report), report.about).encode()


def _art_27(report: Report) -> bytes:
    from reports.art_27 import art_27_paper
    from reports.html import paper_html

    return paper_html(art_27_paper(report), report.about).encode()


def _model_card(report: Report) -> bytes:
    from reports.hugging_face import card_readme

    return card_readme(report.view, report.about).encode()


def _cyclonedx(report: Report) -> bytes:
    from reports.cyclonedx import release_cyclonedx

    return release_cyclonedx(report.evidence)


def _oscal(report: Report) -> bytes:
    from reports.oscal import release_oscal

    return release_oscal(report.evidence)


_WRITERS: dict[Format, Callable[[Report], bytes]] = {
    Format.PDF: _pdf,
    Format.LL144_HTML: _ll144_html,
    Format.LL144_CSV: _ll144_csv,
    Format.ANNEX_IV: _annex_iv,
    Format.ART_27: _art_27,
    Format.MODEL_CARD: _model_card,
    Format.CYCLONEDX: _cyclonedx,
    Format.OSCAL: _oscal,
}
