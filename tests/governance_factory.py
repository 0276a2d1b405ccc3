"""Builders for tests of the gate: a dossier that is released, a desk on real storage, and a registry in memory."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from governance.accounts import Accounts
from governance.case import Case, case_of, open_case
from governance.charter import Adoption, Charter
from governance.charter_record import key_event
from governance.desk import Desk, use_policy
from governance.dossier import AuditRecord, Dossier, HoldRecord, Registration, SignOff, ValidationRecord
from governance.errors import ConfigurationError
from governance.evidence import EvidenceStore
from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.people import MACHINE, Person, actor
from governance.policy import Assurance, Policy
from governance.policy_file import read_policy
from governance.record import Evidence, audited, registered, validated
from governance.registry.manifest import manifest_of, manifest_to_json
from governance.registry.mlflow_registry import MlflowRegistry
from governance.registry.port import LiveAlias, RegisteredVersion, subject_from
from governance.release import record_hold
from governance.signoff import APPROVE, Wish, sign
from governance.statement import Entry, PredicateType
from governance.subject import FileDigest, Manifest, Subject, Target

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
TARGET = Target("local", "champion")
SECRET = "twelve letters and more"
ATTESTED = Assurance.SERVER_ATTESTED

SCIENTIST = Person("data-scientist", "Data Scientist", ("data-science",))
COMPLIANCE = Person("compliance-officer", "Compliance Officer", ("compliance",))
RISK = Person("risk-officer", "Risk Officer", ("model-risk",))
DEPUTY = Person("deputy-officer", "Deputy Officer", ("compliance", "model-risk"))
PEOPLE = (SCIENTIST, COMPLIANCE, RISK, DEPUTY)

VERDICTS = {"adverse": 0, "watch": 1, "no indication": 7, "insufficient evidence": 2, "not estimable": 0}
ADVERSE = {**VERDICTS, "adverse": 1}
NOTHING = dict.fromkeys(VERDICTS, 0)


def sha(text: str) -> str:
    """A digest that is nobody else's."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def default_policy_bytes() -> bytes:
    return files("governance").joinpath("policies", "default.toml").read_bytes()


def default_policy() -> Policy:
    return read_policy(default_policy_bytes(), name="default.toml")


# --- values only ---------------------------------------------------------------------------------------------------


def full_dossier(policy: Policy) -> Dossier:
    """Everything that the high tier of the default policy asks for, one day before `now`."""
    subject = Subject("sqlite:///mlflow.db", "hiring", "2", 1_780_000_000_000, "models:/m-1", sha("model"), "m-1")
    then, asker = START, actor(SCIENTIST)
    audit = AuditRecord(
        seq=3,
        time=then,
        report_digest=sha("report"),
        data_digest=sha("data"),
        plan_digest=sha("plan"),
        policy_digest=policy.digest,
        purpose="release",
        impact="high",
        verdicts=VERDICTS,
        measured={"sex": True, "ethnicity": True},
        bounds=(("selection_rate", "ratio", 0.8),),
        min_group_size=30,
        min_events=5,
        confidence=0.95,
        findings=(),
        requested_by=asker,
    )
    validation = ValidationRecord(
        2, then, sha("validation"), sha("data"), sha("plan"), "needs sign-off", "release", asker
    )
    return Dossier(
        subject=subject,
        target=TARGET,
        now=then + timedelta(days=1),
        size=7,
        people=PEOPLE,
        registrations=(Registration(1, SCIENTIST.id, "authenticated"),),
        validations=(validation,),
        audits=(audit,),
        sign_offs=(approval(policy, COMPLIANCE, "compliance", 5), approval(policy, RISK, "model-risk", 6)),
        holds=(HoldRecord(4, then, TARGET, asker, ("sign-off",)),),
        charter=charter_under(policy),
    )


def charter_under(policy: Policy, people: tuple[Person, ...] = PEOPLE) -> Charter:
    """These people, and this policy in force."""
    adoption = Adoption(policy.digest, 0, START, policy.name, policy.version, (), policy.all_signers())
    return Charter(people=people, adoptions=(adoption,))


def approval(policy: Policy, person: Person, function: str, seq: int, decision: str = "approve") -> SignOff:
    """A sign-off of `full_dossier`'s evidence."""
    return SignOff(
        seq=seq,
        approver=actor(person),
        function=function,
        decision=decision,
        meaning=f"I {decision} the release",
        reason="the report was read",
        model_digest=sha("model"),
        report_digest=sha("report"),
        data_digest=sha("data"),
        validation_digest=sha("validation"),
        policy_digest=policy.digest,
        target=TARGET,
        authentication="password",
        signed_at=START + timedelta(hours=1),
        expires_at=START + timedelta(days=90) if decision == "approve" else None,
        assurance="server-attested",
    )


