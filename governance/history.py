"""What was live when, who put it there, on what evidence, and why it ended. Pure: ledger entries in, values out.

The ledger is the memory: a release target holds what its newest promotion or demotion says, whatever the registry
shows today. Bodies are read leniently, since entries of every earlier version of Fairgate stay readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from governance.inventory import model_in, target_named
from governance.people import Actor
from governance.record import target_of
from governance.statement import Entry, PredicateType
from governance.subject import Target


@dataclass(frozen=True, slots=True)
class Term:
    """A condition of an approval; `met` is the first entry that says so, None where none does. Due days end in UTC."""

    text: str
    owner: str
    due: str
    met: int | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """A person's act that a release rests on or ended with. kind: sign-off, break-glass, withdrawal or refusal."""

    seq: int
    time: datetime
    kind: str
    actor: Actor
    function: str | None
    reason: str | None
    authentication: str | None
    on_behalf_of: str | None = None
    conditions: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Grounds:
    """The evidence that a release rested on: digests, each None where the ledger names none."""

    audit: int | None = None
    report: str | None = None
    data: str | None = None
    validation: str | None = None
    plan: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a version ceased to be live. kind: demotion or replacement; `back_to` is the version that took over."""

    seq: int
    time: datetime
    kind: str
    actor: Actor
    reason: str
    back_to: str | None
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that was seen while the version was live and that nobody had recorded."""

    seq: int
    time: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Reign:
    """One version live in one target, from the promotion `seq` on, until `end` (None: still).

    `broken_glass`: it was live by an emergency release. `policy` is the digest, `policy_name` name and version.
    """

    name: str
    version: str
    digest: str
    target: Target
    seq: int
    since: datetime
    by: Actor
    tier: str | None
    acts: tuple[Act, ...]
    grounds: Grounds
    policy: str | None
    policy_name: str | None
    end: End | None = None
    incidents: tuple[Incident, ...] = ()

    @property
    def broken_glass(self) -> bool:
        """Whether the release rested on broken glass."""
        return any(act.kind == PredicateType.BREAK_GLASS.word for act in self.acts)

    def live_at(self, moment: datetime) -> bool:
        """Whether this was live at that moment; at the moment of its end it was not any more."""
        return self.since <= moment and (self.end is None or moment < self.end.time)

    def live_between(self, start: datetime, end: datetime) -> bool:
        """Whether this was live at any moment from `start` on and before `end`."""
        return self.since < end and (self.end is None or self.end.time > start)


@dataclass(slots=True)
class _Reading:
    """What was read so far of one model's entries."""

    acts: dict[int, tuple[Entry, Act]] = field(default_factory=dict)
    audits: dict[str, Entry] = field(default_factory=dict)
    validations: dict[str, Entry] = field(default_factory=dict)
    policies: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    live: dict[Target, int] = field(default_factory=dict)
    reigns: list[Reign] = field(default_factory=list)


def history(
    entries: Iterable[Entry], name: str, *, alias: str | None = None, environment: str | None = None
) -> tuple[Reign, ...]:
    """Every reign of a version of `name`, by start. `entries` are those of the whole ledger, in their order.

    Only targets of this `alias` and `environment`, where they are given.
    """
    reading = _Reading()
    for entry in entries:
        _read(entry, name, reading)
    wanted = (item for item in reading.reigns if alias in (None, item.target.alias))
    return tuple(item for item in wanted if environment in (None, item.target.environment))


def histories(entries: Iterable[Entry]) -> tuple[Reign, ...]:
    """Every reign of every model, by start. `entries` are those of the whole ledger, in their order; read once."""
    readings, owners, policies = dict[str, _Reading](), dict[str, _Reading](), dict[str, str]()
    for entry in entries:
        name = _named(entry)
        if name is not None:
            reading = readings.setdefault(name, _Reading(policies=policies))
            _read(entry, name, reading)
            owners |= {item.digest: reading for item in entry.statement.subjects if item.name == "target"}
        elif entry.statement.predicate_type is PredicateType.POLICY:
            _keep_policy(entry, policies)
        elif found := owners.get(entry.statement.digest_of("target") or ""):
            _observe(entry, found)
    return tuple(sorted((item for found in readings.values() for item in found.reigns), key=lambda item: item.seq))


