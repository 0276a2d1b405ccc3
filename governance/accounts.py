"""The people of this installation: their functions, their passwords (argon2), and the console's sessions.

Accounts are disabled, never deleted, and ids are never reused: a name under a signature must mean one person for ever.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, text

from governance.accounts_schema import ACCOUNTS
from governance.database.address import open_database
from governance.database.port import Database
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.ledger.port import Clock
from governance.people import Person

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_SECRET = 12
MAX_SECRET = 1_024
FREE_FAILURES = 5
FREE_OF_STRANGERS = 20
"""So many wrong passwords may come from one strange place for all ids, or for one id from all strange places."""
LONGEST_FOR_STRANGERS = timedelta(minutes=1)
"""A place may be a whole house, and an id is known to many: what one does there must not keep the others out."""
REMEMBERED = timedelta(days=1)
"""A count of wrong passwords is forgotten so long after its last pause."""
IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=8)
SEEN_EVERY = timedelta(seconds=20)
"""A session's last use is written no oftener: a page would else cost a synced write. It may end that much early."""
_SECRET = text("SELECT secret FROM person WHERE id = :id")
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,63})")
_FUNCTION = re.compile(r"[a-z][a-z0-9-]{0,39}")
_ADDED = text(
    "INSERT INTO person VALUES (:id, :issuer, :name, :functions, 1, :secret, :added) ON CONFLICT (id) DO NOTHING"
)
_OPENED = text("INSERT INTO session SELECT :token, id, :csrf, :now, :now FROM person WHERE id = :id")
_COUNTED = text(
    "INSERT INTO failures VALUES (:id, :count, :until)"
    " ON CONFLICT (person) DO UPDATE SET count = excluded.count, until = excluded.until"
)
_UNCOUNTED = text("UPDATE failures SET count = count - 1 WHERE person = :id AND count > 0")
_CHANGED = text("UPDATE person SET secret = :secret WHERE id = :id AND active = 1 AND secret <> ''")
REFUSED = "the id or the password is wrong, or the account is disabled"
T = TypeVar("T")
_TURN = Lock()
"""One password is hashed at a time: each takes 64 MiB and a core, and whoever guesses must not take all of both."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open session of the console: who, and the token that every form must carry.

    `proves_at` is the provider of single sign-on where this person can prove who she is; the console says so.
    """

    person: Person
    csrf: str
    proves_at: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """From where somebody tries a password, in words. Tries from one place do not hold up another one.

    `strange`: nobody is known to come from there. Its tries are also counted for all ids together, and those of all
    strange places for one id: many places must not add up to many guesses.
    """

    place: str
    strange: bool = False


