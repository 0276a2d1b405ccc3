"""My sign-in: what a person shows beside her password, set up and taken back by herself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.accounts_factors import Pending, last_uses, pend, take
from governance.api_tokens import ApiTokens
from governance.charter_factors import Passkey
from governance.desk import charter_of
from governance.errors import ConfigurationError, NotAuthorizedError, SignOffRefusedError
from governance.factors import (
    MAX_LABEL,
    begin_code,
    confirm_code,
    enrol_passkey,
    may_set_up,
    remove_code,
    revoke_passkey,
)
from governance.passkey import options_to_enrol, read_new
from governance.proving import Proof
from governance.second_factor import waiting_enrolment
from reports.codes import qr_svg
from reports.console.answers import html
from reports.console.credentials import act, authenticated, page_of, ways
from reports.console.resets import own_reset
from reports.console.session import OwnForm, Visitor, desk_of, outside_of
from reports.words import moment, printable

CODE, PASSKEY = "code-enrolled", "passkey-enrolled"
AGAIN = "the page was open for more than five minutes, or was sent before: begin again"

router = APIRouter()


@router.get("/me")
def me_page(request: Request, session: Visitor, done: str = "") -> Response:
    """What I can show that it is I, and what to do where that is too little."""
    desk = desk_of(request)
    charter, uses = charter_of(desk), last_uses(desk.accounts, session.person.id)
    app = charter.code_of(session.person.id)
    return html(
        "console_me.html",
        session,
        ways=ways(request, session),
        passkeys=[_row(item, uses, page_of(request).origin) for item in charter.passkeys_of(session.person.id)],
        keys=[item.public for item in charter.keys_of(session.person.id)],
        app=moment(app.time) if app else None,
        reset=session.person.id in charter.reset,
        password=desk.accounts.has_password(session.person.id),
        open_reset=own_reset(desk, session.person.id),
        reset_link=urlencode({"id": session.person.id}),
        tokens=sum(
            item.holds(desk.clock()) for item in ApiTokens(desk.accounts).all() if item.person == session.person.id
        ),
        done=_DONE.get(done, ""),
    )


_DONE = {
    "password": "Your password is changed. Every other session of yours has ended.",
    "passkey": "The passkey is enrolled. It is recorded in the ledger as yours.",
    "code": "The authenticator app is set up. From now on its code is asked at each signature.",
    "revoked": "The passkey is revoked. What it signed counts no more.",
    "removed": "The authenticator app is taken back.",
}


@router.get("/me/passkey")
def new_passkey_page(request: Request, session: Visitor) -> Response:
    """The form that begins a passkey."""
    return _form(request, session, "passkey")


@router.post("/me/passkey")
def begin_passkey(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Check who asks, and give the browser what it needs to make a passkey."""
    desk, person, label = desk_of(request), session.person, fields.get("label", "")
    try:
        who = authenticated(request, session, fields, act("enrol a passkey", person, label=label))
        may_set_up(desk, who.proof())
    except SignOffRefusedError as error:
        return _form(request, session, "passkey", str(error), typed=label)
    challenge = act("a new passkey", person, label=label, token=session.csrf)(desk.clock())
    waits = _wait(
        request, session, {"for": PASSKEY, "label": label, "how": who.authentication, "factor": who.factor}, challenge
    )
    held = charter_of(desk).passkeys_of(person.id)
    options = options_to_enrol(page_of(request), person, challenge, held)
    return html("console_me_passkey.html", session, waits=waits, options=json.dumps(options), label=printable(label))


@router.post("/me/passkey/made")
def made_passkey(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Verify what the authenticator made, and record it."""
    desk, page = desk_of(request), page_of(request)
    try:
        said, challenge = _taken(request, session, fields, PASSKEY)
        made = read_new(fields.get("answer", ""), challenge, page)
        enrol_passkey(desk, _proof(session, said), made, page, str(said["label"]))
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "passkey", str(error))
    return _finished(request, "passkey")


@router.get("/me/passkey/revoke")
def revoke_page(request: Request, session: Visitor, credential: str) -> Response:
    """The form that takes a passkey back."""
    return _form(request, session, "revoke", credential=credential)


@router.post("/me/passkey/revoke")
def revoke(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Take a passkey back."""
    credential = fields.get("credential", "")
    try:
        who = authenticated(request, session, fields, act("revoke a passkey", session.person, credential=credential))
        revoke_passkey(desk_of(request), who.proof(), credential)
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "revoke", str(error), credential=credential)
    return _finished(request, "revoked")


