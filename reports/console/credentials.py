"""Who signs, proved for this very act: a passkey, or the password and the code of an authenticator app.

Every form that signs includes `_authenticate.html` and calls `authenticated`. A browser that is about to use a passkey
sends the same form first with `passkey=ask`: it is checked as it would be for signing, and answered with the challenge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import Request

from governance.accounts import Session
from governance.people import Person
from governance.policy import Assurance
from governance.signoff import Wish
from governance.user_key import Assertion
from reports.console.session import desk_of
from reports.console.single_sign_on import redeemed

Will = Callable[[datetime], bytes]
"""From the time at which a passkey is asked to the 32 bytes that it signs. Raises what signing itself would raise."""


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

    def prove(self, wish: Wish) -> Wish:
        """The wish, with what shows that it is hers."""
        return replace(
            wish,
            authentication=self.authentication,
            assurance=self.assurance,
            passkey=self.passkey,
            asked_at=self.asked_at,
        )


def authenticated(request: Request, session: Session, fields: Mapping[str, str], _will: Will) -> Authenticated:
    """Who signs what `will` says, proved by the fields of `_authenticate.html`. Raises NotAuthorizedError."""
    if "proof" in fields:
        return Authenticated(*redeemed(request, session, fields))
    person = desk_of(request).accounts.authenticate(session.person.id, fields.get("password", ""))
    return Authenticated(person, "password at the console", Assurance.SERVER_ATTESTED)
