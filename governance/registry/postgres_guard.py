"""The guard of MLflow's tables on PostgreSQL: four roles, triggers, and the table of grants that lets an alias move.

The statements stand in `postgres_guard.sql`, for reading before they are run; running them again changes nothing.
Why it is built so: docs/adr/0012-postgresql-guard.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable

OLDEST = 150_000  # PostgreSQL 15: privileges on parameters, and public is closed to everybody by default
APPENDED = ("entry", "entry_subject", "checkpoint")
MOVED = ("head",)
EDITED = (
    *("person", "failure", "failures", "session", "code_secret", "passkey_use", "pending", "reading", "identity"),
    "sign_on",
)
"""Tables of the schema `fairgate` by what the application does with their rows; it only reads every other one."""

FUNCTIONS = (
    "bind_grant",
    "refuse_other_isolation",
    "is_live",
    "has_governed_alias",
    "spend_grant",
    "guard_alias",
    "guard_stage",
    "guard_version",
    "guard_rename",
    "refuse_truncate",
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TITLE = "--# "


@dataclass(frozen=True, slots=True)
class Roles:
    """Names in one database of PostgreSQL. `mlflow` is the schema of MLflow's tables, the others are roles.

    `owner` owns the schema `fairgate` and cannot log in; Fairgate's processes log in as `app`, MLflow as `mlflow_app`;
    `mlflow_owner` is for MLflow's migrations. Raises ConfigurationError for names that would need quoting, and for
    one name twice.
    """

    owner: str = "fairgate_owner"
    app: str = "fairgate_app"
    mlflow_owner: str = "mlflow_owner"
    mlflow_app: str = "mlflow_app"
    mlflow: str = "public"

    def __post_init__(self) -> None:
        """Check the names."""
        for field in fields(self):
            name = getattr(self, field.name)
            if not _NAME.fullmatch(name) or name.startswith("pg_"):
                raise ConfigurationError(
                    f"{field.name} is {name!r}: write 1 to 63 of a-z, 0-9 and underscore, not beginning with pg_"
                )
        if len(set(self.names)) < len(self.names):
            raise ConfigurationError(f"the four roles are {', '.join(self.names)}: one name cannot be two of them")
        if self.mlflow == "fairgate":
            raise ConfigurationError("MLflow's tables cannot be in the schema fairgate, which its roles may not enter")

    @property
    def names(self) -> tuple[str, str, str, str]:
        """The four roles."""
        return self.owner, self.app, self.mlflow_owner, self.mlflow_app


@dataclass(frozen=True, slots=True)
class Step:
    """Statements that belong together, and what they bring about."""

    title: str
    sql: str


def steps(roles: Roles, free_aliases: Sequence[str]) -> tuple[Step, ...]:
    """Everything that guards one database, in order. Names and values are quoted by psycopg."""
    return parts_of("postgres_guard.sql", {**names_of(roles), "free": texts(free_aliases)})


def script(parts: Sequence[Step]) -> str:
    """The statements as one file for psql, in one transaction."""
    body = "\n\n".join(f"-- {part.title}\n{part.sql}" for part in parts)
    return f"BEGIN;\n\n{body}\n\nCOMMIT;\n"


def apply(url: str, parts: Sequence[Step]) -> None:
    """Run the statements in one transaction: all of them hold afterwards, or nothing has changed.

    `url` is that of a superuser in MLflow's database. Raises ServiceError where the server cannot be reached,
    ConfigurationError where it refuses.
    """
    from psycopg import errors

    with connected(url) as connection:
        for part in parts:
            try:
                connection.execute(part.sql.encode())  # without parameters the server takes several statements
            except errors.UndefinedTable as error:
                raise ConfigurationError(
                    f"{_first(error)}: MLflow's tables are made first, by: mlflow db upgrade URI-OF-THE-MIGRATION-ROLE"
                ) from error
            except errors.InsufficientPrivilege as error:
                raise ConfigurationError(
                    f"{part.title!r} was refused ({_first(error)}): use the URL of a superuser; nothing was changed"
                ) from error


@contextmanager
def connected(url: str) -> Iterator[Connection[Any]]:
    """One transaction on the database at a SQLAlchemy or libpq URL, committed at the end of the block.

    Raises ServiceError where the server cannot be reached, ConfigurationError for what is no URL of PostgreSQL.
    """
    import psycopg

    address = address_of(url)
    try:
        # psycopg itself leaves a connection open whose COMMIT is refused.
        with closing(psycopg.connect(address, connect_timeout=10)) as connection, connection:
            if connection.info.server_version < OLDEST:
                raise ConfigurationError(
                    f"the server is PostgreSQL {connection.info.server_version // 10_000}; Fairgate needs 15 or newer"
                )
            yield connection
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:  # libpq cannot read the address; its message may repeat the password
            raise ConfigurationError("the database URL cannot be read: write postgresql://USER@HOST/DATABASE") from None
        raise
    except psycopg.OperationalError as error:
        raise ServiceError(f"the database cannot be reached: {_first(error)}; try again later") from error


def address_of(url: str) -> str:
    """The URL as libpq reads it: `governed:` and the name of a driver are ours and SQLAlchemy's words.

    Raises ConfigurationError for any other database.
    """
    found = re.fullmatch(r"(?:governed:)?postgres(?:ql)?(?:\+\w+)?://(?P<rest>.*)", url, re.DOTALL)
    if found is None:
        raise ConfigurationError(
            f"{url.partition('://')[0]!r} is not PostgreSQL: the guard of MLflow's tables needs postgresql://..."
        )
    return f"postgresql://{found['rest']}"


def parts_of(file: str, values: Mapping[str, Any]) -> tuple[Step, ...]:
    """The titled parts of one of this package's SQL files, with `values` (already quoted) in their places."""
    from psycopg import sql

    template = files("governance.registry").joinpath(file).read_text(encoding="utf-8")
    parts = (part.split("\n", 1) for part in template.split(_TITLE)[1:])
    # No part of the text is given by anybody: it is a file of this package, read as it was shipped.
    return tuple(Step(title, sql.SQL(body.strip()).format(**values).as_string(None)) for title, body in parts)


def names_of(roles: Roles) -> dict[str, Any]:
    """What stands for names in the SQL files: `{app}` as an identifier, `{app_text}` as a text."""
    from psycopg.sql import Identifier, Literal

    given = {field.name: getattr(roles, field.name) for field in fields(roles)}
    tables = {
        "aliases": "registered_model_aliases",
        "versions": "model_versions",
        "models": "registered_models",
        "migrations": "alembic_version",
    }
    names = {key: Identifier(name) for key, name in given.items()}
    quoted = {f"{key}_text": Literal(name) for key, name in given.items()}
    places = {f"{key}_text": Literal(f"{roles.mlflow}.{table}") for key, table in tables.items()}
    lists = {"functions": FUNCTIONS, "appended": APPENDED, "moved": MOVED, "edited": EDITED, "roles": roles.names}
    arrays = {key: texts(values) for key, values in lists.items()}
    return {**names, **quoted, **places, **arrays}


def texts(values: Sequence[str]) -> Composable:
    """An array of quoted texts."""
    from psycopg.sql import SQL, Literal

    return SQL("ARRAY[{}]::text[]").format(SQL(", ").join(map(Literal, values)))


def _first(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
