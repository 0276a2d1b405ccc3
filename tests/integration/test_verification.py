"""What is live against what was signed, on the real MLflow: moves, bytes and withdrawals that nobody announced."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import governance_factory as factory
import pytest
from governance_factory import COMPLIANCE, DEPUTY, RISK, TARGET, Clock, approve
from plea_factory import by

from flows.monitoring import governed, look
from flows.reconciling import check_live, finish_approved
from flows.settings import Settings, read_settings
from governance.case import case_of
from governance.desk import Desk
from governance.errors import Exit
from governance.registry.mlflow_registry import MlflowRegistry
from governance.registry.port import LiveAlias
from governance.release import promote
from governance.signoff import withdraw
from governance.statement import PredicateType
from governance.verification import Verification, verify


@dataclass(frozen=True)
class House:
    """Versions 1 and 2 of `hiring` signed, version 1 released first, version 2 live."""

    folder: Path
    clock: Clock
    settings: Settings
    desk: Desk
    registry: MlflowRegistry
    client: Any

    def verify(self) -> Verification:
        return verify(self.desk, self.registry, "hiring", "champion")

    def alias(self) -> str | None:
        found = self.registry.alias("hiring", "champion")
        return found.version if found else None

    def check(self) -> list[str]:
        return [item.outcome for item in check_live(self.settings, self.desk, self.registry)]

    def observations(self) -> list[str]:
        kind = PredicateType.OBSERVATION
        return [item.statement.meaning for item in self.desk.ledger.entries() if item.statement.predicate_type is kind]

    def subject(self, version: str) -> Any:
        return factory.open_case(self.desk, "hiring", version, "champion").subject


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once; every test gets a copy. The registry names the model folders, so those are set aside too."""
    folder, clock = tmp_path_factory.mktemp("house"), Clock()
    registry = factory.real_registry(folder)
    desk = factory.new_desk(folder, clock)
    for version in ("1", "2"):
        promote(desk, registry, factory.approved_case(desk, registry, version))
    shutil.copytree(factory.model_folder(folder, "2"), folder / "kept")
    return folder


@pytest.fixture
def house(built: Path, tmp_path: Path) -> House:
    from mlflow import MlflowClient

    shutil.rmtree(factory.model_folder(built, "2"))
    shutil.copytree(built / "kept", factory.model_folder(built, "2"))
    folder = tmp_path / "house"
    shutil.copytree(built, folder)
    clock = Clock(factory.START + timedelta(days=1))
    uri = factory.mlflow_uri(folder)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    registry, desk = MlflowRegistry(uri), factory.new_desk(folder, clock)
    return House(built, clock, read_settings({}, folder), desk, registry, client)


def test_what_was_signed_is_verified_by_whom_on_what_and_until_when(house: House) -> None:
    found = house.verify()
    assert (found.problems, found.exit_code, found.version) == ((), Exit.DONE, "2")
    assert {item.approver.name for item in found.sign_offs} == {"Compliance Officer", "Risk Officer"}
    assert found.expires_at == min(item.expires_at for item in found.sign_offs if item.expires_at)
    assert found.promotion is not None
    assert house.check() == []
    assert house.observations() == []


def test_a_bare_set_registered_model_alias_is_seen_and_recorded_once(house: House) -> None:
    """MLflow itself lets anybody move the alias; what we promise is that it does not go unseen."""
    house.client.set_registered_model_alias("hiring", "champion", "1")
    found = house.verify()
    assert found.exit_code is Exit.VERIFICATION_FAILED
    moved = "the alias points to version 1, the ledger released version 2: the alias was moved outside Fairgate"
    assert found.problems == (moved,)
    assert house.check() == ["verification failed"]
    assert house.check() == ["verification failed"]
    assert house.observations() == [moved]
    # People judge such a move; no machine undoes it.
    assert house.alias() == "1"
    assert finish_approved(house.settings, house.desk, house.registry) == ()


def test_an_alias_that_was_never_released_is_seen(house: House) -> None:
    house.client.set_registered_model_alias("hiring", "production", "2")
    found = verify(house.desk, house.registry, "hiring", "production")
    assert found.exit_code is Exit.VERIFICATION_FAILED
    assert found.problems[0].startswith("version 2 is live, but no release of it is recorded")
    house.client.set_registered_model_alias("hiring", "shadow", "1")
    looks = check_live(house.settings, house.desk, house.registry)
    assert [(item.alias, item.outcome) for item in looks] == [("production", "verification failed")]


