"""An alias moved by plain MLflow: released or refused, recorded once, and closed where anything cannot be read."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from gate_factory import approved, governed_client, governed_store, refused, serving
from project_factory import ALIAS, Project, new_project, registry_template

from flows.reconciling import check_live, finish_approved
from governance.errors import ServiceError
from governance.people import MACHINE
from governance.registry.store_plugin import ANONYMOUS
from governance.release import begun_intent, live_step
from governance.statement import PredicateType
from governance.subject import Target

CHAMPION = Target("local", ALIAS)
PROMOTION, INTENT, DEMOTION = PredicateType.PROMOTION, PredicateType.PROMOTION_INTENT, PredicateType.DEMOTION


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, template: bytes) -> Project:
    return new_project(tmp_path_factory.mktemp("moves"), template)


@pytest.fixture
def client(project: Project) -> Any:
    return governed_client(project)


def _steps(project: Project, name: str) -> list[tuple[str, str]]:
    found = [entry.statement for entry in project.entries(INTENT, PROMOTION, DEMOTION)]
    return [(item.predicate_type.word, item.actor.id) for item in found if item.body["subject"]["name"] == name]


def test_a_version_that_nobody_asked_for_is_refused_with_the_command(project: Project, client: Any) -> None:
    version = project.register("unasked")
    words = ("fairgate release unasked 1 --alias champion", "nobody has asked", "Compliance Officer")
    with refused(project, "unasked", *words):
        client.set_registered_model_alias("unasked", ALIAS, version)
    assert _steps(project, "unasked") == []


def test_a_held_version_is_refused_with_who_and_where(project: Project, client: Any) -> None:
    version = project.register("held")
    project.ask("held", version)
    words = ("sign-off is missing from: compliance, model-risk", "Model Risk Officer (risk-officer)")
    with refused(project, "held", *words, "http://localhost:8765/case?name=held&version=1&alias=champion"):
        client.set_registered_model_alias("held", ALIAS, version)


def test_the_call_itself_is_the_release_and_asked_again_records_nothing(project: Project, client: Any) -> None:
    version = approved(project, "signed")
    for _ in range(3):
        client.set_registered_model_alias("signed", ALIAS, version)
    assert serving(project, "signed")["aliases"] == {ALIAS: 1}
    assert _steps(project, "signed") == [("promotion-intent", "anonymous"), ("promotion", "anonymous")]
    assert project.entries(PROMOTION)[-1].statement.actor == ANONYMOUS
    assert check_live(project.settings, project.desk, project.registry) == ()
    assert project.ask("signed", version).already_live


def test_fairgates_own_release_is_recorded_once_and_as_its_own(project: Project) -> None:
    version = approved(project, "own")
    assert project.ask("own", version).word == "Released"
    assert _steps(project, "own") == [("promotion-intent", MACHINE.id), ("promotion", MACHINE.id)]


def test_a_release_that_a_crash_cut_off_is_finished_by_the_same_call(project: Project, client: Any) -> None:
    from governance.case import open_case
    from governance.release import promote

    version = approved(project, "cut")
    case = open_case(project.desk, "cut", version, ALIAS)

    def crash(step: str) -> None:
        raise KeyboardInterrupt(step)

    with pytest.raises(KeyboardInterrupt):
        promote(project.desk, project.registry, case, pause=crash)
    assert begun_intent(project.desk, case) is not None
    client.set_registered_model_alias("cut", ALIAS, version)
    assert _steps(project, "cut") == [("promotion-intent", MACHINE.id), ("promotion", "anonymous")]
    assert finish_approved(project.settings, project.desk, project.registry) == ()


def test_another_process_that_holds_the_lock_with_its_intent_is_let_through(project: Project, client: Any) -> None:
    """Fairgate on another machine: it holds the lock, has written its intent, and asks the server to move."""
    from flows.locks import target_lock
    from governance.case import open_case
    from governance.release import promote

    version = approved(project, "elsewhere")
    case = open_case(project.desk, "elsewhere", version, ALIAS)

    def crash(step: str) -> None:
        raise KeyboardInterrupt(step)

    with pytest.raises(KeyboardInterrupt):
        promote(project.desk, project.registry, case, pause=crash)
    asking = threading.Thread(target=client.set_registered_model_alias, args=("elsewhere", ALIAS, version))
    with target_lock(project.settings, "elsewhere", ALIAS):
        asking.start()
        asking.join(timeout=30)
        assert not asking.is_alive()
    assert serving(project, "elsewhere")["aliases"] == {ALIAS: 1}
    assert _steps(project, "elsewhere") == [("promotion-intent", MACHINE.id)]
    assert [item.outcome for item in finish_approved(project.settings, project.desk, project.registry)] == ["released"]
    assert [kind for kind, _ in _steps(project, "elsewhere")] == ["promotion-intent", "promotion"]


def test_two_calls_at_once_make_one_promotion(project: Project, client: Any) -> None:
    version = approved(project, "raced")
    calls = [
        threading.Thread(target=client.set_registered_model_alias, args=("raced", ALIAS, version)) for _ in range(4)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert [kind for kind, _ in _steps(project, "raced")] == ["promotion-intent", "promotion"]


def test_withdrawing_is_recorded_as_a_demotion_and_needs_nobody(project: Project, client: Any) -> None:
    project.make_live("withdrawn")
    client.delete_registered_model_alias("withdrawn", ALIAS)
    client.delete_registered_model_alias("withdrawn", ALIAS)
    assert serving(project, "withdrawn")["aliases"] == {}
    assert _steps(project, "withdrawn")[2:] == [("demotion", "anonymous")]
    assert live_step(project.desk, "withdrawn", CHAMPION) is None


def test_fairgates_own_demotion_is_recorded_once(project: Project) -> None:
    live = project.make_live("taken-back")
    project.take_back("taken-back", live.version)
    assert [item.outcome for item in check_live(project.settings, project.desk, project.registry)] == ["demoted"]
    assert serving(project, "taken-back")["aliases"] == {}
    assert [kind for kind, _ in _steps(project, "taken-back")] == ["promotion-intent", "promotion", "demotion"]


def test_free_aliases_are_free_and_recorded_nowhere(project: Project, client: Any) -> None:
    version = project.register("tried")
    size = project.desk.ledger.size()
    for alias in ("candidate", "challenger", "shadow"):
        client.set_registered_model_alias("tried", alias, version)
        client.delete_registered_model_alias("tried", alias)
    with refused(project, "tried"):
        client.set_registered_model_alias("tried", "Candidate", version)
    assert project.desk.ledger.size() == size


class TestClosed:
    """Where the ledger, the policy or the bytes cannot be read, nothing is released and everything can be withdrawn."""

    @pytest.fixture
    def house(self, tmp_path: Path, template: bytes) -> Project:
        return new_project(tmp_path / "house", template)

    def test_a_ledger_that_is_damaged_lets_nothing_move_and_everything_down(
        self, house: Project, caplog: pytest.LogCaptureFixture
    ) -> None:
        version, client = approved(house, "hiring"), governed_client(house)
        house.make_live("served")
        ledger = Path(str(house.settings.ledger_url).removeprefix("sqlite:///"))
        kept = ledger.read_bytes()
        for file in ledger.parent.glob("ledger.db*"):
            file.unlink()
        ledger.write_bytes(b"this is no database, and it never was one" * 100)

        from mlflow.exceptions import MlflowException

        with pytest.raises(MlflowException, match="Fairgate did not point the alias champion of hiring") as error:
            client.set_registered_model_alias("hiring", ALIAS, version)
        assert error.value.error_code == "PERMISSION_DENIED"
        assert client.get_model_version("served", "1").tags["governance.state"].startswith("unknown: ")
        with caplog.at_level(logging.WARNING, "governance.gatekeeper"):
            client.delete_registered_model_alias("served", ALIAS)
        assert "could not record" in caplog.text
        assert serving(house, "served")["aliases"] == {}
        assert kept != ledger.read_bytes()

    def test_a_policy_that_cannot_be_read_frees_no_alias(self, house: Project) -> None:
        version, client = approved(house, "hiring"), governed_client(house)
        (house.folder / "policy.toml").write_text("[policy\n")
        for alias in (ALIAS, "candidate"):
            with refused(house, "hiring", "policy.toml"):
                client.set_registered_model_alias("hiring", alias, version)

    def test_bytes_that_are_gone_are_refused(self, house: Project) -> None:
        version, client = approved(house, "hiring"), governed_client(house)
        (house.folder / "models/hiring-1").rename(house.folder / "models/gone")
        with refused(house, "hiring", "cannot be hashed", "gone or were never there"):
            client.set_registered_model_alias("hiring", ALIAS, version)

    def test_a_gate_that_crashes_is_closed(self, house: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        version, client = approved(house, "hiring"), governed_client(house)
        monkeypatch.setattr("governance.gatekeeper.case_of", lambda *_: 1 / 0)
        with refused(house, "hiring", "the gate cannot answer", "ZeroDivisionError"):
            client.set_registered_model_alias("hiring", ALIAS, version)

    def test_a_second_lock_that_does_not_answer_leaves_the_alias(
        self, house: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Away:
            def give(self, *_: object) -> None:
                raise ServiceError("the governance role cannot connect")

        version, client = approved(house, "hiring"), governed_client(house)
        object.__setattr__(governed_store(house)._gate, "grants", Away())
        from mlflow.exceptions import MlflowException

        with pytest.raises(MlflowException, match="the governance role cannot connect"):
            client.set_registered_model_alias("hiring", ALIAS, version)
        assert serving(house, "hiring")["aliases"] == {}

    def test_another_environment_is_another_target(self, house: Project) -> None:
        from dataclasses import replace

        from flows.wiring import open_registry

        version, client = approved(house, "hiring"), governed_client(house)
        open_registry(replace(house.settings, environment="production"))
        with refused(house, "hiring", "given for champion in local"):
            client.set_registered_model_alias("hiring", ALIAS, version)
