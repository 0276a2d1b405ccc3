"""Move an alias, and only after the gate said yes: intent, move, promotion; repeatable after a crash at any point."""

from __future__ import annotations

from collections.abc import Callable

from governance.case import Case, case_of
from governance.casefile import STEPS, step_of, subject_of
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.digests import digest_value
from governance.dossier import ReleaseStep
from governance.errors import LedgerConflictError, ReleaseHeldError, StaleEvidenceError
from governance.people import MACHINE, Actor
from governance.record import held, observed, step, target_of
from governance.registry.port import Registry
from governance.statement import Entry, PredicateType, Statement
from governance.subject import Subject, Target

Pause = Callable[[str], None]
"""Called with the name of each finished step; tests use it to pull the plug there."""


def no_pause(_step: str) -> None:
    """Go on at once."""


def record_hold(desk: Desk, case: Case, by: Actor) -> Entry:
    """Record that a release was asked for and is held. The same person asking for the same thing adds nothing."""
    statement = held(case.dossier, case.decision, by)
    return desk.ledger.append(statement, idempotency_key="hold:" + digest_value([statement.body, by, _last_seq(case)]))


def promote(desk: Desk, registry: Registry, case: Case, by: Actor = MACHINE, *, pause: Pause = no_pause) -> Entry:
    """Make the version live and return the promotion. Call it under the release lock of the target.

    A promotion that a crash cut off is finished, never doubled. Raises ReleaseHeldError where the gate does not
    say RELEASED, StaleEvidenceError where the registry's bytes are not those that were signed, LedgerConflictError
    where the ledger grew meanwhile.
    """
    case = case_of(desk, case.subject, case.target)
    if case.decision.outcome is not DecisionOutcome.RELEASED:
        raise ReleaseHeldError(case.decision, f"{case.subject} is {case.decision.outcome.value} for {case.target}")
    _same_bytes(registry, case.subject)
    intent = _unfinished_intent(desk, case) or _intend(desk, case, by)
    pause("intent")
    name, alias = case.subject.name, case.target.alias
    registry.set_alias(name, alias, case.subject.version)
    pause("alias")
    body = {"intent": intent.seq, "sign_offs": _sign_offs(case), "tier": case.decision.tier.value}
    promotion = step(
        PredicateType.PROMOTION, case.subject, case.target, by=by, body=body, policy=case.decision.policy_digest
    )
    entry = desk.ledger.append(promotion, idempotency_key=f"promotion-of:{intent.seq}")
    pause("promotion")
    return entry


def demote(desk: Desk, registry: Registry, live: Case, reason: str, fallback: Subject | None = None) -> Entry:
    """Take a version out of its target: back to `fallback`, which must still be released, or to nothing.

    Raises ReleaseHeldError where the fallback's release no longer stands.
    """
    body = {"reason": reason, "back_to": fallback.version if fallback else None}
    demotion = step(PredicateType.DEMOTION, live.subject, live.target, body=body, policy=live.decision.policy_digest)
    if fallback is None:
        registry.delete_alias(live.subject.name, live.target.alias)
        return _append_demotion(desk, live, demotion)
    back = case_of(desk, fallback, live.target)
    if back.decision.outcome is not DecisionOutcome.RELEASED:
        raise ReleaseHeldError(back.decision, f"{fallback} cannot take over: it is {back.decision.outcome.value}")
    entry = _append_demotion(desk, live, demotion)
    promote(desk, registry, back)
    return entry


def last_signed(desk: Desk, live: Subject, target: Target) -> Subject | None:
    """The newest other version that was live in this target and whose release still stands."""
    for entry in reversed(steps_of(desk, live.name, target)):
        subject = subject_of(entry.statement.body)
        if entry.statement.predicate_type is not PredicateType.PROMOTION or subject.digest == live.digest:
            continue
        if case_of(desk, subject, target).decision.outcome is DecisionOutcome.RELEASED:
            return subject
    return None


def steps_of(desk: Desk, name: str, target: Target) -> list[Entry]:
    """Every promotion-intent, promotion and demotion of a target, whatever the version, in the ledger's order."""
    found = desk.ledger.entries(digest=target_of(name, target).digest)
    return [entry for entry in found if entry.statement.predicate_type in STEPS]


def live_step(desk: Desk, name: str, target: Target) -> Entry | None:
    """The promotion that the ledger says is live, None where nothing is."""
    done = [e for e in steps_of(desk, name, target) if e.statement.predicate_type is not PredicateType.PROMOTION_INTENT]
    if not done or done[-1].statement.predicate_type is PredicateType.DEMOTION:
        return None
    return done[-1]


def observe(desk: Desk, name: str, target: Target, what: str, body: dict[str, object]) -> Entry:
    """Record what was seen and nobody recorded; the same sight twice adds nothing."""
    statement = observed(name, target, what, body)
    return desk.ledger.append(statement, idempotency_key="observation:" + digest_value([what, body, name, target]))


def _same_bytes(registry: Registry, subject: Subject) -> None:
    found = registry.manifest(registry.version(subject.name, subject.version))
    if found.digest != subject.digest:
        raise StaleEvidenceError(
            f"the registry's bytes of {subject} are {found.digest}, the evidence is about {subject.digest}: "
            f"nothing was released"
        )


def _unfinished_intent(desk: Desk, case: Case) -> Entry | None:
    steps = steps_of(desk, case.subject.name, case.target)
    if not steps or steps[-1].statement.predicate_type is not PredicateType.PROMOTION_INTENT:
        return None
    return steps[-1] if _about(step_of(steps[-1]), case.subject) else None


def _intend(desk: Desk, case: Case, by: Actor) -> Entry:
    body = {"sign_offs": _sign_offs(case)}
    intent = step(
        PredicateType.PROMOTION_INTENT, case.subject, case.target, by=by, body=body, policy=case.decision.policy_digest
    )
    try:
        return desk.ledger.append(intent, expected_size=case.dossier.size)
    except LedgerConflictError as error:
        raise LedgerConflictError(f"the ledger grew while {case.subject} was being released: ask again") from error


def _append_demotion(desk: Desk, live: Case, demotion: Statement) -> Entry:
    return desk.ledger.append(demotion, idempotency_key=f"demotion-of:{live.target}:{_last_seq(live)}")


def _about(found: ReleaseStep, subject: Subject) -> bool:
    return (found.version, found.digest) == (subject.version, subject.digest)


def _sign_offs(case: Case) -> list[int]:
    return [seq for item in case.decision.findings if item.requirement == "sign-off" for seq in item.evidence]


def _last_seq(case: Case) -> int:
    """The newest step of this version: what happens again after it is something new."""
    return max((item.seq for item in case.dossier.steps), default=-1)
