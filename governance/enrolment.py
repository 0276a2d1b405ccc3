"""People join, leave, and get keys. Each is an entry of the ledger: an account that it does not know signs nothing."""

from __future__ import annotations

from governance.charter_record import key_event
from governance.desk import Desk, charter_of
from governance.digests import digest_value
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.people import MACHINE, Actor, Person, actor
from governance.statement import Entry, Statement


def enrol(desk: Desk, person: Person, secret: str, by: Person | None) -> Entry:
    """Record the person in the ledger and make her account.

    `by` is the authenticated person who adds her. Nobody is needed until two persons can sign; from then on, who may
    sign is added by somebody who may. Raises NotAuthorizedError, ConfigurationError for a taken id or bad values.
    """
    desk.accounts.check(person, secret)
    _may_add(desk, person, by)
    statement = key_event("added", person, _actor(by))
    # The ledger first: where a crash parts the two, there is an entry without an account, which signs nothing.
    entry = desk.ledger.append(statement, idempotency_key=_key("added", person))
    desk.accounts.add(person, secret)
    return entry


def dismiss(desk: Desk, identity: str, by: Person | None) -> Entry:
    """Disable the account and record it. Never refused: taking rights away can wait for nobody.

    Raises ConfigurationError for an unknown id.
    """
    person = _known(desk, identity)
    desk.accounts.disable(identity)
    statement = key_event("disabled", person, _actor(by))
    return desk.ledger.append(statement, idempotency_key=_key("disabled", person))


def enrol_key(desk: Desk, person: Person, public: str) -> Entry:
    """Record that this Ed25519 key (base64 of 32 raw bytes) is the authenticated person's own.

    Raises ConfigurationError where it is, or ever was, somebody's already: one key under two names is two signatures
    of one person.
    """

    def decide() -> Statement:
        known, holder = _known(desk, person.id), _ever_held(desk, public)
        if holder is not None and holder != person.id:
            raise ConfigurationError(
                f"the key {public} is or was that of {holder}: a key belongs to one person for ever"
            )
        return key_event("key-enrolled", known, actor(person), public)

    return desk.ledger.append_decided(decide)


def revoke_key(desk: Desk, person: Person, public: str) -> Entry:
    """Record that a key is no longer the person's: what it signed counts no more. Raises ConfigurationError."""
    if charter_of(desk).key_holder(public) != person.id:
        raise ConfigurationError(f"the key {public} is not one of {person.name}")
    return desk.ledger.append(key_event("key-revoked", person, actor(person), public))


def _may_add(desk: Desk, person: Person, by: Person | None) -> None:
    charter = charter_of(desk)
    adopted = charter.adopted()
    signers = adopted.signers if adopted else desk.policy.all_signers()
    asked = [function for function in person.functions if function in signers]
    if not asked or not charter.settled(signers):
        return
    known = charter.person(by.id) if by else None
    if by is None or known is None or not any(known.has(function) for function in signers):
        raise NotAuthorizedError(
            f"{person.id} would sign as {', '.join(asked)}: let a person who holds {' or '.join(signers)} add her, "
            f"with --as ID"
        )


def _known(desk: Desk, identity: str) -> Person:
    found = charter_of(desk).person(identity)
    if found is None:
        raise ConfigurationError(f"the ledger knows no person {identity!r}; see: fairgate people list")
    return found


def _ever_held(desk: Desk, public: str) -> str | None:
    """Whose key this ever was: revoked ones too."""
    events = (e.statement.body for e in desk.ledger.entries(subject="charter") if "public_key" in e.statement.body)
    return next((str(body["person"]["id"]) for body in events if body["public_key"] == public), None)


def _actor(by: Person | None) -> Actor:
    return actor(by) if by else MACHINE


def _key(event: str, person: Person) -> str:
    return f"person-{event}:" + digest_value([person.issuer, person.id, person.name, person.functions])
