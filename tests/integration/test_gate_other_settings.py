"""What a changed policy file, another workspace or somebody else's settings do to the gate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gate_factory import governed_client, governed_uri, refused, serving, stage
from project_factory import ALIAS, OFFICERS, Project, new_project, registry_template

from flows.monitoring import governed
from flows.plugins import governed_store as factory
from flows.reconciling import check_live
from flows.releasing import Request, release_now
from flows.wiring import open_desk
from governance.adoption import approve_policy
from governance.case import open_case
from governance.people import MACHINE
from governance.registry import sqlite_guard
from governance.release import live_step
from governance.signoff import APPROVE, Wish, sign
from governance.subject import Target

CHAMPION = Target("local", ALIAS)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def house(tmp_path: Path, template: bytes) -> Project:
    return new_project(tmp_path / "house", template)


def _free(project: Project, *aliases: str) -> None:
    """Name more free aliases in the policy file, as who can write it may, and nobody has adopted it."""
    path = project.folder / "policy.toml"
    more = "".join(f', "{alias}"' for alias in aliases)
    path.write_text(path.read_text().replace('"shadow"]', f'"shadow"{more}]'))


class TestAPolicyThatNobodyAdopted:
    def test_frees_no_alias(self, house: Project) -> None:
        house.make_live("hiring")
        version, client = house.register("hiring"), governed_client(house)
        client.set_registered_model_alias("hiring", "candidate", version)
        _free(house, ALIAS)
        with refused(house, "hiring", "is not the policy that people adopted"):
            client.set_registered_model_alias("hiring", ALIAS, version)
        client.set_registered_model_alias("hiring", "challenger", version)  # what is in force still counts

    def test_hides_nothing_from_the_reconciler(self, house: Project) -> None:
        house.make_live("hiring")
        _free(house, ALIAS)
        looked_at = [item.alias for item in governed(open_desk(house.settings), house.registry)]
        assert looked_at == [ALIAS]

    def test_is_told_to_who_asks_for_a_release(self, house: Project) -> None:
        house.make_live("hiring")
        _free(house, ALIAS)
        assert release_now(house.settings, Request("hiring", "1", ALIAS, MACHINE)).word == "Held"

    def test_opens_no_trigger_of_the_file(self, house: Project) -> None:
        house.make_live("hiring")
        free = house.desk.policy.free_aliases
        _free(house, ALIAS)
        factory(governed_uri(house.settings), house.settings.tracking_uri)
        missing = sqlite_guard.missing_guard(house.folder / "mlflow.db", (*free, ALIAS))
        assert "fairgate_alias_insert" in missing

    def test_frees_it_once_two_persons_have(self, house: Project) -> None:
        version, client = house.register("hiring"), governed_client(house)
        _free(house, "spare")
        desk = open_desk(house.settings)
        for person in OFFICERS:
            with refused(house, "hiring"):
                client.set_registered_model_alias("hiring", "spare", version)
            approve_policy(desk, person, "a spare is needed", "password")
        client.set_registered_model_alias("hiring", "spare", version)
        assert serving(house, "hiring")["aliases"] == {"spare": 1}

    def test_frees_nothing_where_the_policy_in_force_is_gone(self, house: Project) -> None:
        version, client = house.register("hiring"), governed_client(house)
        _free(house, ALIAS)
        shutil.rmtree(house.settings.evidence)
        for alias in (ALIAS, "candidate"):
            with refused(house, "hiring"):
                client.set_registered_model_alias("hiring", alias, version)


class TestAnotherWorkspace:
    """A model of the same name elsewhere is another model: it speaks neither for nor against the one in the ledger."""

    @pytest.fixture
    def store(self, house: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        from mlflow.entities.workspace import Workspace
        from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore as Workspaces
        from mlflow.utils.workspace_context import WorkspaceContext

        house.make_live("hiring")
        monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
        Workspaces(house.settings.registry_uri).create_workspace(Workspace("team-a"))
        store = factory(governed_uri(house.settings), house.settings.tracking_uri)
        with WorkspaceContext("team-a"):
            store.create_registered_model("hiring")
            store.create_model_version("hiring", str(house.folder))
            yield store

    def test_withdraws_nothing_of_ours(self, house: Project, store: Any) -> None:
        size = house.desk.ledger.size()
        store.delete_registered_model_alias("hiring", ALIAS)
        assert live_step(house.desk, "hiring", CHAMPION) is not None
        assert house.desk.ledger.size() == size
        assert serving(house, "hiring")["aliases"] == {ALIAS: 1}

    def test_is_not_told_as_live(self, store: Any) -> None:
        version, model = store.get_model_version("hiring", "1"), store.get_registered_model("hiring")
        for tags in (version.tags, model.tags):
            assert tags == {"governance.state": "not governed: Fairgate releases models of the default workspace only"}


def test_from_one_governed_stage_to_another_leaves_the_first(house: Project) -> None:
    """Otherwise the ledger would call the version live in both, and the reconciler an incident what was none."""
    version, client = house.register("hiring"), governed_client(house)
    for alias in ("production", "staging"):
        release_now(house.settings, Request("hiring", version, alias, MACHINE))
        for person in OFFICERS:
            case = open_case(house.desk, "hiring", version, alias)
            sign(house.desk, case, person, Wish(person.functions[0], APPROVE, "read", case.shown(), "password"))
    stage(client, "hiring", version, "Production")
    stage(client, "hiring", version, "Staging")
    assert live_step(house.desk, "hiring", Target("local", "production")) is None
    assert live_step(house.desk, "hiring", Target("local", "staging")) is not None
    assert check_live(house.settings, house.desk, house.registry) == ()
