"""A desk with channels for tests of notifications, and every kind of news as acts on its ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import report_factory as factory
from plea_factory import plea

from flows.settings import Settings, read_settings
from governance.case import open_case
from governance.charter_record import key_event, policy_endorsed
from governance.desk import Desk
from governance.emergency import break_glass
from governance.people import MACHINE, actor
from governance.policy import Tier
from governance.record import Evidence, Signature, audited, held, observed, ran, signed, step
from governance.statement import PredicateType
from governance.subject import Subject

CONSOLE = "http://localhost:8765"


@dataclass
class Place:
    """A desk, and the settings of a project that has channels."""

    desk: Desk
    settings: Settings

    @property
    def file(self) -> Path:
        assert self.settings.notify is not None
        return self.settings.notify


def channel(name: str, url: str, functions: str = '["*"]', more: str = "") -> str:
    return f'[[channels]]\nname = "{name}"\nurl = "{url}"\nfunctions = {functions}\n{more}\n'


def new_place(folder: Path, *channels: str, fold: int = 50, real: bool = False) -> Place:
    """A desk whose channels were written down when its clock began, so that all that happens from now on is news."""
    settings = read_settings({"FAIRGATE_NOTIFY": "notify.toml"}, folder)
    home = settings.home if real else folder
    home.mkdir(exist_ok=True)
    desk = factory.new_desk(home, real=real)
    head = f'[notify]\nschemes = ["json", "mailto"]\nfold_above = {fold}\n'
    (folder / "notify.toml").write_text(head + "\n".join(channels), encoding="utf-8")
    (folder / "notify.toml").chmod(0o600)
    written = desk.clock().timestamp()
    os.utime(folder / "notify.toml", (written, written))
    return Place(desk, settings)


def later(desk: Desk, by: timedelta) -> None:
    """Move the desk's clock."""
    desk.clock.now += by  # type: ignore[attr-defined]


def now(desk: Desk) -> datetime:
    moment: datetime = desk.clock.now  # type: ignore[attr-defined]
    return moment


def held_case(place: Place) -> None:
    factory.record_case(place.desk, "2")


def refused_case(place: Place) -> None:
    case = factory.record_case(place.desk, "1", hold=False)
    factory.put_signature(place.desk, case, "risk-officer", "model-risk", "refuse", "Only 7 of 9 women.")


def _step(place: Place, kind: PredicateType, **body: object) -> None:
    case = factory.record_case(place.desk, "2", hold=False)
    said = {"subject": _plain(case.subject), "target": {"environment": "local", "alias": "champion"}, **body}
    place.desk.ledger.append(
        step(kind, case.subject, case.target, body={"sign_offs": [], **said}, policy=place.desk.policy.digest)
    )


def _plain(subject: Subject) -> dict[str, object]:
    return {name: getattr(subject, name) for name in subject.__slots__}


def released_case(place: Place) -> None:
    _step(place, PredicateType.PROMOTION)


def released_without_signatures(place: Place) -> None:
    place.desk = replace(place.desk, policy=replace(place.desk.policy, models=(("hiring", Tier.LIMITED),)))
    _step(place, PredicateType.PROMOTION)


def demoted_case(place: Place) -> None:
    _step(place, PredicateType.DEMOTION, back_to=None, reason="3 of 11 people complained")


def broken_glass(place: Place) -> None:
    case = factory.record_case(place.desk, "1", hold=False)
    break_glass(
        place.desk,
        case,
        factory.PEOPLE[1],
        plea(3, "Since 7 people called."),
    )


def adverse_monitoring(place: Place) -> None:
    desk, about = place.desk, factory.subject("1")
    result = factory.audit_of("1")
    evidence = Evidence(about, "sha256:" + "9" * 64, result.plan_digest, desk.policy.digest, "monitoring", MACHINE)
    desk.ledger.append(audited(evidence, "sha256:" + "8" * 64, factory.audit_summary(result)))


def incident(place: Place) -> None:
    factory.record_case(place.desk, "2", hold=False)
    what = "version 9 is live, but no release of it is recorded: the alias was moved outside Fairgate"
    place.desk.ledger.append(observed("hiring", factory.TARGET, what, {"version": "9"}))


def adopted_policy(place: Place) -> None:
    policy = replace(place.desk.policy, name="stricter", version="2", digest="sha256:" + "7" * 64)
    for person in factory.PEOPLE[1:3]:
        place.desk.ledger.append(policy_endorsed(policy, person, person.functions[0], {"reason": "better"}))


def disabled_person(place: Place) -> None:
    place.desk.ledger.append(key_event("disabled", factory.PEOPLE[3], actor(factory.PEOPLE[1])))


def bad_night(place: Place) -> None:
    place.desk.ledger.append(ran("nightly", "1 live alias was looked at: 1 verification failed.", {"exit_code": 14}))


def missed_night(place: Place) -> None:
    place.desk.ledger.append(ran("nightly", "1 live alias was looked at: 1 no adverse finding.", {"exit_code": 0}))
    later(place.desk, timedelta(days=3))


def _signed(place: Place) -> datetime:
    case = factory.record_case(place.desk, "2", hold=False)
    factory.put_signature(place.desk, case, "compliance-officer", "compliance")
    _hold(place)
    (given,) = open_case(place.desk, "hiring", "2", "champion").dossier.sign_offs
    assert given.expires_at is not None
    return given.expires_at


def _hold(place: Place) -> None:
    case = open_case(place.desk, "hiring", "2", "champion")
    place.desk.ledger.append(held(case.dossier, case.decision, actor(factory.PEOPLE[0])))


def conditional_sign_off(place: Place, due: date) -> None:
    """An approval on a condition of the data scientist, and the hold that waits for the second signature."""
    case = factory.record_case(place.desk, "2", hold=False)
    given = Signature(
        person=factory.PEOPLE[1],
        function="compliance",
        decision="approve",
        reason="I read it.",
        authentication="password",
        expires_at=now(place.desk) + timedelta(days=80),
    )
    said = signed(case.dossier, case.shown(), given)
    conditions = [{"text": "ask the 7 women", "owner": "data-scientist", "due": due.isoformat()}]
    place.desk.ledger.append(replace(said, body={**said.body, "conditions": conditions}))
    _hold(place)


def expiring_sign_off(place: Place) -> None:
    later(place.desk, _signed(place) - now(place.desk) - timedelta(days=13))


def expired_sign_off(place: Place) -> None:
    later(place.desk, _signed(place) - now(place.desk) + timedelta(hours=1))


KINDS: Mapping[str, tuple[Callable[[Place], None], str]] = {
    "held": (held_case, "hiring v2 as champion in local: held"),
    "refused": (refused_case, "hiring v1 as champion in local: refused"),
    "released": (released_case, "hiring v2 as champion in local: released"),
    "demoted": (demoted_case, "hiring v2 as champion in local: taken out"),
    "broken-glass": (broken_glass, "hiring v1 as champion in local: broken glass"),
    "adverse": (adverse_monitoring, "hiring v1: adverse finding in a scheduled audit"),
    "incident": (incident, "Incident: something moved outside Fairgate"),
    "policy": (adopted_policy, "Policy stricter 2 is in force"),
    "person": (disabled_person, "Second Officer (second-officer) may act no more"),
    "night": (bad_night, "needs attention"),
    "expiring": (expiring_sign_off, "a sign-off expires soon"),
    "expired": (expired_sign_off, "a sign-off has expired"),
}
"""Each kind with the acts that make it, and words of its title."""
