"""Who may act, in which functions, for whom, and under which policy: read from the ledger alone. Pure.

An account that the ledger does not know signs nothing, and neither does a policy that people did not adopt count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from governance.charter_factors import CodeApp, LinkedIdentity, OwnKey, Passkey
from governance.charter_resets import TOGETHER, PasswordReset, ResetState, resets_after
from governance.people import Person
from governance.statement import Entry, PredicateType

CHARTER = "charter"
"""The subject that every statement about people, keys, delegations and policies has in common."""

ADOPTERS = 2
"""How many persons adopt a policy that replaces another one."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """`delegator` lets `delegate` sign in one function until `until`; the exclusions of both hold. Ids of persons."""

    seq: int
    delegator: str
    delegate: str
    function: str
    since: datetime
    until: datetime
    reason: str
    revoked: bool = False

    def holds(self, now: datetime) -> bool:
        """Whether it can be used now."""
        return not self.revoked and self.since <= now < self.until


@dataclass(frozen=True, slots=True)
class Adoption:
    """A policy in force from entry `seq` on. `by` are the persons who adopted it; empty for the first one of all."""

    digest: str
    seq: int
    time: datetime
    name: str
    version: str
    by: tuple[str, ...]
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endorsement:
    """One person's approval of a policy that is not in force (yet)."""

    digest: str
    seq: int
    person: str
    function: str


