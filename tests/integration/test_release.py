"""Moving an alias: intent, move, promotion; once, and whole again after a crash at any step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import (
    COMPLIANCE,
    DEPUTY,
    RISK,
    SCIENTIST,
    STEPS,
    TARGET,
    Clock,
    FakeRegistry,
    approve,
    approved_case,
    held_case,
    kinds,
)
from plea_factory import by

from flows.reconciling import check_live, finish_approved
from flows.settings import Settings, read_settings
from governance.case import Case, case_of
from governance.decide import DecisionOutcome
from governance.desk import Desk
from governance.errors import Exit, ReleaseHeldError, ServiceError, StaleEvidenceError
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE, actor
from governance.record import step
from governance.release import demote, last_signed, live_step, promote, record_hold, released, steps_of
from governance.signoff import withdraw
from governance.statement import PredicateType
from governance.subject import Subject

CHAMPION = ("hiring", "champion")
ONCE = ["promotion-intent", "promotion"]


class PlugPulledError(Exception):
    """The process ends here."""


def pull_at(wanted: str) -> object:
    def pause(name: str) -> None:
        if name == wanted:
            raise PlugPulledError(name)

    return pause


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry() -> FakeRegistry:
    return factory.fake_registry()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Desk:
    return factory.new_desk(tmp_path, clock)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({}, tmp_path)


def _limited(tmp_path: Path, clock: Clock) -> Desk:
    return factory.new_desk(tmp_path, clock, factory.tier_policy("minimal"))


def _reconcile(settings: Settings, desk: Desk, registry: FakeRegistry) -> list[str]:
    return [
        item.outcome for item in (*finish_approved(settings, desk, registry), *check_live(settings, desk, registry))
    ]


def test_a_promotion_is_intent_move_and_promotion_and_names_the_sign_offs(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)
    seen: list[tuple[str, str | None, list[str]]] = []

    def pause(name: str) -> None:
        seen.append((name, registry.aliases.get(CHAMPION), kinds(desk, *STEPS)))

    entry = promote(desk, registry, case, actor(SCIENTIST), pause=pause)
    assert seen == [("intent", None, ONCE[:1]), ("alias", "2", ONCE[:1]), ("promotion", "2", ONCE)]
    intent = steps_of(desk, "hiring", TARGET)[0]
    body = entry.statement.body
    signed = [item.seq for item in desk.ledger.entries() if item.statement.predicate_type is PredicateType.SIGN_OFF]
    assert (body["intent"], body["sign_offs"], body["tier"]) == (intent.seq, signed, "high")
    assert entry.statement.policy_digest == desk.policy.digest
    assert entry.statement.digest_of("model/hiring/2") == case.subject.digest
    assert live_step(desk, "hiring", TARGET) == entry
    assert released(desk) == (entry,)


def test_promoting_again_does_nothing_new(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)
    first = promote(desk, registry, case)
    size = desk.ledger.size()
    assert promote(desk, registry, case) == first
    assert (desk.ledger.size(), registry.moves) == (size, [("champion", "2")])


def test_promoting_what_was_moved_away_outside_is_a_new_promotion(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)
    first = promote(desk, registry, case)
    registry.set_alias("hiring", "champion", "3")
    assert promote(desk, registry, case).seq > first.seq
    assert registry.aliases[CHAMPION] == "2"


def test_what_is_held_or_refused_is_not_moved(desk: Desk, registry: FakeRegistry) -> None:
    case = held_case(desk, registry)
    with pytest.raises(ReleaseHeldError, match="hiring v2 is HELD for champion in local") as caught:
        promote(desk, registry, case)
    assert caught.value.decision.only_sign_off_missing()
    assert caught.value.exit_code is Exit.HELD
    approve(desk, case, COMPLIANCE, decision="refuse")
    with pytest.raises(ReleaseHeldError, match="is REFUSED"):
        promote(desk, registry, case)
    assert (registry.moves, kinds(desk, *STEPS)) == ([], [])


def test_a_stale_case_is_decided_anew(desk: Desk, registry: FakeRegistry) -> None:
    """The case in hand says RELEASED; the ledger no longer does."""
    case = approved_case(desk, registry)
    withdraw(desk, case, by(RISK), "seen too late")
    assert case.decision.outcome is DecisionOutcome.RELEASED
    with pytest.raises(ReleaseHeldError):
        promote(desk, registry, case)
    assert registry.moves == []


def test_bytes_that_changed_since_are_not_released(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)
    registry.bytes_of["hiring", "2"] += b"!"
    with pytest.raises(StaleEvidenceError, match="nothing was released"):
        promote(desk, registry, case)
    assert (registry.moves, kinds(desk, *STEPS)) == ([], [])


def test_a_refusal_while_the_bytes_are_hashed_is_seen(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)

    class Slow(FakeRegistry):
        def manifest(self, version: object) -> object:  # type: ignore[override]
            approve(desk, case, DEPUTY, "model-risk", decision="refuse")
            return registry.manifest(version)  # type: ignore[arg-type]

    slow = Slow(registry.bytes_of)
    with pytest.raises(ReleaseHeldError, match="hiring v2 is REFUSED"):
        promote(desk, slow, case)
    assert (slow.moves, kinds(desk, *STEPS)) == ([], [])


@pytest.mark.parametrize("at", ["intent", "alias", "promotion"])
@pytest.mark.parametrize("by", ["the same command", "reconcile"])
def test_a_promotion_cut_off_at_any_step_is_finished_once(
    desk: Desk, registry: FakeRegistry, settings: Settings, at: str, by: str
) -> None:
    case = approved_case(desk, registry)
    with pytest.raises(PlugPulledError, match=at):
        promote(desk, registry, case, pause=pull_at(at))  # type: ignore[arg-type]
    if by == "reconcile":
        looks = _reconcile(settings, desk, registry)
        assert looks == ([] if at == "promotion" else ["released"])
    else:
        promote(desk, registry, case)
    assert kinds(desk, *STEPS) == ONCE
    assert registry.aliases[CHAMPION] == "2"
    assert _reconcile(settings, desk, registry) == []
    assert isinstance(desk.ledger, SqlLedger)
    assert verify_ledger(desk.ledger).problems == ()


@pytest.mark.parametrize("at", ["intent", "alias"])
def test_in_a_tier_without_signers_reconcile_finishes_what_was_begun(
    tmp_path: Path, clock: Clock, registry: FakeRegistry, settings: Settings, at: str
) -> None:
    """Nothing was ever held there: the intent alone says that the release was asked for."""
    desk = _limited(tmp_path, clock)
    subject = factory.adopt(desk, registry)
    factory.put_audit(desk, subject, verdicts={**factory.VERDICTS, "insufficient evidence": 0})
    with pytest.raises(PlugPulledError):
        promote(desk, registry, case_of(desk, subject, TARGET), pause=pull_at(at))  # type: ignore[arg-type]
    assert _reconcile(settings, desk, registry) == ["released"]
    assert kinds(desk, *STEPS) == ONCE
    assert _reconcile(settings, desk, registry) == []


@pytest.mark.parametrize("at", ["intent", "alias"])
def test_a_way_back_that_was_cut_off_is_finished(
    desk: Desk, registry: FakeRegistry, settings: Settings, at: str
) -> None:
    """Version 1 was live before version 2; asked for again, its promotion is cut off."""
    one = approved_case(desk, registry, "1")
    promote(desk, registry, one)
    promote(desk, registry, approved_case(desk, registry, "2"))
    with pytest.raises(PlugPulledError):
        promote(desk, registry, one, pause=pull_at(at))  # type: ignore[arg-type]
    assert _reconcile(settings, desk, registry) == ["released"]
    assert registry.aliases[CHAMPION] == "1"
    assert kinds(desk, *STEPS) == ONCE * 3
    assert _reconcile(settings, desk, registry) == []


@pytest.mark.parametrize("at", ["intent", "alias"])
def test_what_was_begun_and_then_refused_is_put_back(
    desk: Desk, registry: FakeRegistry, settings: Settings, at: str
) -> None:
    promote(desk, registry, approved_case(desk, registry, "1"))
    two = approved_case(desk, registry, "2")
    with pytest.raises(PlugPulledError):
        promote(desk, registry, two, pause=pull_at(at))  # type: ignore[arg-type]
    approve(desk, two, DEPUTY, "compliance", decision="refuse")
    assert _reconcile(settings, desk, registry) == ([] if at == "intent" else ["put back"])
    assert registry.aliases[CHAMPION] == "1"
    assert _reconcile(settings, desk, registry) == []


def test_a_first_release_that_was_begun_and_then_refused_is_unset(
    desk: Desk, registry: FakeRegistry, settings: Settings
) -> None:
    case = approved_case(desk, registry)
    with pytest.raises(PlugPulledError):
        promote(desk, registry, case, pause=pull_at("alias"))  # type: ignore[arg-type]
    approve(desk, case, DEPUTY, "compliance", decision="refuse")
    assert _reconcile(settings, desk, registry) == ["put back"]
    assert CHAMPION not in registry.aliases


def test_reconcile_releases_nothing_that_was_overtaken(desk: Desk, registry: FakeRegistry, settings: Settings) -> None:
    """Asked for before another version went live: somebody has to ask again."""
    one = held_case(desk, registry, "1")
    promote(desk, registry, approved_case(desk, registry, "2"))
    approve(desk, one, COMPLIANCE)
    approve(desk, one, RISK)
    assert case_of(desk, one.subject, TARGET).decision.outcome is DecisionOutcome.RELEASED
    assert _reconcile(settings, desk, registry) == []
    assert registry.aliases[CHAMPION] == "2"


def test_asked_again_after_another_version_went_live_it_is_released(
    desk: Desk, registry: FakeRegistry, settings: Settings
) -> None:
    one = held_case(desk, registry, "1")
    promote(desk, registry, approved_case(desk, registry, "2"))
    record_hold(desk, one, actor(SCIENTIST))
    approve(desk, one, COMPLIANCE)
    approve(desk, one, RISK)
    assert _reconcile(settings, desk, registry) == ["released"]
    assert registry.aliases[CHAMPION] == "1"


def test_one_release_that_fails_does_not_stop_the_others(
    desk: Desk, registry: FakeRegistry, settings: Settings
) -> None:
    approved_case(desk, registry, "1")
    registry.bytes_of["hiring", "1"] += b"!"
    approved_case(desk, registry, "2")
    looks = finish_approved(settings, desk, registry)
    assert [(item.version, item.outcome, item.exit_code) for item in looks] == [
        ("1", "not released", Exit.SIGN_OFF_REFUSED),
        ("2", "released", Exit.DONE),
    ]


# --- demotion -------------------------------------------------------------------------------------------------------


def _two_live(desk: Desk, registry: FakeRegistry) -> tuple[Case, Case]:
    one = approved_case(desk, registry, "1")
    promote(desk, registry, one)
    two = approved_case(desk, registry, "2")
    promote(desk, registry, two)
    return case_of(desk, one.subject, TARGET), case_of(desk, two.subject, TARGET)


def test_a_version_goes_back_to_the_last_signed_one(desk: Desk, registry: FakeRegistry) -> None:
    one, two = _two_live(desk, registry)
    assert last_signed(desk, registry, two.subject, TARGET) == one.subject
    entry = demote(desk, registry, two, "the monitoring audit was adverse", one.subject)
    assert entry.statement.predicate_type is PredicateType.DEMOTION
    assert (entry.statement.body["reason"], entry.statement.body["back_to"]) == (
        "the monitoring audit was adverse",
        "1",
    )
    assert registry.aliases[CHAMPION] == "1"
    assert kinds(desk, *STEPS) == [*ONCE * 2, "demotion", *ONCE]
    assert not case_of(desk, two.subject, TARGET).released()


def test_a_version_without_a_predecessor_leaves_nothing_live(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)
    promote(desk, registry, case)
    assert last_signed(desk, registry, case.subject, TARGET) is None
    demote(desk, registry, case_of(desk, case.subject, TARGET), "stopped")
    assert CHAMPION not in registry.aliases
    assert live_step(desk, "hiring", TARGET) is None
    assert released(desk) == ()


def test_only_a_version_whose_release_and_bytes_still_stand_takes_over(desk: Desk, registry: FakeRegistry) -> None:
    one, two = _two_live(desk, registry)
    before = registry.bytes_of["hiring", "1"]
    registry.bytes_of["hiring", "1"] += b"!"
    assert last_signed(desk, registry, two.subject, TARGET) is None
    with pytest.raises(StaleEvidenceError):
        demote(desk, registry, two, "stopped", one.subject)
    registry.bytes_of["hiring", "1"] = before
    withdraw(desk, one, by(DEPUTY), "no longer")
    assert last_signed(desk, registry, two.subject, TARGET) is None
    with pytest.raises(ReleaseHeldError, match="hiring v1 cannot take over: it is HELD"):
        demote(desk, registry, two, "stopped", one.subject)
    assert registry.aliases[CHAMPION] == "2"
    assert "demotion" not in kinds(desk, *STEPS)


def test_a_version_that_is_gone_from_the_registry_does_not_take_over(desk: Desk, registry: FakeRegistry) -> None:
    _, two = _two_live(desk, registry)
    del registry.bytes_of["hiring", "1"]
    assert last_signed(desk, registry, two.subject, TARGET) is None


class Unplugged(FakeRegistry):
    """Fails at the next change of an alias, once."""

    armed = False

    def _pull(self) -> None:
        if self.armed:
            self.armed = False
            raise ServiceError("the registry went away")

    def set_alias(self, name: str, alias: str, version: str) -> None:
        self._pull()
        FakeRegistry.set_alias(self, name, alias, version)

    def delete_alias(self, name: str, alias: str) -> None:
        self._pull()
        FakeRegistry.delete_alias(self, name, alias)


@pytest.mark.parametrize("versions", ["21", "2"])
def test_a_demotion_that_was_cut_off_is_finished(desk: Desk, settings: Settings, versions: str) -> None:
    """A refused version must not stay live because the registry went away in the wrong moment."""
    registry = Unplugged(factory.fake_registry().bytes_of)
    for version in reversed(versions):
        case = approved_case(desk, registry, version)
        promote(desk, registry, case)
    approve(desk, case, DEPUTY, "compliance", decision="refuse")
    registry.armed = True
    (look,) = check_live(settings, desk, registry)
    assert (look.outcome, look.exit_code) == ("not checked", Exit.SERVICE)
    assert registry.aliases[CHAMPION] == "2"
    _reconcile(settings, desk, registry)
    assert registry.aliases.get(CHAMPION) == ("1" if len(versions) == 2 else None)
    assert kinds(desk, *STEPS).count("demotion") == 1
    assert _reconcile(settings, desk, registry) == []


def test_a_demotion_cut_off_before_its_alias_moved_is_finished(
    desk: Desk, registry: FakeRegistry, settings: Settings
) -> None:
    """Killed right after the demotion was recorded, with and without a version to go back to."""
    one, two = _two_live(desk, registry)
    approve(desk, two, DEPUTY, "compliance", decision="refuse")
    _only_record(desk, two.subject, "1")
    assert _reconcile(settings, desk, registry) == ["put back"]
    assert registry.aliases[CHAMPION] == "1"
    approve(desk, one, DEPUTY, "compliance", decision="refuse")
    _only_record(desk, one.subject, None)
    assert _reconcile(settings, desk, registry) == ["put back"]
    assert CHAMPION not in registry.aliases
    assert _reconcile(settings, desk, registry) == []


def _only_record(desk: Desk, subject: Subject, back_to: str | None) -> None:
    body = {"reason": "refused", "back_to": back_to}
    desk.ledger.append(step(PredicateType.DEMOTION, subject, TARGET, body=body, policy=desk.policy.digest))


def test_live_in_one_target_is_not_live_in_another(desk: Desk, registry: FakeRegistry, settings: Settings) -> None:
    case = approved_case(desk, registry)
    promote(desk, registry, case)
    staging = replace(TARGET, alias="staging")
    assert not case_of(desk, case.subject, staging).released()
    record_hold(desk, case_of(desk, case.subject, staging), actor(SCIENTIST))
    for person in (COMPLIANCE, RISK):
        approve(desk, case_of(desk, case.subject, staging), person)
    assert _reconcile(settings, desk, registry) == ["released"]
    assert registry.aliases == {CHAMPION: "2", ("hiring", "staging"): "2"}


def test_two_models_with_the_same_alias_do_not_share_their_steps(desk: Desk, registry: FakeRegistry) -> None:
    case = approved_case(desk, registry)
    promote(desk, registry, case)
    assert live_step(desk, "selection", TARGET) is None
    assert live_step(desk, "hiring", replace(TARGET, environment="production")) is None
    assert live_step(desk, "hiring", replace(TARGET, alias="staging")) is None


# --- the same on MLflow ---------------------------------------------------------------------------------------------


def test_one_promotion_and_one_demotion_on_the_real_registry(desk: Desk, mlflow_registry: object) -> None:
    case = approved_case(desk, mlflow_registry, "1")
    entry = promote(desk, mlflow_registry, case, MACHINE)  # type: ignore[arg-type]
    live = mlflow_registry.alias("hiring", "champion")  # type: ignore[attr-defined]
    assert live.version == "1"
    assert promote(desk, mlflow_registry, case) == entry  # type: ignore[arg-type]
    demote(desk, mlflow_registry, case_of(desk, case.subject, TARGET), "stopped")  # type: ignore[arg-type]
    assert mlflow_registry.alias("hiring", "champion") is None  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def mlflow_registry(tmp_path_factory: pytest.TempPathFactory) -> object:
    return factory.real_registry(tmp_path_factory.mktemp("mlflow"), ("1",))
