"""The night's work: audit every live alias on newer data, record what is found, and never release anything."""

from __future__ import annotations

from dataclasses import dataclass

from audits.result import AuditResult, Verdict
from flows.assess import Candidate, Purpose, audit_model, blocked, candidate, is_measured, validate_data
from flows.locks import target_lock
from flows.outwards import copy_outside
from flows.releasing import EXITS, explain
from flows.settings import Settings
from flows.sources import newest_file
from flows.steps import Step, at_once
from governance.case import Case, case_of
from governance.casefile import subject_of, target_in
from governance.decide import DecisionOutcome, Finding
from governance.desk import Desk, free_aliases
from governance.digests import digest_file
from governance.errors import Exit, FairgateError
from governance.people import MACHINE
from governance.policy import OnAdverse, Requirement
from governance.record import MONITORING
from governance.registry.port import LiveAlias, Registry
from governance.release import demote, last_signed, observe, record_hold, released
from governance.subject import Target
from governance.verification import verify


@dataclass(frozen=True, slots=True)
class Look:
    """What a night found of one live alias. `lines` are sentences for people."""

    model: str
    alias: str
    version: str
    outcome: str
    exit_code: Exit
    lines: tuple[str, ...]


def told(live: LiveAlias, outcome: str, exit_code: Exit, *lines: str) -> Look:
    """The look at this alias that ended so."""
    return Look(live.name, live.alias, live.version, outcome, exit_code, lines)


def governed(desk: Desk, registry: Registry) -> tuple[LiveAlias, ...]:
    """The live aliases that the policy governs, and those that the ledger calls live though the registry has none."""
    found = {(item.name, item.alias): item for item in registry.live_aliases()}
    for entry in released(desk):
        subject, target = subject_of(entry.statement.body), target_in(entry.statement.body)
        found.setdefault((subject.name, target.alias), LiveAlias(subject.name, target.alias, subject.version))
    free = free_aliases(desk)
    return tuple(found[key] for key in sorted(found) if key[1] not in free)


def looks_outside(settings: Settings, registry: Registry) -> tuple[Look, ...]:
    """Copy the checkpoint to second places, as rows of a scheduled run.

    There is one for each place that could not be written, or that remembers otherwise.
    """
    problems = copy_outside(settings, registry)
    return tuple(Look("the ledger", "checkpoint", "-", "not copied", Exit.LEDGER, (item,)) for item in problems)


def looks_untold(settings: Settings) -> tuple[Look, ...]:
    """Channels by which people could not be told before this night, as its rows; a silent channel looks like peace."""
    from flows.notifying import kept_problems

    try:
        found = kept_problems(settings)
    except FairgateError as error:
        return (Look("notifications", "all", "-", "not told", error.exit_code, (str(error),)),)
    lines = (
        (name, f"{row.problem}; {row.failures} tries since {row.since or row.moment:%Y-%m-%d %H:%M} UTC")
        for name, row in found
    )
    return tuple(Look("notifications", name, "-", "not told", Exit.SERVICE, (line,)) for name, line in lines)


