"""Data that is no single file, taken once: what is validated, scored and measured are then the same bytes.

A table of a database changes while it is read, and a folder grows. Its rows are written to one Parquet file, named by
its digest, which stays: evidence that names the digest can be computed again. It holds personal data, so only the
owner may read it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from audits.source_uri import SourceKind, holds_password, shown, source_kind, table_address
from flows.settings import Settings
from governance.digests import digest_file
from governance.errors import ConfigurationError


def taken(settings: Settings, table: str) -> Path:
    """The rows of `table` as a file below `settings.data`; equal rows in equal order give the same file.

    Raises ConfigurationError for a password in the address, ServiceError for a database that cannot be reached,
    MeasurementError for a table that cannot be read.
    """
    from audits.pinned import pinned
    from audits.table import column_names

    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with pinned(table, column_names(table)) as rows:
        final = settings.data / f"{digest_file(rows).removeprefix('sha256:')}.parquet"
        scratch = final.with_suffix(".part")
        shutil.copyfile(rows, scratch)
        scratch.chmod(0o600)
        scratch.replace(final)
    return final


def allowed(settings: Settings, name: str) -> bool:
    """May a plan name this database? A plan travels with a model: it must not choose where this machine connects.

    Files of DuckDB and Spark follow the rule of files, which the caller knows. Raises ConfigurationError for an
    address with a password, or one that cannot be read.
    """
    if holds_password(name):
        raise ConfigurationError(
            f"the data {shown(name)} is named with a password: leave it out, and give it in PGPASSWORD or ~/.pgpass"
        )
    address = table_address(name).place if source_kind(name) is SourceKind.POSTGRESQL else name
    return address in settings.databases
