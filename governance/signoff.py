"""Sign, refuse, withdraw: acts of people, bound to what they saw."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from governance.case import Case, case_of, open_case, rules_of
from governance.condition import MAX_CONDITIONS, MAX_TEXT, Condition
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.dossier import SignOff
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.people import Person
from governance.policy import Assurance
from governance.proving import Proof
from governance.quorum import why_void
from governance.record import Shown, Signature, assured, signed, withdrawn
from governance.sections import Reading, unopened
from governance.statement import Entry, Statement
from governance.user_key import Assertion, challenge, sign_with

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

APPROVE, REFUSE = "approve", "refuse"
MAX_REASON = 4_000
_NO_ANSWER = Assertion("", "", "", "")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to sign: approve or refuse, in one function, with a reason, having seen `shown`.

    `assurance` is how sure the server is that it is she; `key` her own private key, where she signs with one: it signs
    what is recorded, and is not kept. `passkey` is what her passkey answered to the challenge of this very wish
    (`challenged`), which was made at `asked_at`: the end of an approval counts from there. `reading` is what she opened
    of this evidence, None where nobody counted. `behalf` is for whom she was shown to sign: the delegator's id, empty
    for herself, None where nothing was shown.
    """

    function: str
    decision: str
    reason: str
    shown: Shown
    authentication: str
    key: Ed25519PrivateKey | None = None
    assurance: Assurance = Assurance.PASSWORD
    passkey: Assertion | None = None
    asked_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    reading: Reading | None = None
    behalf: str | None = None

    def offers(self) -> Assurance:
        """The assurance that the record would have."""
        return assured(self.assurance, own_key=bool(self.key or self.passkey))


def sign(desk: Desk, case: Case, person: Person, wish: Wish) -> Entry:
    """Record a sign-off or a refusal of the case, computed anew from the ledger.

    `person` must have been authenticated for this very act. Raises StaleEvidenceError where what was shown has
    moved, NotAuthorizedError, SeparationOfDutiesError, AlreadyDecidedError, or SignOffRefusedError.
    """
    name, version, alias = case.subject.name, case.subject.version, case.target.alias

    def decide() -> Statement:
        now = open_case(desk, name, version, alias)
        check(desk, now, person, wish)
        return _signed(desk, now, person, wish)

    return desk.ledger.append_decided(decide)


def will_of(desk: Desk, case: Case, person: Person, wish: Wish, asked_at: datetime) -> bytes:
    """The challenge that the person's passkey signs for this wish of now. Raises as `sign` does, before she touches it.

    The end is willed too, so it counts from `asked_at`, also where she takes a minute to answer.
    """
    asked = replace(wish, authentication="passkey", passkey=_NO_ANSWER, asked_at=asked_at)
    now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
    check(desk, now, person, asked)
    statement = signed(now.dossier, asked.shown, _signature(desk, now, person, asked))
    return challenge(person.id, statement.body)


def _signed(desk: Desk, case: Case, person: Person, wish: Wish) -> Statement:
    """The statement; where the person has a key, that signs what the statement says she wills."""
    signature = _signature(desk, case, person, wish)
    statement = signed(case.dossier, wish.shown, signature)
    if wish.key is not None:
        proof = sign_with(wish.key, challenge(person.id, statement.body))
        if case.dossier.charter.key_holder(proof.public) != person.id:
            raise NotAuthorizedError(
                f"the key {proof.public} is not enrolled for {person.name}: fairgate people enroll-key {person.id}"
            )
        signature = replace(signature, key=proof)
    if wish.passkey is not None:
        _asserted(case, person, wish.passkey, challenge(person.id, statement.body))
        signature = replace(signature, passkey=wish.passkey)
    return signed(case.dossier, wish.shown, signature)


