"""Behind the store: what code of this process writes past the store's methods, SQLAlchemy tells, and it is refused.

MLflow's own workspace deletion, a plug-in that calls `super()`, a session in a notebook: all write through the ORM of
this process. The gate opens it for one alias at a time. Textual SQL passes here and meets the database's own triggers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from governance.registry.sqlite_guard import GRANT

STAGES = ("Staging", "Production")
_ALIASES, _VERSIONS, _MODELS = "registered_model_aliases", "model_versions", "registered_models"
_WATCHED = {
    _ALIASES: {"alias", "version", "name", "workspace"},
    _VERSIONS: {"current_stage", "source", "storage_location", "name", "version", "workspace"},
    _MODELS: {"name", "workspace"},
}


@dataclass(frozen=True, slots=True)
class Opened:
    """The one move that the gate said yes to: a stage is granted as the alias of its lower-cased name."""

    name: str
    alias: str
    version: str


_OPENED: ContextVar[Opened | None] = ContextVar("fairgate_opened", default=None)
_FREE: dict[tuple[object, ...], Callable[[], tuple[str, ...]]] = {}


@contextmanager
def opened(name: str, alias: str, version: str) -> Iterator[None]:
    """Let this context, and no other, point the alias (or the stage of that name) to the version."""
    token = _OPENED.set(Opened(name, alias, version))
    try:
        yield
    finally:
        _OPENED.reset(token)


def is_opened(name: str, alias: str, version: str) -> bool:
    """Whether the gate has said yes to this very move in this context."""
    return _OPENED.get() == Opened(str(name), str(alias), str(version))


def watch(url: Any, free: Callable[[], tuple[str, ...]]) -> None:
    """Guard the database of this SQLAlchemy URL from now on, whatever engine of this process it is reached by."""
    _FREE[_identity(url)] = free
    _listen()


def _identity(url: Any) -> tuple[object, ...]:
    """What makes two addresses one database: driver, user and options do not."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        return backend, str(Path(url.database or ":memory:").resolve())
    return backend, url.host, url.port, url.database


def _guarded(bind: Any) -> Callable[[], tuple[str, ...]] | None:
    return _FREE.get(_identity(bind.engine.url))


@cache
def _listen() -> None:
    """Once for each process: MLflow's classes are the same for every engine."""
    from mlflow.store.model_registry.dbmodels.models import (
        SqlModelVersion,
        SqlRegisteredModel,
        SqlRegisteredModelAlias,
    )
    from sqlalchemy import event
    from sqlalchemy.orm import Session

    for moment in ("before_insert", "before_update"):
        event.listen(SqlRegisteredModelAlias, moment, _on_alias)
        event.listen(SqlModelVersion, moment, _on_version)
    event.listen(SqlRegisteredModel, "before_update", _on_model)
    event.listen(Session, "before_flush", _on_flush)
    event.listen(Session, "do_orm_execute", _on_bulk)


def _on_alias(_mapper: Any, connection: Any, row: Any) -> None:
    free = _guarded(connection)
    if free is None or row.alias in free() or not _changed(row, *_WATCHED[_ALIASES]):
        return
    if not is_opened(row.name, row.alias, row.version):
        _refuse(f"point the alias {row.alias} of {row.name} to version {row.version}")
    _grant(connection, row, row.alias)


def _on_version(_mapper: Any, connection: Any, row: Any) -> None:
    free = _guarded(connection)
    if free is None:
        return
    stage = row.current_stage
    if stage in STAGES and stage.lower() not in free() and _changed(row, "current_stage"):
        if not is_opened(row.name, stage.lower(), row.version):
            _refuse(f"put {row.name} v{row.version} into the stage {stage}")
        _grant(connection, row, stage.lower())
    moved = _changed(row, "source", "storage_location", "name", "workspace", "version")
    if moved and _persisted(row) and _governed(connection, free(), row, version=_before(row, "version")):
        _refuse(f"change the {', '.join(moved)} of {row.name} v{row.version}")


