"""Single sign-on: coming in by it, and proving with it, at each act, that it is still she.

What is asked of the provider waits in the accounts' database for ten minutes and is taken once, so that no answer
counts twice. It is tied to the browser that asked, and a proof to everything that the form says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from governance.accounts import Session
from governance.digests import digest_value
from governance.errors import ConfigurationError, NotAuthorizedError, ServiceError
from governance.identities import ACTS, LOGINS, Identities
from governance.linking import person_signed_on
from governance.methods import several_factors
from governance.people import Person
from governance.policy import Assurance
from reports.console.answers import html
from reports.console.entrance import enter, login_form, login_token, remember
from reports.console.openid import LEEWAY, Asked, Provider, SignedOn, new_secret, question, signed_on, where_to_ask
from reports.console.session import (
    OwnForm,
    Visitor,
    cookies_of,
    desk_of,
    local_path,
    origin_of,
    provider_of,
    same,
    visitor,
)
from reports.words import one_line, printable

CALLBACK = "/single-sign-on/callback"
WAIT = timedelta(minutes=10)
PROOF = timedelta(minutes=5)
_TURNS = BoundedSemaphore(8)
"""Logins that ask the provider at once. Each may hold a thread for twenty seconds, and strangers may begin any number:
the other threads stay for people who are signed in."""

# What a form carries beside what is willed: its session's token, and ways to prove who sends it.
_NOT_WILLED = ("csrf", "password", "code", "proof", "act", "passkey", "passkey_answer")
_SAID = {
    "name": "Model",
    "version": "Version",
    "alias": "Alias",
    "decision": "Decision",
    "function": "As",
    "to": "To",
    "id": "Person",
    "last_day": "Last day",
    "delegation": "Delegation (entry)",
    "label": "Name",
    "begun": "Begun by (entry)",
    "forget": "Also forget her authenticator app and passkeys",
    "reason": "Reason",
}

router = APIRouter()


@router.get("/single-sign-on/login")
def begin(request: Request, wanted: str = "/") -> Response:
    """Send the browser to the provider, to come back as somebody."""
    provider, token = _provider(request), login_token(request)
    try:
        with _turn(provider):
            address = _ask(request, provider, {"kind": "login", "wanted": local_path(wanted), "browser": _hash(token)})
    except ServiceError as error:
        return login_form(request, wanted, f"{error}. Try again in a moment, or use your password", 503)
    answer = RedirectResponse(address, 303)
    remember(answer, request, cookies_of(request).login, token)
    return answer


@router.post("/single-sign-on/prove")
def prove(request: Request, session: Visitor, fields: OwnForm) -> Response:
    """Keep what she wills, and lead her to the provider; the form is sent with the proof that she brings back."""
    willed = _willed(fields)
    body = {
        "kind": "prove",
        "person": session.person.id,
        "browser": _hash(_session_token(request)),
        "act": local_path(fields.get("act", "")),
        "fields": willed,
        "asked_at": desk_of(request).clock().timestamp(),
    }
    provider = _provider(request)
    # A page and no redirect: the console's policy lets no form end at another site.
    address = _ask(request, provider, body)
    return html("console_prove.html", session, provider=printable(provider.name), address=address, said=_said(willed))


@router.get(CALLBACK)
def come_back(
    request: Request, state: str = "", code: str = "", iss: str | None = None, error: str | None = None
) -> Response:
    """The provider's answer, brought by the browser: a session, or a proof for the act that waits."""
    provider, desk = _provider(request), desk_of(request)
    body = Identities(desk.accounts.database).take(state, desk.clock())
    if body is None or not _same_browser(request, body):
        return _not_signed_on("This sign-on is too old, was used already, or was begun in another browser.")
    try:
        if body["kind"] != "login":
            return _proved(request, provider, body, _answered(request, provider, body, code, iss, error))
        with _turn(provider):
            return _enter(request, body, _answered(request, provider, body, code, iss, error))
    except NotAuthorizedError as problem:
        return _not_signed_on(f"{problem}.")


def redeemed(request: Request, session: Session, fields: Mapping[str, str]) -> tuple[Person, str, Assurance]:
    """Who the proof in this form is of, in the words of the record, and how sure that makes us. It counts once.

    Raises NotAuthorizedError where the form, the person, the session or the time is another than that of the proof.
    """
    desk = desk_of(request)
    body = Identities(desk.accounts.database).take(fields.get("proof", ""), desk.clock())
    fits = body is not None and body["kind"] == "proof" and body["person"] == session.person.id
    if body is None or not fits or not _same_browser(request, body):
        raise NotAuthorizedError("the proof of the single sign-on is too old, or was used already: sign on again")
    if body["act"] != request.url.path or body["willed"] != digest_value(_willed(fields)):
        raise NotAuthorizedError("the form says something else than when you signed on: sign on again")
    return session.person, str(body["authentication"]), Assurance(body["assurance"])


@contextmanager
def _turn(provider: Provider) -> Iterator[None]:
    """One login's turn to ask the provider. Raises ServiceError where too many ask already: nobody waits in line."""
    if not _TURNS.acquire(blocking=False):
        raise ServiceError(f"too many ask {provider.name} at once")
    try:
        yield
    finally:
        _TURNS.release()


