"""What the accounts keep of second factors. Each question that must be asked once is one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from governance.accounts import Accounts
from governance.errors import ConfigurationError

PENDING = timedelta(minutes=5)
"""How long a challenge waits for a passkey."""

UNCONFIRMED = timedelta(minutes=15)
"""How long a new secret waits for its first code."""

_MADE = text("INSERT INTO code_secret SELECT :fingerprint, id, :secret, :made, 0 FROM person WHERE id = :person")
_WAITING = text("SELECT fingerprint, secret FROM code_secret WHERE person = :person AND made > :since ORDER BY made")
_USED = text(
    "INSERT INTO passkey_use SELECT :credential, id, :count, :used FROM person WHERE id = :person"
    " ON CONFLICT (credential) DO UPDATE SET count = excluded.count, used = excluded.used"
)
_ASKED = text(
    "INSERT INTO pending SELECT :id, :session, id, :purpose, :challenge, :asked FROM person WHERE id = :person"
)
Matching = Callable[[str, int], int | None]
"""From a secret and the last step that was accepted to the step whose code was given, None where none fits."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for a person's answer since `asked`, in one session. `challenge` is what her passkey is asked to sign.

    `purpose` says what for: what waits for one thing answers no other.
    """

    person: str
    purpose: str
    challenge: bytes
    asked: datetime


def keep_secret(accounts: Accounts, person: str, fingerprint: str, secret: str) -> None:
    """Keep the secret of an authenticator app. It counts once the ledger says so. Raises ConfigurationError."""
    row = {"fingerprint": fingerprint, "person": person, "secret": secret, "made": accounts.clock().isoformat()}
    with accounts.database.writing() as connection:
        if not connection.execute(_MADE, row).rowcount:
            raise ConfigurationError(f"there is no person {person!r}; see: fairgate people list")


def waiting_secret(accounts: Accounts, person: str) -> tuple[str, str] | None:
    """Fingerprint and secret that this person made last, within 15 minutes; None where there is none."""
    since = accounts.clock() - UNCONFIRMED
    with accounts.database.reading() as connection:
        rows = connection.execute(_WAITING, {"person": person, "since": since.isoformat()}).all()
    return (rows[-1].fingerprint, rows[-1].secret) if rows else None


def spend_step(accounts: Accounts, person: str, fingerprint: str, matching: Matching) -> bool:
    """Whether `matching` finds a step in the secret with this fingerprint; it and all before it are spent then."""
    query = text("SELECT secret, step FROM code_secret WHERE fingerprint = :fingerprint AND person = :person")
    spent = text("UPDATE code_secret SET step = :step WHERE fingerprint = :fingerprint")
    with accounts.database.writing() as connection:
        row = connection.execute(query, {"fingerprint": fingerprint, "person": person}).first()
        step = matching(row.secret, row.step) if row else None
        if step is None:
            return False
        connection.execute(spent, {"step": step, "fingerprint": fingerprint})
    return True


def forget_secrets(accounts: Accounts, person: str, *, but: str | None = None) -> None:
    """Delete this person's secrets, all but the one with the fingerprint `but`."""
    with accounts.database.writing() as connection:
        connection.execute(
            text("DELETE FROM code_secret WHERE person = :person AND fingerprint <> :but"),
            {"person": person, "but": but or ""},
        )


def count_use(accounts: Accounts, person: str, credential: str, count: int) -> bool:
    """Whether the authenticator's own count went on, or there is none; it is kept then, with the time.

    A count that stands still or goes back is a copy of the authenticator (WebAuthn level 2, 7.2 step 21).
    """
    row = {"credential": credential, "person": person, "count": count, "used": accounts.clock().isoformat()}
    query = text("SELECT count FROM passkey_use WHERE credential = :credential")
    with accounts.database.writing() as connection:
        last = connection.execute(query, {"credential": credential}).scalar() or 0
        if (count or last) and count <= last:
            return False
        connection.execute(_USED, row)
    return True


def last_uses(accounts: Accounts, person: str) -> dict[str, datetime]:
    """When each passkey of this person was last used, as far as that is known."""
    query = text("SELECT credential, used FROM passkey_use WHERE person = :person")
    with accounts.database.reading() as connection:
        rows = connection.execute(query, {"person": person})
        return {row.credential: datetime.fromisoformat(row.used) for row in rows}


def pend(accounts: Accounts, session: str, waits: Pending) -> str:
    """Keep what waits until it is answered in this session; gives its id. What nobody answered in time goes."""
    row = {
        "id": secrets.token_urlsafe(24),
        "session": _hash(session),
        "person": waits.person,
        "purpose": waits.purpose,
        "challenge": waits.challenge.hex(),
        "asked": waits.asked.isoformat(),
    }
    with accounts.database.writing() as connection:
        old = (waits.asked - PENDING).isoformat()
        connection.execute(text("DELETE FROM pending WHERE asked < :old"), {"old": old})
        connection.execute(_ASKED, row)
    return row["id"]


def take(accounts: Accounts, session: str, identity: str, now: datetime) -> Pending | None:
    """What waits under this id in this session, once; None where it is unknown, taken or too old."""
    query = text("SELECT person, purpose, challenge, asked FROM pending WHERE id = :id AND session = :session")
    given = {"id": identity, "session": _hash(session)}
    with accounts.database.writing() as connection:
        row = connection.execute(query, given).first()
        connection.execute(text("DELETE FROM pending WHERE id = :id AND session = :session"), given)
    if row is None or not timedelta() <= now - datetime.fromisoformat(row.asked) < PENDING:
        return None
    return Pending(row.person, row.purpose, bytes.fromhex(row.challenge), datetime.fromisoformat(row.asked))


def _hash(session: str) -> str:
    return hashlib.sha256(b"pending\n" + session.encode()).hexdigest()
