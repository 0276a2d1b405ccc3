"""What a person may do with a case, in words: the offer of the sign page and of the inbox. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from governance.case import Case
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.people import Person
from governance.signoff import approval_of, may_sign, signs_for
from reports.summary import person_named
from reports.words import listed, printable, requirement_label


@dataclass(frozen=True, slots=True)
class Signing:
    """What this person may do with this case. `barred` says why nothing, `approval_barred` why no approval.

    `functions` are those in which she may sign, each with its name for people, which says for whom she would sign;
    `behalf` are the same with the id of that person, empty where she signs for herself.
    """

    functions: tuple[tuple[str, str], ...]
    barred: str | None
    approval_barred: str | None
    expires_in: int
    behalf: tuple[tuple[str, str], ...] = ()


def signing(desk: Desk, case: Case, person: Person) -> Signing:
    """What the form offers. The same questions are asked again, from the ledger, when the form is sent."""
    rules, known = desk.policy.rules(case.decision.tier), case.dossier.person(person.id) or person
    needed = tuple(function for finding in case.decision.missing() for function in finding.needs)
    functions = sorted(may_sign(desk, case, person), key=lambda function: function not in needed)
    return Signing(
        tuple((function, _function_label(case, known, function)) for function in functions),
        _barred(case, person, tuple(functions)),
        _approval_barred(desk, case, person),
        rules.sign_off_valid_days if rules else 0,
        tuple((function, signs_for(case, known, function) or "") for function in functions),
    )


def act_words(offer: Signing, *, signed: bool) -> str:
    """What she may do, in a sentence. `signed`: her approval of this evidence counts."""
    functions = listed(tuple(label for _, label in offer.functions), "or")
    if signed:
        return f"{offer.approval_barred}"
    if offer.approval_barred is None:
        return f"You may approve or refuse, as {functions}."
    return f"You may refuse, as {functions}. It cannot be approved as it stands."


def _function_label(case: Case, person: Person, function: str) -> str:
    delegator = signs_for(case, person, function)
    return printable(function) + (f", on behalf of {person_named(delegator, case)}" if delegator else "")


def _barred(case: Case, person: Person, functions: tuple[str, ...]) -> str | None:
    if case.decision.outcome is DecisionOutcome.REFUSED:
        return "This version is refused, and a refusal is final for these bytes."
    excluded = case.dossier.excluded().get(person.id)
    if excluded:
        return f"You cannot sign: you {excluded.replace('this version', 'this version yourself')}."
    if not case.dossier.charter.in_force(case.decision.policy_digest):
        return "You cannot sign: the policy of this console is not the one that people adopted."
    if not functions:
        held = listed(tuple(printable(item) for item in person.functions)) or "no function"
        return f"You cannot sign: you hold {held}, and the policy asks for others."
    return None


def _approval_barred(desk: Desk, case: Case, person: Person) -> str | None:
    earlier = approval_of(desk, case, person)
    if earlier is not None:
        done = f"You have approved this evidence (ledger entry {earlier.seq})."
        if case.released():
            return f"{done} This version is live: to take it out, withdraw that approval, or refuse it for good."
        return f"{done} You may still refuse."
    if case.decision.outcome is DecisionOutcome.RELEASED or case.decision.only_sign_off_missing():
        return None
    labels = tuple(requirement_label(item.requirement).lower() for item in case.decision.missing() if not item.needs)
    return f"An approval would release nothing while this is not met: {listed(labels)}."