def look(settings: Settings, desk: Desk, registry: Registry, live: LiveAlias, *, step: Step = at_once) -> Look:
    """Audit one live alias on its newest data. Whatever goes wrong becomes a value: the other models go on."""
    try:
        with target_lock(settings, live.name, live.alias):
            return _look(settings, desk, registry, live, step)
    except FairgateError as error:
        return told(live, "failed", error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001 - one model that crashes must not end the night
        return told(live, "failed", Exit.MEASUREMENT, explain(error))


def _look(settings: Settings, desk: Desk, registry: Registry, live: LiveAlias, step: Step) -> Look:
    target = Target(settings.environment, live.alias)
    verification = step("verify what is live", lambda: verify(desk, registry, live.name, live.alias))
    if verification.problems:
        for problem in verification.problems:
            observe(desk, live.name, target, problem, {"version": live.version})
        return told(live, "verification failed", Exit.VERIFICATION_FAILED, *verification.problems)
    chosen = step(
        "take a private copy",
        lambda: candidate(settings, desk, registry, registry.version(live.name, live.version)),
    )
    data = newest_file(settings, chosen.plan)
    if is_measured(desk, chosen, digest_file(data)):
        case = case_of(desk, chosen.subject, target)
        unanswered = _unanswered(desk, case)
        if unanswered:
            return _adverse(desk, registry, live, case, "an adverse finding was not answered", unanswered.reason)
        return _standing(live, case, f"nothing newer than {data.name}")
    purpose = Purpose(MONITORING, data, MACHINE)
    validation = step("validate the data", lambda: validate_data(settings, desk, chosen, purpose))
    if blocked(validation):
        failed = "; ".join(f"{item.expectation} {item.column or ''}".strip() for item in validation.failed)
        what = f"{data.name} did not pass the quality gate: {failed or '; '.join(validation.errors)}"
        return told(live, "stopped by data quality", Exit.DATA_QUALITY, what)
    result, _ = step("audit the model", lambda: audit_model(settings, desk, chosen, purpose))
    return _judge(desk, registry, live, chosen, result, data.name)


def _judge(desk: Desk, registry: Registry, live: LiveAlias, chosen: Candidate, result: AuditResult, data: str) -> Look:
    case = case_of(desk, chosen.subject, Target(desk.environment, live.alias))
    adverse = result.with_verdict(Verdict.ADVERSE)
    if not adverse:
        return _standing(live, case, f"audited on {data}: no adverse disparity")
    count = "1 adverse disparity" if len(adverse) == 1 else f"{len(adverse)} adverse disparities"
    first = adverse[0].reason + (f" (and {len(adverse) - 1} more in the report)" if len(adverse) > 1 else "")
    return _adverse(desk, registry, live, case, f"audited on {data}: {count}", first)


def _adverse(desk: Desk, registry: Registry, live: LiveAlias, case: Case, what: str, which: str) -> Look:
    record_hold(desk, case, MACHINE)
    what = f"{what}, the hold is open again"
    return told(live, "adverse", Exit.ADVERSE, what, which, _answer(desk, registry, case))


def _unanswered(desk: Desk, case: Case) -> Finding | None:
    """An adverse monitoring audit whose night was cut off: no hold after it, or live against the policy."""
    found = next((item for item in case.decision.missing() if item.requirement == Requirement.MONITORING_CLEAR), None)
    if found is None or not found.evidence:
        return None
    held = max((hold.seq for hold in case.dossier.holds if hold.target == case.target), default=-1)
    answered = held > max(found.evidence) and desk.policy.on_adverse is OnAdverse.STAY
    return None if answered else found


def _answer(desk: Desk, registry: Registry, case: Case) -> str:
    """What the policy says happens to a live alias whose monitoring audit is adverse."""
    name = f"{case.target.alias} of {case.subject.name}"
    if case.decision.emergency is not None:  # what people decided in an emergency, no machine undoes
        return f"{name} stays at version {case.subject.version}: {case.decision.emergency}"
    if desk.policy.on_adverse is OnAdverse.STAY or not case.dossier.charter.in_force(desk.policy.digest):
        return f"the policy lets {name} stay at version {case.subject.version} until people decide"
    fallback = last_signed(desk, registry, case.subject, case.target)
    demote(desk, registry, case, "the monitoring audit was adverse", fallback)
    if fallback is None:
        return f"{name} was withdrawn: no earlier signed version stands"
    return f"{name} went back to version {fallback.version}, the last one whose release stands"


def _standing(live: LiveAlias, case: Case, line: str) -> Look:
    """Without a new adverse finding, the row says how the release stands: expired or withdrawn sign-offs show here."""
    if case.decision.outcome is DecisionOutcome.RELEASED:
        glass = (f"BROKEN GLASS: {case.decision.emergency}",) if case.decision.emergency else ()
        return told(live, "no adverse finding", Exit.DONE, line, *glass)
    missing = (f"{item.requirement}: {item.reason}" for item in case.decision.missing())
    return told(live, case.decision.outcome.value.lower(), EXITS[case.decision.outcome], line, *missing)
