"""A person gives herself a new password. Who has forgotten hers needs two others: see `resetting`."""

from __future__ import annotations

from governance.accounts import Source, check_secret
from governance.accounts_factors import forget_secrets
from governance.charter import Charter
from governance.charter_record import password_changed
from governance.desk import Desk, charter_of
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.people import Person
from governance.proving import Proof, not_by_password_alone
from governance.statement import Entry


def check_new(old: str, new: str, again: str) -> None:
    """Raises ConfigurationError where the new password cannot be one, is the old one, or was typed in two ways."""
    typed_twice(new, again)
    if old == new:
        raise ConfigurationError("the new password is the old one: choose another")
    check_secret(new)


def typed_twice(new: str, again: str) -> None:
    """Raises ConfigurationError where a new password was typed in two ways."""
    if new != again:
        raise ConfigurationError("the new password was typed in two different ways: type it twice, alike")


def has_password(desk: Desk, person: Person) -> None:
    """Raises ConfigurationError where she comes in by single sign-on alone, and so has no password."""
    if not desk.accounts.has_password(person.id):
        where = "" if person.issuer == "local" else f" at {person.issuer}"
        raise ConfigurationError(
            f"{person.name} ({person.id}) has no password here: she comes in by single sign-on{where}, and a password "
            f"is changed or reset there"
        )


def change_password(desk: Desk, proof: Proof, old: str, new: str, source: Source | None = None) -> Entry:
    """Record that the person changes her password, and change it. Every session of hers ends; her tokens stay.

    The old password is asked whatever else proved that it is she, and a second factor where she has one: a passkey
    that is borrowed for a minute must not give away the password too. Raises NotAuthorizedError, ConfigurationError.
    """
    charter, person = charter_of(desk), proof.person
    known = charter.person(person.id)
    if known is None:
        raise ConfigurationError(f"the ledger knows no person {person.id!r}; see: fairgate people list")
    has_password(desk, person)
    if not proof.factor:
        not_by_password_alone(charter, person, proof.assurance)
    check_new(old, new, new)
    if desk.accounts.authenticate(person.id, old, source).id != known.id or not known.active:
        raise NotAuthorizedError(f"the account {person.id} is disabled")
    # The ledger first: an entry without a new password harms nobody, a new password without an entry is seen by nobody.
    entry = desk.ledger.append(password_changed(known, proof.how))
    desk.accounts.set_secret(person.id, new, tokens=False)
    drop_waiting(desk, charter, person.id)
    return entry


def drop_waiting(desk: Desk, charter: Charter, identity: str) -> None:
    """A secret of an app that was begun with the old password waits no more for its first code."""
    app = charter.code_of(identity)
    forget_secrets(desk.accounts, identity, but=app.fingerprint if app else None)
