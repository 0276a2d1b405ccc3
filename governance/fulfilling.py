"""Record that a condition of an approval is met: the act of a person who may say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from governance.case import Case, open_case, rules_of
from governance.condition import ConditionMet
from governance.desk import Desk
from governance.dossier import SignOff
from governance.errors import AlreadyDecidedError, NotAuthorizedError, SignOffRefusedError
from governance.lapse import ConditionState, states, why_lapsed, why_not_met
from governance.people import Person, actor
from governance.policy import Assurance
from governance.proving import not_by_password_alone
from governance.quorum import refusals, why_void
from governance.record import condition_met
from governance.signoff import reasoned, signs_for, under_the_policy
from governance.statement import Entry, Statement


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What a person says: condition `number` of the sign-off in entry `sign_off` is met, for this reason.

    `authentication` and `assurance`: how she was recognised, and how sure that makes us.
    """

    sign_off: int
    number: int
    reason: str
    authentication: str
    assurance: Assurance = Assurance.PASSWORD


def fulfil(desk: Desk, case: Case, person: Person, said: Fulfilment) -> Entry:
    """Record that a condition is met, judged anew from the ledger.

    `person` must have been authenticated for this very act. Raises SignOffRefusedError where there is no such
    condition or its sign-off does not count (any more), AlreadyDecidedError where it is recorded as met,
    NotAuthorizedError where this person cannot say so, or proved less than she can.
    """
    name, version, alias = case.subject.name, case.subject.version, case.target.alias

    def decide() -> Statement:
        now = open_case(desk, name, version, alias)
        item = check(desk, now, person, said)
        known = now.dossier.person(person.id) or person
        body = {
            "reason": said.reason.strip(),
            "authentication": said.authentication,
            "assurance": said.assurance.value,
            "on_behalf_of": _behalf(now, item, known),
        }
        return condition_met(now.dossier, item, said.number, known, body)

    return desk.ledger.append_decided(decide)


def check(desk: Desk, case: Case, person: Person, said: Fulfilment) -> SignOff:
    """The sign-off whose condition it is. Raises what `fulfil` raises."""
    reasoned(said.reason)
    under_the_policy(desk, case)
    not_by_password_alone(case.dossier.charter, person, said.assurance)
    item, state = _found(case, said)
    if state.met is not None:
        raise AlreadyDecidedError(f"condition {said.number} is recorded as met (ledger entry {state.met.seq})")
    void = why_void(item, case.dossier, desk.policy.digest, rules_of(desk, case))
    if void is not None:
        raise SignOffRefusedError(
            f"sign-off {item.seq} does not count ({void}): nothing brings it back, a new sign-off is needed"
        )
    why_not = why_not_met(_record(case, item, person, said), item, case.dossier)
    if why_not is not None:
        raise NotAuthorizedError(f"{person.name} cannot record condition {said.number} as met: {why_not}")
    return item


@dataclass(frozen=True, slots=True)
class Duty:
    """A condition of an approval that counts or did until its day passed: it is to be met, or cost the approval."""

    case: Case
    sign_off: SignOff
    state: ConditionState


def duties(desk: Desk, cases: Iterable[Case]) -> tuple[Duty, ...]:
    """What is open or lapsed of all these cases, the first due first.

    What lapsed is told until its signer has signed the same target again, withdrawn, or the bytes are refused.
    """
    found = [duty for case in cases for item in case.dossier.sign_offs for duty in _duties(desk, case, item)]
    return tuple(sorted(found, key=lambda duty: (duty.state.condition.due, duty.sign_off.seq)))


def _duties(desk: Desk, case: Case, item: SignOff) -> Iterator[Duty]:
    if not item.conditions or item.target != case.target or item.withdrawn or refusals(case.dossier):
        return
    void = why_void(item, case.dossier, desk.policy.digest, rules_of(desk, case))
    lapsed = void is not None and void == why_lapsed(item, case.dossier)
    if void is not None and not (lapsed and _last_word(case, item)):
        return
    for state in states(item, case.dossier):
        if state.lapsed or (state.met is None and not lapsed):
            yield Duty(case, item, state)


def _last_word(case: Case, item: SignOff) -> bool:
    later = (other.approver.id for other in case.dossier.sign_offs if other.seq > item.seq)
    return item.approver.id not in later


def may_fulfil(case: Case, item: SignOff, number: int, person: Person) -> bool:
    """Whether this person could record this condition as met now, as far as persons go."""
    said = Fulfilment(item.seq, number, "asked", "asked")
    return why_not_met(_record(case, item, person, said), item, case.dossier) is None


def _found(case: Case, said: Fulfilment) -> tuple[SignOff, ConditionState]:
    item = next((x for x in case.dossier.sign_offs if x.seq == said.sign_off and x.target == case.target), None)
    if item is None or not item.conditions:
        given = ", ".join(str(x.seq) for x in case.dossier.sign_offs if x.conditions and x.target == case.target)
        raise SignOffRefusedError(
            f"ledger entry {said.sign_off} is no sign-off with conditions of {case.subject} as {case.target}; "
            f"such are: {given or 'none'}"
        )
    state = next((x for x in states(item, case.dossier) if x.number == said.number), None)
    if state is None:
        raise SignOffRefusedError(f"sign-off {item.seq} has {len(item.conditions)} conditions, none is {said.number}")
    return item, state


def _record(case: Case, item: SignOff, person: Person, said: Fulfilment) -> ConditionMet:
    """What would lie in the ledger, judged before it does."""
    return ConditionMet(
        seq=case.dossier.size,
        time=case.dossier.now,
        sign_off=item.seq,
        number=said.number,
        person=actor(person),
        reason=said.reason,
        authentication=said.authentication,
        on_behalf_of=_behalf(case, item, person),
    )


def _behalf(case: Case, item: SignOff, person: Person) -> str | None:
    """Whom she speaks for, where she neither set the condition nor holds the function herself."""
    known = case.dossier.person(person.id)
    return None if known is None or known.id == item.approver.id else signs_for(case, known, item.function)
