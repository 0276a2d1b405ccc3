"""Models and their histories for people: frozen values made from what the ledger records. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from governance.case import Case, still_waiting
from governance.decide import DecisionOutcome
from governance.inventory import INCIDENT, LIVE, WAITING, AuditMark, Event, KnownModel, KnownVersion, Place, audit_mark
from governance.people import Person
from governance.record import MONITORING
from governance.statement import PredicateType
from governance.subject import Target
from reports.measured import WORST_FIRST
from reports.words import listed, moment, one_line, printable, requirement_label

KINDS: Mapping[str, str] = {
    "model-registered": "Registration",
    "data-validation": "Data validation",
    "fairness-audit": "Audit",
    "hold": "Hold",
    "sign-off": "Sign-off",
    "refusal": "Refusal",
    "condition": "Condition",
    "withdrawal": "Withdrawal",
    "promotion-intent": "Release begun",
    "promotion": "Release",
    "demotion": "Demotion",
    "break-glass": "Broken glass",
    INCIDENT: "Incident",
}
"""Kinds of events in a model's life, as people call them, in the order of a life."""
MARKS: Mapping[str, str] = {
    "break-glass": "emergency",
    INCIDENT: "warning",
    "refusal": "refused",
    "promotion": "approved",
    "demotion": "warning",
}
"""The badge of what must not be overlooked, by kind."""
TIMELINE = 100
"""So many events are on one page of a timeline."""
VERSIONS = 30
"""So many versions are listed, the newest."""

Links = Callable[[str, str, str], str]
"""The address of a case: name, version, alias."""


@dataclass(frozen=True, slots=True)
class AuditWords:
    """An audit in a line: when, why, and its worst verdict. `verdict` is `not known` where the ledger counts none."""

    seq: int
    time: str
    version: str
    purpose: str
    verdict: str
    counts: str


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model in the list. `live`, `again` and `waiting` are (target or version in words, link or None).

    `again` is what is live and held again: it stays live until people decide.
    """

    name: str
    raw: str
    versions: int
    live: tuple[tuple[str, str | None], ...]
    again: tuple[tuple[str, str | None], ...]
    waiting: tuple[tuple[str, str | None], ...]
    audit: AuditWords | None
    incidents: int


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A version in a target: what the ledger records, and what the gate answers now (empty: it was not asked)."""

    target: str
    state: str
    since: str
    seq: int
    answer: str
    tone: str
    link: str | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a model: who answers for it, its targets, its last audit."""

    version: str
    digest: str
    seq: int
    since: str
    registrant: str
    places: tuple[PlaceRow, ...]
    audit: AuditWords | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the timeline. `note` is the reason that a person gave (`quoted`), or how an audit ended."""

    seq: int
    time: str
    kind: str
    mark: str
    version: str
    target: str
    who: str
    what: str
    note: str
    quoted: bool
    link: str | None


@dataclass(frozen=True, slots=True)
class KindLink:
    """A kind of events and how many there are; `key` is empty for all of them."""

    key: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, the newest first. `older` is the entry below which the next page begins, None at the end."""

    rows: tuple[EventRow, ...]
    kinds: tuple[KindLink, ...]
    kind: str
    count: int
    older: int | None


Held = frozenset[tuple[str, str, Target]]
"""What is live and held again: name, digest, target."""


def held_again(cases: Iterable[Case]) -> Held:
    """Those of the cases whose version is live while the gate holds it."""
    return frozenset(
        (case.subject.name, case.subject.digest, case.target) for case in still_waiting(cases) if case.released()
    )


def model_row(model: KnownModel, links: Links, environment: str, again: Held) -> ModelRow:
    """The model as a line of the list. Cases are linked where they are of this console's `environment`."""

    def line(found: tuple[KnownVersion, Place], words: str) -> tuple[str, str | None]:
        version, place = found
        known = place.target.environment == environment
        return words, links(model.name, version.version, place.target.alias) if known else None

    def held(found: tuple[KnownVersion, Place]) -> bool:
        return (model.name, found[0].digest, found[1].target) in again

    live = tuple((x, f"version {printable(x[0].version)} as {printable(x[1].target)}") for x in model.in_state(LIVE))
    return ModelRow(
        name=printable(model.name),
        raw=model.name,
        versions=len(model.versions),
        live=tuple(line(x, words) for x, words in live if not held(x)),
        again=tuple(line(x, words) for x, words in live if held(x)),
        waiting=tuple(
            line(x, f"version {printable(x[0].version)} for {printable(x[1].target)}") for x in model.in_state(WAITING)
        ),
        audit=audit_words(model.audits[-1]) if model.audits else None,
        incidents=model.incidents,
    )


