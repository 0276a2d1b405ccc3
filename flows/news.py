"""Entries of the ledger as news: what happened, whom it concerns by the policy's quorum and RACI, where to read on.

Reasons that people typed and findings of audits stay in the console: they may repeat counts of small groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from audits.result import Verdict
from flows.news_kinds import Kind, News
from governance.case import Case, case_of
from governance.casefile import subject_of, target_in
from governance.charter import Charter
from governance.desk import Desk, charter_of
from governance.policy import Policy, Raci, Tier
from governance.record import MONITORING, schedule_of, target_of
from governance.release import by_glass
from governance.statement import Entry, PredicateType
from governance.subject import Subject, Target
from reports.console.desktop import case_link
from reports.words import moment, one_line, printable

_DEFANGED = (("://", "[:]//"), ("@", "(at)"), ("<", "‹"), (">", "›"), ("](", "] ("))
"""Chat services make links, mentions and markup of plain text: names from a registry must not become any."""


def named(text: object, limit: int = 120) -> str:
    """A name that others gave, as a word that no service makes a link or a mention of."""
    found = one_line(text, limit)
    for before, after in _DEFANGED:
        found = found.replace(before, after)
    return found


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom news concerns, by the policy: functions."""

    policy: Policy

    def signers(self, tier: Tier) -> frozenset[str]:
        """Who may sign in this tier, and who is accountable."""
        return frozenset(self.policy.signers(tier)) | self._raci(lambda row: row.accountable)

    def informed(self) -> frozenset[str]:
        """Who is informed, and who answers for it."""
        return self._raci(lambda row: (*row.informed, *row.responsible, *row.accountable))

    def all(self) -> frozenset[str]:
        """Everybody whom the policy names: signers of any tier, and every function of the RACI table."""
        table = self._raci(lambda row: (*row.responsible, *row.accountable, *row.consulted, *row.informed))
        return table | frozenset(self.policy.all_signers())

    def _raci(self, part: Callable[[Raci], tuple[str, ...]]) -> frozenset[str]:
        return frozenset(function for row in self.policy.raci for function in part(row))


@dataclass(slots=True)
class Newsroom:
    """Turns entries into news, and remembers cases that it has looked up."""

    desk: Desk
    audience: Audience = field(init=False)
    charter: Charter = field(init=False)
    cases: dict[tuple[Subject, Target], Case] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Who concerns whom is asked of the policy and the charter once."""
        self.audience, self.charter = Audience(self.desk.policy), charter_of(self.desk)

    def news(self, entries: Iterable[Entry]) -> Iterator[News]:
        """What these entries tell, in their order; most tell nothing."""
        for entry in entries:
            make = _TELLERS.get(entry.statement.predicate_type)
            found = make(self, entry) if make and self._ours(entry) else None
            if found is not None:
                yield found

    def _ours(self, entry: Entry) -> bool:
        """Whether it is of this environment; another one that shares the ledger tells its own."""
        target = entry.statement.body.get("target")
        return target is None or target["environment"] == self.desk.environment

    def case(self, entry: Entry) -> Case:
        """The case that an entry is about, as it stands now."""
        key = subject_of(entry.statement.body), target_in(entry.statement.body)
        if key not in self.cases:
            self.cases[key] = case_of(self.desk, *key)
        return self.cases[key]


def link(subject: Subject, target: Target) -> str:
    """Where the console shows this case."""
    return case_link(subject.name, subject.version, target.alias)


def about(subject: Subject, target: Target) -> str:
    """`hiring v2 as champion in local`."""
    where = f"{named(target.alias, 60)} in {named(target.environment, 60)}"
    return f"{named(subject.name)} v{named(subject.version, 40)} as {where}"


def _of_case(entry: Entry, kind: Kind, title: str, lines: tuple[str, ...], to: frozenset[str]) -> News:
    """News about the case that an entry's body names."""
    subject, target = subject_of(entry.statement.body), target_in(entry.statement.body)
    return News(kind, entry.time, f"{about(subject, target)}: {title}", lines, link(subject, target), to, seq=entry.seq)


def _held(room: Newsroom, entry: Entry) -> News:
    case = room.case(entry)
    waits = "It waits for people; what is missing, and who can give it, is in the console."
    if case.decision.only_sign_off_missing():
        needs = [named(need, 60) for item in case.decision.missing() for need in item.needs]
        waits = f"Everything measured is met. Sign-off is missing from: {', '.join(needs)}."
    return _of_case(entry, Kind.HELD, "held", (waits,), room.audience.signers(case.decision.tier))


def _refused(room: Newsroom, entry: Entry) -> News:
    who = f"{named(entry.statement.actor.name)} ({named(entry.statement.body['function'], 60)})"
    said = (f"{who} refused the release. That is final for these bytes; the reason is in the console.",)
    return _of_case(entry, Kind.REFUSED, "refused", said, room.audience.all())


def _released(room: Newsroom, entry: Entry) -> News:
    tier, to = room.case(entry).decision.tier, room.audience.informed()
    rules = room.desk.policy.rules(tier)
    said = [f"It was released at {moment(entry.time)}."]
    if by_glass(entry):
        said.append("It rests on broken glass alone, and ends by itself.")
    elif tier is Tier.LIMITED and rules is not None:
        said.append(f"Nobody had to sign. For {rules.withdraw_window_days} days, people can refuse it in the console.")
        to |= room.audience.signers(tier)
    return _of_case(entry, Kind.RELEASED, "released", tuple(said), to)


