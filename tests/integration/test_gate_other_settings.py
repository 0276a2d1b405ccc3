"""What a changed policy file, another workspace or somebody else's settings do to the gate."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_factory import governed_client, governed_uri, refused, serving, stage
from governance_factory import ATTESTED
from project_factory import ALIAS, OFFICERS, Project, new_project, registry_template

from flows.doctor import examine
from flows.monitoring import governed
from flows.plugins import governed_store as factory
from flows.plugins import remember
from flows.reconciling import check_live
from flows.releasing import Request, release_now
from flows.ungated import gate, ungated
from flows.wiring import open_desk
from governance.adoption import approve_policy
from governance.case import open_case
from governance.errors import Exit, StaleEvidenceError
from governance.loading import released_subject
from governance.people import MACHINE
from governance.registry import sqlite_guard
from governance.registry.gate_probe import has_gate
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


class TestWorkspaces:
    """MLflow's workspace store writes past the registry store: only the back-stop sees it."""

    @pytest.fixture
    def house(self, tmp_path: Path, template: bytes, monkeypatch: pytest.MonkeyPatch) -> Project:
        project = new_project(tmp_path / "house", template)
        monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
        return project

    def test_deleting_a_workspace_moves_and_drops_nothing_governed(self, house: Project) -> None:
        from mlflow.entities.workspace import Workspace, WorkspaceDeletionMode
        from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore as Workspaces
        from mlflow.utils.workspace_context import WorkspaceContext

        from flows.plugins import governed_store as factory

        workspaces = Workspaces(house.settings.registry_uri)
        workspaces.create_workspace(Workspace("team-a"))
        assert house.registry is not None
        store = factory(governed_uri(house.settings), house.settings.tracking_uri)
        with WorkspaceContext("team-a"):
            store.create_registered_model("hiring")
            store.create_model_version("hiring", str(house.folder))
            with refused(house, "hiring", "workspace 'default'"):
                store.set_registered_model_alias("hiring", ALIAS, "1")
        house.move_outside("hiring", ALIAS, "1")
        with closing(sqlite3.connect(house.folder / "mlflow.db")) as database, database:
            database.execute("UPDATE registered_model_aliases SET workspace = 'team-a'")
        for mode in (WorkspaceDeletionMode.SET_DEFAULT, WorkspaceDeletionMode.CASCADE):
            with refused(house, "hiring", "went past the gate"):
                workspaces.delete_workspace("team-a", mode)


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
            sign(
                house.desk,
                case,
                person,
                Wish(person.functions[0], APPROVE, "read", case.shown(), "password", assurance=ATTESTED),
            )
    stage(client, "hiring", version, "Production")
    stage(client, "hiring", version, "Staging")
    assert live_step(house.desk, "hiring", Target("local", "production")) is None
    assert live_step(house.desk, "hiring", Target("local", "staging")) is not None
    assert check_live(house.settings, house.desk, house.registry) == ()


def test_a_model_that_hides_among_the_prompts_cannot_be_loaded(house: Project) -> None:
    """No list of models shows it, so no reconciler sees it; MLflow's own client gives nobody its files either."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    version, client = house.register("posing"), governed_client(house)
    client.set_registered_model_tag("posing", "mlflow.prompt.is_prompt", "true")
    house.move_outside("posing", ALIAS, version)
    uri = house.settings.registry_uri
    for address in (f"models:/posing@{ALIAS}", "models:/posing/1"):
        with pytest.raises(MlflowException, match="posing"):
            download_artifacts(address, tracking_uri=uri, registry_uri=uri)


def test_a_gate_of_ones_own_moves_the_alias_and_everybody_elses_sees_it(house: Project) -> None:
    """Without a server the gate runs in the client, with the client's settings: there prevention ends."""
    house.make_live("hiring")
    version = house.register("hiring")
    mine = replace(house.settings, home=house.folder / "mine", ledger_url=f"sqlite:///{house.folder}/mine/ledger.db")
    _free(house, ALIAS)
    store_uri = governed_uri(house.settings)
    remember(store_uri, mine)
    factory(store_uri, house.settings.tracking_uri).set_registered_model_alias("hiring", ALIAS, version)
    assert serving(house, "hiring")["aliases"] == {ALIAS: 2}

    remember(store_uri, house.settings)
    assert [item.what for item in examine(house.settings) if item.code is Exit.VERIFICATION_FAILED] == ["registry"]
    assert [item.outcome for item in check_live(house.settings, house.desk, house.registry)] == ["verification failed"]
    with pytest.raises(StaleEvidenceError, match="moved outside Fairgate"):
        released_subject(house.desk, house.registry, "hiring", ALIAS)


class TestDoctor:
    """Says how MLflow meets the gate here, and which ways past it are in use."""

    def test_which_gate_and_what_is_behind_it(self, house: Project) -> None:
        house.make_live("hiring")
        told = gate(house.settings)
        assert told[0] is Exit.DONE
        assert "past the gate and meets the triggers in the file" in told[1]
        assert "set MLFLOW_REGISTRY_URI to governed:" in told[1]
        told = gate(replace(house.settings, registry_uri=governed_uri(house.settings)))
        assert told[0] is Exit.DONE
        assert "through the gate, with the triggers in the file behind it" in told[1]
        assert "models:/m-... are checked by nobody" in told[1]

    def test_a_database_that_nothing_guards(self, house: Project) -> None:
        house.make_live("hiring")
        sqlite_guard.remove(house.folder / "mlflow.db")
        code, detail = gate(house.settings)
        assert code is Exit.CONFIGURATION
        assert "past the gate, and nothing guards it" in detail

    def test_whether_a_registry_has_the_gate_is_asked_and_changes_nothing(self, house: Project) -> None:
        house.register("hiring")
        house.client.set_registered_model_tag("hiring", "governance.state", "live as champion")
        assert has_gate(house.client) is False
        assert has_gate(governed_client(house)) is True
        assert [model.name for model in house.client.search_registered_models()] == ["hiring"]

    def test_what_is_served_past_the_gate(self) -> None:
        lines = [
            "python\0/bin/mlflow\0models\0serve\0-m\0models:/hiring/latest\0-p\0" + "5001\0",
            "mlflow\0models\0serve\0--port\0" + "5001\0--model-uri=models:/m-0123\0",
            "mlflow\0models\0serve\0-m\0governed-models:/hiring@champion\0",
            "mlflow\0models\0predict\0-m\0models:/hiring/2\0",
            "less\0-m\0models:/hiring/latest\0",
        ]
        assert ungated(lines) == ("models:/hiring/latest", "models:/m-0123")
