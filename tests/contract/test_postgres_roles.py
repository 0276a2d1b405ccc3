"""MLflow's role on a real PostgreSQL server tries everything that would move an alias without a release.

The schema is the one that MLflow 3.17 makes; the attacker has what a taken-over MLflow server has: its database role.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_mlflow import ROLES, Database, Server, guarded_server
from postgres_server import absent

pytestmark = [
    pytest.mark.skipif(absent() is not None, reason=str(absent())),
    pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR"),
]
APP = ROLES.mlflow_app
MOVE = "UPDATE registered_model_aliases SET version = 2 WHERE alias = 'champion'"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="fg-", dir="/tmp"))
    with guarded_server(folder) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: Server) -> Database:
    """Version 1 of `hiring` is champion after a release, version 2 is candidate: that alias is free."""
    return _released(server.database())


@pytest.fixture(scope="module")
def standing(server: Server) -> Database:
    """The same, for attempts that must leave it as it was: each of them sees to that."""
    return _released(server.database())


def _released(found: Database) -> Database:
    found.grant("hiring", "champion", 1)
    insert = "INSERT INTO registered_model_aliases (name, alias, version) VALUES ('hiring', %s, %s)"
    found.run(APP, insert, params=("champion", 1))
    found.run(APP, insert, params=("candidate", 2))
    return found


INSERT = "INSERT INTO registered_model_aliases (name, alias, version) VALUES"
MOVES = {
    "insert": [f"{INSERT} ('hiring', 'production', 2)"],
    "insert in another case": [f"{INSERT} ('hiring', 'Champion', 2)"],
    "insert a free alias in another case": [f"{INSERT} ('hiring', 'SHADOW', 2)"],
    "insert for a version that is not there": [f"{INSERT} ('hiring', 'production', 99)"],
    "update the version": [MOVE],
    "update back and forth": [MOVE, MOVE.replace("2", "1")],
    "rename a free alias": ["UPDATE registered_model_aliases SET alias = 'production' WHERE alias = 'candidate'"],
    "take the alias of another model": [
        "UPDATE registered_model_aliases SET name = 'lending' WHERE alias = 'champion'"
    ],
    "upsert": [f"{INSERT} ('hiring', 'champion', 2) ON CONFLICT (workspace, name, alias) DO UPDATE SET version = 2"],
    "upsert from a free alias": [
        f"{INSERT} ('hiring', 'candidate', 2) ON CONFLICT (workspace, name, alias) DO UPDATE SET alias = 'production'"
    ],
    "delete and insert": ["DELETE FROM registered_model_aliases", f"{INSERT} ('hiring', 'champion', 2)"],
    "common table expression": [f"WITH moved AS ({MOVE} RETURNING *) SELECT * FROM moved"],
    "update from": [
        """UPDATE registered_model_aliases AS a SET version = v.version FROM model_versions AS v
        WHERE a.alias = 'champion' AND v.name = a.name AND v.version = 2"""
    ],
    "merge": [
        """MERGE INTO registered_model_aliases AS a USING (VALUES ('champion')) AS wanted (alias)
        ON a.alias = wanted.alias WHEN MATCHED THEN UPDATE SET version = 2"""
    ],
    "merge insert": [
        """MERGE INTO registered_model_aliases AS a USING (VALUES ('production')) AS wanted (alias)
        ON a.alias = wanted.alias
        WHEN NOT MATCHED THEN INSERT (name, alias, version) VALUES ('hiring', 'production', 2)"""
    ],
    "prepared statement": [f"PREPARE moving AS {MOVE}", "EXECUTE moving"],
    "anonymous block": [f"DO $$ BEGIN {MOVE}; END $$"],
    "cursor": [
        "DECLARE c CURSOR FOR SELECT * FROM registered_model_aliases WHERE alias = 'champion' FOR UPDATE",
        "FETCH c",
        "UPDATE registered_model_aliases SET version = 2 WHERE CURRENT OF c",
    ],
    "constraints deferred": ["SET CONSTRAINTS ALL DEFERRED", MOVE],
    "explain analyze": [f"EXPLAIN ANALYZE {MOVE}"],
    "replica role": ["SET session_replication_role = replica", MOVE],
    "replica role by set_config": ["SELECT set_config('session_replication_role', 'replica', false)", MOVE],
    "replica role as default": [f"ALTER ROLE {APP} SET session_replication_role = replica"],
}
VERSIONS = {
    "source": ["UPDATE model_versions SET source = '/evil' WHERE name = 'hiring' AND version = 1"],
    "storage location": ["UPDATE model_versions SET storage_location = '/evil' WHERE name = 'hiring' AND version = 1"],
    "storage location emptied": ["UPDATE model_versions SET storage_location = NULL WHERE name = 'hiring'"],
    "run": ["UPDATE model_versions SET run_id = 'r9' WHERE name = 'hiring' AND version = 1"],
    "delete and create again": [
        "DELETE FROM model_versions WHERE name = 'hiring' AND version = 1",
        "INSERT INTO model_versions (name, version, source) VALUES ('hiring', 1, '/evil')",
    ],
    "swap version numbers": [
        "UPDATE model_versions SET version = 9 WHERE name = 'hiring' AND version = 1",
        "UPDATE model_versions SET version = 1 WHERE name = 'hiring' AND version = 2",
    ],
    "move the version away": ["UPDATE model_versions SET version = 9 WHERE name = 'hiring' AND version = 1"],
    "through a deleted stage": [
        "UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE name = 'hiring' AND version = 1",
        "UPDATE model_versions SET source = '/evil', current_stage = 'None' WHERE name = 'hiring' AND version = 1",
    ],
    "constraints immediate, caught": [
        """DO $$ BEGIN
            UPDATE model_versions SET source = '/evil' WHERE name = 'hiring' AND version = 1;
            BEGIN SET CONSTRAINTS ALL IMMEDIATE; EXCEPTION WHEN OTHERS THEN NULL; END;
        END $$"""
    ],
    "alias put aside meanwhile": [
        "CREATE TEMPORARY TABLE aside AS SELECT * FROM registered_model_aliases",
        "DELETE FROM registered_model_aliases",
        "UPDATE model_versions SET source = '/evil' WHERE name = 'hiring' AND version = 1",
        "INSERT INTO registered_model_aliases SELECT * FROM aside",
    ],
    "alias gone meanwhile": [
        "DELETE FROM registered_model_aliases WHERE alias = 'champion'",
        "UPDATE model_versions SET source = '/evil' WHERE name = 'hiring' AND version = 1",
        f"{INSERT} ('hiring', 'champion', 1)",
    ],
    "rename the model": ["UPDATE registered_models SET name = 'lending-2' WHERE name = 'hiring'"],
    "move the model to a workspace": ["UPDATE registered_models SET workspace = 'w' WHERE name = 'hiring'"],
    "delete the model and create it again": [
        "DELETE FROM model_versions WHERE name = 'hiring'",
        "DELETE FROM registered_models WHERE name = 'hiring'",
        "INSERT INTO registered_models (name) VALUES ('hiring')",
        "INSERT INTO model_versions (name, version, source) VALUES ('hiring', 1, '/evil')",
        f"{INSERT} ('hiring', 'champion', 1)",
    ],
    "stage": ["UPDATE model_versions SET current_stage = 'Production' WHERE name = 'hiring' AND version = 2"],
    "stage in another case": ["UPDATE model_versions SET current_stage = 'pRoDuCtIoN' WHERE name = 'hiring'"],
    "stage with spaces": ["UPDATE model_versions SET current_stage = ' Staging ' WHERE name = 'hiring'"],
    "stage that MLflow does not know": ["UPDATE model_versions SET current_stage = 'Live' WHERE name = 'hiring'"],
    "stage of a new version": [
        "INSERT INTO model_versions (name, version, current_stage) VALUES ('hiring', 3, 'Production')"
    ],
}
POWERS = {
    "disable the trigger": "ALTER TABLE registered_model_aliases DISABLE TRIGGER fairgate_alias",
    "disable all triggers": "ALTER TABLE registered_model_aliases DISABLE TRIGGER ALL",
    "enable for replicas only": "ALTER TABLE registered_model_aliases ENABLE REPLICA TRIGGER fairgate_alias",
    "drop the trigger": "DROP TRIGGER fairgate_alias ON registered_model_aliases",
    "replace the trigger": """CREATE OR REPLACE TRIGGER fairgate_alias AFTER TRUNCATE ON registered_model_aliases
        FOR EACH STATEMENT EXECUTE FUNCTION fairgate.refuse_truncate()""",
    "trigger of its own": """CREATE TRIGGER aa BEFORE INSERT ON registered_model_aliases
        FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
    "rename the table": "ALTER TABLE registered_model_aliases RENAME TO gone",
    "move the table to another schema": "ALTER TABLE registered_model_aliases SET SCHEMA pg_temp",
    "own the table": f"ALTER TABLE registered_model_aliases OWNER TO {APP}",
    "drop the table": "DROP TABLE registered_model_aliases",
    "truncate": "TRUNCATE registered_model_aliases",
    "child table": "CREATE TABLE child () INHERITS (registered_model_aliases)",
    "rule": "CREATE RULE r AS ON DELETE TO registered_model_aliases DO ALSO UPDATE model_versions SET source = '/evil'",
    "view": "CREATE VIEW v AS SELECT * FROM registered_model_aliases",
    "table of the same name in a schema of its own": "CREATE SCHEMA evil",
    "table of the same name in public": "CREATE TABLE public.evil (x int)",
    "temporary table of the same name": "CREATE TEMPORARY TABLE registered_model_aliases (name text)",
    "function": "CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS 'SELECT'",
    "temporary function": "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS 'SELECT'",
    "replace the guard": """CREATE OR REPLACE FUNCTION fairgate.guard_alias() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RETURN NULL; END'""",
    "drop the guard": "DROP FUNCTION fairgate.guard_alias() CASCADE",
    "own the guard": f"ALTER FUNCTION fairgate.guard_alias() OWNER TO {APP}",
    "unpin the guard": "ALTER FUNCTION fairgate.guard_alias() RESET search_path",
    "spend a grant by itself": "SELECT fairgate.spend_grant('default', 'hiring', 'champion', 2)",
    "forge a grant": "INSERT INTO fairgate.release_grant (name, alias, version) VALUES ('hiring', 'champion', 2)",
    "use a grant again": "UPDATE fairgate.release_grant SET used_at = NULL",
    "read grants": "SELECT * FROM fairgate.release_grant",
    "free an alias": "INSERT INTO fairgate.free_alias VALUES ('champion')",
    "drop the schema": "DROP SCHEMA fairgate CASCADE",
    "schema for itself": f"ALTER SCHEMA public OWNER TO {APP}",
    "become the owner": "SET ROLE fairgate_owner",
    "become Fairgate": "SET ROLE fairgate_app",
    "become the migrations": "SET ROLE mlflow_owner",
    "become the superuser": "SET ROLE postgres",
    "become another session": "SET SESSION AUTHORIZATION mlflow_owner",
    "make itself superuser": f"ALTER ROLE {APP} SUPERUSER",
    "make a role": "CREATE ROLE evil SUPERUSER",
    "join the owner": f"GRANT fairgate_owner TO {APP}",
    "reassign": f"REASSIGN OWNED BY mlflow_owner TO {APP}",
    "event trigger": "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()",
    "database settings": "ALTER DATABASE {name} SET session_replication_role = replica",
    "server program": "COPY registered_model_aliases TO PROGRAM 'true'",
    "server file": "COPY registered_model_aliases FROM '/etc/hostname'",
    "read a server file": "SELECT pg_read_file('/etc/hostname')",
    "catalogue": "UPDATE pg_trigger SET tgenabled = 'D'",
    "publication": "CREATE PUBLICATION p FOR TABLE registered_model_aliases",
    "migrations": "UPDATE alembic_version SET version_num = '0'",
    "security label off": "ALTER TABLE registered_model_aliases DISABLE ROW LEVEL SECURITY",
}