def _asserted(case: Case, person: Person, assertion: Assertion, will: bytes) -> None:
    """Raises NotAuthorizedError where the passkey is not hers, or did not sign this will: what is recorded holds."""
    from governance.passkey import count_of

    found = case.dossier.charter.passkey(assertion.credential_id)
    if found is None or found.holder != person.id or not found.usable:
        raise NotAuthorizedError(f"this passkey is not one of {person.name}: see the page /me of the console")
    count_of(found, assertion, will)


def _signature(desk: Desk, case: Case, person: Person, wish: Wish) -> Signature:
    known = case.dossier.person(person.id) or person
    return Signature(
        person=known,
        function=wish.function,
        decision=wish.decision,
        reason=wish.reason.strip(),
        authentication=wish.authentication,
        expires_at=_expiry(desk, case, wish) if wish.decision == APPROVE else None,
        on_behalf_of=signs_for(case, known, wish.function),
        assurance=wish.assurance,
        conditions=tuple(replace(item, text=item.text.strip()) for item in wish.conditions),
        reading=wish.reading,
    )


def signs_for(case: Case, person: Person, function: str) -> str | None:
    """Whom this person signs for in this function: somebody who could sign herself. None where she holds it."""
    if person.has(function):
        return None
    found = case.dossier.charter.delegations_to(person.id, function, case.dossier.now)
    return next((item.delegator for item in found if _could_sign(case, item.delegator, function)), None)


def _could_sign(case: Case, identity: str, function: str) -> bool:
    holder = case.dossier.person(identity)
    return holder is not None and holder.has(function) and identity not in case.dossier.excluded()


def withdraw(
    desk: Desk, case: Case, proof: Proof, reason: str, only: Collection[int] | None = None
) -> tuple[Entry, ...]:
    """Withdraw approvals of this target: a signer takes back her own, a person with a quorum function any.

    Both are as the ledger has them, by the policy in force. All that she may, or `only` those in these entries; `proof`
    is who she is and how that was shown, which the entries say. Raises NotAuthorizedError where the person may not,
    SignOffRefusedError where there is nothing to withdraw.
    """
    reasoned(reason)
    person = proof.person
    case = case_of(desk, case.subject, case.target)
    known = case.dossier.person(person.id)
    standing = [seq for seq, _ in _standing(case) if only is None or seq in only]
    mine = [seq for seq in withdrawable(desk, case, person) if seq in standing]
    if standing and not mine:
        raise NotAuthorizedError(f"{person.name} neither gave a sign-off of {case.subject} nor may withdraw another's")
    if not mine:
        which = "" if only is None else " among those chosen"
        raise SignOffRefusedError(f"there is no sign-off of {case.subject} as {case.target} to withdraw{which}")
    how = {"authentication": proof.how, "assurance": proof.assurance.value}
    return tuple(
        desk.ledger.append(
            withdrawn(case.dossier, seq, reason.strip(), known or person, how), idempotency_key=f"withdrawal-of:{seq}"
        )
        for seq in mine
    )


def withdrawable(desk: Desk, case: Case, person: Person) -> tuple[int, ...]:
    """The entries that this person could withdraw of this target."""
    known, charter = case.dossier.person(person.id), case.dossier.charter
    signers = desk.policy.signers(case.decision.tier) if charter.in_force(desk.policy.digest) else ()
    may_all = person.active and known is not None and any(known.has(function) for function in signers)
    return tuple(seq for seq, persons in _standing(case) if may_all or person.id in persons)


def _standing(case: Case) -> list[tuple[int, set[str]]]:
    """What can be withdrawn of this target: approvals and parts of an emergency release, each with its persons."""
    approvals = [
        (item.seq, {item.approver.id, item.on_behalf_of or item.approver.id})
        for item in case.dossier.sign_offs
        if item.decision == APPROVE and not item.withdrawn and item.target == case.target
    ]
    parts = [x for x in case.dossier.broken_glass if not x.withdrawn and x.target == case.target]
    return [*approvals, *((part.seq, {part.person.id}) for part in parts)]


