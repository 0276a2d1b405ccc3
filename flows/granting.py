"""The guard of a registry on PostgreSQL: which database, which roles, and whether it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flows.settings import Settings
from governance.errors import ConfigurationError, FairgateError

if TYPE_CHECKING:
    from governance.registry.postgres_check import Held
    from governance.registry.postgres_guard import Roles, Step


def is_postgres(uri: str) -> bool:
    """Whether an address, with `governed:` or without, is one of PostgreSQL."""
    return re.match(r"(?:governed:)?postgres(?:ql)?(?:\+\w+)?://", uri) is not None


def roles_of(text: str | None) -> Roles:
    """The roles that FAIRGATE_DB_ROLES names, `mlflow_app=mlflow mlflow=public`; what it leaves out has its default.

    Raises ConfigurationError for words that are no role of ours.
    """
    from governance.registry.postgres_guard import Roles

    pairs = [item.partition("=") for item in (text or "").split()]
    known = ("owner", "app", "mlflow_owner", "mlflow_app", "mlflow")
    wrong = [key for key, equals, _ in pairs if key not in known or not equals]
    if wrong:
        raise ConfigurationError(f"FAIRGATE_DB_ROLES has {wrong[0]!r}: write NAME=ROLE with {', '.join(known)}")
    return Roles(**{key: name for key, _, name in pairs})


def statements(settings: Settings) -> tuple[Step, ...]:
    """What guards the database, with the free aliases of the policy in use."""
    from governance.registry.postgres_guard import steps

    return steps(roles_of(settings.database_roles), _free(settings))


def examined(settings: Settings, admin: str | None = None) -> tuple[Held, ...]:
    """What holds in the database of the ledger, asked as Fairgate's own role, or as `admin`.

    Raises ConfigurationError where neither is an address of PostgreSQL, ServiceError where it does not answer.
    """
    from governance.registry.postgres_check import check

    url = admin or settings.ledger_url
    if not is_postgres(url):
        raise ConfigurationError(
            "the ledger is not on PostgreSQL, so there is no guard to look at: set FAIRGATE_LEDGER to postgresql://..."
        )
    return check(url, roles_of(settings.database_roles), _free_now(settings))


def _free_now(settings: Settings) -> tuple[str, ...]:
    """The free aliases of the policy in force; of the named one where the ledger tells nothing: other rows say so."""
    from flows.wiring import open_desk
    from governance.desk import free_aliases

    try:
        return free_aliases(open_desk(settings))
    except FairgateError:
        return _free(settings)


def _free(settings: Settings) -> tuple[str, ...]:
    """Those of the named policy: an administrator sets the guard up before Fairgate's role can read the ledger."""
    from flows.wiring import policy_bytes
    from governance.policy_file import read_policy

    name, data = policy_bytes(settings)
    return read_policy(data, name=name).free_aliases