@pytest.mark.parametrize("way", MOVES)
def test_mlflow_s_role_cannot_move_an_alias(standing: Database, way: str) -> None:
    before = standing.state()
    standing.refused(APP, *MOVES[way])
    assert standing.state() == before


@pytest.mark.parametrize("way", VERSIONS)
def test_mlflow_s_role_cannot_change_what_an_alias_serves(standing: Database, way: str) -> None:
    before = standing.state()
    standing.refused(APP, *VERSIONS[way])
    assert standing.state() == before


@pytest.mark.parametrize("way", POWERS)
def test_mlflow_s_role_has_no_power_over_the_guard(standing: Database, way: str) -> None:
    before = standing.state()
    standing.refused(APP, POWERS[way].replace("{name}", standing.name))
    assert standing.state() == before
    assert "no release" in standing.refused(APP, MOVE)


def test_mlflow_s_role_cannot_change_the_server_s_settings(standing: Database) -> None:
    with (
        psycopg.connect(standing.url(APP), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("ALTER SYSTEM SET session_replication_role = replica")


def test_mlflow_s_role_has_nothing_to_give_away(standing: Database) -> None:
    """PostgreSQL only warns of it: no privilege was granted."""
    standing.run(APP, f"GRANT TRIGGER, TRUNCATE ON registered_model_aliases TO {APP}, PUBLIC")
    may = "SELECT has_table_privilege(%s, 'registered_model_aliases', 'TRIGGER, TRUNCATE')"
    assert standing.run("postgres", may, params=(APP,)) == [(False,)]


def test_copy_moves_no_alias(standing: Database) -> None:
    before = standing.state()
    copy = "COPY registered_model_aliases (name, alias, version) FROM STDIN"
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="no release of this version was granted"),
        psycopg.connect(standing.url(APP)) as connection,
        connection.cursor().copy(copy) as stream,
    ):
        stream.write_row(("hiring", "production", 2))
    assert standing.state() == before


