"""Every method of MLflow's registry store is classified: what MLflow adds must be looked at before it passes here."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gate_factory import governed_client, governed_store, refused, stage
from project_factory import ALIAS, Project, new_project, registry_template

from governance.registry.reserved import is_reserved
from governance.registry.store_plugin import GovernedStore

# Where an alias, a stage, a name or bytes could come to serve without a release.
GATED = {
    "set_registered_model_alias",
    "transition_model_version_stage",
    "rename_registered_model",
    "delete_registered_model",
    "delete_model_version",
}
RECORDED = {"delete_registered_model_alias"}
# Reserved tags: dropped where something is made, refused where they are set, true where something is read.
TAGS = {
    "create_registered_model",
    "create_model_version",
    "set_registered_model_tag",
    "delete_registered_model_tag",
    "set_model_version_tag",
    "delete_model_version_tag",
    "get_registered_model",
    "update_registered_model",
    "search_registered_models",
    "get_latest_versions",
    "update_model_version",
    "get_model_version",
    "get_model_version_by_alias",
    "search_model_versions",
}
# MLflow's own code over the methods above (read in 3.17.2), so they are gated with them.
THROUGH = {
    "copy_model_version": "create_model_version",
    "create_prompt": "create_registered_model",
    "create_prompt_version": "create_model_version",
    "search_prompts": "search_registered_models",
    "search_prompt_versions": "search_model_versions",
    "get_prompt": "get_registered_model",
    "get_prompt_version": "get_model_version",
    "get_prompt_version_by_alias": "get_prompt_version",
    "delete_prompt": "delete_registered_model",
    "delete_prompt_version": "delete_model_version",
    "set_prompt_alias": "set_registered_model_alias",
    "delete_prompt_alias": "delete_registered_model_alias",
    "set_prompt_tag": "set_registered_model_tag",
    "delete_prompt_tag": "delete_registered_model_tag",
    "set_prompt_version_tag": "set_model_version_tag",
    "delete_prompt_version_tag": "delete_model_version_tag",
}
# They touch no alias, stage, name, source or tag of a registered model.
HARMLESS = {
    "get_model_version_download_uri",
    "link_prompt_version_to_model",
    "link_prompt_version_to_run",
    "link_prompts_to_trace",
    "create_webhook",
    "get_webhook",
    "list_webhooks",
    "list_webhooks_by_event",
    "update_webhook",
    "delete_webhook",
    "test_webhook",
    "supports_workspaces",
    "CREATE_MODEL_VERSION_RETRIES",
    "ManagedSessionMaker",
    "engine",
    "read_engine",
    "db_uri",
    "db_type",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("contract"), registry_template(tmp_path_factory.mktemp("empty")))


@pytest.fixture
def client(project: Project) -> Any:
    return governed_client(project)


def _public(*classes: type) -> set[str]:
    return {name for item in classes for name in dir(item) if not name.startswith("_")}


def test_every_public_method_of_mlflows_stores_is_classified() -> None:
    from mlflow.store.model_registry.abstract_store import AbstractStore
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
    from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

    known = GATED | RECORDED | TAGS | set(THROUGH) | HARMLESS
    there = _public(AbstractStore, SqlAlchemyStore, WorkspaceAwareSqlAlchemyStore)
    assert there - known == set(), "MLflow has new methods: read what they write, then classify them"
    assert len(_public(AbstractStore)) >= 48


def test_what_is_classified_as_ours_is_overridden_and_nothing_else_is() -> None:
    own = {name for name in vars(GovernedStore) if not name.startswith("_")}
    assert own == GATED | RECORDED | TAGS


def test_what_goes_through_other_methods_still_does() -> None:
    from mlflow.store.model_registry.abstract_store import AbstractStore

    for name, target in THROUGH.items():
        assert f"self.{target}(" in inspect.getsource(getattr(AbstractStore, name)), name


def test_our_methods_take_what_mlflows_do() -> None:
    """MLflow's client looks at parameter names before it calls."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    for name in GATED | RECORDED | TAGS:
        ours = list(inspect.signature(getattr(GovernedStore, name)).parameters.values())
        theirs = inspect.signature(getattr(SqlAlchemyStore, name)).parameters
        if ours[1].kind is not inspect.Parameter.VAR_POSITIONAL:
            assert [item.name for item in ours] == list(theirs), name