@dataclass(frozen=True)
class Accounts:
    """Accounts in one database, SQLite or PostgreSQL. `url` is SQLAlchemy's; safe under many threads and processes."""

    url: str
    clock: Clock

    @cached_property
    def database(self) -> Database:
        """Where the rows are. Raises ConfigurationError for an address that is none."""
        return open_database(self.url, ACCOUNTS)

    def add(self, person: Person, secret: str | None) -> None:
        """Add a person; without a password (None), only a single sign-on lets her in.

        Raises ConfigurationError for a taken id, a bad id or function, or a weak password.
        """
        self.check(person, secret)
        row = {
            "id": person.id,
            "issuer": person.issuer,
            "name": person.name.strip(),
            "functions": " ".join(person.functions),
            "secret": "" if secret is None else _hasher().hash(secret),
            "added": self.clock().isoformat(),
        }
        with self.database.writing() as connection:
            if not connection.execute(_ADDED, row).rowcount:
                raise ConfigurationError(f"the id {person.id!r} is taken, and ids are never reused: choose another")

    def check(self, person: Person, secret: str | None) -> None:
        """Raises ConfigurationError where `add` would: before anything else is recorded of the person."""
        _check(person, secret)
        if self.person(person.id) is not None:
            raise ConfigurationError(f"the id {person.id!r} is taken, and ids are never reused: choose another")

    def people(self) -> tuple[Person, ...]:
        """Everybody, disabled people too, by id."""
        with self.database.reading() as connection:
            rows = connection.execute(text("SELECT id, issuer, name, functions, active FROM person ORDER BY id"))
            return tuple(
                Person(row.id, row.name, tuple(row.functions.split()), row.issuer, bool(row.active)) for row in rows
            )

    def person(self, identity: str) -> Person | None:
        """The person with this id, None where there is nobody."""
        return next((person for person in self.people() if person.id == identity), None)

    def disable(self, identity: str) -> None:
        """Disable a person and end her sessions. Raises ConfigurationError for an unknown id."""
        with self.database.writing() as connection:
            done = connection.execute(text("UPDATE person SET active = 0 WHERE id = :id"), {"id": identity})
            if not done.rowcount:
                raise ConfigurationError(f"there is no person {identity!r}; see: fairgate people list")
            connection.execute(text("DELETE FROM session WHERE person = :id"), {"id": identity})

    def authenticate(self, identity: str, secret: str, source: Source | None = None) -> Person:
        """The person, if the password is hers. Raises NotAuthorizedError, the same for whatever was wrong.

        Failures are recorded; after five in a row from one `source` each further try from there must wait twice as
        long, at most an hour. A try is counted before the password is looked at and forgiven after: many at once are
        not free.
        """
        if not _ID.fullmatch(identity):  # nobody can have it, so nothing of it is stored
            raise NotAuthorizedError(REFUSED)

        def look() -> Person | None:
            person, stored = self.person(identity), self._stored(identity)
            return person if _matches(stored, secret) and person is not None and person.active else None

        return self.counted(identity, "passwords", look, source)

    def counted(self, who: str, what: str, look: Callable[[], T | None], source: Source | None = None) -> T:
        """What `look` finds, as one counted try of `who`: None is a failure. Raises NotAuthorizedError.

        `what` are the things that were wrong, for the message: passwords. What one name spares, another one does not:
        a right password does not forgive wrong codes, nor what was tried elsewhere.
        """
        now = self.clock()
        self._count_try(who, what, now, source)
        found = look()
        if found is None:
            self._record_failure(who, now)
            raise NotAuthorizedError(REFUSED)
        with self.database.writing() as connection:
            connection.execute(text("DELETE FROM failures WHERE person = :id"), {"id": _counted_as(who, source)})
            for key in _totals(who, source):  # only this try: who has one account must not try all others for nothing
                connection.execute(_UNCOUNTED, {"id": key})
        return found

    def failed_attempts(self, identity: str) -> tuple[datetime, ...]:
        """When a wrong credential was given for this id."""
        with self.database.reading() as connection:
            rows = connection.execute(text("SELECT time FROM failure WHERE person = :id"), {"id": identity})
            return tuple(datetime.fromisoformat(row.time) for row in rows)

    def failed_since_success(self, identity: str) -> int:
        """How many tries with a wrong credential there were since this person last came in, from any place.

        Each place counts since she came in from there, and is forgotten a day after its last pause.
        """
        query = text("SELECT sum(count) FROM failures WHERE person = :id OR substr(person, 1, :length) = :from")
        values = {"id": identity, "from": f"{identity} from ", "length": len(f"{identity} from ")}
        with self.database.reading() as connection:
            return int(connection.execute(query, values).scalar() or 0)

    def has_password(self, identity: str) -> bool:
        """Whether this person can come in with a password; who comes in by single sign-on alone cannot."""
        return bool(self._stored(identity))

    def set_secret(self, identity: str, secret: str, *, tokens: bool) -> None:
        """Give an active person who has a password a new one; her sessions end, and with `tokens` those of her scripts.

        Raises ConfigurationError for a weak password, for nobody, and for who is disabled or has none.
        """
        check_secret(secret)
        row = {"id": identity, "secret": _hasher().hash(secret), "now": self.clock().isoformat()}
        with self.database.writing() as connection:
            if not connection.execute(_CHANGED, row).rowcount:
                raise ConfigurationError(f"{identity!r} is nobody here, is disabled, or has no password")
            connection.execute(text("DELETE FROM session WHERE person = :id"), row)
            connection.execute(text("DELETE FROM failures WHERE person = :id"), row)
            if tokens:
                connection.execute(text("UPDATE api_token SET revoked = :now WHERE person = :id AND revoked = ''"), row)

    def browser_token(self, identity: str) -> str:
        """What a browser keeps in which this person has just signed in: tries from there are counted for themselves.

        It opens nothing, and ends with the password.
        """
        salt = secrets.token_urlsafe(16)
        stored = self._stored(identity) if is_id(identity) else None
        return f"{salt}.{_browser_mark(stored or secrets.token_hex(16), identity, salt)}"  # nobody's fits nothing

    def knows_browser(self, identity: str, token: str) -> bool:
        """Whether this is a token that `browser_token` gave for this person under the password that she has now."""
        return is_id(identity) and _fits(self._stored(identity), identity, token)

    def open_session(self, identity: str, now: datetime, mark: str | None = None) -> str:
        """A new opaque session token for an authenticated person; only its hash is kept.

        `mark`: a `browser_token` from before her password was looked at. Where the password was changed since, the old
        one opens nothing any more. Raises NotAuthorizedError for that, ConfigurationError for an unknown id.
        """
        token = secrets.token_urlsafe(32)
        row = {"token": _hash(token), "id": identity, "csrf": secrets.token_urlsafe(32), "now": now.isoformat()}
        with self.database.writing() as connection:
            if mark is not None and not _fits(connection.execute(_SECRET, row).scalar(), identity, mark):
                raise NotAuthorizedError(REFUSED)
            if not connection.execute(_OPENED, row).rowcount:
                raise ConfigurationError(f"there is no person {identity!r}; see: fairgate people list")
        return token

    def session(self, token: str, now: datetime) -> Session | None:
        """The session of this token, None where it is unknown, idle for 15 minutes, older than 8 hours, or disabled."""
        query = text("SELECT person, csrf, opened, used FROM session WHERE token = :token")
        with self.database.reading() as connection:
            row = connection.execute(query, {"token": _hash(token)}).first()
        if row is None:
            return None
        if not _alive(row.opened, row.used, now):
            self.close_session(token)
            return None
        if now - datetime.fromisoformat(row.used) >= SEEN_EVERY:
            self._used(token, now)
        person = self.person(row.person)
        return Session(person, row.csrf) if person is not None and person.active else None

    def _used(self, token: str, now: datetime) -> None:
        values = {"now": now.isoformat(), "token": _hash(token)}
        with self.database.writing() as connection:
            connection.execute(text("UPDATE session SET used = :now WHERE token = :token"), values)

    def close_session(self, token: str) -> None:
        """End a session."""
        with self.database.writing() as connection:
            connection.execute(text("DELETE FROM session WHERE token = :token"), {"token": _hash(token)})

    def _stored(self, identity: str) -> str | None:
        with self.database.reading() as connection:
            found: str | None = connection.execute(_SECRET, {"id": identity}).scalar()
            return found

    def _count_try(self, who: str, what: str, now: datetime, source: Source | None) -> None:
        """One more try, in one transaction with the question whether it is allowed."""
        keys = {_counted_as(who, source): (FREE_FAILURES, timedelta(hours=1), repr(who))}
        keys |= {key: (FREE_OF_STRANGERS, LONGEST_FOR_STRANGERS, said) for key, said in _totals(who, source).items()}
        with self.database.writing() as connection:
            counts = {key: _allowed(connection, key, rule, what, now) for key, rule in keys.items()}
            connection.execute(text("DELETE FROM failures WHERE until < :old"), {"old": (now - REMEMBERED).isoformat()})
            for key, count in counts.items():
                pause = _pause(count, keys[key][0], keys[key][1])
                connection.execute(_COUNTED, {"id": key, "count": count, "until": (now + pause).isoformat()})

    def _record_failure(self, identity: str, now: datetime) -> None:
        values = {"id": identity, "now": now.isoformat()}
        with self.database.writing() as connection:
            connection.execute(text("INSERT INTO failure VALUES (:id, :now)"), values)


