"""A policy that replaces another one comes into force when two persons who may sign have approved it."""

from __future__ import annotations

from governance.charter import ADOPTERS, Charter
from governance.charter_record import policy_endorsed
from governance.desk import Desk, charter_of, use_policy
from governance.errors import AlreadyDecidedError, ConfigurationError, NotAuthorizedError, SignOffRefusedError
from governance.people import MACHINE, Person
from governance.policy import Assurance
from governance.proving import not_by_password_alone
from governance.signoff import reasoned
from governance.statement import Entry, Statement


def approve_policy(
    desk: Desk, person: Person, reason: str, authentication: str, assurance: Assurance = Assurance.PASSWORD
) -> tuple[Entry, int]:
    """Record that the authenticated person approves the desk's policy; also, how many approvals are still missing.

    Raises AlreadyDecidedError where it is in force or she has approved it, NotAuthorizedError where she holds no
    function that signs under the policy in force or proved less than she can, ConfigurationError where no policy is in
    force yet, or where under the new one there would not be two persons who could ever replace it.
    """
    reasoned(reason)
    if charter_of(desk).adopted() is not None:
        not_by_password_alone(charter_of(desk), person, assurance)
        _function(desk, person)  # who may not approve leaves no trace of the policy either
    use_policy(desk, MACHINE)
    body = {"reason": reason.strip(), "authentication": authentication, "assurance": assurance.value}

    def decide() -> Statement:
        function = _function(desk, person)
        return policy_endorsed(desk.policy, charter_of(desk).person(person.id) or person, function, body)

    entry = desk.ledger.append_decided(decide)
    charter = charter_of(desk)
    adopted = charter.adopted()
    if adopted is not None and adopted.digest == desk.policy.digest:
        return entry, 0
    return entry, ADOPTERS - len(charter.endorsed(desk.policy.digest))


def why_not_approve(desk: Desk, person: Person) -> str | None:
    """Why this person cannot approve the desk's policy now, in one sentence; None where she can."""
    try:
        _function(desk, person)
    except (SignOffRefusedError, ConfigurationError) as error:
        return str(error)
    return None


def _function(desk: Desk, person: Person) -> str:
    """The function in which this person may approve the desk's policy now."""
    charter = charter_of(desk)
    adopted, known = charter.adopted(), charter.person(person.id)
    if adopted is None:
        raise ConfigurationError("no policy is in force yet: the first one is adopted by its use")
    if adopted.digest == desk.policy.digest:
        raise AlreadyDecidedError(f"policy {adopted.name} {adopted.version} is in force since entry {adopted.seq}")
    if person.id in {item.person for item in charter.endorsed(desk.policy.digest)}:
        raise AlreadyDecidedError(f"{person.name} has approved this policy already; another person is needed")
    _leaves_two(desk, charter)
    function = next((item for item in adopted.signers if known is not None and known.has(item)), None)
    if function is None:
        raise NotAuthorizedError(
            f"{person.name} cannot approve a policy: the one in force, {adopted.name} {adopted.version}, asks for "
            f"{' or '.join(adopted.signers) or 'nobody'}"
        )
    return function


def _leaves_two(desk: Desk, charter: Charter) -> None:
    signers = desk.policy.all_signers()
    able = charter.able(signers)
    if len(able) < ADOPTERS:
        who = ", ".join(person.name for person in able) or "nobody"
        asked = " or ".join(signers) or "no function"
        raise ConfigurationError(
            f"policy {desk.policy.name} {desk.policy.version} lets {asked} sign, which {who} holds: nobody could ever "
            f"replace it; add people first, or name functions that two persons hold"
        )
