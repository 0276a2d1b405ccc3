"""Ledger, accounts and registry on one real PostgreSQL server, each process in its own role, from empty to released."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
from postgres_mlflow import ROLES, Database, Server, close_what_is_open, guarded_server
from postgres_server import absent
from project_factory import ALIAS, EVEN, OFFICERS, SCIENTIST, Project, table

from flows.cli import main
from flows.settings import Settings, read_settings
from flows.wiring import policy_bytes
from governance.enrolment import enrol
from governance.errors import ConfigurationError, ServiceError
from governance.ledger.verify import verify_ledger
from governance.registry.postgres_grants import PostgresGrants
from governance.statement import PredicateType

pytestmark = [
    pytest.mark.skipif(absent() is not None, reason=str(absent())),
    pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR"),
    # Every use of the command line opens a desk; its engine goes with it, and psycopg warns of what the engine kept.
    pytest.mark.filterwarnings("ignore:.*deleted while still open:ResourceWarning"),
]
NO_RELEASE = "no release of this version was granted in the last minute. Ask for it with"
Plain = Callable[..., str]
MOVE = "UPDATE registered_model_aliases SET version = 2 WHERE alias = 'champion'"


@dataclass(frozen=True)
class PostgresProject(Project):
    """A project whose ledger, accounts and registry are in one database of PostgreSQL."""

    database: Database
    environ: Mapping[str, str] = field(hash=False)

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self.environ, self.folder)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="fg-", dir="/tmp"))
    with guarded_server(folder) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def project(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresProject]:
    """As docs/guides/postgresql.md does it: MLflow's tables, Fairgate's tables, then the roles and triggers."""
    folder, database = tmp_path_factory.mktemp("project"), server.database("mlflow_bare")
    environ = {
        "FAIRGATE_POLICY": "policy.toml",
        "FAIRGATE_LEDGER": database.url(ROLES.app),
        "FAIRGATE_ACCOUNTS": database.url(ROLES.app),
        "MLFLOW_TRACKING_URI": database.sqlalchemy_url(ROLES.mlflow_app),
        "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",  # no connection of MLflow's outlives its call
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in environ.items():
            patch.setenv(name, value)
        (folder / "policy.toml").write_bytes(policy_bytes(read_settings({}, folder))[1])
        _make_tables(database)
        assert main(["db", "grant", "--apply", "--as-superuser-url", database.url()]) == 0
        found = PostgresProject(folder, database, environ)
        found.write("data/release.csv", table(EVEN))
        for person in (SCIENTIST, *OFFICERS):
            enrol(found.desk, person, "a long enough password", None)
        yield found
        close_what_is_open()


_PLAIN = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient()
for line in sys.stdin:
    method, arguments = json.loads(line)
    try:
        getattr(client, method)(*arguments)
        answer = "done"
    except Exception as error:
        answer = str(error)
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def plain(project: PostgresProject) -> Iterator[Plain]:
    """MLflow in a process that has never heard of Fairgate, as MLflow's role: a data scientist, or a server."""
    command = [sys.executable, "-W", "ignore", "-c", _PLAIN]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        given, said = process.stdin, process.stdout

        def ask(method: str, *arguments: str) -> str:
            given.write(json.dumps([method, arguments]) + "\n")
            given.flush()
            return str(json.loads(said.readline()))

        yield ask
        given.close()


