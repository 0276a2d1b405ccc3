"""My password: a new one of her own choice, and what she must know where others have let her in again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import MAX_SECRET, MIN_SECRET, Session
from governance.accounts_resets import note_told
from governance.desk import charter_of
from governance.errors import ConfigurationError, SignOffRefusedError
from governance.passwords import change_password, check_new, has_password
from governance.resetting import untold
from reports.console.answers import html
from reports.console.credentials import SIGNED_IN, act, authenticated, ways
from reports.console.door import know_browser
from reports.console.entrance import TOLD, enter
from reports.console.resets import reset_said
from reports.console.session import OwnForm, Visitor, desk_of, local_path, outside_of
from reports.words import printable

router = APIRouter()


@router.get("/me/password")
def password_page(request: Request, session: Visitor) -> Response:
    """The form with which she changes her password; without one, where hers is."""
    return _form(request, session)


@router.post("/me/password")
def change(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Change her password: her other sessions end, this browser gets a new one."""
    desk, old, new = desk_of(request), fields.get("old_password", ""), fields.get("new_password", "")
    # A proof of single sign-on would be kept with the whole form, passwords and all: it is not taken here.
    proving = {name: value for name, value in fields.items() if name != "proof"} | {"password": old}
    try:
        has_password(desk, session.person)
        check_new(old, new, fields.get("again", ""))
        who = authenticated(request, session, proving, act("change the password", session.person))
        change_password(desk, who.proof(), old, new, SIGNED_IN)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, str(error))
    outside_of(request).recorded()
    answer = enter(request, session.person, "/me?done=password")
    know_browser(answer, request, desk.accounts.browser_token(session.person.id))
    return answer


@router.get(TOLD)
def told_page(request: Request, session: Visitor, wanted: str = "/") -> Response:
    """That her password was reset, when, and by whom: the first page that she sees after it."""
    desk = desk_of(request)
    found = untold(desk, session.person.id)
    if found is None:
        return RedirectResponse(local_path(wanted), 303)
    return html("console_me_told.html", session, wanted=local_path(wanted), reset=reset_said(charter_of(desk), found))


@router.post(TOLD)
def told(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """She has read it."""
    desk = desk_of(request)
    found = untold(desk, session.person.id)
    if found is not None and str(found.seq) == fields.get("begun", ""):
        note_told(desk.accounts, session.person.id, found.seq)
    return RedirectResponse(local_path(fields.get("wanted", "/")), 303)


def _form(request: Request, session: Session, problem: str = "") -> Response:
    desk = desk_of(request)
    return html(
        "console_me_password.html",
        session,
        403 if problem else 200,
        problem=printable(problem, None),
        mine=desk.accounts.has_password(session.person.id),
        issuer=printable(session.person.issuer, 300),
        ways=ways(request, session),
        shortest=MIN_SECRET,
        longest=MAX_SECRET,
    )
