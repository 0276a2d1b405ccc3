"""Grants on PostgreSQL: one row lets one alias move once, within a minute, to the version as it stands now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from governance.errors import ConfigurationError, ServiceError
from governance.registry.postgres_guard import connected

_GIVE = "INSERT INTO fairgate.release_grant (workspace, name, alias, version, expires_at) VALUES (%s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class PostgresGrants:
    """`governance.registry.grants.Grants` in the schema `fairgate` beside MLflow's tables.

    `url` is of Fairgate's own role, which must not be MLflow's. `workspace` tells MLflow's workspace of the call.
    """

    url: str
    workspace: Callable[[], str] = lambda: "default"

    def give(self, name: str, alias: str, version: str, until: datetime) -> None:
        """Let this alias move to this version until then, at most for a minute by the database's clock.

        Raises ServiceError where the database cannot be reached, ConfigurationError where it refuses the grant.
        """
        from psycopg import DatabaseError, OperationalError

        try:
            with connected(self.url) as connection:
                connection.execute(_GIVE, (self.workspace(), name, alias, int(version), until))
        except OperationalError as error:
            raise ServiceError(f"the release cannot be granted now: {error}; try again later") from error
        except DatabaseError as error:
            raise ConfigurationError(
                f"PostgreSQL does not take the grant: {error}; see: fairgate db grant --check"
            ) from error


def grants_at(url: str, workspace: Callable[[], str] = lambda: "default") -> PostgresGrants | None:
    """The grants of the database at this URL; None where `fairgate db grant` has not been there.

    Raises ServiceError where it cannot be reached: whether a second lock is there must be known before a move.
    """
    with connected(url) as connection:
        row = connection.execute("SELECT to_regclass('fairgate.release_grant')").fetchone()
    return PostgresGrants(url, workspace) if row is not None and row[0] is not None else None
