"""Every report of a case as a file: each format of `fairgate report`, masked as its pages are, and the page of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from threading import BoundedSemaphore
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from governance.accounts import Session
from governance.case import Case, open_case
from governance.errors import ConfigurationError, ServiceError
from reports.bundle import LedgerSource, write_bundle
from reports.console.answers import html
from reports.console.desktop import link_of
from reports.console.masking import evidence_for, for_publication, reads_all
from reports.console.session import Visitor, desk_of, outside_of
from reports.evidence import CaseEvidence
from reports.file_names import report_name
from reports.formats import Format, lacking, write
from reports.report import Asked, report_of
from reports.words import printable

BUNDLE = "bundle"
RULE = (Format.LL144_HTML, Format.LL144_CSV)
GROUPS = (
    ("report", "The report itself", (Format.PDF, Format.HTML, Format.MARKDOWN, Format.JSON)),
    ("laws", "For laws", (Format.ANNEX_IV, Format.ART_27)),
    ("exchange", "For who uses the model, and for machines", (Format.MODEL_CARD, Format.CYCLONEDX, Format.OSCAL)),
)
MAX_EXPLANATION = 2_000
_IN_MEMORY, _CHUNK = 8 * 1024 * 1024, 256 * 1024
_BUNDLES = BoundedSemaphore(1)
"""Bundles that are gathered at once: each writes every format and reads the whole ledger."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class FormatRow:
    """A format on the page. `lacking` and `lacking_published` say why it cannot be had, empty where it can."""

    form: str
    about: str
    readers: str
    ending: str
    lacking: str
    lacking_published: str


@dataclass(frozen=True, slots=True)
class FormatGroup:
    """Formats for one kind of reader."""

    key: str
    title: str
    rows: tuple[FormatRow, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a download is asked for: the query of its address, as it came."""

    form: str = "html"
    published: bool = False
    distribution_date: str = ""
    explanation: str = ""

    def asked(self) -> Asked:
        """What the person adds to the report. Raises ConfigurationError where the day is none."""
        return Asked(_day(self.distribution_date), self.explanation.replace("\r\n", "\n")[:MAX_EXPLANATION])


@router.get("/case/reports")
def reports_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """Every format that this case can be had in: what it is, for whom, and why one is not to be had."""
    desk = desk_of(request)
    case = open_case(desk, name, version, alias)
    mine, anybody = evidence_for(desk, session, case), for_publication(desk, session, case)
    return html(
        "console_reports.html",
        session,
        model=printable(case.subject.name),
        version=printable(case.subject.version),
        target=printable(case.target),
        case=case,
        link=link_of(case),
        report=link_of(case, "/case/report"),
        masked=mine.published,
        publication=anybody.published,
        groups=tuple(FormatGroup(key, title, _rows(forms, mine, anybody)) for key, title, forms in GROUPS),
        rule=_rows(RULE, mine, anybody),
        whole=_ledger_too(request, session),
        max_explanation=MAX_EXPLANATION,
    )


@router.get("/case/report")
def report_file(
    request: Request, session: Visitor, name: str, version: str, alias: str, wanted: Annotated[Wanted, Depends()]
) -> Response:
    """One report as a file. A file, not a page: its style is inline, which pages here do not allow."""
    form, published = wanted.form, wanted.published
    if form not in {*Format, BUNDLE}:
        raise ConfigurationError(f"a report is written as one of: {', '.join((*Format, BUNDLE))}")
    desk, asked = desk_of(request), wanted.asked()
    case = open_case(desk, name, version, alias)
    if form == BUNDLE:
        return _bundle(request, session, case, asked, published=published or not _ledger_too(request, session))
    evidence, kind = (for_publication if published else evidence_for)(desk, session, case), Format(form)
    why = lacking(evidence, kind)
    if why:
        raise ConfigurationError(f"{kind.about}: {why}")
    return Response(
        write(report_of(evidence, asked), kind),
        media_type=kind.media_type,
        headers=_attached(case, kind.suffix, published=published),
    )


def _rows(forms: tuple[Format, ...], mine: CaseEvidence, anybody: CaseEvidence) -> tuple[FormatRow, ...]:
    return tuple(
        FormatRow(
            form.value,
            form.about[:1].upper() + form.about[1:],
            form.readers,
            f".{form.suffix}",
            lacking(mine, form),
            lacking(anybody, form),
        )
        for form in forms
    )


def _ledger_too(request: Request, session: Session) -> bool:
    """Whether a bundle for this person holds the ledger: its entries are of every case, and repeat every count."""
    return outside_of(request).export is not None and reads_all(desk_of(request), session)


def _bundle(request: Request, session: Session, case: Case, asked: Asked, *, published: bool) -> Response:
    """Every format that applies and the proofs as one ZIP, gathered in a file of its own and sent from there."""
    if not _BUNDLES.acquire(blocking=False):
        raise ServiceError("another bundle is being gathered already")
    try:
        gathered = _gathered(request, session, case, asked, published=published)
    finally:
        _BUNDLES.release()
    headers = _attached(case, "bundle.zip", published=published)
    return StreamingResponse(_sent(gathered), media_type="application/zip", headers=headers)


def _gathered(request: Request, session: Session, case: Case, asked: Asked, *, published: bool) -> BinaryIO:
    desk = desk_of(request)
    evidence = (for_publication if published else evidence_for)(desk, session, case)
    source = LedgerSource(
        entries=tuple(desk.ledger.entries(digest=case.subject.digest)),
        receipt=desk.ledger.receipt,
        export=outside_of(request).export or _no_export,
        evidence=desk.evidence,
    )
    stream = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 # closed when it is sent
    try:
        write_bundle(stream, report_of(evidence, asked), source, tuple(Format))  # type: ignore[arg-type] # it is binary
    except BaseException:
        stream.close()
        raise
    stream.seek(0)
    return stream  # type: ignore[return-value]


def _sent(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _no_export(_path: object) -> object:
    raise ServiceError("this console cannot export the ledger")


def _attached(case: Case, ending: str, *, published: bool) -> dict[str, str]:
    """The header that makes it a file, under the name that `fairgate report` gives it."""
    name = report_name(case, "-published" if published else "", ending)
    return {"content-disposition": f'attachment; filename="{name}"'}


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"the distribution date is {text!r}; write a day such as 2026-11-01") from error
