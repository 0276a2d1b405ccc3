"""What only a server can do to a ledger: roles, guards that are switched off, connections that are lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from ledger_factory import ledger_on, sign_off, superuser
from postgres_server import own_database, shared_server

from governance.database.postgres import PostgresDatabase
from governance.errors import ConfigurationError, LedgerError, ServiceError
from governance.ledger import schema_postgres
from governance.ledger.schema import LEDGER
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.statement import Statement

APP = "fairgate_app_of_tests"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    """A ledger of three sign-offs in a database of its own."""
    with own_database(shared_server()) as address:
        made = ledger_on(address, tmp_path, wait_seconds=10)
        for number in range(3):
            made.append(sign_off(number), idempotency_key=f"key-{number}")
        yield made
        made.database.dispose()


@contextmanager
def _as_app(ledger: SqlLedger, *grants: str) -> Iterator[SqlLedger]:
    """The ledger as a role that owns nothing and was given only this."""
    with superuser(ledger.url) as connection:
        connection.execute(f"DO $$BEGIN CREATE ROLE {APP} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
        for grant in grants:
            connection.execute(f"GRANT {grant} TO {APP}")  # type: ignore[arg-type]
    app = replace(ledger, url=ledger.url.replace("//postgres:@", f"//{APP}@"))
    try:
        yield app
    finally:
        app.database.dispose()
        with superuser(ledger.url) as connection:
            connection.execute(f"DROP OWNED BY {APP}; DROP ROLE {APP}")


GRANTS = (
    "USAGE ON SCHEMA fairgate",
    "SELECT ON ALL TABLES IN SCHEMA fairgate",
    "INSERT ON fairgate.entry, fairgate.entry_subject, fairgate.checkpoint",
    "UPDATE ON fairgate.head",
)
EVERYTHING = ("USAGE ON SCHEMA fairgate", "ALL ON ALL TABLES IN SCHEMA fairgate")


def test_a_role_with_the_fewest_rights_appends_and_reads(ledger: SqlLedger) -> None:
    with _as_app(ledger, *GRANTS) as app:
        assert app.append(sign_off(3)).seq == 3
        assert [entry.seq for entry in app.entries(subject="audit-report")] == [0, 1, 2, 3]
        assert verify_ledger(app).problems == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET time = time",
        "UPDATE entry SET time = time WHERE false",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "TRUNCATE entry, entry_subject, checkpoint, head",
        "INSERT INTO entry SELECT 9, time, envelope, leaf_hash, root, NULL FROM entry WHERE seq = 1",
        "INSERT INTO entry SELECT 1, time, envelope, leaf_hash, root, NULL FROM entry WHERE seq = 1"
        " ON CONFLICT (seq) DO UPDATE SET time = 'x'",
        "UPDATE entry_subject SET name = 'x'",
        "DELETE FROM entry_subject",
        "INSERT INTO entry_subject VALUES (1, 9, 'x', 'y')",
        "INSERT INTO entry_subject VALUES (3, 0, 'x', 'y')",
        "UPDATE checkpoint SET note = 'x'",
        "TRUNCATE checkpoint",
        "INSERT INTO checkpoint VALUES (4, 'x')",
        "UPDATE head SET size = 2",
        "UPDATE head SET size = 4",
        "UPDATE head SET root = sha256('')",
        "DELETE FROM head",
        "TRUNCATE head",
        "INSERT INTO head VALUES (1, 0, sha256(''), '')",
        "MERGE INTO entry USING (SELECT 1) AS x ON seq = 1 WHEN MATCHED THEN DELETE",
    ],
)
def test_who_does_not_own_the_tables_cannot_change_a_row(ledger: SqlLedger, statement: str) -> None:
    with _as_app(ledger, *EVERYTHING) as app:
        with superuser(app.url) as connection, pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute(statement)  # type: ignore[arg-type]
        assert app.append(sign_off(3)).seq == 3
        assert verify_ledger(app).problems == ()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "DROP TRIGGER entry_frozen ON entry",
        "CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "CREATE RULE x AS ON INSERT TO entry DO INSTEAD NOTHING",
        "DROP TABLE checkpoint",
        "SET session_replication_role = replica",
        "ALTER TABLE entry OWNER TO CURRENT_USER",
    ],
)
def test_who_does_not_own_the_tables_cannot_switch_a_guard_off(ledger: SqlLedger, statement: str) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with _as_app(ledger, *EVERYTHING) as app, superuser(app.url) as connection, refused:
        connection.execute(statement)  # type: ignore[arg-type]


def test_the_guards_fire_for_a_superuser_and_for_replication_too(ledger: SqlLedger) -> None:
    with superuser(ledger.url) as connection:
        connection.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("DELETE FROM entry_subject")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP TRIGGER entry_frozen ON entry", "entry_frozen"),
        ("ALTER TABLE entry DISABLE TRIGGER entry_in_turn", "entry_in_turn"),
        ("ALTER TABLE head ENABLE TRIGGER head_grows", "head_grows"),
        ("ALTER TABLE checkpoint RENAME TO checkpoints; CREATE VIEW checkpoint AS TABLE checkpoints", "checkpoint"),
        ("CREATE OR REPLACE FUNCTION ledger_head_grows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
         "ledger_head_grows"),
        ("ALTER FUNCTION ledger_head_grows() RESET ALL", "ledger_head_grows"),
        ("CREATE RULE hidden AS ON INSERT TO entry_subject DO INSTEAD NOTHING", "hidden"),
        ("CREATE TRIGGER added BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()", "added"),
        ("ALTER TABLE entry ENABLE ROW LEVEL SECURITY", "entry"),
        ("CREATE POLICY hiding ON entry USING (seq <> 1)", "hiding"),
        ("CREATE TABLE more () INHERITS (entry)", "more"),
        ("ALTER TABLE entry ADD COLUMN note text", "entry.note"),
        ("ALTER TABLE entry ALTER COLUMN time DROP NOT NULL", "entry.time"),
        ("ALTER TABLE entry_subject ALTER COLUMN position SET DEFAULT 0", "entry_subject.position"),
        ("ALTER TABLE entry DROP CONSTRAINT entry_root_check", "entry_root_check (constraint)"),
        ("ALTER TABLE entry DROP CONSTRAINT entry_idempotency_key_key", "entry_idempotency_key_key"),
        ("ALTER TABLE checkpoint SET UNLOGGED", "checkpoint"),
        ("CREATE INDEX slow ON entry (time)", "slow"),
    ],
)  # fmt: skip
def test_whatever_could_hide_or_change_a_row_is_told(ledger: SqlLedger, statement: str, told: str) -> None:
    with superuser(ledger.url) as connection:
        connection.execute(statement)  # type: ignore[arg-type]
    problem = verify_ledger(ledger).problems[-1]
    assert problem.startswith("file: tables or guards are not those that the ledger was made with: ")
    assert told in problem.split(": ", 2)[2].split(", ")


def test_an_index_that_does_not_find_every_row_is_told(ledger: SqlLedger) -> None:
    with superuser(ledger.url) as connection:
        connection.execute("UPDATE pg_index SET indisready = false WHERE indexrelid = 'entry_subject_pkey'::regclass")
    ledger.append(sign_off(3))
    with superuser(ledger.url) as connection:
        connection.execute("UPDATE pg_index SET indisready = true WHERE indexrelid = 'entry_subject_pkey'::regclass")
    ledger.database.dispose()
    told = "file: the index entry_subject_pkey finds 6 of 8 rows: REINDEX TABLE fairgate.entry_subject"
    assert told in verify_ledger(ledger).problems


# Making the tables


def test_a_role_that_may_not_create_is_told_the_command(ledger: SqlLedger, tmp_path: Path) -> None:
    with own_database(shared_server()) as address, _as_app(replace(ledger, url=address)) as app:
        with pytest.raises(ConfigurationError, match=r"may not make the tables of the ledger .*: fairgate db upgrade"):
            app.size()
        owner = replace(ledger, url=address)
        owner.database.upgrade()
        with pytest.raises(ConfigurationError, match=r"the role may not use the ledger .*permission denied for schema"):
            app.size()
        assert owner.size() == 0
        owner.database.dispose()


@pytest.mark.parametrize("upgraded", [False, True])
def test_tables_of_another_revision_are_refused(ledger: SqlLedger, upgraded: bool) -> None:
    with superuser(ledger.url) as connection:
        connection.execute("UPDATE ledger_version SET version_num = '9999'")
    again = replace(ledger)
    with pytest.raises(ConfigurationError, match="9999"):
        again.database.upgrade() if upgraded else again.size()
    again.database.dispose()


def test_a_database_that_cannot_keep_every_text_is_refused(tmp_path: Path) -> None:
    name = "test_latin"
    with superuser(shared_server()) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        ledger = ledger_on(shared_server().replace("/postgres?", f"/{name}?"), tmp_path)
        with pytest.raises(ConfigurationError, match="keeps text as LATIN1: make one with UTF8"):
            ledger.size()
        ledger.database.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_an_address_is_shown_without_its_password(tmp_path: Path) -> None:
    ledger = ledger_on("postgresql+psycopg2://clerk:hunter2@127.0.0.1:1/books?password=hunter3", tmp_path)
    with pytest.raises(ServiceError, match=r"the ledger postgresql://clerk@127\.0\.0\.1:1/books gives no") as caught:
        ledger.append(sign_off(1))
    assert "hunter" not in str(caught.value)


# Connections that are lost


def _end_others(ledger: SqlLedger) -> None:
    with superuser(ledger.url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_the_pool_recovers_when_the_server_has_ended_its_connections(ledger: SqlLedger) -> None:
    _end_others(ledger)
    assert ledger.append(sign_off(3)).seq == 3
    _end_others(ledger)
    assert ledger.size() == 4


def test_a_connection_lost_before_the_end_appends_nothing_and_can_be_tried_again(ledger: SqlLedger) -> None:
    def decide() -> Statement:
        _end_others(ledger)
        return sign_off(3)

    with pytest.raises(ServiceError, match="gives no answer"):
        ledger.append_decided(decide, idempotency_key="key-3")
    assert ledger.size() == 3
    assert ledger.append(sign_off(3), idempotency_key="key-3").seq == 3


def test_an_answer_that_was_lost_after_the_end_is_found_by_the_key(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = PostgresDatabase.writing

    @contextmanager
    def lost(self: PostgresDatabase) -> Iterator[object]:
        with writing(self) as connection:
            yield connection
        raise ServiceError("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(PostgresDatabase, "writing", lost)
        with pytest.raises(ServiceError, match="the answer was lost"):
            ledger.append(sign_off(3), idempotency_key="key-3")
    assert ledger.append(sign_off(99), idempotency_key="key-3").statement == sign_off(3)
    assert ledger.size() == 4


def test_who_waits_too_long_is_told_and_who_is_silent_loses_its_turn(ledger: SqlLedger) -> None:
    patient, impatient = replace(ledger, wait_seconds=1.5), replace(ledger, wait_seconds=0.2)
    inside, told = threading.Event(), list[str]()

    def decide() -> Statement:
        inside.set()
        threading.Event().wait(3)  # silent for longer than it may be
        return sign_off(3)

    def hold() -> None:
        try:
            patient.append_decided(decide)
        except ServiceError as error:
            told.append(str(error))

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(30)
    with pytest.raises(ServiceError, match="is locked by another program; try again"):
        impatient.append(sign_off(4))
    assert ledger.append(sign_off(5)).seq == 3
    holder.join()
    assert len(told) == 1
    assert [entry.statement for entry in ledger.entries()][3:] == [sign_off(5)]
    for item in (patient, impatient):
        item.database.dispose()


def test_a_forked_child_leaves_the_connections_of_its_parent_alone(ledger: SqlLedger) -> None:
    assert ledger.size() == 3
    child = os.fork()
    if not child:
        try:
            code = 0 if ledger.append(sign_off(3)).seq == 3 else 1
        except LedgerError:
            code = 2
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert ledger.append(sign_off(4)).seq == 4
    assert verify_ledger(ledger).problems == ()


def test_durability_that_was_switched_off_is_on_for_an_append(ledger: SqlLedger) -> None:
    name = ledger.database.name.rsplit("/", 1)[1]
    with superuser(ledger.url) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    again = replace(ledger)
    with again.database.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "off"
    with again.database.writing() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    again.database.dispose()


def test_the_words_of_the_tables_are_all_told_by_the_catalogue(ledger: SqlLedger) -> None:
    assert len(schema_postgres.OBJECTS) == 49
    assert LEDGER.head == "0001"
