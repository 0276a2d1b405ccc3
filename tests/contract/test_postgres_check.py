"""What `fairgate db grant --check` sees: each way in which a guard can be missing is made, and must be named."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_mlflow import FREE, ROLES, Database, Server, guarded_server
from postgres_server import absent

from governance.errors import ConfigurationError, ServiceError
from governance.registry.postgres_check import check
from governance.registry.postgres_guard import Roles, address_of, apply, script, steps

pytestmark = [
    pytest.mark.skipif(absent() is not None, reason=str(absent())),
    pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="fg-", dir="/tmp"))
    with guarded_server(folder) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def database(server: Server) -> Database:
    return server.database()


def _problems(database: Database, role: str = ROLES.app, free: tuple[str, ...] = FREE) -> list[str]:
    return [problem for held in check(database.url(role), ROLES, free) for problem in held.problems]


ALIASES = "ALTER TABLE registered_model_aliases"
# What a hand can do: the statement, what must be said of it, and how it is undone.
TAMPERED = {
    "disabled trigger": (f"{ALIASES} DISABLE TRIGGER fairgate_alias", "trigger fairgate_alias", None),
    "trigger for replicas": (f"{ALIASES} ENABLE REPLICA TRIGGER fairgate_alias", "trigger fairgate_alias", None),
    "trigger that a replica skips": (f"{ALIASES} ENABLE TRIGGER fairgate_alias", "trigger fairgate_alias", None),
    "dropped trigger": ("DROP TRIGGER fairgate_stage ON model_versions", "trigger fairgate_stage", None),
    "trigger on one column": (
        """CREATE OR REPLACE TRIGGER fairgate_alias AFTER INSERT OR UPDATE OF workspace ON registered_model_aliases
        FOR EACH ROW EXECUTE FUNCTION fairgate.guard_alias()""",
        "trigger fairgate_alias",
        None,
    ),
    "trigger with a condition": (
        """CREATE OR REPLACE TRIGGER fairgate_alias AFTER INSERT OR UPDATE ON registered_model_aliases
        FOR EACH ROW WHEN (NEW.alias <> 'champion') EXECUTE FUNCTION fairgate.guard_alias()""",
        "trigger fairgate_alias",
        None,
    ),
    "gutted function": (
        """CREATE OR REPLACE FUNCTION fairgate.guard_alias() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'""",
        "function fairgate.guard_alias is missing or is not this version's",
        None,
    ),
    "function with a free search path": (
        "ALTER FUNCTION fairgate.guard_alias() RESET search_path",
        "function fairgate.guard_alias",
        None,
    ),
    "function as its caller": ("ALTER FUNCTION fairgate.guard_alias() SECURITY INVOKER", "fairgate.guard_alias", None),
    "function for everybody": (
        "GRANT EXECUTE ON FUNCTION fairgate.guard_alias TO PUBLIC",
        "mlflow_app may call fairgate.guard_alias",
        None,
    ),
    "free alias": ("INSERT INTO fairgate.free_alias VALUES ('champion')", "alias 'champion' is free in the data", None),
    "governed alias": (
        "DELETE FROM fairgate.free_alias WHERE alias = 'shadow'",
        "'shadow' is free in the policy",
        None,
    ),
    "table of MLflow's role": (f"{ALIASES} OWNER TO mlflow_app", "mlflow_app owns registered_model_aliases", None),
    "truncating": ("GRANT TRUNCATE ON model_versions TO mlflow_app", "mlflow_app may truncate model_versions", None),
    "triggers of MLflow's role": ("GRANT TRIGGER ON model_versions TO mlflow_app", "mlflow_app may trigger", None),
    "schemas of MLflow's role": ("GRANT CREATE ON SCHEMA public TO mlflow_app", "may create in schema public", None),
    "temporary tables": (
        "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$",
        "mlflow_app may temporary in this database",
        None,
    ),
    "grants of MLflow's role": ("GRANT INSERT ON fairgate.release_grant TO mlflow_app", "mlflow_app may insert", None),
    "schema fairgate": ("GRANT USAGE ON SCHEMA fairgate TO PUBLIC", "mlflow_app may use the schema fairgate", None),
    "used grants": ("GRANT UPDATE (used_at) ON fairgate.release_grant TO fairgate_app", "may set used_at of", None),
    "dated grants": ("GRANT INSERT (granted_at) ON fairgate.release_grant TO fairgate_app", "may set granted_at", None),
    "grants of another owner": (
        "ALTER TABLE fairgate.release_grant OWNER TO mlflow_owner",
        "belongs to mlflow_owner",
        None,
    ),
    "member of the owner": (
        "GRANT fairgate_owner TO mlflow_app",
        "mlflow_app is a member of fairgate_owner",
        "REVOKE fairgate_owner FROM mlflow_app",
    ),
    "member who writes everything": (
        "GRANT pg_write_all_data TO mlflow_app",
        "mlflow_app is a member of pg_write_all_data",
        "REVOKE pg_write_all_data FROM mlflow_app",
    ),
    "superuser": ("ALTER ROLE mlflow_app SUPERUSER", "mlflow_app is a superuser", "ALTER ROLE mlflow_app NOSUPERUSER"),
    "owner who logs in": ("ALTER ROLE fairgate_owner LOGIN", "can log in", "ALTER ROLE fairgate_owner NOLOGIN"),
    "replica role": (
        "GRANT SET ON PARAMETER session_replication_role TO mlflow_app",
        "mlflow_app may set session_replication_role",
        "REVOKE SET ON PARAMETER session_replication_role FROM mlflow_app",
    ),
    "rule": (
        "CREATE RULE r AS ON INSERT TO registered_model_aliases DO ALSO SELECT 1",
        "has rules",
        "DROP RULE r ON registered_model_aliases",
    ),
    "child table": (
        "CREATE TABLE child () INHERITS (registered_model_aliases)",
        "has the child table child",
        "DROP TABLE child",
    ),
}


