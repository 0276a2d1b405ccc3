"""People join, leave, and get keys. Each is an entry of the ledger: an account that it does not know signs nothing."""

from __future__ import annotations

from dataclasses import replace

from governance.accounts_factors import forget_secrets
from governance.charter import Charter, confirmed
from governance.charter_record import key_event
from governance.desk import Desk, charter_of, use_policy
from governance.digests import digest_value
from governance.errors import ConfigurationError, NotAuthorizedError
from governance.people import MACHINE, Actor, Person, actor
from governance.statement import Entry, Statement


def enrol(desk: Desk, person: Person, secret: str | None, by: Person | None) -> Entry:
    """Record the person in the ledger and make her account; the desk's policy is in use from then on.

    Without a password (`secret` None) she comes in by single sign-on alone: see `linking.enrol_signed_on`.

    `by` is the authenticated person who adds her. Nobody is needed until two persons can sign; from then on, who may
    sign is added by somebody who may. An account that is there already, but not in the ledger (from before people
    were recorded, or made around Fairgate), is recorded where name, functions and password are the account's. Raises
    NotAuthorizedError, ConfigurationError for a taken id or bad values.
    """
    person = tidy(person)
    stands = _standing_account(desk, person, secret)
    _check(desk, person, by)
    use_policy(desk, MACHINE)

    def decide() -> Statement:
        _check(desk, person, by)
        return key_event("added", person, _actor(by))

    # The ledger first: where a crash parts the two, there is an entry without an account, which signs nothing, and
    # adding the same person again finishes it.
    entry = desk.ledger.append_decided(decide, idempotency_key=_key("added", person))
    if not stands:
        desk.accounts.add(person, secret)
    return entry


def tidy(person: Person) -> Person:
    """The person as she is recorded: her name without blanks around it, each function once."""
    return replace(person, name=person.name.strip(), functions=tuple(dict.fromkeys(person.functions)))


def why_not_dismiss(desk: Desk, by: Person, identity: str) -> str | None:
    """Why this person may not disable that one at the console, in one sentence; None where she may.

    Who may sign may, and everybody herself. At the command line, whoever runs the project needs nobody.
    """
    charter = charter_of(desk)
    people = confirmed(charter, desk.accounts.people())
    known = next((person for person in people if person.id == by.id), None)
    signers = adopted.signers if (adopted := charter.adopted()) else desk.policy.all_signers()
    if known is not None and (known.id == identity or any(known.has(function) for function in signers)):
        return None
    return f"{by.name} holds no function that signs ({', '.join(signers)}), and disables nobody but herself"


def dismiss(desk: Desk, identity: str, by: Person | None) -> Entry:
    """Disable the account and record it, for ever: who comes back gets a new id.

    Never refused: taking rights away can wait for nobody. Raises ConfigurationError for an unknown id.
    """
    person = charter_of(desk).person(identity) or desk.accounts.person(identity)
    if person is None:
        raise ConfigurationError(f"there is no person {identity!r}; see: fairgate people list")
    if desk.accounts.person(identity) is not None:
        desk.accounts.disable(identity)
    statement = key_event("disabled", person, _actor(by))
    return desk.ledger.append(statement, idempotency_key=_key("disabled", person))


def enrol_key(desk: Desk, person: Person, public: str) -> Entry:
    """Record that this Ed25519 key (base64 of 32 raw bytes) is the authenticated person's own.

    Raises ConfigurationError where it is, or ever was, somebody's already: one key under two names is two signatures
    of one person, and a key that was taken back stays so.
    """

    def decide() -> Statement:
        charter = charter_of(desk)
        known, held = charter.person(person.id), charter.key(public)
        if known is None:
            raise ConfigurationError(f"the ledger knows no person {person.id!r}; see: fairgate people list")
        if held is not None and held.holder != known.id:
            raise ConfigurationError(
                f"the key {public} is or was that of {held.holder}: a key belongs to one person for ever"
            )
        if held is not None:
            state = "was revoked: make a new one" if held.revoked else "is enrolled already"
            raise ConfigurationError(f"the key {public} of {known.name} {state} (ledger entry {held.seq})")
        return key_event("key-enrolled", known, actor(known), public)

    entry = desk.ledger.append_decided(decide)
    app = charter_of(desk).code_of(person.id)  # a secret that was begun with the password alone waits no more
    forget_secrets(desk.accounts, person.id, but=app.fingerprint if app else None)
    return entry


def revoke_key(desk: Desk, person: Person, public: str) -> Entry:
    """Record that a key is no longer the person's: what it signed counts no more. Raises ConfigurationError."""
    if charter_of(desk).key_holder(public) != person.id:
        raise ConfigurationError(f"the key {public} is not one of {person.name}")
    statement = key_event("key-revoked", person, actor(person), public)
    return desk.ledger.append(statement, idempotency_key=f"key-revoked:{public}")


def _standing_account(desk: Desk, person: Person, secret: str | None) -> bool:
    """Whether the account is there and only the ledger's entry is missing. Raises ConfigurationError for a taken id.

    Her password shows that the account is hers: one without a password cannot be recorded afterwards.
    """
    account = desk.accounts.person(person.id)
    if secret is None or account is None or account != person or charter_of(desk).person(person.id) is not None:
        desk.accounts.check(person, secret)
        return False
    desk.accounts.authenticate(person.id, secret)
    return True


def _check(desk: Desk, person: Person, by: Person | None) -> None:
    charter = charter_of(desk)
    _free(charter, person)
    may_add(desk, charter, person, by)


def _free(charter: Charter, person: Person) -> None:
    """Where only the account was missing, adding the same person again is fine; another one needs another id."""
    known = charter.person(person.id)
    if known is not None and known != person:
        held = ", ".join(known.functions)
        raise ConfigurationError(
            f"the ledger knows {person.id!r} as {known.name} ({held}), and ids are never reused: choose another"
        )


def may_add(desk: Desk, charter: Charter, person: Person, by: Person | None) -> None:
    """Raises NotAuthorizedError where she would sign, people decide on that, and `by` is none who may add her."""
    adopted = charter.adopted()
    signers = adopted.signers if adopted else desk.policy.all_signers()
    asked = [function for function in person.functions if function in signers]
    if not asked or not charter.settled(signers):
        return
    known = charter.person(by.id) if by else None
    if known is None or not any(known.has(function) for function in signers):
        raise NotAuthorizedError(
            f"{person.id} would sign as {', '.join(asked)}: let a person who holds {' or '.join(signers)} add her, "
            f"with --by ID"
        )


def _actor(by: Person | None) -> Actor:
    return actor(by) if by else MACHINE


def _key(event: str, person: Person) -> str:
    return f"person-{event}:" + digest_value([person.issuer, person.id, person.name, person.functions])
