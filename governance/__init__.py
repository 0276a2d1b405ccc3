"""Decide and remember: the policy, the pure gate, the ledger, the registry and the people."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`governance.load_model`: found when it is asked for, so that importing the room imports no engine."""
    if name == "load_model":
        from governance.registry.artifact_plugin import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
