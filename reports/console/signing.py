"""The sign page: what is signed and what that means, and the form that records it through `governance.signoff`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.case import Case, open_case
from governance.condition import MAX_CONDITIONS, MAX_TEXT, Condition
from governance.decide import DecisionOutcome
from governance.errors import ConfigurationError, SignOffRefusedError, StaleEvidenceError
from governance.record import Shown
from governance.signoff import APPROVE, REFUSE, Wish, will_of
from governance.signoff import sign as record_signature
from reports.console.answers import html
from reports.console.case_form import case_in, frame, reason_in, shown_in, status_of
from reports.console.credentials import authenticated
from reports.console.desktop import glass_words, link_of
from reports.console.masking import case_for
from reports.console.moved import moved_rows, verdicts_moved
from reports.console.offers import signing
from reports.console.reading import reading_of
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.console.sheet import SHOWN, TermRow, sheet, term_rows
from reports.summary import headline
from reports.words import printable

ON_CONDITIONS = "conditions"
"""The decision of the form that approves with conditions; what is recorded is an approval that has some."""

NOT_KEPT = frozenset({"csrf", "password", "code", "passkey", "passkey_answer", "more", *SHOWN})
"""Fields that a form which is shown again must not repeat: secrets, and what is made anew with each page."""

router = APIRouter()


@router.get("/case/sign")
def sign_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """The sign page of a case as it stands now."""
    return show_sheet(request, session, open_case(desk_of(request), name, version, alias), {})


@router.post("/case/sign")
def filled_page(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """The page with what was typed so far: with more rows for conditions, or for evidence that has moved."""
    return show_sheet(request, session, case_in(request, fields), fields)


@router.post("/sign")
def sign(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Sign what was shown: the person proved again, everything computed again, moved evidence refused."""
    desk, case = desk_of(request), case_in(request, fields)
    shown = shown_in(fields)
    try:
        said, read = _words(fields), reading_of(request, session, case)
        wish = Wish(*said, shown, "", conditions=_terms(fields), reading=read, behalf=fields.get(f"behalf_{said[0]}"))
        who = authenticated(request, session, fields, lambda asked: will_of(desk, case, session.person, wish, asked))
        entry = record_signature(desk, case, who.person, who.prove(wish))
    except StaleEvidenceError as error:
        return _moved(request, session, fields, shown, str(error))
    except (SignOffRefusedError, ConfigurationError) as error:
        return show_sheet(request, session, case, fields, str(error), status_of(error))
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def show_sheet(
    request: Request,
    session: Session,
    case: Case,
    typed: Mapping[str, str],
    problem: str | None = None,
    status: int = 200,
) -> Response:
    """The sign page; `problem` says why what was `typed` was not recorded."""
    desk = desk_of(request)
    seen, rows = case_for(desk, session, case), term_rows(typed)
    return html(
        "console_sign.html",
        session,
        status,
        model=printable(case.subject.name),
        version=printable(case.subject.version),
        target=printable(case.target),
        headline=headline(seen),
        sheet=sheet(desk, seen, session.person, reading_of(request, session, case)),
        offer=signing(desk, case, session.person),
        glass=glass_words(desk, seen),
        live=case.released(),
        emergency=link_of(case, "/case/emergency") if case.decision.outcome is DecisionOutcome.HELD else None,
        typed={name: typed.get(name, "") for name in ("function", "decision", "reason")},
        rows=rows,
        unfolded=any(_filled(row) for row in rows) or "more" in typed or typed.get("decision") == ON_CONDITIONS,
        most=MAX_CONDITIONS,
        max_text=MAX_TEXT,
        **frame(request, session, case, typed, problem),
    )


def _moved(request: Request, session: Session, fields: Mapping[str, str], shown: Shown, message: str) -> Response:
    """What moved, side by side, and what was typed: kept for the evidence as it is now."""
    now = case_in(request, fields)
    kept = {name: value for name, value in fields.items() if name not in NOT_KEPT}
    rows, verdicts = moved_rows(now, shown), verdicts_moved(desk_of(request), now, shown)
    reason = printable(_words(fields)[2], None, lines=True)
    values = {
        "link": link_of(now),
        "rows": rows,
        "verdicts": verdicts,
        "message": message,
        "kept": kept,
        "reason": reason,
    }
    return html("console_moved.html", session, 409, **values)


def _words(fields: Mapping[str, str]) -> tuple[str, str, str]:
    """Function, decision and reason."""
    decision = fields.get("decision", "")
    return fields.get("function", ""), APPROVE if decision == ON_CONDITIONS else decision, reason_in(fields)


def _terms(fields: Mapping[str, str]) -> tuple[Condition, ...]:
    """The conditions of the form. Raises ConfigurationError where they do not fit the decision, or are not whole."""
    found, decision = tuple(row for row in term_rows(fields) if _filled(row)), fields.get("decision", "")
    if decision == ON_CONDITIONS and not found:
        raise ConfigurationError("you approve on conditions, and named none: fill in at least one, or approve without")
    if found and decision == APPROVE:
        raise ConfigurationError(
            "you named conditions, and approve without: choose to approve on conditions, or empty them"
        )
    if found and decision == REFUSE:
        raise ConfigurationError("a refusal is final and carries no conditions: write them into its reason")
    return tuple(_condition(row) for row in found)


def _condition(row: TermRow) -> Condition:
    missing = [
        word for word, value in (("text", row.text), ("owner", row.owner), ("day", row.due)) if not value.strip()
    ]
    if missing:
        raise ConfigurationError(
            f"condition {row.number} has no {' and no '.join(missing)}: fill it in or empty its row"
        )
    try:
        return Condition(row.text.replace("\r\n", "\n"), row.owner, date.fromisoformat(row.due.strip()))
    except ValueError as error:
        raise ConfigurationError(
            f"condition {row.number} is due {row.due.strip()!r}, which is no day: write one such as 2026-12-31"
        ) from error


def _filled(row: TermRow) -> bool:
    return any(value.strip() for value in (row.text, row.owner, row.due))
