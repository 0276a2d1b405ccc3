"""The ledger's tables on PostgreSQL: append-only by triggers that fire always, for everybody but their owner.

They hold against a role that does not own the tables. Against the owner and a superuser they are tamper evidence:
`altered` tells every guard that was taken off, switched off or gutted.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from governance.ledger.catalogue_postgres import described
from governance.ledger.tree import EMPTY_ROOT
from governance.migrations import SCHEMA

# Bytes decide the order of text: a new version of the system's collation must not break an index.
_TEXT = 'text COLLATE "C"'
_TABLES = (
    f"""CREATE TABLE {SCHEMA}.entry (
        seq bigint PRIMARY KEY,
        time {_TEXT} NOT NULL,
        envelope bytea NOT NULL,
        leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
        root bytea NOT NULL CHECK (length(root) = 32),
        idempotency_key {_TEXT} UNIQUE
    )""",
    f"""CREATE TABLE {SCHEMA}.entry_subject (
        seq bigint NOT NULL,
        position integer NOT NULL,
        name {_TEXT} NOT NULL,
        digest {_TEXT} NOT NULL,
        PRIMARY KEY (seq, position)
    )""",
    f"""CREATE TABLE {SCHEMA}.head (
        id integer PRIMARY KEY CHECK (id = 1),
        size bigint NOT NULL,
        root bytea NOT NULL CHECK (length(root) = 32),
        frontier bytea NOT NULL
    )""",
    f"CREATE TABLE {SCHEMA}.checkpoint (size bigint PRIMARY KEY, note {_TEXT} NOT NULL)",
)

_REFUSE = "RAISE EXCEPTION '{}' USING ERRCODE = 'integrity_constraint_violation';"
_ONLY_APPENDED = _REFUSE.format("the ledger is append-only")
_FUNCTIONS = {
    "ledger_is_append_only": _ONLY_APPENDED,
    "ledger_entry_in_turn": f"""
        IF NEW.seq IS DISTINCT FROM (SELECT size FROM {SCHEMA}.head) THEN
            {_REFUSE.format("not the next place in the ledger")}
        END IF;
        RETURN NEW;""",
    "ledger_subject_in_turn": f"""
        IF NEW.seq IS DISTINCT FROM (SELECT size FROM {SCHEMA}.head)
            OR NOT EXISTS (SELECT FROM {SCHEMA}.entry WHERE seq = NEW.seq) THEN
            {_REFUSE.format("not the next place in the ledger")}
        END IF;
        RETURN NEW;""",
    "ledger_checkpoint_in_turn": f"""
        IF NEW.size - 1 IS DISTINCT FROM (SELECT size FROM {SCHEMA}.head)
            OR NOT EXISTS (SELECT FROM {SCHEMA}.entry WHERE seq = NEW.size - 1) THEN
            {_REFUSE.format("not the next place in the ledger")}
        END IF;
        RETURN NEW;""",
    "ledger_head_stays": f"""
        IF EXISTS (SELECT FROM {SCHEMA}.head) THEN
            {_ONLY_APPENDED}
        END IF;
        RETURN NEW;""",
    "ledger_head_grows": f"""
        IF NEW.id IS DISTINCT FROM OLD.id OR NEW.size IS DISTINCT FROM OLD.size + 1
            OR NEW.root IS DISTINCT FROM (SELECT root FROM {SCHEMA}.entry WHERE seq = OLD.size) THEN
            {_REFUSE.format("the ledger only grows by one")}
        END IF;
        RETURN NEW;""",
}
_BODIES = {name: f"\n    BEGIN {body}\n    END " for name, body in _FUNCTIONS.items()}

# Trigger: its table, when it fires, what it calls; in the words in which PostgreSQL keeps it.
_TRIGGERS = {
    **{
        f"{table}_frozen": (table, "BEFORE DELETE OR UPDATE OR TRUNCATE", "STATEMENT", "ledger_is_append_only")
        for table in ("entry", "entry_subject", "checkpoint")
    },
    "head_frozen": ("head", "BEFORE DELETE OR TRUNCATE", "STATEMENT", "ledger_is_append_only"),
    "entry_in_turn": ("entry", "BEFORE INSERT", "ROW", "ledger_entry_in_turn"),
    "entry_subject_in_turn": ("entry_subject", "BEFORE INSERT", "ROW", "ledger_subject_in_turn"),
    "checkpoint_in_turn": ("checkpoint", "BEFORE INSERT", "ROW", "ledger_checkpoint_in_turn"),
    "head_stays": ("head", "BEFORE INSERT", "ROW", "ledger_head_stays"),
    "head_grows": ("head", "BEFORE UPDATE", "ROW", "ledger_head_grows"),
}

_COLUMNS = {
    "entry": {
        "seq": "bigint t",
        "time": "text t C",
        "envelope": "bytea t",
        "leaf_hash": "bytea t",
        "root": "bytea t",
        "idempotency_key": "text f C",
    },
    "entry_subject": {"seq": "bigint t", "position": "integer t", "name": "text t C", "digest": "text t C"},
    "head": {"id": "integer t", "size": "bigint t", "root": "bytea t", "frontier": "bytea t"},
    "checkpoint": {"size": "bigint t", "note": "text t C"},
}
_KEYS = {
    "entry_pkey": ("entry", "PRIMARY KEY", "(seq)"),
    "entry_idempotency_key_key": ("entry", "UNIQUE", "(idempotency_key)"),
    "entry_subject_pkey": ("entry_subject", "PRIMARY KEY", '(seq, "position")'),
    "head_pkey": ("head", "PRIMARY KEY", "(id)"),
    "checkpoint_pkey": ("checkpoint", "PRIMARY KEY", "(size)"),
}
_CHECKS = {
    "entry_leaf_hash_check": "length(leaf_hash) = 32",
    "entry_root_check": "length(root) = 32",
    "head_id_check": "id = 1",
    "head_root_check": "length(root) = 32",
}
# Index: its table, and a condition that is true of every row in it and lets it be used.
_INDEXED = {
    "entry_pkey": ("entry", "seq > -9223372036854775808"),
    "entry_idempotency_key_key": ("entry", "idempotency_key >= ''"),
    "entry_subject_pkey": ("entry_subject", "seq > -9223372036854775808"),
    "checkpoint_pkey": ("checkpoint", "size > -9223372036854775808"),
}


def create(connection: Connection) -> None:
    """Make the tables of an empty ledger in the schema, in the transaction that is open."""
    for statement in _TABLES:
        connection.exec_driver_sql(statement)
    connection.execute(text(f"INSERT INTO {SCHEMA}.head VALUES (1, 0, :root, '')"), {"root": EMPTY_ROOT})
    for name, body in _BODIES.items():
        connection.exec_driver_sql(
            f"CREATE FUNCTION {SCHEMA}.{name}() RETURNS trigger LANGUAGE plpgsql"
            f" SET search_path TO pg_catalog, pg_temp AS $guard${body}$guard$"
        )
    for name, (table, when, each, function) in _TRIGGERS.items():
        connection.exec_driver_sql(_trigger(name, table, when, each, f"{SCHEMA}.{function}"))
        # ALWAYS: also where session_replication_role says that triggers do not fire.
        connection.exec_driver_sql(f"ALTER TABLE {SCHEMA}.{table} ENABLE ALWAYS TRIGGER {name}")


def altered(connection: Connection) -> set[str]:
    """Names of tables, columns, constraints, indexes, triggers and functions that are not as they were made."""
    return {name for name, _words in described(connection) ^ OBJECTS}


def damage(connection: Connection) -> tuple[str, ...]:
    """Indexes that do not find every row: read once without them and once through them."""
    found = []
    for index, (table, condition) in _INDEXED.items():
        query = f"SELECT count(*) FROM {SCHEMA}.{table} WHERE {condition}"
        counts = [_counted(connection, query, indexes=indexes) for indexes in (False, True)]
        if counts[0] != counts[1]:
            found.append(f"the index {index} finds {counts[1]} of {counts[0]} rows: REINDEX TABLE {SCHEMA}.{table}")
    return tuple(found)


def _counted(connection: Connection, query: str, *, indexes: bool) -> int:
    ways = {"enable_indexscan": indexes, "enable_indexonlyscan": indexes, "enable_bitmapscan": indexes}
    for way, is_open in {**ways, "enable_seqscan": not indexes}.items():
        connection.exec_driver_sql(f"SET LOCAL {way} = {'on' if is_open else 'off'}")
    count = connection.exec_driver_sql(query).scalar_one()
    for way in (*ways, "enable_seqscan"):
        connection.exec_driver_sql(f"SET LOCAL {way} = on")
    return int(count)


def _trigger(name: str, table: str, when: str, each: str, function: str) -> str:
    return f"CREATE TRIGGER {name} {when} ON {SCHEMA}.{table} FOR EACH {each} EXECUTE FUNCTION {function}()"


def _objects() -> Iterator[tuple[str, str]]:
    """What `described` answers for an untouched ledger."""
    for table, columns in _COLUMNS.items():
        yield table, "r p f"
        yield from ((f"{table}.{column}", f"{words} f  ") for column, words in columns.items())
    for name, (table, kind, over) in _KEYS.items():
        yield name, f"CREATE UNIQUE INDEX {name} ON {SCHEMA}.{table} USING btree {over} t t t"
        yield f"{name} (constraint)", f"{kind} {over} t"
    yield from ((f"{name} (constraint)", f"CHECK (({condition})) t") for name, condition in _CHECKS.items())
    for name, (table, when, each, function) in _TRIGGERS.items():
        yield name, f"{_trigger(name, table, when, each, function)} A"
    yield from ((name, f"plpgsql f search_path=pg_catalog, pg_temp {body}") for name, body in _BODIES.items())


OBJECTS = frozenset(_objects())
"""Everything that makes the tables what they are, in the words in which PostgreSQL keeps it."""
