"""Who acts, proved for this very act: by password, by password and code, by a passkey, or by a key of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.accounts import REFUSED, Source
from governance.accounts_factors import count_use
from governance.charter import Charter
from governance.desk import Desk, charter_of
from governance.errors import NotAuthorizedError
from governance.passkey import count_of
from governance.people import Person
from governance.policy import Assurance
from governance.second_factor import spend_code
from governance.user_key import Assertion

_REFUSED = "the id, the password or the code is wrong, or the account is disabled"


@dataclass(frozen=True, slots=True)
class Proof:
    """The person, how she was authenticated in the words of the record, and how sure that makes us.

    `factor`: something beside her password showed that it is she. `passkey` is what her passkey answered, to the
    challenge that was made at `asked_at`; None where she used none. `own`: a passkey or a key of her own was used.
    """

    person: Person
    how: str
    assurance: Assurance
    factor: bool = False
    passkey: Assertion | None = None
    asked_at: datetime | None = None
    own: bool = False


def asks_code(desk: Desk, identity: str) -> bool:
    """Whether this person has an authenticator app: then her password alone proves nothing."""
    return charter_of(desk).code_of(identity) is not None


def prove(desk: Desk, identity: str, secret: str, code: str | None = None, source: Source | None = None) -> Proof:
    """The person, by her password, and by a code of her authenticator app where she has one. Then both are asked.

    The ledger says which app is hers: one that the accounts alone know counts for nothing. Wrong passwords are counted
    for this `source`. Raises NotAuthorizedError, the same whichever of the two was wrong.
    """
    app = charter_of(desk).code_of(identity)
    if app is None:
        person = desk.accounts.authenticate(identity, secret, source)
        if code:
            raise NotAuthorizedError(
                f"{person.name} has no authenticator app, so a code proves nothing: set one up on the page /me of the "
                f"console, or: fairgate people totp {person.id}"
            )
        return Proof(person, "password", Assurance.PASSWORD)
    if not code:
        raise NotAuthorizedError(
            f"{identity} has an authenticator app: give its code too (--code or FAIRGATE_CODE at the command line)"
        )
    try:
        person = desk.accounts.authenticate(identity, secret, source)
        spend_code(desk.accounts, person.id, app.fingerprint, code)
    except NotAuthorizedError as error:
        raise NotAuthorizedError(_REFUSED if str(error) == REFUSED else str(error)) from error
    return Proof(person, "password and code", Assurance.SERVER_ATTESTED, factor=True)


def prove_by_passkey(desk: Desk, person: Person, assertion: Assertion, challenge: bytes, asked_at: datetime) -> Proof:
    """The person, by what her passkey answered to this challenge. Raises NotAuthorizedError, saying what is wrong.

    What the server attests of it is two factors; `signoff` records more where the challenge was her will.
    """
    found = charter_of(desk).passkey(assertion.credential_id)
    if found is None or found.holder != person.id or not found.usable:
        state = "counts no more" if found and found.holder == person.id else "is not enrolled for you"
        raise NotAuthorizedError(f"this passkey {state}: see the page /me of the console")
    known = desk.accounts.person(person.id)
    if known is None or not known.active:
        raise NotAuthorizedError(f"the account {person.id} is disabled")
    count = count_of(found, assertion, challenge)
    if not count_use(desk.accounts, person.id, found.credential, count):
        raise NotAuthorizedError(
            f"the passkey “{found.label}” counts its uses, and its count did not go on: there may be a copy of it; "
            f"revoke it on the page /me of the console"
        )
    how, assurance = "passkey", Assurance.SERVER_ATTESTED
    return Proof(known, how, assurance, factor=True, passkey=assertion, asked_at=asked_at, own=True)


def not_by_password_alone(charter: Charter, person: Person, assurance: Assurance) -> None:
    """Raises NotAuthorizedError where who has a second factor showed one: a stolen password must not do.

    What others sign by then rests on such acts: delegations, policies, conditions. Whom another signer let in again is
    let through until she has set up a factor.
    """
    if assurance is not Assurance.PASSWORD or person.id in charter.reset or not charter.has_factor(person.id):
        return
    raise NotAuthorizedError(
        f"{person.name} has a second factor, so her password alone is too little for this: a passkey (on the "
        f"console), a code of an authenticator app, or a key of her own (--key) must show that it is she"
    )


def by_own_key(charter: Charter, proof: Proof, public: str) -> Proof:
    """The proof, where the person also holds the private half of this key of hers. Raises NotAuthorizedError."""
    if charter.key_holder(public) != proof.person.id:
        raise NotAuthorizedError(f"the key {public} is not one of {proof.person.name}")
    return Proof(proof.person, f"{proof.how} and key", Assurance.SERVER_ATTESTED, factor=True, own=True)
