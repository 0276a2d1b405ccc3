"""Which identity at a provider of single sign-on is which person: recorded in the ledger, and kept beside the accounts.

Both must say so: whoever can write to the accounts alone lets nobody in as somebody else.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from governance.charter import Charter
from governance.charter_record import identity_event
from governance.desk import Desk, charter_of
from governance.enrolment import enrol, may_add, tidy
from governance.errors import ConfigurationError
from governance.identities import Identities, Identity
from governance.people import MACHINE, Person, actor
from governance.statement import Entry, Statement

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_LENGTH = 255


def link(desk: Desk, person: Person, identity: Identity, by: Person | None = None) -> Entry:
    """Record that this identity at a provider is the authenticated person's own. Linking it again changes nothing.

    `by`: who adds a person that comes in by single sign-on alone; nobody links another's identity to somebody who is
    there already, as that would be a way to sign in her name. Raises ConfigurationError where the identity is another
    person's, or cannot be one.
    """
    check_identity(identity)
    held = charter_of(desk).identity(identity.issuer, identity.subject)
    if held is not None and held.holder == person.id:  # recorded before a crash: the accounts' row may be missing
        _identities(desk).link(identity, person.id, desk.clock())
        return next(entry for entry in desk.ledger.entries() if entry.seq == held.seq)

    def decide() -> Statement:
        free(desk, identity)
        known = charter_of(desk).person(person.id)
        if known is None:
            raise ConfigurationError(f"the ledger knows no person {person.id!r}; see: fairgate people list")
        return identity_event("identity-linked", known, actor(by or known), identity.issuer, identity.subject)

    entry = desk.ledger.append_decided(decide)
    _identities(desk).link(identity, person.id, desk.clock())
    return entry


def enrol_signed_on(desk: Desk, person: Person, identity: Identity, by: Person | None) -> Entry:
    """Add a person without a password, who comes in by single sign-on alone; `person.issuer` is the provider.

    Adding the same person again finishes what a crash left, and gives a person of single sign-on whose identity was
    taken away another one. Raises as `enrol` and `link` do, before anything is recorded.
    """
    check_identity(identity)
    person, charter = tidy(person), charter_of(desk)
    if person.issuer != identity.issuer:
        raise ConfigurationError(f"{person.id} would be vouched for by {person.issuer}, and not by {identity.issuer}")
    held = charter.identity(identity.issuer, identity.subject)
    if held is None or held.holder != person.id:
        free(desk, identity)
    account = desk.accounts.person(person.id)
    if account is None:
        enrol(desk, person, None, by)
    elif not account == charter.person(person.id) == person or _linked_elsewhere(charter, person, identity):
        raise ConfigurationError(f"the id {person.id!r} is taken, and ids are never reused: choose another")
    else:  # a crash, or `unlink`, has left her without an identity
        may_add(desk, charter, person, by)
    return link(desk, person, identity, by)


def _linked_elsewhere(charter: Charter, person: Person, identity: Identity) -> bool:
    mine = (item for item in charter.identities if item.holder == person.id)
    return any((item.issuer, item.subject) != (identity.issuer, identity.subject) for item in mine)


def unlink(desk: Desk, identity: Identity, by: Person | None) -> Entry:
    """Record that the identity is no longer the person's. Never refused: taking rights away can wait for nobody.

    Raises ConfigurationError where it is nobody's.
    """
    charter = charter_of(desk)
    held = charter.identity(identity.issuer, identity.subject)
    person = charter.person(held.holder) if held else None
    if held is None or person is None:
        raise ConfigurationError(f"the identity {identity.subject!r} at {identity.issuer} is nobody's")
    _identities(desk).unlink(identity)
    statement = identity_event(
        "identity-unlinked", person, actor(by) if by else MACHINE, identity.issuer, identity.subject
    )
    return desk.ledger.append(statement, idempotency_key=f"identity-unlinked:{held.seq}")


def person_signed_on(desk: Desk, identity: Identity) -> Person | None:
    """The active person whose identity this is by the ledger and by the accounts; None where there is none."""
    held = charter_of(desk).identity(identity.issuer, identity.subject)
    kept = _identities(desk).person_of(identity)
    if held is None or held.holder != kept:
        return None
    found = desk.accounts.person(held.holder)
    known = charter_of(desk).person(held.holder)
    return found if found is not None and found.active and known is not None and known.active else None


def free(desk: Desk, identity: Identity) -> None:
    """Raises ConfigurationError where the identity is somebody's."""
    held = charter_of(desk).identity(identity.issuer, identity.subject)
    if held is not None:
        raise ConfigurationError(
            f"the identity {identity.subject!r} at {identity.issuer} is that of {held.holder} (ledger entry "
            f"{held.seq}): an identity is one person's; to take it back: fairgate people unlink"
        )


def check_identity(identity: Identity) -> None:
    """Raises ConfigurationError for what no provider writes (OpenID Connect Core 1.0, section 2: `iss` and `sub`)."""
    check_issuer(identity.issuer)
    subject = identity.subject
    if not 0 < len(subject) <= MAX_LENGTH or not subject.isascii() or not subject.isprintable():
        raise ConfigurationError(f"the subject has 1 to {MAX_LENGTH} ASCII characters, as the provider writes them")


def check_issuer(issuer: str) -> None:
    """Raises ConfigurationError for an issuer that is no https address; http is for this machine alone."""
    try:
        parts = urlsplit(issuer)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    plain = bool(host) and len(issuer) <= MAX_LENGTH and issuer.isascii() and issuer.isprintable() and " " not in issuer
    if not plain or parts.query or parts.fragment or parts.username is not None or not safe_address(issuer):
        raise ConfigurationError(f"the issuer is {issuer!r}; write the provider's address exactly, https://HOST/PATH")


def safe_address(address: str) -> bool:
    """Whether an address is https, or http on this machine: nothing of a sign-on crosses a network in the clear."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _identities(desk: Desk) -> Identities:
    return Identities(desk.accounts.database)