def test_a_search_path_of_its_own_leads_nowhere(standing: Database) -> None:
    """A role may set its own search path. There is no schema in which it could put another table."""
    standing.run(APP, f"ALTER ROLE {APP} SET search_path = pg_temp, evil, public")
    try:
        assert "no release" in standing.refused(APP, MOVE)
        assert "permission denied" in standing.refused(APP, "CREATE TABLE registered_model_aliases (name text)")
    finally:
        standing.run("postgres", f"ALTER ROLE {APP} RESET search_path")


@pytest.mark.parametrize("caught", ["DO $$ BEGIN {move}; EXCEPTION WHEN OTHERS THEN NULL; END $$", "savepoint"])
def test_a_caught_refusal_leaves_nothing_behind(standing: Database, caught: str) -> None:
    before = standing.state()
    with psycopg.connect(standing.url(APP)) as connection:
        if caught == "savepoint":
            connection.execute("SAVEPOINT s")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(MOVE)
            connection.execute("ROLLBACK TO s")
        else:
            connection.execute(caught.format(move=MOVE))
    assert standing.state() == before


def test_the_refusal_says_why_and_what_to_do(standing: Database) -> None:
    said = standing.refused(APP, MOVE)
    assert "'champion' of model 'hiring' does not move to version 2" in said
    assert "no release of this version was granted" in said
    assert "fairgate release" in said


