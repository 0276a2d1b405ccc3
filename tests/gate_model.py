"""The rules of the gate explored breadth-first: every history of a small world, up to a length, against the oracle.

The acts are recorded as real statements in a ledger in memory, without checks: whatever could lie in a ledger lies in
one. The real readers and the real rules answer; `gate_oracle` says what they must answer. Histories that differ only in
the order of acts of people between two other acts are one state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from gate_oracle import (
    AUDITS,
    BYTES,
    DELEGATION_DAYS,
    FUNCTIONS,
    GLASS_HOURS,
    TERMS_DAYS,
    VERSIONS,
    Act,
    Event,
    Past,
    Question,
    adopted,
    expected,
    objections,
)
from governance_factory import ADVERSE, ATTESTED, START, VERDICTS, default_policy_bytes, sha

import governance.casefile as casefile
import governance.charter as charters
import governance.decide as gate
from governance.charter_record import delegated, delegation_revoked, key_event, policy_endorsed, policy_in_use
from governance.condition import Condition
from governance.dossier import Dossier
from governance.people import MACHINE, Person, actor
from governance.policy import Policy, Tier
from governance.policy_file import read_policy
from governance.record import (
    Evidence,
    Shown,
    Signature,
    audited,
    condition_met,
    glass_broken,
    held,
    registered,
    signed,
    validated,
)
from governance.record import withdrawn as taken_back
from governance.statement import Entry, Statement
from governance.subject import Subject, Target

PEOPLE = {name: Person(name, name.title(), functions) for name, functions in FUNCTIONS.items()}
EVE = Person("eve", "Eve", ("compliance", "model-risk"))
# The accounts say more than the ledger does: a stranger, and more functions for Dee. Neither may count.
ACCOUNTS = {**PEOPLE, "eve": EVE, "dee": replace(PEOPLE["dee"], functions=("legal", "compliance", "model-risk"))}
MACHINES = ("tick", "monitor")
_TICKS = {"72h": timedelta(hours=72), "30d": timedelta(days=30)}
_COMMUTE = ("approve", "refuse", "glass", "disable", "lock")


def policy_bytes(label: str) -> bytes:
    """The default policy with the times that the oracle knows; P2 differs in its version alone."""
    text = default_policy_bytes().decode()
    for old, new in (
        ('version = "1"', f'version = "{label}"'),
        ("sign_off_valid_days = 90", "sign_off_valid_days = 60"),
        ("max_audit_age_days = 90", "max_audit_age_days = 30"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text.encode()


POLICIES = {label: read_policy(policy_bytes(label), name=label) for label in ("P1", "P2")}
SUBJECTS = {
    label: Subject("memory:", "hiring", VERSIONS[label], 1_780_000_000_000, f"m/{label}", sha(BYTES[label]))
    for label in VERSIONS
}
TARGETS = {alias: Target("local", alias) for alias in ("champion", "production")}


@dataclass(frozen=True, slots=True)
class World:
    """A state: the ledger, what was done, the policy that is configured, and the time."""

    entries: tuple[Entry, ...]
    past: Past
    policy: str
    now: datetime

    def key(self) -> tuple[object, ...]:
        """The history, acts of people between two other acts in no order."""
        out: list[object] = []
        run: set[Act] = set()
        for event in self.past:
            if event.act.kind in _COMMUTE:
                run.add(event.act)
            else:
                out += [frozenset(run), event.act]
                run = set()
        return (*out, frozenset(run))

    def after(self, act: Act) -> World:
        """The world when this was done too."""
        now = self.now + _TICKS.get(act.detail, timedelta()) if act.kind == "tick" else self.now
        policy = act.detail if act.kind == "switch" else self.policy
        past = (*self.past, Event(act, now, policy))
        entries = list(self.entries)
        for statement in _statements(self, act):
            entries.append(Entry(len(entries), now, statement, b"", b"", b""))
        return World(tuple(entries), past, policy, now)

    def trace(self) -> str:
        """What was done, one act after the other."""
        return " -> ".join(str(event.act) for event in self.past) or "(nothing)"


def opening() -> World:
    """Four people and the first policy; nothing else."""
    said = [key_event("added", person, MACHINE) for person in PEOPLE.values()]
    said.append(policy_in_use(POLICIES["P1"], MACHINE))
    entries = tuple(Entry(seq, START, statement, b"", b"", b"") for seq, statement in enumerate(said))
    return World(entries, (), "P1", START)


# --- acts as entries -----------------------------------------------------------------------------------------------


def _statements(world: World, act: Act) -> list[Statement]:
    maker = _MAKERS.get(act.kind)
    return maker(world, act) if maker else []


def _register(_world: World, act: Act) -> list[Statement]:
    return [registration(SUBJECTS[act.subject], act)]


def _audit(world: World, act: Act) -> list[Statement]:
    return evidence_of(SUBJECTS[act.subject], POLICIES[world.policy], act)


def registration(subject: Subject, act: Act) -> Statement:
    """Who answers for the bytes; `detail` is who owns the run that made them."""
    by = actor(ACCOUNTS[act.who]) if act.who else MACHINE
    return registered(subject, act.who or None, "declared", by, {"run": act.detail} if act.detail else {})


def evidence_of(subject: Subject, policy: Policy, act: Act) -> list[Statement]:
    """A validation and an audit for a release, or a look of the monitoring."""
    if act.kind == "monitor":
        what, purpose, by, label = f"look {act.detail}", "monitoring", MACHINE, act.detail
        seen = replace(AUDITS["r1"], report=what, data="newer data", adverse=label == "adverse")
    else:
        seen, purpose, by = AUDITS[act.detail], "release", actor(PEOPLE[act.who])
    evidence = Evidence(subject, sha(seen.data), sha("plan"), policy.digest, purpose, by)
    summary = _summary(seen.adverse)
    return [
        validated(evidence, sha(seen.validation), "pass", {}),
        audited(evidence, sha(seen.report), summary),
    ]


def _summary(adverse: bool) -> dict[str, object]:
    return {
        "impact": "minimal",
        "verdicts": ADVERSE if adverse else VERDICTS,
        "measured": {"sex": True},
        "bounds": [["selection_rate", "ratio", 0.8]],
        "min_group_size": 30,
        "min_events": 5,
        "confidence": 0.95,
        "findings": ["one"] if adverse else [],
    }


def _bare(world: World, act: Act) -> Dossier:
    return Dossier(SUBJECTS[act.subject], TARGETS[act.target], world.now, 0, ())


def _shown(world: World, act: Act) -> Shown:
    """What the signer saw: the last audit; stale: the one before; a replay is a signature for other bytes."""
    seen = [AUDITS[e.act.detail] for e in world.past if e.act.kind == "audit" and e.act.subject == act.subject]
    last = seen[-2:-1] if act.detail == "stale" else seen[-1:]
    digests = [sha(text) for text in (last[0].report, last[0].data, last[0].validation)] if last else []
    report, data, validation = digests or (None, None, None)
    other = "A1" if act.subject == "B1" else "B1"
    digest = SUBJECTS[other if act.detail == "replay" else act.subject].digest
    return Shown(digest, report, data, validation, POLICIES[world.policy].digest)


def _sign(world: World, act: Act) -> list[Statement]:
    approve = act.kind == "approve"
    valid = timedelta(days=POLICIES[world.policy].rules(Tier.HIGH).sign_off_valid_days)  # type: ignore[union-attr]
    signature = Signature(
        person=ACCOUNTS[act.who],
        function=act.function,
        decision=act.kind,
        reason="read",
        authentication="password",
        expires_at=world.now + valid if approve else None,
        on_behalf_of=act.detail.removeprefix("for ") if act.detail.startswith("for ") else None,
        conditions=conditions(act, world.now),
        assurance=ATTESTED,
    )
    return [signed(_bare(world, act), _shown(world, act), signature)]


def conditions(act: Act, now: datetime) -> tuple[Condition, ...]:
    """The condition of an approval on terms."""
    return (Condition("measure again", act.terms, now.date() + timedelta(days=TERMS_DAYS)),) if act.terms else ()


def _meet(world: World, act: Act) -> list[Statement]:
    """Somebody says that the condition is met, of the last approval on terms that `detail` gave."""
    about = (SUBJECTS[act.subject], TARGETS[act.target])
    given = [entry for entry in world.entries if entry.statement.actor.id == act.detail and _on_terms(entry, about)]
    behalf = act.function.removeprefix("for ") or None
    body = {"reason": "seen", "authentication": "password", "on_behalf_of": behalf}
    digest = SUBJECTS[act.subject].digest
    return [
        condition_met(_bare(world, act), casefile.sign_off_of(entry, digest), 1, ACCOUNTS[act.who], body)
        for entry in given[-1:]
    ]


def _on_terms(entry: Entry, about: tuple[Subject, Target]) -> bool:
    body = entry.statement.body
    if not body.get("conditions"):
        return False
    return (casefile.subject_of(body), casefile.target_in(body)) == about


def _withdraw(world: World, act: Act) -> list[Statement]:
    """All that this person gave is taken back; a refusal too, which must not help."""
    words = ("sign-off", "refusal", "break-glass")
    given = [
        entry
        for entry in world.entries
        if entry.statement.actor.id == act.who and entry.statement.predicate_type.word in words
    ]
    return [_taken(entry, act) for entry in given]


def _taken(entry: Entry, act: Act) -> Statement:
    subject, target = Subject(**entry.statement.body["subject"]), Target(**entry.statement.body["target"])
    return taken_back(Dossier(subject, target, entry.time, 0, ()), entry.seq, "why", ACCOUNTS[act.who])


def _ask(world: World, act: Act) -> list[Statement]:
    held_now = gate.Decision(gate.DecisionOutcome.HELD, Tier.HIGH, (), POLICIES[world.policy].digest, 0)
    return [held(_bare(world, act), held_now, actor(ACCOUNTS[act.who]))]


def _glass(world: World, act: Act) -> list[Statement]:
    body = {"hours": int(act.detail or GLASS_HOURS), "reason": "fire", "authentication": "password"}
    person = ACCOUNTS[act.who]
    return [glass_broken(_bare(world, act), person, person.functions[-1], body, POLICIES[world.policy].digest)]


def _delegate(world: World, act: Act) -> list[Statement]:
    until = world.now + timedelta(days=DELEGATION_DAYS)
    return [delegated(ACCOUNTS[act.who], ACCOUNTS[act.detail], act.function, until, {"reason": "holiday"})]


def _revoke(world: World, act: Act) -> list[Statement]:
    given = [x for x in charter(world).delegations if x.delegator == act.who]
    return [delegation_revoked(item, ACCOUNTS[act.who], "back") for item in given]


def _endorse(_world: World, act: Act) -> list[Statement]:
    person = ACCOUNTS[act.who]
    return [policy_endorsed(POLICIES[act.detail], person, person.functions[-1], {"reason": "read"})]


def _switch(world: World, act: Act) -> list[Statement]:
    """Somebody configures another policy. Its use is recorded once."""
    used = act.detail == "P1" or any(e.act == act for e in world.past)
    return [] if used else [policy_in_use(POLICIES[act.detail], MACHINE)]


def _added(_world: World, act: Act) -> list[Statement]:
    """The id of a person is used again, for more functions."""
    return [key_event("added", replace(PEOPLE[act.who], functions=("compliance", "model-risk")), MACHINE)]


def _disable(_world: World, act: Act) -> list[Statement]:
    return [key_event("disabled", PEOPLE[act.who], MACHINE)]


_MAKERS: dict[str, Callable[[World, Act], list[Statement]]] = {
    "register": _register,
    "audit": _audit,
    "monitor": _audit,
    "approve": _sign,
    "refuse": _sign,
    "met": _meet,
    "withdraw": _withdraw,
    "ask": _ask,
    "glass": _glass,
    "delegate": _delegate,
    "revoke": _revoke,
    "endorse": _endorse,
    "switch": _switch,
    "added": _added,
    "disable": _disable,
}


# --- the real rules ------------------------------------------------------------------------------------------------


def charter(world: World) -> charters.Charter:
    """The real reader on the entries about the charter."""
    return charters.charter_from(e for e in world.entries if e.statement.digest_of(charters.CHARTER))


def answer(world: World, asked: Question, found: charters.Charter) -> gate.Decision:
    """What the real rules answer, from the entries."""
    subject = SUBJECTS[asked.subject]
    locked = {e.act.who for e in world.past if e.act.kind == "lock"}
    accounts = [replace(person, active=person.id not in locked) for person in ACCOUNTS.values()]
    dossier = casefile.dossier_from(
        (e for e in world.entries if any(item.digest == subject.digest for item in e.statement.subjects)),
        subject,
        TARGETS[asked.target],
        now=world.now,
        size=len(world.entries),
        people=charters.confirmed(found, accounts),
    )
    return gate.decide(POLICIES[world.policy], replace(dossier, charter=found))


def questions(world: World) -> Iterator[Question]:
    """Of every version that is registered, and every target that was spoken of."""
    acts = [event.act for event in world.past]
    for subject in sorted({act.subject for act in acts if act.kind == "register"}):
        for target in sorted({"champion", *(act.target for act in acts if act.subject == subject)}):
            yield Question(subject, target, world.policy, world.now)


Answers = dict[tuple[str, str], str]


def answers(world: World) -> Answers:
    """The outcomes of every question."""
    found = charter(world)
    return {(q.subject, q.target): answer(world, q, found).outcome.value for q in questions(world)}


# --- exploration ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """A part of the world that is explored to the end: acts to choose from, histories to begin with, and how far."""

    name: str
    menu: tuple[Act, ...]
    roots: tuple[tuple[Act, ...], ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Graph:
    """States in breadth-first order, and each step between two of them: (from, act, to)."""

    states: tuple[World, ...]
    steps: tuple[tuple[int, Act, int], ...]


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, and the shortest history from a root of the scene that shows it."""

    rule: str
    trace: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.rule}: {self.trace}"


