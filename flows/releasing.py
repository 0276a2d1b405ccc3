"""Ask for a release: gather evidence, decide, and either move the alias or record the hold. Plain verbs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from expectations.result import DataValidation
from flows.assess import Candidate, Purpose, audit_model, blocked, candidate, is_current, validate_data
from flows.locks import target_lock
from flows.settings import Settings
from flows.sources import data_file
from flows.steps import Step, at_once
from flows.wiring import open_desk, open_registry
from governance.case import Case, case_of
from governance.decide import DecisionOutcome
from governance.desk import Desk, free_aliases
from governance.digests import digest_file
from governance.errors import ConfigurationError, Exit, FairgateError
from governance.people import Actor
from governance.record import RELEASE
from governance.registry.port import Registry
from governance.release import live_step, promote, record_hold, signed_since
from governance.subject import Target

EXITS = {
    DecisionOutcome.RELEASED: Exit.DONE,
    DecisionOutcome.HELD: Exit.HELD,
    DecisionOutcome.REFUSED: Exit.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking for a release. `validation` and its `source` only where the quality gate stopped it.

    `watched`: its plan says where newer data comes from, so that the scheduled audit can measure it once it is live.
    """

    case: Case
    exit_code: Exit
    already_live: bool = False
    validation: DataValidation | None = None
    source: str = ""
    watched: bool = True

    @property
    def word(self) -> str:
        """The name of the Prefect state: Released, Held, Refused, or Stopped by data quality."""
        words = {Exit.DONE: "Released", Exit.HELD: "Held", Exit.REFUSED: "Refused"}
        return words.get(self.exit_code, "Stopped by data quality")


@dataclass(frozen=True, slots=True)
class Request:
    """A release as asked for. `data` overrides the plan's source (a path below a data folder)."""

    name: str
    version: str
    alias: str
    by: Actor
    data: str | None = None


def release_now(settings: Settings, request: Request, *, step: Step = at_once) -> Answer:
    """Answer a request for a release under the lock of its target. Asked again, it goes on where it stood.

    Raises ConfigurationError for an alias that needs no release, and the errors of the evidence.
    """
    desk, registry = open_desk(settings), open_registry(settings)
    if request.alias in free_aliases(desk):
        raise ConfigurationError(f"the alias {request.alias!r} is free under the policy: set it with plain MLflow")
    with target_lock(settings, request.name, request.alias):
        chosen = step(
            "take a private copy",
            lambda: candidate(settings, desk, registry, registry.version(request.name, request.version)),
        )
        answer = _answered(settings, (desk, registry), chosen, request, step)
        return replace(answer, watched=bool(chosen.plan.newer))


def _answered(
    settings: Settings, house: tuple[Desk, Registry], chosen: Candidate, request: Request, step: Step
) -> Answer:
    desk, registry = house
    target = Target(settings.environment, request.alias)
    case = case_of(desk, chosen.subject, target)
    if case.decision.outcome is DecisionOutcome.REFUSED:
        return Answer(case, Exit.REFUSED)
    stopped = _gather(settings, desk, chosen, request, case, step)
    case = case_of(desk, chosen.subject, target)
    if stopped:
        if case.decision.outcome is not DecisionOutcome.RELEASED:
            record_hold(desk, case, request.by)
        source = str(request.data or chosen.plan.source)
        return Answer(case, Exit.DATA_QUALITY, validation=stopped, source=source)
    return _act(desk, registry, case, request, step)


def finish(desk: Desk, registry: Registry, case: Case, by: Actor, *, step: Step = at_once) -> Case:
    """Promote an approved case."""
    step("move the alias", lambda: promote(desk, registry, case, by))
    return case_of(desk, case.subject, case.target)


def _gather(
    settings: Settings, desk: Desk, chosen: Candidate, request: Request, case: Case, step: Step
) -> DataValidation | None:
    """Validate and audit unless it is already recorded. Returns the validation where it stops everything."""
    source = data_file(settings, request.data or chosen.plan.source)
    if is_current(desk, chosen, case.decision, digest_file(source), newest=request.data is not None):
        return None
    purpose = Purpose(RELEASE, source, request.by)
    validation = step("validate the data", lambda: validate_data(settings, desk, chosen, purpose))
    if blocked(validation):
        return validation
    step("audit the model", lambda: audit_model(settings, desk, chosen, purpose))
    return None


def _act(desk: Desk, registry: Registry, case: Case, request: Request, step: Step) -> Answer:
    outcome = case.decision.outcome
    if outcome is not DecisionOutcome.RELEASED:
        record_hold(desk, case, request.by)
        return Answer(case_of(desk, case.subject, case.target), EXITS[outcome])
    live = registry.alias(request.name, request.alias)
    standing = live_step(desk, request.name, case.target)
    on_glass = standing is not None and signed_since(case, standing)
    if case.released() and live is not None and live.version == request.version and not on_glass:
        return Answer(case, Exit.DONE, already_live=True)
    return Answer(finish(desk, registry, case, request.by, step=step), Exit.DONE)


def quarantine_of(settings: Settings, validation: DataValidation) -> Path:
    """Where the rows that a validation set aside are named."""
    return settings.quarantine(validation.data_digest)


def explain(error: BaseException) -> str:
    """One sentence for people: our own errors speak for themselves, others are named."""
    return str(error) if isinstance(error, FairgateError) else f"{type(error).__name__}: {error}"