def test_a_grant_moves_the_alias_once(database: Database) -> None:
    database.grant("hiring", "champion", 2)
    database.run(APP, MOVE)
    assert database.aliases()["hiring", "champion"] == 2
    database.run(APP, "DELETE FROM registered_model_aliases WHERE alias = 'champion'")
    database.refused(APP, f"{INSERT} ('hiring', 'champion', 2)")
    used = "SELECT used_by, granted_by FROM fairgate.release_grant WHERE version = 2 AND used_at IS NOT NULL"
    assert database.run("postgres", used) == [(APP, ROLES.app)]


def test_an_upsert_spends_one_grant(database: Database) -> None:
    database.grant("hiring", "champion", 2)
    database.run(APP, *MOVES["upsert"])
    assert database.aliases()["hiring", "champion"] == 2


def test_a_move_that_is_rolled_back_spends_nothing(database: Database) -> None:
    database.grant("hiring", "champion", 2)
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.run(APP, MOVE, "SELECT 1/0")
    database.run(APP, MOVE)
    assert database.aliases()["hiring", "champion"] == 2


@pytest.mark.parametrize(
    "given", [("hiring", "champion", 1), ("hiring", "production", 2), ("lending", "champion", 1)], ids=str
)
def test_a_grant_for_something_else_does_not_help(database: Database, given: tuple[str, str, int]) -> None:
    database.grant(*given)
    database.refused(APP, MOVE)


