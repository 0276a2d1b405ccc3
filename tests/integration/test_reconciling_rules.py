"""The reconciler on the real ledger and a registry in memory: emergencies end by themselves, incidents are answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, SCIENTIST, STEPS, TARGET, Clock, FakeRegistry, approve
from plea_factory import by, plea

from flows.monitoring import Look
from flows.reconciling import check_live, finish_approved
from flows.settings import Settings, read_settings
from governance.case import Case, case_of
from governance.desk import Desk
from governance.emergency import break_glass
from governance.errors import Exit
from governance.people import Person, actor
from governance.release import promote, record_hold
from governance.signoff import withdraw
from governance.statement import PredicateType
from governance.verification import verify

WITHDRAW = factory.default_policy_bytes().replace(b'on_incident = "stay"', b'on_incident = "withdraw"')


@dataclass(frozen=True)
class Place:
    """A desk, a registry and settings that belong together."""

    settings: Settings
    desk: Desk
    registry: FakeRegistry
    clock: Clock

    def reconcile(self) -> tuple[Look, ...]:
        finished = finish_approved(self.settings, self.desk, self.registry)
        return (*finished, *check_live(self.settings, self.desk, self.registry))

    def live(self) -> str | None:
        return self.registry.aliases.get(("hiring", "champion"))

    def glass(self, case: Case, hours: int = 5, people: tuple[Person, ...] = (COMPLIANCE, RISK)) -> None:
        for person in people:
            break_glass(
                self.desk,
                case,
                person,
                plea(hours, "the old model is down"),
            )

    def asked(self, version: str = "2") -> Case:
        """Registered and asked for, nothing measured."""
        subject = factory.adopt(self.desk, self.registry, version)
        record_hold(self.desk, case_of(self.desk, subject, TARGET), actor(SCIENTIST))
        return case_of(self.desk, subject, TARGET)

    def released(self, version: str) -> Case:
        case = factory.approved_case(self.desk, self.registry, version)
        promote(self.desk, self.registry, case)
        return case

    def steps(self) -> list[str]:
        return factory.kinds(self.desk, *STEPS)

    def observations(self) -> list[str]:
        found = self.desk.ledger.entries()
        return [x.statement.meaning for x in found if x.statement.predicate_type is PredicateType.OBSERVATION]


def _place(folder: Path, policy: bytes | None = None) -> Place:
    clock = Clock()
    settings = read_settings({}, folder)
    return Place(settings, factory.new_desk(folder, clock, policy), factory.fake_registry(), clock)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return _place(tmp_path)


@pytest.fixture
def strict(tmp_path: Path) -> Place:
    """Under a policy that withdraws after an incident."""
    return _place(tmp_path, WITHDRAW)


# --- emergencies ----------------------------------------------------------------------------------------------------


def test_broken_glass_goes_live_is_told_every_time_and_ends_by_itself(place: Place) -> None:
    case = place.asked()
    place.glass(case, hours=3)
    assert place.live() is None
    released, told = place.reconcile()
    assert (released.outcome, place.live()) == ("released", "2")
    assert told.exit_code is Exit.DONE
    assert "BROKEN GLASS: the glass was broken by Compliance Officer (compliance) and Risk Officer" in told.lines[0]
    found = verify(place.desk, place.registry, "hiring", "champion")
    assert found.exit_code is Exit.DONE
    assert found.case is not None
    assert found.case.decision.emergency is not None
    assert found.expires_at == found.case.decision.emergency.until
    assert found.promotion is not None
    assert found.promotion.statement.body["break_glass"]["until"] == found.expires_at.isoformat()
    place.clock.forward(hours=3)
    (ended,) = place.reconcile()
    assert (ended.outcome, place.live()) == ("demoted", None)
    assert place.steps() == ["promotion-intent", "promotion", "demotion"]
    assert place.reconcile() == ()
    assert place.steps() == ["promotion-intent", "promotion", "demotion"]


def test_after_an_emergency_the_last_signed_version_is_back(place: Place) -> None:
    place.released("1")
    place.glass(place.asked())
    place.reconcile()
    assert place.live() == "2"
    place.clock.forward(hours=6)
    place.reconcile()
    assert place.live() == "1"


def test_glass_that_nobody_needs_any_more_is_never_put_live(place: Place) -> None:
    """The reconciler did not run while it held: what is over when it runs is over."""
    place.glass(place.asked())
    place.clock.forward(hours=6)
    assert place.reconcile() == ()
    assert place.live() is None


def test_a_version_that_was_signed_meanwhile_outlives_the_glass(place: Place) -> None:
    case = place.asked()
    place.glass(case)
    place.reconcile()
    factory.put_audit(place.desk, case.subject)
    for person in (COMPLIANCE, RISK):
        approve(place.desk, case, person)
    (released,) = place.reconcile()
    assert released.outcome == "released"
    assert place.steps() == ["promotion-intent", "promotion"] * 2
    place.clock.forward(hours=6)
    assert place.reconcile() == ()
    assert place.live() == "2"
    # Its sign-offs expire later: told and not acted on, as for every signed release.
    place.clock.forward(days=91)
    (held,) = place.reconcile()
    assert (held.outcome, place.live()) == ("held", "2")
    assert len(place.steps()) == 4


def test_breaking_the_glass_asks_for_the_version_though_another_was_released_since(place: Place) -> None:
    case = place.asked("3")
    place.released("1")
    assert place.reconcile() == ()
    place.glass(case)
    place.reconcile()
    assert place.live() == "3"


def test_a_refusal_or_a_withdrawal_ends_an_emergency_at_once(place: Place) -> None:
    case = place.asked()
    place.glass(case)
    place.reconcile()
    withdraw(place.desk, case, by(RISK), "it is over")
    place.reconcile()
    assert place.live() is None
    place.glass(case)
    place.reconcile()
    assert place.live() == "2"
    approve(place.desk, case, DEPUTY, decision="refuse")
    place.reconcile()
    assert place.live() is None


def test_a_reconciler_under_a_policy_that_is_not_in_force_takes_nothing_out(place: Place, tmp_path: Path) -> None:
    place.glass(place.asked())
    place.reconcile()
    other = factory.new_desk(tmp_path, place.clock, WITHDRAW)
    wrong = replace(place, desk=other)
    (held,) = wrong.reconcile()
    assert (held.outcome, place.live()) == ("held", "2")
    place.registry.aliases["hiring", "champion"] = "3"
    (seen,) = wrong.reconcile()
    assert (seen.outcome, place.live()) == ("verification failed", "3")


# --- what ends a signed release -------------------------------------------------------------------------------------


def test_an_approval_that_was_taken_back_and_given_anew_before_the_release_does_not_end_it_later(place: Place) -> None:
    case = factory.held_case(place.desk, place.registry)
    approve(place.desk, case, COMPLIANCE)
    withdraw(place.desk, case, by(COMPLIANCE), "one moment")
    for person in (COMPLIANCE, RISK):
        approve(place.desk, case, person)
    place.reconcile()
    assert place.live() == "2"
    place.clock.forward(days=91)
    (held,) = place.reconcile()
    assert (held.outcome, place.live()) == ("held", "2")


def test_an_approval_that_the_release_rests_on_ends_it_when_it_is_taken_back(place: Place) -> None:
    case = place.released("2")
    withdraw(place.desk, case, by(COMPLIANCE), "seen too late")
    (demoted,) = place.reconcile()
    assert (demoted.outcome, place.live()) == ("demoted", None)


# --- incidents ------------------------------------------------------------------------------------------------------


def test_where_the_policy_says_stay_an_incident_is_recorded_once_and_told_every_time(place: Place) -> None:
    place.released("1")
    place.registry.aliases["hiring", "champion"] = "2"
    for _ in range(3):
        (seen,) = place.reconcile()
        assert (seen.outcome, seen.exit_code) == ("verification failed", Exit.VERIFICATION_FAILED)
    assert place.live() == "2"
    assert len(place.observations()) == 1


def test_an_alias_that_was_moved_outside_is_put_back_and_every_time_is_recorded(strict: Place) -> None:
    strict.released("1")
    for times in (1, 2):
        strict.registry.aliases["hiring", "champion"] = "2"
        (seen,) = strict.reconcile()
        assert (seen.outcome, strict.live()) == ("withdrawn", "1")
        assert "back to version 1" in seen.lines[-1]
        assert len(strict.observations()) == 2 * times  # what was seen, and what was done about it
        assert strict.reconcile() == ()
    assert strict.steps() == ["promotion-intent", "promotion"]


def test_what_nobody_ever_released_is_taken_out(strict: Place) -> None:
    strict.registry.aliases["hiring", "champion"] = "2"
    (seen,) = strict.reconcile()
    assert (seen.outcome, strict.live()) == ("withdrawn", None)
    assert strict.steps() == []
    assert len(strict.observations()) == 2


def test_changed_bytes_are_taken_out_to_the_last_signed_version_or_to_nothing(strict: Place) -> None:
    strict.released("1")
    strict.released("2")
    strict.registry.bytes_of["hiring", "2"] = b"tampered"
    strict.reconcile()
    assert strict.live() == "1"
    strict.registry.bytes_of["hiring", "1"] = b"tampered, too"
    strict.reconcile()
    assert strict.live() is None
    assert strict.steps()[-1] == "demotion"


def test_a_free_alias_is_nobodys_business(strict: Place) -> None:
    strict.registry.aliases["hiring", "challenger"] = "2"
    assert strict.reconcile() == ()
    assert strict.registry.aliases == {("hiring", "challenger"): "2"}


def test_an_alias_that_somebody_took_away_stays_away_and_the_ledger_says_so(strict: Place) -> None:
    strict.released("1")
    del strict.registry.aliases["hiring", "champion"]
    (seen,) = strict.reconcile()
    assert (seen.outcome, strict.live()) == ("withdrawn", None)
    assert strict.steps() == ["promotion-intent", "promotion", "demotion"]
    assert strict.reconcile() == ()
    assert strict.live() is None
