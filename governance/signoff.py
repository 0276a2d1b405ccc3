"""Sign, refuse, withdraw: acts of people, bound to what they saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.case import Case, open_case, rules_of
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.dossier import SignOff
from governance.errors import (
    AlreadyDecidedError,
    ConfigurationError,
    LedgerConflictError,
    NotAuthorizedError,
    SeparationOfDutiesError,
    SignOffRefusedError,
    StaleEvidenceError,
)
from governance.people import Person
from governance.quorum import why_void
from governance.record import Shown, Signature, signed, withdrawn
from governance.statement import Entry, Statement

APPROVE, REFUSE = "approve", "refuse"
MAX_REASON = 4_000
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to sign: approve or refuse, in one function, with a reason, having seen `shown`."""

    function: str
    decision: str
    reason: str
    shown: Shown
    authentication: str


def sign(desk: Desk, case: Case, person: Person, wish: Wish) -> Entry:
    """Record a sign-off or a refusal of the case, computed anew from the ledger.

    `person` must have been authenticated for this very act. Raises StaleEvidenceError where what was shown has
    moved, NotAuthorizedError, SeparationOfDutiesError, AlreadyDecidedError, or SignOffRefusedError.
    """
    name, version, alias = case.subject.name, case.subject.version, case.target.alias

    def statement(now: Case) -> Statement:
        _check(desk, now, person, wish)
        expires = _expiry(desk, now) if wish.decision == APPROVE else None
        signature = Signature(person, wish.function, wish.decision, wish.reason.strip(), wish.authentication, expires)
        return signed(now.dossier, wish.shown, signature)

    return _append(desk, lambda: open_case(desk, name, version, alias), statement)


def withdraw(desk: Desk, case: Case, person: Person, reason: str) -> tuple[Entry, ...]:
    """Withdraw approvals of this target: a signer takes back her own, a person with a quorum function any.

    Raises NotAuthorizedError where the person may not, SignOffRefusedError where there is nothing to withdraw.
    """
    _reasoned(reason)
    may_all = any(person.has(function) for function in desk.policy.signers(case.decision.tier))
    standing = [
        item
        for item in case.dossier.sign_offs
        if item.decision == APPROVE and not item.withdrawn and item.target == case.target
    ]
    mine = [item for item in standing if may_all or item.approver.id == person.id]
    if standing and not mine:
        raise NotAuthorizedError(f"{person.name} neither gave a sign-off of {case.subject} nor may withdraw another's")
    if not mine:
        raise SignOffRefusedError(f"there is no sign-off of {case.subject} as {case.target} to withdraw")
    return tuple(desk.ledger.append(withdrawn(case.dossier, item.seq, reason.strip(), person)) for item in mine)


def may_sign(desk: Desk, case: Case, person: Person) -> tuple[str, ...]:
    """The functions in which this person could sign the case now; empty where she may not."""
    if person.id in case.dossier.excluded():
        return ()
    return tuple(function for function in desk.policy.signers(case.decision.tier) if person.has(function))


def _check(desk: Desk, case: Case, person: Person, wish: Wish) -> None:
    if wish.decision not in (APPROVE, REFUSE):
        raise ConfigurationError(f"a decision is approve or refuse, not {wish.decision!r}")
    _reasoned(wish.reason)
    if not wish.authentication.strip():
        raise NotAuthorizedError(f"it is not recorded how {person.name} was authenticated: nothing can be signed")
    moved = wish.shown.moved(case.shown())
    if moved:
        raise StaleEvidenceError(f"what was shown has moved: {', '.join(moved)}; open the evidence again")
    excluded = case.dossier.excluded().get(person.id)
    if excluded:
        raise SeparationOfDutiesError(f"{person.name} {excluded} and cannot sign off {case.subject}")
    if wish.function not in may_sign(desk, case, person):
        asked = ", ".join(desk.policy.signers(case.decision.tier)) or "nobody's sign-off"
        raise NotAuthorizedError(
            f"{person.name} cannot sign as {wish.function or 'nothing'!r}: the policy asks for {asked}, "
            f"and {person.name} holds {', '.join(person.functions) or 'no function'}"
        )
    if case.decision.outcome is DecisionOutcome.REFUSED:
        raise AlreadyDecidedError(f"{case.subject} is refused, and a refusal is final for these bytes")
    # Who has approved may still refuse: what a person learns later must count.
    if wish.decision == APPROVE:
        _not_approved(desk, case, person)
        _approvable(case)


def approval_of(desk: Desk, case: Case, person: Person) -> SignOff | None:
    """This person's approval that stands on the evidence as it is, None where there is none."""
    mine = (item for item in case.dossier.sign_offs if item.approver.id == person.id and item.decision == APPROVE)
    return next((item for item in mine if why_void(item, case.dossier, desk.policy.digest) is None), None)


def _not_approved(desk: Desk, case: Case, person: Person) -> None:
    earlier = approval_of(desk, case, person)
    if earlier is not None:
        raise AlreadyDecidedError(f"{person.name} has already signed this evidence (ledger entry {earlier.seq})")


def _approvable(case: Case) -> None:
    if case.decision.outcome is DecisionOutcome.RELEASED or case.decision.only_sign_off_missing():
        return
    others = [f"{item.requirement} ({item.reason})" for item in case.decision.missing() if not item.needs]
    raise SignOffRefusedError(f"an approval would release nothing while this is missing: {'; '.join(others)}")


def _expiry(desk: Desk, case: Case) -> datetime:
    rules = rules_of(desk, case)
    return desk.clock() + timedelta(days=rules.sign_off_valid_days if rules else 0)


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise SignOffRefusedError("a reason is required")
    if len(reason) > MAX_REASON:
        raise SignOffRefusedError(f"the reason has {len(reason):,} characters; at most {MAX_REASON:,} are kept")


def _append(desk: Desk, read: Callable[[], Case], make: Callable[[Case], Statement]) -> Entry:
    """Append what was decided on the ledger as read; where somebody was faster, read and decide again."""
    for _ in range(_ATTEMPTS):
        case = read()
        try:
            return desk.ledger.append(make(case), expected_size=case.dossier.size)
        except LedgerConflictError:
            continue
    raise LedgerConflictError("the ledger kept growing while this was being signed; try again")
