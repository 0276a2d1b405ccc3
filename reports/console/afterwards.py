"""What a person may do after an approval: withdraw it, or record that a condition of it is met. A page for each."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.case import Case, open_case
from governance.errors import ConfigurationError, SignOffRefusedError
from governance.fulfilling import Fulfilment, fulfil, may_fulfil
from governance.signoff import withdraw, withdrawable
from reports.console.answers import html
from reports.console.case_form import case_in, frame, reason_in, status_of
from reports.console.credentials import act, authenticated
from reports.console.masking import case_for
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.glass import glass_rows
from reports.signed import condition_rows, sign_off_row
from reports.view import GlassRow, SignOffRow
from reports.words import printable

router = APIRouter()


@router.get("/case/withdraw")
def withdraw_page(request: Request, session: Visitor, name: str, version: str, alias: str) -> Response:
    """The approvals of a case that this person may withdraw."""
    return _show_withdraw(request, session, open_case(desk_of(request), name, version, alias), {})


@router.post("/withdraw")
def withdraw_them(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Withdraw the approvals that were ticked."""
    desk, case = desk_of(request), case_in(request, fields)
    chosen = tuple(seq for seq in withdrawable(desk, case, session.person) if fields.get(f"take_{seq}"))
    try:
        said = {"entries": ", ".join(map(str, chosen)), "reason": reason_in(fields)}
        who = authenticated(request, session, fields, act("withdraw", session.person, **said))
        entries = withdraw(desk, case, who.proof(), reason_in(fields), chosen)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _show_withdraw(request, session, case, fields, str(error), status_of(error))
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entries[-1].seq}?signed=1", 303)


@router.get("/case/condition")
def condition_page(
    request: Request, session: Visitor, name: str, version: str, alias: str, sign_off: int, number: int
) -> Response:
    """One condition of an approval, and the form that records it as met."""
    case = open_case(desk_of(request), name, version, alias)
    return _show_condition(request, session, case, {"sign_off": f"{sign_off}", "number": f"{number}"})


@router.post("/condition")
def condition_met(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Record that a condition is met."""
    desk, case = desk_of(request), case_in(request, fields)
    seq, number = _number(fields, "sign_off"), _number(fields, "number")
    try:
        said = {"sign_off": f"{seq}", "number": f"{number}", "reason": reason_in(fields)}
        who = authenticated(request, session, fields, act("condition met", session.person, **said))
        met = Fulfilment(seq, number, reason_in(fields), who.authentication, who.assurance)
        entry = fulfil(desk, case, who.person, met)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _show_condition(request, session, case, fields, str(error), status_of(error))
    outside_of(request).recorded()
    return RedirectResponse(f"/entry/{entry.seq}?signed=1", 303)


def _show_withdraw(
    request: Request,
    session: Session,
    case: Case,
    typed: Mapping[str, str],
    problem: str | None = None,
    status: int = 200,
) -> Response:
    desk = desk_of(request)
    mine = withdrawable(desk, case, session.person)
    readable = case_for(desk, session, case)
    found = [item for item in readable.dossier.sign_offs if item.seq in mine]
    own = {item.seq for item in found if session.person.id in (item.approver.id, item.on_behalf_of)}
    own |= {item.seq for item in readable.dossier.broken_glass if session.person.id == item.person.id}
    glass = [row for row in glass_rows(readable, desk.policy) if row.seq in mine]
    rows: tuple[SignOffRow | GlassRow, ...] = (*(sign_off_row(item, readable, desk.policy) for item in found), *glass)
    chosen = {row.seq for row in rows if (f"take_{row.seq}" in typed if typed else row.seq in own)}
    values = {
        "rows": rows,
        "chosen": chosen,
        "glass": {row.seq for row in glass},
        "live": case.released(),
        **frame(request, session, case, typed, problem),
    }
    return html("console_withdraw.html", session, status, **values)


def _show_condition(
    request: Request,
    session: Session,
    case: Case,
    typed: Mapping[str, str],
    problem: str | None = None,
    status: int = 200,
) -> Response:
    desk, seq, number = desk_of(request), _number(typed, "sign_off"), _number(typed, "number")
    seen = case_for(desk, session, case)
    item = next((x for x in seen.dossier.sign_offs if x.seq == seq and x.target == case.target), None)
    if item is None or not 1 <= number <= len(item.conditions):
        raise ConfigurationError(f"there is no condition {number} of a sign-off in ledger entry {seq} of this case")
    values = {
        "row": sign_off_row(item, seen, desk.policy),
        "condition": condition_rows(item, seen)[number - 1],
        "may": may_fulfil(case, item, number, session.person),
        **frame(request, session, case, typed, problem),
    }
    return html("console_condition.html", session, status, **values)


def _number(fields: Mapping[str, str], name: str) -> int:
    """A whole number of the form or address. Raises ConfigurationError."""
    text = fields.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ConfigurationError(f"{name} is {printable(text, 40)!r}, which is no number")
    return int(text)