def audit_words(mark: AuditMark) -> AuditWords:
    """An audit in words."""
    counted = [(item.value, mark.verdicts[item.value]) for item in WORST_FIRST if mark.verdicts.get(item.value)]
    return AuditWords(
        seq=mark.seq,
        time=moment(mark.time),
        version=printable(mark.version),
        purpose="monitoring audit" if mark.purpose == MONITORING else "release audit",
        verdict=counted[0][0] if counted else "not known",
        counts=", ".join(f"{number} {word}" for word, number in counted) or "no comparison is counted",
    )


def version_rows(
    model: KnownModel,
    answers: Mapping[tuple[str, Target], Case],
    people: Iterable[Person],
    links: Links,
    environment: str,
) -> tuple[VersionRow, ...]:
    """The versions, the newest first. `answers` are cases that the gate was asked about: digest and target."""
    names = {person.id: person.name for person in people}

    def place(version: KnownVersion, found: Place) -> PlaceRow:
        case = answers.get((version.digest, found.target))
        known = found.target.environment == environment
        return PlaceRow(
            target=printable(found.target),
            state=found.state,
            since=moment(found.time),
            seq=found.seq,
            answer=_answer(case) if case else "",
            tone=case.decision.outcome.value.lower() if case else "",
            link=links(model.name, version.version, found.target.alias) if known else None,
        )

    return tuple(
        VersionRow(
            version=printable(item.version),
            digest=item.digest,
            seq=item.seq,
            since=moment(item.time),
            registrant=printable(names.get(item.registrant or "", item.registrant) or "nobody known"),
            places=tuple(place(item, found) for found in item.places),
            audit=audit_words(item.audits[-1]) if item.audits else None,
        )
        for item in reversed(model.versions[-VERSIONS:])
    )


def to_ask(model: KnownModel, environment: str, most: int) -> tuple[tuple[KnownVersion, Target], ...]:
    """What the gate is asked about now: what is live, then what waits, then the newest; at most so many."""
    found = [(item, place) for item in reversed(model.versions) for place in item.places]
    here = [pair for pair in found if pair[1].target.environment == environment and pair[0].subject is not None]
    order = {LIVE: 0, WAITING: 1}
    return tuple((item, place.target) for item, place in sorted(here, key=lambda x: order.get(x[1].state, 2))[:most])


def timeline_view(
    name: str, events: tuple[Event, ...], kind: str, before: int | None, links: Links, environment: str
) -> Timeline:
    """One page of the events of this kind (empty: of all), below the entry `before` where it is given."""
    counts: dict[str, int] = {}
    for event in events:
        counts[event.kind] = counts.get(event.kind, 0) + 1
    wanted = [event for event in events if kind in ("", event.kind)]
    below = [event for event in wanted if before is None or event.entry.seq < before]
    shown = below[:TIMELINE]
    known = (*KINDS, *(word for word in counts if word not in KINDS))
    kinds = tuple(KindLink(word, kind_label(word), counts[word]) for word in known if word in counts)
    return Timeline(
        rows=tuple(_event_row(name, event, links, environment) for event in shown),
        kinds=(KindLink("", "Everything", len(events)), *kinds),
        kind=kind,
        count=len(wanted),
        older=shown[-1].entry.seq if len(below) > len(shown) else None,
    )


def kind_label(word: str) -> str:
    """`promotion` -> `Release`."""
    return KINDS.get(word, printable(word).replace("-", " ").capitalize())


def _answer(case: Case) -> str:
    if case.decision.outcome is DecisionOutcome.RELEASED:
        return "RELEASED by broken glass" if case.decision.emergency else "RELEASED: every requirement is met"
    missing = tuple(requirement_label(item.requirement).lower() for item in case.decision.missing())
    return f"{case.decision.outcome.value}: not met: {listed(missing)}" if missing else case.decision.outcome.value


def _event_row(name: str, event: Event, links: Links, environment: str) -> EventRow:
    statement, target = event.entry.statement, event.target
    audit = statement.predicate_type is PredicateType.FAIRNESS_AUDIT
    reason = audit_words(audit_mark(event.entry)).counts if audit else statement.body.get("reason")
    here = target is not None and event.version is not None and target.environment == environment
    return EventRow(
        seq=event.entry.seq,
        time=moment(event.entry.time),
        kind=kind_label(event.kind),
        mark=MARKS.get(event.kind, ""),
        version=printable(event.version) if event.version else "",
        target=printable(target) if target else "",
        who=printable(statement.actor.name),
        what=one_line(statement.meaning, 300),
        note=one_line(reason, 300) if isinstance(reason, str) else "",
        quoted=not audit,
        link=links(name, f"{event.version}", target.alias) if target is not None and here else None,
    )
