"""What the gate must answer, written from the requirements over what was done. It reads no code of `governance`.

An act is what somebody does; an event is an act at its place in the history. Nothing is remembered but the events: the
answer is worked out anew from the first to the last, the slow and plain way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

APPROVAL_DAYS = 60
AUDIT_DAYS = 30
GLASS_HOURS = 72
DELEGATION_DAYS = 20
TERMS_DAYS = 10
ADOPTERS = 2

# Reg registers what is judged, Eve has an account that no ledger knows, Dee signs only for others.
FUNCTIONS = {
    "ann": ("compliance", "model-risk"),
    "bob": ("model-risk",),
    "reg": ("compliance",),
    "dee": ("legal",),
}
SLOTS = ("compliance", "model-risk")

# Version 1; version 1 again, with other bytes; and the first bytes copied as version 2.
VERSIONS = {"A1": "1", "B1": "1", "A2": "2"}
BYTES = {"A1": "A", "B1": "B", "A2": "A"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What an audit found, by name: its report, data and data validation."""

    report: str
    data: str
    validation: str
    adverse: bool = False


AUDITS = {
    "r1": Seen("report 1", "data 1", "validation 1"),
    "r2": Seen("report 2", "data 1", "validation 1"),
    "other-data": Seen("report 3", "data 2", "validation 2"),
    "adverse": Seen("report 4", "data 1", "validation 1", adverse=True),
    "validated-anew": Seen("report 1", "data 1", "validation 3"),
    "same-report": Seen("report 1", "data 2", "validation 1"),
}


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody, a machine or time does. `detail` depends on `kind`.

    `terms`: an approval on the condition that this person does something within ten days.
    """

    kind: str
    who: str = ""
    function: str = ""
    subject: str = "A1"
    target: str = "champion"
    detail: str = ""
    terms: str = ""

    def __str__(self) -> str:
        """For a trace: `ann approve compliance A1 champion`."""
        about: tuple[str, ...] = ()
        if self.kind in _ABOUT_BOTH:
            about = (self.subject, self.target)
        elif self.kind in ("register", "audit", "monitor"):
            about = (self.subject,)
        terms = f"if {self.terms} does it" if self.terms else ""
        return " ".join(part for part in (self.who, self.kind, self.function, *about, self.detail, terms) if part)


_ABOUT_BOTH = {"approve", "refuse", "ask", "glass", "met"}


@dataclass(frozen=True, slots=True)
class Event:
    """An act, when it was done, and the policy in use then."""

    act: Act
    time: datetime
    policy: str = "P1"


Past = tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """May these bytes take this target, under the policy that is configured, now?"""

    subject: str
    target: str
    policy: str
    now: datetime


def expected(past: Past, asked: Question) -> str:
    """RELEASED, HELD or REFUSED."""
    if refused(past, asked.subject):
        return "REFUSED"
    return "RELEASED" if not objections(past, asked) else "HELD"


def objections(past: Past, asked: Question) -> tuple[str, ...]:
    """Why it must not be released, empty where it must be: everything is in order, or the glass is broken."""
    firm = []
    if refused(past, asked.subject):
        firm.append("these bytes were refused")
    if adopted(past) != asked.policy:
        firm.append("the policy was not adopted by two persons")
    if not _registrant_known(past, asked.subject):
        firm.append("nobody answers for the registration")
    if firm or glass_ends(past, asked) is not None:
        return tuple(firm)
    return (*_evidence(past, asked), *_signatures(past, asked))


def refused(past: Past, subject: str) -> bool:
    """Whether anybody ever refused these bytes, under whatever name, for whatever target."""
    return any(e.act.kind == "refuse" and BYTES[e.act.subject] == BYTES[subject] for e in past)


def adopted(past: Past) -> str:
    """The policy in force: the first one, or the last that two different persons approved."""
    return _adoption(past)[1]


def _adoption(past: Past) -> tuple[int, str]:
    """Since which event which policy is in force; -1 for the first one."""
    since, force, approved = -1, "P1", list[Act]()
    for index, event in enumerate(past):
        if event.act.kind != "endorse":
            continue
        approved.append(event.act)
        # Whoever has lost her function since has no say any more.
        for_it = {act.who for act in approved if act.detail == event.act.detail and _signs(past[:index], act.who)}
        if len(for_it) >= ADOPTERS:
            since, force, approved = index, event.act.detail, []
    return since, force


def _signs(past: Past, who: str) -> bool:
    return any(_holds(past, who, function, locks=False) for function in SLOTS)


def _holds(past: Past, who: str, function: str, *, locks: bool = True) -> bool:
    """Whether the ledger knows this person in this function, and neither it nor the accounts have let her go.

    Which policy is in force is read of the ledger alone: the `locks` of the accounts do not count there.
    """
    ends = ("disable", "lock") if locks else ("disable",)
    gone = any(e.act.kind in ends and e.act.who == who for e in past)
    return function in FUNCTIONS.get(who, ()) and not gone


def _registrant_known(past: Past, subject: str) -> bool:
    named = [e.act.who for e in past if e.act.kind == "register" and e.act.subject == subject and e.act.who]
    return bool(named) and all(who in FUNCTIONS for who in named)


def excluded(past: Past, subject: str) -> set[str]:
    """Who made, owns or asked for what is judged: persons follow the bytes, whatever version they lie under."""
    out = set()
    for event in past:
        act = event.act
        if BYTES[act.subject] != BYTES[subject]:
            continue
        if act.kind in ("register", "audit", "ask"):
            out.add(act.who)
        if act.kind == "register" and act.detail:
            out.add(act.detail)
    return out


def _audits(past: Past, subject: str) -> list[tuple[int, Seen]]:
    return [(i, AUDITS[e.act.detail]) for i, e in enumerate(past) if e.act.kind == "audit" and e.act.subject == subject]


def _evidence(past: Past, asked: Question) -> list[str]:
    audits = _audits(past, asked.subject)
    if not audits:
        return ["no audit"]
    last, seen = audits[-1]
    found = ["the last audit is adverse"] if seen.adverse else []
    if past[last].policy != asked.policy:
        found.append("the last audit was made under another policy")
    # What was found on newer data does not go away by auditing the old data again.
    first = min(i for i, other in audits if other.data == seen.data)
    looks = [e for e in past[first:] if e.act.kind == "monitor" and e.act.subject == asked.subject]
    if any(look.act.detail == "adverse" for look in looks):
        found.append("monitoring was adverse")
    fresh = past[last].time
    for time in sorted(look.time for look in looks):
        # A look renews an audit that is still fresh. It cannot bring back one that has lapsed: it is a machine's act.
        if fresh < time <= fresh + timedelta(days=AUDIT_DAYS):
            fresh = time
    if asked.now > fresh + timedelta(days=AUDIT_DAYS):
        found.append("the last audit is too old")
    return found


def _signatures(past: Past, asked: Question) -> list[str]:
    counted = [
        (event.act.function, {event.act.who, _behalf(event.act) or event.act.who})
        for index, event in enumerate(past)
        if event.act.kind == "approve" and _counts(past, index, asked)
    ]
    for function, persons in counted:
        for other, others in counted:
            if (function, other) == SLOTS and persons.isdisjoint(others):
                return []
    return ["two distinct persons, each in her function, have not approved"]


def _counts(past: Past, index: int, asked: Question) -> bool:
    event, act = past[index], past[index].act
    behalf = _behalf(act)
    out = excluded(past, asked.subject)
    return (
        (act.subject, act.target, event.policy) == (asked.subject, asked.target, asked.policy)
        and index > _adoption(past)[0]
        and act.detail != "replay"
        and _approved_the_last(past, index, asked.subject)
        and asked.now < event.time + timedelta(days=APPROVAL_DAYS)
        and not _taken_back(past, index)
        and not _lapsed(past, index, asked)
        and _holds(past, behalf or act.who, act.function)
        and act.who in FUNCTIONS
        and _holds(past, act.who, FUNCTIONS[act.who][0])
        and (behalf is None or _let(past, index, behalf, act.function))
        and act.who not in out
        and behalf not in out
    )


def _approved_the_last(past: Past, index: int, subject: str) -> bool:
    """Whether what she approved is the last audit, and nothing else was audited since. Stale: the audit before."""
    audits, stale = _audits(past, subject), past[index].act.detail == "stale"
    before = [seen for i, seen in audits if i < index]
    shown = before[-2:-1] if stale else before[-1:]
    since = [seen for i, seen in audits if i > index]
    return bool(shown) and all(_same(shown[0], seen) for seen in (before[-1], *since))


def _same(one: Seen, other: Seen) -> bool:
    return (one.report, one.data, one.validation) == (other.report, other.data, other.validation)


def _behalf(act: Act) -> str | None:
    return act.detail.removeprefix("for ") if act.detail.startswith("for ") else None


def _let(past: Past, index: int, delegator: str, function: str) -> bool:
    """Whether the delegator let her act in this function then, and has not taken it back since."""
    event = past[index]
    for i, given in enumerate(past[:index]):
        fits = (given.act.kind, given.act.who, given.act.detail, given.act.function)
        if fits != ("delegate", delegator, event.act.who, function):
            continue
        revoked = any(e.act.kind == "revoke" and e.act.who == delegator for e in past[i:])
        if not revoked and event.time < given.time + timedelta(days=DELEGATION_DAYS):
            return True
    return False


def _lapsed(past: Past, index: int, asked: Question) -> bool:
    """Whether what the approval was given for was not recorded as done by the end of its day; late is never."""
    given = past[index]
    if not given.act.terms:
        return False
    day = given.time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = day + timedelta(days=TERMS_DAYS + 1)
    if asked.now < end:
        return False
    return not any(_says_met(past, at, index) for at in range(index, len(past)) if past[at].time < end)


def _says_met(past: Past, at: int, index: int) -> bool:
    """Whether this says of that approval, the last on terms that its signer gave before, that its condition is met."""
    said, given = past[at].act, past[index].act
    if said.kind != "met" or said.detail != given.who:
        return False
    about = (said.subject, said.target, said.detail)
    fits = [
        i
        for i, e in enumerate(past[:at])
        if e.act.kind == "approve" and e.act.terms and (e.act.subject, e.act.target, e.act.who) == about
    ]
    behalf = said.function.removeprefix("for ") or None
    words = {said.who, behalf} | ({_behalf(given)} if said.who == given.who else set())
    known = said.who in FUNCTIONS and _holds(past, said.who, FUNCTIONS[said.who][0])
    may = said.who == given.who or _holds(past, said.who, given.function)
    if behalf is not None:
        may = _holds(past, behalf, given.function) and _let(past, at, behalf, given.function)
    mine = fits[-1:] == [index]
    return mine and known and may and given.terms not in words and not words & excluded(past, given.subject)


def _taken_back(past: Past, index: int) -> bool:
    """Whether what she gave is withdrawn: with all that she gave before, or with all that was given for this target."""
    given = past[index].act
    for event in past[index:]:
        act = event.act
        about = (act.subject, act.target) == (given.subject, given.target)
        if act.kind == "withdraw" and (about if act.detail == "all" else act.who == given.who):
            return True
    return False


def glass_ends(past: Past, asked: Question) -> datetime | None:
    """Until when two persons' broken glass holds these bytes in this target, None where it does not.

    A part is used once, by the next other person's that follows while it lasts. The hours count from when glass was
    first broken for these bytes and this target, whatever was taken back or broken anew since.
    """
    about = [i for i, e in enumerate(past) if e.act.kind == "glass" and _glass_about(e.act, asked)]
    begun = _pairs(past, about)
    pairs = _pairs(past, [i for i in about if _glass_counts(past, i, asked)])
    if not pairs:
        return None
    until = min(past[begun[0][1]].time + timedelta(hours=GLASS_HOURS), *(_glass_end(past[i]) for i in pairs[-1]))
    return until if asked.now < until else None


def _pairs(past: Past, parts: list[int]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    free: list[int] = []
    for part in parts:
        first = [i for i in free if past[i].act.who != past[part].act.who and past[part].time < _glass_end(past[i])]
        if first:
            out.append((first[0], part))
        free = [] if first else [part]
    return out


def _glass_about(act: Act, asked: Question) -> bool:
    same = (VERSIONS[act.subject], BYTES[act.subject]) == (VERSIONS[asked.subject], BYTES[asked.subject])
    return same and act.target == asked.target


def _glass_end(event: Event) -> datetime:
    hours = int(event.act.detail) if event.act.detail else GLASS_HOURS
    return event.time + timedelta(hours=min(hours, GLASS_HOURS))


def _glass_counts(past: Past, index: int, asked: Question) -> bool:
    event, act = past[index], past[index].act
    return (
        event.policy == asked.policy
        and index > _adoption(past)[0]
        and not _taken_back(past, index)
        and any(_holds(past, act.who, function) for function in SLOTS)
        and act.who not in excluded(past, asked.subject)
    )