def _ask(request: Request, provider: Provider, body: dict[str, Any]) -> str:
    """Keep what waits, and the address at which the provider is asked. Raises ServiceError where it does not answer."""
    desk = desk_of(request)
    asked = Asked(origin_of(request) + CALLBACK, new_secret(), new_secret())
    where = where_to_ask(provider)  # first: a provider that does not answer leaves nothing waiting
    kept = {**body, "redirect_uri": asked.redirect_uri, "nonce": asked.nonce, "verifier": asked.verifier}
    proves = body["kind"] == "prove"
    state = Identities(desk.accounts.database).keep(kept, desk.clock(), WAIT, ACTS if proves else LOGINS)
    return question(provider, asked, where, state, anew=proves)


def _answered(
    request: Request, provider: Provider, body: Mapping[str, Any], code: str, iss: str | None, error: str | None
) -> SignedOn:
    """Who the provider says it was. Raises NotAuthorizedError, ServiceError."""
    if error is not None or not code:
        raise NotAuthorizedError(f"{provider.name} says: {printable(error or 'no code', 60)}")
    if iss is not None and iss != provider.issuer:  # RFC 9207: the answer of another provider
        raise NotAuthorizedError(f"the answer is not from {provider.name}")
    if body["redirect_uri"] != origin_of(request) + CALLBACK:
        raise NotAuthorizedError("the answer came back under another address than it was asked for")
    asked = Asked(body["redirect_uri"], body["nonce"], body["verifier"])
    return signed_on(provider, asked, code, desk_of(request).clock())


def _enter(request: Request, body: Mapping[str, Any], found: SignedOn) -> Response:
    person = person_signed_on(desk_of(request), found.identity)
    if person is None:
        return html(
            "console_unknown.html",
            None,
            403,
            subject=printable(found.identity.subject, 300),
            issuer=printable(found.identity.issuer, 300),
        )
    return enter(request, person, local_path(body["wanted"]))


def _proved(request: Request, provider: Provider, body: Mapping[str, Any], found: SignedOn) -> Response:
    """The form anew, complete, with the proof: one press records it."""
    session, desk = visitor(request), desk_of(request)
    person = person_signed_on(desk, found.identity)
    if person is None or person.id != session.person.id or person.id != body["person"]:
        raise NotAuthorizedError(f"{provider.name} says that it is somebody else than {session.person.name}")
    _fresh(provider, body["asked_at"], found.auth_time, desk.clock().timestamp())
    words, assurance = _in_words(provider, found)
    proof = {
        "kind": "proof",
        "person": person.id,
        "browser": _hash(_session_token(request)),
        "act": body["act"],
        "willed": digest_value(body["fields"]),
        "authentication": words,
        "assurance": assurance.value,
    }
    return html(
        "console_proved.html",
        session,
        act=body["act"],
        fields=tuple(body["fields"].items()),
        said=_said(body["fields"]),
        proof=Identities(desk.accounts.database).keep(proof, desk.clock(), PROOF, ACTS),
        provider=printable(provider.name),
        minutes=int(PROOF.total_seconds() // 60),
    )


def _fresh(provider: Provider, asked_at: float, auth_time: float | None, now: float) -> None:
    """She proved it for this very act: the provider's time of it is after the question, but for its clock's error."""
    if auth_time is None or not asked_at - LEEWAY <= auth_time <= now + LEEWAY:
        raise NotAuthorizedError(
            f"{provider.name} does not say that it asked you just now: it must, for each signature"
        )


def _in_words(provider: Provider, found: SignedOn) -> tuple[str, Assurance]:
    sure = found.acr in provider.several_factors or several_factors(found.amr)
    how = ", ".join(found.amr) or "not said"
    said = one_line(f"single sign-on at {provider.issuer} (amr {how}{f'; acr {found.acr}' if found.acr else ''})", 400)
    return said, Assurance.SERVER_ATTESTED if sure else Assurance.PASSWORD


def _willed(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value.replace("\r\n", "\n") for name, value in sorted(fields.items()) if name not in _NOT_WILLED}


def _said(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What the person typed and chose, for her to read again."""
    rows = [(label, fields.get(name, "")) for name, label in _SAID.items()]
    rows += [(_condition(name), value) for name, value in fields.items()]
    return tuple((label, printable(value, 4_000, lines=True)) for label, value in rows if label and value)


def _condition(name: str) -> str:
    """`condition_due_2` -> `Condition 2: last day`; empty for any other field."""
    what = {"text": "what", "owner": "who", "due": "last day"}
    parts = name.split("_")
    known = len(parts) == 3 and parts[0] == "condition" and parts[1] in what
    return f"Condition {printable(parts[2], 9)}: {what[parts[1]]}" if known else ""


def _same_browser(request: Request, body: Mapping[str, Any]) -> bool:
    """A sign-on is tied to the login form's cookie, a proof to the session."""
    token = request.cookies.get(cookies_of(request).login, "") if body["kind"] == "login" else _session_token(request)
    return bool(token) and same(_hash(token), str(body["browser"]))


def _session_token(request: Request) -> str:
    return request.cookies.get(cookies_of(request).session, "")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _provider(request: Request) -> Provider:
    found = provider_of(request)
    if found is None:
        raise ConfigurationError("this console has no single sign-on: FAIRGATE_SINGLE_SIGN_ON names none")
    return found


def _not_signed_on(message: str) -> Response:
    return html("console_problem.html", None, 403, title="Not signed on", message=message)
