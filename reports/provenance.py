"""What every report carries about itself: of which record it is, what was read, and which rules were in force. Pure.

The digest of a record is the SHA-256 of its canonical JSON (RFC 8785), which is what the JSON format is, byte for byte:
`sha256sum` of that file gives the digest that stands in the footer of every other format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from audits.plan import AuditPlan
from audits.result import RuleReport
from audits.rule_packs import RulePack, State, Status, state_on
from audits.source_uri import shown
from governance.digests import digest_value, plain
from reports.evidence import CaseEvidence
from reports.view import ReleaseView
from reports.words import count, listed, one_line, printable

HOW = (
    "SHA-256 of the record's canonical JSON (RFC 8785), which is the JSON format of this report: sha256sum of that file"
    " gives this digest."
)
MASKED = "The record is the masked one that is printed here: the whole record, which people signed, has another digest."


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """A rule pack that the audit was computed under, and how its rule stands on the day of the report.

    `days` say from when to when it is in force, `words` what a reader must know beyond that.
    """

    pack: str
    version: str
    digest: str
    title: str
    citation: str
    status: str
    days: str
    checked_on: str
    words: tuple[str, ...]

    @property
    def line(self) -> str:
        """All of it in one line."""
        head = f"{self.pack} {self.version} ({self.digest}): {self.citation}. Status: {self.status}; {self.days}"
        checked = f"; source read on {self.checked_on}" if self.checked_on else ""
        return f"{head}{checked}. {' '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a report says of itself, printable. `ledger` is empty where no ledger was read."""

    record_digest: str
    how: str
    time: str
    ledger: str
    policy: str
    policy_digest: str
    rules: tuple[RuleStanding, ...]

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """As named values, in the order of a footer."""
        read = (("Ledger", self.ledger),) if self.ledger else ()
        rules = tuple((f"Rule pack {rule.pack}", rule.line) for rule in self.rules)
        none = () if rules else (("Rule packs", "none: the audit's plan names none"),)
        return (
            ("Record", f"{self.record_digest}. {self.how}"),
            ("State as of", self.time),
            *read,
            ("Policy", f"{self.policy} ({self.policy_digest})"),
            *rules,
            *none,
        )


def provenance(view: ReleaseView) -> Provenance:
    """What a report with this view says of itself, from the view's record."""
    record = view.record
    return Provenance(
        record_digest=digest_value(record),
        how=f"{HOW} {MASKED}" if view.published else HOW,
        time=view.time,
        ledger=_ledger(record),
        policy=view.policy,
        policy_digest=record["policy"]["digest"],
        rules=tuple(RuleStanding(**{**rule, "words": tuple(rule["words"])}) for rule in record["rules"]),
    )


def read_from(evidence: CaseEvidence) -> dict[str, Any]:
    """The part of the record that says what was read: the ledger's head, the plan, how the rules of its packs stand."""
    day = evidence.case.dossier.now.date()
    return {
        "ledger": plain(evidence.ledger),
        "plan": plain(_without_passwords(evidence.plan)) if evidence.plan else None,
        "rules": [plain(standing(used.report, used.ships, day)) for used in evidence.rules],
    }


def standing(report: RuleReport, pack: RulePack | None, day: date) -> RuleStanding:
    """How the rule of a report stands on `day`. `pack` is the file that ships now, None where there is none."""
    return RuleStanding(
        pack=printable(report.pack),
        version=printable(report.version),
        digest=report.digest,
        title=printable(report.title, 300),
        citation=one_line(report.citation, 300),
        status=pack.status.value if pack else printable(report.status),
        days=_days(pack) if pack else "its days are not known here",
        checked_on=f"{pack.checked_on}" if pack else "",
        words=tuple(_words(report, pack, day)) if pack else ("This pack ships with Fairgate no more.",),
    )


def pack_standing(pack: RulePack, day: date) -> RuleStanding:
    """How the rule of a pack stands on `day`, where no audit was computed under it."""
    report = RuleReport(pack.id, pack.version, pack.digest, pack.title, pack.citation, pack.status.value, ())
    return standing(report, pack, day)


def _words(report: RuleReport, pack: RulePack, day: date) -> Iterator[str]:
    state = state_on(pack, day)
    if state is State.NOT_YET:
        yield f"Not in force yet on {day}: it applies from {pack.in_force_from}."
    elif state is State.NO_MORE:
        yield f"Not in force any more on {day}: its last day was {pack.in_force_to}."
    else:
        yield f"In force on {day}{' as a voluntary framework, not a law' if pack.voluntary else ''}."
        yield from _later(pack, day)
    if pack.status is Status.REPEALED and state is not State.NO_MORE:
        yield f"It is repealed, with {pack.in_force_to} as its last day."
    if pack.status is Status.UNDER_CHALLENGE:
        yield f"It was under challenge when its source was read on {pack.checked_on}: it may fall."
    if report.digest != pack.digest:
        yield (
            f"The audit was computed under another text of this pack than the one that ships now ({pack.digest}), of"
            " which the days here are."
        )


def _later(pack: RulePack, day: date) -> Iterator[str]:
    """Which parts of a rule in force apply from a later day only."""
    days = sorted({item.applies_from for item in pack.requirements if item.applies_from and item.applies_from > day})
    for later in days:
        names = tuple(item.reference for item in pack.requirements if item.applies_from == later)
        yield f"Not yet, and only from {later}: {listed(names)}."


def _days(pack: RulePack) -> str:
    end = f"to {pack.in_force_to}" if pack.in_force_to else "no last day is known"
    return f"from {pack.in_force_from}, {end}"


def _ledger(record: Mapping[str, Any]) -> str:
    size, head = record["decision"]["size"], record["ledger"]
    if head is None:
        return f"{count(size)} entries read" if size else ""
    return f"{count(size)} entries read; signed checkpoint of {count(head['size'])} entries, root {head['root']}"


def _without_passwords(plan: AuditPlan) -> AuditPlan:
    joined = plan.sensitive_data
    return replace(
        plan,
        source=plan.source and shown(plan.source),
        newer=plan.newer and shown(plan.newer),
        sensitive_data=joined and replace(joined, source=shown(joined.source)),
    )