def test_a_removed_alias_is_seen_and_recorded_once(house: House) -> None:
    house.client.delete_registered_model_alias("hiring", "champion")
    found = house.verify()
    assert (found.exit_code, found.version) == (Exit.VERIFICATION_FAILED, None)
    gone = "the alias is not set, though the ledger says it is live"
    assert found.problems == (gone,)
    assert governed(house.desk, house.registry) == (LiveAlias("hiring", "champion", "2"),)
    assert house.check() == house.check() == ["verification failed"]
    assert house.observations() == [gone]


def test_one_changed_byte_names_the_file_until_it_is_put_back(house: House) -> None:
    path = factory.model_folder(house.folder, "2") / "model.bin"
    before = path.read_bytes()
    path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
    found = house.verify()
    assert found.exit_code is Exit.VERIFICATION_FAILED
    assert found.problems == ("the registered bytes are not those that were signed: changed: model.bin",)
    assert house.check() == ["verification failed"]
    path.write_bytes(before)
    assert house.verify().exit_code is Exit.DONE
    assert house.check() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda place: (place / "extra.py").write_bytes(b""), "not in the signed manifest: extra.py"),
        (lambda place: (place / "model.bin").unlink(), "missing: model.bin"),
        (lambda place: (place / "MLmodel").rename(place / "mlmodel"), "missing: MLmodel"),
        (shutil.rmtree, "cannot be read"),
        (lambda place: (place / "link").symlink_to(place / "MLmodel"), "cannot be read"),
    ],
)
def test_added_missing_renamed_linked_and_lost_files_are_named(house: House, change: Any, words: str) -> None:
    place = factory.model_folder(house.folder, "2")
    change(place)
    try:
        found = house.verify()
        assert found.exit_code is Exit.VERIFICATION_FAILED
        assert words in found.problems[0]
        assert house.check() == ["verification failed"]
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(house.folder / "kept", place)


def test_a_version_refused_later_goes_back_to_the_last_signed_one(house: House) -> None:
    approve(house.desk, case_of(house.desk, house.subject("2"), TARGET), DEPUTY, "compliance", decision="refuse")
    assert house.verify().exit_code is Exit.REFUSED
    (found,) = check_live(house.settings, house.desk, house.registry)
    assert (found.outcome, found.lines[0]) == ("demoted", "hiring champion: back to version 1")
    assert house.alias() == "1"
    assert house.verify().exit_code is Exit.DONE
    assert house.check() == []
    assert finish_approved(house.settings, house.desk, house.registry) == ()


def test_with_nothing_to_go_back_to_the_alias_is_withdrawn(house: House) -> None:
    for version in ("1", "2"):
        approve(house.desk, case_of(house.desk, house.subject(version), TARGET), DEPUTY, "model-risk", "refuse")
    assert house.check() == ["demoted"]
    assert house.alias() is None
    assert house.check() == []


def test_a_withdrawn_sign_off_takes_the_version_out(house: House) -> None:
    withdraw(house.desk, case_of(house.desk, house.subject("2"), TARGET), by(RISK), "seen too late")
    assert house.verify().exit_code is Exit.HELD
    assert house.check() == ["demoted"]
    assert house.alias() == "1"
    assert house.check() == []


def test_an_expired_sign_off_is_told_and_not_acted_on(house: House) -> None:
    house.clock.forward(days=90)
    assert house.verify().exit_code is Exit.HELD
    assert house.check() == ["held"]
    assert house.alias() == "2"


def test_a_withdrawal_for_another_target_takes_nothing_out(house: House) -> None:
    """Withdrawn in staging and expired in champion: only told."""
    staging = factory.Target("local", "staging")
    case = case_of(house.desk, house.subject("2"), staging)
    approve(house.desk, case, COMPLIANCE)
    withdraw(house.desk, case_of(house.desk, case.subject, staging), by(COMPLIANCE), "not in staging")
    house.clock.forward(days=90)
    assert house.check() == ["held"]
    assert house.alias() == "2"


def test_the_night_looks_at_bytes_before_it_audits(house: House) -> None:
    house.client.set_registered_model_alias("hiring", "champion", "1")
    (live,) = governed(house.desk, house.registry)
    found = look(house.settings, house.desk, house.registry, live)
    assert (found.outcome, found.exit_code) == ("verification failed", Exit.VERIFICATION_FAILED)
    assert len(house.observations()) == 1
