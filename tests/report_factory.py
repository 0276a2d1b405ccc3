"""A hiring case for tests of reports and the console: real statements on a ledger in memory, evidence on disk.

The audits are records that `audits.run` made once from typed-in counts (tests/golden/hiring_v*_audit.json): v1 holds
an adverse disparity, v2 none.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import text

from audits.record import from_json, measured, summary_lines, to_json
from audits.result import AuditResult
from expectations.result import DataValidation, FailedExpectation, Outcome, Severity
from governance.accounts import Accounts
from governance.case import Case, open_case
from governance.charter_record import key_event
from governance.desk import Desk, charter_of, use_policy
from governance.digests import canonical_json
from governance.evidence import EvidenceStore
from governance.factors import confirm_code
from governance.ledger.checkpoint import Checkpoint
from governance.ledger.port import Ledger
from governance.ledger.tree import extend, leaf_hash, root_of
from governance.people import MACHINE, Person, actor
from governance.policy import Assurance
from governance.policy_file import read_policy
from governance.record import Evidence, audited, held, registered, validated
from governance.second_factor import code_at, new_secret, step_of
from governance.signoff import Wish, sign
from governance.statement import Entry, Statement
from governance.subject import Subject, Target

GOLDEN = Path(__file__).parent / "golden"
START = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
TARGET = Target("local", "champion")
SECRET = "correct horse battery staple"

PEOPLE = (
    Person("data-scientist", "Data Scientist", ("data-science",)),
    Person("compliance-officer", "Compliance Officer", ("compliance",)),
    Person("risk-officer", "Model Risk Officer", ("model-risk",)),
    Person("second-officer", "Second Officer", ("compliance", "model-risk")),
)


class Clock:
    """A clock that moves one second at each reading."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class MemoryLedger:
    """The ledger port in memory."""

    clock: Clock
    kept: list[Entry] = field(default_factory=list)
    frontier: tuple[bytes, ...] = ()

    def append(self, statement: Statement, *, idempotency_key: str | None = None) -> Entry:
        return self.append_decided(lambda: statement, idempotency_key=idempotency_key)

    def append_decided(self, decide: Callable[[], Statement], *, idempotency_key: str | None = None) -> Entry:
        statement = decide()
        envelope = canonical_json({"seq": len(self.kept), "statement": statement})
        leaf = leaf_hash(envelope)
        self.frontier = extend(len(self.kept), self.frontier, leaf)
        self.kept.append(Entry(len(self.kept), self.clock(), statement, envelope, leaf, root_of(self.frontier)))
        return self.kept[-1]

    def entries(self, *, subject: str | None = None, digest: str | None = None, since: int = 0) -> Iterator[Entry]:
        for entry in self.kept[since:]:
            names = {item.name for item in entry.statement.subjects}
            digests = {item.digest for item in entry.statement.subjects}
            if subject in {None, *names} and digest in {None, *digests}:
                yield entry

    def size(self) -> int:
        return len(self.kept)

    def checkpoint(self) -> Checkpoint | None:
        return Checkpoint(len(self.kept), self.kept[-1].root, "") if self.kept else None


_FILLED: list[bytes] = []


def quick_accounts(folder: Path, clock: Clock) -> Accounts:
    """The real accounts with everybody in them, whose passwords were hashed once, and lightly: signing in is quick."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "accounts.db"
    if not _FILLED:
        made = _real_accounts(folder, Clock())  # its own clock: what a test sees must not depend on who came first
        light = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(SECRET)
        with made.database.writing() as connection:
            connection.exec_driver_sql("UPDATE person SET secret = ?", (light,))
        made.database.dispose()
        with closing(sqlite3.connect(path)) as database:
            _FILLED.append(database.serialize())
    elif not path.exists():
        path.write_bytes(_FILLED[0])
    return Accounts(f"sqlite:///{path}", clock)


def open_sessions(desk: Desk) -> int:
    """How many sessions of the console are open."""
    with desk.accounts.database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM session").scalar_one())


def code(desk: Desk, person: str) -> str:
    """A code of the person's authenticator app that was not used yet; the app is set up where she has none."""
    clock: Clock = desk.clock  # type: ignore[assignment]
    if (left := 30 - int(clock.now.timestamp()) % 30) < 10:  # every reading takes a second: none crosses a step
        clock.now += timedelta(seconds=left)
    known = charter_of(desk).person(person)
    if known is None:
        return ""  # an account alone has no app
    if charter_of(desk).code_of(person) is None:
        made = new_secret(desk.accounts, known)
        confirm_code(desk, known, "password at the console", code_at(made.secret, step_of(desk.clock())))
    app = charter_of(desk).code_of(person)
    given = {"person": person, "fingerprint": app.fingerprint if app else ""}
    query = text("SELECT secret, step FROM code_secret WHERE person = :person AND fingerprint = :fingerprint")
    with desk.accounts.database.reading() as connection:
        secret, last = connection.execute(query, given).one()
    if last > step_of(clock.now):  # two steps ahead of the clock are not taken
        clock.now += timedelta(seconds=30)
    return code_at(secret, max(last + 1, step_of(clock.now)))


def subject(version: str = "1", name: str = "hiring") -> Subject:
    digest = "sha256:" + hashlib.sha256(f"{name}/{version}".encode()).hexdigest()
    return Subject(
        "postgresql://officer:hunter2@db.example/registry",
        name,
        version,
        1_790_000_000_000,
        f"models:/{name}/{version}",
        digest,
    )


