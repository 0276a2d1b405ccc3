"""Whether MLflow meets the gate here, what stands behind it, which ways past it are in use: for `fairgate doctor`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from flows.granting import examined, is_postgres
from flows.settings import Settings
from flows.wiring import open_desk, open_registry
from governance.desk import free_aliases
from governance.errors import Exit
from governance.registry.port import Registry

LEFT = "models:/NAME/VERSION, /latest and models:/m-... are checked by nobody: serve governed-models:/NAME@ALIAS"
_SERVES = re.compile(r"(?:^|\0)serve\0(?:.*\0)?(?:-m|--model-uri)(?:\0|=)(?P<uri>[^\0]+)", re.DOTALL)


def gate(settings: Settings) -> tuple[Exit, str]:
    """How MLflow with this environment meets the gate. Raises the errors of a registry that does not answer."""
    registry = open_registry(settings)
    registry.live_aliases()  # opens it, which puts triggers back
    if settings.registry_uri.startswith(("http:", "https:")):
        code, detail = _server(registry)
    else:
        code, detail = _database(settings, registry.uri)
    served = ungated(_command_lines(Path("/proc")))
    if served:
        found = f"served on this machine without a check: {', '.join(served[:3])}"
        return max(code, Exit.CONFIGURATION), f"{detail}; {found}; {LEFT}"
    return code, f"{detail}. {LEFT}"


def ungated(command_lines: Iterable[str]) -> tuple[str, ...]:
    """The addresses of a registry that `mlflow models serve` was given past the gate. Arguments are parted by NUL."""
    found = (match["uri"] for line in command_lines if "mlflow" in line and (match := _SERVES.search(line)))
    return tuple(dict.fromkeys(uri for uri in found if uri.startswith(("models:", "runs:"))))


def _server(registry: Registry) -> tuple[Exit, str]:
    answer = registry.gated()
    if answer is None:
        way_out = "ask with an account that may edit models"
        return Exit.CONFIGURATION, f"it cannot be told whether the server {registry.uri} has the gate: {way_out}"
    if answer:
        return Exit.DONE, f"the server {registry.uri} has the gate"
    way_out = "start it with --registry-store-uri governed:..."
    return Exit.CONFIGURATION, f"the server {registry.uri} moves aliases without asking: {way_out}"


def _database(settings: Settings, shown: str) -> tuple[Exit, str]:
    behind = _behind(settings)
    guarded = f"{behind} behind it" if behind else "nothing behind it in the database"
    if settings.registry_uri.startswith("governed:"):
        return Exit.DONE, f"MLflow opens the registry through the gate, with {guarded}"
    way_out = "set MLFLOW_REGISTRY_URI to governed: and this address"
    if behind:
        return Exit.DONE, f"MLflow itself opens {shown} past the gate and meets {behind}; better: {way_out}"
    return Exit.CONFIGURATION, f"MLflow itself opens {shown} past the gate, and nothing guards it: {way_out}"


def _behind(settings: Settings) -> str | None:
    """What refuses a write that never came to the gate, None where nothing does."""
    from governance.registry.sqlite_file import sqlite_path
    from governance.registry.sqlite_guard import missing_guard

    path = sqlite_path(settings.registry_uri)
    if path is not None:
        return None if missing_guard(path, free_aliases(open_desk(settings))) else "the triggers in the file"
    if not (is_postgres(settings.registry_uri) and is_postgres(settings.ledger_url)):
        return None
    return None if any(held.problems for held in examined(settings)) else "the roles and triggers of PostgreSQL"


def _command_lines(proc: Path) -> Iterable[str]:
    """Of the processes that can be seen; where there is no /proc, none can."""
    for path in proc.glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode(errors="replace")
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