def test_nobody_else_in_mlflow_writes_the_registry_tables() -> None:
    """Workspaces do: the back-stop sees it. `mlflow db` moves between them: the triggers of the database see it."""
    import mlflow

    root = Path(mlflow.__file__).parent
    texts = {path.relative_to(root).parts: path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    writers = {parts for parts, text in texts.items() if "SqlRegisteredModel" in text or "SqlModelVersion" in text}
    known = {("store", "model_registry"), ("store", "db_migrations"), ("store", "workspace"), ("store", "fs2db")}
    assert {parts for parts in writers if parts[:2] not in known} <= {("store", "db", "workspace_move.py")}


@pytest.mark.parametrize("workspaces", [False, True])
def test_the_factory_subclasses_the_store_that_mlflow_would_use(
    project: Project, monkeypatch: pytest.MonkeyPatch, *, workspaces: bool
) -> None:
    from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

    from flows.plugins import governed_store as factory

    assert list(inspect.signature(factory).parameters) == ["store_uri", "tracking_uri"]
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", str(workspaces).lower())
    store = factory("governed:" + project.settings.registry_uri, project.settings.tracking_uri)
    assert isinstance(store, GovernedStore)
    assert isinstance(store, WorkspaceAwareSqlAlchemyStore) is workspaces
    assert store.supports_workspaces is workspaces


RESERVED = [
    "governance.state",
    "GOVERNANCE.State",
    "governance",
    " governance.state",
    "governance\u200b.state",
    "gov\u00adernance.state",
    "ｇｏｖｅｒｎａｎｃｅ．state",
    "governance\u2024state",
    "g\u043evernance.state",
    "gov\u0435rnanc\u0435.state",
    "góvernance.state",
    "governance .state",
]
OTHERS = ["governed", "governance_team", "governances.x", "my.governance.state", "управление.x", "team", "", "governor"]


@pytest.mark.parametrize("key", RESERVED)
def test_a_reserved_key_in_any_disguise_is_reserved(key: str) -> None:
    assert is_reserved(key)


@pytest.mark.parametrize("key", OTHERS)
def test_other_keys_are_not(key: str) -> None:
    assert not is_reserved(key)


def _tag(key: str) -> Any:
    return SimpleNamespace(key=key, value="released by nobody")


@pytest.mark.parametrize("key", RESERVED)
def test_reserved_tags_cannot_be_set_or_deleted(project: Project, key: str) -> None:
    from mlflow.exceptions import MlflowException

    store = governed_store(project)
    for call in (
        lambda: store.set_registered_model_tag("any", _tag(key)),
        lambda: store.delete_registered_model_tag("any", key),
        lambda: store.set_model_version_tag("any", "1", _tag(key)),
        lambda: store.delete_model_version_tag("any", "1", key),
        lambda: store.set_prompt_tag("any", key, "v"),
        lambda: store.set_prompt_version_tag("any", "1", key, "v"),
    ):
        with pytest.raises(MlflowException, match=r"begin with 'governance\.'") as error:
            call()
        assert error.value.error_code == "PERMISSION_DENIED"


def test_reserved_tags_are_dropped_where_versions_and_models_are_made_and_copied(project: Project, client: Any) -> None:
    forged = {"governance.state": "live as champion", "Governance.Signed_By": "everybody", "team": "hr"}
    client.create_registered_model("forged", tags=forged)
    source = str(project.folder / "models")
    client.create_model_version("forged", source, tags=forged)
    client.copy_model_version("models:/forged/1", "copied")
    for name in ("forged", "copied"):
        found = client.get_model_version(name, "1").tags
        assert found == {"governance.state": "no release was asked for", "team": "hr"}
    assert client.get_registered_model("forged").tags == {
        "governance.state": "nothing governed is live",
        "team": "hr",
    }


def test_the_truth_is_told_wherever_a_version_is_read(project: Project, client: Any) -> None:
    project.make_live("told")
    version = client.get_model_version("told", "1")
    assert version.tags["governance.state"] == "live as champion"
    assert version.tags["governance.digest"].startswith("sha256:")
    assert version.tags["governance.signed_by"] == "Compliance Officer (compliance), Model Risk Officer (model-risk)"
    entry = int(version.tags["governance.ledger_entry"])
    assert project.entries()[entry].statement.predicate_type.word == "promotion"
    store, model = governed_store(project), client.get_registered_model("told")
    assert model.tags["governance.state"] == f"champion is version 1, released (ledger entry {entry})"
    readings = [
        client.get_model_version_by_alias("told", ALIAS),
        client.search_model_versions("name = 'told'")[0],
        store.get_latest_versions("told")[0],
        model.latest_versions[0],
        next(item for item in client.search_registered_models() if item.name == "told").latest_versions[0],
        client.update_model_version("told", "1", "described"),
    ]
    assert [item.tags for item in readings] == [version.tags] * len(readings)


def test_held_refused_and_withdrawn_are_told(project: Project, client: Any) -> None:
    version = project.register("stages-of-life")
    project.ask("stages-of-life", version)
    assert client.get_model_version("stages-of-life", "1").tags["governance.state"].startswith("held for champion: ")
    project.approve("stages-of-life", version)
    state = client.get_model_version("stages-of-life", "1").tags["governance.state"]
    assert state == "approved for champion, not live"
    project.ask("stages-of-life", version)
    project.take_back("stages-of-life", version)
    state = client.get_model_version("stages-of-life", "1").tags["governance.state"]
    assert state.startswith("live as champion, held now: sign-off")


def test_a_stage_is_told_as_the_alias_of_its_name(project: Project, client: Any) -> None:
    version = project.register("staged")
    with refused(project, "staged", "did not move the alias production of staged"):
        stage(client, "staged", version, "Production")
    assert stage(client, "staged", version, "Archived").current_stage == "Archived"
