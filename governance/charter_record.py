"""What goes into the ledger about people, keys, delegations and policies. `charter` reads it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.charter import CHARTER, Delegation
from governance.charter_resets import PasswordReset
from governance.digests import digest_value, plain
from governance.people import Actor, Person, actor
from governance.policy import Policy
from governance.statement import PredicateType, ResourceDigest, Statement

_CHARTER = ResourceDigest(CHARTER, digest_value([CHARTER]))


def person_of(person: Person) -> ResourceDigest:
    """A person as a subject of statements."""
    return ResourceDigest(f"person/{person.id}", digest_value(["person", person.issuer, person.id]))


def key_event(event: str, person: Person, by: Actor, public_key: str | None = None) -> Statement:
    """event: added, disabled, key-enrolled or key-revoked. `public_key` is the base64 of 32 raw Ed25519 bytes."""
    words = {
        "added": f"{person.name} ({person.id}) may act as {', '.join(person.functions)}",
        "disabled": f"{person.name} ({person.id}) may act no more",
        "key-enrolled": f"the key {public_key} is that of {person.name} ({person.id})",
        "key-revoked": f"the key {public_key} is no longer that of {person.name} ({person.id})",
    }
    body = {"event": event, "person": plain(person), "public_key": public_key}
    return Statement(PredicateType.KEY_EVENT, (_CHARTER, person_of(person)), by, words[event], body)


def factor_event(event: str, person: Person, by: Person, authentication: str, factor: Mapping[str, str]) -> Statement:
    """event: passkey-enrolled, passkey-revoked, code-enrolled, code-removed or factors-reset.

    `factor` is what is kept of it: of a passkey all that verifies its signatures, of an app no secret.
    `authentication` says how `by` was authenticated for this.
    """
    who, label = f"{person.name} ({person.id})", factor.get("label", "")
    words = {
        "passkey-enrolled": f"the passkey “{label}” for {factor.get('rp_id')} is that of {who}",
        "passkey-revoked": f"the passkey “{label}” is no longer that of {who}",
        "code-enrolled": f"{who} has set up an authenticator app",
        "code-removed": f"{who} has taken her authenticator app back",
        "factors-reset": f"{by.name} ({by.id}) lets {who} set up a second factor anew",
    }
    body = {
        "event": event,
        "person": plain(person),
        "public_key": None,
        "factor": dict(factor),
        "authentication": authentication,
    }
    return Statement(PredicateType.KEY_EVENT, (_CHARTER, person_of(person)), actor(by), words[event], body)


def password_changed(person: Person, authentication: str) -> Statement:
    """The person has a new password of her own choice. Nothing of it is kept here."""
    meaning = f"{person.name} ({person.id}) has changed her password"
    body = {"event": "password-changed", "person": plain(person), "public_key": None, "authentication": authentication}
    return Statement(PredicateType.KEY_EVENT, (_CHARTER, person_of(person)), actor(person), meaning, body)


def reset_begun(person: Person, by: Person, authentication: str, reset: Mapping[str, Any]) -> Statement:
    """`by` begins a reset of this person's password. `reset`: reason, forget, until, half (a fingerprint)."""
    forget = ", and forgets her authenticator app and passkeys" if reset["forget"] else ""
    meaning = f"{by.name} ({by.id}) begins a reset of the password of {person.name} ({person.id}){forget}"
    body = _reset_body("begun", person, authentication, {**reset, "begun_by": plain(actor(by))})
    return Statement(PredicateType.KEY_EVENT, _reset_of(person, by), actor(by), meaning, body)


