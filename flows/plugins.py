"""What MLflow finds by entry point. A few lines: settings are read, the desk is opened, the gate is handed over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from flows.granting import is_postgres
from flows.settings import Settings, read_settings

if TYPE_CHECKING:
    from governance.desk import Desk
    from governance.gatekeeper import Gatekeeper
    from governance.registry.grants import Grants
    from governance.registry.port import Registry
    from governance.registry.postgres_grants import PostgresGrants
    from governance.subject import Target

_SETTINGS: dict[str, Settings] = {}


def remember(store_uri: str, settings: Settings) -> None:
    """In this process the registry at this address is governed by these settings, not by the environment's."""
    _SETTINGS[store_uri] = settings


def governed_store(store_uri: str, tracking_uri: str | None = None) -> Any:
    """MLflow's registry store for `governed:<SQLAlchemy URI>`."""
    from governance.registry.store_plugin import open_store

    def settings() -> Settings:
        return _SETTINGS.get(store_uri) or read_settings()

    grants = _Grants(settings) if is_postgres(store_uri) else None
    return open_store(store_uri, tracking_uri, _gate(settings, grants))


@dataclass(frozen=True, slots=True)
class _Grants:
    """The second lock, where registry and ledger are on PostgreSQL: settings are asked at each call."""

    settings: Callable[[], Settings]

    def give(self, name: str, alias: str, version: str, until: datetime) -> None:
        """See `governance.registry.grants.Grants.give`."""
        url = self.settings().ledger_url
        if is_postgres(url):
            _grants_at(url).give(name, alias, version, until)


@cache
def _grants_at(url: str) -> PostgresGrants:
    from governance.registry.postgres_grants import PostgresGrants

    return PostgresGrants(url)


def _gate(settings: Callable[[], Settings], grants: Grants | None) -> Gatekeeper:
    from flows.locks import target_lock
    from governance.gatekeeper import Gatekeeper

    def lock(name: str, target: Target, seconds: float) -> AbstractContextManager[None]:
        return target_lock(settings(), name, target.alias, seconds=seconds)

    return Gatekeeper(
        desk=lambda: _desk(settings()),
        lock=lock,
        grants=grants,
        console=lambda: f"http://localhost:{settings().console_port}",
    )


def _desk(settings: Settings) -> Desk:
    """The desk under the policy as its file is now. The ledger stays open: it knows what it has verified already."""
    from flows.wiring import policy_bytes
    from governance.policy_file import read_policy

    name, data = policy_bytes(settings)
    desk = _opened(settings)
    return desk if data == desk.policy_bytes else replace(desk, policy=read_policy(data, name=name), policy_bytes=data)


@cache
def _opened(settings: Settings) -> Desk:
    from flows.wiring import open_desk

    return open_desk(settings)


def governed_models(artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> Any:
    """MLflow's artifact repository for `governed-models:/NAME@ALIAS`, over the registry of this process's settings."""
    from governance.registry.artifact_plugin import repository

    return repository(artifact_uri, tracking_uri, registry_uri, _both)


def _both() -> tuple[Desk, Registry]:
    from flows.wiring import open_registry

    settings = read_settings()
    return _desk(settings), open_registry(settings)
