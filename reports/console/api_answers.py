"""The answers of the JSON API: frozen values, so that its description (OpenAPI) is complete. Pure.

Names and texts are as the ledger has them, not made printable: scripts send them back. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from governance.case import Case
from governance.decide import Finding
from governance.dossier import SignOff
from governance.history import Reign
from governance.inventory import KnownModel, KnownVersion
from governance.ledger.checkpoint import Checkpoint
from governance.people import Person
from governance.policy import Policy
from governance.quorum import why_void
from governance.statement import Entry
from reports.evidence import CaseEvidence
from reports.figures import FiguresView


@dataclass(frozen=True, slots=True)
class Me:
    """Whose token or session it is, and whether she reads counts of small groups."""

    id: str
    name: str
    functions: tuple[str, ...]
    reads_small_counts: bool


@dataclass(frozen=True, slots=True)
class CaseName:
    """What a case is asked for by."""

    name: str
    version: str
    alias: str
    environment: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A hold that waits. `missing` are requirements that are not met, `needs` functions that could sign.

    `since` is None where nobody asked for the release.
    """

    case: CaseName
    tier: str
    since: datetime | None
    missing: tuple[str, ...]
    needs: tuple[str, ...]
    only_sign_off_missing: bool
    live: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement and its answer: met, unmet, unknown or refused. Only met passes. `entries` are the evidence."""

    requirement: str
    status: str
    reason: str
    needs: tuple[str, ...]
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Digests:
    """What a signature of this case would be bound to; None where there is nothing yet."""

    model: str
    audit_report: str | None
    data: str | None
    data_validation: str | None
    policy: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What an approval asks for, of whom (the id of a person), and the last day for it in UTC."""

    text: str
    owner: str
    due: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign-off or refusal. `void` says why it does not count, None where it does."""

    entry: int
    person: str
    printed_name: str
    function: str
    decision: str
    meaning: str
    reason: str
    signed_at: datetime
    expires_at: datetime | None
    assurance: str
    conditions: tuple[Condition, ...]
    void: str | None


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """The decision of one case. `masked` is empty, or says what was withheld from this reader.

    `ledger_size` is how many entries were read.
    """

    case: CaseName
    digests: Digests
    at: datetime
    outcome: str
    tier: str
    policy: str
    live: bool
    emergency_until: datetime | None
    requirements: tuple[Requirement, ...]
    sign_offs: tuple[Signed, ...]
    verdicts: dict[str, int]
    masked: str
    ledger_size: int


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """One version in one target, as the ledger records it: live, waiting, refused, replaced or taken down."""

    alias: str
    environment: str
    state: str
    entry: int
    time: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A version and the digest of its bytes; a name and number alone are reusable."""

    version: str
    digest: str
    entry: int
    time: datetime
    registrant: str | None
    places: tuple[VersionPlace, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the ledger knows."""

    name: str
    versions: tuple[Version, ...]
    incidents: int


@dataclass(frozen=True, slots=True)
class Spell:
    """One version live in one target. `until`, `ended_by` and `end_reason` are None while it is."""

    case: CaseName
    digest: str
    promotion: int
    since: datetime
    until: datetime | None
    ended_by: int | None
    end_reason: str | None
    promoted_by: str
    tier: str | None
    broken_glass: bool
    signed_by: tuple[int, ...]
    policy: str | None
    audit_report: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What was live at any moment of a day in UTC, read at this size and root of the ledger."""

    on: str
    ledger_size: int
    ledger_root: str | None
    spells: tuple[Spell, ...]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """An entry of the ledger, without its body: `/entries/SEQ/envelope` has the exact bytes. Hashes are hexadecimal."""

    seq: int
    time: datetime
    type: str
    actor: str
    printed_name: str
    kind: str
    meaning: str
    subjects: dict[str, str]
    policy: str | None
    leaf_hash: str
    root: str


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries from `since` on, in order. `next` is where to read on, None at the end."""

    entries: tuple[LedgerEntry, ...]
    size: int
    next: int | None


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """The newest signed checkpoint: a C2SP signed note over size and root; None while the ledger is empty."""

    size: int
    root: str
    note: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure and its definition, over the period and each quarter, in words; of nothing there is no number."""

    key: str
    label: str
    definition: str
    value: str
    of: str
    quarters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FiguresAnswer:
    """The key figures of a period and of quarters, the newest first, under the policy of this console."""

    period: str
    since: str
    until: str
    quarters: tuple[str, ...]
    figures: tuple[Figure, ...]


def me(person: Person, *, whole: bool) -> Me:
    """Who asks."""
    return Me(person.id, person.name, person.functions, whole)


def case_name(case: Case) -> CaseName:
    """The names of a case."""
    return CaseName(case.subject.name, case.subject.version, case.target.alias, case.target.environment)


def waiting(case: Case) -> Waiting:
    """A hold in the list of those that wait."""
    missing, hold = case.decision.missing(), case.open_hold()
    return Waiting(
        case=case_name(case),
        tier=case.decision.tier.value,
        since=hold.time if hold else None,
        missing=tuple(item.requirement for item in missing),
        needs=tuple(dict.fromkeys(need for item in missing for need in item.needs)),
        only_sign_off_missing=case.decision.only_sign_off_missing(),
        live=case.released(),
    )


def case_answer(evidence: CaseEvidence) -> CaseAnswer:
    """The decision with everything that it rests on."""
    case, shown = evidence.case, evidence.case.shown()
    glass = case.decision.emergency
    return CaseAnswer(
        case=case_name(case),
        digests=Digests(
            shown.model_digest, shown.report_digest, shown.data_digest, shown.validation_digest, shown.policy_digest
        ),
        at=case.dossier.now,
        outcome=case.decision.outcome.value,
        tier=case.decision.tier.value,
        policy=f"{evidence.policy.name} {evidence.policy.version}",
        live=case.released(),
        emergency_until=glass.until if glass else None,
        requirements=tuple(_requirement(item) for item in case.decision.findings),
        sign_offs=tuple(_signed(item, case, evidence.policy) for item in case.dossier.sign_offs),
        verdicts={kind.value: number for kind, number in evidence.audit.verdicts().items()} if evidence.audit else {},
        masked=evidence.published,
        ledger_size=case.decision.size,
    )


def _requirement(item: Finding) -> Requirement:
    return Requirement(item.requirement, item.status.value, item.reason, item.needs, item.evidence)


def _signed(item: SignOff, case: Case, policy: Policy) -> Signed:
    refuses = item.decision == "refuse"
    return Signed(
        entry=item.seq,
        person=item.approver.id,
        printed_name=item.approver.name,
        function=item.function,
        decision=item.decision,
        meaning=item.meaning,
        reason=item.reason,
        signed_at=item.signed_at,
        expires_at=item.expires_at,
        assurance=item.assurance,
        conditions=tuple(Condition(x.text, x.owner, x.due.isoformat()) for x in item.conditions),
        void=None if refuses else why_void(item, case.dossier, policy.digest, policy.rules(case.decision.tier)),
    )


def model(found: KnownModel) -> Model:
    """A model with its versions."""
    return Model(found.name, tuple(_version(item) for item in found.versions), found.incidents)


def _version(item: KnownVersion) -> Version:
    places = tuple(VersionPlace(x.target.alias, x.target.environment, x.state, x.seq, x.time) for x in item.places)
    return Version(item.version, item.digest, item.seq, item.time, item.registrant, places)


def spell(reign: Reign) -> Spell:
    """One version live, with the reasons that its reader may read."""
    end = reign.end
    return Spell(
        case=CaseName(reign.name, reign.version, reign.target.alias, reign.target.environment),
        digest=reign.digest,
        promotion=reign.seq,
        since=reign.since,
        until=end.time if end else None,
        ended_by=end.seq if end else None,
        end_reason=end.reason if end else None,
        promoted_by=reign.by.name,
        tier=reign.tier,
        broken_glass=reign.broken_glass,
        signed_by=tuple(act.seq for act in reign.acts),
        policy=reign.policy,
        audit_report=reign.grounds.report,
    )


def key_figures(view: FiguresView) -> FiguresAnswer:
    """The figures of the page. How often one person refuses is on the page alone: it is no measure of a person."""
    rows = tuple(
        Figure(row.key, row.label, row.definition, row.value.text, row.value.of, tuple(x.text for x in row.quarters))
        for row in view.rows
    )
    return FiguresAnswer(view.period, view.since, view.until, view.quarters, rows)


def entry(item: Entry) -> LedgerEntry:
    """An entry without its body."""
    said = item.statement
    return LedgerEntry(
        seq=item.seq,
        time=item.time,
        type=said.predicate_type.value,
        actor=said.actor.id,
        printed_name=said.actor.name,
        kind=said.actor.kind,
        meaning=said.meaning,
        subjects={subject.name: subject.digest for subject in said.subjects},
        policy=said.policy_digest,
        leaf_hash=item.leaf_hash.hex(),
        root=item.root.hex(),
    )


def entries(found: Iterable[Entry], size: int, limit: int) -> Entries:
    """A page of entries."""
    rows = tuple(entry(item) for item in found)
    more = rows[-1].seq + 1 if len(rows) == limit else None
    return Entries(rows, size, more if more is not None and more < size else None)


def checkpoint(found: Checkpoint | None) -> SignedCheckpoint | None:
    """The checkpoint for a script."""
    return SignedCheckpoint(found.size, found.root.hex(), found.note) if found else None
