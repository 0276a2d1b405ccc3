"""How the conditions of an approval stand: open, met, or past their day. Pure; asked again, the same answer."""

from __future__ import annotations

from dataclasses import dataclass

from governance.condition import Condition, ConditionMet
from governance.dossier import Dossier, SignOff


@dataclass(frozen=True, slots=True)
class ConditionState:
    """A condition, its number from 1, the record that meets it, and whether its day passed without one."""

    number: int
    condition: Condition
    met: ConditionMet | None
    lapsed: bool

    @property
    def word(self) -> str:
        """open, met or lapsed."""
        return "met" if self.met else "lapsed" if self.lapsed else "open"


def states(item: SignOff, dossier: Dossier) -> tuple[ConditionState, ...]:
    """How each condition of this sign-off stands at the dossier's time."""
    return tuple(_state(number, found, item, dossier) for number, found in enumerate(item.conditions, 1))


def in_words(item: SignOff, dossier: Dossier) -> str:
    """`on 2 conditions, 1 open, due by 2026-12-31`; empty where the sign-off has none."""
    found = states(item, dossier)
    if not found:
        return ""
    head = f"on {len(found)} condition{'' if len(found) == 1 else 's'}"
    late, left = ([x.condition.due for x in found if x.word == word] for word in ("lapsed", "open"))
    if late:
        return f"{head}, one not met by {min(late)}, so it lapsed"
    return f"{head}, {len(left)} open, due by {min(left)}" if left else f"{head}, met"


def why_lapsed(item: SignOff, dossier: Dossier) -> str | None:
    """Which condition was not met in time, None where none is late. A record that came late revives nothing."""
    late = next((state for state in states(item, dossier) if state.lapsed), None)
    if late is None:
        return None
    return f"lapsed: condition {late.number} was not recorded as met by the end of {late.condition.due} (UTC)"


def why_not_met(record: ConditionMet, item: SignOff, dossier: Dossier) -> str | None:
    """Why this record does not meet a condition of this sign-off, None where it does.

    Whoever set the condition says that it is met, or another person who may sign in that function; never its owner
    alone, never somebody who may not sign this case.
    """
    who, excluded = _identities(record, item), dossier.excluded()
    made = next((excluded[identity] for identity in sorted(who) if identity in excluded), None)
    fits = record.sign_off == item.seq < record.seq and record.number in range(1, len(item.conditions) + 1)
    answers = (
        (not fits, "it names no condition of this sign-off"),
        (record.time > dossier.now, "dated in the future"),
        (not record.reason.strip(), "given without a reason"),
        (not record.authentication.strip(), "given without a record of how the person was authenticated"),
        (fits and item.conditions[record.number - 1].owner in who, "its owner alone cannot say that it is met"),
        (made is not None, f"the person {made}"),
        (not _may(record, item, dossier), f"the person does not hold the function {item.function}"),
    )
    return next((reason for void, reason in answers if void), None)


def _state(number: int, condition: Condition, item: SignOff, dossier: Dossier) -> ConditionState:
    found = (x for x in dossier.met if x.number == number and x.time < condition.deadline)
    met = next((x for x in found if why_not_met(x, item, dossier) is None), None)
    return ConditionState(number, condition, met, met is None and dossier.now >= condition.deadline)


def _identities(record: ConditionMet, item: SignOff) -> set[str]:
    """Whose word it is: a delegate and her delegator are one person here too."""
    signed_for = item.on_behalf_of if record.person.id == item.approver.id else None
    return {who for who in (record.person.id, record.on_behalf_of, signed_for) if who}


def _may(record: ConditionMet, item: SignOff, dossier: Dossier) -> bool:
    """Whether she set the condition, or holds the function herself, or by a delegation that stood then."""
    person, who = dossier.person(record.person.id), record.person
    if person is None or who.kind != "person" or person.issuer != who.issuer or not person.active:
        return False
    if record.on_behalf_of is None:
        return who.id == item.approver.id or person.has(item.function)
    holder = dossier.person(record.on_behalf_of)
    stood = dossier.charter.delegated(record.on_behalf_of, who.id, item.function, record.time, before=record.seq)
    return stood and holder is not None and holder.has(item.function)