def test_a_grant_in_another_workspace_does_not_help(database: Database) -> None:
    database.run("postgres", "INSERT INTO registered_models (workspace, name) VALUES ('other', 'hiring')")
    database.run("postgres", "INSERT INTO model_versions (workspace, name, version) VALUES ('other', 'hiring', 2)")
    columns = "INSERT INTO release_grant (workspace, name, alias, version) VALUES ('other', 'hiring', 'champion', 2)"
    database.run(ROLES.app, columns)
    database.refused(APP, MOVE)


def test_a_grant_expires(database: Database) -> None:
    database.grant("hiring", "champion", 2)
    life = "SELECT extract(epoch FROM expires_at - granted_at) FROM fairgate.release_grant WHERE version = 2"
    assert 59 < database.run("postgres", life)[0][0] < 61
    database.run("postgres", "UPDATE fairgate.release_grant SET expires_at = clock_timestamp() WHERE version = 2")
    database.refused(APP, MOVE)


def test_a_grant_is_never_given_for_longer(database: Database) -> None:
    given = "INSERT INTO release_grant (name, alias, version, expires_at) VALUES ('hiring', 'champion', 2, 'infinity')"
    database.run(ROLES.app, given)
    life = "SELECT extract(epoch FROM expires_at - granted_at) FROM fairgate.release_grant WHERE version = 2"
    assert 59 < database.run("postgres", life)[0][0] < 61


def test_a_grant_is_for_the_version_as_it_stood(database: Database) -> None:
    """Version 2 is nobody's yet, so its source may change: then what was granted is not what would be served."""
    database.grant("hiring", "champion", 2)
    database.run(APP, "UPDATE model_versions SET source = '/evil' WHERE name = 'hiring' AND version = 2")
    database.refused(APP, MOVE)


def test_a_grant_is_not_for_a_version_created_again(database: Database) -> None:
    database.grant("hiring", "champion", 2)
    again = "INSERT INTO model_versions (name, version, source, storage_location) VALUES ('hiring', 2, '/m/2', '/m/2')"
    database.run(APP, "DELETE FROM model_versions WHERE name = 'hiring' AND version = 2", again)
    database.refused(APP, MOVE)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
@pytest.mark.parametrize("change", ["alias", "source", "new version"])
def test_an_older_snapshot_changes_nothing_governed(database: Database, isolation: str, change: str) -> None:
    database.grant("hiring", "champion", 2)
    statement = {
        "alias": MOVE,
        "source": "UPDATE model_versions SET source = '/evil' WHERE name = 'lending'",
        "new version": "INSERT INTO model_versions (name, version, source) VALUES ('lending', 9, '/evil')",
    }[change]
    said = database.refused(APP, f"SET TRANSACTION ISOLATION LEVEL {isolation}", statement)
    assert "at READ COMMITTED only" in said


@pytest.mark.parametrize("first", ["source", "alias"])
def test_two_sessions_at_once_cannot_slip_a_source_under_an_alias(database: Database, first: str) -> None:
    """Whoever comes second waits for the first, sees what it did, and is refused."""
    database.grant("hiring", "champion", 2)
    change = {"alias": MOVE, "source": "UPDATE model_versions SET source = '/evil' WHERE name='hiring' AND version=2"}
    second = change["source" if first == "alias" else "alias"]
    said: list[str] = []
    with psycopg.connect(database.url(APP)) as connection:
        connection.execute(change[first])
        later = threading.Thread(target=lambda: said.append(database.refused(APP, second)))
        later.start()
        _wait_until_blocked(database)
        connection.commit()
    later.join(30)
    assert "Fairgate" in said[0]


