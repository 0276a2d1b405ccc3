"""The last version that was released where this one wants to go: what its signers were shown, read from the desk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audits.plan import AuditPlan
from audits.result import AuditResult
from expectations.result import DataValidation
from governance.case import Case
from governance.casefile import subject_of
from governance.desk import Desk
from governance.policy import Policy
from governance.record import target_of
from governance.statement import Entry, PredicateType
from governance.subject import Subject
from reports.kept import audit_kept, plan_kept, policy_kept, validation_kept


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version that stood before this one, with the evidence that it stood on. None where the record has none.

    `released`: it was live; else people approved it and it never was. `signers` approved it, as names with functions.
    `policy_digest` is that of the policy it was signed under, `policy` what that says, where it is kept.
    """

    version: str
    digest: str
    seq: int
    time: datetime
    released: bool
    signers: tuple[str, ...]
    report_digest: str | None
    validation_digest: str | None
    audit: AuditResult | None
    validation: DataValidation | None
    plan: AuditPlan | None
    policy: Policy | None
    policy_digest: str | None


def earlier_version(desk: Desk, case: Case) -> Earlier | None:
    """The last other version that was released to this target before this one was, or else was approved for it.

    What only broken glass put live was never signed on its evidence, and is passed over. None where there is no other.
    Raises LedgerTamperedError where its evidence is gone or is not what the ledger names.
    """
    entries = tuple(desk.ledger.entries(digest=target_of(case.subject.name, case.target).digest))
    until = _own_start(entries, case.subject)
    before = [entry for entry in entries if entry.seq < until and _other(entry, case.subject)]
    withdrawn = {
        int(entry.statement.body["sign_off"])
        for entry in entries
        if entry.statement.predicate_type is PredicateType.WITHDRAWAL
    }
    approved = [e for e in before if e.statement.predicate_type is PredicateType.SIGN_OFF and e.seq not in withdrawn]
    released = [e for e in before if _signed_release(e)]
    last = next(reversed(released or approved), None)
    return _earlier(desk, last, approved, released=bool(released)) if last else None


def _own_start(entries: Iterable[Entry], subject: Subject) -> int:
    """The entry by which this version was released itself; beyond every entry where it was not."""
    mine = (e.seq for e in entries if _signed_release(e) and not _other(e, subject))
    return min(mine, default=2**63)


def _other(entry: Entry, subject: Subject) -> bool:
    named = entry.statement.body.get("subject")
    if named is None:
        return False
    found: tuple[object, object] = named.get("version"), named.get("digest")
    return found != (subject.version, subject.digest)


def _signed_release(entry: Entry) -> bool:
    return entry.statement.predicate_type is PredicateType.PROMOTION and "break_glass" not in entry.statement.body


def _earlier(desk: Desk, last: Entry, approved: Iterable[Entry], *, released: bool) -> Earlier:
    subject = subject_of(last.statement.body)
    signed = [e for e in approved if not _other(e, subject) and e.seq <= last.seq]
    shown: Mapping[str, Any] = signed[-1].statement.body["shown"] if signed else _newest(desk, subject, last.seq)
    audit = audit_kept(desk, shown.get("report_digest"))
    policy = shown.get("policy_digest") or last.statement.policy_digest
    return Earlier(
        version=subject.version,
        digest=subject.digest,
        seq=last.seq,
        time=last.time,
        released=released,
        signers=tuple(f"{e.statement.actor.name} ({e.statement.body['function']})" for e in signed),
        report_digest=shown.get("report_digest"),
        validation_digest=shown.get("validation_digest"),
        audit=audit,
        validation=validation_kept(desk, shown.get("validation_digest")),
        plan=plan_kept(desk, audit.plan_digest if audit else None),
        policy=policy_kept(desk, policy),
        policy_digest=policy,
    )


def _newest(desk: Desk, subject: Subject, before: int) -> Mapping[str, Any]:
    """What was recorded for a release of these bytes, where nobody had to sign."""
    found = [
        entry.statement
        for entry in desk.ledger.entries(subject=f"model/{subject.name}/{subject.version}", digest=subject.digest)
        if entry.seq < before and entry.statement.body.get("purpose") == "release"
    ]
    audits = (item.digest_of("audit-report") for item in found)
    validations = (item.digest_of("data-validation") for item in found)
    return {
        "report_digest": next((item for item in reversed([*audits]) if item), None),
        "validation_digest": next((item for item in reversed([*validations]) if item), None),
    }
