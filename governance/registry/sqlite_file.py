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
        found = _holds_registry(path)
    except sqlite3.OperationalError as error:
        raise ServiceError(f"the registry {path} cannot be read now: {error}; try again later") from error
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"{path} is not a SQLite database ({error}): {way_out}") from error
    if not found:
        raise ConfigurationError(f"{path} holds no MLflow registry: {way_out}")


def _holds_registry(path: Path) -> bool:
    """Whether the database has MLflow's tables. Looking changes nothing, not even by leaving an empty file.

    With one exception: a writer that was killed in the middle leaves a journal, and until it is rolled back nobody can
    read. Whoever may write does that on opening; SQLite keeps a lock over it.
    """
    query = "SELECT 1 FROM sqlite_master WHERE name = 'registered_models'"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query).fetchone() is not None
    except sqlite3.OperationalError:
        if not path.with_name(path.name + "-journal").exists():
            raise
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=20)) as database:
            return database.execute(query).fetchone() is not None
