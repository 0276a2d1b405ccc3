"""Identities at a provider of single sign-on, and acts that wait for its answer: tables beside the accounts.

An identity is (issuer, subject): never an e-mail address, which a provider may give to another person tomorrow.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from governance.database.port import Database
from governance.errors import ConfigurationError

MOST_WAITING = 2_000
"""Answers that are waited for in a queue. Above that its oldest are forgotten, as strangers can begin any number."""

LOGINS, ACTS = "login", "act"
"""Two queues: what strangers begin must not push out what a person who is signed in has just proved."""

_LINKED = text(
    "INSERT INTO identity VALUES (:issuer, :subject, :person, :now) ON CONFLICT (issuer, subject) DO NOTHING"
)
_KEPT = text("INSERT INTO sign_on VALUES (:token, :body, :until)")
_TAKEN = text("DELETE FROM sign_on WHERE token = :token RETURNING body, until")
_WAITING = text("SELECT count(*) FROM sign_on WHERE token LIKE :queue")
_OLDEST = text(
    "DELETE FROM sign_on WHERE token IN (SELECT token FROM sign_on WHERE token LIKE :queue ORDER BY until LIMIT :few)"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person at a provider: both texts exactly as the provider writes them."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Identities:
    """Who is who at the providers, in the database of the accounts."""

    database: Database

    def link(self, identity: Identity, person: str, now: datetime) -> None:
        """Note that this identity is this person. Raises ConfigurationError where it is another person's."""
        row = {"issuer": identity.issuer, "subject": identity.subject, "person": person, "now": now.isoformat()}
        with self.database.writing() as connection:
            connection.execute(_LINKED, row)
        if self.person_of(identity) != person:
            raise ConfigurationError(f"the identity {identity.subject!r} at {identity.issuer} is another person's")

    def unlink(self, identity: Identity) -> None:
        """Forget whose identity this is."""
        row = {"issuer": identity.issuer, "subject": identity.subject}
        with self.database.writing() as connection:
            connection.execute(text("DELETE FROM identity WHERE issuer = :issuer AND subject = :subject"), row)

    def person_of(self, identity: Identity) -> str | None:
        """The id of the person, None where it is nobody's."""
        query = text("SELECT person FROM identity WHERE issuer = :issuer AND subject = :subject")
        row = {"issuer": identity.issuer, "subject": identity.subject}
        with self.database.reading() as connection:
            found = connection.execute(query, row).first()
            return str(found[0]) if found else None

    def of(self, person: str) -> tuple[Identity, ...]:
        """The identities of a person, by issuer and subject."""
        query = text("SELECT issuer, subject FROM identity WHERE person = :person ORDER BY issuer, subject")
        with self.database.reading() as connection:
            return tuple(Identity(row[0], row[1]) for row in connection.execute(query, {"person": person}))

    def keep(self, body: Mapping[str, Any], now: datetime, lifetime: timedelta, queue: str = LOGINS) -> str:
        """Keep what waits for an answer; the token under which it can be taken, once. Only its hash is kept."""
        token, until = f"{queue}.{secrets.token_urlsafe(32)}", now + lifetime
        row = {"token": _key(token), "body": json.dumps(body), "until": until.isoformat()}
        with self.database.writing() as connection:
            connection.execute(text("DELETE FROM sign_on WHERE until < :now"), {"now": now.isoformat()})
            waiting = connection.execute(_WAITING, {"queue": f"{queue}.%"}).scalar_one()
            if waiting >= MOST_WAITING:
                connection.execute(_OLDEST, {"queue": f"{queue}.%", "few": waiting - MOST_WAITING + 1})
            connection.execute(_KEPT, row)
        return token

    def take(self, token: str, now: datetime) -> Mapping[str, Any] | None:
        """What was kept under this token; it is gone then. None where there is nothing, or no longer."""
        with self.database.writing() as connection:
            found = connection.execute(_TAKEN, {"token": _key(token)}).first()
        if found is None or datetime.fromisoformat(found[1]) < now:
            return None
        body: Mapping[str, Any] = json.loads(found[0])
        return body


def _key(token: str) -> str:
    """`login.<hash>`: the queue stays readable, so that it can be counted."""
    return f"{token.partition('.')[0]}.{hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()}"
