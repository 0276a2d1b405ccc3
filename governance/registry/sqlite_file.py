"""Look before MLflow does: it creates an empty database wherever it is pointed at."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from governance.errors import ConfigurationError, ServiceError

_SQLITE = re.compile(r"(?:[a-z-]+:)?sqlite(?:\+\w+)?:///(?P<path>[^?]+)")


def sqlite_path(uri: str) -> Path | None:
    """The absolute path of the database file in a `sqlite:///` URI (also behind `governed:`), None for others."""
    found = _SQLITE.match(uri)
    if found is None or found["path"] == ":memory:":
        return None
    return Path(found["path"]).absolute()


def refuse_absent(uri: str) -> None:
    """Raises ConfigurationError where the URI names a SQLite file that is missing or is no MLflow database.

    Raises ServiceError where the file is there but cannot be read now.
    """
    path = sqlite_path(uri)
    if path is None:
        return
    way_out = "run the command in the folder of your MLflow project, register a model there, or set MLFLOW_REGISTRY_URI"
    if not path.is_file():
        raise ConfigurationError(f"no registry at {path}: {way_out}")
    try:
        # Read-only: looking must not change anything, not even by leaving an empty file.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=20)) as database:
            found = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'registered_models'").fetchone()
    except sqlite3.OperationalError as error:
        raise ServiceError(f"the registry {path} cannot be read now: {error}; try again later") from error
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{path} is not a SQLite database ({error}): {way_out}") from error
    if found is None:
        raise ConfigurationError(f"{path} holds no MLflow registry: {way_out}")
