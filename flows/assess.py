"""From a registered version to recorded evidence: snapshot, validate, audit. Plain functions; flows call them."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from audits.plan import AuditPlan
from audits.result import AuditResult, Verdict
from expectations.result import DataValidation, Outcome
from flows.settings import Settings
from flows.sources import joined_plan, spec_of
from governance.case import case_of
from governance.decide import Decision
from governance.desk import Desk, use_policy
from governance.digests import canonical_json, digest_file, digest_value
from governance.dossier import AuditRecord
from governance.errors import ConfigurationError, MeasurementError
from governance.people import MACHINE, Actor
from governance.policy import Requirement
from governance.record import RELEASE, Evidence, audited, registered, validated
from governance.registry.port import RegisteredVersion, Registry, subject_from
from governance.statement import Entry
from governance.subject import Manifest, Subject, Target

MAX_FINDINGS = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered version, its private copy in `folder`, and the plan that travels with it."""

    version: RegisteredVersion
    subject: Subject
    folder: Path
    plan: AuditPlan
    plan_bytes: bytes


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why evidence is gathered (release or monitoring), on which data, and who asked."""

    name: str
    data: Path
    by: Actor


def candidate(settings: Settings, desk: Desk, registry: Registry, version: RegisteredVersion) -> Candidate:
    """Take the private copy of a version, keep its manifest and plan as evidence, record who registered it.

    Raises ConfigurationError where the version carries no plan.
    """
    from audits.plan_file import read_plan
    from governance.registry.declared import declared_plan
    from governance.registry.manifest import manifest_to_json

    folder, manifest = _snapshot(settings, registry, version)
    subject = subject_from(version, manifest)
    plan_bytes = declared_plan(folder)
    if plan_bytes is None:
        raise ConfigurationError(
            f"{subject} carries no audit plan. Write one with `fairgate init`, check it with `fairgate audit "
            f'--dry-run`, and register the model with log_model(..., metadata={{"governance": {{"plan": text}}}})'
        )
    plan = read_plan(plan_bytes, name=f"the plan of {subject}")
    refuse_future(plan, desk.clock().date())
    if plan.model != subject.name:
        raise ConfigurationError(
            f"{subject} carries a plan for the model {plan.model!r}: register it with its own plan"
        )
    desk.evidence.put(manifest_to_json(manifest))
    desk.evidence.put(plan_bytes)
    _record_registration(desk, subject, plan, registry.run_owner(version))
    return Candidate(version, subject, folder, plan, plan_bytes)


def refuse_future(plan: AuditPlan, today: date) -> None:
    """A plan is fixed before the first measurement. Raises ConfigurationError for one that says otherwise."""
    if plan.decided_at > today:
        raise ConfigurationError(
            f"[audit] decided_at of the plan is {plan.decided_at}, but today is {today}: a plan is decided before it is"
            " measured by; write the day on which it was"
        )


def quality_gate(settings: Settings, plan: AuditPlan, model: Path | None, data: Path) -> DataValidation:
    """Run the quality gate on the file `data`; nothing is recorded.

    `model` is the folder whose signature says which columns must be there too; None, or a plan that names the
    predictions: those of the plan alone.
    """
    from audits.model_signature import signature_inputs
    from audits.table import column_names
    from expectations.run import validate

    digest = digest_file(data)
    inputs = signature_inputs(model) if model and plan.asks_model() else None
    present = column_names(data) if plan.sensitive_data else None
    spec = spec_of(plan, inputs or (), present)
    return validate(data, spec, data_digest=digest, quarantine=settings.quarantine(digest))


def validate_data(settings: Settings, desk: Desk, chosen: Candidate, purpose: Purpose) -> DataValidation:
    """Run the quality gate on the data and record what it found, whatever it found."""
    result = quality_gate(settings, chosen.plan, chosen.folder, purpose.data)
    evidence = _evidence(desk, chosen, purpose, result.data_digest)
    stored = desk.evidence.put(canonical_json(result))
    summary = {"evaluated": result.evaluated, "failed": len(result.failed), "errors": len(result.errors)}
    desk.ledger.append(validated(evidence, stored, result.outcome.value, summary))
    return result


def audit_model(settings: Settings, desk: Desk, chosen: Candidate, purpose: Purpose) -> tuple[AuditResult, Entry]:
    """Score the private copy, measure, and record the audit. Returns the result and its ledger entry.

    Raises MeasurementError where the policy calls a format of the model untrusted and no sandbox holds here.
    """
    from audits.record import to_json
    from audits.run import audit

    digest = digest_file(purpose.data)
    result = audit(
        joined_plan(settings, chosen.plan),
        purpose.data,
        model=chosen.folder if chosen.plan.asks_model() else None,
        model_digest=chosen.subject.digest,
        data_digest=digest,
        environment=_code_state() | (_shut_in(desk, chosen.folder) if chosen.plan.asks_model() else {}),
    )
    stored = desk.evidence.put(to_json(result))
    evidence = _evidence(desk, chosen, purpose, digest)
    entry = desk.ledger.append(audited(evidence, stored, audit_summary(chosen.plan, result)))
    return result, entry


def audit_summary(plan: AuditPlan, result: AuditResult) -> dict[str, object]:
    """What the gate needs to know of an audit; `governance.casefile` reads it back."""
    from audits.record import measured, widest_first

    return {
        "impact": plan.impact,
        "verdicts": {verdict.value: count for verdict, count in result.verdicts().items()},
        "measured": measured(result),
        "bounds": [[item.metric, item.comparison.value, item.limit] for item in plan.bounds],
        "min_group_size": plan.min_group_size,
        "min_events": plan.min_events,
        "confidence": plan.confidence,
        "findings": [item.reason[:400] for item in widest_first(result, Verdict.ADVERSE)][:MAX_FINDINGS],
    }


def is_current(desk: Desk, chosen: Candidate, decision: Decision, data_digest: str, *, newest: bool) -> bool:
    """Whether the release audit of these bytes by this plan under this policy is recorded, recent and of this data.

    `newest` asks that the newest release audit be of this data (the requester named it); else any is enough.
    """
    if {finding.requirement for finding in decision.missing()} & {Requirement.AUDITED, Requirement.DATA_VALIDATED}:
        return False
    audits = [item for item in _audits(desk, chosen) if item.purpose == RELEASE]
    wanted = (data_digest, chosen.plan.digest, desk.policy.digest)
    looked_at = audits[-1:] if newest else audits
    return wanted in {(item.data_digest, item.plan_digest, item.policy_digest) for item in looked_at}


def is_measured(desk: Desk, chosen: Candidate, data_digest: str) -> bool:
    """Whether any audit of these bytes on this data by this plan is recorded, for whatever purpose."""
    wanted = (data_digest, chosen.plan.digest)
    return wanted in {(item.data_digest, item.plan_digest) for item in _audits(desk, chosen)}


def blocked(result: DataValidation) -> bool:
    """Whether the quality gate stops everything that would follow. An error blocks."""
    return result.outcome in (Outcome.BLOCK, Outcome.ERROR)


def _snapshot(settings: Settings, registry: Registry, version: RegisteredVersion) -> tuple[Path, Manifest]:
    """Copy beside, then rename to the digest: a cut-off copy is never taken for a whole one.

    A copy of the same bytes that stands there is kept: another command may be reading it now.
    """
    settings.snapshots.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = Path(mkdtemp(dir=settings.snapshots, prefix="new-"))
    try:
        manifest = registry.snapshot(version, scratch / "model")
        final = settings.snapshots / manifest.digest.removeprefix("sha256:")
        if not _holds(final, manifest):
            _put(scratch, final, manifest)
    finally:
        rmtree(scratch, ignore_errors=True)
    return final, manifest


def _put(scratch: Path, final: Path, manifest: Manifest) -> None:
    """Move `scratch`/model to `final`; what stood there was altered. Another command may be faster: as well."""
    with suppress(FileNotFoundError):
        final.rename(scratch / "altered")
    try:
        (scratch / "model").rename(final)
    except OSError:
        if not _holds(final, manifest):
            raise


def _holds(folder: Path, manifest: Manifest) -> bool:
    from governance.registry.manifest import manifest_of

    try:
        return folder.is_dir() and manifest_of(folder) == manifest
    except (MeasurementError, OSError):
        return False


def _audits(desk: Desk, chosen: Candidate) -> tuple[AuditRecord, ...]:
    return case_of(desk, chosen.subject, Target(desk.environment, "any")).dossier.audits


def _record_registration(desk: Desk, subject: Subject, plan: AuditPlan, run_owner: str | None) -> None:
    """Who registered it and who owns the run and the data: none of them can sign it off.

    A run's owner whom Fairgate does not know is recorded too, and excludes nobody.
    """
    use_policy(desk, MACHINE)
    assurance = "declared" if plan.registrant else "unknown"
    owners = {what: who for what, who in (("run", run_owner), ("data", plan.data_owner)) if who}
    statement = registered(subject, plan.registrant, assurance, MACHINE, owners)
    said = f"{plan.registrant}:{digest_value(owners)}" if owners else f"{plan.registrant}"
    desk.ledger.append(statement, idempotency_key=f"registered:{subject.digest}:{subject}:{said}")


def _evidence(desk: Desk, chosen: Candidate, purpose: Purpose, data_digest: str) -> Evidence:
    return Evidence(
        subject=chosen.subject,
        data_digest=data_digest,
        plan_digest=chosen.plan.digest,
        policy_digest=desk.policy.digest,
        purpose=purpose.name,
        by=purpose.by,
    )


def _shut_in(desk: Desk, model: Path) -> dict[str, str]:
    """What holds a model that is scored here, once it is known that the policy lets it be scored so."""
    from audits.model_formats import formats_of, refuse_untrusted
    from audits.sandbox import sandbox

    refuse_untrusted(formats_of(model), desk.policy.untrusted_formats, sandbox())
    return {"sandbox": sandbox().told()}


def _code_state() -> dict[str, str]:
    """The git commit that the audit ran from, where there is one: two results can then be compared honestly."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {"git": "unknown"}
    return {"git": done.stdout.strip() or "unknown"}
