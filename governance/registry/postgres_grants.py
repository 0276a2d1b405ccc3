"""Grants on PostgreSQL: one row lets one alias move once, within a minute, to the version as it stands now."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from governance.database.address import read_address
from governance.database.pool import keep_to_own
from governance.errors import ConfigurationError, ServiceError

# MLflow's workspace is the default one: the gate releases models of no other.
_GIVE = text(
    "INSERT INTO fairgate.release_grant (name, alias, version, expires_at) VALUES (:name, :alias, :version, :until)"
)
_NOT_THERE = ("42P01", "3F000")  # no such table, no such schema


@dataclass(frozen=True)
class PostgresGrants:
    """`governance.registry.grants.Grants` in the schema `fairgate` beside MLflow's tables.

    `url` is that of the ledger: Fairgate's own role, which must not be MLflow's.
    """

    url: str

    def give(self, name: str, alias: str, version: str, until: datetime) -> None:
        """Let this alias move to this version until then, at most for a minute by the database's clock.

        Nothing happens where `fairgate db grant` has not been: there no trigger asks for it. Raises ServiceError where
        the database cannot be reached, ConfigurationError where it refuses the grant.
        """
        row = {"name": name, "alias": alias, "version": int(version), "until": until}
        try:
            with self._engine.begin() as connection:
                connection.execute(_GIVE, row)
        except OperationalError as error:
            raise ServiceError(f"the release cannot be granted now: {error.orig}; try again later") from error
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _NOT_THERE:
                raise ConfigurationError(
                    f"PostgreSQL refuses to grant the release: {error.orig}; see: fairgate db grant --check"
                ) from error

    @cached_property
    def _engine(self) -> Engine:
        engine = create_engine(
            read_address(self.url, "ledger"),
            pool_pre_ping=True,
            connect_args={"application_name": "fairgate grants", "connect_timeout": 10},
        )
        keep_to_own(engine, lambda: (os.getpid(),))
        return engine
