"""MLflow's registry on a real PostgreSQL server with Fairgate's roles and triggers: one template, copied per test."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from postgres_server import postgres_server

from governance.registry.postgres_guard import Roles, apply, steps

ROLES = Roles()
FREE = ("candidate", "challenger", "shadow")
TEMPLATE = "mlflow_template"


def url_of(address: str, role: str, database: str) -> str:
    """The same server, asked as `role` for `database`; the server of the tests trusts whoever reaches its socket."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}@{host}", path=f"/{database}"))


def sqlalchemy_url(address: str) -> str:
    """The address with the driver that SQLAlchemy is to take."""
    return address.replace("postgresql://", "postgresql+psycopg://", 1)


@dataclass(frozen=True)
class Database:
    """One database of the server, with everything applied."""

    address: str
    name: str

    def url(self, role: str = "postgres") -> str:
        """libpq's URL of this database for a role."""
        return url_of(self.address, role, self.name)

    def sqlalchemy_url(self, role: str) -> str:
        """SQLAlchemy's URL of this database for a role."""
        return sqlalchemy_url(self.url(role))

    def run(self, role: str, *statements: str, params: Any = None) -> list[Any]:
        """Run statements in one transaction as a role; the rows of the last one."""
        # psycopg leaves a connection open whose COMMIT is refused, as deferred triggers do.
        with closing(psycopg.connect(self.url(role))) as connection, connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def grant(self, name: str, alias: str, version: int) -> None:
        """Give a grant as Fairgate's role does."""
        columns = "INSERT INTO fairgate.release_grant (name, alias, version) VALUES (%s, %s, %s)"
        self.run(ROLES.app, columns, params=(name, alias, version))

    def refused(self, role: str, *statements: str) -> str:
        """What the server says to statements that it must refuse, for want of a right to them and nothing else."""
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
            self.run(role, *statements)
        return str(error.value)

    def state(self) -> dict[str, list[Any]]:
        """Everything that an attack on the gate would have to change."""
        with psycopg.connect(self.url()) as connection:
            return {what: connection.execute(query).fetchall() for what, query in _STATE.items()}

    def aliases(self) -> dict[tuple[str, str], int]:
        """(model, alias) -> version, as anybody reads it."""
        rows = self.run("postgres", "SELECT name, alias, version FROM public.registered_model_aliases")
        return {(name, alias): version for name, alias, version in rows}


@dataclass(frozen=True)
class Server:
    """A server whose template database holds MLflow's own schema, made by MLflow, and the guard."""

    address: str
    numbers: Iterator[int] = field(default_factory=count)

    def database(self, template: str = TEMPLATE) -> Database:
        """A new copy of a template: it takes a few hundredths of a second."""
        name = f"test_{next(self.numbers)}"
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        found = Database(self.address, name)
        if template == TEMPLATE:  # what is granted on a database, and settings of roles in it, are not copied with it
            apply(found.url(), [step for step in steps(ROLES, FREE) if "ON DATABASE" in step.sql])
        return found


def close_what_is_open() -> None:
    """Engines keep connections for the next call; what a test leaves to the garbage collector makes it warn."""
    for item in gc.get_objects():
        if isinstance(item, psycopg.Connection):
            item.close()


@contextmanager
def guarded_server(folder: Path) -> Iterator[Server]:
    """A server with two templates: `mlflow_template` with the guard, `mlflow_bare` with MLflow's tables alone."""
    with postgres_server(folder) as address:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # of the tests' server alone: nothing here must last
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE ROLE mlflow_owner LOGIN")
            connection.execute('CREATE DATABASE "mlflow_bare"')
        with psycopg.connect(url_of(address, "postgres", "mlflow_bare"), autocommit=True) as connection:
            connection.execute("GRANT CREATE ON SCHEMA public TO mlflow_owner")
        _make_tables(sqlalchemy_url(url_of(address, "mlflow_owner", "mlflow_bare")))
        server = Server(address)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{TEMPLATE}" TEMPLATE "mlflow_bare"')
        template = url_of(address, "postgres", TEMPLATE)
        apply(template, steps(ROLES, FREE))
        with psycopg.connect(url_of(address, "mlflow_app", TEMPLATE)) as connection:
            for statement in _MODELS:
                connection.execute(statement)
        yield server


def _make_tables(url: str) -> None:
    """MLflow's own migrations, as the role that is there for them."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(url).engine.dispose()
    SqlAlchemyStore._engine_map.pop(url, None)


_STATE = {
    "aliases": "SELECT workspace, name, alias, version FROM public.registered_model_aliases ORDER BY 1, 2, 3",
    "versions": """SELECT name, version, source, storage_location, run_id, creation_time, current_stage
        FROM public.model_versions ORDER BY 1, 2""",
    "models": "SELECT name FROM public.registered_models ORDER BY 1",
    "grants": "SELECT id, used_at IS NULL FROM fairgate.release_grant ORDER BY 1",
    "free": "SELECT alias FROM fairgate.free_alias ORDER BY 1",
    "triggers": "SELECT tgrelid, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
    "functions": "SELECT oid, proowner, prosrc FROM pg_proc WHERE pronamespace = 'fairgate'::regnamespace ORDER BY 1",
    "tables": """SELECT oid, relname, relowner, relnamespace FROM pg_class
        WHERE relname IN ('registered_model_aliases', 'model_versions', 'registered_models') ORDER BY 1""",
    "roles": "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles ORDER BY 1",
    "members": "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members ORDER BY 1, 2",
}

_MODELS = (
    "INSERT INTO registered_models (name, creation_time) VALUES ('hiring', 1), ('lending', 1)",
    """INSERT INTO model_versions (name, version, creation_time, current_stage, source, storage_location, run_id)
       VALUES ('hiring', 1, 1, 'None', '/m/1', '/m/1', 'r1'), ('hiring', 2, 2, 'None', '/m/2', '/m/2', 'r2'),
              ('lending', 1, 3, 'None', '/m/3', '/m/3', 'r3')""",
)