def _check(person: Person, secret: str | None) -> None:
    if not _ID.fullmatch(person.id):
        raise ConfigurationError(f"{person.id!r} is not an id: write 1 to 64 of a-z, 0-9, dot, dash, underscore")
    if not person.name.strip() or not person.name.isprintable() or len(person.name) > 200:
        raise ConfigurationError(f"the printed name of {person.id!r} is empty, too long or not printable")
    wrong = [item for item in person.functions if not _FUNCTION.fullmatch(item)]
    if wrong or not person.functions:
        found = list(person.functions)
        raise ConfigurationError(f"the functions of {person.id!r} are {found}: write words such as compliance")
    if secret is not None:
        check_secret(secret)


def is_id(text: str) -> bool:
    """Whether somebody could have this id."""
    return _ID.fullmatch(text) is not None


def check_secret(secret: str) -> None:
    """Raises ConfigurationError where this cannot be a password."""
    try:
        secret.encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError("the password is not Unicode text: type it again") from error
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise ConfigurationError(
            f"a password has {MIN_SECRET} to {MAX_SECRET:,} characters; this one has {len(secret)}"
        )


def _counted_as(who: str, source: Source | None) -> str:
    """The name under which tries are counted; no id has a blank in it."""
    return who if source is None else f"{who} from {source.place}"