def monitoring(dossier: Dossier, seq: int, **changes: Any) -> AuditRecord:
    """A monitoring audit of the dossier's bytes on newer data."""
    newer = {"time": dossier.now, "data_digest": sha(f"data {seq}"), "report_digest": sha(f"report {seq}")}
    later = {"seq": seq, "purpose": "monitoring", "requested_by": MACHINE, **newer}
    return replace(dossier.audits[0], **{**later, **changes})


# --- a desk on real storage ----------------------------------------------------------------------------------------


@dataclass
class Clock:
    """A clock that the test sets; each reading is one second later."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


def new_desk(folder: Path, clock: Clock, policy: bytes | None = None, people: tuple[Person, ...] = PEOPLE) -> Desk:
    """The real ledger, accounts and evidence store below `folder`. Opening it twice opens the same."""
    data = policy or default_policy_bytes()
    accounts = Accounts(_accounts(folder, clock, people), clock)
    desk = Desk(
        ledger=SqlLedger(f"sqlite:///{folder / 'ledger.db'}", open_keys(folder / "keys"), clock),
        evidence=EvidenceStore(folder / "evidence"),
        accounts=accounts,
        policy=read_policy(data, name="policy.toml"),
        policy_bytes=data,
        environment=TARGET.environment,
        clock=clock,
    )
    for person in people:
        desk.ledger.append(key_event("added", person, MACHINE), idempotency_key=f"added:{person.id}")
    use_policy(desk, MACHINE)
    return desk


_FILLED: dict[tuple[Person, ...], bytes] = {}


def _accounts(folder: Path, clock: Clock, people: tuple[Person, ...]) -> str:
    """The URL of a database with these people; hashing four passwords takes a second, so it is done once."""
    path = folder / "accounts.db"
    url = f"sqlite:///{path}"
    if people in _FILLED and not path.exists():
        path.write_bytes(_FILLED[people])
    elif not path.exists():
        accounts = Accounts(url, clock)
        for person in people:
            accounts.add(person, SECRET)
        with closing(sqlite3.connect(path)) as connection:
            _FILLED[people] = connection.serialize()  # with what stands in its log alone
    return url


def tier_policy(tier: str, extra: str = "") -> bytes:
    """The default policy, with the floor at this tier."""
    text = default_policy_bytes().decode().replace('floor = "high"', f'floor = "{tier}"\n{extra}')
    return text.encode()


def adopt(desk: Desk, registry: FakeRegistry | Any, version: str = "2", name: str = "hiring") -> Subject:
    """Keep the manifest of a registered version as evidence and record who registered it, as `flows.assess` does."""
    found = registry.version(name, version)
    manifest = registry.manifest(found)
    desk.evidence.put(manifest_to_json(manifest))
    subject = subject_from(found, manifest)
    desk.ledger.append(registered(subject, SCIENTIST.id, "authenticated", actor(SCIENTIST)))
    return subject


def put_audit(desk: Desk, subject: Subject, *, data: str = "data", purpose: str = "release", **changes: Any) -> Entry:
    """Record a validation and an audit of these bytes on these data; equal inputs give equal reports."""
    by = actor(SCIENTIST) if purpose == "release" else MACHINE
    evidence = Evidence(subject, sha(data), sha("plan"), desk.policy.digest, purpose, by)
    desk.ledger.append(validated(evidence, sha(f"validation {data}"), "pass", {"evaluated": 9}))
    summary: dict[str, Any] = {
        "impact": "minimal",
        "verdicts": VERDICTS,
        "measured": {"sex": True},
        "bounds": [["selection_rate", "ratio", 0.8]],
        "min_group_size": 30,
        "min_events": 5,
        "confidence": 0.95,
        "findings": [],
        **changes,
    }
    return desk.ledger.append(audited(evidence, sha(f"report {subject.digest} {data} {sorted(changes)}"), summary))


def held_case(desk: Desk, registry: FakeRegistry | Any, version: str = "2", target: Target = TARGET) -> Case:
    """Registered, validated, audited and asked for by the data scientist: only the sign-off is missing."""
    subject = adopt(desk, registry, version)
    put_audit(desk, subject)
    record_hold(desk, case_of(desk, subject, target), actor(SCIENTIST))
    return case_of(desk, subject, target)


def approve(desk: Desk, case: Case, person: Person, function: str | None = None, decision: str = APPROVE) -> Entry:
    """Sign what the case shows now."""
    now = open_case(desk, case.subject.name, case.subject.version, case.target.alias)
    wish = Wish(
        function or person.functions[0],
        decision,
        "the report was read",
        now.shown(),
        "password and code",
        assurance=ATTESTED,
    )
    return sign(desk, now, person, wish)


def approved_case(desk: Desk, registry: FakeRegistry | Any, version: str = "2") -> Case:
    """A held case that two officers have signed."""
    case = held_case(desk, registry, version)
    approve(desk, case, COMPLIANCE)
    approve(desk, case, RISK)
    return case_of(desk, case.subject, case.target)


def kinds(desk: Desk, *wanted: PredicateType) -> list[str]:
    """The words of the ledger's entries, of these types only where some are given."""
    found = (entry.statement.predicate_type for entry in desk.ledger.entries())
    return [kind.word for kind in found if not wanted or kind in wanted]


