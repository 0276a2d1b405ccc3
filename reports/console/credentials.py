"""Who signs, proved for this very act: a passkey, or the password and the code of an authenticator app.

Every form that signs includes `_authenticate.html` (which needs `ways`) and calls `authenticated`. A browser that is
about to use a passkey sends the same form first with `passkey=ask`: it is checked as it would be for signing, and
answered with the challenge, which waits for five minutes, in this session, for one answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from governance.accounts import Session, Source
from governance.accounts_factors import Pending, pend, take
from governance.charter_factors import Passkey
from governance.desk import charter_of
from governance.digests import canonical_json
from governance.errors import NotAuthorizedError
from governance.passkey import Page, options_to_sign, read_assertion
from governance.people import Person
from governance.policy import Assurance
from governance.proving import Proof, prove, prove_by_passkey
from governance.signoff import Wish
from governance.user_key import Assertion
from reports.console.session import desk_of, origin_of
from reports.console.single_sign_on import redeemed

ASK = "ask"
PURPOSE = "passkey"

SIGNED_IN = Source("a session")
"""Wrong passwords of somebody who is signed in: strangers at the login must not keep her from signing."""

Will = Callable[[datetime], bytes]
"""From the time at which a passkey is asked to the 32 bytes that it signs. Raises what signing itself would raise."""


class PasskeyAskedError(Exception):
    """The browser asks for the challenge that the passkey shall sign. `answer` is JSON for its script."""

    def __init__(self, answer: dict[str, Any]) -> None:
        """`answer`: `pending`, the id under which the act waits, and `options`."""
        super().__init__("a passkey is asked")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Ways:
    """How this person can show that it is she: what `_authenticate.html` offers. `elsewhere`: passkeys of other pages.

    `provider` is that of single sign-on, where she has an identity there. `enough`: whether she has anything beside her
    password; without, she approves nothing here.
    """

    passkeys: int
    elsewhere: int
    code: bool
    provider: str | None = None

    @property
    def enough(self) -> bool:
        """Whether she can sign here with more than her password. Whether a provider asks for more, its answer says."""
        return bool(self.passkeys or self.code or self.provider)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The person, how she was authenticated in the words of the record, and how sure that makes us.

    `passkey` is what her passkey answered, to the challenge that was made at `asked_at`; None where she used none.
    """

    person: Person
    authentication: str
    assurance: Assurance
    passkey: Assertion | None = None
    asked_at: datetime | None = None
    factor: bool = False

    def prove(self, wish: Wish) -> Wish:
        """The wish, with what shows that it is hers."""
        return replace(
            wish,
            authentication=self.authentication,
            assurance=self.assurance,
            passkey=self.passkey,
            asked_at=self.asked_at,
        )

    def proof(self) -> Proof:
        """The same for acts that are no sign-off; see `governance.factors`."""
        own = self.passkey is not None
        return Proof(self.person, self.authentication, self.assurance, self.factor, own=own)


def ways(request: Request, session: Session) -> Ways:
    """What this person can prove herself with, on this page."""
    desk, page = desk_of(request), page_of(request)
    charter = charter_of(desk)
    held = charter.passkeys_of(session.person.id)
    here = _here(page, held)
    code = charter.code_of(session.person.id) is not None
    return Ways(len(here), len(held) - len(here), code, session.proves_at)


def authenticated(request: Request, session: Session, fields: Mapping[str, str], will: Will) -> Authenticated:
    """Who signs what `will` says, proved by the fields of `_authenticate.html`.

    Raises NotAuthorizedError, what `will` raises, and PasskeyAskedError where the browser only asks for the challenge.
    """
    desk = desk_of(request)
    if "proof" in fields:
        return _signed_on(request, session, fields)
    if fields.get("passkey") == ASK:
        raise PasskeyAskedError(_asked(request, session, will))
    if fields.get("passkey"):
        proof = _by_passkey(request, session, fields, will)
    else:
        code = fields.get("code", "").strip() or None
        proof = prove(desk, session.person.id, fields.get("password", ""), code, SIGNED_IN)
    return Authenticated(
        person=proof.person,
        authentication=f"{proof.how} at the console",
        assurance=proof.assurance,
        passkey=proof.passkey,
        asked_at=proof.asked_at,
        factor=proof.factor,
    )


def _signed_on(request: Request, session: Session, fields: Mapping[str, str]) -> Authenticated:
    person, how, assurance = redeemed(request, session, fields)
    # Without a word of the provider it is one factor: enough to prove oneself, not to set up a further one.
    return Authenticated(person, how, assurance, factor=assurance is not Assurance.PASSWORD)


def page_of(request: Request) -> Page:
    """The origin of this page, and its host without port."""
    origin = origin_of(request)
    return Page(origin, urlsplit(origin).hostname or "")


def act(what: str, person: Person, **said: str) -> Will:
    """What a passkey signs for an act that is no sign-off: a digest of the act in words, of its time, and of her."""

    def will(asked: datetime) -> bytes:
        whole = {"act": what, "person": person.id, "issuer": person.issuer, "asked": asked, **said}
        return hashlib.sha256(b"fairgate.local/act/v1\n" + canonical_json(whole)).digest()

    return will


def _asked(request: Request, session: Session, will: Will) -> dict[str, Any]:
    desk, page = desk_of(request), page_of(request)
    held = _here(page, charter_of(desk).passkeys_of(session.person.id))
    if not held:
        raise NotAuthorizedError(f"{session.person.name} has no passkey for {page.origin}: enrol one on the page /me")
    now = desk.clock()
    challenge = will(now)
    waits = pend(desk.accounts, session.csrf, Pending(session.person.id, PURPOSE, challenge, now))
    return {"pending": waits, "options": options_to_sign(page, challenge, held)}


def _by_passkey(request: Request, session: Session, fields: Mapping[str, str], will: Will) -> Proof:
    desk = desk_of(request)
    waits = take(desk.accounts, session.csrf, fields["passkey"], desk.clock())
    if waits is None or (waits.person, waits.purpose) != (session.person.id, PURPOSE):
        raise NotAuthorizedError("the passkey was not asked for this, or more than five minutes ago: use it again")
    assertion = read_assertion(fields.get("passkey_answer", ""))
    found = charter_of(desk).passkey(assertion.credential_id)
    if found is not None and Page(found.origin, found.rp_id) != page_of(request):
        raise NotAuthorizedError(f"this passkey is for {found.origin}, not for this page")
    if will(waits.asked) != waits.challenge:
        raise NotAuthorizedError("what you sign is not what your passkey was asked for: read it and sign again")
    return prove_by_passkey(desk, session.person, assertion, waits.challenge, waits.asked)


def _here(page: Page, held: tuple[Passkey, ...]) -> tuple[Passkey, ...]:
    return tuple(item for item in held if Page(item.origin, item.rp_id) == page)
