"""Every minute: finish approved releases, see what moved outside, take out what was refused or withdrawn."""

from __future__ import annotations

from flows.locks import target_lock
from flows.monitoring import Look, governed, told
from flows.releasing import explain, finish
from flows.settings import Settings
from flows.steps import Step, at_once
from governance.case import Case, asked, case_of
from governance.casefile import step_of, subject_of
from governance.decide import DecisionOutcome
from governance.desk import Desk, policy_in_force
from governance.errors import Exit, FairgateError
from governance.people import MACHINE
from governance.policy import OnIncident
from governance.registry.port import LiveAlias, Registry
from governance.release import (
    by_glass,
    demote,
    is_unchanged,
    last_signed,
    live_step,
    observe,
    signed_since,
    steps_of,
    unfinished,
)
from governance.statement import Entry, PredicateType
from governance.subject import Target
from governance.verification import Verification, verify


def finish_approved(settings: Settings, desk: Desk, registry: Registry, *, step: Step = at_once) -> tuple[Look, ...]:
    """Promote every case that was asked for, is released by the gate, and is not yet live."""
    ready = [case for case in asked(desk) if _to_finish(desk, case)]
    return tuple(_finish(settings, desk, registry, case, step) for case in ready)


def check_live(settings: Settings, desk: Desk, registry: Registry) -> tuple[Look, ...]:
    """Compare every governed live alias with the ledger; returns what is not as it should be, and broken glass."""
    looks = (_check(settings, desk, registry, live) for live in governed(desk, registry))
    return tuple(item for item in looks if item.exit_code is not Exit.DONE or item.lines)


def _to_finish(desk: Desk, case: Case) -> bool:
    """Begun and cut off; or not live, and nothing else was released to the target since it was asked for.

    So no release happens by accident.
    """
    if case.decision.outcome is not DecisionOutcome.RELEASED:
        return False
    intent = unfinished(desk, case.subject.name, case.target)
    if intent is not None and subject_of(intent.statement.body) == case.subject:
        return True
    live = live_step(desk, case.subject.name, case.target)
    if case.released():
        return live is not None and signed_since(case, live)
    if live is not None:
        return live.seq < _last_asked(case)
    taken_out = [entry.seq for entry in steps_of(desk, case.subject.name, case.target)]
    return not taken_out or taken_out[-1] < max(_last_asked(case), _last_approved(case))


def _last_asked(case: Case) -> int:
    """The newest hold or part of broken glass for this target: the version was asked for then."""
    asked_for = [hold.seq for hold in case.dossier.holds if hold.target == case.target]
    asked_for += [part.seq for part in case.dossier.broken_glass if part.target == case.target]
    return max(asked_for, default=-1)


def _last_approved(case: Case) -> int:
    """Who approves a version after it was taken out wants it back; what was approved before does not come back."""
    given = (item for item in case.dossier.sign_offs if item.decision == "approve" and not item.withdrawn)
    return max((item.seq for item in given if item.target == case.target), default=-1)


