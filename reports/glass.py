"""Broken glass in words: who, until when, why, and whether it counts. Pure."""

from __future__ import annotations

from governance.break_glass import Emergency, Glass, ends
from governance.case import Case
from governance.dossier import BrokenGlass
from governance.policy import Policy
from reports.signed import withdrawn_words
from reports.view import GlassRow
from reports.words import listed, moment, one_line, printable

_REASON = 300


def emergency_words(emergency: Emergency) -> str:
    """`the glass was broken by A (f) and B (g) until T. Reasons: “...” and “...”`"""
    who = tuple(f"{printable(part.person.name)} ({printable(part.function)})" for part in emergency.parts)
    why = tuple(dict.fromkeys(f"“{one_line(part.reason, _REASON)}”" for part in emergency.parts))
    reasons = "Reason" if len(why) == 1 else "Reasons"
    return f"the glass was broken by {listed(who)} until {moment(emergency.until)}. {reasons}: {listed(why)}"


def emergency_line(case: Case) -> str:
    """The emergency release of this case on a line of its own; empty where there is none."""
    if case.decision.emergency is None:
        return ""
    live = "is live" if case.released() else "goes live"
    where = f"{printable(case.subject)} {live} as {printable(case.target)}"
    return f"{where}: {emergency_words(case.decision.emergency)}"


def glass_rows(case: Case, policy: Policy) -> tuple[GlassRow, ...]:
    """Every part that was ever given for this target, oldest first; those for other targets are not this case's."""
    parts = (part for part in case.dossier.broken_glass if part.target == case.target)
    return tuple(_row(part, case, policy) for part in parts)


def _row(part: BrokenGlass, case: Case, policy: Policy) -> GlassRow:
    emergency = case.decision.emergency
    counts = emergency is not None and part.seq in emergency.seqs
    return GlassRow(
        seq=part.seq,
        name=printable(part.person.name),
        function=printable(part.function),
        hours=part.hours,
        reason=printable(part.reason, None, lines=True),
        time=moment(part.time),
        standing=f"counts, until {moment(emergency.until)}" if emergency and counts else _idle(part, case, policy),
        counts=counts,
    )


def _idle(part: BrokenGlass, case: Case, policy: Policy) -> str:
    """Why no release rests on this part."""
    rules = policy.rules(case.decision.tier)
    if rules is None:
        return "does not count: the policy has no rules for the impact tier"
    glass = Glass(rules, policy.signers(case.decision.tier), case.dossier, policy.digest)
    void, end = glass.why_not(part), ends(part, rules)
    if void is not None:
        return f"does not count: {printable(void)}{withdrawn_words(part.taken_back)}"
    if end <= case.dossier.now:
        return f"ended by itself at {moment(end)}"
    waits = glass.waiting() == part
    return f"counts with a second person's until {moment(end)}" if waits else "does not count any more"