def audit_of(version: str = "1") -> AuditResult:
    return from_json((GOLDEN / f"hiring_v{version}_audit.json").read_bytes())


def validation(version: str = "1") -> DataValidation:
    failed = (
        FailedExpectation("share of nulls", "years_experience", Severity.WARNING, "0.4%", "at most 0.0%", 25),
        FailedExpectation("known categories", "age", Severity.INFO, "1 value outside", "16 to 80", 1),
    )
    digest = "sha256:" + "c3" * 32
    if version == "1":
        return DataValidation("classification", digest, "sha256:" + "d4" * 32, Outcome.PASS, 6155, 23, ())
    return DataValidation(
        "classification", digest, "sha256:" + "d4" * 32, Outcome.NEEDS_SIGN_OFF, 6155, 23, failed, quarantined=26
    )


def new_desk(folder: Path, *, real: bool = False, policy: Callable[[bytes], bytes] = bytes) -> Desk:
    """A desk that knows its people and policy. `real`: a SQLite ledger below `folder`, and passwords hashed as ever;
    else a ledger in memory, and `quick_accounts`. `policy` makes the policy's bytes of those of the default one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    data = policy(files("governance").joinpath("policies", "default.toml").read_bytes())
    desk = Desk(
        ledger=_real_ledger(folder, clock) if real else MemoryLedger(clock),
        evidence=EvidenceStore(folder),
        accounts=_real_accounts(folder, clock) if real else quick_accounts(folder, clock),
        policy=read_policy(data, name="default.toml"),
        policy_bytes=data,
        environment="local",
        clock=clock,
    )
    for person in PEOPLE:
        desk.ledger.append(key_event("added", person, MACHINE))
    use_policy(desk, MACHINE)
    return desk


def _real_ledger(folder: Path, clock: Clock) -> Ledger:
    from governance.ledger.keys import open_keys
    from governance.ledger.sql import SqlLedger

    return SqlLedger(f"sqlite:///{folder / 'ledger.db'}", open_keys(folder / "keys"), clock)


def _real_accounts(folder: Path, clock: Clock) -> Accounts:
    accounts = Accounts(f"sqlite:///{folder / 'accounts.db'}", clock)
    for person in PEOPLE:
        accounts.add(person, SECRET)
    return accounts


def record_case(
    desk: Desk, version: str = "1", *, name: str = "hiring", audit: AuditResult | None = None, hold: bool = True
) -> Case:
    """Register, validate, audit and hold one version, asked for by the data scientist, who registered it."""
    about, scientist = subject(version, name), actor(PEOPLE[0])
    result, quality = audit or audit_of(version), validation(version)
    evidence = Evidence(about, result.data_digest, result.plan_digest, desk.policy.digest, "release", scientist)
    desk.ledger.append(registered(about, "data-scientist", "authenticated", scientist))
    desk.ledger.append(validated(evidence, desk.evidence.put(canonical_json(quality)), quality.outcome.value, {}))
    desk.ledger.append(audited(evidence, desk.evidence.put(to_json(result)), audit_summary(result)))
    case = open_case(desk, name, version, TARGET.alias)
    if hold:
        desk.ledger.append(held(case.dossier, case.decision, scientist))
    return open_case(desk, name, version, TARGET.alias)


def audit_summary(result: AuditResult) -> dict[str, object]:
    return {
        "impact": "high",
        "verdicts": {verdict.value: number for verdict, number in result.verdicts().items()},
        "measured": measured(result),
        "bounds": [["selection_rate", "ratio", 0.8], ["equalized_odds", "difference", 0.1]],
        "min_group_size": result.min_group_size,
        "min_events": result.min_events,
        "confidence": result.confidence,
        "findings": summary_lines(result, 3),
    }


def put_signature(
    desk: Desk,
    case: Case,
    person: str,
    function: str,
    decision: str = "approve",
    reason: str = "I read the report and the intervals; the residual difference is within the bound.",
) -> Entry:
    who = next(item for item in PEOPLE if item.id == person)
    wish = Wish(function, decision, reason, case.shown(), "password and code", assurance=Assurance.SERVER_ATTESTED)
    return sign(desk, case, who, wish)


def renamed(result: AuditResult, old: str, new: str) -> AuditResult:
    """The audit with one level of a sensitive feature under another (hostile) name."""

    def swap(group: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if level == old else level for level in group)

    return replace(
        result,
        estimates=tuple(replace(item, group=swap(item.group)) for item in result.estimates),
        disparities=tuple(
            replace(item, group=swap(item.group), reference=swap(item.reference), reason=f"{item.reason} {new}")
            for item in result.disparities
        ),
        quantities=tuple(
            replace(item, group=swap(item.group), against=swap(item.against)) for item in result.quantities
        ),
        stratified=tuple(
            replace(item, group=swap(item.group), reference=swap(item.reference)) for item in result.stratified
        ),
        unknown_bounds=tuple(replace(item, level=swap((item.level,))[0]) for item in result.unknown_bounds),
        search=result.search
        and replace(
            result.search,
            found=tuple(replace(item, group=swap(item.group)) for item in result.search.found),
            best_subset=tuple((name, swap(levels)) for name, levels in result.search.best_subset),
        ),
    )
