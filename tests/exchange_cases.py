"""Cases that every format for machines must be able to say: held, released, refused, by broken glass, and odd ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import report_factory as factory
from hostile import PAYLOADS
from plea_factory import plea

from audits.result import AuditResult
from expectations.result import DataValidation, FailedExpectation, Outcome, Severity
from governance.case import Case, open_case
from governance.condition import Condition
from governance.desk import Desk
from governance.emergency import break_glass
from governance.people import actor
from governance.policy import Assurance
from governance.record import held, registered
from governance.signoff import Wish, sign
from reports.evidence import CaseEvidence, gather
from reports.publish import published_evidence

WHY = "The old model is down\nand people wait."


def _desk(folder: Path) -> Desk:
    folder.mkdir(parents=True, exist_ok=True)
    return factory.new_desk(folder)


def case_again(desk: Desk, case: Case) -> Case:
    """The same case as the ledger has it now."""
    return open_case(desk, case.subject.name, case.subject.version, case.target.alias)


def adverse(folder: Path) -> CaseEvidence:
    """Version 1: held, because a disparity is adverse."""
    desk = _desk(folder)
    return gather(desk, factory.record_case(desk, "1"))


def waiting(folder: Path) -> CaseEvidence:
    """Version 2: held, because nobody has signed."""
    desk = _desk(folder)
    return gather(desk, factory.record_case(desk, "2"))


def released(folder: Path) -> CaseEvidence:
    """Version 2 with both signatures."""
    desk = _desk(folder)
    case = factory.record_case(desk, "2")
    factory.put_signature(desk, case, "compliance-officer", "compliance")
    factory.put_signature(desk, case, "risk-officer", "model-risk", reason="Two lines\nof reason: “read”.")
    return gather(desk, case_again(desk, case))


def half_signed(folder: Path) -> CaseEvidence:
    """Version 2 with one signature that counts, and one that does not: its evidence was measured again."""
    desk = _desk(folder)
    case = factory.record_case(desk, "2")
    factory.put_signature(desk, case, "compliance-officer", "compliance")
    case = factory.record_case(desk, "2", audit=replace(factory.audit_of("2"), notes=("measured again",)))
    factory.put_signature(desk, case, "risk-officer", "model-risk")
    return gather(desk, case_again(desk, case))


def conditional(folder: Path) -> CaseEvidence:
    """Version 2 with an approval on a condition that nobody has met yet."""
    desk = _desk(folder)
    case = factory.record_case(desk, "2")
    asked = Condition("Check the smallest group\nagain.", "data-scientist", (desk.clock() + timedelta(days=30)).date())
    wish = Wish(
        "compliance",
        "approve",
        "The intervals exclude the bound.",
        case.shown(),
        "password and code",
        assurance=Assurance.SERVER_ATTESTED,
        conditions=(asked,),
    )
    sign(desk, case, factory.PEOPLE[1], wish)
    return gather(desk, case_again(desk, case))


def refused(folder: Path) -> CaseEvidence:
    """Version 1, refused by a person."""
    desk = _desk(folder)
    case = factory.record_case(desk, "1")
    factory.put_signature(desk, case, "risk-officer", "model-risk", "refuse", "It is adverse.")
    return gather(desk, case_again(desk, case))


def emergency(folder: Path) -> CaseEvidence:
    """Version 1, put live by two persons who broke the glass."""
    desk = _desk(folder)
    case = factory.record_case(desk, "1")
    for person in factory.PEOPLE[1:3]:
        _, case = break_glass(desk, case_again(desk, case), person, plea(3, WHY))
    return gather(desk, case)


def no_audit(folder: Path) -> CaseEvidence:
    """Registered and asked for, and never measured."""
    desk, about, scientist = _desk(folder), factory.subject("3"), actor(factory.PEOPLE[0])
    desk.ledger.append(registered(about, "data-scientist", "authenticated", scientist))
    case = open_case(desk, "hiring", "3", factory.TARGET.alias)
    desk.ledger.append(held(case.dossier, case.decision, scientist))
    return gather(desk, case_again(desk, case))


def hostile(folder: Path, payload: str) -> CaseEvidence:
    """Everything that others write holds the payload."""
    desk = _desk(folder)
    audit = factory.renamed(_small(factory.audit_of("2")), "female", payload)
    audit = replace(audit, notes=(payload,), environment={payload: payload}, unknown={payload: 7})
    case = factory.record_case(desk, "2", name=f"m {payload}", audit=audit)
    factory.put_signature(desk, case, "compliance-officer", "compliance", reason=f"because {payload}")
    failed = (FailedExpectation(payload, f"c {payload}", Severity.WARNING, payload, payload),)
    quality = DataValidation(payload, "sha256:" + "c3" * 32, audit.data_digest, Outcome.BLOCK, 9, 3, failed, (payload,))
    policy = replace(desk.policy, name=f"p {payload}", version=payload)
    return CaseEvidence(case_again(desk, case), policy, audit, quality)


def _small(audit: AuditResult) -> AuditResult:
    """One feature and one metric: a validator of schemas is slow, and what it reads is alike."""
    return replace(
        audit,
        estimates=tuple(x for x in audit.estimates if x.features == ("sex",) and x.metric == "selection_rate"),
        disparities=tuple(item for item in audit.disparities if len(item.features) == 1),
        quantities=audit.quantities[:4],
    )


def suppressed(folder: Path) -> CaseEvidence:
    """As it may be published: small counts masked, reasons withheld."""
    desk = _desk(folder)
    audit = replace(factory.audit_of("1"), suppress_below=50)
    case = factory.record_case(desk, "1", audit=audit)
    factory.put_signature(desk, case, "risk-officer", "model-risk", "refuse", "16 of 42 were selected.")
    return published_evidence(gather(desk, case_again(desk, case)))


CASES: Mapping[str, Callable[[Path], CaseEvidence]] = {
    "adverse": adverse,
    "waiting": waiting,
    "released": released,
    "half signed": half_signed,
    "conditional": conditional,
    "refused": refused,
    "emergency": emergency,
    "no audit": no_audit,
    "suppressed": suppressed,
}
"""Each case by name; `HOSTILE` are the payloads for `hostile`."""

HOSTILE = PAYLOADS