def live_at(reigns: Iterable[Reign], moment: datetime) -> tuple[Reign, ...]:
    """What was live at a moment, at most one for each target."""
    return tuple(item for item in reigns if item.live_at(moment))


def live_on(reigns: Iterable[Reign], day: date, zone: Any) -> tuple[Reign, ...]:
    """What was live at any moment of a day in a time zone (a `tzinfo`)."""
    start = datetime.combine(day, time(), zone)
    end = start + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=zone)
    return tuple(item for item in reigns if item.live_between(start, end))


def _read(entry: Entry, name: str, reading: _Reading) -> None:
    kind = entry.statement.predicate_type
    if kind is PredicateType.POLICY:
        _keep_policy(entry, reading.policies)
    elif kind is PredicateType.OBSERVATION:
        _observe(entry, reading)
    elif _named(entry) != name:
        return
    elif kind in (PredicateType.FAIRNESS_AUDIT, PredicateType.DATA_VALIDATION):
        _keep_evidence(entry, reading)
    elif kind is PredicateType.PROMOTION:
        _begin(entry, name, reading)
    elif kind is PredicateType.DEMOTION:
        _demote(entry, reading)
    elif kind is PredicateType.CONDITION:
        _meet(entry, reading)
    elif act := _act(entry):
        reading.acts[entry.seq] = entry, act


def _keep_policy(entry: Entry, policies: dict[str, str]) -> None:
    body = entry.statement.body
    policies[entry.statement.digest_of("policy") or ""] = f"{body.get('name')} {body.get('version')}"


def _begin(entry: Entry, name: str, reading: _Reading) -> None:
    statement, body = entry.statement, entry.statement.body
    subject, target = body.get("subject", {}), _target(body)
    acts = _resting_on(entry, reading)
    _finish(reading, target, _replaced(entry))
    reading.targets[target_of(name, target).digest] = target
    reading.live[target] = len(reading.reigns)
    reading.reigns.append(
        Reign(
            name=name,
            version=str(subject.get("version")),
            digest=_model(entry) or "",
            target=target,
            seq=entry.seq,
            since=entry.time,
            by=statement.actor,
            tier=body.get("tier"),
            acts=acts,
            grounds=_grounds(entry, acts, reading),
            policy=statement.policy_digest,
            policy_name=reading.policies.get(statement.policy_digest or ""),
        )
    )


def _demote(entry: Entry, reading: _Reading) -> None:
    body, target = entry.statement.body, _target(entry.statement.body)
    place = reading.live.get(target)
    since = reading.reigns[place].seq if place is not None else -1
    ending = {PredicateType.WITHDRAWAL.word, PredicateType.REFUSAL.word}
    acts = tuple(
        act for found, act in _of_target(entry, reading) if act.kind in ending and since < found.seq < entry.seq
    )
    end = End(
        seq=entry.seq,
        time=entry.time,
        kind=entry.statement.predicate_type.word,
        actor=entry.statement.actor,
        reason=str(body.get("reason") or ""),
        back_to=body.get("back_to"),
        acts=acts,
    )
    _finish(reading, target, end)


def _finish(reading: _Reading, target: Target, end: End) -> None:
    """End what is live in the target, if anything is."""
    place = reading.live.pop(target, None)
    if place is not None:
        reading.reigns[place] = replace(reading.reigns[place], end=end)


def _replaced(entry: Entry) -> End:
    version = str(entry.statement.body.get("subject", {}).get("version"))
    reason = f"version {version} took its place"
    return End(entry.seq, entry.time, "replacement", entry.statement.actor, reason, version)


def _observe(entry: Entry, reading: _Reading) -> None:
    """An observation is about a target; it belongs to what is live there."""
    target = reading.targets.get(entry.statement.digest_of("target") or "")
    place = reading.live.get(target) if target else None
    if place is not None:
        reign = reading.reigns[place]
        seen = Incident(entry.seq, entry.time, entry.statement.meaning)
        reading.reigns[place] = replace(reign, incidents=(*reign.incidents, seen))


