"""The models that the ledger knows, as it records them: versions, targets, audits, and every event. Pure.

What stands here is what was recorded, not what the gate would answer now: `case` asks that. Bodies are read leniently,
since entries of every earlier version of Fairgate stay readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from governance.statement import Entry, PredicateType
from governance.subject import Subject, Target

LIVE, WAITING, REFUSED, REPLACED, TAKEN_DOWN = "live", "waiting", "refused", "replaced", "taken down"


@dataclass(frozen=True, slots=True)
class AuditMark:
    """An audit as the ledger names it. `verdicts` counts bounded disparities; `report` is None where none is named."""

    seq: int
    time: datetime
    version: str
    digest: str
    purpose: str
    report: str | None
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """One version in one target. state: live, waiting, refused, replaced or taken down, by the entry `seq`."""

    target: Target
    state: str
    seq: int
    time: datetime


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version and its bytes, first heard of by the entry `seq`. A name and number alone are reusable.

    `subject` is None where no entry carries it whole. `registrant` is the id of a person, None where nobody is known.
    """

    version: str
    digest: str
    seq: int
    time: datetime
    subject: Subject | None
    registrant: str | None
    places: tuple[Place, ...]
    audits: tuple[AuditMark, ...]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A registered model. Versions in the order in which the ledger first heard of them."""

    name: str
    versions: tuple[KnownVersion, ...]
    audits: tuple[AuditMark, ...]
    incidents: int

    def in_state(self, state: str) -> tuple[tuple[KnownVersion, Place], ...]:
        """The versions that are in this state somewhere, each with where."""
        return tuple((item, place) for item in self.versions for place in item.places if place.state == state)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a model. `kind` is the short word of the entry, `incident` for an observation.

    `version` and `target` are None where the entry names none.
    """

    entry: Entry
    kind: str
    version: str | None
    target: Target | None


INCIDENT = "incident"


@dataclass(slots=True)
class _Version:
    version: str
    digest: str
    first: Entry
    subject: Subject | None = None
    registrant: str | None = None
    places: dict[Target, Place] = field(default_factory=dict)
    audits: list[AuditMark] = field(default_factory=list)
    refused: set[Target] = field(default_factory=set)

    def done(self) -> KnownVersion:
        return KnownVersion(
            self.version,
            self.digest,
            self.first.seq,
            self.first.time,
            self.subject,
            self.registrant,
            tuple(self.places.values()),
            tuple(self.audits),
        )


@dataclass(slots=True)
class _Model:
    name: str
    versions: dict[tuple[str, str], _Version] = field(default_factory=dict)
    audits: list[AuditMark] = field(default_factory=list)
    incidents: int = 0

    def done(self) -> KnownModel:
        found = tuple(item.done() for item in self.versions.values())
        return KnownModel(self.name, found, tuple(self.audits), self.incidents)


def model_in(entry: Entry) -> tuple[str, str, str] | None:
    """Name, version and digest of the model version that an entry is about, None where it is about none.

    A name may hold slashes, a version does not.
    """
    for item in entry.statement.subjects:
        if item.name.startswith("model/"):
            name, _, version = item.name.removeprefix("model/").rpartition("/")
            return name, version, item.digest
    return None


def target_named(body: Mapping[str, Any]) -> Target | None:
    """The release target that a statement's body carries, None where it carries none."""
    found = body.get("target")
    return Target(str(found.get("environment")), str(found.get("alias"))) if isinstance(found, Mapping) else None


def inventory(entries: Iterable[Entry]) -> tuple[KnownModel, ...]:
    """Every model that these entries (of the whole ledger, in their order) speak of, by name."""
    models, owners = dict[str, _Model](), dict[str, str]()
    for entry in entries:
        about = model_in(entry)
        if about is not None:
            _learn(models.setdefault(about[0], _Model(about[0])), entry, about, owners)
        elif entry.statement.predicate_type is PredicateType.OBSERVATION:
            name = owners.get(entry.statement.digest_of("target") or "")
            if name is not None:
                models[name].incidents += 1
    return tuple(models[name].done() for name in sorted(models))