def _demoted(room: Newsroom, entry: Entry) -> News:
    said = (f"The version was taken out at {moment(entry.time)}; why, and what is live now, is in the console.",)
    return _of_case(entry, Kind.DEMOTED, "taken out", said, room.audience.all())


def _glass(room: Newsroom, entry: Entry) -> News:
    body = entry.statement.body
    who = f"{named(entry.statement.actor.name)} ({named(body['function'], 60)})"
    said = (f"{who} broke the glass, for {int(body['hours'])} hours at most. It takes two persons.",)
    return _of_case(entry, Kind.BROKEN_GLASS, "broken glass", said, room.audience.all())


def _adverse(room: Newsroom, entry: Entry) -> News | None:
    """A scheduled audit with an adverse finding; how many rows are behind it stays in the console."""
    body = entry.statement.body
    if body["purpose"] != MONITORING or not body["verdicts"].get(Verdict.ADVERSE.value):
        return None
    subject = next(item.name for item in entry.statement.subjects if item.name.startswith("model/"))
    _, name = subject.split("/", 1)
    model, _, version = name.rpartition("/")
    title = f"{named(model)} v{named(version, 40)}: adverse finding in a scheduled audit"
    said = ("The audit of newer data has an adverse verdict. People decide whether the version stays.",)
    return News(Kind.ADVERSE, entry.time, title, said, f"/entry/{entry.seq}", room.audience.all(), seq=entry.seq)


def _observed(room: Newsroom, entry: Entry) -> News | None:
    """An incident of a target, or the end of a night."""
    if entry.statement.digest_of(schedule_of("nightly").name) is not None:
        return _night(room, entry)
    if entry.statement.digest_of("target") is None:
        return None
    where = _targets(room).get(entry.statement.digest_of("target") or "")
    title = f"Incident: {about(*where) if where else 'something moved outside Fairgate'}"
    path = link(*where) if where else f"/entry/{entry.seq}"
    said = (f"{named(entry.statement.meaning, 400)}.",)
    return News(Kind.INCIDENT, entry.time, title, said, path, room.audience.all(), seq=entry.seq)


def _targets(room: Newsroom) -> Mapping[str, tuple[Subject, Target]]:
    """The targets that the ledger knows by name, by their digest; the last version that was asked for or live."""
    found: dict[str, tuple[Subject, Target]] = {}
    for entry in room.desk.ledger.entries():
        body, digest = entry.statement.body, entry.statement.digest_of("target")
        if digest and "subject" in body and "target" in body:
            subject, target = subject_of(body), target_in(body)
            if target_of(subject.name, target).digest == digest:
                found[digest] = subject, target
    return found


def _night(room: Newsroom, entry: Entry) -> News | None:
    if not entry.statement.body.get("exit_code"):
        return None
    title = f"The night of {entry.time:%Y-%m-%d} needs attention"
    said = (named(entry.statement.meaning, 400),)
    return News(Kind.NIGHT, entry.time, title, said, f"/entry/{entry.seq}", room.audience.all(), seq=entry.seq)


def _adopted(room: Newsroom, entry: Entry) -> News | None:
    """A policy that came into force by this entry; one that was only used or approved by one person tells nothing."""
    found = next((item for item in room.charter.adoptions if item.seq == entry.seq), None)
    if found is None:
        return None
    people = [room.charter.person(identity) for identity in found.by]
    by = ", ".join(named(person.name) for person in people if person) or "its first use"
    title = f"Policy {named(found.name)} {named(found.version, 40)} is in force"
    said = (f"Adopted by {by}. Sign-offs that were given under another policy count no more.",)
    return News(Kind.POLICY, entry.time, title, said, f"/entry/{entry.seq}", room.audience.all(), seq=entry.seq)


def _person(room: Newsroom, entry: Entry) -> News | None:
    """Who may act no more, and each step of a reset of a password: it is told to her too, who may not have asked."""
    body = entry.statement.body
    event, reset = body["event"], str(body["event"]).startswith("password-reset-")
    if event != "disabled" and not reset:
        return None
    who = f"{named(body['person']['name'])} ({printable(body['person']['id'], 64)})"
    title = f"{who} may act no more"
    said = ("What this person signed counts no more; releases that rest on it are held.",)
    if reset:
        title = f"Password of {who}: reset {event.removeprefix('password-reset-')}"
        by = f"{named(entry.statement.actor.name)} ({printable(entry.statement.actor.id, 64)})"
        factors = " Her authenticator app and passkeys are forgotten too." if body["reset"].get("forget") else ""
        said = (f"By {by}.{factors} If she did not ask for it, stop it: her page under People.",)
    persons = frozenset({str(body["person"]["id"])}) if reset else frozenset[str]()
    path, to = f"/entry/{entry.seq}", room.audience.all()
    return News(Kind.PERSON, entry.time, title, said, path, to, persons, seq=entry.seq)


_TELLERS: Mapping[PredicateType, Callable[[Newsroom, Entry], News | None]] = {
    PredicateType.HOLD: _held,
    PredicateType.REFUSAL: _refused,
    PredicateType.PROMOTION: _released,
    PredicateType.DEMOTION: _demoted,
    PredicateType.BREAK_GLASS: _glass,
    PredicateType.FAIRNESS_AUDIT: _adverse,
    PredicateType.OBSERVATION: _observed,
    PredicateType.POLICY: _adopted,
    PredicateType.POLICY_APPROVAL: _adopted,
    PredicateType.KEY_EVENT: _person,
}