def _act(entry: Entry) -> Act | None:
    kind = entry.statement.predicate_type
    acts = (PredicateType.SIGN_OFF, PredicateType.BREAK_GLASS, PredicateType.WITHDRAWAL, PredicateType.REFUSAL)
    if kind not in acts:
        return None
    body = entry.statement.body
    said = {key: body.get(key) for key in ("function", "reason", "authentication", "on_behalf_of")}
    return Act(entry.seq, entry.time, kind.word, entry.statement.actor, **said, conditions=_terms(body))


def _terms(body: Mapping[str, Any]) -> tuple[Term, ...]:
    found = body.get("conditions") or ()
    return tuple(Term(f"{item.get('text')}", f"{item.get('owner')}", f"{item.get('due')}") for item in found)


def _meet(entry: Entry, reading: _Reading) -> None:
    """A condition of an act is met: said of the act, wherever it stands."""
    body = entry.statement.body
    seq, number = body.get("sign_off"), body.get("number")
    if type(seq) is not int or type(number) is not int or seq not in reading.acts:
        return
    found, act = reading.acts[seq]
    if not 1 <= number <= len(act.conditions):
        return
    terms = list(act.conditions)
    if terms[number - 1].met is None:
        terms[number - 1] = replace(terms[number - 1], met=entry.seq)
    newer = replace(act, conditions=tuple(terms))
    reading.acts[act.seq] = found, newer
    for place, reign in enumerate(reading.reigns):
        if act in reign.acts:
            acts = tuple(newer if item == act else item for item in reign.acts)
            reading.reigns[place] = replace(reign, acts=acts)


def _resting_on(entry: Entry, reading: _Reading) -> tuple[Act, ...]:
    """The sign-offs that the promotion names, and the broken glass that had not run out."""
    named = set(entry.statement.body.get("sign_offs") or ())
    glass = PredicateType.BREAK_GLASS.word
    return tuple(
        act
        for found, act in _of_target(entry, reading)
        if act.seq in named or (act.kind == glass and not named and _runs(found, entry.time))
    )


def _runs(glass: Entry, now: datetime) -> bool:
    hours = glass.statement.body.get("hours")
    return isinstance(hours, int | float) and now < glass.time + timedelta(hours=hours)


def _of_target(entry: Entry, reading: _Reading) -> Iterator[tuple[Entry, Act]]:
    """Acts about the same bytes and the same target, in their order."""
    where = entry.statement.digest_of("target")
    for found, act in reading.acts.values():
        if found.statement.digest_of("target") == where and _model(found) == _model(entry):
            yield found, act


def _keep_evidence(entry: Entry, reading: _Reading) -> None:
    if entry.statement.body.get("purpose") != "release":
        return
    audit = entry.statement.predicate_type is PredicateType.FAIRNESS_AUDIT
    kept = reading.audits if audit else reading.validations
    kept[_model(entry) or ""] = entry


def _grounds(entry: Entry, acts: Sequence[Act], reading: _Reading) -> Grounds:
    """What the signers were shown; without signers the newest release audit and validation of these bytes."""
    digest = _model(entry) or ""
    audit, validation = reading.audits.get(digest), reading.validations.get(digest)
    shown: Mapping[str, Any] = next(
        (
            reading.acts[act.seq][0].statement.body.get("shown") or {}
            for act in reversed(acts)
            if act.kind == "sign-off"
        ),
        {},
    )
    of_audit = audit.statement.digest_of if audit else _nothing
    return Grounds(
        audit=audit.seq if audit else None,
        report=shown.get("report_digest") or of_audit("audit-report"),
        data=shown.get("data_digest") or of_audit("data"),
        validation=shown.get("validation_digest")
        or (validation.statement.digest_of("data-validation") if validation else None),
        plan=of_audit("plan"),
    )


def _nothing(_name: str) -> None:
    return None


def _target(body: Mapping[str, Any]) -> Target:
    return target_named(body) or Target("None", "None")


def _model(entry: Entry) -> str | None:
    """The digest of the model version that an entry is about."""
    about = model_in(entry)
    return about[2] if about else None


def _named(entry: Entry) -> str | None:
    """The registered name of the model that an entry is about."""
    about = model_in(entry)
    return about[0] if about else None
