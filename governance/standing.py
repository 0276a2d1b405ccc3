"""How a registered version stands, for whoever looks at it in the registry: read from the ledger, no byte hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from governance.case import Case, case_of
from governance.casefile import subject_of, target_in
from governance.decide import DecisionOutcome
from governance.desk import Desk, free_aliases
from governance.policy import Requirement
from governance.quorum import quorum
from governance.release import live_step
from governance.statement import Entry
from governance.subject import Subject, Target

NOT_ASKED = "no release was asked for"
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """In words, and on what. `entry` is the promotion that made it live, else the last entry about it.

    `emergency` says by whom and until when glass was broken, where a release rests on that alone.
    """

    state: str
    digest: str | None = None
    signed_by: tuple[str, ...] = ()
    entry: int | None = None
    emergency: str | None = None


def last_known(desk: Desk, name: str, version: str) -> Subject | None:
    """The bytes that the ledger last heard of under this name and version, None where it knows none."""
    found = None
    for entry in desk.ledger.entries(subject=f"model/{name}/{version}"):
        if "subject" in entry.statement.body:
            found = subject_of(entry.statement.body)
    return found


def standing_of(desk: Desk, name: str, version: str, created_at: int) -> Standing:
    """How this version stands in every target of this environment that it was asked for, refused for or put into.

    A model that was deleted and made again begins at version 1: what was created at another time (`created_at`, ms
    since the epoch) is another version, and what was said of the earlier one is not said of it.
    """
    entries = tuple(desk.ledger.entries(subject=f"model/{name}/{version}"))
    subjects = [subject_of(entry.statement.body) for entry in entries if "subject" in entry.statement.body]
    if not subjects or subjects[-1].created_at != created_at:
        return Standing(NOT_ASKED)
    subject = subjects[-1]
    cases = [case_of(desk, subject, target) for target in _targets(desk, entries, subject)]
    if not cases:
        return Standing(NOT_ASKED, subject.digest, entry=entries[-1].seq)
    live = [_promotion(desk, case) for case in cases if case.released()]
    return Standing(
        "; ".join(map(_words, cases))[:_LONGEST],
        subject.digest,
        tuple(dict.fromkeys(name for case in cases for name in _signers(desk, case))),
        live[0] if live else entries[-1].seq,
        "; ".join(str(case.decision.emergency) for case in cases if case.decision.emergency)[:_LONGEST] or None,
    )


def live_of(desk: Desk, name: str, aliases: Mapping[str, str]) -> str:
    """What the ledger says of every governed alias (alias -> version) that a model has in the registry."""
    governed = sorted(set(aliases) - set(free_aliases(desk)))
    said = [_alias_words(desk, name, alias, aliases[alias]) for alias in governed]
    return "; ".join(said)[:_LONGEST] or "nothing governed is live"


def _targets(desk: Desk, entries: tuple[Entry, ...], subject: Subject) -> list[Target]:
    found: dict[Target, None] = {}
    for entry in entries:
        body = entry.statement.body
        if "target" in body and "subject" in body and subject_of(body).digest == subject.digest:
            found[target_in(body)] = None
    return [target for target in found if target.environment == desk.environment]


def _words(case: Case) -> str:
    alias, outcome = case.target.alias, case.decision.outcome
    missing = ", ".join(f"{item.requirement} ({item.reason})" for item in case.decision.missing())
    if outcome is DecisionOutcome.REFUSED:
        return f"refused for {alias}: {missing}"
    if case.released():
        return f"live as {alias}" if outcome is DecisionOutcome.RELEASED else f"live as {alias}, held now: {missing}"
    return f"approved for {alias}, not live" if outcome is DecisionOutcome.RELEASED else f"held for {alias}: {missing}"


def _signers(desk: Desk, case: Case) -> tuple[str, ...]:
    rules = desk.policy.rules(case.decision.tier)
    if rules is None or Requirement.SIGN_OFF not in rules.requirements:
        return ()
    given = quorum(rules, case.dossier, desk.policy.digest).given
    return tuple(f"{item.approver.name} ({item.function})" for item in given)


def _promotion(desk: Desk, case: Case) -> int:
    step = live_step(desk, case.subject.name, case.target)
    return step.seq if step is not None else -1


def _alias_words(desk: Desk, name: str, alias: str, version: str) -> str:
    step = live_step(desk, name, Target(desk.environment, alias))
    if step is None:
        return f"{alias} is version {version}, which was not released: it was moved outside Fairgate"
    released = subject_of(step.statement.body).version
    if released != version:
        return f"{alias} is version {version}, but version {released} was released: it was moved outside Fairgate"
    return f"{alias} is version {version}, released (ledger entry {step.seq})"