STEPS = (PredicateType.PROMOTION_INTENT, PredicateType.PROMOTION, PredicateType.DEMOTION)


# --- a registry in memory ------------------------------------------------------------------------------------------


@dataclass
class FakeRegistry:
    """The registry port on values: bytes by (name, version), aliases by (name, alias). `moves` are alias changes."""

    bytes_of: dict[tuple[str, str], bytes] = field(default_factory=dict)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    moves: list[tuple[str, str | None]] = field(default_factory=list)
    uri: str = "memory:"
    checkpoints: dict[str, str] = field(default_factory=dict)

    def version(self, name: str, version: str) -> RegisteredVersion:
        if (name, version) not in self.bytes_of:
            raise ConfigurationError(f"{name} has no version {version}")
        return RegisteredVersion(self.uri, name, version, 1_780_000_000_000 + int(version), f"m/{version}", None, None)

    def latest(self, name: str) -> RegisteredVersion:
        return self.version(name, max(number for model, number in self.bytes_of if model == name))

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        found = self.aliases.get((name, alias))
        return None if found is None else self.version(name, found)

    def live_aliases(self) -> tuple[LiveAlias, ...]:
        return tuple(LiveAlias(*key, version) for key, version in sorted(self.aliases.items()))

    def manifest(self, version: RegisteredVersion) -> Manifest:
        data = self.bytes_of[version.name, version.version]
        item = FileDigest("model.bin", len(data), "sha256:" + hashlib.sha256(data).hexdigest())
        whole = manifest_to_json(Manifest((item,), ""))
        return Manifest((item,), "sha256:" + hashlib.sha256(whole).hexdigest())

    def snapshot(self, version: RegisteredVersion, folder: Path) -> Manifest:
        folder.mkdir(parents=True)
        (folder / "model.bin").write_bytes(self.bytes_of[version.name, version.version])
        return manifest_of(folder)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        self.aliases[name, alias] = version
        self.moves.append((alias, version))

    def delete_alias(self, name: str, alias: str) -> None:
        self.aliases.pop((name, alias), None)
        self.moves.append((alias, None))

    def gated(self) -> bool | None:
        return None

    def run_owner(self, version: RegisteredVersion) -> str | None:
        return None

    def log_report(self, version: RegisteredVersion, files: Mapping[str, bytes], metrics: Mapping[str, float]) -> str:
        return "run"

    def keep_checkpoint(self, note: str, *, ledger: str) -> None:
        self.checkpoints[ledger] = note

    def kept_checkpoints(self, *, reports: int = 0) -> tuple[str, ...]:
        return tuple(self.checkpoints.values())


def fake_registry() -> FakeRegistry:
    """Versions 1, 2 and 3 of `hiring`, and a copy of 2 under another name."""
    registry = FakeRegistry({("hiring", number): f"weights {number}".encode() for number in ("1", "2", "3")})
    registry.bytes_of["selection", "1"] = registry.bytes_of["hiring", "2"]
    return registry


# --- the real registry ---------------------------------------------------------------------------------------------


def mlflow_uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def model_folder(folder: Path, version: str) -> Path:
    """Where the bytes of a version of `real_registry` lie."""
    return folder / f"model-{version}"


def real_registry(folder: Path, versions: tuple[str, ...] = ("1", "2")) -> MlflowRegistry:
    """MLflow on SQLite below `folder`, with these versions of `hiring`: two small files each."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=mlflow_uri(folder), registry_uri=mlflow_uri(folder))
    client.create_registered_model("hiring")
    for version in versions:
        place = model_folder(folder, version)
        place.mkdir()
        (place / "MLmodel").write_bytes(b"flavors: {}\n")
        (place / "model.bin").write_bytes(f"weights {version}".encode())
        client.create_model_version("hiring", str(place))
    return MlflowRegistry(mlflow_uri(folder))