def _finish(settings: Settings, desk: Desk, registry: Registry, case: Case, step: Step) -> Look:
    live = LiveAlias(case.subject.name, case.target.alias, case.subject.version)
    try:
        with target_lock(settings, live.name, live.alias):
            finish(desk, registry, case, MACHINE, step=step)
    except FairgateError as error:
        return told(live, "not released", error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001 - one release that crashes must not stop the others
        return told(live, "not released", Exit.SERVICE, explain(error))
    return told(live, "released", Exit.DONE, f"{case.subject} is now {case.target}")


def _check(settings: Settings, desk: Desk, registry: Registry, live: LiveAlias) -> Look:
    target = Target(settings.environment, live.alias)
    try:
        with target_lock(settings, live.name, live.alias):
            found = verify(desk, registry, live.name, live.alias)
            if found.problems:
                return _incident(desk, registry, live, target, found)
            return _stand_down(desk, registry, live, found)
    except FairgateError as error:
        return told(live, "not checked", error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001 - as above
        return told(live, "not checked", Exit.SERVICE, explain(error))


def _incident(desk: Desk, registry: Registry, live: LiveAlias, target: Target, found: Verification) -> Look:
    """Record what was seen. A move that our own crash left half done is put back; other moves are people's to judge."""
    for problem in found.problems:
        observe(desk, live.name, target, problem, {"version": live.version})
    if _half_done(desk, live, target):
        where = _put_back(desk, registry, live, target)
        what = f"a change of {live.alias} was cut off, and version {live.version} does not stand: {where}"
        return told(live, "put back", Exit.VERIFICATION_FAILED, what)
    if desk.policy.on_incident is OnIncident.STAY or not policy_in_force(desk):
        return told(live, "verification failed", Exit.VERIFICATION_FAILED, *found.problems)
    where = _take_out(desk, registry, live, target, found)
    what = f"the policy takes {live.alias} of {live.name} out after an incident: {where}"
    observe(desk, live.name, target, what, {"version": live.version, "answer": where})
    return told(live, "withdrawn", Exit.VERIFICATION_FAILED, *found.problems, what)


def _take_out(desk: Desk, registry: Registry, live: LiveAlias, target: Target, found: Verification) -> str:
    """Back to what was released, where its bytes are there and its release stands; else to an earlier one, or unset.

    An alias that somebody took away stays away: taking out is what the policy asks for.
    """
    case = found.case
    if found.promotion is None:  # the ledger says that nothing is released here
        registry.delete_alias(live.name, live.alias)
        return "unset"
    if case is None:
        gone = case_of(desk, subject_of(found.promotion.statement.body), target)
        demote(desk, registry, gone, "; ".join(found.problems)[:1_000])
        return "it stays unset"
    if is_unchanged(registry, case.subject) and case.decision.outcome is DecisionOutcome.RELEASED:
        registry.set_alias(live.name, live.alias, case.subject.version)
        return f"back to version {case.subject.version}"
    fallback = last_signed(desk, registry, case.subject, target)
    demote(desk, registry, case, "; ".join(found.problems)[:1_000], fallback)
    return f"back to version {fallback.version}" if fallback else "unset"


def _put_back(desk: Desk, registry: Registry, live: LiveAlias, target: Target) -> str:
    """To what the ledger says is live; where a demotion was cut off, to the last signed version or to nothing."""
    promotion, fallback = live_step(desk, live.name, target), None
    if promotion is not None:
        back = case_of(desk, subject_of(promotion.statement.body), target)
        if back.decision.outcome is not DecisionOutcome.RELEASED:
            demote(desk, registry, back, f"its release does not stand, and {live.alias} was cut off on its way")
            return f"unset, because the release of version {back.subject.version} does not stand either"
        finish(desk, registry, back, MACHINE)
        return f"back to version {back.subject.version}"
    last = [entry for entry in steps_of(desk, live.name, target) if step_of(entry).kind == "demotion"]
    if last and last[-1].statement.body["back_to"]:
        fallback = last_signed(desk, registry, subject_of(last[-1].statement.body), target)
    if fallback is None:
        registry.delete_alias(live.name, live.alias)
        return "unset"
    finish(desk, registry, case_of(desk, fallback, target), MACHINE)
    return f"back to version {fallback.version}"


def _half_done(desk: Desk, live: LiveAlias, target: Target) -> bool:
    """Whether the alias stands at a version that was being released or taken out, and whose release does not stand."""
    steps = steps_of(desk, live.name, target)
    done = [entry for entry in steps if entry.statement.predicate_type is not PredicateType.PROMOTION_INTENT]
    newest = steps[-1:] if steps[-1:] != done[-1:] else []
    taken_out = [entry for entry in done[-1:] if entry.statement.predicate_type is PredicateType.DEMOTION]
    about = [entry for entry in (*newest, *taken_out) if step_of(entry).version == live.version]
    cases = [case_of(desk, subject_of(entry.statement.body), target) for entry in about]
    return bool(cases) and all(case.decision.outcome is not DecisionOutcome.RELEASED for case in cases)


def _stand_down(desk: Desk, registry: Registry, live: LiveAlias, found: Verification) -> Look:
    """A refusal, a withdrawn sign-off, or the end of an emergency takes the version out.

    Expiry of a sign-off and adverse monitoring are told, not acted on.
    """
    case = found.case
    if case is None or case.decision.outcome is DecisionOutcome.RELEASED:
        return told(live, "verified", Exit.DONE, *_glass(case))
    reasons = tuple(f"{item.requirement}: {item.reason}" for item in case.decision.missing())
    if case.decision.outcome is not DecisionOutcome.REFUSED and not _ended(case, found.promotion):
        return told(live, "held", Exit.HELD, *reasons)
    fallback = last_signed(desk, registry, case.subject, case.target)
    demote(desk, registry, case, "; ".join(reasons)[:1_000], fallback)
    where = f"back to version {fallback.version}" if fallback else "withdrawn"
    return told(live, "demoted", Exit.HELD, f"{live.name} {live.alias}: {where}", *reasons)


def _ended(case: Case, promotion: Entry | None) -> bool:
    """Whether people took an approval back, or the version went live by broken glass, which holds no more.

    Only the policy in force can say so: under another one, everything is held, and nothing is taken out for that.
    """
    if not case.dossier.charter.in_force(case.decision.policy_digest):
        return False
    if promotion is None or by_glass(promotion):
        return promotion is not None
    rests_on = promotion.statement.body["sign_offs"]
    taken_back = (item for item in case.dossier.sign_offs if item.withdrawn and item.target == case.target)
    return any(item.seq in rests_on or item.seq > promotion.seq for item in taken_back)


def _glass(case: Case | None) -> tuple[str, ...]:
    """An emergency release is told wherever the version is."""
    return (f"BROKEN GLASS: {case.decision.emergency}",) if case is not None and case.decision.emergency else ()
