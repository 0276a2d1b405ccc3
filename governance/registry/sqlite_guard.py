"""Triggers in a SQLite registry, so that a plain `sqlite:///` address is refused as well.

An alias that is not free moves only where a grant lies in `fairgate_grant`; the move uses it up. A grant can only be
written by a connection that has Fairgate's function, and that function asks the gate. Whoever can write the file can
drop the triggers: this keeps out the hurried and the unknowing; for others it is evidence (`missing_guard`), and the
reconciler sees the move. They are put back when the registry is next opened as `governed:`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from governance.errors import ConfigurationError, ServiceError

GRANT = "fairgate_grant"
ASK = "Fairgate writes grants itself: open the registry as governed:sqlite:///..."
"""The function that a governed connection has. Elsewhere SQLite says `no such function: ` and this."""
_WAIT = 20.0
_ALIAS = "the alias is governed by Fairgate: use the registry address governed:sqlite:///... and ask for a release: "
_SAID = {
    "alias": _ALIAS + "fairgate release NAME VERSION --alias ALIAS",
    "stage": _ALIAS.replace("alias", "stage", 1) + "fairgate release NAME VERSION --alias production",
    "moved": "a governed alias points to this version: what was signed keeps its place; withdraw the alias first",
    "renamed": "a governed alias points into this model: what was signed keeps its name; withdraw the alias first",
}


def statements(free: tuple[str, ...]) -> dict[str, str]:
    """The guard's objects by name, as SQL. `free` are the aliases that need no release."""
    aliases = ", ".join(_quoted(alias) for alias in sorted(set(free))) or "''"
    stages = ", ".join(_quoted(stage) for stage in ("staging", "production") if stage not in free) or "''"
    at_version = _exists("registered_model_aliases", f"version = OLD.version AND alias NOT IN ({aliases})")
    in_model = _exists("registered_model_aliases", f"alias NOT IN ({aliases})")
    staged = _exists("model_versions", f"lower(current_stage) IN ({stages})")
    changed = " OR ".join(
        f"NEW.{x} IS NOT OLD.{x}" for x in ("source", "storage_location", "name", "version", "workspace")
    )
    found = {GRANT: f"CREATE TABLE {GRANT} (workspace TEXT, name TEXT, alias TEXT, version INTEGER)"}
    for event in ("INSERT", "UPDATE"):
        alias, stage = f"NEW.alias NOT IN ({aliases})", f"lower(NEW.current_stage) IN ({stages})"
        if event == "UPDATE":
            stage += " AND NEW.current_stage IS NOT OLD.current_stage"
        _trigger(found, f"alias_{event}", f"BEFORE {event} ON registered_model_aliases", alias, "NEW.alias")
        _trigger(found, f"stage_{event}", f"BEFORE {event} ON model_versions", stage, "lower(NEW.current_stage)")
    _refusal(
        found, "moved", "model_versions", f"({changed}) AND ({at_version} OR lower(OLD.current_stage) IN ({stages}))"
    )
    named = "(NEW.name IS NOT OLD.name OR NEW.workspace IS NOT OLD.workspace)"
    _refusal(found, "renamed", "registered_models", f"{named} AND ({in_model} OR {staged})")
    arguments = "NEW.workspace, NEW.name, NEW.alias, NEW.version"
    asking = f'BEGIN SELECT "{ASK}"({arguments}); END'
    found["fairgate_ask"] = f"CREATE TRIGGER fairgate_ask BEFORE INSERT ON {GRANT} {asking}"
    return found


def admit(connection: sqlite3.Connection, allowed: Callable[[str, str, str], bool]) -> None:
    """Give a connection the function that grants ask. `allowed` answers for name, alias and version."""

    def ask(_workspace: str, name: str, alias: str, version: int) -> int:
        if not allowed(name, alias, str(version)):
            raise PermissionError(f"the gate has not released {name} v{version} as {alias}")
        return 1

    connection.create_function(ASK, 4, ask)


def install(path: Path, free: tuple[str, ...]) -> bool:
    """Put the guard into the database, or put it right; returns whether anything had to be done.

    Raises ServiceError where the database is locked or cannot be written.
    """
    if not missing_guard(path, free):
        return False
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            _drop(database, keep_table=True)
            there = _found(database)
            for name, statement in statements(free).items():
                if name not in there:
                    database.execute(statement)
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise ServiceError(f"the registry {path} cannot be guarded: {error}; nothing was changed") from error
    return True


def remove(path: Path) -> None:
    """Take the guard out: for a database that Fairgate is to leave, and before `mlflow db upgrade`.

    Raises ConfigurationError where there is no such file, ServiceError where it cannot be written.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no registry at {path}")
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            _drop(database, keep_table=False)
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise ServiceError(f"the registry {path} cannot be written: {error}; nothing was changed") from error


def missing_guard(path: Path, free: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the guard's objects that are gone from the database, or are not as they should be.

    Raises ServiceError where the database cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT)) as database:
            there = _found(database)
    except sqlite3.Error as error:
        raise ServiceError(f"the registry {path} cannot be read: {error}") from error
    wanted = statements(free)
    strange = [name for name in there if name not in wanted]
    return tuple(sorted([*(name for name, sql in wanted.items() if there.get(name) != sql), *strange]))


def _exists(table: str, condition: str) -> str:
    """Whether the model of the row that is to change has such a row in the table."""
    return f"EXISTS (SELECT 1 FROM {table} WHERE workspace = OLD.workspace AND name = OLD.name AND {condition})"  # noqa: S608


def _trigger(found: dict[str, str], name: str, when: str, condition: str, alias: str) -> None:
    """Refuse unless a grant lies there, and use the grant up after the row is written."""
    name = f"fairgate_{name.lower()}"
    row = f"workspace = NEW.workspace AND name = NEW.name AND alias = {alias} AND version = NEW.version"
    said = _SAID["alias" if "alias" in name else "stage"]
    found[name] = (
        f"CREATE TRIGGER {name} {when} WHEN {condition} AND NOT EXISTS (SELECT 1 FROM {GRANT} WHERE {row}) "  # noqa: S608
        f"BEGIN SELECT RAISE(ABORT, {_quoted(said)}); END"
    )
    used = f"{name}_used"
    after = when.replace("BEFORE", "AFTER")
    delete = f"DELETE FROM {GRANT} WHERE {row}"  # noqa: S608
    found[used] = f"CREATE TRIGGER {used} {after} WHEN {condition} BEGIN {delete}; END"


def _refusal(found: dict[str, str], name: str, table: str, condition: str) -> None:
    said = _quoted(_SAID[name])
    name = f"fairgate_{name}"
    when = f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN {condition}"
    found[name] = f"{when} BEGIN SELECT RAISE(ABORT, {said}); END"


def _drop(database: sqlite3.Connection, *, keep_table: bool) -> None:
    for name, sql in _found(database).items():
        if sql.startswith("CREATE TRIGGER"):
            database.execute(f'DROP TRIGGER "{name}"')
    if not keep_table:
        database.execute(f"DROP TABLE IF EXISTS {GRANT}")


def _found(database: sqlite3.Connection) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'fairgate\\_%' ESCAPE '\\' AND sql IS NOT NULL"
    return {str(name): str(sql) for name, sql in database.execute(query)}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
