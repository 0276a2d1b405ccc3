"""Codes of authenticator apps: time-based one-time passwords (RFC 6238), six digits every 30 seconds.

The library accepts a code as often as it is given; here the last accepted step is stored, and no code counts twice.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from governance.accounts import Accounts
from governance.accounts_factors import keep_secret, spend_step, waiting_secret
from governance.digests import digest_value
from governance.people import Person

STEP = 30
WINDOW = 1
"""A clock may be wrong by one step, and a person takes some seconds to type."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new secret, shown once: `uri` (otpauth) is what the app scans, `secret` what it takes by hand."""

    secret: str
    uri: str
    fingerprint: str


def new_secret(accounts: Accounts, person: Person) -> Enrolment:
    """Make a secret for the person's app. It counts for nothing before a code of it was given (`confirms`)."""
    import pyotp

    secret = pyotp.random_base32()
    found = Enrolment(secret, _uri(secret, person), _fingerprint(secret))
    keep_secret(accounts, person.id, found.fingerprint, secret)
    return found


def waiting_enrolment(accounts: Accounts, person: Person) -> Enrolment | None:
    """The secret that this person's app shall confirm, made within 15 minutes; None where there is none."""
    found = waiting_secret(accounts, person.id)
    return Enrolment(found[1], _uri(found[1], person), found[0]) if found else None


def spend_code(accounts: Accounts, person: str, fingerprint: str, code: str) -> None:
    """Take a code of the app with this fingerprint, once. Raises NotAuthorizedError, the same whatever was wrong.

    Wrong codes are counted and slowed down as wrong passwords are, on a count of their own.
    """
    given, now = "".join(code.split()), accounts.clock()

    def look() -> bool | None:
        found = spend_step(accounts, person, fingerprint, lambda secret, last: _step(secret, given, now, last))
        return found or None

    accounts.counted(f"code of {person}", "codes", look)


def code_at(secret: str, step: int) -> str:
    """The code of a step: 30 seconds, counted from 1970."""
    import pyotp

    return pyotp.TOTP(secret, interval=STEP).generate_otp(step)


def step_of(now: datetime) -> int:
    """The step of a time."""
    return int(now.timestamp()) // STEP


def _step(secret: str, code: str, now: datetime, last: int) -> int | None:
    """The step after `last` whose code this is, now or one step around; every one is compared, for equal time."""
    here = step_of(now)
    given = code.encode("utf-8", "surrogatepass")
    steps = range(here - WINDOW, here + WINDOW + 1)
    fits = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), given)]
    return next((step for step in fits if step > last), None)


def _uri(secret: str, person: Person) -> str:
    import pyotp

    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=person.id, issuer_name="Fairgate")


def _fingerprint(secret: str) -> str:
    """What the ledger keeps of a secret of 160 random bits: enough to know it again, nothing to make codes from."""
    return digest_value(["code", secret])
