"""Emergency releases: two persons, a reason, at most 72 hours, and it ends by itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.dossier import BrokenGlass, Dossier
from governance.policy import TierRules

PERSONS = 2
MAX_HOURS = 72


@dataclass(frozen=True, slots=True)
class Emergency:
    """A release that stands by broken glass alone, until `until`."""

    parts: tuple[BrokenGlass, ...]
    until: datetime

    @property
    def seqs(self) -> tuple[int, ...]:
        """The ledger entries of its parts."""
        return tuple(part.seq for part in self.parts)

    def __str__(self) -> str:
        """For people: who, until when, and why."""
        who = " and ".join(f"{part.person.name} ({part.function})" for part in self.parts)
        why = "; ".join(dict.fromkeys(part.reason for part in self.parts))
        return f"the glass was broken by {who} until {self.until:%Y-%m-%d %H:%M} UTC: {why}"


def emergency(rules: TierRules, signers: tuple[str, ...], dossier: Dossier, policy_digest: str) -> Emergency | None:
    """The emergency release of these bytes for this target that holds now, None where there is none."""
    standing = [part for part in dossier.broken_glass if why_not(part, rules, signers, dossier, policy_digest) is None]
    parts = tuple({part.person.id: part for part in standing}.values())[-PERSONS:]
    if len(parts) < PERSONS:
        return None
    return Emergency(parts, min(ends(part, rules) for part in parts))


def ends(part: BrokenGlass, rules: TierRules) -> datetime:
    """When this part ends by itself."""
    return part.time + timedelta(hours=min(part.hours, rules.break_glass_hours, MAX_HOURS))


def why_not(
    part: BrokenGlass, rules: TierRules, signers: tuple[str, ...], dossier: Dossier, policy_digest: str
) -> str | None:
    """Why this part does not count now, None where it does."""
    person, excluded = dossier.person(part.person.id), dossier.excluded().get(part.person.id)
    answers = (
        (part.withdrawn, "withdrawn"),
        (part.model_digest != dossier.subject.digest, "given for other bytes"),
        (part.target != dossier.target, f"given for {part.target}"),
        (part.policy_digest != policy_digest, "given under another policy"),
        (not part.reason.strip(), "given without a reason"),
        (part.time > dossier.now, "dated in the future"),
        (ends(part, rules) <= dossier.now, "over"),
        (
            person is None or not person.has(part.function) or part.function not in signers,
            f"the person does not hold the function {part.function}",
        ),
        (excluded is not None, f"the person {excluded}"),
    )
    return next((reason for void, reason in answers if void), None)
