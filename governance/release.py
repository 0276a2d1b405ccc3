"""Move an alias, and only after the gate said yes: intent, move, promotion; repeatable after a crash at any point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from governance.case import Case, case_of
from governance.casefile import STEPS, step_of, subject_of, target_in
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.digests import digest_value
from governance.dossier import ReleaseStep
from governance.errors import (
    ConfigurationError,
    MeasurementError,
    ReleaseHeldError,
    StaleEvidenceError,
)
from governance.people import MACHINE, Actor
from governance.policy import Requirement
from governance.record import held, model_name, observed, step, target_of
from governance.registry.port import Aliases, Registry
from governance.statement import Entry, PredicateType, Statement
from governance.subject import Subject, Target

Pause = Callable[[str], None]
"""Called with the name of each finished step; tests use it to pull the plug there."""


def no_pause(_step: str) -> None:
    """Go on at once."""


def record_hold(desk: Desk, case: Case, by: Actor) -> Entry:
    """Record that a release was asked for and is held. The same person asking for the same thing adds nothing."""
    statement = held(case.dossier, case.decision, by)
    key = digest_value([statement.body, by, _asked_anew_after(desk, case)])
    return desk.ledger.append(statement, idempotency_key="hold:" + key)


def promote(desk: Desk, registry: Aliases, case: Case, by: Actor = MACHINE, *, pause: Pause = no_pause) -> Entry:
    """Make the version live and return the promotion. Call it under the release lock of the target.

    A promotion that a crash cut off is finished, never doubled; of what is live already, the promotion that made it
    so is returned. Raises ReleaseHeldError where the gate does not say RELEASED, StaleEvidenceError where the
    registry's bytes are not those that were signed.
    """
    case = case_of(desk, case.subject, case.target)
    _refuse_unreleased(case)
    _same_bytes(registry, case.subject)
    begun = begun_intent(desk, case)
    standing = _live_already(desk, registry, case)
    if standing is not None and begun is None:
        return standing
    intent = begun or intend(desk, case, by)
    pause("intent")
    name, alias = case.subject.name, case.target.alias
    registry.set_alias(name, alias, case.subject.version)
    pause("alias")
    entry = record_promotion(desk, case, intent, by)
    pause("promotion")
    return entry


def intend(desk: Desk, case: Case, by: Actor) -> Entry:
    """Record that the version is about to be released, decided anew while nobody else can append.

    Raises ReleaseHeldError where the gate does not say RELEASED any more.
    """

    def decide() -> Statement:
        now = case_of(desk, case.subject, case.target)
        _refuse_unreleased(now)
        body = {"sign_offs": _sign_offs(now)}
        kind, policy = PredicateType.PROMOTION_INTENT, now.decision.policy_digest
        return step(kind, now.subject, now.target, by=by, body=body, policy=policy)

    return desk.ledger.append_decided(decide)


def record_promotion(desk: Desk, case: Case, intent: Entry, by: Actor) -> Entry:
    """Record that the alias moved, once for each intent."""
    tier, glass = case.decision.tier.value, case.decision.emergency
    body = {"intent": intent.seq, "sign_offs": _sign_offs(case), "tier": tier, "told": _told(desk, case)}
    if glass is not None:
        body["break_glass"] = {"entries": glass.seqs, "until": glass.until}
    kind, policy = PredicateType.PROMOTION, case.decision.policy_digest
    promotion = step(kind, case.subject, case.target, by=by, body=body, policy=policy)
    return desk.ledger.append(promotion, idempotency_key=f"promotion-of:{intent.seq}")


def demote(desk: Desk, registry: Registry, live: Case, reason: str, fallback: Subject | None = None) -> Entry:
    """Take a version out of its target: back to `fallback`, which must still be released, or to nothing.

    The ledger first, then the alias: a demotion that a crash cut off is seen and finished by the reconciler. Raises
    ReleaseHeldError where the fallback's release no longer stands, StaleEvidenceError where its bytes have changed.
    """
    if fallback is None:
        entry = record_demotion(desk, live, reason)
        registry.delete_alias(live.subject.name, live.target.alias)
        return entry
    back = case_of(desk, fallback, live.target)
    if back.decision.outcome is not DecisionOutcome.RELEASED:
        raise ReleaseHeldError(back.decision, f"{fallback} cannot take over: it is {back.decision.outcome.value}")
    _same_bytes(registry, fallback)
    entry = record_demotion(desk, live, reason, fallback=fallback)
    promote(desk, registry, back)
    return entry


def record_demotion(
    desk: Desk, live: Case, reason: str, by: Actor = MACHINE, *, fallback: Subject | None = None
) -> Entry:
    """Record that this version is taken out of its target, once for each time that it was live there."""
    body = {"reason": reason, "back_to": fallback.version if fallback else None}
    policy = live.decision.policy_digest
    demotion = step(PredicateType.DEMOTION, live.subject, live.target, by=by, body=body, policy=policy)
    last = max((item.seq for item in live.dossier.steps), default=-1)
    return desk.ledger.append(demotion, idempotency_key=f"demotion-of:{live.subject.digest}:{live.target}:{last}")


def last_signed(desk: Desk, registry: Registry, live: Subject, target: Target) -> Subject | None:
    """The newest other version that was live in this target, whose release still stands and whose bytes are there."""
    for entry in reversed(steps_of(desk, live.name, target)):
        subject = subject_of(entry.statement.body)
        if entry.statement.predicate_type is not PredicateType.PROMOTION or subject.digest == live.digest:
            continue
        standing = case_of(desk, subject, target).decision.outcome is DecisionOutcome.RELEASED
        if standing and is_unchanged(registry, subject):
            return subject
    return None


def steps_of(desk: Desk, name: str, target: Target) -> list[Entry]:
    """Every promotion-intent, promotion and demotion of a target, whatever the version, in the ledger's order."""
    found = desk.ledger.entries(digest=target_of(name, target).digest)
    return [entry for entry in found if entry.statement.predicate_type in STEPS]