def test_everything_holds_after_the_statements_and_after_them_again(database: Database) -> None:
    assert _problems(database) == []
    apply(database.url(), steps(ROLES, FREE))
    assert _problems(database) == []
    assert _problems(database, "postgres") == []


@pytest.mark.parametrize("what", TAMPERED)
def test_what_does_not_hold_is_named_and_applying_again_mends_it(database: Database, what: str) -> None:
    statement, expected, undo = TAMPERED[what]
    database.run("postgres", statement)
    try:
        assert any(expected in problem for problem in _problems(database, "postgres"))
    finally:
        if undo:  # roles and what hangs on them are the administrator's: the statements leave them alone
            database.run("postgres", undo)
        apply(database.url(), steps(ROLES, FREE))
    assert _problems(database) == []


def test_a_database_that_was_in_use_is_taken_over(server: Server) -> None:
    """MLflow made its tables as the role that it runs as, which owns the database as well."""
    database = server.database("mlflow_bare")
    database.run("postgres", "REASSIGN OWNED BY mlflow_owner TO mlflow_app", "CREATE TABLE public.of_others (x int)")
    assert _problems(database, "postgres") == [
        "fairgate.release_grant is missing",
        "fairgate.free_alias is missing",
    ]
    apply(database.url(), steps(ROLES, FREE))
    assert _problems(database) == []
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'of_others'"
    assert database.run("postgres", owner) == [("postgres",)]


def test_the_owner_of_the_database_is_named(server: Server) -> None:
    database = server.database()
    database.run("postgres", f'ALTER DATABASE "{database.name}" OWNER TO mlflow_app')
    assert "mlflow_app owns this database" in _problems(database, "postgres")


def test_roles_have_the_names_that_are_given(server: Server) -> None:
    database = server.database("mlflow_bare")
    roles = Roles("gate_owner", "gate", "ddl", "mlflow")
    missing = [problem for held in check(database.url(), roles, FREE) for problem in held.problems]
    assert missing[:4] == [f"role {name} is missing" for name in roles.names]
    apply(database.url(), steps(roles, ["it's free"]))
    assert [held for held in check(database.url("gate"), roles, ["it's free"]) if held.problems] == []
    database.run("mlflow", "INSERT INTO registered_models (name) VALUES ('a')")
    said = database.refused(
        "mlflow", "INSERT INTO registered_model_aliases (name, alias, version) VALUES ('a', 'b', 1)"
    )
    assert "Fairgate: 'b' of model 'a' does not move" in said


def test_without_mlflow_s_tables_nothing_is_changed(server: Server) -> None:
    database = server.database("template1")
    with pytest.raises(ConfigurationError, match="mlflow db upgrade"):
        apply(database.url(), steps(ROLES, FREE))
    assert database.run("postgres", "SELECT to_regnamespace('fairgate')") == [(None,)]


def test_who_is_no_superuser_changes_nothing(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="use the URL of a superuser; nothing was changed"):
        apply(database.url(ROLES.mlflow_owner), steps(ROLES, FREE))


def test_mlflow_s_role_may_not_even_look(database: Database) -> None:
    with pytest.raises(ConfigurationError, match="may not look into the schema fairgate"):
        check(database.url(ROLES.mlflow_app), ROLES, FREE)


def test_a_server_that_does_not_answer_is_no_guard() -> None:
    with pytest.raises(ServiceError, match="cannot be reached"):
        check("postgresql://fairgate_app:a-secret@127.0.0.1:1/mlflow", ROLES, FREE)


@pytest.mark.parametrize("name", ['a"b', "a'b", "A", "", "pg_x", "a b", "a;b", "$$", "x" * 64, "rôle"])
def test_names_that_need_quoting_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="mlflow_app is"):
        Roles(mlflow_app=name)


def test_one_name_is_not_two_roles() -> None:
    with pytest.raises(ConfigurationError, match="one name cannot be two"):
        Roles(mlflow_app="fairgate_app")


def test_a_free_alias_is_only_ever_a_value() -> None:
    """Also one that looks like the end of a text, of a body or of a part of our file."""
    hostile = "x'; DROP SCHEMA fairgate; --\n--# title $fairgate$ {app}"
    parts = steps(ROLES, [hostile])
    assert len(parts) == len(steps(ROLES, []))
    assert hostile.replace("'", "''") in script(parts)


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://h/d", "http://postgresql://", ""])
def test_another_database_has_no_guard(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not PostgreSQL"):
        address_of(url)