def explore(scene: Scene) -> Graph:
    """Every state that `depth` acts of the menu lead to from each root."""
    seen: dict[tuple[object, ...], int] = {}
    states: list[World] = []
    steps: list[tuple[int, Act, int]] = []
    queue: deque[tuple[int, int]] = deque()

    def put(world: World, depth: int) -> int:
        key = world.key()
        if key not in seen:
            seen[key] = len(states)
            states.append(world)
            queue.append((seen[key], depth))
        return seen[key]

    for root in scene.roots:
        world = opening()
        for act in root:
            world = world.after(act)
        put(world, 0)
    while queue:
        index, depth = queue.popleft()
        for act in scene.menu if depth < scene.depth else ():
            if _possible(states[index], act):
                steps.append((index, act, put(states[index].after(act), depth + 1)))
    return Graph(tuple(states), tuple(steps))


def _possible(world: World, act: Act) -> bool:
    """Who cannot log in does nothing; the same act twice in a run of acts of people changes nothing."""
    if any(event.act.kind == "lock" and event.act.who == act.who for event in world.past):
        return False
    if act.kind not in _COMMUTE:
        return True
    for event in reversed(world.past):
        if event.act.kind not in _COMMUTE:
            return True
        if event.act == act:
            return False
    return True


def check(graph: Graph, *, twice: bool = True) -> Violation | None:
    """The first state or step, breadth-first, at which the real rules and the oracle part; None where they never do.

    `twice`: every question is asked twice, the second time on a dossier that is read anew.
    """
    known: list[Answers] = []
    due: dict[int, list[tuple[int, Act, int]]] = {}
    for step in graph.steps:
        due.setdefault(max(step[0], step[2]), []).append(step)
    for index, world in enumerate(graph.states):
        found = _state(world, twice)
        if isinstance(found, Violation):
            return found
        known.append(found)
        for before, act, after in due.get(index, ()):
            rule = _step(known[before], act, known[after])
            if rule:
                return Violation(rule, f"{graph.states[before].trace()} -> {act}")
    return None


