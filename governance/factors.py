"""A person sets up, replaces and takes back what shows that it is she. Each is an entry of the ledger: it is seen.

The first factor needs her password, each further one a factor that she has. Who has lost all of hers is let in again
by another signer.
"""

from __future__ import annotations

from governance.accounts_factors import count_use, forget_secrets
from governance.charter_factors import Passkey
from governance.charter_record import factor_event
from governance.charter_resets import ResetState
from governance.desk import Desk, charter_of
from governance.errors import ConfigurationError, NotAuthorizedError, SeparationOfDutiesError
from governance.passkey import NewPasskey, Page
from governance.people import Person
from governance.proving import Proof
from governance.second_factor import Enrolment, new_secret, spend_code, waiting_enrolment
from governance.statement import Entry, Statement

MAX_LABEL = 60
MAX_PASSKEYS = 20


def may_set_up(desk: Desk, proof: Proof) -> None:
    """Raises NotAuthorizedError where the person must show a factor that she has before she gets a further one."""
    charter = charter_of(desk)
    if charter.person(proof.person.id) is None:
        raise ConfigurationError(f"the ledger knows no person {proof.person.id!r}; see: fairgate people list")
    if proof.factor or proof.person.id in charter.reset or not charter.has_factor(proof.person.id):
        return
    raise NotAuthorizedError(
        f"{proof.person.name} has a second factor, and a further one needs it: use a passkey, a code or --key; where "
        f"all are lost, another signer helps: fairgate people totp {proof.person.id} --reset --as ID"
    )


def begin_code(desk: Desk, proof: Proof) -> Enrolment:
    """A new secret for an authenticator app. What she has counts until the new one is confirmed by a code of it."""
    may_set_up(desk, proof)
    return new_secret(desk.accounts, proof.person)


def confirm_code(desk: Desk, person: Person, how: str, code: str) -> Entry:
    """Record the app whose secret waits, by its first code; it replaces the one before. `how` she was authenticated.

    Raises NotAuthorizedError for a wrong code, ConfigurationError where no secret waits.
    """
    waits = waiting_enrolment(desk.accounts, person)
    if waits is None:
        raise ConfigurationError(
            f"no authenticator app of {person.id} waits for its first code: begin again, a secret waits for 15 minutes"
        )
    spend_code(desk.accounts, person.id, waits.fingerprint, code)
    entry = desk.ledger.append(
        factor_event("code-enrolled", person, person, how, {"fingerprint": waits.fingerprint}),
        idempotency_key=f"code-enrolled:{waits.fingerprint}",
    )
    forget_secrets(desk.accounts, person.id, but=waits.fingerprint)
    return entry


def remove_code(desk: Desk, proof: Proof) -> Entry:
    """Record that the person's authenticator app counts no more. Raises as `may_set_up`, and where she has none."""
    may_set_up(desk, proof)
    app = charter_of(desk).code_of(proof.person.id)
    if app is None:
        raise ConfigurationError(f"{proof.person.name} has no authenticator app")
    entry = desk.ledger.append(
        factor_event("code-removed", proof.person, proof.person, proof.how, {"fingerprint": app.fingerprint}),
        idempotency_key=f"code-removed:{app.fingerprint}",
    )
    forget_secrets(desk.accounts, proof.person.id)
    return entry


def reset_factors(desk: Desk, identity: str, by: Proof) -> Entry:
    """Record that another signer lets this person set up a factor anew; her authenticator app counts no more.

    Her passkeys and keys stay: what they signed still counts, and she takes back what is lost. Raises
    SeparationOfDutiesError for oneself, NotAuthorizedError for who signs nothing or shows no factor of her own.
    """

    def decide() -> Statement:
        charter = charter_of(desk)
        person, adopted, other = charter.person(identity), charter.adopted(), charter.person(by.person.id)
        if person is None:
            raise ConfigurationError(f"the ledger knows no person {identity!r}; see: fairgate people list")
        if person.id == by.person.id:
            raise SeparationOfDutiesError(f"{person.name} cannot do this for herself: another signer must")
        signers = adopted.signers if adopted else desk.policy.all_signers()
        if other is None or not by.person.active or not any(other.has(function) for function in signers):
            raise NotAuthorizedError(f"{by.person.name} cannot do this: it takes who holds {' or '.join(signers)}")
        last = charter.password_reset(person.id)
        stands = last is not None and (last.state is ResetState.DONE or last.open(desk.clock()))
        if last is not None and stands and by.person.id in (last.begun_by, last.confirmed_by):
            raise SeparationOfDutiesError(
                f"{by.person.name} took part in the last reset of this password, so another signer must; or two "
                f"begin a new reset that forgets the factors too: fairgate people reset {person.id} --forget-factors"
            )
        if not by.factor:
            raise NotAuthorizedError(f"{by.person.name} must show a second factor of her own for this: --code or --key")
        return factor_event("factors-reset", person, by.person, by.how, {})

    entry = desk.ledger.append_decided(decide)
    forget_secrets(desk.accounts, identity)
    return entry


def enrol_passkey(desk: Desk, proof: Proof, made: NewPasskey, page: Page, label: str) -> Entry:
    """Record a passkey as the person's own. Raises ConfigurationError where it is or was somebody's, or has no name."""
    label = " ".join(label.split())
    if not label or not label.isprintable() or len(label) > MAX_LABEL:
        raise ConfigurationError(f"name the passkey, in 1 to {MAX_LABEL} printable characters: for example, my phone")

    def decide() -> Statement:
        may_set_up(desk, proof)
        charter = charter_of(desk)
        if charter.passkey(made.credential) is not None:
            raise ConfigurationError("this passkey is or was enrolled: a passkey belongs to one person for ever")
        if len(charter.passkeys_of(proof.person.id)) >= MAX_PASSKEYS:
            raise ConfigurationError(f"{proof.person.name} has {MAX_PASSKEYS} passkeys: revoke one first")
        known = charter.person(proof.person.id) or proof.person
        kept = {"credential": made.credential, "public_key": made.public_key, "rp_id": page.rp_id}
        kept |= {"origin": page.origin, "label": label, "aaguid": made.aaguid}
        return factor_event("passkey-enrolled", known, known, proof.how, kept)

    entry = desk.ledger.append_decided(decide)
    count_use(desk.accounts, proof.person.id, made.credential, made.count)
    app = charter_of(desk).code_of(proof.person.id)  # a secret that was begun with the password alone waits no more
    forget_secrets(desk.accounts, proof.person.id, but=app.fingerprint if app else None)
    return entry


def revoke_passkey(desk: Desk, proof: Proof, credential: str) -> Entry:
    """Record that a passkey is no longer the person's: what it signed counts no more. Raises as `may_set_up`."""
    may_set_up(desk, proof)
    found: Passkey | None = charter_of(desk).passkey(credential)
    if found is None or found.holder != proof.person.id or found.revoked:
        raise ConfigurationError(f"this passkey is not one of {proof.person.name}")
    kept = {"credential": found.credential, "label": found.label}
    return desk.ledger.append(
        factor_event("passkey-revoked", proof.person, proof.person, proof.how, kept),
        idempotency_key=f"passkey-revoked:{found.credential}",
    )