def timeline(entries: Iterable[Entry], name: str) -> tuple[Event, ...]:
    """Everything that the ledger says of a model, the newest first."""
    targets, found = dict[str, Target](), list[Event]()
    for entry in entries:
        about, target = model_in(entry), target_named(entry.statement.body)
        if about is not None and about[0] == name:
            where = entry.statement.digest_of("target")
            if target is not None and where is not None:
                targets[where] = target
            target = target or targets.get(where or "")
            found.append(Event(entry, entry.statement.predicate_type.word, about[1], target))
        elif about is None and (seen := targets.get(entry.statement.digest_of("target") or "")):
            found.append(Event(entry, INCIDENT, entry.statement.body.get("version"), seen))
    return tuple(reversed(found))


def _learn(model: _Model, entry: Entry, about: tuple[str, str, str], owners: dict[str, str]) -> None:
    _name, number, digest = about
    version = model.versions.setdefault((number, digest), _Version(number, digest, entry))
    body, kind = entry.statement.body, entry.statement.predicate_type
    target = target_named(body)
    version.subject = _subject(body) or version.subject
    where = entry.statement.digest_of("target")
    if where is not None:
        owners[where] = model.name
    if kind is PredicateType.MODEL_REGISTERED:
        version.registrant = body.get("registrant") or version.registrant
    elif kind is PredicateType.FAIRNESS_AUDIT:
        mark = audit_mark(entry)
        model.audits.append(mark)
        version.audits.append(mark)
    elif target is not None and (move := _MOVES.get(kind)):
        move(model, version, target, entry)


def _subject(body: Mapping[str, Any]) -> Subject | None:
    """The subject that a body carries whole, None where it does not."""
    found = body.get("subject")
    try:
        return Subject(**found) if isinstance(found, Mapping) else None
    except TypeError:
        return None


def audit_mark(entry: Entry) -> AuditMark:
    """The audit that an entry names."""
    _name, version, digest = model_in(entry) or ("", "", "")
    body = entry.statement.body
    verdicts = body.get("verdicts")
    counts = {str(word): int(number) for word, number in verdicts.items()} if isinstance(verdicts, Mapping) else {}
    report = entry.statement.digest_of("audit-report")
    return AuditMark(entry.seq, entry.time, version, digest, str(body.get("purpose")), report, counts)


def _asked(_model: _Model, version: _Version, target: Target, entry: Entry) -> None:
    """A release was asked for: it waits, unless it is live or refused."""
    place = version.places.get(target)
    if place is None or place.state in (REPLACED, TAKEN_DOWN):
        version.places[target] = Place(target, WAITING, entry.seq, entry.time)


def _released(model: _Model, version: _Version, target: Target, entry: Entry) -> None:
    for other in model.versions.values():
        place = other.places.get(target)
        if place is not None and place.state == LIVE:
            other.places[target] = Place(target, REPLACED, entry.seq, entry.time)
    version.places[target] = Place(target, LIVE, entry.seq, entry.time)


def _refused(_model: _Model, version: _Version, target: Target, entry: Entry) -> None:
    """What is live stays so until it is taken out of its target, which is an entry of its own."""
    version.refused.add(target)
    place = version.places.get(target)
    if place is None or place.state != LIVE:
        version.places[target] = Place(target, REFUSED, entry.seq, entry.time)


def _demoted(_model: _Model, version: _Version, target: Target, entry: Entry) -> None:
    state = REFUSED if target in version.refused else TAKEN_DOWN
    version.places[target] = Place(target, state, entry.seq, entry.time)


_MOVES: dict[PredicateType, Callable[[_Model, _Version, Target, Entry], None]] = {
    PredicateType.HOLD: _asked,
    PredicateType.BREAK_GLASS: _asked,
    PredicateType.PROMOTION: _released,
    PredicateType.REFUSAL: _refused,
    PredicateType.DEMOTION: _demoted,
}
