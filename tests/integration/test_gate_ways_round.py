"""Ways round the gate that were tried, each refused or, where prevention ends, seen. Client-side: no server."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gate_factory import approved, governed_client, governed_store, governed_uri, refused, serving, stage
from project_factory import ALIAS, OFFICERS, UNEVEN, Project, new_project, registry_template, table

from governance.case import open_case
from governance.errors import Exit
from governance.registry import sqlite_guard
from governance.registry.backstop import opened
from governance.statement import PredicateType
from governance.verification import verify


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return registry_template(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, template: bytes) -> Project:
    project = new_project(tmp_path_factory.mktemp("round"), template)
    project.make_live("live")
    project.register("live")
    return project


@pytest.fixture
def client(project: Project) -> Any:
    return governed_client(project)


class TestStoreMethods:
    def test_another_version_under_a_live_alias(self, project: Project, client: Any) -> None:
        with refused(project, "live", "nobody has asked for this release"):
            client.set_registered_model_alias("live", ALIAS, "2")

    @pytest.mark.parametrize("written", [2, "02", " 2", "２", "0_2"])
    def test_a_version_written_in_another_way(self, project: Project, client: Any, written: Any) -> None:
        with refused(project, "live", "live v2"):
            client.set_registered_model_alias("live", ALIAS, written)

    @pytest.mark.parametrize("alias", ["champion-2", "Champion", "CANDIDATE", "production", "prod", "shadow2"])
    def test_an_alias_that_the_policy_does_not_name(self, project: Project, client: Any, alias: str) -> None:
        with refused(project, "live", alias):
            client.set_registered_model_alias("live", alias, "1")

    @pytest.mark.parametrize("name", ["Production", "production", "PRODUCTION", "Staging", "sTaGiNg"])
    @pytest.mark.parametrize("archive", [False, True])
    def test_a_stage_in_any_case(self, project: Project, client: Any, name: str, *, archive: bool) -> None:
        with refused(project, "live", f"alias {name.lower()}"):
            stage(client, "live", "2", name, archive_existing_versions=archive)

    def test_a_prompt_alias_is_an_alias(self, project: Project) -> None:
        with refused(project, "live"):
            governed_store(project).set_prompt_alias("live", ALIAS, "2")

    def test_a_model_that_calls_itself_a_prompt(self, project: Project, client: Any) -> None:
        """A prompt has no bytes to sign; a model tagged as one has, and no list of models would show it."""
        version = project.register("posing")
        client.set_model_version_tag("posing", version, "mlflow.prompt.is_prompt", "true")
        client.set_registered_model_tag("posing", "mlflow.prompt.is_prompt", "true")
        with refused(project, "posing"):
            governed_store(project).set_prompt_alias("posing", ALIAS, version)
        with refused(project, "live", "turn it into a prompt"):
            client.set_registered_model_tag("live", "mlflow.prompt.is_prompt", "true")

    def test_rename_what_is_live(self, project: Project, client: Any) -> None:
        with refused(project, "live", "rename", "delete the alias champion"):
            client.rename_registered_model("live", "elsewhere")

    def test_delete_the_live_model_or_version(self, project: Project, client: Any) -> None:
        with refused(project, "live", "delete", "delete the alias champion"):
            client.delete_registered_model("live")
        with refused(project, "live", "delete", "delete the alias champion"):
            client.delete_model_version("live", "1")
        with refused(project, "live", "delete the alias champion"):
            governed_store(project).delete_prompt("live")

    def test_what_is_not_live_can_be_renamed_and_deleted(self, project: Project, client: Any) -> None:
        project.register("idle")
        client.rename_registered_model("idle", "renamed")
        client.delete_model_version("renamed", "1")
        client.delete_registered_model("renamed")
        assert serving(project, "renamed") == {"aliases": {}, "versions": []}

    def test_delete_and_create_again_so_that_version_1_is_other_bytes(self, project: Project, client: Any) -> None:
        project.make_live("reborn")
        client.delete_registered_model_alias("reborn", ALIAS)
        client.delete_registered_model("reborn")
        (project.folder / "other").mkdir()
        (project.folder / "other/MLmodel").write_text("flavors: {}\n")
        client.create_registered_model("reborn")
        version = client.create_model_version("reborn", str(project.folder / "other"))
        assert version.version == 1
        assert client.get_model_version("reborn", "1").tags == {"governance.state": "no release was asked for"}
        with refused(project, "reborn", "the bytes have changed", "reborn v1"):
            client.set_registered_model_alias("reborn", ALIAS, "1")

    def test_copy_what_is_live_with_its_tags(self, project: Project, client: Any) -> None:
        client.copy_model_version("models:/live/1", "twin")
        assert client.get_model_version("twin", "1").tags["governance.state"] == "no release was asked for"
        with refused(project, "twin", "nobody has asked for this release"):
            client.set_registered_model_alias("twin", ALIAS, "1")


class TestReplay:
    def test_a_sign_off_for_another_alias(self, project: Project, client: Any) -> None:
        with refused(project, "live", "given for champion in local"):
            client.set_registered_model_alias("live", "backup", "1")

    def test_a_sign_off_for_other_bytes(self, project: Project, client: Any) -> None:
        version = approved(project, "rewritten")
        (project.folder / f"models/rewritten-{version}/model.bin").write_bytes(b"other weights")
        with refused(project, "rewritten", "the bytes have changed"):
            client.set_registered_model_alias("rewritten", ALIAS, version)

    def test_a_file_that_was_added_or_removed_after_the_sign_off(self, project: Project, client: Any) -> None:
        version = approved(project, "grown")
        extra = project.folder / f"models/grown-{version}/sitecustomize.py"
        extra.write_text("import os\n")
        with refused(project, "grown", "the bytes have changed"):
            client.set_registered_model_alias("grown", ALIAS, version)
        extra.unlink()
        (project.folder / f"models/grown-{version}/model.bin").unlink()
        with refused(project, "grown", "the bytes have changed"):
            client.set_registered_model_alias("grown", ALIAS, version)

    def test_a_sign_off_for_another_report(self, project: Project, client: Any) -> None:
        version = approved(project, "measured-again")
        project.write("data/again.csv", table((0.55, 0.55)))
        project.ask("measured-again", version, "data/again.csv")
        with refused(project, "measured-again", "sign-off is missing"):
            client.set_registered_model_alias("measured-again", ALIAS, version)

    def test_a_sign_off_that_was_withdrawn(self, project: Project, client: Any) -> None:
        version = approved(project, "reconsidered")
        project.take_back("reconsidered", version)
        with refused(project, "reconsidered", "withdrawn"):
            client.set_registered_model_alias("reconsidered", ALIAS, version)

    def test_a_sign_off_under_another_policy(self, project: Project, client: Any) -> None:
        version = approved(project, "older-policy")
        path = project.folder / "policy.toml"
        kept = path.read_text()
        path.write_text(kept.replace('version = "1"', 'version = "2"'))
        try:
            with refused(project, "older-policy", "under another policy"):
                client.set_registered_model_alias("older-policy", ALIAS, version)
        finally:
            path.write_text(kept)

    def test_an_expired_sign_off(self, project: Project, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from datetime import timedelta

        import flows.plugins
        from flows.wiring import utc_now

        version = approved(project, "late")
        desk = flows.plugins._desk(project.settings)
        monkeypatch.setattr("flows.plugins._desk", lambda _: _at(desk, utc_now() + timedelta(days=91)))
        with refused(project, "late", "expired"):
            client.set_registered_model_alias("late", ALIAS, version)

    def test_an_approval_after_a_refusal(self, project: Project, client: Any) -> None:
        from governance.errors import AlreadyDecidedError
        from governance.signoff import REFUSE, Wish, sign

        version = project.register("refused-once")
        project.ask("refused-once", version)
        case = open_case(project.desk, "refused-once", version, ALIAS)
        sign(project.desk, case, OFFICERS[0], Wish("compliance", REFUSE, "no", case.shown(), "password"))
        with pytest.raises(AlreadyDecidedError):
            project.approve("refused-once", version, OFFICERS[1:])
        with refused(project, "refused-once", "REFUSED", "refused these bytes: no"):
            client.set_registered_model_alias("refused-once", ALIAS, version)

    def test_an_adverse_finding_that_nobody_may_sign_away(self, project: Project, client: Any) -> None:
        version = project.register("uneven")
        project.write("data/uneven.csv", table(UNEVEN))
        project.ask("uneven", version, "data/uneven.csv")
        with refused(project, "uneven", "no-adverse-disparity"):
            client.set_registered_model_alias("uneven", ALIAS, version)


def _at(desk: Any, now: Any) -> Any:
    from dataclasses import replace

    return replace(desk, clock=lambda: now)


class TestForgedTags:
    def test_a_tag_written_into_the_database_is_overwritten_on_read(self, project: Project, client: Any) -> None:
        project.register("painted")
        rows = [("governance.state", "live as champion"), ("governance.signed_by", "everybody"), ("team", "hr")]
        with closing(sqlite3.connect(project.folder / "mlflow.db")) as database, database:
            insert = "INSERT INTO model_version_tags (workspace, name, version, key, value) VALUES (?, ?, 1, ?, ?)"
            database.executemany(insert, [("default", "painted", *row) for row in rows])
        assert client.get_model_version("painted", "1").tags == {
            "governance.state": "no release was asked for",
            "team": "hr",
        }


class TestPastTheStore:
    """Code of this process that does not call the store's methods: the ORM back-stop and the file's triggers."""

    def test_a_plain_store_on_the_same_database(self, project: Project) -> None:
        with refused(project, "live", "went past the gate"):
            project.client.set_registered_model_alias("live", ALIAS, "2")
        with refused(project, "live", "went past the gate"):
            stage(project.client, "live", "2", "Production")
        with refused(project, "live", "went past the gate"):
            project.client.rename_registered_model("live", "elsewhere")
        with refused(project, "live", "went past the gate"):
            project.client.delete_registered_model("live")
        with refused(project, "live", "went past the gate"):
            project.client.delete_model_version("live", "1")

    def test_code_that_calls_super(self, project: Project) -> None:
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        with refused(project, "live", "went past the gate"):
            SqlAlchemyStore.set_registered_model_alias(governed_store(project), "live", ALIAS, "2")

    @pytest.mark.parametrize("column", ["source", "storage_location", "name"])
    def test_a_session_that_redirects_what_is_live(self, project: Project, column: str) -> None:
        from mlflow.store.model_registry.dbmodels.models import SqlModelVersion

        with refused(project, "live", column), governed_store(project).ManagedSessionMaker(read_only=False) as session:
            row = session.query(SqlModelVersion).filter_by(name="live", version=1).one()
            setattr(row, column, str(project.folder / "other"))

    def test_statements_for_many_rows(self, project: Project) -> None:
        from mlflow.store.model_registry.dbmodels.models import (
            SqlModelVersion,
            SqlRegisteredModel,
            SqlRegisteredModelAlias,
        )
        from sqlalchemy import delete, insert, update

        row = {"workspace": "default", "name": "live", "alias": "spare", "version": 1}
        statements = [
            update(SqlRegisteredModelAlias).values(version=2),
            update(SqlRegisteredModelAlias.__table__).values(version=2),
            insert(SqlRegisteredModelAlias).values(**row),
            insert(SqlRegisteredModelAlias.__table__).values(**row),
            update(SqlModelVersion).where(SqlModelVersion.name == "live").values(current_stage="Production"),
            update(SqlModelVersion).where(SqlModelVersion.name == "live").values({SqlModelVersion.source: "other"}),
            update(SqlRegisteredModel).values(workspace="other"),
            delete(SqlModelVersion).where(SqlModelVersion.name == "live"),
        ]
        for statement in statements:
            with refused(project, "live", "in one statement"), _session(project) as session:
                session.execute(statement)
        with refused(project, "live", "in one statement"), _session(project) as session:
            session.query(SqlRegisteredModel).update({"workspace": "other"}, synchronize_session=False)
        with _session(project) as session:  # what governs nothing passes
            session.execute(update(SqlModelVersion).values(description="seen"))

    def test_textual_sql_meets_the_triggers(self, project: Project) -> None:
        from mlflow.exceptions import MlflowException
        from sqlalchemy import text

        before = serving(project, "live")
        for sql in (
            "UPDATE registered_model_aliases SET version = 2 WHERE name = 'live'",
            "INSERT OR REPLACE INTO registered_model_aliases VALUES ('champion', 2, 'live', 'default')",
            "UPDATE model_versions SET current_stage = 'production' WHERE name = 'live'",
            "UPDATE model_versions SET source = 'other' WHERE name = 'live' AND version = 1",
            "UPDATE model_versions SET version = 9 WHERE name = 'live' AND version = 1",
            "UPDATE registered_models SET name = 'elsewhere' WHERE name = 'live'",
            f"INSERT INTO {sqlite_guard.GRANT} VALUES ('default', 'live', 'champion', 2)",
        ):
            with pytest.raises(MlflowException), _session(project) as session:
                session.execute(text(sql))
            assert serving(project, "live") == before

    def test_a_grant_is_for_one_move_and_used_up_by_it(self, project: Project) -> None:
        from mlflow.exceptions import MlflowException
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        store = governed_store(project)
        with opened("live", ALIAS, "1"), pytest.raises(MlflowException, match="went past the gate"):
            SqlAlchemyStore.set_registered_model_alias(store, "live", ALIAS, "2")
        with opened("live", "spare", "1"):
            SqlAlchemyStore.set_registered_model_alias(store, "live", "spare", "1")
        with closing(sqlite3.connect(project.folder / "mlflow.db")) as database:
            assert database.execute(f"SELECT count(*) FROM {sqlite_guard.GRANT}").fetchone() == (0,)
        store.delete_registered_model_alias("live", "spare")


def _session(project: Project) -> Any:
    return governed_store(project).ManagedSessionMaker(read_only=False)


class TestPlainAddress:
    """Another process on a plain `sqlite:///` address: it has no plug-in, no back-stop, no gate."""

    def _plain(self, project: Project, body: str) -> subprocess.CompletedProcess[str]:
        script = f"from mlflow import MlflowClient\nclient = MlflowClient('{project.settings.registry_uri}')\n{body}"
        env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        command = [sys.executable, "-W", "ignore", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=project.folder)

    def test_it_is_refused_and_told_where_to_go(self, project: Project) -> None:
        before = serving(project, "live")
        tries = (
            ("set_registered_model_alias('live', 'champion', '2')", "use the registry address governed:sqlite:///"),
            ("transition_model_version_stage('live', '2', 'Production')", "the stage is governed by Fairgate"),
            ("rename_registered_model('live', 'elsewhere')", "what was signed keeps its name"),
            ("delete_model_version('live', '1')", "what was signed keeps its place"),
        )
        body = "".join(
            f"try:\n    client.{call}\nexcept Exception as error:\n    print(str(error))\nelse:\n    print('moved')\n"
            for call, _ in tries
        )
        done = self._plain(project, body + "client.set_registered_model_alias('live', 'shadow', '2')\nprint('free')\n")
        assert not [words for _, words in tries if words not in done.stdout], done.stdout + done.stderr
        assert done.stdout.rstrip().endswith("free")
        assert "moved\n" not in done.stdout
        assert serving(project, "live")["versions"] == before["versions"]
        assert serving(project, "live")["aliases"] == {**before["aliases"], "shadow": 2}

    def test_dropping_the_triggers_is_seen_and_mended(self, tmp_path: Path, template: bytes) -> None:
        """Whoever can write the file can drop them: no prevention, but evidence."""
        project = new_project(tmp_path / "house", template)
        project.make_live("hiring")
        path, free = project.folder / "mlflow.db", project.desk.policy.free_aliases
        assert sqlite_guard.missing_guard(path, free) == ()
        project.move_outside("hiring", ALIAS, project.register("hiring"))
        assert "fairgate_alias_insert" in sqlite_guard.missing_guard(path, free)
        assert verify(project.desk, project.registry, "hiring", ALIAS).exit_code is Exit.VERIFICATION_FAILED
        from flows.doctor import examine

        (told,) = (item for item in examine(project.settings) if item.what == "registry")
        assert (told.code, "fairgate_alias_insert" in told.detail) == (Exit.VERIFICATION_FAILED, True)
        from flows.plugins import governed_store as factory

        factory(governed_uri(project.settings))
        assert sqlite_guard.missing_guard(path, free) == ()
        assert "fairgate_alias_insert" in sqlite_guard.missing_guard(path, (*free, "spare"))
        assert sqlite_guard.install(path, (*free, "o'brien's \"{spare}\""))
        assert not sqlite_guard.install(path, (*free, "o'brien's \"{spare}\""))
        sqlite_guard.remove(path)
        with closing(sqlite3.connect(path)) as database:
            left = database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'fairgate%'").fetchall()
        assert left == []


class TestMissingPlugin:
    def test_without_the_entry_point_nothing_moves(self, project: Project) -> None:
        """An install without Fairgate, on the governed address: every call fails, none falls back to plain SQLite."""
        script = f"""