def may_sign(desk: Desk, case: Case, person: Person) -> tuple[str, ...]:
    """The functions in which this person could sign the case now; empty where she may not."""
    if person.id in case.dossier.excluded():
        return ()
    asked = desk.policy.signers(case.decision.tier)
    return tuple(function for function in asked if _may_sign_as(case, person, function))


def _may_sign_as(case: Case, person: Person, function: str) -> bool:
    known = case.dossier.person(person.id)
    if known is None or not (known.active and person.active):
        return False
    return known.has(function) or signs_for(case, known, function) is not None


def check(desk: Desk, case: Case, person: Person, wish: Wish) -> None:
    """Raises the error that says why this person cannot sign this wish; see `sign`."""
    if wish.decision not in (APPROVE, REFUSE):
        raise ConfigurationError(f"a decision is approve or refuse, not {wish.decision!r}")
    reasoned(wish.reason)
    if not wish.authentication.strip():
        raise NotAuthorizedError(f"it is not recorded how {person.name} was authenticated: nothing can be signed")
    moved = wish.shown.moved(case.shown())
    if moved:
        raise StaleEvidenceError(f"what was shown has moved: {', '.join(moved)}; open the evidence again")
    under_the_policy(desk, case)
    excluded = case.dossier.excluded().get(person.id)
    if excluded:
        raise SeparationOfDutiesError(f"{person.name} {excluded} and cannot sign off {case.subject}")
    if wish.function not in may_sign(desk, case, person):
        asked = ", ".join(desk.policy.signers(case.decision.tier)) or "nobody's sign-off"
        raise NotAuthorizedError(
            f"{person.name} cannot sign as {wish.function or 'nothing'!r}: the policy asks for {asked}, and "
            f"{_held(case, person)}"
        )
    _as_shown(case, person, wish)
    if case.decision.outcome is DecisionOutcome.REFUSED:
        raise AlreadyDecidedError(f"{case.subject} is refused, and a refusal is final for these bytes")
    # Who has approved may still refuse: what a person learns later must count.
    if wish.decision == APPROVE:
        _not_approved(desk, case, person)
        _approvable(case)
        _sure_enough(desk, case, person, wish)
        _has_opened(desk, case, wish)
    check_conditions(desk, case, wish)


def _as_shown(case: Case, person: Person, wish: Wish) -> None:
    """For whom she signs is part of what she signs: it must not change between the page and the record."""
    known = case.dossier.person(person.id) or person
    now = signs_for(case, known, wish.function) or ""
    if wish.behalf is None or wish.behalf == now:
        return
    raise SignOffRefusedError(
        f"{person.name} would sign as {wish.function} on behalf of {now or 'nobody but herself'}, and was shown "
        f"{wish.behalf or 'nobody but herself'}: delegations have changed; read for whom, and sign again"
    )


def _sure_enough(desk: Desk, case: Case, person: Person, wish: Wish) -> None:
    """An approval that is too weak for the policy would not count: it is refused where that can still be mended."""
    rules, offered = rules_of(desk, case), wish.offers()
    if rules is None or offered.rank >= rules.assurance.rank:
        return
    codes = (
        "" if rules.assurance is Assurance.USER_KEY else f", an authenticator app (fairgate people totp {person.id})"
    )
    raise NotAuthorizedError(
        f"an approval by {person.name} with the assurance {offered} would not count: the policy asks for "
        f"{rules.assurance}; approve with a passkey (page /me of the console){codes}, or a key of your own (--key)"
    )


def under_the_policy(desk: Desk, case: Case) -> None:
    """The policy in force says who may sign: one of one's own making gives nobody a say, not even to refuse.

    Raises SignOffRefusedError where the desk's policy is another one.
    """
    charter = case.dossier.charter
    adopted = charter.adopted()
    if charter.in_force(desk.policy.digest):
        return
    named = f"{adopted.name} {adopted.version} ({adopted.digest[:19]})" if adopted else "none yet"
    raise SignOffRefusedError(
        f"policy {desk.policy.name} {desk.policy.version} is not in force, so nobody can sign under it: in force is "
        f"{named}; name that one in FAIRGATE_POLICY, or: fairgate policy approve"
    )