def _totals(who: str, source: Source | None) -> dict[str, str]:
    """Under what else a try from a strange place is counted, with what a message calls it."""
    if source is None or not source.strange:
        return {}
    return {f"* from {source.place}": source.place, f"{who} anywhere": f"{who!r} from places that are not known"}


def _allowed(connection: Connection, key: str, rule: tuple[int, timedelta, str], what: str, now: datetime) -> int:
    """How many tries it is with this one. Raises NotAuthorizedError where it must wait."""
    query = text("SELECT count, until FROM failures WHERE person = :id")
    row = connection.execute(query, {"id": key}).first()
    if row is None:
        return 1
    left = datetime.fromisoformat(row.until) - now
    if timedelta() < left <= _pause(row[0], *rule[:2]):  # a longer one only a clock that was set back makes
        raise NotAuthorizedError(f"too many wrong {what} for {rule[2]}: wait until {row.until[:19]} UTC")
    return int(row[0]) + 1


def _pause(failures: int, free: int = FREE_FAILURES, longest: timedelta = timedelta(hours=1)) -> timedelta:
    if failures < free:
        return timedelta()
    return min(longest, timedelta(seconds=2 ** min(failures - free, 12)))


def _fits(stored: str | None, identity: str, token: str) -> bool:
    """Whether a browser's token was made under this stored password; nobody's and an empty one fit nothing."""
    salt, _, mark = token.partition(".")
    given = mark.encode("utf-8", "surrogatepass")
    return bool(stored and mark) and hmac.compare_digest(given, _browser_mark(stored or "", identity, salt).encode())


def _browser_mark(stored: str, identity: str, salt: str) -> str:
    said = f"browser\n{identity}\n{salt}".encode("utf-8", "surrogatepass")
    return hmac.new(stored.encode(), said, hashlib.sha256).hexdigest()


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


def _matches(stored: str | None, secret: str) -> bool:
    """Also for an unknown id a hash is computed: the time taken must not tell whether an id exists."""
    from argon2.exceptions import InvalidHashError, VerificationError

    given = secret[: MAX_SECRET + 1].encode("utf-8", "surrogatepass")  # a longer one is nobody's, and costs no more
    with _TURN:
        if not stored:  # nobody, or somebody without a password
            _hasher().hash(given)
            return False
        try:
            return bool(_hasher().verify(stored, given))
        except (VerificationError, InvalidHashError):
            return False


def _alive(opened: str, used: str, now: datetime) -> bool:
    return now - datetime.fromisoformat(used) < IDLE and now - datetime.fromisoformat(opened) < LONGEST


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