def _on_model(_mapper: Any, connection: Any, row: Any) -> None:
    free = _guarded(connection)
    if free is not None and _changed(row, "name", "workspace") and _governed(connection, free(), row):
        _refuse(f"rename {_before(row, 'name')} or move it to another workspace")


def _on_flush(session: Any, _context: Any, _instances: Any) -> None:
    """Models and versions that are to be deleted: looked at now, because their aliases are deleted first."""
    for row in session.deleted:
        table = getattr(type(row), "__tablename__", None)
        if table not in (_MODELS, _VERSIONS):
            continue
        bind = session.get_bind(type(row))
        free = _guarded(bind)
        version = row.version if table == _VERSIONS else None
        if free is not None and _governed(session.connection(), free(), row, version=version):
            _refuse(f"delete {row.name}{f' v{version}' if version else ''}")


def _on_bulk(state: Any) -> None:
    """UPDATE, DELETE and INSERT statements that name no single row: nothing says what they hit, so none passes."""
    table = getattr(getattr(state.statement, "table", None), "name", None)
    if table not in _WATCHED or not (state.is_update or state.is_delete or state.is_insert):
        return
    bind = state.session.get_bind(state.bind_mapper, clause=state.statement)
    if _guarded(bind) is None or (state.is_delete and table == _ALIASES):
        return
    if not state.is_update or _columns(state) & _WATCHED[table]:
        _refuse(f"change {table} in one statement for many rows")


def _columns(state: Any) -> set[str]:
    """The columns that an UPDATE sets; where they cannot be told, all."""
    given = [getattr(state.statement, name, None) for name in ("_values", "_ordered_values", "_multi_values")]
    named = {str(getattr(key, "key", key)) for values in given[:1] if values for key in values}
    named |= {str(getattr(key, "key", key)) for key, _ in given[1] or ()}
    parameters = state.parameters if isinstance(state.parameters, list) else [state.parameters or {}]
    named |= {str(key) for row in parameters for key in row}
    return named or set().union(*_WATCHED.values())


def _changed(row: Any, *names: str) -> list[str]:
    from sqlalchemy import inspect

    attributes = inspect(row).attrs
    return [name for name in sorted(names) if attributes[name].history.has_changes()]


def _persisted(row: Any) -> bool:
    from sqlalchemy import inspect

    return bool(inspect(row).persistent)


def _before(row: Any, name: str) -> Any:
    """The value that the database still has."""
    from sqlalchemy import inspect

    deleted = inspect(row).attrs[name].history.deleted
    return deleted[0] if deleted else getattr(row, name)


def _governed(connection: Any, free: tuple[str, ...], row: Any, *, version: Any = None) -> bool:
    """Whether a governed alias or stage stands at this model (or version), as the database has it now."""
    from sqlalchemy import text

    where = "workspace = :workspace AND name = :name" + (" AND version = :version" if version is not None else "")
    values = {"workspace": _before(row, "workspace"), "name": _before(row, "name"), "version": version}
    aliases = connection.execute(text(f"SELECT alias FROM {_ALIASES} WHERE {where}"), values)  # noqa: S608 - constants
    found = {str(alias) for (alias,) in aliases}
    stages = connection.execute(text(f"SELECT current_stage FROM {_VERSIONS} WHERE {where}"), values)  # noqa: S608
    found |= {stage.lower() for (stage,) in stages if stage in STAGES}
    return bool(found - set(free))


def _grant(connection: Any, row: Any, alias: str) -> None:
    """On SQLite the trigger asks for a row that only a governed connection can write; the move uses it up."""
    if connection.dialect.name != "sqlite":
        return
    from sqlalchemy import text

    connection.execute(
        text(f"INSERT INTO {GRANT} VALUES (:workspace, :name, :alias, :version)"),  # noqa: S608 - a constant
        {"workspace": row.workspace, "name": row.name, "alias": alias, "version": row.version},
    )


def _refuse(what: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    raise MlflowException(
        f"Fairgate did not {what}: this write went past the gate. Ask for a release (fairgate release NAME VERSION "
        f"--alias ALIAS), or delete the governed alias first",
        error_code=PERMISSION_DENIED,
    )
