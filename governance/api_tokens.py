"""Tokens for scripts that read: each is a person's, ends by itself, and opens the JSON API alone. They sign nothing.

A token is shown once; what is kept is its SHA-256. It has 256 random bits, so nobody finds it by trying.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, text

from governance.accounts import Accounts
from governance.errors import ConfigurationError
from governance.people import Person

PREFIX = "fgt_"
MAX_DAYS, MAX_LABEL, MAX_TOKEN = 365, 80, 200
_ADDED = text(
    "INSERT INTO api_token SELECT :id, :hash, id, :label, :made, :expires, '' FROM person"
    " WHERE id = :person AND active = 1"
)
_ALL = "SELECT id, person, label, made, expires, revoked FROM api_token"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token, which is not the token. `id` names it for people; `revoked` None: it was not."""

    id: str
    person: str
    label: str
    made: datetime
    expires: datetime
    revoked: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it can be used now, if its person can."""
        return self.revoked is None and self.made <= now < self.expires


@dataclass(frozen=True, slots=True)
class ApiTokens:
    """The tokens beside these accounts."""

    accounts: Accounts

    def give(self, person: Person, label: str, days: int) -> tuple[str, ApiToken]:
        """A new token of an authenticated person, and what is kept of it. It is shown here and never again.

        Raises ConfigurationError for a label or a number of days that is not allowed, or a person who is disabled.
        """
        label = label.strip()
        if not label or len(label) > MAX_LABEL or not label.isprintable():
            raise ConfigurationError(f"a label has 1 to {MAX_LABEL} printable characters: say what the token is for")
        if not 1 <= days <= MAX_DAYS:
            raise ConfigurationError(f"a token ends after 1 to {MAX_DAYS} days, not {days}")
        now, secret = self.accounts.clock(), PREFIX + secrets.token_urlsafe(32)
        made = ApiToken(secrets.token_hex(6), person.id, label, now, now + timedelta(days=days), None)
        row = {"id": made.id, "hash": _hash(secret), "person": person.id, "label": label}
        times = {"made": made.made.isoformat(), "expires": made.expires.isoformat()}
        with self.accounts.database.writing() as connection:
            if not connection.execute(_ADDED, {**row, **times}).rowcount:
                raise ConfigurationError(f"{person.id!r} is nobody here, or disabled: no token can be hers")
        return secret, made

    def all(self) -> tuple[ApiToken, ...]:
        """Every token that was ever made, the oldest first."""
        with self.accounts.database.reading() as connection:
            return tuple(_token(row) for row in connection.execute(text(f"{_ALL} ORDER BY made, id")).mappings())

    def revoke(self, identity: str) -> ApiToken:
        """End a token. Raises ConfigurationError where there is none of this id, or it was revoked before."""
        now = self.accounts.clock().isoformat()
        with self.accounts.database.writing() as connection:
            query = text("UPDATE api_token SET revoked = :now WHERE id = :id AND revoked = ''")
            done = connection.execute(query, {"now": now, "id": identity}).rowcount
        if not done:
            raise ConfigurationError(
                f"there is no token {identity!r} that could be revoked; see: fairgate people tokens"
            )
        return next(item for item in self.all() if item.id == identity)

    def holder(self, secret: str, now: datetime) -> Person | None:
        """Whose token this is; None where it is none, has ended or was revoked, or the person is disabled."""
        if not secret.startswith(PREFIX) or len(secret) > MAX_TOKEN:
            return None
        with self.accounts.database.reading() as connection:
            found = connection.execute(text(f"{_ALL} WHERE hash = :hash"), {"hash": _hash(secret)}).mappings().first()
        if found is None or not _token(found).holds(now):
            return None
        person = self.accounts.person(found["person"])
        return person if person is not None and person.active else None


def _token(row: RowMapping) -> ApiToken:
    revoked = datetime.fromisoformat(row["revoked"]) if row["revoked"] else None
    made, expires = datetime.fromisoformat(row["made"]), datetime.fromisoformat(row["expires"])
    return ApiToken(row["id"], row["person"], row["label"], made, expires, revoked)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