@dataclass(frozen=True, slots=True)
class Charter:
    """People by the ledger's record, their own keys, delegations, and policies in order.

    `founded`: once two persons held functions that sign under the policy in force. From then on and for ever, people
    decide on policies and on who signs, also where some of them have left since. `reset` are those whom another signer
    allowed to set up a factor anew with the password alone. `added_by` says which person added whom, for those whom one
    did; `linked` is every (issuer, subject, id) that ever was.
    """

    people: tuple[Person, ...] = ()
    keys: tuple[OwnKey, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    adoptions: tuple[Adoption, ...] = ()
    endorsements: tuple[Endorsement, ...] = ()
    founded: bool = False
    passkeys: tuple[Passkey, ...] = ()
    codes: tuple[CodeApp, ...] = ()
    reset: frozenset[str] = frozenset()
    identities: tuple[LinkedIdentity, ...] = ()
    password_resets: tuple[PasswordReset, ...] = ()
    added_by: Mapping[str, str] = field(default_factory=dict)
    linked: frozenset[tuple[str, str, str]] = frozenset()

    def adopted(self) -> Adoption | None:
        """The policy in force, None where none ever was."""
        return self.adoptions[-1] if self.adoptions else None

    def in_force(self, digest: str) -> bool:
        """Whether this is the policy that people adopted last."""
        return bool(self.adoptions) and self.adoptions[-1].digest == digest

    def person(self, identity: str) -> Person | None:
        """The person with this id, as the ledger knows her."""
        return next((person for person in self.people if person.id == identity), None)

    def key(self, public: str) -> OwnKey | None:
        """Whose key this is or, revoked, was; None where it never was anybody's."""
        return next((item for item in self.keys if item.public == public), None)

    def key_holder(self, public: str, before: int | None = None) -> str | None:
        """Whose key this is, None where it is nobody's, was revoked, or was enrolled only after the entry `before`."""
        found = self.key(public)
        if found is None or found.revoked or (before is not None and found.seq >= before):
            return None
        return found.holder

    def keys_of(self, identity: str) -> tuple[OwnKey, ...]:
        """The keys with which this person can sign now."""
        return tuple(item for item in self.keys if item.holder == identity and not item.revoked)

    def passkey(self, credential: str) -> Passkey | None:
        """Whose passkey this is or, revoked, was; None where it never was anybody's."""
        return next((item for item in self.passkeys if item.credential == credential), None)

    def passkeys_of(self, identity: str) -> tuple[Passkey, ...]:
        """The passkeys with which this person can sign now."""
        return tuple(item for item in self.passkeys if item.holder == identity and item.usable)

    def code_of(self, identity: str) -> CodeApp | None:
        """The authenticator app whose codes count for this person, None where she has none."""
        return next((item for item in self.codes if item.holder == identity), None)

    def has_factor(self, identity: str) -> bool:
        """Whether this person has anything beside her password to show that it is she."""
        return bool(self.code_of(identity) or self.passkeys_of(identity) or self.keys_of(identity))

    def identity(self, issuer: str, subject: str) -> LinkedIdentity | None:
        """Whose identity at a provider this is now, None where it is nobody's."""
        return next((item for item in self.identities if (item.issuer, item.subject) == (issuer, subject)), None)

    def password_reset(self, identity: str) -> PasswordReset | None:
        """The newest reset of this person's password, None where there never was one."""
        return next((item for item in reversed(self.password_resets) if item.person == identity), None)

    def password_reset_done(self, identity: str) -> PasswordReset | None:
        """The newest reset by which this person was let in, None where none was ever done."""
        done = (x for x in reversed(self.password_resets) if x.person == identity and x.state is ResetState.DONE)
        return next(done, None)

    def let_in_by(self, identity: str, then: datetime, *, before: int, password: bool) -> frozenset[str]:
        """Who let this person in again lately, so that an act of hers before the entry `before` may be theirs.

        `password`: nothing but a password showed that it was she.
        """
        done = (item for item in self.password_resets if item.state is ResetState.DONE and item.person == identity)
        fits = (x for x in done if (x.ended_by or 0) < before and x.ended_at and then < x.ended_at + TOGETHER)
        return frozenset(who for x in fits if x.alone or password for who in (x.begun_by, x.confirmed_by))

    def delegations_to(self, delegate: str, function: str, now: datetime) -> tuple[Delegation, ...]:
        """The delegations by which this person may sign in this function now."""
        fits = (item for item in self.delegations if (item.delegate, item.function) == (delegate, function))
        return tuple(item for item in fits if item.holds(now))

    def delegated(self, delegator: str, delegate: str, function: str, then: datetime, *, before: int) -> bool:
        """Whether a delegation between the two, from before the entry `before`, stood then and is not revoked since."""
        fits = (delegator, delegate, function)
        given = (x for x in self.delegations if (x.delegator, x.delegate, x.function) == fits)
        return any(x.holds(then) and x.seq < before for x in given)

    def endorsed(self, digest: str) -> tuple[Endorsement, ...]:
        """The approvals that a policy has, each by another person who could give it now.

        Adoption of any policy starts the count anew.
        """
        return tuple(item for item in self.endorsements if item.digest == digest and self._may_endorse(item))

    def able(self, signers: tuple[str, ...]) -> tuple[Person, ...]:
        """The active persons who hold one of these functions."""
        return tuple(person for person in self.people if any(person.has(function) for function in signers))

    def settled(self, signers: tuple[str, ...]) -> bool:
        """Whether people decide on policies and on signers; until two of them can, the installation is being set up."""
        return self.founded or len(self.able(signers)) >= ADOPTERS

    def _may_endorse(self, item: Endorsement) -> bool:
        person, now = self.person(item.person), self.adopted()
        return person is not None and now is not None and item.function in now.signers and person.has(item.function)


def charter_from(entries: Iterable[Entry]) -> Charter:
    """The charter that these entries (those about the subject `charter`, in order) add up to."""
    charter = Charter()
    for entry in entries:
        make = _READERS.get(entry.statement.predicate_type)
        charter = _founded(make(charter, entry)) if make else charter
    return charter


def confirmed(charter: Charter, accounts: Iterable[Person]) -> tuple[Person, ...]:
    """The people that both the ledger and the accounts know, under the ledger's name for them.

    Each has the functions that both give her: whoever can write to the accounts alone can only take rights away.
    """
    found = {(person.issuer, person.id): person for person in charter.people}
    pairs = ((account, found.get((account.issuer, account.id))) for account in accounts)
    return tuple(_both(account, person) for account, person in pairs if person is not None)


def _both(account: Person, person: Person) -> Person:
    functions = tuple(item for item in person.functions if item in account.functions)
    return replace(person, functions=functions, active=account.active and person.active)


def _founded(charter: Charter) -> Charter:
    now = charter.adopted()
    return replace(charter, founded=True) if now is not None and charter.settled(now.signers) else charter


def _key_event(charter: Charter, entry: Entry) -> Charter:
    body = entry.statement.body
    who = body["person"]
    match body["event"]:
        case "added":
            person = Person(who["id"], who["name"], tuple(who["functions"]), who["issuer"])
            known = charter.person(person.id) is not None  # an id is never reused: a second person is not believed
            return charter if known else _joined(charter, person, entry)
        case "disabled":
            gone = tuple(replace(p, active=False) if p.id == who["id"] else p for p in charter.people)
            return replace(charter, people=gone)
        case "key-enrolled" if charter.key(body["public_key"]) is None:  # a key is one person's, and once
            own = OwnKey(entry.seq, body["public_key"], who["id"])
            return replace(charter, keys=(*charter.keys, own))
        case "key-revoked":
            lost = (replace(x, revoked=True) if x.public == body["public_key"] else x for x in charter.keys)
            return replace(charter, keys=tuple(lost))
        case "identity-linked" | "identity-unlinked":
            return _identity_event(charter, entry)
        case "password-reset-begun" | "password-reset-confirmed" | "password-reset-done" | "password-reset-void":
            return _reset_event(charter, entry)
    return _factor_event(charter, entry)


def _joined(charter: Charter, person: Person, entry: Entry) -> Charter:
    by = entry.statement.actor
    added = {**charter.added_by, person.id: by.id} if by.kind == "person" else charter.added_by
    return replace(charter, people=(*charter.people, person), added_by=added)


def _reset_event(charter: Charter, entry: Entry) -> Charter:
    """Resets of passwords. One that is done ends what another signer allowed, unless it forgets the factors itself."""
    who = str(entry.statement.body["person"]["id"])
    resets = resets_after(charter.password_resets, entry, factor=charter.has_factor(who))
    charter = replace(charter, password_resets=resets)
    done = next((x for x in resets if x.ended_by == entry.seq and x.state is ResetState.DONE), None)
    if done is None:
        return charter
    if not done.forget:
        return replace(charter, reset=charter.reset - {who})
    gone = (replace(x, retired=entry.seq) if x.holder == who and x.usable else x for x in charter.passkeys)
    codes = tuple(item for item in charter.codes if item.holder != who)
    return replace(charter, passkeys=tuple(gone), codes=codes, reset=charter.reset | {who})


def _factor_event(charter: Charter, entry: Entry) -> Charter:
    """Passkeys and authenticator apps. Who sets one up has used up what a reset allowed her."""
    body = entry.statement.body
    holder, said = str(body["person"].get("id", "")), body.get("factor", {})
    others = tuple(item for item in charter.codes if item.holder != holder)
    match body["event"]:
        case "passkey-enrolled" if charter.passkey(said["credential"]) is None:  # one person's, and once
            found = Passkey(
                seq=entry.seq,
                time=entry.time,
                holder=holder,
                credential=str(said["credential"]),
                public_key=str(said["public_key"]),
                rp_id=str(said["rp_id"]),
                origin=str(said["origin"]),
                label=str(said["label"]),
                aaguid=str(said["aaguid"]),
            )
            return replace(charter, passkeys=(*charter.passkeys, found), reset=charter.reset - {holder})
        case "passkey-revoked":
            lost = (replace(x, revoked=True) if x.credential == said["credential"] else x for x in charter.passkeys)
            return replace(charter, passkeys=tuple(lost))
        case "code-enrolled":
            app = CodeApp(entry.seq, entry.time, holder, str(said["fingerprint"]))
            return replace(charter, codes=(*others, app), reset=charter.reset - {holder})
        case "code-removed":
            return replace(charter, codes=others)
        case "factors-reset":
            return replace(charter, codes=others, reset=charter.reset | {holder})
    return charter


def _identity_event(charter: Charter, entry: Entry) -> Charter:
    """Identities at providers: each is one person's at a time."""
    body = entry.statement.body
    issuer, subject = str(body["identity"]["issuer"]), str(body["identity"]["subject"])
    if body["event"] == "identity-unlinked":
        left = tuple(item for item in charter.identities if (item.issuer, item.subject) != (issuer, subject))
        return replace(charter, identities=left)
    if charter.identity(issuer, subject) is not None:
        return charter
    found = LinkedIdentity(entry.seq, issuer, subject, str(body["person"]["id"]))
    linked = charter.linked | {(issuer, subject, found.holder)}
    return replace(charter, identities=(*charter.identities, found), linked=linked)


def _delegation(charter: Charter, entry: Entry) -> Charter:
    body = entry.statement.body
    if body["event"] == "revoked":
        kept = (replace(x, revoked=True) if x.seq == body["delegation"] else x for x in charter.delegations)
        return replace(charter, delegations=tuple(kept))
    given = Delegation(
        seq=entry.seq,
        delegator=entry.statement.actor.id,
        delegate=body["delegate"],
        function=body["function"],
        since=entry.time,
        until=datetime.fromisoformat(body["until"]),
        reason=body["reason"],
    )
    return replace(charter, delegations=(*charter.delegations, given))


def _in_use(charter: Charter, entry: Entry) -> Charter:
    """The first policy is in force by its use; later ones only while there are not two persons to adopt them."""
    now = charter.adopted()
    if now is not None and charter.settled(now.signers):
        return charter
    return _adopt(charter, entry, ())


def _endorsed(charter: Charter, entry: Entry) -> Charter:
    statement = entry.statement
    digest = statement.digest_of("policy") or ""
    given = Endorsement(digest, entry.seq, statement.actor.id, statement.body["function"])
    if given.person in {item.person for item in charter.endorsed(digest)}:
        return charter
    charter = replace(charter, endorsements=(*charter.endorsements, given))
    by = tuple(item.person for item in charter.endorsed(digest))
    return _adopt(charter, entry, by) if len(by) >= ADOPTERS else charter


def _adopt(charter: Charter, entry: Entry, by: tuple[str, ...]) -> Charter:
    body: Mapping[str, Any] = entry.statement.body
    digest = entry.statement.digest_of("policy") or ""
    adoption = Adoption(digest, entry.seq, entry.time, body["name"], body["version"], by, tuple(body["signers"]))
    return replace(charter, adoptions=(*charter.adoptions, adoption), endorsements=())


_READERS = {
    PredicateType.KEY_EVENT: _key_event,
    PredicateType.DELEGATION: _delegation,
    PredicateType.POLICY: _in_use,
    PredicateType.POLICY_APPROVAL: _endorsed,
}
