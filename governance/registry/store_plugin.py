"""MLflow's registry store with the gate inside: `governed:<any SQLAlchemy URI>`. Nothing of MLflow's own is replaced.

A mixin over MLflow's SQLAlchemy stores, so clients, REST, the UI and the basic-auth app work as they are. Every method
is classified in `tests/contract/test_store_plugin.py`; what MLflow adds must be classified there before it passes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from governance.errors import FairgateError, MeasurementError
from governance.gatekeeper import Gatekeeper, Move
from governance.people import Actor
from governance.registry import backstop, sqlite_guard
from governance.registry.acting import who_acts
from governance.registry.artifact_bytes import ArtifactBytes, model_id_in, proxied_to
from governance.registry.manifest import manifest_of
from governance.registry.port import RegisteredVersion
from governance.registry.reserved import is_reserved
from governance.registry.sqlite_file import sqlite_path
from governance.subject import Manifest

PREFIX = "governed:"
ANONYMOUS = Actor("mlflow", "anonymous", "somebody through MLflow without a login", kind="machine")
_PROMPT = "mlflow.prompt.is_prompt"
_ELSEWHERE = {"governance.state": "not governed: Fairgate releases models of the default workspace only"}

if TYPE_CHECKING:
    _Base: Any = object
else:
    _Base = object


def open_store(store_uri: str, tracking_uri: str | None, gate: Gatekeeper) -> Any:
    """MLflow's store for the address behind `governed:`, with the gate. Raises what MLflow's own store raises."""
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
    from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

    base = WorkspaceAwareSqlAlchemyStore if MLFLOW_ENABLE_WORKSPACES.get() else SqlAlchemyStore
    return _governed(base)(store_uri.removeprefix(PREFIX), gate, tracking_uri)


@cache
def _governed(base: type) -> Any:
    """The class. Its engines are its own: a plain store's connections must not have Fairgate's function."""
    return type(f"Governed{base.__name__}", (GovernedStore, base), {"_engine_map": {}})


class GovernedStore(_Base):  # type: ignore[misc]
    """What is put over MLflow's store. `name`, `alias`, `version` are as whoever calls MLflow wrote them."""

    def __init__(self, db_uri: str, gate: Gatekeeper, tracking_uri: str | None = None) -> None:
        """Opens the database as MLflow does, then guards it in this process and, on SQLite, in the file."""
        super().__init__(db_uri)
        self._gate, self._tracking_uri = gate, tracking_uri
        backstop.watch(self.engine.url, gate.free_aliases)
        self._guard_file()

    @classmethod
    def _get_or_create_engine(cls, db_uri: str) -> Any:
        """MLflow's engine; on SQLite every connection gets the function that the guard's grants ask."""
        from sqlalchemy import event

        known = db_uri in cls._engine_map
        engine = super()._get_or_create_engine(db_uri)
        if not known and engine.dialect.name == "sqlite":
            event.listen(engine, "connect", lambda connection, _: sqlite_guard.admit(connection, backstop.is_opened))
            engine.dispose()  # connections from before have no such function
        return engine

    # --- gated ----------------------------------------------------------------------------------------------------

    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Point an alias to a version: a free alias at once, any other where the release of its bytes stands."""
        if self._is_free(alias):
            with _refusing(f"point the alias {alias} of {name} to version {version}"):
                self._guard_file()
            super().set_registered_model_alias(name, alias, version)
            return
        found = super().get_model_version(name, version)
        move = super().set_registered_model_alias
        self._move(found, alias, lambda: move(found.name, alias, found.version))

    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: Any
    ) -> Any:
        """Change a stage: Staging and Production are gated like the aliases `staging` and `production`."""
        from mlflow.entities.model_registry.model_version_stages import get_canonical_stage

        stage = get_canonical_stage(stage)
        found, change = super().get_model_version(name, version), super().transition_model_version_stage
        if stage not in backstop.STAGES or self._is_free(stage.lower()):
            self._record_stage_left(found, stage)
            return self._told(change(found.name, found.version, stage, archive_existing_versions))
        self._move(found, stage.lower(), lambda: change(found.name, found.version, stage, archive_existing_versions))
        self._record_stage_left(found, stage)
        return self.get_model_version(found.name, found.version)

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        """Refused while something governed is live under the name: aliases would follow to a name nobody signed."""
        self._refuse_live("rename it", name)
        return self._told_model(super().rename_registered_model(name, new_name))

    def delete_registered_model(self, name: str) -> None:
        """Refused while something governed is live under the name: version numbers begin again at 1."""
        self._refuse_live("delete it", name)
        super().delete_registered_model(name)

    def delete_model_version(self, name: str, version: Any) -> None:
        """Refused while the version is live: it would take its aliases along and leave no trace of what it was."""
        found = super().get_model_version(name, version)
        self._refuse_live("delete it", found.name, str(found.version))
        super().delete_model_version(name, version)

    # --- recorded -------------------------------------------------------------------------------------------------

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Withdraw an alias: never refused, whatever the ledger says or cannot say."""
        if self._is_ours() and not self._is_free(alias):
            self._gate.withdrawn(name, alias, _caller())
        super().delete_registered_model_alias(name, alias)

    # --- reserved tags: stripped where something is made, refused where they are set, true where something is read ----

    def create_registered_model(
        self, name: str, tags: Any = None, description: Any = None, deployment_job_id: Any = None
    ) -> Any:
        """Reserved tags are dropped: only Fairgate speaks in them."""
        made = super().create_registered_model(name, _speakable(tags), description, deployment_job_id)
        return self._told_model(made)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: Any = None,
        tags: Any = None,
        run_link: Any = None,
        description: Any = None,
        local_model_path: Any = None,
        model_id: Any = None,
    ) -> Any:
        """A new version, of which no release was asked for. A copy brings the tags of its source: they are dropped.

        MLflow's client looks at the names of these parameters before it calls.
        """
        more = {"local_model_path": local_model_path, "model_id": model_id}
        made = super().create_model_version(name, source, run_id, _speakable(tags), run_link, description, **more)
        return self._told(made)

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Refused for reserved keys, and for the tag that would hide a model from every list."""
        _refuse_reserved(tag.key)
        if tag.key == _PROMPT:
            self._refuse_live("turn it into a prompt, which no list of models shows", name)
        super().set_registered_model_tag(name, tag)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Refused for reserved keys."""
        _refuse_reserved(key)
        super().delete_registered_model_tag(name, key)

    def set_model_version_tag(self, name: str, version: Any, tag: Any) -> None:
        """Refused for reserved keys."""
        _refuse_reserved(tag.key)
        super().set_model_version_tag(name, version, tag)

    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Refused for reserved keys."""
        _refuse_reserved(key)
        super().delete_model_version_tag(name, version, key)

    def get_registered_model(self, name: str) -> Any:
        """With what the ledger says of its aliases."""
        return self._told_model(super().get_registered_model(name))

    def update_registered_model(self, *args: Any, **more: Any) -> Any:
        """Only the description changes."""
        return self._told_model(super().update_registered_model(*args, **more))

    def search_registered_models(self, *args: Any, **more: Any) -> Any:
        """With what the ledger says of each. A filter on reserved tags sees what is stored, which is nothing."""
        return self._told_each(super().search_registered_models(*args, **more), self._told_model)

    def get_latest_versions(self, name: str, stages: Any = None) -> Any:
        """With how each stands."""
        return [self._told(item) for item in super().get_latest_versions(name, stages)]

    def update_model_version(self, *args: Any, **more: Any) -> Any:
        """Only the description changes."""
        return self._told(super().update_model_version(*args, **more))

    def get_model_version(self, name: str, version: Any) -> Any:
        """With how it stands."""
        return self._told(super().get_model_version(name, version))

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        """With how it stands."""
        return self._told(super().get_model_version_by_alias(name, alias))

    def search_model_versions(self, *args: Any, **more: Any) -> Any:
        """With how each stands. A filter on reserved tags sees what is stored, which is nothing."""
        return self._told_each(super().search_model_versions(*args, **more), self._told)

    # --- the shelf of `governance.gatekeeper` ----------------------------------------------------------------------

    def _is_ours(self) -> bool:
        """Whether the call is about the workspace whose models the ledger names: elsewhere names say nothing."""
        return str(self._get_active_workspace()) == _workspace()

    def _is_free(self, alias: str) -> bool:
        return alias in self._gate.free_aliases()

    def _guard_file(self) -> None:
        """The triggers of a SQLite file name the free aliases, which the policy in force may have changed."""
        path = sqlite_path(self.db_uri)
        if path is not None:
            sqlite_guard.install(path, self._gate.free_aliases())

    def _move(self, found: Any, alias: str, move: Callable[[], Any]) -> None:
        name, version = str(found.name), str(found.version)
        what = f"point the alias {alias} of {name} to version {version}"

        def act() -> None:
            with backstop.opened(name, alias, version):
                move()

        with _refusing(what):
            _refuse_workspace(found)
            self._gate.move(_Shelf(self, super(), found), Move(name, alias, version, _caller()), act)

    def _refuse_live(self, what: str, name: str, version: str | None = None) -> None:
        model = super().get_registered_model(name)
        live = [alias for alias, number in model.aliases.items() if version in (None, str(number))]
        staged = [item for item in super().get_latest_versions(name) if version in (None, str(item.version))]
        live += [item.current_stage.lower() for item in staged if item.current_stage in backstop.STAGES]
        with _refusing(what):
            self._gate.refuse_live(what, name, tuple(live), version)

    def _record_stage_left(self, found: Any, to: str) -> None:
        stage = str(found.current_stage).lower()
        if found.current_stage == to or found.current_stage not in backstop.STAGES or not self._is_ours():
            return
        if not self._is_free(stage):
            self._gate.withdrawn(found.name, stage, _caller(), str(found.version))

    def _told(self, version: Any) -> Any:
        name, number = str(version.name), str(version.version)
        made = int(version.creation_timestamp)
        ours = self._gate.version_tags(name, number, made) if self._is_ours() else _ELSEWHERE
        version._tags = _true(version._tags, ours)
        return version

    def _told_model(self, model: Any) -> Any:
        aliases = {str(alias): str(version) for alias, version in model.aliases.items()}
        ours = self._gate.model_tags(str(model.name), aliases) if self._is_ours() else _ELSEWHERE
        model._tags = _true(model._tags, ours)
        for version in model.latest_versions or ():
            self._told(version)
        return model

    def _told_each(self, page: Any, tell: Callable[[Any], Any]) -> Any:
        for item in page:
            tell(item)
        return page


class _Shelf:
    """MLflow's own store as the gate sees it: read past the tags, bytes from where MLflow would serve them."""

    def __init__(self, store: Any, plain: Any, found: Any) -> None:
        self._store, self._plain, self._found = store, plain, found

    def version(self, name: str, version: str) -> RegisteredVersion:
        """The registered version. That which is to be moved was read a moment ago."""
        same = (name, version) == (str(self._found.name), str(self._found.version))
        found = self._found if same else self._plain.get_model_version(name, version)
        source = found.source or ""
        return RegisteredVersion(
            registry=_address(self._store.engine.url),
            name=str(found.name),
            version=str(found.version),
            created_at=int(found.creation_timestamp),
            source=source,
            run_id=found.run_id or None,
            model_id=found.model_id or model_id_in(source),
        )

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        """The version that the alias points to, or that is newest in the stage of that name."""
        number = self._plain.get_registered_model(name).aliases.get(alias)
        if number is None and alias in {stage.lower() for stage in backstop.STAGES}:
            staged = [item.version for item in self._plain.get_latest_versions(name, [alias])]
            number = staged[0] if staged else None
        return None if number is None else self.version(name, str(number))

    def manifest(self, version: RegisteredVersion) -> Manifest:
        """Digests of the bytes that MLflow would serve now. Raises MeasurementError where they cannot be had."""
        uri = str(self._plain.get_model_version_download_uri(version.name, version.version))
        what = f"the files of {version.name} v{version.version} at {uri[:200]!r}"
        try:
            with self._bytes().files(uri) as place:
                return manifest_of(place)
        except FairgateError as error:
            raise MeasurementError(f"{what} cannot be hashed: {error}") from error
        except Exception as error:
            raise MeasurementError(f"{what} cannot be had: {type(error).__name__}: {error}") from error

    def _bytes(self) -> ArtifactBytes:
        def download_uri(name: str, version: str) -> str:
            return str(self._plain.get_model_version_download_uri(name, version))

        registry_uri = PREFIX + self._store.db_uri
        return ArtifactBytes(download_uri, self._tracking, self._store._tracking_uri, registry_uri, proxied_to())

    def _tracking(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self._store._tracking_uri)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Everything that Fairgate cannot answer with yes is a refusal that MLflow hands on as HTTP 403."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException:
        raise
    except FairgateError as error:
        text = str(error)
        _deny(text if text.startswith("Fairgate did not") else f"Fairgate did not {what}: {text}", error)
    except Exception as error:  # noqa: BLE001 - a gate that crashes is a gate that is closed
        _deny(f"Fairgate did not {what}: the gate cannot answer ({type(error).__name__}: {error})", error)