def _wait_until_blocked(database: Database) -> None:
    blocked = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"""
    for _ in range(600):
        if database.run("postgres", blocked)[0][0]:
            return
        time.sleep(0.05)
    raise AssertionError("the second session never had to wait")


FREE = {
    "move a free alias": f"{INSERT} ('hiring', 'shadow', 1)",
    "withdraw": "DELETE FROM registered_model_aliases WHERE alias = 'champion'",
    "make a governed alias free": "UPDATE registered_model_aliases SET alias = 'shadow' WHERE alias = 'champion'",
    "touch an alias": "UPDATE registered_model_aliases SET version = version",
    "delete a version that an alias serves": "DELETE FROM model_versions WHERE name = 'hiring' AND version = 1",
    "archive": "UPDATE model_versions SET current_stage = 'Archived' WHERE name = 'hiring'",
    "describe": "UPDATE model_versions SET description = 'x', last_updated_time = 9 WHERE name = 'hiring'",
    "register": "INSERT INTO model_versions (name, version, source) VALUES ('hiring', 3, '/m/9')",
    "change a version that no alias serves": "UPDATE model_versions SET source = '/m/8' WHERE name = 'lending'",
    "change what a free alias serves": "UPDATE model_versions SET source = '/m/8' WHERE name='hiring' AND version = 2",
    "rename a model without an alias": "UPDATE registered_models SET name = 'loans' WHERE name = 'lending'",
}


@pytest.mark.parametrize("what", FREE)
def test_what_is_free_stays_free(database: Database, what: str) -> None:
    database.run(APP, FREE[what])


def test_a_stage_moves_with_a_grant_for_the_alias_of_its_name(database: Database) -> None:
    stage = "UPDATE model_versions SET current_stage = 'Production' WHERE name = 'hiring' AND version = 2"
    database.grant("hiring", "champion", 2)
    database.refused(APP, stage)
    database.grant("hiring", "production", 2)
    database.run(APP, stage)
    assert "does not change" in database.refused(APP, "UPDATE model_versions SET source = '/evil' WHERE version = 2")


APP_CANNOT = {
    "date a grant": "INSERT INTO release_grant (name, alias, version, granted_at) VALUES ('hiring', 'a', 2, now())",
    "name the entry": "INSERT INTO release_grant (name, alias, version, ledger_seq) VALUES ('hiring', 'a', 2, 1)",
    "bind a grant": "INSERT INTO release_grant (name, alias, version, source) VALUES ('hiring', 'a', 2, '/evil')",
    "use a grant again": "UPDATE release_grant SET used_at = NULL",
    "delete grants": "DELETE FROM release_grant",
    "empty grants": "TRUNCATE release_grant",
    "free an alias": "INSERT INTO free_alias VALUES ('champion')",
    "disable a trigger": "ALTER TABLE release_grant DISABLE TRIGGER fairgate_bind",
    "move an alias": MOVE.replace("registered", "public.registered"),
    "spend a grant": "SELECT spend_grant('default', 'hiring', 'champion', 1)",
    "replace the guard": "CREATE OR REPLACE FUNCTION guard_alias() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "create a table": "CREATE TABLE fairgate.mine (x int)",
    "become the owner": "SET ROLE fairgate_owner",
}


@pytest.mark.parametrize("what", APP_CANNOT)
def test_fairgate_s_own_role_gives_grants_and_nothing_else(standing: Database, what: str) -> None:
    before = standing.state()
    standing.refused(ROLES.app, APP_CANNOT[what])
    assert standing.state() == before


def test_a_grant_that_has_ended_is_not_given(database: Database) -> None:
    given = "INSERT INTO release_grant (name, alias, version, expires_at) VALUES ('hiring', 'champion', 2, now())"
    with pytest.raises(psycopg.DataError, match="the clock of its giver is behind"):
        database.run(ROLES.app, given)


def test_a_version_that_is_not_there_is_not_granted(database: Database) -> None:
    with pytest.raises(psycopg.IntegrityError, match="has no version 99"):
        database.grant("hiring", "champion", 99)


def test_the_migrations_role_cannot_empty_the_table_or_forge_a_grant(standing: Database) -> None:
    standing.refused(ROLES.mlflow_owner, "TRUNCATE registered_model_aliases")
    standing.refused(ROLES.mlflow_owner, POWERS["forge a grant"])
    assert "no release" in standing.refused(ROLES.mlflow_owner, MOVE)


def test_the_superuser_is_held_too_until_a_trigger_is_switched_off(database: Database) -> None:
    """What a DBA can do is said in docs/guides/postgresql.md; this is the line: not by accident, only on purpose."""
    assert "no release" in database.refused("postgres", MOVE)
    assert "no release" in database.refused("postgres", "SET session_replication_role = replica", MOVE)
    database.run("postgres", "ALTER TABLE registered_model_aliases DISABLE TRIGGER fairgate_alias", MOVE)
    assert database.aliases()["hiring", "champion"] == 2
