"""Whether a database is guarded as `postgres_guard` makes it: asked of PostgreSQL's catalogue, by any role of Fairgate.

Each question is a query in `postgres_check.sql` that returns one text for everything that does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from governance.errors import ConfigurationError
from governance.registry.postgres_guard import FUNCTIONS, Roles, connected, names_of, parts_of, steps, texts

if TYPE_CHECKING:
    from psycopg import Connection

_FUNCTION = re.compile(
    r"FUNCTION fairgate\.(?P<name>\w+)\(.*?^LANGUAGE (?P<head>[^$]*?)AS \$fairgate\$(?P<body>.*?)\$fairgate\$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that must hold, and what speaks against it: nothing where it holds."""

    what: str
    problems: tuple[str, ...]


def check(url: str, roles: Roles, free_aliases: Sequence[str]) -> tuple[Held, ...]:
    """Look at everything. Where the roles or the tables are missing, only that is said: the rest cannot be asked.

    `url` is of any role that may read the schema fairgate. Raises ServiceError where the server cannot be reached.
    """
    values = {**names_of(roles), "free": texts(free_aliases), **_functions(roles)}
    first, *others = parts_of("postgres_check.sql", values)
    with connected(url) as connection:
        held = Held(first.title, _problems(connection, first.sql))
        absent = _absent(connection, roles)
        if held.problems or absent:
            return held, Held("the tables are there", absent)
        return held, *(Held(part.title, _problems(connection, part.sql)) for part in others)


def _problems(connection: Connection[Any], query: str) -> tuple[str, ...]:
    from psycopg import errors

    try:
        return tuple(str(row[0]) for row in connection.execute(query.encode()))
    except errors.InsufficientPrivilege as error:
        who = connection.info.user
        raise ConfigurationError(
            f"{who!r} may not look into the schema fairgate: use Fairgate's role ({error})"
        ) from error


def _absent(connection: Connection[Any], roles: Roles) -> tuple[str, ...]:
    mlflow = ("registered_models", "model_versions", "registered_model_aliases")
    wanted = [f"{roles.mlflow}.{table}" for table in mlflow] + ["fairgate.release_grant", "fairgate.free_alias"]
    # Not to_regclass: it answers as if there were none where a schema may not be entered.
    query = """SELECT wanted FROM unnest(%s::text[]) AS wanted WHERE NOT EXISTS (
        SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname || '.' || relname = wanted)"""
    return tuple(f"{row[0]} is missing" for row in connection.execute(query, (wanted,)))


def _functions(roles: Roles) -> dict[str, Any]:
    """The bodies of the functions as this version writes them, and which of them run as their owner."""
    from psycopg.sql import SQL, Literal

    written = "\n".join(step.sql for step in steps(roles, ()))
    found = {item["name"]: item for item in _FUNCTION.finditer(written)}
    bodies = texts([found[name]["body"] for name in FUNCTIONS])
    definers = SQL(", ").join(Literal("SECURITY DEFINER" in found[name]["head"]) for name in FUNCTIONS)
    return {"bodies": bodies, "definers": SQL("ARRAY[{}]").format(definers)}