def _held(case: Case, person: Person) -> str:
    known = case.dossier.person(person.id)
    if known is None:
        return f"the ledger does not know {person.name}: accounts are made by `fairgate people add` alone"
    return f"{person.name} holds {', '.join(known.functions) or 'no function'}, and no delegation that would allow it"


def approval_of(desk: Desk, case: Case, person: Person) -> SignOff | None:
    """This person's approval that stands on the evidence as it is, None where there is none."""
    mine = (item for item in case.dossier.sign_offs if item.approver.id == person.id and item.decision == APPROVE)
    rules = rules_of(desk, case)
    return next((item for item in mine if why_void(item, case.dossier, desk.policy.digest, rules) is None), None)


def _not_approved(desk: Desk, case: Case, person: Person) -> None:
    earlier = approval_of(desk, case, person)
    if earlier is not None:
        raise AlreadyDecidedError(f"{person.name} has already signed this evidence (ledger entry {earlier.seq})")


def _approvable(case: Case) -> None:
    if case.decision.outcome is DecisionOutcome.RELEASED or case.decision.only_sign_off_missing():
        return
    others = [f"{item.requirement} ({item.reason})" for item in case.decision.missing() if not item.needs]
    raise SignOffRefusedError(f"an approval would release nothing while this is missing: {'; '.join(others)}")


def _has_opened(desk: Desk, case: Case, wish: Wish) -> None:
    rules = rules_of(desk, case)
    missing = unopened(wish.reading, rules.must_open if rules else ())
    if not missing:
        return
    way_out = "open them on the console and sign there" if wish.reading is None else "open them, then sign"
    raise SignOffRefusedError(
        f"the policy asks that who approves has opened {', '.join(missing)} of exactly this evidence: {way_out}"
    )


def check_conditions(desk: Desk, case: Case, wish: Wish) -> None:
    """Raises SignOffRefusedError where the wish has conditions that cannot be recorded, and says which and why."""
    if not wish.conditions:
        return
    if wish.decision != APPROVE:
        raise SignOffRefusedError("a refusal is final and carries no conditions: write them into its reason")
    if len(wish.conditions) > MAX_CONDITIONS:
        raise SignOffRefusedError(f"{len(wish.conditions)} conditions; an approval has at most {MAX_CONDITIONS}")
    first, last = case.dossier.now.astimezone(UTC).date(), _expiry(desk, case, wish).astimezone(UTC).date()
    for number, item in enumerate(wish.conditions, 1):
        _check_condition(case, f"condition {number}", item)
        if not first <= item.due <= last:
            raise SignOffRefusedError(
                f"condition {number} is due {item.due}: write a day from {first} to {last}, when the sign-off expires"
            )


def _check_condition(case: Case, what: str, item: Condition) -> None:
    length, owner = len(item.text.strip()), case.dossier.person(item.owner)
    if not 1 <= length <= MAX_TEXT:
        raise SignOffRefusedError(f"the text of {what} has {length} characters: write 1 to {MAX_TEXT}")
    if owner is None or not owner.active:
        raise SignOffRefusedError(
            f"{what} names {item.owner!r} as its owner, who is no active person here; see: fairgate people list"
        )


def _expiry(desk: Desk, case: Case, wish: Wish) -> datetime:
    rules = rules_of(desk, case)
    return (wish.asked_at or desk.clock()) + timedelta(days=rules.sign_off_valid_days if rules else 0)


def reasoned(reason: str) -> None:
    """Raises SignOffRefusedError where there is no reason, or one that is too long to be kept."""
    if not reason.strip():
        raise SignOffRefusedError("a reason is required")
    if len(reason) > MAX_REASON:
        raise SignOffRefusedError(f"the reason has {len(reason):,} characters; at most {MAX_REASON:,} are kept")