import mlflow.utils.plugins as plugins
plugins.get_entry_points = lambda group: []
import mlflow.tracking.registry as registry
registry.get_entry_points = lambda group: []
import mlflow.store.artifact.artifact_repository_registry as artifacts
artifacts._artifact_repository_registry._registry.pop("governed-models", None)
from mlflow import MlflowClient
import mlflow.pyfunc
client = MlflowClient("{project.settings.tracking_uri}", "{governed_uri(project.settings)}")
for call in (lambda: client.set_registered_model_alias("live", "champion", "2"),
             lambda: client.get_registered_model("live"),
             lambda: mlflow.pyfunc.load_model("governed-models:/live@champion")):
    try:
        call()
    except Exception as error:
        print("closed:", type(error).__name__, str(error)[:150])
    else:
        print("open")
"""
        before = serving(project, "live")
        env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        command = [sys.executable, "-W", "ignore", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=project.folder)
        lines = [line for line in done.stdout.splitlines() if line.startswith(("closed", "open"))]
        assert [line.split(":")[0] for line in lines] == ["closed"] * 3, done.stdout + done.stderr
        assert "not supported by the store" in lines[0]
        assert "Could not find a registered artifact repository" in lines[2]
        assert serving(project, "live") == before


def test_the_ledger_shows_none_of_these_as_a_release(project: Project) -> None:
    made = project.entries(PredicateType.PROMOTION)
    assert {entry.statement.body["subject"]["name"] for entry in made} <= {"live", "reborn"}