def _state(world: World, twice: bool) -> Answers | Violation:
    found = charter(world)
    force = found.adopted()
    if force is None or force.digest != POLICIES[adopted(world.past)].digest:
        return Violation(f"the policy in force must be {adopted(world.past)}", world.trace())
    out: Answers = {}
    for asked in questions(world):
        outcome = answer(world, asked, found).outcome.value
        if twice and outcome != answer(world, asked, charter(world)).outcome.value:
            return Violation("asked twice, it answers twice", world.trace())
        wanted = expected(world.past, asked)
        if outcome != wanted:
            why = "; ".join(objections(world.past, asked)) or "nothing stands against it"
            what = f"{asked.subject} as {asked.target} is {outcome}, must be {wanted} ({why})"
            return Violation(what, world.trace())
        out[asked.subject, asked.target] = outcome
    return out


def _step(before: Answers, act: Act, after: Answers) -> str | None:
    """What an act must never do, whatever the oracle says of the states."""
    for asked, outcome in after.items():
        was = before.get(asked)
        if was == "REFUSED" and outcome != "REFUSED":
            return f"a refusal of {asked[0]} is final"
        if was == "HELD" and outcome == "RELEASED" and act.kind in MACHINES:
            return f"no machine and no time releases {asked[0]}"
    return None


@cache
def graph_of(scene: Scene) -> Graph:
    """The graph of a scene, explored once: the histories do not depend on the rules."""
    return explore(scene)