def reset_moved(
    event: str, person: Person, found: PasswordReset, persons: tuple[Person, ...], by: Actor, said: Mapping[str, str]
) -> Statement:
    """event: confirmed, done or void. `persons` are who began it and, from then on, who confirmed it.

    `said`: authentication, and half (a fingerprint) of a confirmation or why it is void.
    """
    who, by_whom = f"{person.name} ({person.id})", " and ".join(f"{item.name} ({item.id})" for item in persons)
    words = {
        "confirmed": f"{by.name} ({by.id}) confirms the reset of the password of {who} that entry {found.seq} began",
        "done": f"{who} has set a new password, let in by {by_whom}",
        "void": f"the reset of the password of {who} that entry {found.seq} began is void: {said.get('why')}",
    }
    names = ("begun_by", "confirmed_by")
    kept = {
        "begun": found.seq,
        "forget": found.forget,
        **dict(zip(names, map(plain, map(actor, persons)), strict=False)),
    }
    kept |= {name: value for name, value in said.items() if name != "authentication"}
    body = _reset_body(event, person, said["authentication"], kept)
    return Statement(PredicateType.KEY_EVENT, _reset_of(person, *persons), by, words[event], body)


def _reset_body(event: str, person: Person, authentication: str, reset: Mapping[str, Any]) -> dict[str, Any]:
    said = {"event": f"password-reset-{event}", "person": plain(person), "public_key": None}
    return {**said, "authentication": authentication, "reset": dict(reset)}


def _reset_of(person: Person, *others: Person) -> tuple[ResourceDigest, ...]:
    return (_CHARTER, person_of(person), *(person_of(item) for item in others))


def identity_event(event: str, person: Person, by: Actor, issuer: str, subject: str) -> Statement:
    """event: identity-linked or identity-unlinked. Who is `subject` at the provider `issuer` is this person."""
    words = {
        "identity-linked": f"{subject} at {issuer} is {person.name} ({person.id})",
        "identity-unlinked": f"{subject} at {issuer} is no longer {person.name} ({person.id})",
    }
    said = {"issuer": issuer, "subject": subject}
    body = {"event": event, "person": plain(person), "public_key": None, "identity": said}
    return Statement(PredicateType.KEY_EVENT, (_CHARTER, person_of(person)), by, words[event], body)


def policy_in_use(policy: Policy, by: Actor) -> Statement:
    """The policy's bytes are in the evidence store under this digest and were first used here."""
    meaning = f"policy {policy.name} {policy.version} ({policy.digest[:19]}) is in use"
    return Statement(PredicateType.POLICY, _policy(policy), by, meaning, _described(policy), policy.digest)


def policy_endorsed(policy: Policy, person: Person, function: str, body: dict[str, Any]) -> Statement:
    """A person approves that the policy comes into force. `body`: reason, authentication, assurance."""
    meaning = f"I approve the policy {policy.name} {policy.version} ({policy.digest[:19]}), as {function}"
    said = {**_described(policy), "function": function, **body}
    return Statement(PredicateType.POLICY_APPROVAL, _policy(policy), actor(person), meaning, said, policy.digest)


def delegated(delegator: Person, delegate: Person, function: str, until: datetime, body: dict[str, Any]) -> Statement:
    """The delegator lets the delegate sign in one of her functions. `body`: reason, authentication, assurance."""
    meaning = f"{delegate.name} may sign as {function} for {delegator.name} until {until:%Y-%m-%d %H:%M} UTC"
    said = {"event": "given", "delegate": delegate.id, "function": function, "until": until.isoformat(), **body}
    subjects = (_CHARTER, person_of(delegator), person_of(delegate))
    return Statement(PredicateType.DELEGATION, subjects, actor(delegator), meaning, said)


def delegation_revoked(found: Delegation, person: Person, reason: str) -> Statement:
    """A delegation holds no more, from here on."""
    meaning = f"the delegation of entry {found.seq}, to {found.delegate} as {found.function}, is revoked"
    body = {"event": "revoked", "delegation": found.seq, "reason": reason}
    return Statement(PredicateType.DELEGATION, (_CHARTER, person_of(person)), actor(person), meaning, body)


def _policy(policy: Policy) -> tuple[ResourceDigest, ...]:
    return (_CHARTER, ResourceDigest("policy", policy.digest))


def _described(policy: Policy) -> dict[str, Any]:
    return {"name": policy.name, "version": policy.version, "signers": list(policy.all_signers())}
