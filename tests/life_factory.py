"""The life of a model for tests of pages: held, signed, released, monitored, moved, taken down; another refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import report_factory as factory

from audits.plan import Comparison
from audits.record import to_json
from audits.result import AuditResult, Disparity
from governance.case import open_case
from governance.desk import Desk
from governance.people import MACHINE
from governance.record import Evidence, audited, observed, step
from governance.statement import Entry, PredicateType

HOSTILE = 'credit/<img src=x onerror="alert(1)">\u202e\nlimit'
REFUSAL = "The disparity of sex is adverse: 0.66 against a bound of 0.80."


def later(desk: Desk, **given: float) -> None:
    """Set the desk's clock forward by a timedelta of these arguments."""
    desk.clock.now += timedelta(**given)  # type: ignore[attr-defined]


def scaled(factor: float) -> Callable[[AuditResult], AuditResult]:
    """The audit with every ratio multiplied, and every difference divided, by `factor`."""

    def one(item: Disparity) -> Disparity:
        if item.value is None:
            return item
        times = factor if item.comparison is Comparison.RATIO else 1 / factor
        ends = item.interval
        moved = ends and replace(ends, lower=ends.lower * times, upper=ends.upper and ends.upper * times)
        return replace(item, value=item.value * times, interval=moved)

    return lambda audit: replace(audit, disparities=tuple(one(item) for item in audit.disparities))


def monitor(
    desk: Desk, version: str, change: Callable[[AuditResult], AuditResult], name: str = "hiring"
) -> tuple[Entry, str]:
    """A monitoring audit of a version, and the digest of its result."""
    result = change(factory.audit_of(version))
    about = factory.subject(version, name)
    evidence = Evidence(about, result.data_digest, result.plan_digest, desk.policy.digest, "monitoring", MACHINE)
    digest = desk.evidence.put(to_json(result))
    return desk.ledger.append(audited(evidence, digest, factory.audit_summary(result))), digest


def take_step(desk: Desk, kind: PredicateType, version: str, name: str = "hiring", **body: object) -> Entry:
    """A promotion-intent, a promotion or a demotion."""
    about = factory.subject(version, name)
    return desk.ledger.append(step(kind, about, factory.TARGET, body=body, policy=desk.policy.digest))


def release(desk: Desk, version: str, name: str = "hiring") -> Entry:
    """Both officers sign, and the version becomes live."""
    case = open_case(desk, name, version, factory.TARGET.alias)
    signed = [factory.put_signature(desk, case, "compliance-officer", "compliance").seq]
    later(desk, days=1)
    signed.append(factory.put_signature(desk, case, "risk-officer", "model-risk").seq)
    intent = take_step(desk, PredicateType.PROMOTION_INTENT, version, name, sign_offs=signed)
    return take_step(desk, PredicateType.PROMOTION, version, name, sign_offs=signed, tier="high", intent=intent.seq)


def lived(folder: Path, *, monitored: int = 3, real: bool = False) -> Desk:
    """Version 1 of `hiring` refused; version 2 released, monitored every week, and taken down. A hostile name waits."""
    desk = factory.new_desk(folder, real=real)
    factory.record_case(desk, "1")
    later(desk, days=2)
    factory.record_case(desk, "2")
    release(desk, "2")
    refused = open_case(desk, "hiring", "1", factory.TARGET.alias)
    factory.put_signature(desk, refused, "compliance-officer", "compliance", "refuse", REFUSAL)
    for number in range(monitored):
        later(desk, days=7)
        monitor(desk, "2", scaled(1 - 0.02 * number))
    what = "champion was moved to version 3 outside Fairgate"
    desk.ledger.append(observed("hiring", factory.TARGET, what, {"version": "3"}))
    take_step(desk, PredicateType.DEMOTION, "2", reason="the last monitoring audit is adverse", back_to=None)
    later(desk, days=1)
    factory.record_case(desk, "1", name=HOSTILE)
    return desk
