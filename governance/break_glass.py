"""Emergency releases: two persons, a reason, at most 72 hours, and it ends by itself. Pure.

Each person's part is used once: it joins the first part of another person that follows while it lasts. What two parts
began counts from there, for these bytes and this target, however often it is renewed: hours cannot be strung together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.dossier import BrokenGlass, Dossier
from governance.policy import TierRules

MAX_HOURS = 72


@dataclass(frozen=True, slots=True)
class Emergency:
    """A release that stands by broken glass alone, until `until`."""

    parts: tuple[BrokenGlass, BrokenGlass]
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


@dataclass(frozen=True, slots=True)
class Glass:
    """The rules and the dossier that broken glass is judged by. `signers` are functions, as `Policy.signers`."""

    rules: TierRules
    signers: tuple[str, ...]
    dossier: Dossier
    policy_digest: str

    def emergency(self) -> Emergency | None:
        """The emergency release of these bytes for this target that holds now, None where there is none."""
        pairs, last = _paired(self._counting(), self.rules)[0], self.last_end()
        if not pairs or last is None:
            return None
        until = min(last, *(ends(part, self.rules) for part in pairs[-1]))
        return Emergency(pairs[-1], until) if self.dossier.now < until else None

    def waiting(self) -> BrokenGlass | None:
        """The part that a second person could complete now, None where there is none."""
        part = _paired(self._counting(), self.rules)[1]
        return part if part is not None and self.dossier.now < ends(part, self.rules) else None

    def ended(self) -> datetime | None:
        """When the newest emergency release that nobody took back ended by itself; None where it holds, or none was."""
        pairs, last = _paired(self._counting(), self.rules)[0], self.last_end()
        until = min(last, *(ends(part, self.rules) for part in pairs[-1])) if pairs and last is not None else None
        return until if until is not None and until <= self.dossier.now else None

    def last_end(self) -> datetime | None:
        """When an emergency release that was ever begun ends at the latest; parts taken back since count here too."""
        begun = _paired((part for part in self.dossier.broken_glass if self._about(part)), self.rules)[0]
        return begun[0][1].time + _hours(self.rules) if begun else None

    def why_not(self, part: BrokenGlass) -> str | None:
        """Why this part does not count, None where it does as long as it lasts."""
        person, excluded = self.dossier.person(part.person.id), self.dossier.excluded().get(part.person.id)
        adopted = self.dossier.charter.adopted()
        answers = (
            (part.withdrawn, "withdrawn"),
            (not self._about(part), "given for other bytes or another target"),
            (part.policy_digest != self.policy_digest, "given under another policy"),
            (adopted is not None and part.seq < adopted.seq, "given before the policy in force was adopted"),
            (not part.reason.strip(), "given without a reason"),
            (part.time > self.dossier.now, "dated in the future"),
            (
                person is None or not person.has(part.function) or part.function not in self.signers,
                f"the person does not hold the function {part.function}",
            ),
            (excluded is not None, f"the person {excluded}"),
        )
        return next((reason for void, reason in answers if void), None)

    def _about(self, part: BrokenGlass) -> bool:
        return part.model_digest == self.dossier.subject.digest and part.target == self.dossier.target

    def _counting(self) -> tuple[BrokenGlass, ...]:
        return tuple(part for part in self.dossier.broken_glass if self.why_not(part) is None)


def ends(part: BrokenGlass, rules: TierRules) -> datetime:
    """When this part ends by itself."""
    return part.time + min(timedelta(hours=part.hours), _hours(rules))


def _hours(rules: TierRules) -> timedelta:
    return timedelta(hours=min(rules.break_glass_hours, MAX_HOURS))


_Pair = tuple[BrokenGlass, BrokenGlass]


def _paired(parts: Iterable[BrokenGlass], rules: TierRules) -> tuple[tuple[_Pair, ...], BrokenGlass | None]:
    """Parts of two persons each, in order, and the part that waits for a second person."""
    pairs, waiting = list[_Pair](), None
    for part in parts:
        alone = waiting is None or part.time >= ends(waiting, rules) or part.person.id == waiting.person.id
        if waiting is None or alone:
            waiting = part
        else:
            pairs.append((waiting, part))
            waiting = None
    return tuple(pairs), waiting
