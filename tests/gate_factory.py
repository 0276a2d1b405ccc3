"""For tests of the gate in MLflow's own calls: a governed client, and what a refusal must leave behind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from project_factory import ALIAS, OFFICERS, Project

from flows.settings import Settings
from governance.registry import sqlite_guard
from governance.statement import PredicateType

STEPS = (PredicateType.PROMOTION_INTENT, PredicateType.PROMOTION, PredicateType.DEMOTION)


def governed_uri(settings: Settings) -> str:
    """The registry's address with the gate."""
    return "governed:" + settings.registry_uri


def governed_client(project: Project) -> Any:
    """MLflow's own client, unmodified, on the governed address; its store has this project's settings."""
    from mlflow import MlflowClient

    assert project.registry is not None  # opening it tells the plug-in the settings
    return MlflowClient(tracking_uri=project.settings.tracking_uri, registry_uri=governed_uri(project.settings))


def governed_store(project: Project) -> Any:
    """The store behind `governed_client`."""
    from mlflow.tracking._model_registry.utils import _get_store

    assert project.registry is not None
    return _get_store(governed_uri(project.settings), project.settings.tracking_uri)


@contextmanager
def refused(project: Project, name: str, *words: str) -> Iterator[None]:
    """What happens inside is refused with HTTP 403 and these words, and what serves stays as it was."""
    from mlflow.exceptions import MlflowException

    before = serving(project, name)
    steps = len(project.entries(*STEPS))
    try:
        yield
    except MlflowException as error:
        assert error.error_code == "PERMISSION_DENIED", error
        assert error.get_http_status_code() == 403
        assert not [word for word in words if word not in str(error)], str(error)
    else:
        raise AssertionError("it was not refused")
    assert serving(project, name) == before
    assert len(project.entries(*STEPS)) == steps


def serving(project: Project, name: str) -> dict[str, Any]:
    """Aliases, stages and sources of a model as the database has them, read without the gate."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(project.folder / "mlflow.db")) as database:
        aliases = database.execute("SELECT alias, version FROM registered_model_aliases WHERE name = ?", (name,))
        rows = "SELECT version, current_stage, source, storage_location FROM model_versions WHERE name = ?"
        return {"aliases": dict(aliases.fetchall()), "versions": database.execute(rows, (name,)).fetchall()}


def approved(project: Project, name: str, **how: Any) -> str:
    """A version that was asked for and that both officers have signed; not live yet."""
    version = project.register(name, **how)
    assert project.ask(name, version).word == "Held"
    project.approve(name, version, OFFICERS)
    return version


def stage(client: Any, name: str, version: str, to: str, **options: Any) -> Any:
    """Change a stage, without MLflow's warning that stages will go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return client.transition_model_version_stage(name, version, to, **options)


def without_guard(project: Project, act: Callable[[], None]) -> None:
    """Do something in the file as who may write it: the triggers are dropped first."""
    sqlite_guard.remove(project.folder / "mlflow.db")
    act()


__all__ = ["ALIAS"]