def released(desk: Desk) -> tuple[Entry, ...]:
    """The promotions of this environment that the ledger says are live, whatever the registry shows."""
    last: dict[tuple[str, Target], Entry] = {}
    for entry in desk.ledger.entries():
        if entry.statement.predicate_type in (PredicateType.PROMOTION, PredicateType.DEMOTION):
            body = entry.statement.body
            last[subject_of(body).name, target_in(body)] = entry
    return tuple(
        entry
        for (_, target), entry in last.items()
        if target.environment == desk.environment and entry.statement.predicate_type is PredicateType.PROMOTION
    )


def live_step(desk: Desk, name: str, target: Target) -> Entry | None:
    """The promotion that the ledger says is live, None where nothing is."""
    done = [e for e in steps_of(desk, name, target) if e.statement.predicate_type is not PredicateType.PROMOTION_INTENT]
    if not done or done[-1].statement.predicate_type is PredicateType.DEMOTION:
        return None
    return done[-1]


def observe(desk: Desk, name: str, target: Target, what: str, body: dict[str, object]) -> Entry:
    """Record what was seen and nobody recorded; the same sight twice adds nothing until the target has moved again.

    A body with an `answer` says what was done about it: the same sight after that is a new one.
    """
    found = desk.ledger.entries(digest=target_of(name, target).digest)
    moved = [entry.seq for entry in found if _moved(entry)]
    key = digest_value([what, body, name, target, moved[-1] if moved else -1])
    return desk.ledger.append(observed(name, target, what, body), idempotency_key="observation:" + key)


def _moved(entry: Entry) -> bool:
    kind = entry.statement.predicate_type
    return kind in STEPS or (kind is PredicateType.OBSERVATION and "answer" in entry.statement.body)


def _refuse_unreleased(case: Case) -> None:
    if case.decision.outcome is not DecisionOutcome.RELEASED:
        raise ReleaseHeldError(case.decision, f"{case.subject} is {case.decision.outcome.value} for {case.target}")


def _same_bytes(registry: Aliases, subject: Subject) -> None:
    found = registry.manifest(registry.version(subject.name, subject.version))
    if found.digest != subject.digest:
        raise StaleEvidenceError(
            f"the registry's bytes of {subject} are {found.digest}, the evidence is about {subject.digest}: "
            f"nothing was released"
        )


def is_unchanged(registry: Registry, subject: Subject) -> bool:
    """Whether the registry still serves these bytes; a version that is gone does not."""
    try:
        _same_bytes(registry, subject)
    except (StaleEvidenceError, MeasurementError, ConfigurationError):
        return False
    return True


def _live_already(desk: Desk, registry: Aliases, case: Case) -> Entry | None:
    """The promotion that stands, where ledger and registry agree that this version is live."""
    promotion = live_step(desk, case.subject.name, case.target)
    if promotion is None or not _about(step_of(promotion), case.subject):
        return None
    if signed_since(case, promotion):  # it stays live on a footing of its own, and is recorded so
        return None
    live = registry.alias(case.subject.name, case.target.alias)
    return promotion if live is not None and live.version == case.subject.version else None


def by_glass(promotion: Entry) -> bool:
    """Whether the version went live by broken glass."""
    return bool(promotion.statement.body.get("break_glass"))


def signed_since(case: Case, promotion: Entry) -> bool:
    """Whether the version went live by broken glass, and is released without it by now."""
    decision = case.decision
    return by_glass(promotion) and decision.outcome is DecisionOutcome.RELEASED and decision.emergency is None


def unfinished(desk: Desk, name: str, target: Target) -> Entry | None:
    """The intent that the target's newest step is, None where the last step was finished."""
    steps = steps_of(desk, name, target)
    if not steps or steps[-1].statement.predicate_type is not PredicateType.PROMOTION_INTENT:
        return None
    return steps[-1]


def begun_intent(desk: Desk, case: Case) -> Entry | None:
    """The intent to make these very bytes live in this target, None where none is unfinished."""
    intent = unfinished(desk, case.subject.name, case.target)
    return intent if intent is not None and _about(step_of(intent), case.subject) else None


def _about(found: ReleaseStep, subject: Subject) -> bool:
    return (found.version, found.digest) == (subject.version, subject.digest)


def _told(desk: Desk, case: Case) -> dict[str, str]:
    """In a tier without a sign-off: until when people who are told of the release should look at it and may refuse."""
    rules = desk.policy.rules(case.decision.tier)
    if rules is None or Requirement.SIGN_OFF in rules.requirements:
        return {}
    return {"refuse_until": (case.dossier.now + timedelta(days=rules.withdraw_window_days)).isoformat()}


def _sign_offs(case: Case) -> list[int]:
    return [seq for item in case.decision.findings if item.requirement == Requirement.SIGN_OFF for seq in item.evidence]


def _asked_anew_after(desk: Desk, case: Case) -> int:
    """What makes an equal question a new one: a step of the target since, or other bytes under this version since."""
    steps = steps_of(desk, case.subject.name, case.target)
    name = model_name(case.subject)
    about = desk.ledger.entries(subject=name)
    others = [entry.seq for entry in about if entry.statement.digest_of(name) != case.subject.digest]
    return max([-1, *others, *(entry.seq for entry in steps)])