def _make_tables(database: Database) -> None:
    """The tables of ledger and accounts, made by the administrator, who owns them until the roles are applied."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FAIRGATE_LEDGER", "FAIRGATE_ACCOUNTS"):
            patch.setenv(name, database.url())
        assert main(["db", "upgrade"]) == 0


def test_a_signed_release_moves_the_alias_and_nothing_else_does(project: PostgresProject, plain: Plain) -> None:
    first, second = project.register("hiring"), project.register("hiring")
    why = f"Fairgate: 'champion' of model 'hiring' does not move to version {first}: {NO_RELEASE}"
    assert why in plain("set_registered_model_alias", "hiring", ALIAS, first)
    assert project.ask("hiring", first).word == "Held"
    assert why in plain("set_registered_model_alias", "hiring", ALIAS, first)

    project.approve("hiring", first)
    assert project.ask("hiring", first).word == "Released"
    assert project.live("hiring") == first
    (promotion,) = project.entries(PredicateType.PROMOTION)
    (intent,) = project.entries(PredicateType.PROMOTION_INTENT)
    spent = "SELECT name, alias, version, ledger_seq, granted_by, used_by FROM fairgate.release_grant"
    expected = ("hiring", ALIAS, int(first), intent.seq, ROLES.app, ROLES.mlflow_app)
    assert project.database.run("postgres", spent) == [expected]
    assert promotion.seq > intent.seq

    for role in (ROLES.mlflow_app, ROLES.mlflow_owner):
        assert NO_RELEASE in project.database.refused(role, MOVE)
    assert NO_RELEASE in plain("set_registered_model_alias", "hiring", ALIAS, second)
    assert "it is not renamed" in plain("rename_registered_model", "hiring", "lending")
    assert plain("set_registered_model_alias", "hiring", "candidate", second) == "done"
    assert project.live("hiring") == first


def test_withdrawing_is_free_and_coming_back_is_not(project: PostgresProject, plain: Plain) -> None:
    """MLflow changes the source of a version that it deletes before it takes the alias away: that is a withdrawal."""
    live = project.make_live("pricing")
    assert plain("delete_registered_model_alias", "pricing", ALIAS) == "done"
    assert project.live("pricing") is None
    assert NO_RELEASE in plain("set_registered_model_alias", "pricing", ALIAS, live.version)
    assert project.ask("pricing", live.version).word == "Released"
    assert plain("delete_model_version", "pricing", live.version) == "done"
    assert project.live("pricing") is None
    assert plain("delete_registered_model", "pricing") == "done"


@pytest.mark.parametrize("stage", ["Production", "staging"])
def test_a_plain_client_changes_no_stage(project: PostgresProject, plain: Plain, stage: str) -> None:
    version = project.register("claims")
    assert NO_RELEASE in plain("transition_model_version_stage", "claims", version, stage)
    assert plain("transition_model_version_stage", "claims", version, "Archived") == "done"


LEDGER = {
    "change an entry": "UPDATE fairgate.entry SET time = 'x'",
    "delete an entry": "DELETE FROM fairgate.entry",
    "empty the ledger": "TRUNCATE fairgate.entry CASCADE",
    "change a subject": "UPDATE fairgate.entry_subject SET name = 'x'",
    "delete a checkpoint": "DELETE FROM fairgate.checkpoint",
    "delete the head": "DELETE FROM fairgate.head",
    "second head": "INSERT INTO fairgate.head VALUES (2, 0, decode(repeat('00', 32), 'hex'), '')",
    "disable a trigger": "ALTER TABLE fairgate.entry DISABLE TRIGGER ALL",
    "drop a trigger": "DROP TRIGGER entry_frozen ON fairgate.entry",
    "replace a guard": """CREATE OR REPLACE FUNCTION fairgate.ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RETURN NULL; END'""",
    "drop the ledger": "DROP TABLE fairgate.entry",
    "say which migrations there were": "UPDATE fairgate.ledger_version SET version_num = '0'",
    "replica role": "SET session_replication_role = replica",
}


def test_fairgate_s_role_appends_to_the_ledger_and_changes_nothing(project: PostgresProject) -> None:
    project.ask("credit", project.register("credit"))
    size = project.desk.ledger.size()
    assert size > 0
    for role in (ROLES.app, ROLES.mlflow_app, ROLES.mlflow_owner):
        for statement in LEDGER.values():
            project.database.refused(role, statement)
    back = "UPDATE fairgate.head SET size = 0"
    with pytest.raises(Exception, match="only grows by one"):
        project.database.run(ROLES.app, back)
    assert project.desk.ledger.size() == size
    assert verify_ledger(project.desk.ledger).problems == ()


def test_a_grant_needs_an_entry_of_the_ledger(project: PostgresProject) -> None:
    """Who has taken over Fairgate's role and no key leaves a trace, or gets nothing."""
    version = project.register("unseen")
    grants = PostgresGrants(project.settings.ledger_url)
    with pytest.raises(ConfigurationError, match="the ledger holds no entry about version 1"):
        grants.give("unseen", ALIAS, version, datetime.now(UTC) + timedelta(minutes=1))


def test_a_database_that_does_not_answer_grants_nothing() -> None:
    grants = PostgresGrants("postgresql://fairgate_app@127.0.0.1:1/mlflow")
    with pytest.raises(ServiceError, match="the release cannot be granted now"):
        grants.give("hiring", ALIAS, "1", datetime.now(UTC) + timedelta(minutes=1))


def test_what_holds_is_said_and_what_does_not(project: PostgresProject, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["db", "grant", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    project.database.run("postgres", "ALTER TABLE registered_model_aliases DISABLE TRIGGER fairgate_alias")
    assert main(["db", "grant", "--check"]) == 14
    assert "trigger fairgate_alias on public.registered_model_aliases is missing, disabled" in capsys.readouterr().out
    assert main(["db", "grant", "--apply", "--as-superuser-url", project.database.url()]) == 0
    assert main(["db", "grant", "--check"]) == 0


def test_the_sql_is_printed_first_and_holds_no_password(
    project: PostgresProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIRGATE_DB_ADMIN", "postgresql://postgres:a-secret@127.0.0.1:1/mlflow")
    capsys.readouterr()
    assert main(["db", "grant"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("BEGIN;") and "a-secret" not in printed
    project.database.run("postgres", printed.replace("BEGIN;", "", 1).replace("COMMIT;\n", ""))  # it runs as it stands
    assert main(["db", "grant", "--apply"]) == 6
    said = capsys.readouterr()
    assert "a-secret" not in said.out + said.err
