"""Is what is live what was signed? Recomputed from the registry's bytes and the ledger, every time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.case import Case, case_of
from governance.casefile import subject_of
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.dossier import SignOff
from governance.errors import Exit, MeasurementError
from governance.quorum import quorum
from governance.registry.manifest import manifest_from_json
from governance.registry.port import RegisteredVersion, Registry
from governance.release import live_step
from governance.statement import Entry
from governance.subject import Target, compare


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. `problems` empty and the decision RELEASED: verified.

    `sign_offs` are those that the release rests on, `expires_at` the first of their ends, or that of an emergency.
    """

    name: str
    target: Target
    version: str | None
    problems: tuple[str, ...]
    case: Case | None
    promotion: Entry | None
    sign_offs: tuple[SignOff, ...]
    expires_at: datetime | None

    @property
    def exit_code(self) -> Exit:
        """0 verified, 10 unchanged but held again, 11 refused since, 14 not what was signed."""
        if self.problems or self.case is None:
            return Exit.VERIFICATION_FAILED
        codes = {DecisionOutcome.RELEASED: Exit.DONE, DecisionOutcome.REFUSED: Exit.REFUSED}
        return codes.get(self.case.decision.outcome, Exit.HELD)


def verify(desk: Desk, registry: Registry, name: str, alias: str) -> Verification:
    """Compare the live alias with the ledger: version, every byte, and whether the release still stands."""
    target = Target(desk.environment, alias)
    live, promotion = registry.alias(name, alias), live_step(desk, name, target)
    if live is None:
        what = "the alias is not set" + (", though the ledger says it is live" if promotion else "")
        return Verification(name, target, None, (what,), None, promotion, (), None)
    if promotion is None:
        what = f"version {live.version} is live, but no release of it is recorded: the alias was moved outside Fairgate"
        return Verification(name, target, live.version, (what,), None, None, (), None)
    case = case_of(desk, subject_of(promotion.statement.body), target)
    rules = desk.policy.rules(case.decision.tier)
    given = quorum(rules, case.dossier, desk.policy.digest).given if rules else ()
    glass = case.decision.emergency
    ends = [glass.until] if glass else [item.expires_at for item in given if item.expires_at]
    problems = _problems(desk, registry, live, case)
    return Verification(name, target, live.version, problems, case, promotion, given, min(ends, default=None))


def _problems(desk: Desk, registry: Registry, live: RegisteredVersion, case: Case) -> tuple[str, ...]:
    if live.version != case.subject.version:
        moved = f"the alias points to version {live.version}, the ledger released version {case.subject.version}"
        return (moved + ": the alias was moved outside Fairgate",)
    signed = manifest_from_json(desk.evidence.get(case.subject.digest))
    try:
        changes = compare(signed, registry.manifest(live))
    except MeasurementError as error:
        return (f"the registered bytes cannot be read: {error}",)
    return (f"the registered bytes are not those that were signed: {changes}",) if changes else ()
