"""A month at one desk, alike in every run: what officers meet, from a hold that waits to broken glass."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import report_factory as factory
from console_factory import Ticking
from life_factory import monitor, scaled
from plea_factory import by, plea
from rooms_factory import night

from audits.result import AuditResult
from governance.case import Case, open_case
from governance.condition import Condition
from governance.delegating import delegate
from governance.desk import Desk
from governance.emergency import break_glass
from governance.people import MACHINE, Person
from governance.policy import Assurance
from governance.release import intend, observe, record_promotion
from governance.signoff import Wish, withdraw
from governance.signoff import sign as record_signature

HOSTILE = '"><img src=x onerror=alert(1)>\u202e'
OTHERS = (
    Person("legal-helper", "Legal Helper", ("legal",)),
    Person("chief-risk", "Chief Risk Officer", ("model-risk",)),
    Person("visitor", "Visitor", ("audit",)),
)
PEOPLE = (*factory.PEOPLE, *OTHERS)
WHO = {person.id: person for person in PEOPLE}
OFFICERS = (("compliance-officer", "compliance"), ("risk-officer", "model-risk"))


def play(desk: Desk, clock: Ticking) -> Desk:
    """Record the month; the desk's clock stands at its end. Ten models, of which two wait for an officer."""
    _released(desk, clock, "lending", "2")
    _nights(desk, clock)
    clock.now += timedelta(days=2, hours=3)
    _released(desk, clock, "churn", "2")
    refused = factory.record_case(desk, "1", name="pricing")
    clock.now += timedelta(hours=5)
    sign(desk, refused, "compliance-officer", "compliance", "refuse", "The ratio for women is far below the bound.")
    clock.now += timedelta(days=4)
    clock.now += timedelta(days=9)
    _taken_back(desk, clock)
    observe(desk, "lending", factory.TARGET, "the alias champion points at version 3, which nobody released", {})
    clock.now += timedelta(days=2, hours=7)
    _emergencies(desk, clock)
    _waiting(desk, clock)
    return desk


def case(desk: Desk, name: str, version: str = "2") -> Case:
    """The case as it stands now."""
    return open_case(desk, name, version, factory.TARGET.alias)


def sign(
    desk: Desk, about: Case, person: str, function: str, decision: str = "approve", reason: str = "I read the report."
) -> None:
    """Sign the case as it stands now, without the console."""
    now = case(desk, about.subject.name, about.subject.version)
    factory.put_signature(desk, now, person, function, decision, reason)


def moved(version: str = "2") -> AuditResult:
    """The same measurement, made once more: another report."""
    return replace(factory.audit_of(version), notes=("measured again",))


def _released(desk: Desk, clock: Ticking, name: str, version: str) -> None:
    found = factory.record_case(desk, version, name=name)
    for person, function in OFFICERS:
        clock.now += timedelta(hours=9)
        sign(desk, found, person, function)
    now = case(desk, name, version)
    record_promotion(desk, now, intend(desk, now, MACHINE), MACHINE)


def _emergencies(desk: Desk, clock: Ticking) -> None:
    why = "The live model rejects everybody; the old one is gone."
    for name, persons in (("fraud", ("compliance-officer", "risk-officer")), ("claims", ("second-officer",))):
        found = factory.record_case(desk, "1", name=name)
        for person in persons:
            clock.now += timedelta(minutes=20)
            _, found = break_glass(
                desk,
                found,
                WHO[person],
                plea(72, why),
            )
    found = case(desk, "fraud", "1")
    record_promotion(desk, found, intend(desk, found, MACHINE), MACHINE)


def _taken_back(desk: Desk, clock: Ticking) -> None:
    found = factory.record_case(desk, "2", name="marketing")
    sign(desk, found, "risk-officer", "model-risk")
    clock.now += timedelta(days=1)
    withdraw(desk, case(desk, "marketing"), by(WHO["risk-officer"]), "The data owner reported wrong labels.")


def _on_a_condition(desk: Desk, found: Case, clock: Ticking) -> None:
    """The risk officer approves, if the data scientist looks at the youngest once more."""
    condition = Condition(
        "Audit the age band below 25 again on next month's applications.",
        "data-scientist",
        (clock.now + timedelta(days=5)).date(),
    )
    wish = Wish(
        "model-risk",
        "approve",
        "The intervals are narrow enough.",
        found.shown(),
        "password and code",
        assurance=Assurance.SERVER_ATTESTED,
    )
    record_signature(desk, found, WHO["risk-officer"], replace(wish, conditions=(condition,)))


def _nights(desk: Desk, clock: Ticking) -> None:
    """Four nights after the first release, with an audit of what is live each time."""
    for number, code in enumerate((0, 13, 0, 6)):
        clock.now += timedelta(days=1, minutes=number)
        night(desk, 0, code)
        monitor(desk, "2", scaled(1 - number / 40), name="lending")


def _waiting(desk: Desk, clock: Ticking) -> None:
    until = clock.now + timedelta(days=9)
    officer = WHO["compliance-officer"]
    delegate(desk, officer, "legal-helper", "compliance", until, "on leave until the 14th", "password")
    _on_a_condition(desk, factory.record_case(desk, "2", name="credit"), clock)
    factory.record_case(desk, "1", name="hiring")
    factory.record_case(desk, "2", name="hiring")
    factory.record_case(desk, "2", name=HOSTILE)
    clock.now += timedelta(hours=30)