def _deny(message: str, cause: Exception | None = None) -> NoReturn:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    raise MlflowException(message, error_code=PERMISSION_DENIED) from cause


def _refuse_reserved(key: str) -> None:
    if is_reserved(key):
        _deny(
            f"Fairgate did not change the tag {key!r}: tags that begin with 'governance.' say what the ledger says; "
            "choose another name"
        )


def _refuse_workspace(found: Any) -> None:
    workspace = getattr(found, "workspace", _workspace())
    if workspace != _workspace():
        _deny(
            f"Fairgate did not move the alias: it releases models of the workspace {_workspace()!r}, and "
            f"{found.name} is in {workspace!r}; register it there"
        )


def _workspace() -> str:
    """The workspace of every model in a store without workspaces, and the one that the ledger's targets are in."""
    from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

    return str(DEFAULT_WORKSPACE_NAME)


def _speakable(tags: Iterable[Any] | None) -> list[Any] | None:
    return None if tags is None else [tag for tag in tags if not is_reserved(tag.key)]


def _true(stored: dict[str, str], ours: dict[str, str]) -> dict[str, str]:
    """What is stored without anything reserved, and what is true."""
    return {key: value for key, value in stored.items() if not is_reserved(key)} | ours


def _caller() -> Actor:
    """Fairgate itself; or the user that MLflow's basic-auth app has authenticated for this request; or nobody known."""
    own = who_acts()
    if own is not None:
        return own
    flask = sys.modules.get("flask")
    if flask is not None and flask.has_request_context():
        user = getattr(flask.g, "mlflow_authenticated_user", None)
        if user:
            return Actor("mlflow", str(user), str(user))
    return ANONYMOUS


def _address(url: Any) -> str:
    """The database's address without user and password."""
    return str(url.set(username=None, password=None))
