"""What needs attention beside the holds: approvals that end, conditions, incidents. Frozen values, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.case import Case, rules_of
from governance.desk import Desk, charter_of
from governance.dossier import SignOff
from governance.fulfilling import Duty, duties, may_fulfil
from governance.people import Person
from governance.quorum import quorum
from governance.record import target_of
from governance.statement import Entry, PredicateType
from reports.console.desktop import link_of
from reports.summary import person_named
from reports.words import listed, moment, one_line, printable

SOON = timedelta(days=14)
"""So long before its end an approval or a condition is told of."""


@dataclass(frozen=True, slots=True)
class ExpiringRow:
    """An approval that ends soon. `own`: this person gave it."""

    link: str
    model: str
    target: str
    words: str
    left: str
    own: bool


@dataclass(frozen=True, slots=True)
class DutyRow:
    """A condition that is to be met, or whose day has passed. state: open or lapsed; `act` names what to do."""

    link: str
    act: str
    model: str
    target: str
    text: str
    words: str
    state: str
    own: bool


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """Something that was seen of a target, and after which nobody has decided about it yet."""

    entry: int
    link: str | None
    model: str
    time: str
    what: str


def expiring(desk: Desk, person: Person, cases: Iterable[Case]) -> tuple[ExpiringRow, ...]:
    """The approvals that a release rests on and that end within two weeks: first her own, then the first to end."""
    found = [(case, item) for case in cases for item in _given(desk, case) if _ends_soon(case, item)]
    found.sort(key=lambda pair: (not _gave(pair[1], person), pair[1].expires_at or pair[0].dossier.now))
    return tuple(_expiring(case, item, person) for case, item in found)


def duty_rows(desk: Desk, person: Person, cases: Iterable[Case]) -> tuple[DutyRow, ...]:
    """Conditions: hers however far away, those of others that are due within two weeks, and all that lapsed."""
    rows = [(_duty(duty, person), duty) for duty in duties(desk, cases)]
    kept = [row for row, duty in rows if row.own or duty.state.lapsed or _due_soon(duty)]
    return tuple(sorted(kept, key=lambda row: not row.own))


def incidents(desk: Desk, cases: Iterable[Case]) -> tuple[IncidentRow, ...]:
    """What was seen of targets outside Fairgate and not followed by a decision about them, the newest first."""
    about = {target_of(case.subject.name, case.target).digest: case for case in cases if case.released()}
    open_ones: dict[str, list[Entry]] = {}
    for entry in desk.ledger.entries(subject="target"):
        target = entry.statement.digest_of("target") or ""
        if entry.statement.predicate_type is PredicateType.OBSERVATION:
            open_ones.setdefault(target, []).append(entry)
        elif entry.statement.predicate_type in _DECISIONS:
            open_ones.pop(target, None)
    found = [(entry, about.get(target)) for target, entries in open_ones.items() for entry in entries]
    return tuple(_incident(entry, case) for entry, case in sorted(found, key=lambda pair: -pair[0].seq))


def incidents_of(desk: Desk, cases: Iterable[Case]) -> tuple[IncidentRow, ...]:
    """Those of the open incidents that are about what is live by one of these cases."""
    return tuple(row for row in incidents(desk, cases) if row.link)


_DECISIONS = frozenset(
    {
        PredicateType.SIGN_OFF,
        PredicateType.REFUSAL,
        PredicateType.WITHDRAWAL,
        PredicateType.BREAK_GLASS,
        PredicateType.PROMOTION,
        PredicateType.DEMOTION,
    }
)
"""What settles a sight: people decided about the target, or it was moved as the ledger says."""


def guide(desk: Desk, person: Person) -> str:
    """What a person can do who signs nothing here; empty for everybody else."""
    known = charter_of(desk).person(person.id)
    signers = desk.policy.all_signers()
    given = charter_of(desk).delegations
    helps = any(item.delegate == person.id and item.holds(desk.clock()) for item in given)
    if helps or (known is not None and any(known.has(function) for function in signers)):
        return ""
    held = listed(tuple(printable(item) for item in person.functions)) or "no function"
    asked = listed(tuple(map(printable, signers)), "or")
    return (
        f"You hold {held}; the policy asks {asked} to sign. So nothing waits for your decision here. "
        "You can read the evidence of every release, the ledger and the history, download receipts and reports, and "
        "see which conditions are yours to meet."
    )


def _given(desk: Desk, case: Case) -> tuple[SignOff, ...]:
    rules = rules_of(desk, case)
    return quorum(rules, case.dossier, desk.policy.digest).given if rules else ()


def _ends_soon(case: Case, item: SignOff) -> bool:
    return item.expires_at is not None and item.expires_at - case.dossier.now <= SOON


def _due_soon(duty: Duty) -> bool:
    return duty.state.condition.deadline - duty.case.dossier.now <= SOON


def _gave(item: SignOff, person: Person) -> bool:
    return person.id in (item.approver.id, item.on_behalf_of)


def _expiring(case: Case, item: SignOff, person: Person) -> ExpiringRow:
    end, own = item.expires_at or case.dossier.now, _gave(item, person)
    who = "Your approval" if own else f"The approval of {printable(item.approver.name)}"
    after = "the version is held again and stays live until people decide" if case.released() else "it counts no more"
    return ExpiringRow(
        link=link_of(case),
        model=printable(case.subject),
        target=printable(case.target),
        words=f"{who} as {printable(item.function)} ends {moment(end)}; then {after}.",
        left=_left(end, case.dossier.now),
        own=own,
    )


def _duty(duty: Duty, person: Person) -> DutyRow:
    case, item, state = duty.case, duty.sign_off, duty.state
    may = state.word == "open" and may_fulfil(case, item, state.number, person)
    owns = state.condition.owner == person.id
    owner = "you" if owns else person_named(state.condition.owner, case)
    set_by = "you" if _gave(item, person) else printable(item.approver.name)
    when = f"Was due {state.condition.due}" if state.lapsed else f"Due {state.condition.due} (UTC)"
    lost = " It was not recorded as met, so the approval lapsed: a new one is needed." if state.lapsed else ""
    page = f"{link_of(case, '/case/condition')}&sign_off={item.seq}&number={state.number}"
    return DutyRow(
        link=link_of(case, "/case/sign") if state.lapsed else page,
        act="Record it as met" if may else "Go to the decision" if state.lapsed else "Open the condition",
        model=printable(case.subject),
        target=printable(case.target),
        text=one_line(state.condition.text, 300),
        words=f"{when}, to be done by {owner}, set by {set_by} (ledger entry {item.seq}).{lost}",
        state=state.word,
        own=owns or may or _gave(item, person),
    )


def _incident(entry: Entry, case: Case | None) -> IncidentRow:
    return IncidentRow(
        entry=entry.seq,
        link=link_of(case) if case else None,
        model=f"{printable(case.subject)} as {printable(case.target)}" if case else "",
        time=moment(entry.time),
        what=one_line(entry.statement.meaning, 400),
    )


def _left(end: datetime, now: datetime) -> str:
    days = max(0, (end - now).days)
    return "today" if days == 0 else f"in {days} day{'' if days == 1 else 's'}"