@router.get("/me/code")
def new_code_page(request: Request, session: Visitor) -> Response:
    """The form that begins an authenticator app."""
    return _form(request, session, "code")


@router.post("/me/code")
def begin_app(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Check who asks, and show the secret, once."""
    desk = desk_of(request)
    try:
        who = authenticated(request, session, fields, act("set up an authenticator app", session.person))
        begin_code(desk, who.proof())
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "code", str(error))
    return _secret(request, session, {"for": CODE, "how": who.authentication})


@router.post("/me/code/confirm")
def confirm_app(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Take the first code of the new app: from then on it counts."""
    try:
        said, _ = _taken(request, session, fields, CODE)
    except NotAuthorizedError as error:
        return _form(request, session, "code", str(error))
    try:
        confirm_code(desk_of(request), session.person, str(said["how"]), fields.get("code", ""))
    except NotAuthorizedError:
        return _secret(request, session, said, "this is not the code of now: wait for the next one and type it")
    except ConfigurationError as error:
        return _form(request, session, "code", str(error))
    return _finished(request, "code")


@router.get("/me/code/remove")
def remove_page(request: Request, session: Visitor) -> Response:
    """The form that takes the authenticator app back."""
    return _form(request, session, "remove")


@router.post("/me/code/remove")
def remove(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Take the authenticator app back."""
    try:
        who = authenticated(request, session, fields, act("remove the authenticator app", session.person))
        remove_code(desk_of(request), who.proof())
    except (SignOffRefusedError, ConfigurationError) as error:
        return _form(request, session, "remove", str(error))
    return _finished(request, "removed")


def _form(
    request: Request, session: Session, what: str, problem: str = "", *, credential: str = "", typed: str = ""
) -> Response:
    """The page that asks who it is before something of hers changes."""
    found = charter_of(desk_of(request)).passkey(credential) if credential else None
    if credential and (found is None or found.holder != session.person.id or found.revoked):
        raise ConfigurationError("this passkey is not one of yours")
    return html(
        "console_me_form.html",
        session,
        403 if problem else 200,
        what=what,
        problem=problem,
        credential=credential,
        label=printable(found.label) if found else "",
        typed=typed,
        max_label=MAX_LABEL,
        ways=ways(request, session),
    )


def _secret(request: Request, session: Session, said: Mapping[str, object], problem: str = "") -> Response:
    found = waiting_enrolment(desk_of(request).accounts, session.person)
    if found is None:
        return _form(request, session, "code", AGAIN)
    return html(
        "console_me_code.html",
        session,
        403 if problem else 200,
        waits=_wait(request, session, said, b""),
        qr=qr_svg(found.uri, "QR code of the new secret"),
        secret=" ".join(found.secret[start : start + 4] for start in range(0, len(found.secret), 4)),
        uri=found.uri,
        problem=problem,
    )


def _wait(request: Request, session: Session, said: Mapping[str, object], challenge: bytes) -> str:
    desk = desk_of(request)
    waits = Pending(session.person.id, json.dumps(said), challenge, desk.clock())
    return pend(desk.accounts, session.csrf, waits)


def _taken(
    request: Request, session: Session, fields: Mapping[str, str], wanted: str
) -> tuple[Mapping[str, object], bytes]:
    """What waits for the second half of a form. Raises NotAuthorizedError where nothing (of this kind) does."""
    desk = desk_of(request)
    waits = take(desk.accounts, session.csrf, fields.get("waits", ""), desk.clock())
    said = json.loads(waits.purpose) if waits is not None and waits.purpose.startswith("{") else {}
    if waits is None or waits.person != session.person.id or said.get("for") != wanted:
        raise NotAuthorizedError(AGAIN)
    return said, waits.challenge


def _proof(session: Session, said: Mapping[str, object]) -> Proof:
    """What was proved when the form began."""
    from governance.policy import Assurance

    return Proof(session.person, str(said["how"]), Assurance.PASSWORD, factor=said["factor"] is True)


def _finished(request: Request, done: str) -> Response:
    outside_of(request).recorded()
    return RedirectResponse(f"/me?done={done}", 303)


def _row(item: Passkey, uses: Mapping[str, object], origin: str) -> dict[str, object]:
    used = uses.get(item.credential)
    return {
        "label": printable(item.label),
        "credential": item.credential,
        "since": moment(item.time),
        "used": moment(used) if used else "not known",  # type: ignore[arg-type]
        "elsewhere": "" if item.origin == origin else printable(item.origin),
        "seq": item.seq,
    }
