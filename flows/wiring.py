"""The only place that constructs adapters: settings in, ports out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from flows.settings import Settings
from governance.errors import ConfigurationError, ServiceError
from governance.policy_file import read_policy

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.ledger.places import CheckpointPlace
    from governance.ledger.sql import SqlLedger
    from governance.registry.port import Registry


def utc_now() -> datetime:
    """The time now, in UTC: the one clock of the application."""
    return datetime.now(UTC)


def open_ledger(settings: Settings) -> SqlLedger:
    """The ledger of this project, created on first use."""
    from governance.ledger.keys import open_keys
    from governance.ledger.sql import SqlLedger

    _make_home(settings)
    return SqlLedger(settings.ledger_url, open_keys(settings.home / "keys"), utc_now)


def open_desk(settings: Settings) -> Desk:
    """The ledger, evidence, people and policy of this project."""
    from governance.accounts import Accounts
    from governance.desk import Desk
    from governance.evidence import EvidenceStore

    name, data = policy_bytes(settings)
    ledger = open_ledger(settings)
    return Desk(
        ledger=ledger,
        evidence=EvidenceStore(settings.evidence),
        accounts=Accounts(settings.accounts_url, utc_now),
        policy=read_policy(data, name=name),
        policy_bytes=data,
        environment=settings.environment,
        clock=utc_now,
    )


def open_registry(settings: Settings) -> Registry:
    """The model registry: a database through the gate, a server as it is (its own gate answers).

    Telemetry of every library is off before the first one is imported.
    """
    from flows.plugins import remember
    from governance.registry.mlflow_registry import GOVERNED, MlflowRegistry

    silence(settings)
    uri = settings.registry_uri
    if not uri.startswith((GOVERNED, "http:", "https:")):
        uri = GOVERNED + uri
    remember(uri, settings)
    return MlflowRegistry(uri, settings.tracking_uri.removeprefix(GOVERNED))


def checkpoint_places(settings: Settings, registry: Registry | None = None) -> tuple[CheckpointPlace, ...]:
    """Where the ledger's checkpoints are copied to: files, and the registry where one is open."""
    from governance.ledger.checkpoint import log_key
    from governance.ledger.places import FilePlace
    from governance.registry.checkpoint_place import RegistryPlace

    files = tuple(FilePlace(path) for path in settings.checkpoints)
    if registry is None:
        return files
    return (*files, RegistryPlace(registry, log_key(open_ledger(settings).keys.log.public)))


def policy_bytes(settings: Settings) -> tuple[str, bytes]:
    """The policy file's name and bytes: the one named in FAIRGATE_POLICY, or the default that ships."""
    if settings.policy is None:
        return "default.toml", files("governance").joinpath("policies", "default.toml").read_bytes()
    try:
        return str(settings.policy), settings.policy.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"FAIRGATE_POLICY names {settings.policy}, which cannot be read: {error.strerror}"
        ) from error


def silence(settings: Settings) -> None:
    """Switch off every library's telemetry and keep Prefect's files inside the project."""
    defaults = {
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        # Prefect puts a console on the root logger: what other libraries warn of there, our one sentence says.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",
        "PREFECT_HOME": str(settings.prefect_home),
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ServiceError(f"{settings.home} cannot be created: {error.strerror}; set FAIRGATE_HOME") from error
